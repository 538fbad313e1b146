//! Whole handshakes, and every byte of them.

use socks5_sansio::server::INPUT_MAX_LEN;
use socks5_sansio::socks4::Request;

use crate::harness::applications::End;
use crate::harness::plan::{Accepts, Answer, BIND, IPV4, Opening, Plan, UNSPECIFIED};
use crate::harness::states::{agree, connects, serves, transcript};
use crate::harness::transport::Delivery;

pub(crate) struct Case {
    pub(crate) plan: Plan,
    pub(crate) up: Vec<u8>,
    pub(crate) down: Vec<u8>,
}

const IPV6: &[u8] = b"\x04\x20\x01\x0D\xB8\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x01\x01\xBB";
const SUCCESS: &[u8] = b"\x05\x00\x00\x01\xC0\x00\x02\x07\x12\x34";

/// Clients of SOCKS5: every method with every request, and the longest messages that there are.
pub(crate) fn socks5() -> impl Iterator<Item = Case> {
    let logins = [
        (Plan::by(0), b"\x05\x01\x00".as_slice(), b"\x05\x00".as_slice()),
        (Plan::by(2), b"\x05\x01\x02\x01\x05alice\x06s3cret", b"\x05\x02\x01\x00"),
        (Plan::by(2).with_offer(&[0, 2]), b"\x05\x02\x00\x02\x01\x05alice\x06s3cret", b"\x05\x02\x01\x00"),
        (Plan::by(0).with_offer(&[0, 2]), b"\x05\x02\x00\x02", b"\x05\x00"),
        (Plan::by(0x80).with_offer(&[0x80, 2]), b"\x05\x02\x80\x02ask", b"\x05\x80answer"),
        (
            Plan::by(1).with_offer(&[0, 1, 2]).with_preference(&[1, 0]).with_frames(b"tok", b"", 1),
            b"\x05\x03\x00\x01\x02\x01\x01\x00\x03tok\x01\x01\x00\x03tok\x01\x02\x00\x03tok",
            b"\x05\x01\x01\x01\x00\x00\x01\x01\x00\x00\x01\x02\x00\x00",
        ),
    ];
    logins.into_iter().flat_map(|login| requests().map(move |request| case(&login, request))).chain([longest()])
}

/// The same for clients that send everything at once.
pub(crate) fn optimistic() -> impl Iterator<Item = Case> {
    let logins = [
        (optimistic_plan(Plan::by(0), false), b"\x05\x01\x00".as_slice(), b"\x05\x00".as_slice()),
        (optimistic_plan(Plan::by(2), true), b"\x05\x01\x02\x01\x05alice\x06s3cret", b"\x05\x02\x01\x00"),
    ];
    let longest = longest();
    let up = [b"\x05\x01\x02", &longest.up[257..]].concat();
    let longest = Case { plan: optimistic_plan(longest.plan, true), up, ..longest };
    logins.into_iter().flat_map(|login| requests().map(move |request| case(&login, request))).chain([longest])
}

/// The same for clients of SOCKS4, and for those of SOCKS5 with a server that serves both.
pub(crate) fn either() -> impl Iterator<Item = Case> {
    let bound = b"\x00\x5A\x12\x34\xC0\x00\x02\x07".as_slice();
    let (user_id, name) = (vec![b'u'; 255], vec![b'n'; 255]);
    let plan = Plan::by(0).with_socks4();
    let requests = [
        (1, IPV4, IPV4, b"\x04\x01\x12\x34\xC0\x00\x02\x07alice\x00".as_slice(), bound.to_vec()),
        (
            1,
            b"\x03\x01\xFF\x00\x50",
            IPV6,
            b"\x04\x01\x00\x50\x00\x00\x00\x01alice\x00\xFF\x00",
            b"\x00\x5A\x00\x00\x00\x00\x00\x00".to_vec(),
        ),
        (BIND, IPV4, IPV4, b"\x04\x02\x12\x34\xC0\x00\x02\x07alice\x00", [bound, bound].concat()),
        (0xF0, UNSPECIFIED, IPV4, b"\x04\xF0\x00\x00\x00\x00\x00\x00alice\x00", bound.to_vec()),
    ];
    let socks4 = requests.map(|(command, destination, bound, up, down)| {
        let answer = Answer { listening: Some(IPV4.to_vec()), code: 0, bound: bound.to_vec() };
        let plan = plan.clone().with_request((command, destination)).with_answer(answer);
        Case { plan, up: up.to_vec(), down }
    });
    let longest = Case {
        plan: plan.with_credentials(&user_id, b"").with_request((1, &[b"\x03\xFF", &*name, b"\x00\x50"].concat())),
        up: [b"\x04\x01\x00\x50\x00\x00\x00\x01", &*user_id, b"\x00", &name, b"\x00"].concat(),
        down: bound.to_vec(),
    };
    let socks5 = socks5().map(|case| Case { plan: case.plan.with_either(), ..case });
    socks4.into_iter().chain([longest]).chain(socks5)
}

/// Every case there is.
pub(crate) fn all() -> impl Iterator<Item = Case> {
    socks5().chain(optimistic()).chain(either())
}

fn optimistic_plan(plan: Plan, user_pass: bool) -> Plan {
    plan.with_opening(Opening::Optimistic { user_pass })
}

/// A command with its destination, the bound addresses of its replies, and what both sides send.
type Exchange<'a> = (u8, &'a [u8], Option<&'a [u8]>, &'a [u8], Vec<u8>, Vec<u8>);

fn requests() -> impl Iterator<Item = Exchange<'static>> {
    let success = SUCCESS.to_vec();
    [
        (1, IPV4, None, IPV4, b"\x05\x01\x00\x01\xC0\x00\x02\x07\x12\x34".to_vec(), success.clone()),
        (1, IPV6, None, IPV6, [b"\x05\x01\x00", IPV6].concat(), [b"\x05\x00\x00", IPV6].concat()),
        (
            1,
            b"\x03\x01\xFF\x00\x50",
            None,
            b"\x03\x01s\x00\x50",
            b"\x05\x01\x00\x03\x01\xFF\x00\x50".to_vec(),
            b"\x05\x00\x00\x03\x01s\x00\x50".to_vec(),
        ),
        (2, IPV6, Some(IPV4), IPV6, [b"\x05\x02\x00", IPV6].concat(), [SUCCESS, b"\x05\x00\x00", IPV6].concat()),
        (3, UNSPECIFIED, None, IPV4, b"\x05\x03\x00\x01\x00\x00\x00\x00\x00\x00".to_vec(), success.clone()),
        (0x77, IPV4, None, IPV4, b"\x05\x77\x00\x01\xC0\x00\x02\x07\x12\x34".to_vec(), success.clone()),
        (
            0xF0,
            b"\x03\x0Bexample.com\x00\x00",
            None,
            IPV4,
            b"\x05\xF0\x00\x03\x0Bexample.com\x00\x00".to_vec(),
            success,
        ),
    ]
    .into_iter()
}

fn case((plan, up, down): &(Plan, &[u8], &[u8]), request: Exchange<'_>) -> Case {
    let (command, destination, listening, bound, request, replies) = request;
    let answer = Answer { listening: listening.map(<[u8]>::to_vec), code: 0, bound: bound.to_vec() };
    let plan = plan.clone().with_request((command, destination)).with_answer(answer);
    Case { plan, up: [up, &*request].concat(), down: [down, &*replies].concat() }
}

/// The longest message of each kind.
fn longest() -> Case {
    let methods: Vec<_> = (0..=254).collect();
    let (username, password) = (vec![b'u'; 255], vec![b'p'; 255]);
    let endpoint = [b"\x03\xFF", [b'x'; 255].as_slice(), b"\x00\x50"].concat();
    let up = [b"\x05\xFF", &*methods, b"\x01\xFF", &username, b"\xFF", &password, b"\x05\x02\x00", &endpoint].concat();
    let reply = [b"\x05\x00\x00", &*endpoint].concat();
    let plan = Plan::by(2)
        .with_offer(&methods)
        .with_credentials(&username, &password)
        .with_accepts(Accepts::Only((username.clone(), password.clone())))
        .with_request((BIND, &endpoint))
        .with_answer(Answer { listening: Some(endpoint.clone()), code: 0, bound: endpoint.clone() });
    Case { plan, up, down: [b"\x05\x02\x01\x00", &*reply, &reply].concat() }
}

#[test]
fn both_sides_send_the_known_bytes() {
    for Case { plan, up, down } in all() {
        let (client, server) = &plan.data;
        assert_eq!(transcript(&plan), ([up, client.clone()].concat(), [down, server.clone()].concat()), "{plan:?}");
    }
}

#[test]
fn both_sides_agree_however_their_input_is_cut() {
    for Case { plan, .. } in all() {
        for delivery in Delivery::every() {
            agree(&plan, delivery, delivery);
        }
    }
}

#[test]
fn input_may_end_after_the_last_message() {
    for Case { plan, up, down } in all() {
        for delivery in [Delivery::Whole, Delivery::BYTES, Delivery::EXACT] {
            assert_eq!(serves(&plan, &up, delivery).end, End::Open, "{plan:?}");
            assert_eq!(connects(&plan, &down, delivery).end, End::Open, "{plan:?}");
        }
    }
}

#[test]
fn the_longest_messages_have_the_documented_lengths() {
    assert_eq!(longest().up.len(), INPUT_MAX_LEN);
    assert_eq!(optimistic().map(|case| case.up.len()).max(), Some(778));
    let is_socks4 = |case: &Case| matches!(case.plan.opening(), Opening::Socks4);
    assert_eq!(either().filter(is_socks4).map(|case| case.up.len()).max(), Some(Request::MAX_LEN));
}
