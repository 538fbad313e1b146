//! Fragments of datagrams by RFC 1928 section 7: example by example, against a model of its rules, and there and back.

use core::num::NonZeroUsize;
use core::time::Duration;
use std::collections::BTreeMap;

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::{Index, select};
use proptest::strategy::ValueTree;
use proptest::test_runner::{TestCaseResult, TestRunner};
use socks5_sansio::reassembly::{Fragments, MIN_TIMEOUT, Outcome, Reason, Reassembly, fragments};
use socks5_sansio::{Domain, Endpoint, Fragment, Message, UdpHeader, ValueError};

/// What a buffer holds before anything is written to it.
const FRESH: u8 = 0xA5;
/// More than any of the examples needs.
const ROOM: usize = 500;
/// The high bit of FRAG.
const LAST: u8 = 0x80;

const STORED: Outcome<'static> = Outcome::Stored;
const DUPLICATE: Outcome<'static> = Outcome::Dropped(Reason::Duplicate);
const OUT_OF_ORDER: Outcome<'static> = Outcome::Dropped(Reason::OutOfOrder);
const OVERFLOW: Outcome<'static> = Outcome::Dropped(Reason::Overflow);
const POSITION: Outcome<'static> = Outcome::Dropped(Reason::Position);

const NANOSECOND: Duration = Duration::from_nanos(1);
/// Just before a timer of 5 seconds expires.
const ALMOST: Duration = Duration::new(4, 999_999_999);
/// Just when it does.
const EXPIRED: Duration = Duration::from_secs(5);

fn config(factor: u32) -> ProptestConfig {
    let default = ProptestConfig::default();
    ProptestConfig { cases: factor * default.cases, failure_persistence: None, ..default }
}

// Examples: the timer

#[test]
fn rfc1928_s7_the_timer_runs_from_the_first_fragment() {
    plays(&[
        (sent(1, "a"), STORED),
        (sent(2, "b").at(ALMOST), STORED),
        (sent(3, "c").at(EXPIRED), OUT_OF_ORDER),
        (sent(1, "a").at(EXPIRED), STORED),
        (sent(LAST | 2, "b").at(EXPIRED + ALMOST), whole("ab")),
    ]);
}

#[test]
fn rfc1928_s7_the_timer_is_no_less_than_5_seconds() {
    assert_eq!(MIN_TIMEOUT, EXPIRED);
    for timeout in [Duration::ZERO, NANOSECOND, ALMOST] {
        expires_at(timeout, EXPIRED);
    }
    for timeout in [EXPIRED, EXPIRED + NANOSECOND, Duration::from_secs(3600)] {
        expires_at(timeout, timeout);
    }
}

fn expires_at(timeout: Duration, expiry: Duration) {
    plays_in(ROOM, timeout, &[(sent(1, "a"), STORED), (sent(LAST | 2, "b").at(expiry - NANOSECOND), whole("ab"))]);
    plays_in(ROOM, timeout, &[(sent(1, "a"), STORED), (sent(LAST | 2, "b").at(expiry), OUT_OF_ORDER)]);
}

#[test]
fn rfc1928_s7_a_timer_without_end_never_expires() {
    let mut queue = Reassembly::new([FRESH; ROOM], Duration::MAX);
    assert_eq!(push(&mut queue, &sent(1, "a").at(NANOSECOND)), STORED);
    assert_eq!(push(&mut queue, &sent(LAST | 2, "b").at(Duration::MAX)), whole("ab"));
}

#[test]
fn rfc1928_s7_a_duplicate_does_not_wind_the_timer_up() {
    plays(&[
        (sent(1, "a"), STORED),
        (sent(1, "a").at(ALMOST), DUPLICATE),
        (sent(LAST | 2, "b").at(EXPIRED), OUT_OF_ORDER),
    ]);
}

#[test]
fn rfc1928_s7_what_has_expired_has_no_duplicates() {
    plays(&[
        (sent(1, "a"), STORED),
        (sent(1, "a").at(EXPIRED), STORED),
        (sent(2, "b").at(EXPIRED), STORED),
        (sent(2, "b").at(2 * EXPIRED), OUT_OF_ORDER),
    ]);
}

#[test]
fn rfc1928_s7_a_new_sequence_has_a_new_timer() {
    plays(&[
        (sent(1, "a"), STORED),
        (sent(2, "b"), STORED),
        (sent(1, "a").at(ALMOST), STORED),
        (sent(2, "b").at(EXPIRED), STORED),
        (sent(LAST | 3, "c").at(ALMOST + ALMOST), whole("abc")),
    ]);
}

#[test]
fn the_timer_expires_whatever_comes() {
    for (frag, outcome) in [(LAST, POSITION), (0, whole("x")), (7, OUT_OF_ORDER)] {
        plays(&[
            (sent(1, "a"), STORED),
            (sent(frag, "x").at(EXPIRED), outcome),
            (sent(LAST | 2, "b").at(ALMOST), OUT_OF_ORDER),
        ]);
    }
}

#[test]
fn a_clock_that_goes_back_expires_nothing() {
    plays(&[
        (sent(1, "a").at(3 * EXPIRED), STORED),
        (sent(2, "b").at(Duration::ZERO), STORED),
        (sent(2, "b").at(EXPIRED), DUPLICATE),
        (sent(LAST | 3, "c").at(3 * EXPIRED + ALMOST), whole("abc")),
    ]);
}

// Examples: the order

#[test]
fn rfc1928_s7_frag_0_stands_alone() {
    plays_in(0, EXPIRED, &[(sent(0, "a"), whole("a")), (sent(0, "a"), whole("a")), (sent(0, ""), whole(""))]);
}

#[test]
fn rfc1928_s7_the_high_bit_ends_the_sequence() {
    plays(&[
        (sent(1, "a"), STORED),
        (sent(2, ""), STORED),
        (sent(LAST | 3, "c"), whole("ac")),
        (sent(4, "d"), OUT_OF_ORDER),
        (sent(1, "e"), STORED),
        (sent(LAST | 2, ""), whole("e")),
    ]);
}

#[test]
fn rfc1928_s7_a_sequence_may_end_with_its_first() {
    plays(&[
        (sent(LAST | 1, "a"), whole("a")),
        (sent(LAST | 1, "a"), whole("a")),
        (sent(1, "b"), STORED),
        (sent(LAST | 1, "b"), whole("b")),
        (sent(LAST | 2, "c"), OUT_OF_ORDER),
    ]);
}

#[test]
fn rfc1928_s7_positions_go_up_to_127() {
    let up_to = |end| (1..=end).map(|position| (sent(position, "a"), STORED));
    let data = "a".repeat(127);
    plays(&up_to(126).chain([(sent(LAST | 127, "a"), whole(&data))]).collect::<Vec<_>>());
    for (frag, outcome) in [(127, DUPLICATE), (LAST | 127, OUT_OF_ORDER), (1, STORED), (LAST | 1, whole("a"))] {
        plays(&up_to(127).chain([(sent(frag, "a"), outcome)]).collect::<Vec<_>>());
    }
}

#[test]
fn rfc1928_s7_a_lower_fragment_abandons_the_queue() {
    for lower in [2, LAST | 2] {
        plays(&[
            (sent(1, "a"), STORED),
            (sent(2, "b"), STORED),
            (sent(3, "c"), STORED),
            (sent(lower, "b"), OUT_OF_ORDER),
            (sent(LAST | 4, "d"), OUT_OF_ORDER),
            (sent(LAST | 3, "c"), OUT_OF_ORDER),
        ]);
    }
}

#[test]
fn rfc1928_s7_a_lower_1_begins_a_new_sequence() {
    plays(&[
        (sent(1, "a"), STORED),
        (sent(2, "b"), STORED),
        (sent(1, "a"), STORED),
        (sent(LAST | 2, "c"), whole("ac")),
        (sent(1, "a"), STORED),
        (sent(2, "b"), STORED),
        (sent(LAST | 1, "d"), whole("d")),
        (sent(3, "c"), OUT_OF_ORDER),
    ]);
}

#[test]
fn rfc1928_s7_frag_0_is_lower_than_all() {
    plays(&[
        (sent(1, "a"), STORED),
        (sent(0, "x"), whole("x")),
        (sent(LAST | 2, "b"), OUT_OF_ORDER),
        (sent(1, "a"), STORED),
        (sent(0, "a").to(To::Name), whole("a")),
        (sent(1, "a"), STORED),
    ]);
}

#[test]
fn a_gap_abandons_the_queue() {
    for beyond in [3, LAST | 3, 127, LAST | 127] {
        plays(&[
            (sent(1, "a"), STORED),
            (sent(beyond, "c"), OUT_OF_ORDER),
            (sent(2, "b"), OUT_OF_ORDER),
            (sent(1, "a"), STORED),
            (sent(LAST | 2, "b"), whole("ab")),
        ]);
    }
}

#[test]
fn a_sequence_without_its_1_is_dropped() {
    plays(&[
        (sent(2, "b"), OUT_OF_ORDER),
        (sent(3, "c"), OUT_OF_ORDER),
        (sent(3, "c"), OUT_OF_ORDER),
        (sent(LAST | 4, "d"), OUT_OF_ORDER),
    ]);
}

#[test]
fn a_duplicate_is_dropped_and_the_queue_kept() {
    plays(&[
        (sent(1, "a"), STORED),
        (sent(1, "a"), DUPLICATE),
        (sent(1, "a"), DUPLICATE),
        (sent(2, ""), STORED),
        (sent(2, ""), DUPLICATE),
        (sent(LAST | 3, "c"), whole("ac")),
        (sent(LAST | 3, "c"), OUT_OF_ORDER),
    ]);
}

#[test]
fn a_duplicate_is_one_in_all() {
    for other in [sent(2, "B"), sent(2, "bb"), sent(2, ""), sent(LAST | 2, "b"), sent(2, "b").to(To::OtherPort)] {
        plays(&[
            (sent(1, "a"), STORED),
            (sent(2, "b"), STORED),
            (other, OUT_OF_ORDER),
            (sent(LAST | 3, "c"), OUT_OF_ORDER),
        ]);
    }
}

#[test]
fn another_1_begins_another_sequence() {
    for other in ["A", "aa", ""] {
        plays(&[(sent(1, "a"), STORED), (sent(1, other), STORED), (sent(LAST | 2, "b"), whole(&format!("{other}b")))]);
    }
}

#[test]
fn frag_80_is_dropped_and_the_queue_kept() {
    plays(&[
        (sent(LAST, "x"), POSITION),
        (sent(1, "a"), STORED),
        (sent(LAST, "x"), POSITION),
        (sent(LAST, "a").to(To::Name), POSITION),
        (sent(LAST | 2, "b").at(ALMOST), whole("ab")),
    ]);
}

#[test]
fn another_endpoint_abandons_the_queue() {
    for other in [To::OtherPort, To::Mapped, To::Name] {
        plays(&[
            (sent(1, "a"), STORED),
            (sent(2, "b").to(other), OUT_OF_ORDER),
            (sent(2, "b"), OUT_OF_ORDER),
            (sent(1, "a"), STORED),
            (sent(1, "a").to(other), STORED),
            (sent(1, "a").to(other), DUPLICATE),
            (sent(LAST | 2, "c").to(other), whole("ac")),
            (sent(LAST | 2, "b"), OUT_OF_ORDER),
        ]);
    }
}

// Examples: the buffer

#[test]
fn an_overflow_abandons_the_queue() {
    let script = [
        (sent(1, "ab"), STORED),
        (sent(2, "cd"), OVERFLOW),
        (sent(2, "c"), OUT_OF_ORDER),
        (sent(1, "abcd"), OVERFLOW),
        (sent(LAST | 1, "abcd"), OVERFLOW),
        (sent(0, "abcd"), whole("abcd")),
        (sent(1, "ab"), STORED),
        (sent(LAST | 2, "c"), whole("abc")),
    ];
    plays_in(To::Ipv4.octets() + 3, EXPIRED, &script);
}

#[test]
fn a_buffer_without_room_for_the_endpoint_takes_no_fragment() {
    let script = [(sent(1, ""), OVERFLOW), (sent(LAST | 1, ""), OVERFLOW), (sent(2, ""), OUT_OF_ORDER)];
    for room in 0..To::Ipv4.octets() {
        plays_in(room, EXPIRED, &script);
    }
    plays_in(To::Ipv4.octets(), EXPIRED, &[(sent(1, ""), STORED), (sent(LAST | 2, ""), whole(""))]);
}

#[test]
fn a_buffer_is_anything_that_holds_octets() {
    takes_two_octets([FRESH; 9]);
    takes_two_octets(vec![FRESH; 9]);
    takes_two_octets(vec![FRESH; 9].into_boxed_slice());
    takes_two_octets(&mut [FRESH; 9]);
    let mut larger = [FRESH; 11];
    takes_two_octets(&mut larger[1..10]);
    assert_eq!((larger[0], larger[10]), (FRESH, FRESH), "wrote outside of its buffer");
}

fn takes_two_octets(buffer: impl AsMut<[u8]>) {
    let mut queue = Reassembly::new(buffer, MIN_TIMEOUT);
    for (second, outcome) in [("bc", OVERFLOW), ("b", whole("ab"))] {
        assert_eq!(push(&mut queue, &sent(1, "a")), STORED);
        assert_eq!(push(&mut queue, &sent(LAST | 2, second)), outcome);
    }
}

/// In a buffer with room for everything, and with a timer of 5 seconds.
fn plays(script: &[(Sent, Outcome<'_>)]) {
    plays_in(ROOM, EXPIRED, script);
}

/// Both the queue and the model give these outcomes.
fn plays_in(room: usize, timeout: Duration, script: &[(Sent, Outcome<'_>)]) {
    let mut queue = Reassembly::new(vec![FRESH; room], timeout);
    let mut model = Model::new(room, timeout);
    for (step, (sent, outcome)) in script.iter().enumerate() {
        assert_eq!(push(&mut queue, sent), *outcome, "step {step}: {sent:?}, timeout {timeout:?}, room {room}");
        assert_eq!(model.push(sent), *outcome, "the model at step {step}: {sent:?}, timeout {timeout:?}, room {room}");
    }
}

fn whole(data: &str) -> Outcome<'_> {
    Outcome::Datagram(data.as_bytes())
}

// Datagrams

/// One that has been sent.
#[derive(Clone, Debug)]
struct Sent {
    at: Duration,
    to: To,
    frag: u8,
    data: Vec<u8>,
}

fn sent(frag: u8, data: &str) -> Sent {
    Sent { at: Duration::ZERO, to: To::Ipv4, frag, data: data.into() }
}

impl Sent {
    fn at(self, at: Duration) -> Self {
        Self { at, ..self }
    }

    fn to(self, to: To) -> Self {
        Self { to, ..self }
    }
}

fn push<'a>(queue: &'a mut Reassembly<impl AsMut<[u8]>>, sent: &'a Sent) -> Outcome<'a> {
    let header = UdpHeader { fragment: Fragment(sent.frag), endpoint: sent.to.endpoint() };
    queue.push(&header, &sent.data, sent.at)
}

/// Endpoints that look alike, and are not the same.
#[derive(Clone, Copy, Debug, PartialEq)]
enum To {
    Ipv4,
    OtherPort,
    Mapped,
    Name,
}

impl To {
    const ALL: [Self; 4] = [Self::Ipv4, Self::OtherPort, Self::Mapped, Self::Name];

    fn endpoint(self) -> Endpoint<'static> {
        match self {
            Self::Ipv4 => Endpoint::try_from("192.0.2.1:53").unwrap(),
            Self::OtherPort => Endpoint::try_from("192.0.2.1:54").unwrap(),
            Self::Mapped => Endpoint::try_from("[::ffff:192.0.2.1]:53").unwrap(),
            Self::Name => Endpoint::from((Domain::new("192.0.2.1").unwrap(), 53)),
        }
    }

    /// RFC 1928 section 5: ATYP, address, port.
    fn octets(self) -> usize {
        match self {
            Self::Ipv4 | Self::OtherPort => 1 + 4 + 2,
            Self::Mapped => 1 + 16 + 2,
            Self::Name => 1 + 1 + 9 + 2,
        }
    }
}

// The model

/// The rules in words: a list of the fragments accepted, and nothing but comparisons.
struct Model {
    room: usize,
    timeout: Duration,
    accepted: Vec<Sent>,
    /// The data last put together.
    whole: Vec<u8>,
    /// How often which rule was decisive.
    rules: BTreeMap<&'static str, usize>,
}

/// All that the model knows, and the scripts must get at.
const RULES: [&str; 20] = [
    "stands alone: the queue is abandoned",
    "stands alone: no queue",
    "position 0: the queue is kept",
    "position 0: no queue",
    "timer: just expired",
    "timer: long expired",
    "timer: just before",
    "timer: the clock goes back",
    "other endpoint: begins anew",
    "other endpoint: the queue is abandoned",
    "duplicate",
    "lower or the same: begins anew",
    "lower or the same: the queue is abandoned",
    "gap: the queue is abandoned",
    "no queue: not a 1",
    "overflow: of the first",
    "overflow: of a later one",
    "stored",
    "whole: of one",
    "whole: of several",
];

impl Model {
    fn new(room: usize, timeout: Duration) -> Self {
        let timeout = if timeout < Duration::from_secs(5) { Duration::from_secs(5) } else { timeout };
        Self { room, timeout, accepted: Vec::new(), whole: Vec::new(), rules: BTreeMap::new() }
    }

    fn push(&mut self, sent: &Sent) -> Outcome<'_> {
        self.look_at_the_clock(sent.at);
        let queued = !self.accepted.is_empty();
        match sent.frag {
            0x00 => {
                self.rule(if queued { "stands alone: the queue is abandoned" } else { "stands alone: no queue" });
                self.accepted.clear();
                self.whole.clone_from(&sent.data);
                Outcome::Datagram(&self.whole)
            }
            0x80 => {
                self.rule(if queued { "position 0: the queue is kept" } else { "position 0: no queue" });
                POSITION
            }
            0x01..=0x7F => self.push_fragment(sent.frag, false, sent),
            0x81..=0xFF => self.push_fragment(sent.frag - 0x80, true, sent),
        }
    }

    fn look_at_the_clock(&mut self, now: Duration) {
        let Some(first) = self.accepted.first() else { return };
        let started = first.at;
        let expiry = started + self.timeout;
        match () {
            () if now < started => self.rule("timer: the clock goes back"),
            () if now + NANOSECOND == expiry => self.rule("timer: just before"),
            () if now < expiry => {}
            () => {
                self.rule(if now == expiry { "timer: just expired" } else { "timer: long expired" });
                self.accepted.clear();
            }
        }
    }

    fn push_fragment(&mut self, position: u8, is_last: bool, sent: &Sent) -> Outcome<'_> {
        if let Some(highest) = self.accepted.last() {
            let same = highest.frag == position && highest.to == sent.to;
            if same && highest.data == sent.data && !is_last {
                self.rule("duplicate");
                return DUPLICATE;
            }
            if let Some(rule) = abandons(highest, position, sent.to) {
                self.rule(rule);
                self.accepted.clear();
                return if position == 1 { self.accept(is_last, sent) } else { OUT_OF_ORDER };
            }
        } else if position != 1 {
            self.rule("no queue: not a 1");
            return OUT_OF_ORDER;
        }
        self.accept(is_last, sent)
    }

    fn accept(&mut self, is_last: bool, sent: &Sent) -> Outcome<'_> {
        self.accepted.push(sent.clone());
        let data: Vec<u8> = self.accepted.iter().flat_map(|sent| sent.data.clone()).collect();
        let several = self.accepted.len() > 1;
        if sent.to.octets() + data.len() > self.room {
            self.rule(if several { "overflow: of a later one" } else { "overflow: of the first" });
            self.accepted.clear();
            return OVERFLOW;
        }
        if !is_last {
            self.rule("stored");
            return STORED;
        }
        self.rule(if several { "whole: of several" } else { "whole: of one" });
        self.accepted.clear();
        self.whole = data;
        Outcome::Datagram(&self.whole)
    }

    fn rule(&mut self, rule: &'static str) {
        *self.rules.entry(rule).or_default() += 1;
    }
}

fn abandons(highest: &Sent, position: u8, to: To) -> Option<&'static str> {
    match () {
        () if highest.to != to && position == 1 => Some("other endpoint: begins anew"),
        () if highest.to != to => Some("other endpoint: the queue is abandoned"),
        () if position <= highest.frag && position == 1 => Some("lower or the same: begins anew"),
        () if position <= highest.frag => Some("lower or the same: the queue is abandoned"),
        () if position > highest.frag + 1 => Some("gap: the queue is abandoned"),
        () => None,
    }
}

// Against the model

proptest! {
    #![proptest_config(config(4))]

    #[test]
    fn the_queue_keeps_the_rules(script in script()) {
        let mut queue = Reassembly::new(vec![FRESH; script.room], script.timeout);
        let mut model = Model::new(script.room, script.timeout);
        for (step, sent) in script.sent.iter().enumerate() {
            let queued = model.accepted.clone();
            prop_assert_eq!(
                push(&mut queue, sent), model.push(sent),
                "step {}: {:?}\nqueued: {:?}\nroom {}, timeout {:?}", step, sent, queued, script.room, script.timeout
            );
        }
    }
}

/// Lest the property above be about nothing.
#[test]
fn scripts_get_at_every_rule_and_outcome() {
    let mut runner = TestRunner::deterministic();
    let mut counts = BTreeMap::new();
    for _ in 0..300 {
        let script = script().new_tree(&mut runner).unwrap().current();
        let mut model = Model::new(script.room, script.timeout);
        for sent in &script.sent {
            *counts.entry(name(model.push(sent))).or_default() += 1;
        }
        model.rules.into_iter().for_each(|(rule, count)| *counts.entry(rule).or_default() += count);
    }
    for expected in ["Datagram", "Stored", "Duplicate", "OutOfOrder", "Overflow", "Position"].iter().chain(&RULES) {
        let count = counts.remove(expected).unwrap_or(0);
        assert!(count >= 25, "{expected}: {count} times");
    }
    assert!(counts.is_empty(), "rules that are not listed: {counts:?}");
}

fn name(outcome: Outcome<'_>) -> &'static str {
    match outcome {
        Outcome::Datagram(_) => "Datagram",
        Outcome::Stored => "Stored",
        Outcome::Dropped(Reason::Duplicate) => "Duplicate",
        Outcome::Dropped(Reason::OutOfOrder) => "OutOfOrder",
        Outcome::Dropped(Reason::Overflow) => "Overflow",
        Outcome::Dropped(Reason::Position) => "Position",
    }
}

#[derive(Clone, Debug)]
struct Script {
    room: usize,
    timeout: Duration,
    sent: Vec<Sent>,
}

fn script() -> impl Strategy<Value = Script> {
    let timeout = select(vec![Duration::ZERO, ALMOST, EXPIRED, EXPIRED + NANOSECOND, Duration::from_secs(60)]);
    (0..=120_usize, timeout, vec(turn(), 0..60)).prop_map(|(room, timeout, turns)| Script {
        room,
        timeout,
        sent: take_turns(timeout, &turns),
    })
}

/// What is sent next, in view of what was sent before.
#[derive(Clone, Debug)]
struct Turn {
    what: What,
    to: Whereto,
    time: Time,
    data: Vec<u8>,
}

#[derive(Clone, Copy, Debug)]
enum What {
    Next,
    NextAndLast,
    First,
    /// The datagram before this one, with its last octet changed or not.
    Again {
        as_last: bool,
        changed: bool,
    },
    /// At a position that is higher or lower by this.
    Off(i8),
    Octet(u8),
}

#[derive(Clone, Copy, Debug)]
enum Whereto {
    AsBefore,
    Once(To),
    FromNowOn(To),
}

/// How much later than the datagram before, or earlier.
#[derive(Clone, Copy, Debug)]
enum Time {
    Same,
    Later(Span),
    Earlier(Span),
}

#[derive(Clone, Copy, Debug)]
enum Span {
    Nanosecond,
    Half,
    Almost,
    Timeout,
}

fn turn() -> impl Strategy<Value = Turn> {
    (what(), whereto(), time(), data()).prop_map(|(what, to, time, data)| Turn { what, to, time, data })
}

fn what() -> impl Strategy<Value = What> {
    prop_oneof![
        16 => Just(What::Next),
        4 => Just(What::NextAndLast),
        4 => Just(What::First),
        4 => (prop::bool::weighted(0.2), prop::bool::weighted(0.3))
            .prop_map(|(as_last, changed)| What::Again { as_last, changed }),
        2 => (-2..=2_i8).prop_map(What::Off),
        3 => select(&[0x00, 0x80, 0x81]).prop_map(What::Octet),
        1 => any::<u8>().prop_map(What::Octet),
    ]
}

fn whereto() -> impl Strategy<Value = Whereto> {
    prop_oneof![
        20 => Just(Whereto::AsBefore),
        1 => select(&To::ALL).prop_map(Whereto::Once),
        2 => select(&To::ALL).prop_map(Whereto::FromNowOn),
    ]
}

fn time() -> impl Strategy<Value = Time> {
    let spans = [Span::Nanosecond, Span::Half, Span::Almost, Span::Timeout];
    prop_oneof![
        12 => Just(Time::Same),
        3 => select(spans.to_vec()).prop_map(Time::Later),
        1 => select(spans.to_vec()).prop_map(Time::Earlier),
    ]
}

fn data() -> impl Strategy<Value = Vec<u8>> {
    let octet = || select(b"ab");
    prop_oneof![vec(octet(), 0..3), vec(octet(), 0..=40)]
}

fn take_turns(timeout: Duration, turns: &[Turn]) -> Vec<Sent> {
    let timeout = timeout.max(EXPIRED);
    let mut place = To::Ipv4;
    let mut position = 0;
    let mut sent = Vec::new();
    let mut before = self::sent(0, "").at(100 * timeout);
    for turn in turns {
        if let Whereto::FromNowOn(to) = turn.to {
            (place, position) = (to, 0);
        }
        before = take_turn(turn, place, &mut position, &before, timeout);
        sent.push(before.clone());
    }
    sent
}

/// Disturbances leave the position alone, so that the sequence goes on behind them as if nothing had been.
fn take_turn(turn: &Turn, place: To, position: &mut u8, before: &Sent, timeout: Duration) -> Sent {
    let mut data = turn.data.clone();
    let frag = match turn.what {
        What::Next => {
            *position = *position % 127 + 1;
            *position
        }
        What::NextAndLast => LAST | (core::mem::take(position) % 127 + 1),
        What::First => {
            *position = 1;
            1
        }
        What::Again { as_last, changed } => {
            data.clone_from(&before.data);
            data.last_mut().filter(|_| changed).into_iter().for_each(|octet| *octet ^= 1);
            if as_last { before.frag ^ LAST } else { before.frag }
        }
        What::Off(by) => position.saturating_add_signed(by),
        What::Octet(octet) => octet,
    };
    let to = if let Whereto::Once(to) = turn.to { to } else { place };
    Sent { at: turn.time.after(before.at, timeout), to, frag, data }
}

impl Time {
    fn after(self, before: Duration, timeout: Duration) -> Duration {
        match self {
            Self::Same => before,
            Self::Later(span) => before + span.of(timeout),
            Self::Earlier(span) => before.saturating_sub(span.of(timeout)),
        }
    }
}

impl Span {
    fn of(self, timeout: Duration) -> Duration {
        match self {
            Self::Nanosecond => NANOSECOND,
            Self::Half => timeout / 2,
            Self::Almost => timeout - NANOSECOND,
            Self::Timeout => timeout,
        }
    }
}

// There and back

proptest! {
    #![proptest_config(config(1))]

    #[test]
    fn pieces_are_of_the_size_and_in_order(payload in payload(), size in size(), to in select(&To::ALL)) {
        match fragments(to.endpoint(), &payload, size) {
            Ok(pieces) => are_of_the_size_and_in_order(pieces, to, &payload, size)?,
            Err(error) => {
                let count = payload.chunks(size.get()).count();
                prop_assert!(count > 127, "{count} pieces, but {error}");
                prop_assert_eq!(error, ValueError::Fragments(count));
            }
        }
    }

    #[test]
    fn pieces_are_put_together_in_a_buffer_of_just_their_size(cut in cut()) {
        let mut queue = cut.queue(0);
        let pieces = cut.pieces();
        let (last, before) = pieces.split_last().unwrap();
        for (step, piece) in before.iter().enumerate() {
            prop_assert_eq!(push(&mut queue, piece), STORED, "step {}", step);
        }
        prop_assert_eq!(push(&mut queue, last), Outcome::Datagram(&cut.payload));
    }

    #[test]
    fn pieces_overflow_a_buffer_that_is_an_octet_smaller(cut in cut()) {
        let mut queue = cut.queue(1);
        let pieces = cut.pieces();
        let (last, before) = pieces.split_last().unwrap();
        for (step, piece) in before.iter().enumerate() {
            prop_assert_eq!(push(&mut queue, piece), STORED, "step {}", step);
        }
        let outcome = if before.is_empty() { Outcome::Datagram(&cut.payload) } else { OVERFLOW };
        prop_assert_eq!(push(&mut queue, last), outcome);
    }

    #[test]
    fn without_one_of_its_pieces_nothing_comes_out(cut in cut(), lost in any::<Index>()) {
        let mut pieces = cut.pieces();
        let lost = lost.index(pieces.len());
        pieces.remove(lost);
        let mut queue = cut.queue(0);
        for (step, piece) in pieces.iter().enumerate() {
            let outcome = if step < lost { STORED } else { OUT_OF_ORDER };
            prop_assert_eq!(push(&mut queue, piece), outcome, "step {}, {} lost", step, lost);
        }
    }

    #[test]
    fn with_each_of_its_pieces_doubled_one_datagram_comes_out(cut in cut()) {
        let mut queue = cut.queue(0);
        let pieces = cut.pieces();
        let (last, before) = pieces.split_last().unwrap();
        for (step, piece) in before.iter().enumerate() {
            prop_assert_eq!(push(&mut queue, piece), STORED, "step {}", step);
            prop_assert_eq!(push(&mut queue, piece), DUPLICATE, "step {}", step);
        }
        let whole = Outcome::Datagram(&cut.payload);
        prop_assert_eq!(push(&mut queue, last), whole);
        // What stands alone is not told from what was sent twice on purpose.
        prop_assert_eq!(push(&mut queue, last), if before.is_empty() { whole } else { OUT_OF_ORDER });
    }

    #[test]
    fn of_two_sequences_back_to_back_both_arrive(first in cut(), second in cut()) {
        let mut queue = Reassembly::new(vec![FRESH; first.octets().max(second.octets())], MIN_TIMEOUT);
        for cut in [&first, &second, &second] {
            arrives(&mut queue, cut)?;
        }
    }

    #[test]
    fn what_is_left_of_a_sequence_does_no_harm_to_the_next(first in cut(), second in cut(), left in any::<Index>()) {
        let mut queue = Reassembly::new(vec![FRESH; first.octets().max(second.octets())], MIN_TIMEOUT);
        let pieces = first.pieces();
        for (step, piece) in pieces.iter().take(left.index(pieces.len())).enumerate() {
            prop_assert_eq!(push(&mut queue, piece), STORED, "step {}", step);
        }
        arrives(&mut queue, &second)?;
    }
}

fn are_of_the_size_and_in_order(
    mut pieces: Fragments<'_>,
    to: To,
    payload: &[u8],
    size: NonZeroUsize,
) -> TestCaseResult {
    let cut: Vec<_> = pieces.by_ref().collect();
    prop_assert_eq!(pieces.next(), None, "behind the end");
    let data: Vec<_> = cut.iter().map(|(_, data)| *data).collect();
    prop_assert_eq!(data.concat(), payload);

    let (last, full) = data.split_last().expect("nothing is a piece too");
    prop_assert!(full.iter().all(|data| data.len() == size.get()));
    prop_assert!(last.len() <= size.get());
    prop_assert_eq!(last.is_empty(), payload.is_empty());

    let count = u8::try_from(cut.len()).unwrap();
    prop_assert!(count <= 127);
    for (position, (header, _)) in (1..).zip(&cut) {
        let frag = if position == count { LAST | position } else { position };
        let frag = if count == 1 { 0 } else { frag };
        prop_assert_eq!((header.fragment.0, header.endpoint), (frag, to.endpoint()), "at {} of {}", position, count);
    }
    Ok(())
}

fn arrives(queue: &mut Reassembly<Vec<u8>>, cut: &Cut) -> TestCaseResult {
    let mut arrived = None;
    for piece in &cut.pieces() {
        prop_assert_eq!(&arrived, &None, "before the last piece");
        if let Outcome::Datagram(data) = push(queue, piece) {
            arrived = Some(data.to_vec());
        }
    }
    prop_assert_eq!(arrived.as_ref(), Some(&cut.payload));
    Ok(())
}

/// A payload that is sent in pieces of this size.
#[derive(Clone, Debug)]
struct Cut {
    to: To,
    payload: Vec<u8>,
    size: NonZeroUsize,
}

impl Cut {
    fn octets(&self) -> usize {
        self.to.endpoint().encoded_len() + self.payload.len()
    }

    /// A queue with room for just this, or less.
    fn queue(&self, less: usize) -> Reassembly<Vec<u8>> {
        Reassembly::new(vec![FRESH; self.octets() - less], MIN_TIMEOUT)
    }

    fn pieces(&self) -> Vec<Sent> {
        let pieces = fragments(self.to.endpoint(), &self.payload, self.size).unwrap();
        pieces.map(|(header, data)| self.sent(header.fragment, data)).collect()
    }

    fn sent(&self, fragment: Fragment, data: &[u8]) -> Sent {
        Sent { at: Duration::ZERO, to: self.to, frag: fragment.0, data: data.to_vec() }
    }
}

fn cut() -> impl Strategy<Value = Cut> {
    let pieces = prop_oneof![1..=4_usize, 1..=127_usize];
    (select(&To::ALL), payload(), pieces).prop_map(|(to, payload, pieces)| {
        let size = NonZeroUsize::new(payload.len().div_ceil(pieces)).unwrap_or(NonZeroUsize::MIN);
        Cut { to, payload, size }
    })
}

fn payload() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![1 => vec(select(b"ab"), 0..8), 2 => vec(any::<u8>(), 0..5000)]
}

fn size() -> impl Strategy<Value = NonZeroUsize> {
    prop_oneof![1..60_usize, 1..6000_usize].prop_map(|size| NonZeroUsize::new(size).unwrap())
}

#[test]
fn there_are_at_most_127_pieces() {
    for size in (1..100).filter_map(NonZeroUsize::new) {
        let payload = [FRESH].repeat(300 * size.get());
        let cut = |len| fragments(To::Name.endpoint(), &payload[..len], size);
        let full = 127 * size.get();
        for len in [full, full - size.get() + 1] {
            let pieces: Vec<_> = cut(len).unwrap().map(|(header, _)| header.fragment.0).collect();
            assert_eq!((pieces.len(), pieces.last()), (127, Some(&0xFF)), "{len} octets by {size}");
        }
        for (len, pieces) in [(full + 1, 128), (full + size.get(), 128), (300 * size.get(), 300)] {
            assert_eq!(cut(len).err(), Some(ValueError::Fragments(pieces)), "{len} octets by {size}");
        }
    }
}

#[test]
fn data_that_fits_stands_alone() {
    for (data, size) in [("", 1), ("", usize::MAX), ("a", 1), ("abc", 3), ("abc", 4), ("abc", usize::MAX)] {
        let size = NonZeroUsize::new(size).unwrap();
        let pieces: Vec<_> = fragments(To::Ipv4.endpoint(), data.as_bytes(), size).unwrap().collect();
        assert_eq!(pieces, [(UdpHeader::new(To::Ipv4.endpoint()), data.as_bytes())], "by {size}");
    }
}

// Any octets

proptest! {
    #![proptest_config(config(2))]

    #[test]
    fn any_octets_at_any_time_are_taken_or_dropped(
        room in 0..=600_usize,
        timeout in moment(),
        datagrams in vec((datagram(), moment()), 0..30),
    ) {
        let mut queue = Reassembly::new(vec![FRESH; room], timeout);
        for (step, (datagram, now)) in datagrams.iter().enumerate() {
            let Ok((header, data)) = UdpHeader::split(datagram) else { continue };
            if let Outcome::Datagram(whole) = queue.push(&header, data, *now) {
                let fits = whole == data || header.endpoint.encoded_len() + whole.len() <= room;
                prop_assert!(fits && whole.ends_with(data), "step {step}: {header:?} gave {whole:02x?}");
            }
        }
    }
}

fn datagram() -> impl Strategy<Value = Vec<u8>> {
    let frag = prop_oneof![3 => 0..=3_u8, 2 => 0x80..=0x83_u8, 1 => any::<u8>()];
    let atyp = prop_oneof![8 => select(&[1, 3, 4_u8]), 1 => any::<u8>()];
    // A single octet over and over makes endpoints that are alike, lengths of names among them.
    let rest = prop_oneof![
        3 => (0..4_u8, 0..60_usize).prop_map(|(octet, len)| [octet].repeat(len)),
        1 => vec(any::<u8>(), 0..300),
    ];
    prop_oneof![
        9 => (frag, atyp, rest).prop_map(|(frag, atyp, rest)| [&[0, 0, frag, atyp], rest.as_slice()].concat()),
        1 => vec(any::<u8>(), 0..300),
    ]
}

fn moment() -> impl Strategy<Value = Duration> {
    prop_oneof![
        4 => Just(Duration::ZERO),
        2 => select(&[NANOSECOND, ALMOST, EXPIRED, Duration::MAX]),
        1 => any::<Duration>(),
    ]
}
