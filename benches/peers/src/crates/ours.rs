//! This crate.

use std::io::{self, Read};
use std::net::SocketAddr;

use socks5_sansio::client::{self, Selected};
use socks5_sansio::server::{Asked, Login, ReceiveOffer};
use socks5_sansio::{
    Decode, Encode, Endpoint, EndpointBuf, Inbox, MethodOffer, Receive, Reply, Request, UdpHeader, UserPass,
};

use crate::measure::Peer;
use crate::operations::{
    CONNECT_USER_PASS, DECODE_OFFER, DECODE_REQUEST, DECODE_USER_PASS, ENCODE_REPLY, ENCODE_REQUEST, HEADROOM,
    MAKE_DATAGRAM, PAYLOAD, SERVE, SERVE_USER_PASS, SERVE_USER_PASS_SAFELY, SPLIT_DATAGRAM, bound, credentials,
    destination,
};
use crate::outcome;

pub fn peer() -> Peer {
    let ((host, port), (username, password)) = (destination(), credentials());
    let destination = Endpoint::try_from((host, port)).unwrap();
    let request = Request::connect(destination);
    let reply = Reply::succeeded(endpoint());
    let user_pass = UserPass::new(username, password).unwrap();
    Peer::new("socks5-sansio")
        .does(
            DECODE_OFFER,
            |bytes, _| MethodOffer::decode(bytes),
            |decoded, _| {
                let (offer, used) = decoded.unwrap();
                outcome::methods(offer.methods(), used)
            },
        )
        .does(
            DECODE_USER_PASS,
            |bytes, _| UserPass::decode(bytes),
            |decoded, _| {
                let (given, used) = decoded.unwrap();
                outcome::credentials(given.username(), given.password(), used)
            },
        )
        .does_all(
            &DECODE_REQUEST,
            |bytes, _| Request::decode(bytes),
            |decoded, _| {
                let (request, used) = decoded.unwrap();
                outcome::endpoint(request.command.0, request.destination, used)
            },
        )
        .does(ENCODE_REQUEST, move |_, buffer| request.encode(buffer), |len, out| outcome::bytes(&out[..len.unwrap()]))
        .does(ENCODE_REPLY, move |_, buffer| reply.encode(buffer), |len, out| outcome::bytes(&out[..len.unwrap()]))
        .does_all(
            &SPLIT_DATAGRAM,
            |bytes, _| UdpHeader::split(bytes),
            |split, _| {
                let (header, payload) = split.unwrap();
                outcome::datagram(header.fragment.0, header.endpoint, payload)
            },
        )
        .does(
            MAKE_DATAGRAM,
            |_, buffer| UdpHeader::new(endpoint()).prepend(&mut buffer[..HEADROOM]),
            |start, out| outcome::bytes(&out[start.unwrap()..HEADROOM + PAYLOAD.len()]),
        )
        .does(
            SERVE,
            |bytes, buffer| serve(bytes, buffer, Some(()), |_| false),
            |received, sent| outcome::handshake(received, sent),
        )
        .does(
            SERVE_USER_PASS,
            |bytes, buffer| serve(bytes, buffer, None, are_equal),
            |received, sent| outcome::handshake(received, sent),
        )
        .does(
            SERVE_USER_PASS_SAFELY,
            move |bytes, buffer| serve(bytes, buffer, None, |given| given.verify(&user_pass)),
            |received, sent| outcome::handshake(received, sent),
        )
        .does(
            CONNECT_USER_PASS,
            move |bytes, buffer| connect(bytes, buffer, user_pass, destination),
            |received, sent| outcome::handshake(received, sent),
        )
}

pub(super) fn endpoint() -> Endpoint<'static> {
    SocketAddr::V4(bound()).into()
}

/// Compares with `==`, as the other columns do.
pub(super) fn are_equal(given: &UserPass<'_>) -> bool {
    let (username, password) = credentials();
    given.username() == username.as_bytes() && given.password() == password.as_bytes()
}

/// A driver with its own buffer.
struct Wire<'a> {
    stream: &'static [u8],
    inbox: Inbox<[u8; 513]>,
    sent: &'a mut Vec<u8>,
}

impl<'a> Wire<'a> {
    fn new(stream: &'static [u8], sent: &'a mut Vec<u8>) -> Self {
        sent.clear();
        Self { stream, inbox: Inbox::new([0; 513]), sent }
    }

    fn receive<S: Receive<Error: Into<io::Error>>>(&mut self, state: S) -> io::Result<S::Received<'_>> {
        while let Some(missing) = state.missing(self.inbox.unread()) {
            self.inbox.room(missing.get())?;
            match self.stream.read(self.inbox.space())? {
                0 => break,
                len => self.inbox.filled(len),
            }
        }
        self.inbox.receive(state).map_err(Into::into)
    }

    fn send(&mut self, message: &impl Encode) {
        message.put(self.sent);
    }
}

fn serve(
    stream: &'static [u8],
    sent: &mut Vec<u8>,
    anonymous: Option<()>,
    admits: impl Fn(&UserPass<'_>) -> bool,
) -> io::Result<EndpointBuf> {
    let mut wire = Wire::new(stream, sent);
    let (_, permit) = wire.receive(ReceiveOffer::new())?;
    let (selection, login) = permit.login(anonymous, true).map_err(|_| io::ErrorKind::PermissionDenied)?;
    wire.send(&selection);
    let state = match login {
        Login::Anonymous((), state) => state,
        Login::UserPass(state) => {
            let (given, permit) = wire.receive(state)?;
            if !admits(&given) {
                wire.send(&permit.reject());
                return Err(io::ErrorKind::PermissionDenied.into());
            }
            let (status, state) = permit.accept();
            wire.send(&status);
            state
        }
    };
    let (destination, asked) = wire.receive(state)?;
    let destination = EndpointBuf::from(destination);
    let Asked::Connect(permit) = asked else { return Err(io::ErrorKind::Unsupported.into()) };
    wire.send(&permit.succeed(endpoint()));
    Ok(destination)
}

fn connect(
    stream: &'static [u8],
    sent: &mut Vec<u8>,
    user_pass: UserPass<'_>,
    destination: Endpoint<'_>,
) -> io::Result<EndpointBuf> {
    let mut wire = Wire::new(stream, sent);
    let (offer, state) = client::login(Some(user_pass));
    wire.send(&offer);
    let permit = match wire.receive(state)? {
        Selected::Request(permit) => permit,
        Selected::UserPass(credentials, state) => {
            wire.send(&credentials);
            wire.receive(state)?
        }
    };
    let (request, state) = permit.connect(destination);
    wire.send(&request);
    wire.receive(state).map(EndpointBuf::from)
}
