//! socks5-protocol: messages without their order, read from a stream. Those of username and password are not among them.

use std::net::SocketAddr;

use socks5_protocol::sync::FromIO;
use socks5_protocol::{
    Address, AuthMethod, AuthRequest, AuthResponse, Command, CommandRequest, CommandResponse, Error, Version,
};

use super::read;
use crate::measure::Peer;
use crate::operations::{DECODE_OFFER, DECODE_REQUEST, ENCODE_REPLY, ENCODE_REQUEST, SERVE, bound, destination};
use crate::outcome;

pub fn peer() -> Peer {
    let (host, port) = destination();
    let request = CommandRequest::connect(Address::Domain(host.to_owned(), port));
    let reply = CommandResponse::success(endpoint());
    Peer::new("socks5-protocol")
        .does(
            DECODE_OFFER,
            |bytes, _| {
                read(bytes, |mut stream| {
                    Version::read_from(&mut stream).and_then(|_| AuthRequest::read_from(&mut stream))
                })
            },
            |(offer, used), _| outcome::methods(offer.unwrap().0.into_iter().map(Into::<u8>::into), used),
        )
        .does_all(
            &DECODE_REQUEST,
            |bytes, _| read(bytes, CommandRequest::read_from),
            |(request, used), _| {
                let request = request.unwrap();
                outcome::endpoint(command(request.command), request.address, used)
            },
        )
        .does(ENCODE_REQUEST, move |_, buffer| encode(&request, buffer), |(), out| outcome::bytes(out))
        .does(ENCODE_REPLY, move |_, buffer| encode(&reply, buffer), |(), out| outcome::bytes(out))
        .does(SERVE, serve, |received, sent| outcome::handshake(received.map(|request| request.address), sent))
}

const fn command(command: Command) -> u8 {
    match command {
        Command::Connect => 1,
        Command::Bind => 2,
        Command::UdpAssociate => 3,
    }
}

fn endpoint() -> Address {
    SocketAddr::V4(bound()).into()
}

fn encode(message: &impl FromIO, buffer: &mut Vec<u8>) {
    buffer.clear();
    message.write_to(buffer).unwrap();
}

fn serve(mut bytes: &'static [u8], buffer: &mut Vec<u8>) -> Result<CommandRequest, Error> {
    buffer.clear();
    Version::read_from(&mut bytes)?;
    let offer = AuthRequest::read_from(&mut bytes)?;
    Version::V5.write_to(buffer)?;
    AuthResponse::new(offer.select_from(&[AuthMethod::Noauth])).write_to(buffer)?;
    let request = CommandRequest::read_from(&mut bytes)?;
    CommandResponse::success(endpoint()).write_to(buffer)?;
    Ok(request)
}
