//! What the end of the stream means, at each moment and after each octet.

use socks5_sansio::client::{self, Client};
use socks5_sansio::server::{self, Server};
use socks5_sansio::{Command, Invalid, Method, ReplyCode};

use crate::cases::{self, NO_AUTHENTICATION, USER_PASS};
use crate::moments::{
    optimist, want_a_reply, wants_offer, wants_reply, wants_request, wants_second_reply, wants_selection, wants_status,
    wants_user_pass,
};
use crate::sides::{Plan, client_hears, server_hears};
use crate::wire::Reading;

const READINGS: [Reading; 4] = [Reading::WHOLE, Reading::Chunks(1), Reading::Chunks(7), Reading::Exact];

/// What waits for a message, and such a message.
type Waiting<T> = (fn() -> T, &'static [u8]);

const SERVERS: [Waiting<Server>; 5] = [
    (wants_offer, b"\x05\x02\x00\x02"),
    (wants_user_pass, b"\x01\x05alice\x06s3cret"),
    (wants_request, b"\x05\x01\x00\x01\xC0\x00\x02\x01\x00\x50"),
    (wants_request, b"\x05\x02\x00\x03\x0Bexample.com\x00\x50"),
    (wants_request, b"\x05\x03\x00\x04\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00"),
];

const CLIENTS: [Waiting<Client>; 4] = [
    (|| wants_selection(&[Method::NONE]), b"\x05\x00"),
    (wants_status, b"\x01\x00"),
    (|| wants_reply(Command::CONNECT), b"\x05\x00\x00\x01\xC0\x00\x02\x07\x12\x34"),
    (wants_second_reply, b"\x05\x00\x00\x03\x0Bexample.com\x00\x50"),
];

#[test]
fn a_client_that_says_nothing_is_silent() {
    assert_eq!(wants_offer().end(b""), server::Error::Silent);
}

#[test]
fn a_client_that_leaves_between_two_messages() {
    for server in [wants_user_pass(), wants_request()] {
        assert_eq!(server.end(b""), server::Error::Closed);
    }
}

#[test]
fn a_client_that_leaves_in_the_middle_of_a_message() {
    for (server, message) in SERVERS {
        for cut in 1..message.len() {
            assert_eq!(server().end(&message[..cut]), server::Error::Truncated, "{message:?} cut at {cut}");
        }
    }
}

#[test]
fn a_client_that_leaves_after_something_malformed() {
    assert_eq!(wants_offer().end(b"\x04\x01"), server::Error::Offer(Invalid::Version(4)));
    assert_eq!(wants_user_pass().end(b"\x05"), server::Error::UserPass(Invalid::UserPassVersion(5)));
    assert_eq!(wants_request().end(b"\x05\x01\x00\x05"), server::Error::Request(Invalid::AddressType(5)));
}

#[test]
fn an_end_leaves_nothing_to_say() {
    for error in [server::Error::Silent, server::Error::Closed, server::Error::Truncated] {
        assert!(error.parting().is_empty(), "{error:?}");
    }
}

#[test]
fn a_server_that_leaves_between_two_messages() {
    for (client, message) in CLIENTS {
        assert_eq!(client().end(b""), client::Error::Closed, "before {message:?}");
    }
}

#[test]
fn a_server_that_leaves_in_the_middle_of_a_message() {
    for (client, message) in CLIENTS {
        for cut in 1..message.len() {
            assert_eq!(client().end(&message[..cut]), client::Error::Truncated, "{message:?} cut at {cut}");
        }
    }
}

#[test]
fn a_server_that_leaves_an_optimist() {
    for (credentials, login) in [(true, b"\x05\x02\x01\x00".as_slice()), (false, b"\x05\x00")] {
        let said = [login, b"\x05\x00\x00\x01\xC0\x00\x02\x07\x12\x34"].concat();
        for cut in 0..said.len() {
            let between = cut <= login.len() && cut % 2 == 0;
            let expected = if between { client::Error::Closed } else { client::Error::Truncated };
            let client = optimist(credentials, Command::CONNECT);
            assert_eq!(client.end(&said[..cut]), expected, "{said:?} cut at {cut}");
        }
    }
}

#[test]
fn a_server_that_refuses_and_leaves_has_refused() {
    use client::Error;
    assert_eq!(wants_selection(&[Method::NONE]).end(b"\x05\xFF"), Error::NoAcceptableMethod);
    assert_eq!(wants_selection(&[Method::NONE]).end(b"\x05\x02"), Error::NotOffered(Method(2)));
    assert_eq!(wants_status().end(b"\x01\x01"), Error::Rejected(1));
    for (name, client) in want_a_reply() {
        assert_eq!(client.end(b"\x05\x05\x00"), Error::Refused(ReplyCode(5)), "{name}");
    }
    let optimist = optimist(true, Command::CONNECT);
    assert_eq!(optimist.end(b"\x05\x02\x01\x00\x05\x05"), Error::Refused(ReplyCode(5)));
}

#[test]
fn a_server_that_leaves_after_something_malformed() {
    use client::Error;
    assert_eq!(wants_selection(&[Method::NONE]).end(b"\x04"), Error::Invalid(Invalid::Version(4)));
    assert_eq!(wants_status().end(b"\x05"), Error::Invalid(Invalid::UserPassVersion(5)));
    for (name, client) in want_a_reply() {
        assert_eq!(client.end(b"HTTP"), Error::Invalid(Invalid::Version(b'H')), "{name}");
    }
}

fn plan() -> Plan {
    let ask = cases::connect_to_ipv4();
    USER_PASS.plan(ask.request, ask.replies)
}

#[test]
fn a_client_that_leaves_after_each_octet() {
    let messages = [USER_PASS.client_says, &cases::connect_to_ipv4().client_says].concat();
    for cut in 0..messages.len() {
        let expected = match cut {
            0 => server::Error::Silent,
            4 | 18 => server::Error::Closed,
            _ => server::Error::Truncated,
        };
        for reading in READINGS {
            let server = server_hears(&plan(), &messages[..cut], reading);
            assert_eq!(server.end, Err(expected), "cut at {cut}, {reading:?}");
        }
    }
}

#[test]
fn a_server_that_leaves_after_each_octet() {
    let messages = [USER_PASS.server_says, &cases::bind().server_says].concat();
    let plan = Plan { request: cases::bind().request, ..plan() };
    for cut in 0..messages.len() {
        let between = [0, 2, 4, 14].contains(&cut);
        let expected = if between { client::Error::Closed } else { client::Error::Truncated };
        for reading in READINGS {
            let client = client_hears(&plan, &messages[..cut], reading);
            assert_eq!(client.end, Err(expected), "cut at {cut}, {reading:?}");
        }
    }
}

#[test]
fn a_server_that_closes_instead_of_refusing() {
    let ask = cases::connect_to_ipv4();
    let plan = NO_AUTHENTICATION.plan(ask.request, ask.replies);
    let client = client_hears(&plan, NO_AUTHENTICATION.server_says, Reading::WHOLE);
    assert_eq!(client.end, Err(client::Error::Closed));
}
