//! The client, against every server.

use crate::explore::{Explorer, Menu};
use crate::harness::plan::{IPV4, Opening, Plan, UNSPECIFIED};
use crate::harness::states::connects;
use crate::joined::{IPV6, NAME, openings};

const SELECTIONS: [&[u8]; 5] = [b"\x05\x00", b"\x05\x01", b"\x05\x02", b"\x05\x80", b"\x05\xFF"];
const STATUSES: [&[u8]; 4] = [b"\x01\x00", b"\x01\x01", b"\x01\xFF", b"+"];
const SUCCESSES: [&[u8]; 5] = [
    b"\x05\x00\x00\x01\xC0\x00\x02\x07\x12\x34",
    b"\x05\x00\x00\x03\x02x\xFF\x00\x00",
    b"\x05\x00\x00\x04\x20\x01\x0D\xB8\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x05\x01\xBB",
    b"\x05\x00\x01\x01\x00\x00\x00\x00\x00\x00",
    b"\x05\x00\x00\x03\x00\x12\x34",
];
const FAILURES: [&[u8]; 4] = [
    b"\x05\x05\x00\x01\x00\x00\x00\x00\x00\x00",
    b"\x05\xF4\x00\x03\x01x\x00\x00",
    b"\x05\x02\x00",
    b"\x05\x01\xFF\xFF",
];
/// A selection, a status and a reply of other versions, a reply without an address, and another protocol.
const MALFORMED: [&[u8]; 5] = [
    b"\x04\x00",
    b"\x02\x00",
    b"\x00\x5A\x12\x34\xC0\x00\x02\x07",
    b"\x05\x00\x00\x02\xC0\x00\x02\x07\x12\x34",
    b"HTTP",
];

/// A method, a status and the two replies of BIND.
const LONGEST: u32 = 4;

#[test]
fn connects_to_every_server() {
    let alphabet = [SELECTIONS.as_slice(), &STATUSES, &SUCCESSES, &FAILURES, &MALFORMED].concat();
    let offers = [[].as_slice(), &[0x00], &[0x02], &[0x80], &[0xFF], &[0x00, 0x02], &[0x80, 0x02, 0x00]];
    let any_offer = [[0x00].as_slice(), &[0x00, 0x02]].map(|methods| Opening::AnyOffer(methods.to_vec()));
    let menu = Menu {
        openings: [openings(offers.map(<[u8]>::to_vec)), any_offer.to_vec()].concat(),
        credentials: vec![(b"u".to_vec(), b"p".to_vec()), (vec![], vec![])],
        requests: vec![(1, IPV4), (2, NAME), (3, UNSPECIFIED), (0x77, IPV6)],
        ..Menu::default()
    };
    let plan = Plan::by(0).with_frames(b"*", b"+", 0);
    Explorer::explore(
        |plan, script, delivery| connects(plan, script, delivery).into(),
        menu,
        &plan,
        &alphabet,
        LONGEST,
    );
}
