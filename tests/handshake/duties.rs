//! Duties of the RFCs (`tests/duties.md`) about messages and their order. Those that need a GSSAPI context are in `gssapi.rs`.

use socks5_sansio::client::Error;
use socks5_sansio::server::{self, Asked};
use socks5_sansio::{
    Command, Decode, Encode, Endpoint, Fragment, GssapiMessage, GssapiToken, Invalid, Method, Receive, Reply,
    ReplyCode, Request, UdpHeader, UserPassStatus,
};

use crate::cases;
use crate::harness::applications::{End, Event};
use crate::harness::plan::{Answer, BIND, IPV4, Plan};
use crate::harness::states::{connects, serves, transcript};
use crate::harness::transport::Delivery;
use crate::states::{
    receive_listening, receive_reply, receive_request, receive_status, receive_user_pass, send_request,
};

const REQUEST: &[u8] = b"\x05\x01\x00\x01\xC0\x00\x02\x07\x00\x50";
const SUCCESS: &[u8] = b"\x05\x00\x00\x01\xC0\x00\x02\x07\x12\x34";

fn refusing(code: u8) -> Plan {
    Plan::by(0).with_answer(Answer { listening: None, code, bound: IPV4.to_vec() })
}

#[test]
fn rfc1928_s3_the_server_selects_one_of_the_methods_offered() {
    let plan = Plan::by(0).with_preference(&[1, 2, 0]);
    for (offer, selection) in [(b"\x05\x01\x00".as_slice(), b"\x05\x00"), (b"\x05\x02\x00\x02", b"\x05\x02")] {
        assert_eq!(serves(&plan, offer, Delivery::Whole).sent, selection);
    }
}

#[test]
fn rfc1928_s3_the_client_rejects_a_method_that_it_did_not_offer() {
    let client = connects(&Plan::by(2), &[b"\x05\x00", SUCCESS].concat(), Delivery::Whole);
    assert_eq!(client.end, End::Client(Error::NotOffered(Method::NO_AUTHENTICATION)));
    assert_eq!(client.sent, b"\x05\x01\x02");
}

#[test]
fn rfc1928_s3_on_ff_the_client_closes_the_connection() {
    let client = connects(&Plan::by(0), &[b"\x05\xFF", SUCCESS].concat(), Delivery::Whole);
    assert_eq!((client.end, &*client.sent), (End::Client(Error::NoAcceptableMethods), b"\x05\x01\x00".as_slice()));
}

#[test]
fn rfc1928_s3_both_sides_enter_the_sub_negotiation_of_the_method() {
    for case in cases::socks5() {
        let server = serves(&case.plan, &case.up, Delivery::Whole);
        let [Event::Offer(_), negotiation @ .., Event::Request(..)] = &*server.events else {
            panic!("{:?}", case.plan)
        };
        let is_due = match case.plan.preference() {
            [0] => matches!(negotiation, []),
            [2] => matches!(negotiation, [Event::UserPass(..)]),
            [0x80] => matches!(negotiation, [Event::Frame(_)]),
            _ => matches!(negotiation, [Event::Token(_), Event::Token(_), Event::Level(_)]),
        };
        assert!(is_due, "{negotiation:?} of {:?}", case.plan);
    }
}

#[test]
fn rfc1928_s4_the_request_is_evaluated_and_one_or_more_replies_are_sent() {
    for case in cases::socks5() {
        let replies = if case.plan.request().0 == BIND { 2 } else { 1 };
        let client = connects(&case.plan, &case.down, Delivery::Whole);
        let received = client.events.iter().filter(|event| matches!(event, Event::Bound(_))).count();
        assert_eq!(received, replies, "{:?}", case.plan);
    }
}

#[test]
fn rfc1928_s4_s6_s7_reserved_is_sent_as_00() {
    for endpoint in [Endpoint::UNSPECIFIED, ("example.com", 443).try_into().unwrap()] {
        for octet in 0..=255 {
            let request = Request { command: Command(octet), destination: endpoint }.to_vec();
            let reply = Reply { code: ReplyCode(octet), bound: endpoint }.to_vec();
            assert_eq!((request[2], reply[2]), (0, 0));
            assert_eq!(UdpHeader { fragment: Fragment(octet), endpoint }.to_vec()[..2], [0, 0]);
        }
    }
    assert_eq!(server::Error::Request(Invalid::EmptyDomain).closing_reply()[2], 0);
}

#[test]
fn rfc1928_s4_s6_reserved_that_is_not_00_is_ignored() {
    for reserved in 0..=255 {
        assert!(receive_request().receive(&[5, 1, reserved, 1, 192, 0, 2, 1, 0, 80]).is_ok(), "{reserved}");
        assert!(receive_reply().receive(&[5, 0, reserved, 1, 192, 0, 2, 7, 0, 80]).is_ok(), "{reserved}");
    }
}

#[test]
fn rfc1928_s6_after_a_failure_reply_the_server_closes() {
    let script = [b"\x05\x01\x00", REQUEST, REQUEST, b"data"].concat();
    let server = serves(&refusing(2), &script, Delivery::Whole);
    assert_eq!((server.end, &*server.sent), (End::Refused, b"\x05\0\x05\x02\0\x01\0\0\0\0\0\0".as_slice()));
    assert_eq!(&script[server.used..], [REQUEST, b"data"].concat());
}

#[test]
fn rfc1928_s6_the_first_reply_to_bind_has_the_listener_and_the_second_the_peer() {
    let (listening, connected) = (b"\x01\xC0\x00\x02\x07\x12\x34", b"\x01\xC0\x00\x02\x63\xC3\x50");
    let answer = Answer { listening: Some(listening.to_vec()), code: 0, bound: connected.to_vec() };
    let plan = Plan::by(0).with_request((BIND, IPV4)).with_answer(answer);
    let client = connects(&plan, &transcript(&plan).1, Delivery::Whole);
    let [.., first, second] = &*client.events else { panic!("{:?}", client.events) };
    assert_eq!((first, second), (&Event::Bound(listening.to_vec()), &Event::Bound(connected.to_vec())));
}

#[test]
fn rfc1928_s6_the_second_reply_to_bind_may_be_a_failure() {
    for code in (1..=255).map(ReplyCode) {
        let ((_, state), _) = receive_listening().receive(SUCCESS).unwrap();
        assert_eq!(state.receive(&Reply::failed(code).to_vec()).unwrap_err(), Error::Refused(code));
    }
}

#[test]
fn rfc1928_s6_only_bind_has_a_second_reply() {
    for command in (0..=255).filter(|command| *command != BIND) {
        let plan = Plan::by(0).with_request((command, IPV4));
        let script = [b"\x05\x00", SUCCESS, SUCCESS].concat();
        let client = connects(&plan, &script, Delivery::Whole);
        assert_eq!((client.end, &script[client.used..]), (End::Open, SUCCESS), "{command}");
    }
}

#[test]
fn rfc1928_s6_the_reply_to_udp_associate_has_the_address_of_the_relay() {
    let (_, state) = send_request().udp_associate(Endpoint::UNSPECIFIED);
    let (bound, _) = state.receive(SUCCESS).unwrap();
    assert_eq!(bound.to_socket_addr(), Some("192.0.2.7:4660".parse().unwrap()));
}

#[test]
fn rfc1928_s6_a_client_that_does_not_know_its_address_sends_zeros() {
    let (request, _) = send_request().udp_associate(Endpoint::UNSPECIFIED);
    assert_eq!(request.to_vec(), b"\x05\x03\x00\x01\x00\x00\x00\x00\x00\x00");
    let request = request.to_vec();
    let ((source, asked), _) = receive_request().receive(&request).unwrap();
    assert!(matches!((source, asked), (Endpoint::UNSPECIFIED, Asked::UdpAssociate(_))));
}

#[test]
fn rfc1928_s7_fragment_00_stands_alone_and_the_high_bit_ends_a_sequence() {
    for octet in 0..=255 {
        let datagram = [0, 0, octet, 1, 192, 0, 2, 1, 0, 53, b'q'];
        let (header, data) = UdpHeader::split(&datagram).unwrap();
        assert_eq!((header.fragment, data), (Fragment(octet), b"q".as_slice()));
        assert_eq!(header.fragment.is_standalone(), octet == 0);
        assert_eq!(header.fragment.is_last(), octet >= 128);
        assert_eq!(header.fragment.position(), octet % 128);
    }
    assert_eq!(UdpHeader::new(Endpoint::UNSPECIFIED).fragment, Fragment::STANDALONE);
}

#[test]
fn rfc1929_s2_a_status_of_00_is_success_and_any_other_failure() {
    for status in (0..=255).map(UserPassStatus) {
        assert_eq!(status.is_success(), status.0 == 0);
        match receive_status().receive(&[1, status.0]) {
            Ok((_permit, used)) => assert_eq!((status, used), (UserPassStatus::SUCCESS, 2)),
            Err(error) => assert_eq!(error, Error::Rejected(status)),
        }
    }
}

#[test]
fn rfc1929_s2_failure_ends_the_handshake() {
    let script = [b"\x05\x01\x02\x01\x05alice\x05wrong", REQUEST, b"data"].concat();
    for delivery in Delivery::every() {
        let server = serves(&Plan::by(2), &script, delivery);
        assert_eq!((server.end, &*server.sent), (End::Refused, b"\x05\x02\x01\x01".as_slice()));
        assert_eq!(&script[server.used..], [REQUEST, b"data"].concat());
    }
}

#[test]
fn rfc1929_s2_a_request_in_place_of_the_credentials_is_malformed() {
    let error = receive_user_pass().receive(REQUEST).unwrap_err();
    assert_eq!(error, server::Error::UserPass(Invalid::UserPassVersion(5)));
}

#[test]
fn rfc1961_s3_s4_s5_tokens_levels_and_data_have_a_frame_each() {
    let token = GssapiToken::new(b"token").unwrap();
    for (frame, bytes) in [
        (GssapiMessage::Authentication(token), b"\x01\x01\x00\x05token"),
        (GssapiMessage::ProtectionLevel(token), b"\x01\x02\x00\x05token"),
        (GssapiMessage::Encapsulated(token), b"\x01\x03\x00\x05token"),
    ] {
        assert_eq!(frame.to_vec(), bytes);
        assert_eq!(GssapiMessage::decode(bytes), Ok((frame, bytes.len())));
    }
}

#[test]
fn rfc1961_s3_8_an_abort_is_two_octets() {
    assert_eq!(GssapiMessage::Abort.to_vec(), b"\x01\xFF");
    assert_eq!(GssapiMessage::decode(b"\x01\xFF\x00\x00"), Ok((GssapiMessage::Abort, 2)));
}
