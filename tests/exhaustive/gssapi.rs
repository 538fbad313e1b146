//! GSSAPI's sub-negotiation, on either side.

use crate::explore::{Explorer, Menu};
use crate::harness::plan::{Accepts, Opening, Plan};
use crate::harness::states::{connects, serves};

const FRAMES: [&[u8]; 7] = [
    b"\x01\x01\x00\x03abc",
    b"\x01\x01\x00\x00",
    b"\x01\x02\x00\x01\xFE",
    b"\x01\x03\x00\x02hi",
    b"\x01\xFF",
    b"\x05\x01\x00\x00",
    b"\x01\x04\x00\x00",
];

/// The maximum number of tokens that are answered with `more`.
const ROUNDS: usize = 2;
/// A method, the tokens, a level, and a request or a reply.
const LONGEST: u32 = 1 + (1 + ROUNDS as u32) + 1 + 1;

#[test]
fn accepts_every_client() {
    let alphabet = [FRAMES.as_slice(), &[b"\x05\x01\x01", b"\x05\x01\x00\x01\xC0\x00\x02\x01\x00\x50"]].concat();
    for rounds in 0..=ROUNDS {
        for answer in [b"".as_slice(), b"token"] {
            let plan = Plan::by(1).with_frames(b"", answer, rounds);
            let menu = Menu { accepts: vec![Accepts::All, Accepts::None], ..Menu::default() };
            let subject = |plan: &_, script: &_, delivery| serves(plan, script, delivery).into();
            Explorer::explore(subject, menu, &plan, &alphabet, LONGEST);
        }
    }
}

#[test]
fn negotiates_with_every_server() {
    let alphabet =
        [FRAMES.as_slice(), &[b"\x05\x01", b"\x05\xFF", b"\x05\x00\x00\x01\xC0\x00\x02\x01\x00\x50"]].concat();
    for rounds in 0..=ROUNDS {
        let plan = Plan::by(1).with_frames(b"token", b"", rounds);
        let openings = vec![Opening::Offer(vec![1]), Opening::AnyOffer(vec![1])];
        let menu = Menu { openings, ..Menu::default() };
        let subject = |plan: &_, script: &_, delivery| connects(plan, script, delivery).into();
        Explorer::explore(subject, menu, &plan, &alphabet, LONGEST);
    }
}
