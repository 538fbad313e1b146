//! Reassembly, compared with a model of RFC 1928 section 7; and fragmentation followed by reassembly.

use core::num::NonZeroUsize;
use core::time::Duration;

use socks5_sansio::fragment::{MIN_TIMEOUT, Outcome, Reason, Reassembly, fragments as cut};
use socks5_sansio::{Domain, Encode, Endpoint, Fragment, UdpHeader, ValueError};

use super::choices::Choices;

/// The high bit of FRAG.
const LAST: u8 = 0x80;

/// The queue and the model have the same result for chosen datagrams at chosen times.
pub fn reassembly(bytes: &[u8]) {
    let mut choices = Choices::new(bytes);
    let room = choices.up_to(120);
    let timeout = choices.of(&[MIN_TIMEOUT, Duration::ZERO, 3 * MIN_TIMEOUT, Duration::MAX]);
    let mut queue = Reassembly::new(vec![0xA5; room], timeout);
    let mut model = Model { room, timeout: timeout.max(MIN_TIMEOUT), accepted: vec![] };
    let mut sent = Sent { at: MIN_TIMEOUT * 10, to: 0, frag: 0, data: vec![] };
    while !choices.is_empty() {
        sent = sent.next(&mut choices);
        let header = UdpHeader { fragment: Fragment(sent.frag), endpoint: endpoint(sent.to) };
        assert_eq!(owned(queue.push(&header, &sent.data, sent.at)), model.push(&sent), "{sent:?}");
    }
}

/// A datagram that has been sent.
#[derive(Clone, Debug)]
struct Sent {
    at: Duration,
    to: u8,
    frag: u8,
    data: Vec<u8>,
}

/// Endpoints that look alike, and are not the same.
fn endpoint(to: u8) -> Endpoint<'static> {
    match to {
        0 => Endpoint::try_from("192.0.2.1:53").expect("an endpoint"),
        1 => Endpoint::try_from("192.0.2.1:54").expect("an endpoint"),
        2 => Endpoint::try_from("[::ffff:192.0.2.1]:53").expect("an endpoint"),
        _ => Endpoint::from((Domain::new("192.0.2.1").expect("a name"), 53)),
    }
}

impl Sent {
    /// Mostly the next fragment of the same sequence, at the same time.
    fn next(&self, choices: &mut Choices<'_>) -> Self {
        let position = self.frag & !LAST;
        let frag = match choices.byte() % 8 {
            0..=2 => position.wrapping_add(1) & !LAST,
            3 => position.wrapping_add(1) | LAST,
            4 => 1,
            5 => self.frag,
            6 => choices.of(&[0, LAST, LAST | 1]),
            _ => choices.byte(),
        };
        let data = if choices.flag() { self.data.clone() } else { choices.string(40) };
        let (at, to) = (self.later(choices.byte()), self.elsewhere(choices.byte()));
        Self { at, to, frag, data }
    }

    fn later(&self, choice: u8) -> Duration {
        const NANOSECOND: Duration = Duration::from_nanos(1);
        match choice % 16 {
            1 => self.at + MIN_TIMEOUT,
            2 => self.at + MIN_TIMEOUT - NANOSECOND,
            3 => self.at + NANOSECOND,
            4 => self.at.saturating_sub(MIN_TIMEOUT),
            5 => self.at + MIN_TIMEOUT * 3,
            _ => self.at,
        }
    }

    fn elsewhere(&self, choice: u8) -> u8 {
        if choice % 8 == 7 { choice / 8 % 4 } else { self.to }
    }
}

#[derive(Debug, PartialEq, Eq)]
enum Expected {
    Datagram(Vec<u8>),
    Stored,
    Dropped(Reason),
}

fn owned(outcome: Outcome<'_>) -> Expected {
    match outcome {
        Outcome::Datagram(data) => Expected::Datagram(data.to_vec()),
        Outcome::Stored => Expected::Stored,
        Outcome::Dropped(reason) => Expected::Dropped(reason),
    }
}

/// The rules, over a list of the fragments accepted so far.
struct Model {
    room: usize,
    timeout: Duration,
    accepted: Vec<Sent>,
}

impl Model {
    fn push(&mut self, sent: &Sent) -> Expected {
        let expired = |first: &Sent| sent.at.saturating_sub(first.at) >= self.timeout;
        if self.accepted.first().is_some_and(expired) {
            self.accepted.clear();
        }
        match sent.frag {
            0 => {
                self.accepted.clear();
                Expected::Datagram(sent.data.clone())
            }
            LAST => Expected::Dropped(Reason::Position),
            _ => self.push_fragment(sent),
        }
    }

    fn push_fragment(&mut self, sent: &Sent) -> Expected {
        let highest = self.accepted.last();
        if highest.is_some_and(|it| (it.to, it.frag, &it.data) == (sent.to, sent.frag, &sent.data)) {
            return Expected::Dropped(Reason::Duplicate);
        }
        let next = highest.map_or((sent.to, 1), |it| (it.to, it.frag + 1));
        if (sent.to, sent.frag & !LAST) != next {
            self.accepted.clear();
        }
        if self.accepted.is_empty() && sent.frag & !LAST != 1 {
            return Expected::Dropped(Reason::OutOfOrder);
        }
        self.accept(sent)
    }

    fn accept(&mut self, sent: &Sent) -> Expected {
        self.accepted.push(sent.clone());
        let data: Vec<u8> = self.accepted.iter().flat_map(|sent| sent.data.clone()).collect();
        let outcome = match sent.frag {
            _ if endpoint(sent.to).encoded_len() + data.len() > self.room => Expected::Dropped(Reason::Overflow),
            LAST.. => Expected::Datagram(data),
            _ => return Expected::Stored,
        };
        self.accepted.clear();
        outcome
    }
}

/// Data that is cut into fragments is reassembled in a queue with just enough room, and not in a smaller one.
pub fn fragments(bytes: &[u8]) {
    let mut choices = Choices::new(bytes);
    let (owned, lost) = (choices.endpoint(), choices.up_to(200));
    let size = NonZeroUsize::new(choices.up_to(300)).unwrap_or(NonZeroUsize::MIN);
    let data = choices.string(3000);
    let endpoint = owned.as_endpoint();
    let count = data.len().div_ceil(size.get());
    let Ok(pieces) = cut(endpoint, &data, size) else {
        assert!(count > 127);
        return assert_eq!(cut(endpoint, &data, size).err(), Some(ValueError::Fragments(count)));
    };
    let pieces: Vec<_> = pieces.collect();
    are_in_order(&pieces, size.get(), endpoint);
    assert_eq!(pieces.len(), count.max(1));

    let room = endpoint.encoded_len() + data.len();
    assert_eq!(arrives(&pieces, room, usize::MAX).as_deref(), Some(&*data));
    let alone = pieces.len() == 1;
    assert_eq!(arrives(&pieces, room - 1, usize::MAX).is_some(), alone, "there was no room");
    assert_eq!(arrives(&pieces, room, lost % pieces.len()), None, "a part was lost");
}

fn are_in_order(pieces: &[(UdpHeader<'_>, &[u8])], size: usize, endpoint: Endpoint<'_>) {
    let (last, before) = pieces.split_last().expect("at least one fragment");
    for (position, (header, data)) in (1..).zip(before) {
        assert_eq!((header.fragment.0, header.endpoint, data.len()), (position, endpoint, size));
    }
    let position = u8::try_from(pieces.len()).expect("at most 127 fragments");
    let frag = if before.is_empty() { 0 } else { LAST | position };
    assert_eq!((last.0.fragment.0, last.0.endpoint), (frag, endpoint));
    assert!(last.1.len() <= size && (before.is_empty() || !last.1.is_empty()));
}

/// The reassembled data, if any, when each piece but the one at index `lost` is sent in a datagram.
fn arrives(pieces: &[(UdpHeader<'_>, &[u8])], room: usize, lost: usize) -> Option<Vec<u8>> {
    let mut queue = Reassembly::new(vec![0xA5; room], MIN_TIMEOUT);
    let mut arrived = None;
    for (_, (header, data)) in pieces.iter().enumerate().filter(|(index, _)| *index != lost) {
        assert_eq!(arrived, None, "before the last piece");
        let mut datagram = vec![0; header.encoded_len()];
        header.encode(&mut datagram).expect("has room");
        datagram.extend(*data);
        let (header, data) = UdpHeader::split(&datagram).expect("was encoded");
        if let Outcome::Datagram(whole) = queue.push(&header, data, Duration::ZERO) {
            arrived = Some(whole.to_vec());
        }
    }
    arrived
}
