//! Every way in which a server can refuse, and what the client makes of it.

use socks5_sansio::client::{Client, Error, Step};
use socks5_sansio::{Command, Method, Reply, ReplyCode, server};

use crate::cases::{self, Ask, NO_AUTHENTICATION, USER_PASS, ipv4};
use crate::moments::{want_a_reply, wants_reply, wants_second_reply, wants_selection, wants_status};
use crate::sides::{Outcome, Plan, client_and_server};
use crate::wire::Reading;

/// What servers send behind the two octets that refuse, before they close, or wait.
const BEHIND: [&[u8]; 7] = [
    b"",
    b"\x00",
    b"\x00\x00",
    b"\x00\x01\x00\x00\x00\x00\x00\x00",
    b"\x00\x01\xC0\x00\x02\x07\x12\x34 and more",
    b"\xFF\xFF\xFF\xFF",
    b"\r\n<html>403 Forbidden</html>",
];

fn refusal(client: Client, octets: &[u8]) -> Error {
    client.read(octets).unwrap_err()
}

#[test]
fn ff_is_no_acceptable_method() {
    let every: Vec<_> = (0..255).map(Method).collect();
    for offer in [&[], &every[..1], &every[..], &[Method::NO_ACCEPTABLE]] {
        for behind in BEHIND {
            let said = [b"\x05\xFF", behind].concat();
            assert_eq!(refusal(wants_selection(offer), &said), Error::NoAcceptableMethod, "{offer:?} {said:?}");
        }
    }
}

#[test]
fn every_method_that_was_not_offered_is_refused() {
    for offered in (0..255).map(Method) {
        for selected in (0..255).map(Method).filter(|&selected| selected != offered) {
            let error = refusal(wants_selection(&[offered]), &[5, selected.0]);
            assert_eq!(error, Error::NotOffered(selected), "{offered} was offered");
        }
    }
}

#[test]
fn nothing_can_be_selected_from_an_empty_offer() {
    for selected in (0..255).map(Method) {
        assert_eq!(refusal(wants_selection(&[]), &[5, selected.0]), Error::NotOffered(selected));
    }
}

#[test]
fn every_method_that_was_offered_leads_on() {
    for method in (0..255).map(Method) {
        match (method, wants_selection(&[Method(0xFE), method]).read(&[5, method.0])) {
            (Method::NONE, Ok((2, Step::Request(_)))) => {}
            (Method::USERNAME_PASSWORD, Ok((2, Step::UserPass(_)))) => {}
            (_, Ok((2, Step::SubNegotiate(negotiation)))) => assert_eq!(negotiation.method(), method),
            (_, other) => panic!("{method} leads to {other:?}"),
        }
    }
}

#[test]
fn every_status_but_00_rejects() {
    for status in 1..=255 {
        for behind in BEHIND {
            let said = [&[1, status], behind].concat();
            assert_eq!(refusal(wants_status(), &said), Error::Rejected(status), "{said:?}");
        }
    }
}

#[test]
fn every_code_but_00_refuses_whatever_is_behind() {
    for code in 1..=255 {
        for behind in BEHIND {
            let said = [&[5, code], behind].concat();
            for (name, client) in want_a_reply() {
                assert_eq!(refusal(client, &said), Error::Refused(ReplyCode(code)), "{name}: {said:?}");
            }
        }
    }
}

#[test]
fn no_more_is_waited_for_than_the_two_octets_that_may_refuse() {
    let clients = [("selection", wants_selection(&[Method::NONE])), ("status", wants_status())];
    let clients = clients.map(|(name, client)| (name.to_owned(), client));
    for (name, client) in clients.into_iter().chain(want_a_reply()) {
        let (first, client) = missing(client, b"");
        let (second, _) = missing(client, if name == "status" { b"\x01" } else { b"\x05" });
        assert_eq!((first, second), (2, 1), "{name}");
    }
}

fn missing(client: Client, input: &[u8]) -> (usize, Client) {
    let Ok((0, Step::NeedMore(client, missing))) = client.read(input) else { panic!("{input:?} is enough") };
    (missing.get(), client)
}

#[test]
fn zeros_for_an_address_make_no_failure() {
    let said = b"\x05\x00\x00\x01\x00\x00\x00\x00\x00\x00";
    assert!(matches!(wants_reply(Command::CONNECT).read(said), Ok((10, Step::Reply(_, None)))));
    assert!(matches!(wants_second_reply().read(said), Ok((10, Step::Reply(_, None)))));
}

/// Lets a server refuse a client. Checks that both know, that no more is said, and no data is sent.
fn refused(plan: &Plan, error: Error, client_says: &[u8], server_says: &[u8]) {
    for reading in Reading::every() {
        let (client, server) = client_and_server(plan, reading);
        assert_eq!((client.end, &*client.said), (Err(error), client_says), "{error:?} {reading:?}");
        assert_server_refused(&server, server_says, &format!("{error:?} {reading:?}"));
    }
}

fn assert_server_refused(server: &Outcome<server::Error>, says: &[u8], label: &str) {
    assert_eq!((server.end, &*server.said), (Ok(false), says), "{label}");
    assert!(server.rest.is_empty(), "{label}: {:?}", server.rest);
}

fn plan(ask: Ask) -> Plan {
    NO_AUTHENTICATION.plan(ask.request, ask.replies)
}

#[test]
fn a_server_accepts_none_of_the_methods() {
    let plan = Plan { preference: &[Method::USERNAME_PASSWORD, Method::GSSAPI], ..plan(cases::connect_to_ipv4()) };
    refused(&plan, Error::NoAcceptableMethod, b"\x05\x01\x00", b"\x05\xFF");
}

#[test]
fn a_server_rejects_the_credentials() {
    let ask = cases::connect_to_ipv4();
    let plan = Plan { credentials: (b"alice", b"S3cret"), ..USER_PASS.plan(ask.request, ask.replies) };
    let client_says = b"\x05\x02\x00\x02\x01\x05alice\x06S3cret";
    refused(&plan, Error::Rejected(1), client_says, b"\x05\x02\x01\x01");
}

#[test]
fn a_server_refuses_the_request_with_every_code() {
    for code in (1..=255).map(ReplyCode) {
        for ask in cases::asks() {
            let client_says = [NO_AUTHENTICATION.client_says, &ask.client_says].concat();
            let plan = Plan { replies: vec![Reply::failed(code)], ..plan(ask) };
            let (client, server) = client_and_server(&plan, Reading::WHOLE);
            assert_eq!((client.end, client.said), (Err(Error::Refused(code)), client_says), "{plan:?}");
            let server_says = [5, 0, 5, code.0, 0, 1, 0, 0, 0, 0, 0, 0];
            assert_server_refused(&server, &server_says, &format!("{plan:?}"));
        }
    }
}

#[test]
fn a_server_does_not_know_the_command() {
    let ask = Ask { replies: vec![Reply::failed(ReplyCode::COMMAND_NOT_SUPPORTED)], ..cases::unknown_command() };
    let client_says = [NO_AUTHENTICATION.client_says, &ask.client_says].concat();
    let server_says = b"\x05\x00\x05\x07\x00\x01\x00\x00\x00\x00\x00\x00";
    refused(&plan(ask), Error::Refused(ReplyCode(7)), &client_says, server_says);
}

#[test]
fn nobody_connects_to_a_server_that_listens() {
    let listening = Reply::succeeded(ipv4(7, 4660));
    let ask = Ask { replies: vec![listening, Reply::failed(ReplyCode::TTL_EXPIRED)], ..cases::bind() };
    let client_says = [NO_AUTHENTICATION.client_says, &ask.client_says].concat();
    let server_says = b"\x05\x00\x05\x00\x00\x01\xC0\x00\x02\x07\x12\x34\x05\x06\x00\x01\x00\x00\x00\x00\x00\x00";
    refused(&plan(ask), Error::Refused(ReplyCode(6)), &client_says, server_says);
}
