//! The server, against every client.

use crate::explore::{Explorer, Menu};
use crate::harness::plan::{Accepts, Answer, IPV4, Plan, UNSPECIFIED};
use crate::harness::states::serves;
use crate::joined::NAME;

const OFFERS: [&[u8]; 6] =
    [b"\x05\x00", b"\x05\x01\x00", b"\x05\x01\x02", b"\x05\x01\x80", b"\x05\x01\xFF", b"\x05\x03\x80\x02\x00"];
const LOGINS: [&[u8]; 4] = [b"\x01\x01u\x01p", b"\x01\x01u\x01q", b"\x01\x00\x00", b"*"];
const REQUESTS: [&[u8]; 5] = [
    b"\x05\x01\x00\x01\xC0\x00\x02\x07\x00\x50",
    b"\x05\x02\x00\x03\x02x\xFF\x00\x14",
    b"\x05\x03\x00\x04\x20\x01\x0D\xB8\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x05\x00\x00",
    b"\x05\x77\x01\x01\xC0\x00\x02\x07\x00\x50",
    b"\x05\xF0\x00\x03\x01x\x00\x00",
];
/// An offer, credentials and a request of other versions, requests without an address, and another protocol.
const MALFORMED: [&[u8]; 6] = [
    b"\x04\x01\x00\x50\xC0\x00\x02\x07\x00",
    b"\x02\x01u\x01p",
    b"\x06\x01\x00\x01\xC0\x00\x02\x07\x00\x50",
    b"\x05\x01\x00\x02\xC0\x00\x02\x07\x00\x50",
    b"\x05\x01\x00\x03\x00\x00\x50",
    b"GET",
];

/// A method, a login and a request.
const LONGEST: u32 = 3;

pub(crate) fn answer(listening: Option<&[u8]>, code: u8, bound: &[u8]) -> Answer {
    Answer { listening: listening.map(<[u8]>::to_vec), code, bound: bound.to_vec() }
}

#[test]
fn serves_every_client() {
    let alphabet = [OFFERS.as_slice(), &LOGINS, &REQUESTS, &MALFORMED].concat();
    let preferences = [[].as_slice(), &[0x00], &[0x02], &[0x80], &[0xFF], &[0x80, 0x02, 0x00], &[0x02, 0x00]];
    let menu = Menu {
        preferences: preferences.map(<[u8]>::to_vec).into(),
        accepts: vec![Accepts::All, Accepts::None, Accepts::Only((b"u".to_vec(), b"p".to_vec()))],
        answers: vec![answer(Some(NAME), 0, IPV4), answer(Some(IPV4), 6, UNSPECIFIED), answer(None, 2, NAME)],
        ..Menu::default()
    };
    let plan = Plan::by(0).with_frames(b"*", b"+", 0);
    Explorer::explore(|plan, script, delivery| serves(plan, script, delivery).into(), menu, &plan, &alphabet, LONGEST);
}
