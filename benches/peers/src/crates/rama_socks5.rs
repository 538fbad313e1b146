//! rama-socks5: the client's side on a stream, and messages without their order.

use std::mem;
use std::net::SocketAddr;

use rama_socks5::Socks5Client;
use rama_socks5::proto::udp::UdpHeader;
use rama_socks5::proto::{Command, ProtocolError, SocksMethod, client, server};

use super::{connection, now, read};
use crate::measure::Peer;
use crate::operations::{
    CONNECT_USER_PASS, DECODE_OFFER, DECODE_REQUEST, DECODE_USER_PASS, ENCODE_REPLY, ENCODE_REQUEST, MAKE_DATAGRAM,
    SERVE, SERVE_USER_PASS, SPLIT_DATAGRAM, bound, credentials,
};
use crate::outcome;

pub fn peer() -> Peer {
    // These values have parts from another crate of the same family: the simplest way to make one is to decode it.
    let given = now(client::UsernamePasswordRequest::read_from(&mut &*DECODE_USER_PASS.bytes)).unwrap();
    let requested = || now(client::Request::read_from(&mut &*DECODE_REQUEST[2].bytes)).unwrap().destination;
    let (encoded, asked) = (requested(), requested());
    let connector = Socks5Client::new().with_auth(given.basic);
    let reply = server::Reply::new(SocketAddr::V4(bound()));
    Peer::new("rama-socks5")
        .does(
            DECODE_OFFER,
            |bytes, _| read(bytes, |stream| now(client::Header::read_from(stream))),
            |(offer, used), _| outcome::methods(offer.unwrap().methods, used),
        )
        .does(
            DECODE_USER_PASS,
            |bytes, _| read(bytes, |stream| now(client::UsernamePasswordRequest::read_from(stream))),
            |(given, used), _| {
                let given = given.unwrap().basic;
                outcome::credentials(given.username(), given.password().unwrap(), used)
            },
        )
        .does_all(
            &DECODE_REQUEST,
            |bytes, _| read(bytes, |stream| now(client::Request::read_from(stream))),
            |(request, used), _| {
                let request = request.unwrap();
                outcome::endpoint(request.command.into(), request.destination, used)
            },
        )
        .does(
            ENCODE_REQUEST,
            move |_, buffer| {
                buffer.clear();
                client::RequestRef::new(Command::Connect, &encoded).write_to_buf(buffer);
            },
            |(), out| outcome::bytes(out),
        )
        .does(
            ENCODE_REPLY,
            move |_, buffer| {
                buffer.clear();
                reply.write_to_buf(buffer);
            },
            |(), out| outcome::bytes(out),
        )
        .does_all(
            &SPLIT_DATAGRAM,
            |mut bytes, _| (UdpHeader::read_from_sync(&mut bytes), bytes),
            |(header, payload), _| {
                let header = header.unwrap();
                outcome::datagram(header.fragment_number, header.destination, payload)
            },
        )
        .does(
            MAKE_DATAGRAM,
            |payload, buffer| {
                buffer.clear();
                UdpHeader { fragment_number: 0, destination: SocketAddr::V4(bound()).into() }.write_to_buf(buffer);
                buffer.extend_from_slice(payload);
            },
            |(), out| outcome::bytes(out),
        )
        .does(
            SERVE,
            |bytes, buffer| now(serve(bytes, buffer, SocksMethod::NoAuthenticationRequired)),
            |received, sent| outcome::handshake(received.map(|request| request.destination), sent),
        )
        .does(
            SERVE_USER_PASS,
            |bytes, buffer| now(serve(bytes, buffer, SocksMethod::UsernamePassword)),
            |received, sent| outcome::handshake(received.map(|request| request.destination), sent),
        )
        .does(
            CONNECT_USER_PASS,
            move |bytes, buffer| {
                // Their streams own what they write to.
                buffer.clear();
                let mut stream = tokio::io::join(bytes, mem::take(buffer));
                let received = now(connector.handshake_connect(&mut stream, &asked));
                *buffer = stream.into_inner().1;
                received
            },
            outcome::handshake,
        )
}

async fn serve(
    bytes: &'static [u8],
    buffer: &mut Vec<u8>,
    method: SocksMethod,
) -> Result<client::Request, ProtocolError> {
    let mut stream = connection(bytes, buffer);
    let offer = client::Header::read_from(&mut stream).await?;
    assert!(offer.methods.contains(&method));
    server::Header::new(method).write_to(&mut stream).await?;
    if method == SocksMethod::UsernamePassword {
        let given = client::UsernamePasswordRequest::read_from(&mut stream).await?.basic;
        let (username, password) = credentials();
        assert!(given.username() == username && given.password() == Some(password));
        server::UsernamePasswordResponse::new_success().write_to(&mut stream).await?;
    }
    let request = client::Request::read_from(&mut stream).await?;
    server::Reply::new(SocketAddr::V4(bound())).write_to(&mut stream).await?;
    Ok(request)
}
