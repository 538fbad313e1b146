//! Reassembly, by scripts: RFC 1928 section 7 clause by clause. `harness::fragments` compares generated scripts with a model.

use core::num::NonZeroUsize;
use core::time::Duration;

use socks5_sansio::fragment::{MIN_TIMEOUT, Outcome, Reason, Reassembly, fragments};
use socks5_sansio::{Domain, Endpoint, Fragment, UdpHeader, ValueError};

const ALMOST: Duration = Duration::from_nanos(4_999_999_999);
const STORED: Outcome<'_> = Outcome::Stored;
const DUPLICATE: Outcome<'_> = Outcome::Dropped(Reason::Duplicate);
const OUT_OF_ORDER: Outcome<'_> = Outcome::Dropped(Reason::OutOfOrder);
const OVERFLOW: Outcome<'_> = Outcome::Dropped(Reason::Overflow);
const POSITION: Outcome<'_> = Outcome::Dropped(Reason::Position);

const fn whole(data: &str) -> Outcome<'_> {
    Outcome::Datagram(data.as_bytes())
}

/// FRAG, data, time, and the outcome.
type Step<'s> = (u8, &'s str, Duration, Outcome<'s>);

/// The destination of every step is 0.0.0.0:0. Its 7 bytes count towards `room`.
fn plays(timeout: Duration, room: usize, script: &[Step<'_>]) {
    let mut queue = Reassembly::new(vec![0xA5; room], timeout);
    for (frag, data, now, expected) in script {
        let header = UdpHeader { fragment: Fragment(*frag), endpoint: Endpoint::UNSPECIFIED };
        assert_eq!(queue.push(&header, data.as_bytes(), *now), *expected, "{frag:02X} {data} at {now:?}");
    }
}

fn plays_at_once(script: &[(u8, &str, Outcome<'_>)]) {
    let script: Vec<_> = script.iter().map(|(frag, data, outcome)| (*frag, *data, Duration::ZERO, *outcome)).collect();
    plays(MIN_TIMEOUT, 500, &script);
}

#[test]
fn rfc1928_s7_the_timer_runs_from_the_first_fragment() {
    plays(
        MIN_TIMEOUT,
        50,
        &[(1, "a", Duration::ZERO, STORED), (2, "b", ALMOST, STORED), (0x83, "c", MIN_TIMEOUT, OUT_OF_ORDER)],
    );
    plays(
        MIN_TIMEOUT,
        50,
        &[(1, "a", Duration::ZERO, STORED), (1, "a", ALMOST, DUPLICATE), (1, "a", MIN_TIMEOUT, STORED)],
    );
    plays(MIN_TIMEOUT, 50, &[(1, "a", MIN_TIMEOUT, STORED), (0x82, "b", Duration::ZERO, whole("ab"))]);
}

#[test]
fn rfc1928_s7_the_timer_is_no_less_than_5_seconds() {
    for (timeout, at, outcome) in [
        (Duration::ZERO, ALMOST, whole("ab")),
        (Duration::ZERO, MIN_TIMEOUT, OUT_OF_ORDER),
        (2 * MIN_TIMEOUT, MIN_TIMEOUT, whole("ab")),
        (Duration::MAX, Duration::MAX - Duration::from_nanos(1), whole("ab")),
    ] {
        plays(timeout, 50, &[(1, "a", Duration::ZERO, STORED), (0x82, "b", at, outcome)]);
    }
}

#[test]
fn rfc1928_s7_a_lower_fragment_abandons_the_queue() {
    plays_at_once(&[
        (1, "a", STORED),
        (2, "b", STORED),
        (3, "c", STORED),
        (2, "b", OUT_OF_ORDER),
        (0x84, "d", OUT_OF_ORDER),
    ]);
    plays_at_once(&[(1, "a", STORED), (2, "b", STORED), (1, "x", STORED), (0x82, "y", whole("xy"))]);
    plays_at_once(&[(1, "a", STORED), (0, "z", whole("z")), (0x82, "b", OUT_OF_ORDER)]);
}

#[test]
fn a_gap_abandons_the_queue() {
    plays_at_once(&[(1, "a", STORED), (3, "c", OUT_OF_ORDER), (0x82, "b", OUT_OF_ORDER)]);
}

#[test]
fn drops_a_duplicate_and_frag_80_and_keeps_the_queue() {
    plays_at_once(&[(1, "a", STORED), (1, "a", DUPLICATE), (0x80, "x", POSITION), (0x82, "b", whole("ab"))]);
    plays_at_once(&[(1, "a", STORED), (1, "b", STORED), (0x81, "b", whole("b"))]);
}

#[test]
fn rfc1928_s7_positions_go_up_to_127() {
    let data = vec![b'x'; 127];
    let mut script: Vec<_> = (1..127).map(|frag| (frag, "x", STORED)).collect();
    script.push((0xFF, "x", Outcome::Datagram(&data)));
    plays_at_once(&script);
}

#[test]
fn an_overflow_abandons_the_queue() {
    const NOW: Duration = Duration::ZERO;
    plays(MIN_TIMEOUT, 9, &[(1, "a", NOW, STORED), (2, "bc", NOW, OVERFLOW), (0x82, "b", NOW, OUT_OF_ORDER)]);
    plays(MIN_TIMEOUT, 9, &[(1, "a", NOW, STORED), (0x82, "b", NOW, whole("ab"))]);
    plays(MIN_TIMEOUT, 6, &[(1, "", NOW, OVERFLOW), (0, "any", NOW, whole("any"))]);
}

#[test]
fn another_endpoint_abandons_the_queue() {
    let alike = ["192.0.2.1:53", "192.0.2.1:54", "[::ffff:192.0.2.1]:53"].map(|text| Endpoint::try_from(text).unwrap());
    let literal = Endpoint::from((Domain::new("192.0.2.1").unwrap(), 53));
    for other in [alike[1], alike[2], literal] {
        let header = |frag, endpoint| UdpHeader { fragment: Fragment(frag), endpoint };
        let mut buffer = [0; 300];
        let mut queue = Reassembly::new(buffer.as_mut_slice(), MIN_TIMEOUT);
        assert_eq!(queue.push(&header(1, alike[0]), b"a", Duration::ZERO), STORED);
        assert_eq!(queue.push(&header(0x82, other), b"b", Duration::ZERO), OUT_OF_ORDER);
        assert_eq!(queue.push(&header(0x82, alike[0]), b"b", Duration::ZERO), OUT_OF_ORDER);
    }
}

#[test]
fn cuts_at_most_127_fragments() {
    let size = NonZeroUsize::new(10).unwrap();
    for (len, expected) in
        [(0, Ok(1)), (10, Ok(1)), (11, Ok(2)), (1270, Ok(127)), (1271, Err(ValueError::Fragments(128)))]
    {
        assert_eq!(fragments(Endpoint::UNSPECIFIED, &vec![0; len], size).map(Iterator::count), expected);
    }
}
