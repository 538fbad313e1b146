//! This crate.

use std::net::SocketAddr;

use socks5_sansio::client::{self, Client};
use socks5_sansio::server::{self, Chosen, Server};
use socks5_sansio::{Domain, Endpoint, Message, Method, MethodOffer, Reply, Request, UdpHeader, UserPass};

use crate::measure::Peer;
use crate::operations::{
    CONNECT_USER_PASS, DECODE_OFFER, DECODE_REQUEST, DECODE_USER_PASS, ENCODE_REPLY, ENCODE_REQUEST, HEADROOM,
    MAKE_DATAGRAM, PAYLOAD, SERVE, SERVE_USER_PASS, SERVE_USER_PASS_SAFELY, SPLIT_DATAGRAM, bound, credentials,
    destination,
};
use crate::outcome;

pub fn peer() -> Peer {
    let ((host, port), (username, password)) = (destination(), credentials());
    let request = Request::connect(Endpoint::from((Domain::new(host).unwrap(), port)));
    let reply = Reply::succeeded(endpoint());
    let user_pass = UserPass::new(username, password).unwrap();
    Peer::new("socks5-sansio")
        .does(
            DECODE_OFFER,
            |octets, _| MethodOffer::decode(octets),
            |decoded, _| {
                let (offer, used) = decoded.unwrap();
                outcome::methods(offer.methods(), used)
            },
        )
        .does(
            DECODE_USER_PASS,
            |octets, _| UserPass::decode(octets),
            |decoded, _| {
                let (said, used) = decoded.unwrap();
                outcome::credentials(said.username(), said.password(), used)
            },
        )
        .does_all(
            &DECODE_REQUEST,
            |octets, _| Request::decode(octets),
            |decoded, _| {
                let (request, used) = decoded.unwrap();
                outcome::endpoint(request.command.0, request.destination, used)
            },
        )
        .does(ENCODE_REQUEST, move |_, buffer| request.encode(buffer), |len, out| outcome::octets(&out[..len.unwrap()]))
        .does(ENCODE_REPLY, move |_, buffer| reply.encode(buffer), |len, out| outcome::octets(&out[..len.unwrap()]))
        .does_all(
            &SPLIT_DATAGRAM,
            |octets, _| UdpHeader::split(octets),
            |split, _| {
                let (header, payload) = split.unwrap();
                outcome::datagram(header.fragment.0, header.endpoint, payload)
            },
        )
        .does(
            MAKE_DATAGRAM,
            |_, buffer| UdpHeader::new(endpoint()).prepend(&mut buffer[..HEADROOM]),
            |start, out| outcome::octets(&out[start.unwrap()..HEADROOM + PAYLOAD.len()]),
        )
        .does(
            SERVE,
            |octets, buffer| serve(octets, buffer, Method::NONE, |_| false),
            |heard, said| outcome::handshake(heard.map(|request| request.destination), said),
        )
        .does(
            SERVE_USER_PASS,
            |octets, buffer| serve(octets, buffer, Method::USERNAME_PASSWORD, compares),
            |heard, said| outcome::handshake(heard.map(|request| request.destination), said),
        )
        .does(
            SERVE_USER_PASS_SAFELY,
            move |octets, buffer| serve(octets, buffer, Method::USERNAME_PASSWORD, |said| said.verify(&user_pass)),
            |heard, said| outcome::handshake(heard.map(|request| request.destination), said),
        )
        .does(
            CONNECT_USER_PASS,
            move |octets, buffer| connect(octets, buffer, &user_pass, &request),
            |heard, said| outcome::handshake(heard.map(|reply| reply.bound), said),
        )
}

fn endpoint() -> Endpoint<'static> {
    SocketAddr::V4(bound()).into()
}

/// As in the other columns.
fn compares(said: &UserPass<'_>) -> bool {
    let (username, password) = credentials();
    said.username() == username.as_bytes() && said.password() == password.as_bytes()
}

fn serve(
    octets: &'static [u8],
    buffer: &mut Vec<u8>,
    method: Method,
    good: impl Fn(&UserPass<'_>) -> bool,
) -> Result<Request<'static>, server::Error> {
    buffer.clear();
    let (mut start, mut server) = (0, Server::new());
    loop {
        let (used, step) = server.read(&octets[start..])?;
        start += used;
        let (answer, next) = match step {
            server::Step::Methods(_, permit) => match permit.choose(&[method]) {
                Chosen::Continue(answer, next) => (answer, next),
                other => panic!("{other:?}"),
            },
            server::Step::UserPass(said, permit) if good(&said) => permit.accept(),
            server::Step::Request(request, permit) => {
                buffer.extend_from_slice(&permit.reply(&Reply::succeeded(endpoint())));
                return Ok(request);
            }
            other => panic!("{other:?}"),
        };
        buffer.extend_from_slice(&answer);
        server = next;
    }
}

fn connect(
    octets: &'static [u8],
    buffer: &mut Vec<u8>,
    user_pass: &UserPass<'_>,
    request: &Request<'_>,
) -> Result<Reply<'static>, client::Error> {
    buffer.clear();
    let (offer, mut client) = Client::new(&MethodOffer::of(&[Method::NONE, Method::USERNAME_PASSWORD]));
    buffer.extend_from_slice(&offer);
    let mut start = 0;
    loop {
        let (used, step) = client.read(&octets[start..])?;
        start += used;
        let (said, next) = match step {
            client::Step::UserPass(permit) => permit.send(user_pass),
            client::Step::Request(permit) => permit.send(request),
            client::Step::Reply(reply, _) => return Ok(reply),
            other => panic!("{other:?}"),
        };
        buffer.extend_from_slice(&said);
        client = next;
    }
}
