//! async-socks5: the client's side, on a stream. Around a socket there would be a `BufStream`; memory needs none.

use async_socks5::{AddrKind, Auth};

use super::{connection, now};
use crate::measure::Peer;
use crate::operations::{CONNECT_USER_PASS, credentials, destination};
use crate::outcome;

pub fn peer() -> Peer {
    Peer::new("async-socks5").does(
        CONNECT_USER_PASS,
        |bytes, buffer| {
            let (username, password) = credentials();
            let auth = Auth::new(username, password);
            now(async_socks5::connect(&mut connection(bytes, buffer), destination(), Some(auth)))
        },
        |received, sent| outcome::handshake(received.map(endpoint), sent),
    )
}

fn endpoint(bound: AddrKind) -> String {
    match bound {
        AddrKind::Ip(bound) => bound.to_string(),
        AddrKind::Domain(name, port) => format!("{name}:{port}"),
    }
}
