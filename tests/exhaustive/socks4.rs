//! SOCKS4 on either side, a server of both protocols, and both sides with each other.

use crate::explore::{Explorer, Menu};
use crate::harness::plan::{Accepts, BIND, IPV4, Plan, UNSPECIFIED};
use crate::harness::states::{connects, serves};
use crate::joined::{IPV6, NAME, both};
use crate::server::answer;

const REQUESTS: [&[u8]; 6] = [
    b"\x04\x01\x00\x50\xC0\x00\x02\x07me\x00",
    b"\x04\x02\x00\x50\x00\x00\x00\x01\x00x\xFF\x00",
    b"\x04\x77\x00\x50\x00\x00\x00\x00\x00",
    b"\x04\x01\x00\x50\x00\x00\x00\xFF\x00\x00",
    b"\x05\x01\x00",
    b"\x05\x02\x00\x03\x02x\xFF\x00\x14",
];
const REPLIES: [&[u8]; 7] = [
    b"\x00\x5A\x12\x34\xC0\x00\x02\x07",
    b"\x04\x5A\x00\x00\x00\x00\x00\x00",
    b"\x00\x5B\x00\x00\x00\x00\x00\x00",
    b"\x00\x5D",
    b"\x04\x00",
    b"\x05\x00",
    b"HTTP",
];

/// Every kind of answer: success with an IPv4 or another address, or failure; for BIND, with or without a first reply.
fn menu() -> Menu {
    Menu {
        preferences: [[].as_slice(), &[0], &[2], &[2, 0]].map(<[u8]>::to_vec).into(),
        accepts: vec![Accepts::All, Accepts::None],
        answers: [Some(IPV4), Some(NAME), Some(IPV6), None]
            .iter()
            .flat_map(|listening| {
                [(0, IPV4), (0, IPV6), (6, UNSPECIFIED)].map(|(code, bound)| answer(*listening, code, bound))
            })
            .collect(),
        ..Menu::default()
    }
}

/// An offer and a request.
const LONGEST: u32 = 2;

#[test]
fn serves_every_client_of_either_protocol() {
    let subject = |plan: &_, script: &_, delivery| serves(plan, script, delivery).into();
    Explorer::explore(subject, menu(), &Plan::by(0).with_either(), &REQUESTS, LONGEST);
}

#[test]
fn connects_to_every_server_of_socks4() {
    let subject = |plan: &_, script: &_, delivery| connects(plan, script, delivery).into();
    let requests = vec![(1, IPV4), (BIND, NAME), (0x77, UNSPECIFIED), (1, IPV6)];
    Explorer::explore(subject, Menu { requests, ..Menu::default() }, &Plan::by(0).with_socks4(), &REPLIES, LONGEST);
}

#[test]
fn both_sides_agree_for_every_request_and_answer_in_socks4() {
    let requests = [1, BIND, 0xF0].iter().flat_map(|&command| [IPV4, NAME, IPV6].map(|endpoint| (command, endpoint)));
    let users = [b"".as_slice(), b"me", &[b'u'; 255], &[b'u'; 256], b"a\0b"].map(|user_id| (user_id.to_vec(), vec![]));
    let menu = Menu { requests: requests.collect(), credentials: users.into(), ..menu() };
    Explorer::explore(both, menu, &Plan::by(0).with_socks4(), &[], 0);
}
