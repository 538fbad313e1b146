//! What the SOCKS4 and 4A notes require, and what this crate decides where they leave it open.

use socks5_sansio::either::{self, Protocol, ReceiveProtocol, protocol};
use socks5_sansio::server::Error;
use socks5_sansio::socks4::{self, Asked, ReceiveRequest, Reply, ReplyCode, RequestError, UserId};
use socks5_sansio::{Command, Domain, Encode, Endpoint, Invalid, Receive};

use crate::harness::applications::{End, Event};
use crate::harness::plan::{Accepts, Answer, BIND, IPV4, Plan};
use crate::harness::states::{agree, connects, serves, transcript};
use crate::harness::transport::Delivery;
use crate::states::receive_request;

const CONNECT: &[u8] = b"\x04\x01\x00\x50\xC0\x00\x02\x01\x00";
const GRANTED: &[u8] = b"\x00\x5A\x12\x34\xC0\x00\x02\x07";
const REJECTED: &[u8] = b"\x00\x5B\x00\x00\x00\x00\x00\x00";

fn plan() -> Plan {
    Plan::by(0).with_socks4()
}

fn refusing(listening: Option<&[u8]>) -> Plan {
    plan().with_answer(Answer { listening: listening.map(<[u8]>::to_vec), code: 5, bound: IPV4.to_vec() })
}

/// The end and the output of a server for both protocols; what follows the script must not change them.
fn served(plan: &Plan, script: &[u8]) -> (End, Vec<u8>) {
    let server = serves(plan, script, Delivery::Whole);
    for delivery in Delivery::every() {
        for after in [b"".as_slice(), b"\x00", b"\x05\x01\x00", b"nnnn\x00"] {
            let again = serves(plan, &[script, after].concat(), delivery);
            assert_eq!((again.end, &again.sent), (server.end, &server.sent), "{script:02X?} {after:02X?}");
        }
    }
    (server.end, server.sent)
}

#[test]
fn socks4_a_reply_has_version_0_and_8_bytes() {
    for code in (0..=255).map(ReplyCode) {
        let reply = Reply { code, bound: "192.0.2.7:4660".parse().unwrap() };
        assert_eq!(reply.to_vec(), [0, code.0, 0x12, 0x34, 192, 0, 2, 7]);
    }
}

#[test]
fn socks4_after_a_refusal_the_server_closes() {
    let refused = (End::Refused, REJECTED.to_vec());
    assert_eq!(served(&refusing(None), CONNECT), refused);
    assert_eq!(served(&refusing(None), b"\x04\x02\x00\x50\xC0\x00\x02\x01\x00"), refused);
    assert_eq!(served(&refusing(None), b"\x04\x77\x00\x50\xC0\x00\x02\x01\x00"), refused);
    let late = (End::Refused, [GRANTED, REJECTED].concat());
    assert_eq!(served(&refusing(Some(IPV4)), b"\x04\x02\x00\x50\xC0\x00\x02\x01\x00"), late);
}

#[test]
fn socks4_a_grant_has_code_5a_and_8_bytes() {
    for code in 0..=255 {
        for version in [0, 4] {
            let client = connects(&plan(), &[version, code], Delivery::EXACT);
            let refused = socks4::Error::Refused(ReplyCode(code));
            let expected = if code == 0x5A { socks4::Error::Truncated } else { refused };
            assert_eq!(client.end, End::Socks4(expected));
        }
    }
    assert_eq!(connects(&plan(), GRANTED, Delivery::EXACT).end, End::Open);
    assert_eq!(connects(&plan(), b"", Delivery::EXACT).end, End::Socks4(socks4::Error::Closed));
}

#[test]
fn socks4_bind_has_two_replies() {
    let plan = plan().with_request((BIND, IPV4));
    let client = connects(&plan, &transcript(&plan).1, Delivery::EXACT);
    assert_eq!(client.events, [Event::Bound(IPV4.to_vec()), Event::Bound(IPV4.to_vec())]);
    for delivery in Delivery::every() {
        agree(&plan, delivery, delivery);
    }
}

#[test]
fn socks4_bind_is_refused_if_the_server_does_not_listen_on_ipv4() {
    let ipv6 = [[4].as_slice(), &[0x20; 16], &[0, 80]].concat();
    let refused = (End::Refused, REJECTED.to_vec());
    assert_eq!(served(&refusing(Some(&ipv6)), b"\x04\x02\x00\x50\xC0\x00\x02\x01\x00"), refused);
}

#[test]
fn socks4a_the_client_sends_0_0_0_x_and_the_name() {
    let (request, _) = socks4::connect("example.com:80".try_into().unwrap(), UserId::new("me").unwrap()).unwrap();
    assert_eq!(request.to_vec(), b"\x04\x01\x00\x50\x00\x00\x00\x01me\x00example.com\x00");
}

#[test]
fn socks4a_the_server_reads_a_name_after_0_0_0_x() {
    for last in 1..=255 {
        let bytes = [b"\x04\x01\x00\x50\x00\x00\x00", [last].as_slice(), b"me\x00example.com\x00\x00"].concat();
        let ((request, asked), used) = ReceiveRequest::new().receive(&bytes).unwrap();
        assert_eq!(request.destination(), "example.com:80".try_into().unwrap());
        assert_eq!((request.user_id().as_bytes(), used), (b"me".as_slice(), bytes.len() - 1));
        assert!(matches!(asked, Asked::Connect(_)));
    }
}

#[test]
fn a_server_that_requires_credentials_refuses_every_request() {
    for accepts in [Accepts::All, Accepts::None, Accepts::Only((b"alice".to_vec(), vec![]))] {
        let plan = Plan::by(2).with_socks4().with_accepts(accepts);
        for command in 0..=255 {
            let request = [&[4, command], b"\x00\x50\xC0\x00\x02\x01alice\x00".as_slice()].concat();
            let server = serves(&plan, &request, Delivery::EXACT);
            assert_eq!((server.end, &*server.sent), (End::Refused, REJECTED), "{command}");
        }
    }
}

#[test]
fn an_empty_or_overlong_field_gets_the_closing_reply() {
    let long = [b'u'; 256];
    for (script, invalid) in [
        ([&CONNECT[..8], &long].concat(), Invalid::UserIdTooLong),
        ([b"\x04\x01\x00\x50\x00\x00\x00\x01".as_slice(), &long].concat(), Invalid::UserIdTooLong),
        ([b"\x04\x01\x00\x50\x00\x00\x00\x01\x00".as_slice(), &long].concat(), Invalid::DomainTooLong),
        (b"\x04\x01\x00\x50\x00\x00\x00\x01me\x00\x00".to_vec(), Invalid::EmptyDomain),
    ] {
        assert_eq!(served(&plan(), &script), (End::Server(Error::Socks4(invalid)), REJECTED.to_vec()));
        let truncated = serves(&plan(), &script[..script.len() - 1], Delivery::EXACT);
        assert_eq!((truncated.end, &*truncated.sent), (End::Server(Error::Truncated), b"".as_slice()));
    }
}

#[test]
fn another_protocol_gets_no_reply_and_is_not_consumed() {
    for first in 0..=255 {
        let (socks5, socks4) = (first == 5, first == 4);
        assert_eq!(matches!(protocol(first), Some(Protocol::Socks5(_))), socks5);
        assert_eq!(matches!(protocol(first), Some(Protocol::Socks4(_))), socks4);
        if socks4 {
            continue;
        }
        let error = ReceiveRequest::new().receive(&[first]).unwrap_err();
        assert_eq!(error, Error::Socks4(Invalid::Socks4Version(first)));
        assert_eq!(error.closing_reply(), b"");
        if !socks5 {
            assert_eq!(served(&plan(), &[first]), (End::Server(Error::Offer(Invalid::Version(first))), vec![]));
        }
    }
    assert_eq!(ReceiveProtocol::new().missing(b"").map(usize::from), Some(1));
    assert_eq!(ReceiveProtocol::new().receive(b"").unwrap_err(), Error::Silent);
    assert_eq!(ReceiveRequest::new().receive(b"").unwrap_err(), Error::Silent);
}

#[test]
fn a_permit_of_either_protocol_keeps_the_command_and_refuses() {
    for command in 0..=255 {
        let socks5 = receive_request().receive(&[5, command, 0, 1, 192, 0, 2, 1, 0, 80]).unwrap().0.1;
        let bytes = [&[4, command], b"\x00\x50\xC0\x00\x02\x01\x00".as_slice()].concat();
        let socks4 = ReceiveRequest::new().receive(&bytes).unwrap().0.1;
        let replies = [b"\x05\x07\x00\x01\x00\x00\x00\x00\x00\x00".as_slice(), REJECTED];
        for (asked, reply) in [either::Asked::from(socks5), either::Asked::from(socks4)].into_iter().zip(replies) {
            assert_eq!(asked.command(), Command(command));
            assert_eq!(asked.refuse(socks5_sansio::ReplyCode::COMMAND_NOT_SUPPORTED).to_vec(), reply);
        }
    }
}

#[test]
fn a_request_that_socks4_cannot_carry_is_not_sent() {
    let nul = Endpoint::from((Domain::new(b"a\0b").unwrap(), 80));
    for (destination, user_id, error) in [
        ("[::1]:80".try_into().unwrap(), b"".as_slice(), RequestError::Ipv6),
        ("0.0.0.255:80".try_into().unwrap(), b"", RequestError::Marker),
        (nul, b"", RequestError::Nul),
        (Endpoint::UNSPECIFIED, b"a\0b", RequestError::Nul),
        (Endpoint::UNSPECIFIED, &[b'u'; 256], RequestError::UserIdTooLong(256)),
    ] {
        for command in [1, BIND, 0xF0] {
            let plan = plan().with_credentials(user_id, b"");
            let plan = plan.with_request((command, &destination.to_vec()));
            assert_eq!(connects(&plan, b"", Delivery::Whole).end, End::Unsent(error));
            agree(&plan, Delivery::Whole, Delivery::Whole);
        }
    }
    let literal = Endpoint::from((Domain::new("::1").unwrap(), 80));
    let (request, _) = socks4::other(Command::RESOLVE, literal, UserId::EMPTY).unwrap();
    assert_eq!(request.destination(), literal);
}
