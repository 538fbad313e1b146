//! shadowsocks: messages without their order, read from a stream.

use std::net::SocketAddr;

use shadowsocks::relay::socks5::{
    Address, Command, Error, HandshakeRequest, HandshakeResponse, PasswdAuthRequest, PasswdAuthResponse, Reply,
    SOCKS5_AUTH_METHOD_NONE, SOCKS5_AUTH_METHOD_PASSWORD, TcpRequestHeader, TcpResponseHeader, UdpAssociateHeader,
};

use super::{connection, now, read};
use crate::measure::Peer;
use crate::operations::{
    CONNECT_USER_PASS, DECODE_OFFER, DECODE_REQUEST, DECODE_USER_PASS, ENCODE_REPLY, ENCODE_REQUEST, MAKE_DATAGRAM,
    SERVE, SERVE_USER_PASS, SPLIT_DATAGRAM, bound, credentials, destination,
};
use crate::outcome;

pub fn peer() -> Peer {
    let reply = TcpResponseHeader::new(Reply::Succeeded, endpoint());
    let (username, password) = credentials();
    let user_pass = PasswdAuthRequest::new(username, password);
    let (encoded, asked) = (request(), request());
    Peer::new("shadowsocks")
        .does(
            DECODE_OFFER,
            |bytes, _| read(bytes, |stream| now(HandshakeRequest::read_from(stream))),
            |(offer, used), _| outcome::methods(offer.unwrap().methods, used),
        )
        .does(
            DECODE_USER_PASS,
            |bytes, _| read(bytes, |stream| now(PasswdAuthRequest::read_from(stream))),
            |(given, used), _| {
                let given = given.unwrap();
                outcome::credentials(given.uname, given.passwd, used)
            },
        )
        .does_all(
            &DECODE_REQUEST,
            |bytes, _| read(bytes, |stream| now(TcpRequestHeader::read_from(stream))),
            |(request, used), _| {
                let request = request.unwrap();
                outcome::endpoint(command(request.command), request.address, used)
            },
        )
        .does(
            ENCODE_REQUEST,
            move |_, buffer| {
                buffer.clear();
                encoded.write_to_buf(buffer);
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
            |mut bytes, _| (now(UdpAssociateHeader::read_from(&mut bytes)), bytes),
            |(header, payload), _| {
                let header = header.unwrap();
                outcome::datagram(header.frag, header.address, payload)
            },
        )
        .does(
            MAKE_DATAGRAM,
            |payload, buffer| {
                buffer.clear();
                UdpAssociateHeader::new(0, endpoint()).write_to_buf(buffer);
                buffer.extend_from_slice(payload);
            },
            |(), out| outcome::bytes(out),
        )
        .does(
            SERVE,
            |bytes, buffer| now(serve(bytes, buffer, SOCKS5_AUTH_METHOD_NONE)),
            |received, sent| outcome::handshake(received.map(|request| request.address), sent),
        )
        .does(
            SERVE_USER_PASS,
            |bytes, buffer| now(serve(bytes, buffer, SOCKS5_AUTH_METHOD_PASSWORD)),
            |received, sent| outcome::handshake(received.map(|request| request.address), sent),
        )
        .does(
            CONNECT_USER_PASS,
            move |bytes, buffer| now(connect(bytes, buffer, &user_pass, &asked)),
            |received, sent| outcome::handshake(received.map(|reply| reply.address), sent),
        )
}

fn request() -> TcpRequestHeader {
    let (host, port) = destination();
    TcpRequestHeader::new(Command::TcpConnect, Address::DomainNameAddress(host.to_owned(), port))
}

fn endpoint() -> Address {
    SocketAddr::V4(bound()).into()
}

const fn command(command: Command) -> u8 {
    match command {
        Command::TcpConnect => 1,
        Command::TcpBind => 2,
        Command::UdpAssociate => 3,
    }
}

async fn serve(bytes: &'static [u8], buffer: &mut Vec<u8>, method: u8) -> Result<TcpRequestHeader, Error> {
    let mut stream = connection(bytes, buffer);
    let offer = HandshakeRequest::read_from(&mut stream).await?;
    assert!(offer.methods.contains(&method));
    HandshakeResponse::new(method).write_to(&mut stream).await?;
    if method == SOCKS5_AUTH_METHOD_PASSWORD {
        let given = PasswdAuthRequest::read_from(&mut stream).await?;
        let (username, password) = credentials();
        assert!(given.uname == username.as_bytes() && given.passwd == password.as_bytes());
        PasswdAuthResponse::new(0).write_to(&mut stream).await?;
    }
    let request = TcpRequestHeader::read_from(&mut stream).await?;
    TcpResponseHeader::new(Reply::Succeeded, endpoint()).write_to(&mut stream).await?;
    Ok(request)
}

async fn connect(
    bytes: &'static [u8],
    buffer: &mut Vec<u8>,
    user_pass: &PasswdAuthRequest,
    request: &TcpRequestHeader,
) -> Result<TcpResponseHeader, Error> {
    let mut stream = connection(bytes, buffer);
    let methods = vec![SOCKS5_AUTH_METHOD_NONE, SOCKS5_AUTH_METHOD_PASSWORD];
    HandshakeRequest::new(methods).write_to(&mut stream).await?;
    assert!(HandshakeResponse::read_from(&mut stream).await?.chosen_method == SOCKS5_AUTH_METHOD_PASSWORD);
    user_pass.write_to(&mut stream).await?;
    assert!(PasswdAuthResponse::read_from(&mut stream).await?.status == 0);
    request.write_to(&mut stream).await?;
    TcpResponseHeader::read_from(&mut stream).await
}
