//! What tor-socksproto does.

use socks5_sansio::{Message, Reply};
use tor_socksproto::{
    Buffer, Handshake, NextStep, SocksAddr, SocksAuth, SocksClientHandshake, SocksCmd, SocksProxyHandshake, SocksReply,
    SocksRequest, SocksStatus, SocksVersion,
};

use super::super::{Fields, Host, Verdict};
use super::{Login, PORT, Talk, Wish};

pub(super) fn proxy(octets: &[u8]) -> (Talk, Option<SocksRequest>) {
    let mut request = None;
    let talk = self::talk(SocksProxyHandshake::new(), octets, |heard: SocksRequest| {
        let fields = host_and_port(u8::from(heard.command()), heard.addr(), heard.port());
        let login = match heard.auth() {
            SocksAuth::Username(username, password) => Some((username.clone(), password.clone())),
            _ => None,
        };
        request = Some(heard);
        (login, Ok(fields))
    });
    (talk, request.filter(|request| request.version() == SocksVersion::V5))
}

/// The octets have all come. What is heard in the end is fields, or the code of a refusal.
fn talk<H: Handshake>(
    mut handshake: H,
    octets: &[u8],
    heard: impl FnOnce(H::Output) -> (Login, Result<Fields, u8>),
) -> Talk {
    const ROOM: usize = 1024;
    let buffer = [octets, &[0; ROOM]].concat();
    let mut buffer = Buffer::<()>::from_parts(buffer.into(), octets.len());
    let mut talk = Talk::new();
    loop {
        match handshake.step(&mut buffer) {
            Ok(NextStep::Send(reply)) => talk.said.extend(reply),
            Ok(NextStep::Recv(_)) => return talk,
            Ok(NextStep::Finished(finished)) => {
                let (output, rest) = finished.into_output_and_slice();
                let used = octets.len() - rest.len();
                let (login, fields) = heard(output);
                let verdict = fields.map_or_else(Verdict::Denied, |fields| Verdict::Message { fields, used });
                return Talk { login, verdict, ..talk };
            }
            Err(_) => return Talk { verdict: Verdict::Invalid, ..talk },
        }
    }
}

fn host_and_port(octet: u8, address: &SocksAddr, port: u16) -> Fields {
    let host = match address {
        SocksAddr::Hostname(name) => Host::Name(name.as_ref().into()),
        SocksAddr::Ip(ip) => Host::Ip(*ip),
    };
    Fields::Endpoint(octet, host, port)
}

/// With no address, and with that of the request.
pub(super) fn replies_are_understood(request: &SocksRequest, code: u8) {
    let status = SocksStatus::from(code);
    let reply = request.reply(status, None).expect("can be encoded");
    let (reply, _) = Reply::decode(&reply).expect("is a reply");
    assert_eq!(reply.code.0, code);
    assert!(reply.bound.address.ip().is_some_and(|ip| ip.is_unspecified()));

    let echoed = request.reply(status, Some(request.addr())).expect("can be encoded");
    let (echoed, _) = Reply::decode(&echoed).expect("is a reply");
    assert_eq!(Fields::endpoint(echoed.code.0, echoed.bound), host_and_port(code, request.addr(), request.port()));
}

pub(super) fn client(wish: &Wish, octets: &[u8]) -> Talk {
    let address = match &wish.host {
        Host::Ip(ip) => SocksAddr::Ip(*ip),
        Host::Name(name) => {
            let name = String::from_utf8(name.clone()).expect("is text");
            SocksAddr::Hostname(name.try_into().expect("at most 255 octets"))
        }
    };
    let auth = match wish.login.clone() {
        Some((username, password)) => SocksAuth::Username(username, password),
        None => SocksAuth::NoAuth,
    };
    let request = SocksRequest::new(SocksVersion::V5, SocksCmd::from(wish.command), address, PORT, auth)
        .expect("has nothing that they refuse");
    talk(SocksClientHandshake::new(request), octets, |heard: SocksReply| {
        let code = u8::from(heard.status());
        let fields = host_and_port(code, heard.addr(), heard.port());
        (None, if code == 0 { Ok(fields) } else { Err(code) })
    })
}
