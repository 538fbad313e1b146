//! What holds for each side with any bytes, and for both sides with each other.

use socks5_sansio::client;
use socks5_sansio::gssapi;
use socks5_sansio::server::{self, ReceiveOffer};
use socks5_sansio::socks4::{self, UserId};

use super::applications::{self, Application, End, endpoint};
use super::choices::Choices;
use super::plan::{Accepts, Answer, BIND, IPV4, Opening, Plan};
use super::recogniser::{self, Expected};
use super::transport::{Delivery, Script, keeps_the_contract};

/// A server receives any bytes, in any pieces.
pub fn server(bytes: &[u8]) {
    let mut choices = Choices::new(bytes);
    let (plan, delivery) = (Plan::choose_for_one_side(&mut choices), Delivery::choose(&mut choices));
    let input = choices.rest();
    keeps_the_contract(ReceiveOffer::new, input);
    for delivery in [Delivery::Whole, Delivery::BYTES, Delivery::EXACT, delivery] {
        serves(&plan, input, delivery);
    }
}

/// A client receives any bytes, in any pieces.
pub fn client(bytes: &[u8]) {
    let mut choices = Choices::new(bytes);
    let (plan, delivery) = (Plan::choose_for_one_side(&mut choices), Delivery::choose(&mut choices));
    let input = choices.rest();
    keeps_the_contract(|| client::login(None).1, input);
    for delivery in [Delivery::Whole, Delivery::BYTES, Delivery::EXACT, delivery] {
        connects(&plan, input, delivery);
    }
}

/// Each side receives what the other sends, perhaps with a byte or two changed on the way, in any pieces.
pub fn handshake(bytes: &[u8]) {
    let mut choices = Choices::new(bytes);
    let (plan, delivery) = (Plan::choose(&mut choices), Delivery::choose(&mut choices));
    let (up, down) = transcript(&plan);
    let (up, down) = (damaged(&up, &mut choices), damaged(&down, &mut choices));
    for delivery in [Delivery::Whole, Delivery::BYTES, Delivery::EXACT, delivery] {
        serves(&plan, &up, delivery);
        connects(&plan, &down, delivery);
    }
}

/// A client and a server with each other.
pub fn together(bytes: &[u8]) {
    let mut choices = Choices::new(bytes);
    let plan = Plan::choose(&mut choices);
    agree(&plan, Delivery::choose(&mut choices), Delivery::choose(&mut choices));
}

/// The first byte decides how many tokens each side asks for; the other bytes are what the peer sends.
pub fn gssapi(bytes: &[u8]) {
    let Some((decisions, input)) = bytes.split_first() else { return };
    let rounds = if *decisions == 0 { usize::MAX } else { decisions.trailing_zeros() as usize };
    let plan = Plan::by(1).with_accepts(Accepts::All).with_frames(b"", b"", rounds);
    let state = || gssapi::offer().1;
    keeps_the_contract(state, input);
    for delivery in [Delivery::Whole, Delivery::BYTES, Delivery::EXACT] {
        serves(&plan, &[b"\x05\x01\x01", input].concat(), delivery);
        connects(&plan, &[b"\x05\x01", input].concat(), delivery);
    }
}

/// Both sides of SOCKS4 receive any bytes. The first byte decides the plan.
pub fn socks4(bytes: &[u8]) {
    let Some((&decisions, input)) = bytes.split_first() else { return };
    keeps_the_contract(socks4::ReceiveRequest::new, input);
    keeps_the_contract(|| socks4::connect(endpoint(IPV4), UserId::EMPTY).unwrap().1, input);
    keeps_the_contract(|| socks4::bind(endpoint(IPV4), UserId::EMPTY).unwrap().1, input);
    let listening = (decisions & 1 == 0).then(|| IPV4.to_vec());
    let plan = Plan::by(if decisions & 2 == 0 { 0 } else { 2 })
        .with_socks4()
        .with_request((if decisions & 4 == 0 { 1 } else { BIND }, IPV4))
        .with_answer(Answer { listening, code: decisions >> 3, bound: IPV4.to_vec() });
    for delivery in [Delivery::Whole, Delivery::BYTES, Delivery::EXACT] {
        serves(&plan, input, delivery);
        serves(&plan, &[b"\x04", input].concat(), delivery);
        connects(&plan, input, delivery);
    }
}

fn damaged(bytes: &[u8], choices: &mut Choices<'_>) -> Vec<u8> {
    let mut bytes = bytes.to_vec();
    for _ in 0..choices.byte() % 3 {
        let (at, to) = (choices.up_to(1100), choices.byte());
        bytes.iter_mut().skip(at).take(1).for_each(|byte| *byte = to);
    }
    if choices.flag() {
        bytes.truncate(choices.up_to(1100));
    }
    bytes
}

/// Lets a server receive a script, and checks everything that it does.
pub fn serves(plan: &Plan, input: &[u8], delivery: Delivery) -> Expected {
    let plan = plan.fresh();
    let (server, end) = applications::serve(&plan, Script::new(input, delivery));
    let decisions = plan.decisions_read();
    let expected = recogniser::serve(&plan, input);
    assert_eq!(decisions, plan.decisions_read(), "the decisions of a server that receives {input:02X?}");
    as_expected(&server, end, &expected, input, delivery);
    expected
}

/// Lets a client receive a script, and checks everything that it does.
pub fn connects(plan: &Plan, input: &[u8], delivery: Delivery) -> Expected {
    let plan = plan.fresh();
    let (client, end) = applications::connect(&plan, Script::new(input, delivery));
    let decisions = plan.decisions_read();
    let expected = recogniser::connect(&plan, input);
    assert_eq!(decisions, plan.decisions_read(), "the decisions of a client that receives {input:02X?}");
    as_expected(&client, end, &expected, input, delivery);
    expected
}

fn as_expected(side: &Application<'_, Script<'_>>, end: End, expected: &Expected, input: &[u8], delivery: Delivery) {
    let script = &side.transport;
    assert_eq!(end, expected.end, "after {input:02X?}, {delivery:?}");
    assert_eq!(side.events, expected.events, "after {input:02X?}, {delivery:?}");
    assert_eq!(script.sent, expected.sent, "after {input:02X?}, {delivery:?}");
    assert_eq!(script.used, expected.used, "bytes of {input:02X?}, {delivery:?}");
    for (arrived, missing) in &script.missing {
        assert_eq!(Some(*missing), expected.missing(*arrived), "missing after {arrived} of {input:02X?}, {delivery:?}");
    }
    match delivery {
        Delivery::Whole => {}
        _ if end.is_early() => assert_eq!(script.arrived, input.len(), "{input:02X?}, {delivery:?}"),
        Delivery::BYTES => every_byte_counts(script, expected, input),
        // for a malformed message, bytes after those that decide may have been requested and read
        Delivery::EXACT if !end.is_malformed() => assert_eq!(script.arrived, expected.certain, "{input:02X?}"),
        Delivery::Pieces(_) => {}
    }
}

/// A state waits until the outcome is certain, and no longer; `missing` is right after every byte.
fn every_byte_counts(script: &Script<'_>, expected: &Expected, input: &[u8]) {
    assert_eq!(script.arrived, expected.certain, "{input:02X?}");
    let missing = (0..expected.certain).filter_map(|arrived| Some((arrived, expected.missing(arrived)?)));
    assert!(missing.eq(script.missing.iter().copied()), "{:?} after {input:02X?}", script.missing);
}

/// All that a client and a server send to each other.
///
/// What a side sends depends on nothing but what it received, and more input never takes back what was sent. So it does not
/// matter in which order the two take turns, and each turn can start from the beginning.
pub fn transcript(plan: &Plan) -> (Vec<u8>, Vec<u8>) {
    let (mut up, mut down) = (vec![], vec![]);
    loop {
        let sent = applications::connect(plan, Script::new(&down, Delivery::Whole)).0.transport.sent;
        assert!(sent.starts_with(&up), "{sent:02X?} after {up:02X?}");
        let answers = applications::serve(plan, Script::new(&sent, Delivery::Whole)).0.transport.sent;
        assert!(answers.starts_with(&down), "{answers:02X?} after {down:02X?}");
        if (&sent, &answers) == (&up, &down) {
            return (up, down);
        }
        (up, down) = (sent, answers);
    }
}

/// Both sides end as the recogniser expects, and agree on the outcome. Returns the bits of the decisions that were read.
pub fn agree(plan: &Plan, to_server: Delivery, to_client: Delivery) -> u8 {
    let plan = plan.fresh();
    let (up, down) = transcript(&plan);
    let (served, client) = (serves(&plan, &up, to_server), connects(&plan, &down, to_client));
    let (up, down) = (&up[served.used..], &down[client.used..]);
    let optimistic = matches!(plan.opening(), Opening::Optimistic { .. });
    match client.end {
        End::Open => {
            assert_eq!(served.end, End::Open, "{plan:?}");
            assert_eq!((up, down), (&*plan.data.0, &*plan.data.1), "{plan:?}");
        }
        End::Client(client::Error::NoAcceptableMethods | client::Error::Rejected(_) | client::Error::Refused(_))
        | End::Gssapi(gssapi::Error::Aborted)
        | End::Socks4(socks4::Error::Refused(_)) => {
            assert_eq!(served.end, End::Refused, "{plan:?}");
            // an optimistic client had sent its data already: the server leaves it unread
            assert_eq!(if optimistic { plan.data.0.len() } else { 0 }, up.len().min(plan.data.0.len()), "{plan:?}");
        }
        // the server refused in a sub-negotiation that has no message for it
        End::Left => assert_eq!((served.end, up), (End::Refused, b"".as_slice()), "{plan:?}"),
        End::Unsent(_) => {
            assert_eq!((served.end, up), (End::Server(server::Error::Silent), b"".as_slice()), "{plan:?}")
        }
        end => panic!("{end:?} of {plan:?}"),
    }
    served.decisions | client.decisions
}
