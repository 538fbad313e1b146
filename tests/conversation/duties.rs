//! What the RFCs demand of messages and of their order, one test for each demand.

use socks5_sansio::client::{Client, Error, Step};
use socks5_sansio::server;
use socks5_sansio::{
    Command, Endpoint, Fragment, GssapiMessage, GssapiToken, Invalid, Message, Method, Reply, ReplyCode, Request,
    UdpHeader, UserPassStatus,
};

use crate::cases::{self, NO_AUTHENTICATION, USER_PASS, ipv4};
use crate::moments::{wants_reply, wants_request, wants_second_reply, wants_selection, wants_status, wants_user_pass};
use crate::sides::{Event, FROM_CLIENT, Plan, client_and_server, client_hears, server_hears};
use crate::wire::Reading;

fn plan() -> Plan {
    let ask = cases::connect_to_ipv4();
    NO_AUTHENTICATION.plan(ask.request, ask.replies)
}

fn encoded<'a>(message: &impl Message<'a>) -> Vec<u8> {
    let mut octets = vec![0xA5; message.encoded_len()];
    message.encode(&mut octets).unwrap();
    octets
}

#[test]
fn rfc1928_s3_the_server_selects_one_of_the_methods_offered() {
    let preference = &[Method::GSSAPI, Method::USERNAME_PASSWORD, Method::NONE];
    for (offer, selection) in [(b"\x05\x01\x00".as_slice(), b"\x05\x00"), (b"\x05\x02\x00\x02", b"\x05\x02")] {
        let server = server_hears(&Plan { preference, ..plan() }, offer, Reading::WHOLE);
        assert_eq!(server.said, selection);
    }
}

#[test]
fn rfc1928_s3_the_client_goes_on_with_no_other_method() {
    assert_eq!(wants_selection(&[Method(2)]).read(&[5, 0]).unwrap_err(), Error::NotOffered(Method::NONE));
}

#[test]
fn rfc1928_s3_on_ff_the_client_closes_the_connection() {
    let client = client_hears(&plan(), b"\x05\xFF", Reading::WHOLE);
    assert_eq!((client.end, client.said), (Err(Error::NoAcceptableMethod), b"\x05\x01\x00".to_vec()));
}

#[test]
fn rfc1928_s3_then_both_enter_the_sub_negotiation_of_the_method() {
    for case in cases::every() {
        let (client, server) = client_and_server(&case.plan, Reading::WHOLE);
        let requested = server.events.iter().position(|event| matches!(event, Event::Request(_)));
        assert_eq!(requested, Some(server.events.len() - 1), "{}", case.name);
        assert_eq!(client.events, case.client_events, "{}", case.name);
    }
}

#[test]
fn rfc1928_s4_the_request_is_evaluated_and_one_or_more_replies_are_sent() {
    for ask in cases::asks() {
        let replies = ask.replies.len();
        assert_eq!(replies, if ask.request.command == Command::BIND { 2 } else { 1 });
        let (client, _) = client_and_server(&NO_AUTHENTICATION.plan(ask.request, ask.replies), Reading::WHOLE);
        let heard = client.events.iter().filter(|event| matches!(event, Event::Reply(_))).count();
        assert_eq!(heard, replies, "{}", ask.name);
    }
}

/// What stands in for a GSSAPI library: its tokens are not clear text.
fn wrapped(octets: &[u8]) -> Vec<u8> {
    let token: Vec<_> = octets.iter().map(|octet| octet ^ 0x5A).collect();
    encoded(&GssapiMessage::Encapsulated(GssapiToken::new(&token).unwrap()))
}

fn unwrapped(mut frames: &[u8]) -> Vec<u8> {
    let mut octets = vec![];
    while !frames.is_empty() {
        let Ok((GssapiMessage::Encapsulated(token), used)) = GssapiMessage::decode(frames) else {
            panic!("{frames:?} are not encapsulated")
        };
        octets.extend(token.as_bytes().iter().map(|octet| octet ^ 0x5A));
        frames = &frames[used..];
    }
    octets
}

fn after_gssapi_negotiation() -> (Client, Vec<u8>) {
    let Ok((2, Step::SubNegotiate(negotiation))) = wants_selection(&[Method::GSSAPI]).read(&[5, 1]) else {
        panic!("no sub-negotiation")
    };
    let (request, client) = negotiation.authenticated().send(&Request::connect(ipv4(1, 80)));
    (client, request.to_vec())
}

#[test]
fn rfc1928_s4_what_follows_an_encapsulating_method_is_encapsulated() {
    let (client, request) = after_gssapi_negotiation();
    let (head, tail) = request.split_at(3);
    let clear = unwrapped(&[wrapped(head), wrapped(tail)].concat());
    let Ok((10, server::Step::Request(_, permit))) = wants_request().read(&clear) else { panic!("no request") };
    let reply = permit.reply(&Reply::succeeded(ipv4(7, 4660)));
    let (head, tail) = reply.split_at(5);
    let clear = unwrapped(&[wrapped(head), wrapped(tail), wrapped(b"data")].concat());
    let Ok((10, Step::Reply(_, None))) = client.read(&clear) else { panic!("no reply") };
    assert_eq!(&clear[10..], b"data");
}

#[test]
fn rfc1928_s4_s6_s7_reserved_is_sent_as_00() {
    for endpoint in [Endpoint::UNSPECIFIED, cases::connect_to_ipv6().request.destination] {
        for octet in 0..=255 {
            let request = encoded(&Request { command: Command(octet), destination: endpoint });
            let reply = encoded(&Reply { code: ReplyCode(octet), bound: endpoint });
            assert_eq!((request[2], reply[2]), (0, 0));
            let header = UdpHeader { fragment: Fragment(octet), endpoint };
            assert_eq!(encoded(&header)[..2], [0, 0]);
        }
    }
    let parting = server::Error::Request(Invalid::EmptyDomain).parting();
    assert_eq!(parting[2], 0);
}

#[test]
fn rfc1928_s4_s6_reserved_that_is_not_00_does_no_harm() {
    for reserved in 0..=255 {
        let request = [5, 1, reserved, 1, 192, 0, 2, 1, 0, 80];
        assert!(matches!(wants_request().read(&request), Ok((10, server::Step::Request(..)))), "{reserved}");
        let reply = [5, 0, reserved, 1, 192, 0, 2, 7, 0, 80];
        assert!(matches!(wants_reply(Command::CONNECT).read(&reply), Ok((10, Step::Reply(..)))), "{reserved}");
    }
}

#[test]
fn rfc1928_s6_after_a_failure_reply_the_server_closes() {
    let plan = Plan { replies: vec![Reply::failed(ReplyCode::NOT_ALLOWED)], ..plan() };
    let request = cases::connect_to_ipv4().client_says;
    let said = [NO_AUTHENTICATION.client_says, &request, &request, FROM_CLIENT].concat();
    let server = server_hears(&plan, &said, Reading::WHOLE);
    assert_eq!((server.end, &*server.said), (Ok(false), b"\x05\0\x05\x02\0\x01\0\0\0\0\0\0".as_slice()));
    assert_eq!(server.rest, [request.as_slice(), FROM_CLIENT].concat());
}

#[test]
fn rfc1928_s6_the_first_reply_to_bind_says_where_the_second_says_who() {
    let (listens, connected) = (ipv4(7, 4660), ipv4(99, 50_000));
    let ask = cases::bind();
    let replies = vec![Reply::succeeded(listens), Reply::succeeded(connected)];
    let heard = replies.iter().map(|reply| Event::Reply(format!("{reply:?}"))).collect::<Vec<_>>();
    let (client, _) = client_and_server(&NO_AUTHENTICATION.plan(ask.request, replies), Reading::WHOLE);
    assert_eq!((client.end, &client.events[1..]), (Ok(true), &heard[..]));
}

#[test]
fn rfc1928_s6_the_second_reply_to_bind_may_be_a_failure() {
    for code in (1..=255).map(ReplyCode) {
        let failed = encoded(&Reply::failed(code));
        assert_eq!(wants_second_reply().read(&failed).unwrap_err(), Error::Refused(code));
    }
}

#[test]
fn rfc1928_s6_only_bind_has_a_second_reply() {
    let reply = encoded(&Reply::succeeded(ipv4(7, 4660)));
    for command in (0..=255).map(Command) {
        let Ok((10, Step::Reply(_, owed))) = wants_reply(command).read(&reply) else { panic!("{command}: no reply") };
        assert_eq!(owed.is_some(), command == Command::BIND, "{command}");
    }
}

#[test]
fn rfc1928_s6_the_reply_to_udp_associate_says_where_the_client_must_send() {
    let reply = encoded(&Reply::succeeded(ipv4(7, 4660)));
    let Ok((_, Step::Reply(heard, None))) = wants_reply(Command::UDP_ASSOCIATE).read(&reply) else {
        panic!("no reply")
    };
    assert_eq!(heard.bound.to_socket_addr(), Some("192.0.2.7:4660".parse().unwrap()));
}

#[test]
fn rfc1928_s6_a_client_that_does_not_know_its_address_sends_zeros() {
    let request = encoded(&Request::udp_associate(Endpoint::UNSPECIFIED));
    assert_eq!(request, b"\x05\x03\x00\x01\x00\x00\x00\x00\x00\x00");
    let Ok((10, server::Step::Request(heard, _))) = wants_request().read(&request) else { panic!("no request") };
    assert_eq!((heard.command, heard.destination), (Command::UDP_ASSOCIATE, Endpoint::UNSPECIFIED));
}

#[test]
fn rfc1928_s7_fragment_00_stands_alone_and_the_high_bit_ends_a_sequence() {
    for octet in 0..=255 {
        let datagram = [0, 0, octet, 1, 192, 0, 2, 1, 0, 53, b'q'];
        let (header, data) = UdpHeader::split(&datagram).unwrap();
        let Fragment(kept) = header.fragment;
        assert_eq!((kept, data), (octet, b"q".as_slice()));
        assert_eq!(header.fragment.is_standalone(), octet == 0);
        assert_eq!(header.fragment.is_last(), octet >= 128);
        assert_eq!(header.fragment.position(), octet % 128);
    }
    assert_eq!(UdpHeader::new(ipv4(1, 53)).fragment, Fragment::STANDALONE);
}

#[test]
fn rfc1929_s2_a_status_of_00_is_success_and_any_other_failure() {
    for status in 0..=255 {
        assert_eq!(UserPassStatus(status).is_success(), status == 0);
        match wants_status().read(&[1, status]) {
            Ok((2, Step::Request(_))) => assert_eq!(status, 0),
            other => assert_eq!(other.unwrap_err(), Error::Rejected(status)),
        }
    }
}

#[test]
fn rfc1929_s2_failure_ends_the_conversation() {
    let ask = cases::connect_to_ipv4();
    let said = [b"\x05\x01\x02\x01\x05alice\x05wrong", ask.client_says.as_slice(), FROM_CLIENT].concat();
    for reading in Reading::every() {
        let server = server_hears(&USER_PASS.plan(ask.request, ask.replies.clone()), &said, reading);
        assert_eq!((server.end, &*server.said), (Ok(false), b"\x05\x02\x01\x01".as_slice()), "{reading:?}");
        assert_eq!(server.rest, [ask.client_says.as_slice(), FROM_CLIENT].concat(), "{reading:?}");
        assert!(!server.events.iter().any(|event| matches!(event, Event::Request(_))), "{reading:?}");
    }
}

#[test]
fn rfc1929_s2_a_request_in_place_of_the_credentials_is_none() {
    let error = wants_user_pass().read(&cases::connect_to_ipv4().client_says).unwrap_err();
    assert_eq!(error, server::Error::UserPass(Invalid::UserPassVersion(5)));
}

#[test]
fn rfc1961_s3_and_s4_and_s5_each_have_their_frame() {
    let token = GssapiToken::new(b"token").unwrap();
    for (frame, octets) in [
        (GssapiMessage::Authentication(token), b"\x01\x01\x00\x05token"),
        (GssapiMessage::ProtectionLevel(token), b"\x01\x02\x00\x05token"),
        (GssapiMessage::Encapsulated(token), b"\x01\x03\x00\x05token"),
    ] {
        assert_eq!(encoded(&frame), octets);
        assert_eq!(GssapiMessage::decode(octets), Ok((frame, octets.len())));
    }
}

#[test]
fn rfc1961_s3_8_an_abort_is_two_octets() {
    assert_eq!(encoded(&GssapiMessage::Abort), b"\x01\xFF");
    assert_eq!(GssapiMessage::decode(b"\x01\xFF\x00\x00"), Ok((GssapiMessage::Abort, 2)));
}

#[test]
fn rfc1961_s5_datagrams_are_wrapped_whole() {
    let header = UdpHeader::new(ipv4(1, 53));
    let datagram = unwrapped(&wrapped(&[encoded(&header).as_slice(), b"query"].concat()));
    assert_eq!(UdpHeader::split(&datagram), Ok((header, b"query".as_slice())));
}
