//! fast-socks5: both sides of the handshake, on a stream.

use fast_socks5::client::{Config, Socks5Stream};
use fast_socks5::server::{Socks5ServerProtocol, SocksServerError};
use fast_socks5::util::target_addr::TargetAddr;
use fast_socks5::{AuthenticationMethod, Socks5Command, new_udp_header, parse_udp_request};

use super::{connection, now};
use crate::measure::Peer;
use crate::operations::{
    CONNECT_USER_PASS, MAKE_DATAGRAM, SERVE, SERVE_USER_PASS, SPLIT_DATAGRAM, bound, credentials, destination,
};
use crate::outcome;

pub fn peer() -> Peer {
    Peer::new("fast-socks5")
        .does_all(
            &SPLIT_DATAGRAM,
            |bytes, _| now(parse_udp_request(bytes)),
            |parsed, _| {
                let (fragment, endpoint, payload) = parsed.unwrap();
                outcome::datagram(fragment, endpoint, payload)
            },
        )
        .does(
            MAKE_DATAGRAM,
            |payload, _| {
                let mut datagram = new_udp_header(bound()).unwrap();
                datagram.extend_from_slice(payload);
                datagram
            },
            |datagram, _| outcome::bytes(&datagram),
        )
        .does(SERVE, |bytes, buffer| now(serve(bytes, buffer)), outcome::handshake)
        .does(SERVE_USER_PASS, |bytes, buffer| now(serve_user_pass(bytes, buffer)), outcome::handshake)
        .does(CONNECT_USER_PASS, |bytes, buffer| now(connect(bytes, buffer)), outcome::handshake)
}

async fn serve(bytes: &'static [u8], buffer: &mut Vec<u8>) -> Result<TargetAddr, SocksServerError> {
    let protocol = Socks5ServerProtocol::accept_no_auth(connection(bytes, buffer)).await?;
    let (protocol, _, destination) = protocol.read_command().await?;
    protocol.reply_success(bound().into()).await?;
    Ok(destination)
}

async fn serve_user_pass(bytes: &'static [u8], buffer: &mut Vec<u8>) -> Result<TargetAddr, SocksServerError> {
    let expected = |username: String, password: String| (username.as_str(), password.as_str()) == credentials();
    let (protocol, _) = Socks5ServerProtocol::accept_password_auth(connection(bytes, buffer), expected).await?;
    let (protocol, _, destination) = protocol.read_command().await?;
    protocol.reply_success(bound().into()).await?;
    Ok(destination)
}

async fn connect(bytes: &'static [u8], buffer: &mut Vec<u8>) -> fast_socks5::Result<TargetAddr> {
    let ((host, port), (username, password)) = (destination(), credentials());
    let auth = AuthenticationMethod::Password { username: username.to_owned(), password: password.to_owned() };
    let mut stream = Socks5Stream::use_stream(connection(bytes, buffer), Some(auth), Config::default()).await?;
    stream.request(Socks5Command::TCPConnect, TargetAddr::Domain(host.to_owned(), port)).await
}
