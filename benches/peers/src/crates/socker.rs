//! socker: messages without their order.

use std::io::Read;
use std::net::SocketAddr;

use socker::socks5::auth::username_password;
use socker::socks5::{
    Address, AuthenticationMethod, ClientGreeting, CommandType, Reply, Request, Response, ServerChoice, UdpDatagram,
};
use socker::{DecodeError, DecodeStatus, EncodeError, Message};

use crate::measure::Peer;
use crate::operations::{
    CONNECT_USER_PASS, DECODE_OFFER, DECODE_REQUEST, DECODE_USER_PASS, ENCODE_REPLY, ENCODE_REQUEST, MAKE_DATAGRAM,
    SERVE, SERVE_USER_PASS, SPLIT_DATAGRAM, bound, credentials, destination,
};
use crate::outcome;

pub fn peer() -> Peer {
    let (encoded, asked, reply) = (request(), request(), reply());
    let (username, password) = credentials();
    let user_pass =
        username_password::Request { username: username.as_bytes().into(), password: password.as_bytes().into() };
    Peer::new("socker")
        .does(
            DECODE_OFFER,
            |bytes, _| ClientGreeting::decode(bytes),
            |decoded, _| {
                let (offer, used) = complete(decoded);
                outcome::methods(offer.methods, used)
            },
        )
        .does(
            DECODE_USER_PASS,
            |bytes, _| username_password::Request::decode(bytes),
            |decoded, _| {
                let (given, used) = complete(decoded);
                outcome::credentials(given.username, given.password, used)
            },
        )
        .does_all(
            &DECODE_REQUEST,
            |bytes, _| Request::decode(bytes),
            |decoded, _| {
                let (request, used) = complete(decoded);
                outcome::endpoint(request.command.into(), endpoint(&request.address, request.port), used)
            },
        )
        .does(ENCODE_REQUEST, move |_, buffer| encode(&encoded, buffer), |(), out| outcome::bytes(out))
        .does(ENCODE_REPLY, move |_, buffer| encode(&reply, buffer), |(), out| outcome::bytes(out))
        .does_all(
            &SPLIT_DATAGRAM,
            |bytes, _| UdpDatagram::decode(bytes),
            |decoded, _| {
                let (datagram, _) = complete(decoded);
                outcome::datagram(datagram.fragment, endpoint(&datagram.address, datagram.port), datagram.payload)
            },
        )
        .does(MAKE_DATAGRAM, make_datagram, |(), out| outcome::bytes(out))
        .does(
            SERVE,
            |bytes, buffer| serve(bytes, buffer, AuthenticationMethod::NO_AUTHENTICATION),
            |received, sent| outcome::handshake(received.map(|it| endpoint(&it.address, it.port)), sent),
        )
        .does(
            SERVE_USER_PASS,
            |bytes, buffer| serve(bytes, buffer, AuthenticationMethod::USERNAME_PASSWORD),
            |received, sent| outcome::handshake(received.map(|it| endpoint(&it.address, it.port)), sent),
        )
        .does(
            CONNECT_USER_PASS,
            move |bytes, buffer| connect(bytes, buffer, &user_pass, &asked),
            |received, sent| outcome::handshake(received.map(|it| endpoint(&it.address, it.port)), sent),
        )
}

fn complete<M>(decoded: Result<DecodeStatus<(M, usize)>, DecodeError>) -> (M, usize) {
    match decoded {
        Ok(DecodeStatus::Complete(complete)) => complete,
        Ok(DecodeStatus::Partial) => panic!("is complete"),
        Err(error) => panic!("{error}"),
    }
}

fn endpoint(address: &Address, port: u16) -> String {
    match address {
        Address::Ipv4(ip) => SocketAddr::from((*ip, port)).to_string(),
        Address::Ipv6(ip) => SocketAddr::from((*ip, port)).to_string(),
        Address::Domain(name) => format!("{}:{port}", name.escape_ascii()),
    }
}

fn request() -> Request {
    let (host, port) = destination();
    Request { command: CommandType::CONNECT, address: Address::Domain(host.as_bytes().into()), port }
}

fn reply() -> Response {
    let bound = bound();
    Response { reply: Reply::SUCCESS, address: Address::Ipv4(*bound.ip()), port: bound.port() }
}

fn encode(message: &impl Message, buffer: &mut Vec<u8>) {
    buffer.clear();
    message.encode(buffer).unwrap();
}

fn make_datagram(payload: &[u8], buffer: &mut Vec<u8>) {
    buffer.clear();
    let source = bound();
    let datagram = UdpDatagram { fragment: 0, address: Address::Ipv4(*source.ip()), port: source.port(), payload };
    datagram.encode_into(buffer).unwrap();
}

/// A driver with its own buffer, as in the first column.
struct Wire<'a> {
    stream: &'static [u8],
    received: [u8; 513],
    start: usize,
    end: usize,
    sent: &'a mut Vec<u8>,
}

impl<'a> Wire<'a> {
    fn new(stream: &'static [u8], sent: &'a mut Vec<u8>) -> Self {
        sent.clear();
        Self { stream, received: [0; 513], start: 0, end: 0, sent }
    }

    fn receive<M: Message>(&mut self) -> M {
        loop {
            if let DecodeStatus::Complete((message, used)) = M::decode(&self.received[self.start..self.end]).unwrap() {
                self.start += used;
                return message;
            }
            match self.stream.read(&mut self.received[self.end..]).unwrap() {
                0 => panic!("ends in the middle of a message"),
                len => self.end += len,
            }
        }
    }

    fn send(&mut self, message: &impl Message) -> Result<(), EncodeError> {
        message.encode(self.sent)
    }
}

fn serve(stream: &'static [u8], sent: &mut Vec<u8>, method: AuthenticationMethod) -> Result<Request, EncodeError> {
    let mut wire = Wire::new(stream, sent);
    let offer = wire.receive::<ClientGreeting>();
    assert!(offer.methods.contains(&method));
    wire.send(&ServerChoice { method })?;
    if method == AuthenticationMethod::USERNAME_PASSWORD {
        let given = wire.receive::<username_password::Request>();
        let (username, password) = credentials();
        assert!(*given.username == *username.as_bytes() && *given.password == *password.as_bytes());
        wire.send(&username_password::Response::SUCCESS)?;
    }
    let request = wire.receive();
    wire.send(&reply())?;
    Ok(request)
}

fn connect(
    stream: &'static [u8],
    sent: &mut Vec<u8>,
    user_pass: &username_password::Request,
    request: &Request,
) -> Result<Response, EncodeError> {
    let mut wire = Wire::new(stream, sent);
    let methods = [AuthenticationMethod::NO_AUTHENTICATION, AuthenticationMethod::USERNAME_PASSWORD];
    wire.send(&ClientGreeting { methods: methods.into() })?;
    assert!(wire.receive::<ServerChoice>().method == AuthenticationMethod::USERNAME_PASSWORD);
    wire.send(user_pass)?;
    assert!(wire.receive::<username_password::Response>().is_success());
    wire.send(request)?;
    Ok(wire.receive())
}
