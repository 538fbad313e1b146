//! Fragments of datagrams: reassembly and fragmentation (RFC 1928 section 7).
//!
//! The RFC makes reassembly optional, and recommends avoiding fragmentation. A relay that does not reassemble must drop every
//! datagram whose [`Fragment`] is not standalone.

use core::fmt;
use core::num::NonZeroUsize;
use core::time::Duration;

use crate::error::ValueError;
use crate::wire::{Decode, Encode, Endpoint, Fragment, UdpHeader};

/// The shortest reassembly timeout: 5 seconds (RFC 1928 section 7).
pub const MIN_TIMEOUT: Duration = Duration::from_secs(5);

/// The REASSEMBLY QUEUE and the REASSEMBLY TIMER of one sender (RFC 1928 section 7), in the caller's buffer.
///
/// The buffer holds the endpoint and the data of one datagram: [`Endpoint::MAX_LEN`] bytes more than the longest data suffice.
///
/// Fragments are accepted in order: 1, 2, 3, with the high bit on the last. The queue is abandoned
///
/// - when the timer expires, counted from the first fragment;
/// - when a fragment is lower than the highest so far (a standalone datagram, 00, is lower than all);
/// - when a fragment skips a position, is for another endpoint, or repeats the highest position with other data;
/// - when the buffer is full.
///
/// Afterwards a fragment 1 begins a new queue. A duplicate of the highest fragment is dropped, and so is the malformed `80`.
///
/// Times are [`Duration`]s since a fixed epoch of the caller's choice.
///
/// ```
/// use core::time::Duration;
///
/// use socks5_sansio::fragment::{MIN_TIMEOUT, Outcome, Reassembly};
/// use socks5_sansio::{Endpoint, Fragment, UdpHeader};
///
/// let endpoint = Endpoint::try_from("192.0.2.1:53")?;
/// let header = |frag| UdpHeader { fragment: Fragment(frag), endpoint };
/// let now = Duration::ZERO;
///
/// let mut queue = Reassembly::new([0; 1500], MIN_TIMEOUT);
/// assert_eq!(queue.push(&header(0x01), b"frag", now), Outcome::Stored);
/// assert_eq!(queue.push(&header(0x82), b"ment", now), Outcome::Datagram(b"fragment"));
/// assert_eq!(queue.push(&header(0x00), b"whole", now), Outcome::Datagram(b"whole"));
/// # Ok::<(), socks5_sansio::ParseEndpointError>(())
/// ```
pub struct Reassembly<B> {
    buffer: B,
    timeout: Duration,
    queue: Option<Queue>,
}

/// The contents of the buffer: the endpoint up to `endpoint_end`, then data up to `end`. The data of the highest fragment begins at
/// `highest_start`.
#[derive(Clone, Copy, Debug)]
struct Queue {
    started: Duration,
    highest: u8,
    endpoint_end: usize,
    highest_start: usize,
    end: usize,
}

impl<B: AsMut<[u8]>> Reassembly<B> {
    /// An empty queue. A timeout under [`MIN_TIMEOUT`] is raised to it.
    pub fn new(buffer: B, timeout: Duration) -> Self {
        Self { buffer, timeout: timeout.max(MIN_TIMEOUT), queue: None }
    }

    /// Processes a datagram of the sender, as [`UdpHeader::split`] returns it, at the time `now`.
    pub fn push<'a>(&'a mut self, header: &UdpHeader<'_>, data: &'a [u8], now: Duration) -> Outcome<'a> {
        let timeout = self.timeout;
        self.queue.take_if(|queue| queue.age(now) >= timeout.as_nanos());
        match header.fragment {
            Fragment::STANDALONE => {
                self.queue = None;
                Outcome::Datagram(data)
            }
            fragment if fragment.position() == 0 => Outcome::Dropped(Reason::Position),
            fragment => self.push_fragment(fragment, header.endpoint, data, now),
        }
    }

    fn push_fragment(&mut self, fragment: Fragment, endpoint: Endpoint<'_>, data: &[u8], now: Duration) -> Outcome<'_> {
        let buffer = self.buffer.as_mut();
        let queued = self.queue.take().filter(|queue| queue.is_for(buffer, endpoint));
        let queue = match queued {
            Some(queue) if queue.is_duplicate(buffer, fragment, data) => {
                self.queue = Some(queue);
                return Outcome::Dropped(Reason::Duplicate);
            }
            Some(queue) if fragment.position().checked_sub(1) == Some(queue.highest) => Some(queue),
            _ if fragment.position() == 1 => Queue::begin(buffer, endpoint, now),
            _ => return Outcome::Dropped(Reason::OutOfOrder),
        };
        match queue.and_then(|queue| queue.append(buffer, fragment, data)) {
            None => Outcome::Dropped(Reason::Overflow),
            Some((queue, stored)) if fragment.is_last() => {
                stored.get(queue.endpoint_end..).map_or(Outcome::Dropped(Reason::Overflow), Outcome::Datagram)
            }
            Some((queue, _)) => {
                self.queue = Some(queue);
                Outcome::Stored
            }
        }
    }
}

/// `begin` and `append` return `None` if the buffer is too small.
impl Queue {
    fn begin(buffer: &mut [u8], endpoint: Endpoint<'_>, now: Duration) -> Option<Self> {
        let end = endpoint.encode(buffer).ok()?;
        Some(Self { started: now, highest: 0, endpoint_end: end, highest_start: end, end })
    }

    /// The time since the first fragment, in nanoseconds.
    const fn age(&self, now: Duration) -> u128 {
        now.as_nanos().saturating_sub(self.started.as_nanos())
    }

    fn is_for(&self, buffer: &[u8], endpoint: Endpoint<'_>) -> bool {
        buffer
            .get(..self.endpoint_end)
            .is_some_and(|stored| Endpoint::decode(stored) == Ok((endpoint, self.endpoint_end)))
    }

    /// The same bytes at the same position. Other bytes there belong to another sequence.
    fn is_duplicate(&self, buffer: &[u8], fragment: Fragment, data: &[u8]) -> bool {
        fragment == Fragment(self.highest) && buffer.get(self.highest_start..self.end) == Some(data)
    }

    /// Appends the data of the next fragment. Returns everything stored so far.
    fn append<'b>(self, buffer: &'b mut [u8], fragment: Fragment, data: &[u8]) -> Option<(Self, &'b [u8])> {
        let here = buffer.get_mut(self.end..).and_then(|free| free.get_mut(..data.len()))?;
        here.copy_from_slice(data);
        let end = self.end.saturating_add(data.len());
        let queue = Self { highest: fragment.position(), highest_start: self.end, end, ..self };
        buffer.get(..end).map(|stored| (queue, stored))
    }
}

/// Shows the positions in the queue, but none of its bytes.
impl<B> fmt::Debug for Reassembly<B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Reassembly").field("timeout", &self.timeout).field("queue", &self.queue).finish_non_exhaustive()
    }
}

/// The result of [`Reassembly::push`].
#[must_use]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome<'a> {
    /// The data of a whole datagram, for the endpoint of the header just pushed.
    Datagram(&'a [u8]),
    /// The fragment was stored until the others arrive.
    Stored,
    /// The fragment was dropped.
    Dropped(Reason),
}

/// Why a fragment was dropped. None of the reasons is an error: the relay continues.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Reason {
    /// It was received before.
    Duplicate,
    /// It does not follow the fragments before it. The queue was abandoned.
    OutOfOrder,
    /// The buffer has no room for it. The queue was abandoned.
    Overflow,
    /// Its FRAG is `80`: the last of a sequence, but at position 0.
    Position,
}

/// Cuts data into fragments of `size` bytes; the last has the rest. Data that fits into one is not fragmented.
///
/// # Errors
///
/// [`ValueError::Fragments`] if the data needs more than 127 fragments.
///
/// ```
/// use core::num::NonZeroUsize;
///
/// use socks5_sansio::Endpoint;
/// use socks5_sansio::fragment::fragments;
///
/// let size = NonZeroUsize::new(4).unwrap();
/// let cut = fragments(Endpoint::UNSPECIFIED, b"fragments", size)?.map(|(header, data)| (header.fragment.0, data));
/// assert!(cut.eq([(0x01, b"frag".as_slice()), (0x02, b"ment"), (0x83, b"s")]));
/// # Ok::<(), socks5_sansio::ValueError>(())
/// ```
pub fn fragments<'a>(endpoint: Endpoint<'a>, data: &'a [u8], size: NonZeroUsize) -> Result<Fragments<'a>, ValueError> {
    match data.len().div_ceil(size.get()) {
        0..=127 => Ok(Fragments { endpoint, rest: Some(data), size: size.get(), position: 1 }),
        count => Err(ValueError::Fragments(count)),
    }
}

/// The fragments of a datagram in order, each as its header and its data. Made by [`fragments`].
#[derive(Clone, Debug)]
pub struct Fragments<'a> {
    endpoint: Endpoint<'a>,
    rest: Option<&'a [u8]>,
    size: usize,
    position: u8,
}

impl<'a> Iterator for Fragments<'a> {
    type Item = (UdpHeader<'a>, &'a [u8]);

    fn next(&mut self) -> Option<Self::Item> {
        let rest = self.rest?;
        let (data, rest) = match rest.split_at_checked(self.size) {
            Some((data, rest)) if !rest.is_empty() => (data, Some(rest)),
            _ => (rest, None),
        };
        let fragment = match (self.position, rest) {
            (1, None) => Fragment::STANDALONE,
            (position, None) => Fragment::last(position),
            (position, Some(_)) => Fragment(position),
        };
        self.rest = rest;
        self.position = self.position.saturating_add(1);
        Some((UdpHeader { fragment, endpoint: self.endpoint }, data))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn debug_shows_none_of_the_bytes() {
        let mut queue = Reassembly::new(std::vec![0x77; 20], MIN_TIMEOUT);
        let header = UdpHeader { fragment: Fragment(1), endpoint: Endpoint::UNSPECIFIED };
        assert_eq!(queue.push(&header, &[0x77], Duration::ZERO), Outcome::Stored);
        let debug = std::format!("{queue:?}");
        assert!(
            debug.starts_with("Reassembly { timeout: 5s, queue: Some(Queue { started: 0ns, highest: 1,"),
            "{debug}"
        );
        assert!(!debug.contains("119"), "{debug}");
    }
}
