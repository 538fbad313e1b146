//! The handshakes of tor-socksproto.

use socks5_sansio::{Decode, Reply};
use tor_socksproto::{
    Buffer, Handshake, NextStep, SocksAddr, SocksAuth, SocksClientHandshake, SocksCmd, SocksProxyHandshake, SocksReply,
    SocksRequest, SocksStatus, SocksVersion,
};

use super::super::{Fields, Host, Verdict};
use super::{Login, Outcome, PORT, Wish};

pub(super) fn proxy(input: &[u8]) -> (Outcome, Option<SocksRequest>) {
    let mut request = None;
    let outcome = run(SocksProxyHandshake::new(), input, |received: SocksRequest| {
        let fields = host_and_port(u8::from(received.command()), received.addr(), received.port());
        let login = match received.auth() {
            SocksAuth::Username(username, password) => Some((username.clone(), password.clone())),
            _ => None,
        };
        request = Some(received);
        (login, Ok(fields))
    });
    (outcome, request.filter(|request| request.version() == SocksVersion::V5))
}

/// Runs a handshake on its whole input. `convert` turns the output into fields, or into the code of a refusal.
fn run<H: Handshake>(
    mut handshake: H,
    input: &[u8],
    convert: impl FnOnce(H::Output) -> (Login, Result<Fields, u8>),
) -> Outcome {
    const ROOM: usize = 1024;
    let buffer = [input, &[0; ROOM]].concat();
    let mut buffer = Buffer::<()>::from_parts(buffer.into(), input.len());
    let mut outcome = Outcome::new(Verdict::Incomplete);
    loop {
        match handshake.step(&mut buffer) {
            Ok(NextStep::Send(reply)) => outcome.sent.extend(reply),
            Ok(NextStep::Recv(_)) => return outcome,
            Ok(NextStep::Finished(finished)) => {
                let (output, rest) = finished.into_output_and_slice();
                let used = input.len() - rest.len();
                let (login, fields) = convert(output);
                let verdict = fields.map_or_else(Verdict::Denied, |fields| Verdict::Message { fields, used });
                return Outcome { login, verdict, ..outcome };
            }
            Err(_) => return Outcome { verdict: Verdict::Invalid, ..outcome },
        }
    }
}

fn host_and_port(byte: u8, address: &SocksAddr, port: u16) -> Fields {
    let host = match address {
        SocksAddr::Hostname(name) => Host::Name(name.as_ref().into()),
        SocksAddr::Ip(ip) => Host::Ip(*ip),
    };
    Fields::Endpoint(byte, host, port)
}

/// Checks that our decoder reads their replies: without an address, and with that of the request.
pub(super) fn replies_are_decoded(request: &SocksRequest, code: u8) {
    let status = SocksStatus::from(code);
    let reply = request.reply(status, None).expect("can be encoded");
    let (reply, _) = Reply::decode(&reply).expect("is a reply");
    assert_eq!(reply.code.0, code);
    assert!(reply.bound.address.ip().is_some_and(|ip| ip.is_unspecified()));

    let echoed = request.reply(status, Some(request.addr())).expect("can be encoded");
    let (echoed, _) = Reply::decode(&echoed).expect("is a reply");
    assert_eq!(Fields::endpoint(echoed.code.0, echoed.bound), host_and_port(code, request.addr(), request.port()));
}

pub(super) fn client(wish: &Wish, input: &[u8]) -> Outcome {
    let address = match &wish.host {
        Host::Ip(ip) => SocksAddr::Ip(*ip),
        Host::Name(name) => {
            let name = String::from_utf8(name.clone()).expect("is text");
            SocksAddr::Hostname(name.try_into().expect("at most 255 bytes"))
        }
    };
    let auth = match wish.login.clone() {
        Some((username, password)) => SocksAuth::Username(username, password),
        None => SocksAuth::NoAuth,
    };
    let request = SocksRequest::new(SocksVersion::V5, SocksCmd::from(wish.command), address, PORT, auth)
        .expect("has nothing that they refuse");
    run(SocksClientHandshake::new(request), input, |received: SocksReply| {
        let code = u8::from(received.status());
        let fields = host_and_port(code, received.addr(), received.port());
        (None, if code == 0 { Ok(fields) } else { Err(code) })
    })
}
