//! tor-socksproto: both sides of the handshake, with their own buffer.

use tor_socksproto::{
    Buffer, Handshake, NextStep, SocksAddr, SocksAuth, SocksClientHandshake, SocksCmd, SocksProxyHandshake, SocksReply,
    SocksRequest, SocksStatus, SocksVersion,
};

use crate::measure::Peer;
use crate::operations::{CONNECT_USER_PASS, ENCODE_REPLY, SERVE, SERVE_USER_PASS, bound, credentials, destination};
use crate::outcome;

pub fn peer() -> Peer {
    let (asked, expected) = (request(SocksAuth::NoAuth), user_pass());
    Peer::new("tor-socksproto")
        .does(ENCODE_REPLY, move |_, _| reply(&asked), |reply, _| outcome::bytes(&reply))
        .does(
            SERVE,
            |bytes, buffer| serve(bytes, buffer, &SocksAuth::NoAuth),
            |received, sent| outcome::handshake(received.map(|it| endpoint(it.addr(), it.port())), sent),
        )
        .does(
            SERVE_USER_PASS,
            move |bytes, buffer| serve(bytes, buffer, &expected),
            |received, sent| outcome::handshake(received.map(|it| endpoint(it.addr(), it.port())), sent),
        )
        .does(CONNECT_USER_PASS, connect, |received, sent| {
            let mut sent = sent.to_vec();
            sent[2..4].sort_unstable(); // the same methods in another order
            outcome::handshake(received.map(|it| endpoint(it.addr(), it.port())), &sent)
        })
}

fn endpoint(address: &SocksAddr, port: u16) -> String {
    format!("{address}:{port}")
}

fn user_pass() -> SocksAuth {
    let (username, password) = credentials();
    SocksAuth::Username(username.into(), password.into())
}

fn request(auth: SocksAuth) -> SocksRequest {
    let (host, port) = destination();
    let host = SocksAddr::Hostname(host.to_owned().try_into().unwrap());
    SocksRequest::new(SocksVersion::V5, SocksCmd::CONNECT, host, port, auth).unwrap()
}

fn reply(request: &SocksRequest) -> Vec<u8> {
    request.reply(SocksStatus::SUCCEEDED, Some(&SocksAddr::Ip((*bound().ip()).into()))).unwrap()
}

fn serve(bytes: &'static [u8], buffer: &mut Vec<u8>, expected: &SocksAuth) -> tor_socksproto::Result<SocksRequest> {
    let request = run(SocksProxyHandshake::new(), bytes, buffer)?;
    assert!(request.auth() == expected);
    buffer.extend(reply(&request));
    Ok(request)
}

fn connect(bytes: &'static [u8], buffer: &mut Vec<u8>) -> tor_socksproto::Result<SocksReply> {
    run(SocksClientHandshake::new(request(user_pass())), bytes, buffer)
}

fn run<H: Handshake>(
    mut handshake: H,
    mut bytes: &'static [u8],
    sent: &mut Vec<u8>,
) -> tor_socksproto::Result<H::Output> {
    sent.clear();
    let mut buffer = Buffer::new();
    loop {
        match handshake.step(&mut buffer)? {
            NextStep::Send(answer) => sent.extend(answer),
            NextStep::Recv(mut received) => {
                let (now, later) = bytes.split_at(bytes.len().min(received.buf().len()));
                received.buf()[..now.len()].copy_from_slice(now);
                received.note_received(now.len())?;
                bytes = later;
            }
            NextStep::Finished(finished) => return Ok(finished.into_output_and_slice().0),
        }
    }
}
