//! The client and the server with each other, whatever both decide.

use crate::explore::{Explorer, Menu, Run};
use crate::harness::plan::{Accepts, Answer, Credentials, IPV4, Opening, Plan, UNSPECIFIED};
use crate::harness::states::agree;
use crate::harness::transport::Delivery;
use crate::server::answer;

pub(crate) const IPV6: &[u8] = b"\x04\x20\x01\x0D\xB8\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x05\x01\xBB";
pub(crate) const NAME: &[u8] = b"\x03\x02x\xFF\x00\x00";
const LONGEST_NAME: &[u8] = &longest_name();

const fn longest_name() -> [u8; 259] {
    let mut endpoint = [b'n'; 259];
    (endpoint[0], endpoint[1], endpoint[257], endpoint[258]) = (3, 255, 0xFF, 0xFF);
    endpoint
}

const METHODS: [u8; 5] = [0x00, 0x01, 0x02, 0x80, 0xFF];

/// Every list of up to three methods, in every order, with those that have a method twice.
fn lists() -> Vec<Vec<u8>> {
    let longer = |lists: &[Vec<u8>]| -> Vec<_> {
        lists.iter().flat_map(|list| METHODS.map(|method| [list.as_slice(), &[method]].concat())).collect()
    };
    let one = longer(&[vec![]]);
    let two = longer(&one);
    let three = longer(&two);
    [vec![vec![]], one, two, three].concat()
}

pub(crate) fn openings(offers: impl IntoIterator<Item = Vec<u8>>) -> Vec<Opening> {
    let optimistic = [false, true].map(|user_pass| Opening::Optimistic { user_pass });
    offers.into_iter().map(Opening::Offer).chain(optimistic).collect()
}

fn user(name: &[u8], password: &[u8]) -> Credentials {
    (name.to_vec(), password.to_vec())
}

/// Both sides run to their end, which is therefore certain.
pub(crate) fn both(plan: &Plan, _script: &[u8], delivery: Delivery) -> Run {
    Run { decisions: agree(plan, delivery, delivery), certain: Some(0) }
}

#[test]
fn both_sides_agree_for_every_offer_and_preference() {
    let menu = Menu {
        openings: openings(lists()),
        preferences: lists(),
        accepts: vec![Accepts::All, Accepts::None],
        ..Menu::default()
    };
    Explorer::explore(both, menu, &Plan::by(0), &[], 0);
}

const COMMANDS: [u8; 5] = [1, 2, 3, 0xF0, 0x77];
const ENDPOINTS: [&[u8]; 5] = [UNSPECIFIED, IPV4, IPV6, NAME, LONGEST_NAME];
const FAILURES: [u8; 18] = [1, 2, 3, 4, 5, 6, 7, 8, 0xF0, 0xF1, 0xF2, 0xF3, 0xF4, 0xF5, 0xF6, 0xF7, 0x5D, 0xFF];

fn answers() -> Vec<Answer> {
    let granted = ENDPOINTS.iter().zip(ENDPOINTS.iter().rev()).map(|(first, second)| answer(Some(first), 0, second));
    let refused = FAILURES.map(|code| answer(None, code, UNSPECIFIED));
    let late = FAILURES.map(|code| answer(Some(IPV4), code, NAME));
    granted.chain(refused).chain(late).collect()
}

#[test]
fn both_sides_agree_for_every_request_and_answer() {
    let menu = Menu {
        openings: openings(METHODS.map(|method| vec![method])),
        credentials: vec![user(b"u", b"p"), user(b"u", b"q"), user(b"", b""), user(&[b'u'; 255], &[b'p'; 255])],
        requests: COMMANDS.iter().flat_map(|&command| ENDPOINTS.map(|endpoint| (command, endpoint))).collect(),
        preferences: vec![METHODS.to_vec()],
        accepts: vec![Accepts::All, Accepts::None, Accepts::Only(user(b"u", b"p"))],
        answers: answers(),
    };
    Explorer::explore(both, menu, &Plan::by(0), &[], 0);
}
