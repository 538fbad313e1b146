//! socks-lib: the server's side, on a stream.

use std::io;
use std::net::SocketAddr;

use socks_lib::v5::server::Authenticator;
use socks_lib::v5::server::auth::{NoAuthentication, UserPassword};
use socks_lib::v5::{Address, Method, Request, Response, Stream, UdpPacket};
use tokio::io::{AsyncRead, Join, Sink};

use super::{connection, now, read};
use crate::measure::Peer;
use crate::operations::{
    DECODE_OFFER, DECODE_REQUEST, ENCODE_REPLY, MAKE_DATAGRAM, PAYLOAD, SERVE, SERVE_USER_PASS, SPLIT_DATAGRAM, bound,
    credentials,
};
use crate::outcome;

pub fn peer() -> Peer {
    let (username, password) = credentials();
    let user_pass = UserPassword::new(username.to_owned(), password.to_owned());
    let reply_from = endpoint();
    let packet = UdpPacket::un_frag(endpoint(), PAYLOAD.as_slice().into());
    Peer::new("socks-lib")
        .does(
            DECODE_OFFER,
            |bytes, _| read(bytes, |stream| now(reader(stream).read_methods())),
            |(methods, used), _| outcome::methods(methods.unwrap().iter().map(Method::as_u8), used),
        )
        .does_all(
            &DECODE_REQUEST,
            |bytes, _| read(bytes, |stream| now(reader(stream).read_request())),
            |(request, used), _| {
                let (command, destination) = parts(request.unwrap());
                outcome::endpoint(command, destination, used)
            },
        )
        .does(
            ENCODE_REPLY,
            move |bytes, buffer| now(stream(bytes, buffer).write_response(&Response::Success(&reply_from))),
            |written, out| outcome::bytes(&out[..written.unwrap()]),
        )
        .does_all(
            &SPLIT_DATAGRAM,
            |mut bytes, _| UdpPacket::from_bytes(&mut bytes),
            |packet, _| {
                let packet = packet.unwrap();
                outcome::datagram(packet.frag, packet.address, packet.data)
            },
        )
        .does(MAKE_DATAGRAM, move |_, _| packet.to_bytes(), |datagram, _| outcome::bytes(&datagram))
        .does(
            SERVE,
            |bytes, buffer| now(serve(bytes, buffer, &NoAuthentication)),
            |received, sent| outcome::handshake(received.map(|request| parts(request).1), sent),
        )
        .does(
            SERVE_USER_PASS,
            move |bytes, buffer| now(serve(bytes, buffer, &user_pass)),
            |received, sent| outcome::handshake(received.map(|request| parts(request).1), sent),
        )
}

fn endpoint() -> Address {
    SocketAddr::V4(bound()).into()
}

fn reader<R: AsyncRead + Unpin>(stream: R) -> Stream<Join<R, Sink>> {
    let ends = SocketAddr::V4(bound());
    Stream::with(tokio::io::join(stream, tokio::io::sink()), ends, ends)
}

fn stream<'a>(bytes: &'static [u8], buffer: &'a mut Vec<u8>) -> Stream<Join<&'static [u8], &'a mut Vec<u8>>> {
    let ends = SocketAddr::V4(bound());
    Stream::with(connection(bytes, buffer), ends, ends)
}

fn parts(request: Request) -> (u8, Address) {
    match request {
        Request::Connect(destination) => (1, destination),
        Request::Bind(destination) => (2, destination),
        Request::Associate(source) => (3, source),
    }
}

async fn serve(bytes: &'static [u8], buffer: &mut Vec<u8>, authenticator: &impl Authenticator) -> io::Result<Request> {
    let mut stream = stream(bytes, buffer);
    let methods = stream.read_methods().await?;
    authenticator.auth(&mut stream, methods).await?;
    let request = stream.read_request().await?;
    stream.write_response(&Response::Success(&endpoint())).await?;
    Ok(request)
}
