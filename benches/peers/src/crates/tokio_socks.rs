//! tokio-socks: the client's side, on a stream.

use tokio_socks::TargetAddr;
use tokio_socks::tcp::Socks5Stream;

use super::{connection, now};
use crate::measure::Peer;
use crate::operations::{CONNECT_USER_PASS, credentials, destination};
use crate::outcome;

pub fn peer() -> Peer {
    Peer::new("tokio-socks").does(
        CONNECT_USER_PASS,
        |bytes, buffer| now(connect(bytes, buffer)),
        |received, sent| outcome::handshake(received.map(endpoint), sent),
    )
}

async fn connect(bytes: &'static [u8], buffer: &mut Vec<u8>) -> tokio_socks::Result<TargetAddr<'static>> {
    let (stream, (username, password)) = (connection(bytes, buffer), credentials());
    let connected = Socks5Stream::connect_with_password_and_socket(stream, destination(), username, password).await?;
    Ok(connected.target_addr().to_owned())
}

fn endpoint(bound: TargetAddr<'_>) -> String {
    match bound {
        TargetAddr::Ip(bound) => bound.to_string(),
        TargetAddr::Domain(name, port) => format!("{name}:{port}"),
    }
}
