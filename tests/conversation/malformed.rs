//! Octets that are no SOCKS5, at each moment, and what a server says before it closes.

use socks5_sansio::client::{self, Client};
use socks5_sansio::server::{Error, Server};
use socks5_sansio::{Command, Invalid, Method, ReplyCode};

use crate::cases::{self, NO_AUTHENTICATION, USER_PASS};
use crate::moments::{
    want_a_reply, wants_offer, wants_reply, wants_request, wants_selection, wants_status, wants_user_pass,
};
use crate::sides::server_hears;
use crate::wire::Reading;

const GENERAL_FAILURE: &[u8] = b"\x05\x01\x00\x01\x00\x00\x00\x00\x00\x00";
const ADDRESS_TYPE_NOT_SUPPORTED: &[u8] = b"\x05\x08\x00\x01\x00\x00\x00\x00\x00\x00";

/// What can be behind the octet that is wrong.
const BEHIND: [&[u8]; 3] = [b"", b"\x01", b"ET / HTTP/1.1\r\nHost: example.com\r\n\r\n"];

fn versions_but(version: u8) -> impl Iterator<Item = u8> {
    (0..=255).filter(move |&other| other != version)
}

fn unknown_address_types() -> impl Iterator<Item = u8> {
    (0..=255).filter(|atyp| !matches!(atyp, 1 | 3 | 4))
}

/// The server's error after these octets, its parting words checked.
fn server_error(server: Server, octets: &[u8], parting: &[u8]) -> Error {
    let error = server.read(octets).unwrap_err();
    assert_eq!(error.parting(), parting, "{error:?} after {octets:?}");
    error
}

#[test]
fn an_offer_of_another_version_ends_without_a_word() {
    for version in versions_but(5) {
        for behind in BEHIND {
            let error = server_error(wants_offer(), &[&[version], behind].concat(), b"");
            assert_eq!(error, Error::Offer(Invalid::Version(version)));
        }
    }
}

#[test]
fn credentials_of_another_version_are_rejected() {
    for version in versions_but(1) {
        for behind in BEHIND {
            let error = server_error(wants_user_pass(), &[&[version], behind].concat(), b"\x01\x01");
            assert_eq!(error, Error::UserPass(Invalid::UserPassVersion(version)));
        }
    }
}

#[test]
fn a_request_of_another_version_is_a_general_failure() {
    for version in versions_but(5) {
        for behind in BEHIND {
            let error = server_error(wants_request(), &[&[version], behind].concat(), GENERAL_FAILURE);
            assert_eq!(error, Error::Request(Invalid::Version(version)));
        }
    }
}

#[test]
fn a_request_for_an_empty_name_is_a_general_failure() {
    for command in 0..=255 {
        let error = server_error(wants_request(), &[5, command, 0, 3, 0], GENERAL_FAILURE);
        assert_eq!(error, Error::Request(Invalid::EmptyDomain));
    }
}

#[test]
fn a_request_with_an_unknown_address_type_is_told_so() {
    for atyp in unknown_address_types() {
        for behind in BEHIND {
            let said = [&[5, 1, 0, atyp], behind].concat();
            let error = server_error(wants_request(), &said, ADDRESS_TYPE_NOT_SUPPORTED);
            assert_eq!(error, Error::Request(Invalid::AddressType(atyp)));
        }
    }
}

#[test]
fn a_client_understands_the_parting_words() {
    let rejected = wants_status().read(&[1, 1]).unwrap_err();
    assert_eq!(rejected, client::Error::Rejected(1));
    for (said, code) in [(GENERAL_FAILURE, 1), (ADDRESS_TYPE_NOT_SUPPORTED, 8)] {
        let refused = wants_reply(Command::CONNECT).read(said).unwrap_err();
        assert_eq!(refused, client::Error::Refused(ReplyCode(code)));
    }
}

#[test]
fn a_server_says_its_parting_words_and_no_more() {
    let ask = cases::connect_to_ipv4();
    let (no_authentication, user_pass) =
        (NO_AUTHENTICATION.plan(ask.request, ask.replies.clone()), USER_PASS.plan(ask.request, ask.replies));
    for (plan, hears, says) in [
        (&no_authentication, b"GET / HTTP/1.1\r\n\r\n".as_slice(), b"".as_slice()),
        (&user_pass, b"\x05\x01\x02\x05\x01u\x01p\x05\x01", b"\x05\x02\x01\x01"),
        (
            &no_authentication,
            b"\x05\x01\x00\x04\x01\x00\x01\x00\x00\x00\x00\x00\x00",
            &[b"\x05\x00", GENERAL_FAILURE].concat(),
        ),
        (&no_authentication, b"\x05\x01\x00\x05\x01\x00\x03\x00\x00\x50", &[b"\x05\x00", GENERAL_FAILURE].concat()),
        (
            &no_authentication,
            b"\x05\x01\x00\x05\x01\x00\x02\x00\x00\x00",
            &[b"\x05\x00", ADDRESS_TYPE_NOT_SUPPORTED].concat(),
        ),
    ] {
        for reading in Reading::every() {
            let server = server_hears(plan, hears, reading);
            assert!(server.end.is_err(), "{hears:?} {reading:?}");
            assert_eq!(server.said, says, "{hears:?} {reading:?}");
        }
    }
}

fn client_error(client: Client, octets: &[u8]) -> Invalid {
    match client.read(octets) {
        Err(client::Error::Invalid(invalid)) => invalid,
        other => panic!("{octets:?} gives {other:?}"),
    }
}

#[test]
fn a_selection_of_another_version() {
    for version in versions_but(5) {
        for behind in BEHIND {
            let invalid = client_error(wants_selection(&[Method::NONE]), &[&[version], behind].concat());
            assert_eq!(invalid, Invalid::Version(version));
        }
    }
}

#[test]
fn a_status_of_another_version() {
    for version in versions_but(1) {
        for behind in BEHIND {
            let invalid = client_error(wants_status(), &[&[version], behind].concat());
            assert_eq!(invalid, Invalid::UserPassVersion(version));
        }
    }
}

#[test]
fn a_reply_of_another_version() {
    for version in versions_but(5) {
        for behind in BEHIND {
            for (name, client) in want_a_reply() {
                let invalid = client_error(client, &[&[version], behind].concat());
                assert_eq!(invalid, Invalid::Version(version), "{name}");
            }
        }
    }
}

#[test]
fn a_success_with_an_address_that_cannot_be_framed() {
    for (name, client) in want_a_reply() {
        assert_eq!(client_error(client, &[5, 0, 0, 3, 0]), Invalid::EmptyDomain, "{name}");
    }
    for atyp in unknown_address_types() {
        for (name, client) in want_a_reply() {
            assert_eq!(client_error(client, &[5, 0, 0, atyp]), Invalid::AddressType(atyp), "{name}");
        }
    }
}
