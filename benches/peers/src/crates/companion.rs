//! The companion on tokio: both sides of the handshake, on a stream. Without a deadline, as in the other columns.

use std::io;

use socks5_sansio::server::{Asked, Login, ReceiveOffer};
use socks5_sansio::{Endpoint, EndpointBuf, UserPass};
use tokio_socks5_sansio::{Wire, authenticate};

use super::ours::{are_equal, endpoint};
use super::{connection, now};
use crate::measure::Peer;
use crate::operations::{CONNECT_USER_PASS, SERVE, SERVE_USER_PASS, SERVE_USER_PASS_SAFELY, credentials, destination};
use crate::outcome;

pub fn peer() -> Peer {
    let ((host, port), (username, password)) = (destination(), credentials());
    let destination = Endpoint::try_from((host, port)).unwrap();
    let user_pass = UserPass::new(username, password).unwrap();
    Peer::new("tokio-socks5-sansio")
        .does(SERVE, |bytes, buffer| now(serve(bytes, buffer, Some(()), |_| false)), outcome::handshake)
        .does(SERVE_USER_PASS, |bytes, buffer| now(serve(bytes, buffer, None, are_equal)), outcome::handshake)
        .does(
            SERVE_USER_PASS_SAFELY,
            move |bytes, buffer| now(serve(bytes, buffer, None, |given| given.verify(&user_pass))),
            outcome::handshake,
        )
        .does(
            CONNECT_USER_PASS,
            move |bytes, buffer| now(connect(bytes, buffer, user_pass, destination)),
            outcome::handshake,
        )
}

async fn serve(
    bytes: &'static [u8],
    buffer: &mut Vec<u8>,
    anonymous: Option<()>,
    admits: impl Fn(&UserPass<'_>) -> bool,
) -> io::Result<EndpointBuf> {
    let mut wire = Wire::server(connection(bytes, buffer));
    let (_, permit) = wire.receive(ReceiveOffer::new()).await?;
    let (selection, login) = permit.login(anonymous, true).map_err(|_| io::ErrorKind::PermissionDenied)?;
    wire.send(&selection).await?;
    let state = match login {
        Login::Anonymous((), state) => state,
        Login::UserPass(state) => {
            let (given, permit) = wire.receive(state).await?;
            if !admits(&given) {
                wire.send(&permit.reject()).await?;
                return Err(io::ErrorKind::PermissionDenied.into());
            }
            let (status, state) = permit.accept();
            wire.send(&status).await?;
            state
        }
    };
    let (destination, asked) = wire.receive(state).await?;
    let destination = EndpointBuf::from(destination);
    let Asked::Connect(permit) = asked else { return Err(io::ErrorKind::Unsupported.into()) };
    wire.send(&permit.succeed(endpoint())).await?;
    Ok(destination)
}

async fn connect(
    bytes: &'static [u8],
    buffer: &mut Vec<u8>,
    user_pass: UserPass<'_>,
    destination: Endpoint<'_>,
) -> io::Result<EndpointBuf> {
    let mut wire = Wire::client(connection(bytes, buffer));
    let (request, state) = authenticate(&mut wire, Some(user_pass)).await?.connect(destination);
    wire.send(&request).await?;
    Ok(wire.receive(state).await?.into())
}
