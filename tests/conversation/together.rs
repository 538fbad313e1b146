//! Client and server with each other, and each with the octets of the other.

use core::fmt::Debug;

use socks5_sansio::{Client, Server, client, server};

use crate::cases::{self, Case};
use crate::sides::{FROM_CLIENT, FROM_SERVER, Outcome, client_and_server, client_hears, server_hears};
use crate::wire::Reading;

#[test]
fn a_client_and_a_server_understand_each_other_however_they_read() {
    for case in cases::every() {
        for reading in Reading::every() {
            let (client, server) = client_and_server(&case.plan, reading);
            as_expected_by_client(&case, &client, reading);
            as_expected_by_server(&case, &server, reading);
        }
    }
}

#[test]
fn a_server_takes_all_that_a_client_says_at_once() {
    for case in cases::every() {
        for reading in Reading::every() {
            let server = server_hears(&case.plan, &[&case.client_says, FROM_CLIENT].concat(), reading);
            as_expected_by_server(&case, &server, reading);
        }
    }
}

#[test]
fn a_client_takes_all_that_a_server_says_at_once() {
    for case in cases::every() {
        for reading in Reading::every() {
            let client = client_hears(&case.plan, &[&case.server_says, FROM_SERVER].concat(), reading);
            as_expected_by_client(&case, &client, reading);
        }
    }
}

#[test]
fn nothing_has_to_follow_the_last_message() {
    for case in cases::every() {
        for reading in [Reading::WHOLE, Reading::Chunks(1), Reading::Exact] {
            let client = client_hears(&case.plan, &case.server_says, reading);
            let server = server_hears(&case.plan, &case.client_says, reading);
            assert_eq!((client.end, server.end), (Ok(true), Ok(true)), "{} {reading:?}", case.name);
            assert!(client.rest.is_empty() && server.rest.is_empty(), "{} {reading:?}", case.name);
        }
    }
}

#[test]
fn the_longest_conversation_fits_the_buffers_that_are_recommended() {
    let longest = cases::longest();
    assert_eq!(longest.client_says.len(), Server::INPUT_MAX_LEN);
    assert_eq!(longest.server_says.len(), Client::INPUT_MAX_LEN);
}

fn as_expected_by_client(case: &Case, client: &Outcome<client::Error>, reading: Reading) {
    let label = format!("client, {}, {reading:?}", case.name);
    assert_eq!(client.events, case.client_events, "{label}");
    assert_eq!(client.said, case.client_says, "{label}");
    ends_well(client, FROM_SERVER, reading, &label);
}

fn as_expected_by_server(case: &Case, server: &Outcome<server::Error>, reading: Reading) {
    let label = format!("server, {}, {reading:?}", case.name);
    assert_eq!(server.events, case.server_events, "{label}");
    assert_eq!(server.said, case.server_says, "{label}");
    ends_well(server, FROM_CLIENT, reading, &label);
}

/// The connection is the application's, and all of the other side's data is there to be read.
pub(crate) fn ends_well<E: Debug + PartialEq>(outcome: &Outcome<E>, data: &[u8], reading: Reading, label: &str) {
    assert_eq!(outcome.end, Ok(true), "{label}");
    assert_eq!(outcome.rest.escape_ascii().to_string(), data.escape_ascii().to_string(), "{label}");
    if matches!(reading, Reading::Exact) {
        assert!(outcome.unread.is_empty(), "{label}: read past the last message");
    }
}
