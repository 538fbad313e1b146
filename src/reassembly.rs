//! Fragments of datagrams: put together again, and cut (RFC 1928 section 7).
//!
//! The RFC leaves it to each implementation whether to put fragments together, and recommends to avoid them. A relay that
//! does not reassemble must drop every datagram whose [`Fragment`] is not standalone.

use core::fmt;
use core::num::NonZeroUsize;
use core::time::Duration;

use crate::error::ValueError;
use crate::wire::{Endpoint, Fragment, Message, UdpHeader};

/// The shortest time that a sequence of fragments may be given: 5 seconds (RFC 1928 section 7).
pub const MIN_TIMEOUT: Duration = Duration::from_secs(5);

/// The REASSEMBLY QUEUE and the REASSEMBLY TIMER of one sender (RFC 1928 section 7), in a buffer of the caller's.
///
/// The buffer holds the endpoint and the data of one datagram: [`Endpoint::MAX_LEN`](Message::MAX_LEN) octets more than
/// the longest data suffice.
///
/// Fragments are taken in their order: 1, 2, 3, the high bit on the last. The queue is abandoned
///
/// - when the timer expires, counted from the first fragment;
/// - when a fragment comes that is lower than the highest so far, and 0, which stands alone, is lower than all;
/// - when one is missing, is for another endpoint than those before, or says something else at the highest position;
/// - when the buffer is full.
///
/// Then it takes a new sequence, from its 1 on. The highest fragment once more, and the senseless `80`, change nothing.
///
/// Times are [`Duration`]s since whenever the caller likes, as long as it stays the same.
///
/// ```
/// use core::time::Duration;
///
/// use socks5_sansio::reassembly::{MIN_TIMEOUT, Outcome, Reassembly};
/// use socks5_sansio::{Endpoint, Fragment, UdpHeader};
///
/// let endpoint = Endpoint::try_from("192.0.2.1:53").unwrap();
/// let header = |frag| UdpHeader { fragment: Fragment(frag), endpoint };
/// let now = Duration::ZERO;
///
/// let mut queue = Reassembly::new([0; 1500], MIN_TIMEOUT);
/// assert_eq!(queue.push(&header(0x01), b"frag", now), Outcome::Stored);
/// assert_eq!(queue.push(&header(0x82), b"ment", now), Outcome::Datagram(b"fragment"));
/// assert_eq!(queue.push(&header(0x00), b"whole", now), Outcome::Datagram(b"whole"));
/// ```
pub struct Reassembly<B> {
    buffer: B,
    timeout: Duration,
    queue: Option<Queue>,
}

/// What is in the buffer: the endpoint up to `endpoint_end`, then data up to `end`, that of the highest fragment from `highest_start` on.
#[derive(Clone, Copy, Debug)]
struct Queue {
    started: Duration,
    highest: u8,
    endpoint_end: usize,
    highest_start: usize,
    end: usize,
}

impl<B: AsMut<[u8]>> Reassembly<B> {
    /// An empty queue. A timeout under [`MIN_TIMEOUT`] is taken as that.
    ///
    /// ```
    /// use core::time::Duration;
    ///
    /// use socks5_sansio::reassembly::{Outcome, Reassembly};
    /// use socks5_sansio::{Endpoint, Fragment, Message, UdpHeader};
    ///
    /// # let endpoint = Endpoint::try_from("192.0.2.1:53").unwrap();
    /// # let header = |frag| UdpHeader { fragment: Fragment(frag), endpoint };
    /// let mut buffer = vec![0; Endpoint::MAX_LEN + 1500];
    /// let mut queue = Reassembly::new(buffer.as_mut_slice(), Duration::ZERO); // taken as MIN_TIMEOUT
    /// assert_eq!(queue.push(&header(0x01), b"frag", Duration::ZERO), Outcome::Stored);
    /// assert_eq!(queue.push(&header(0x82), b"ment", Duration::from_secs(4)), Outcome::Datagram(b"fragment"));
    /// ```
    pub fn new(buffer: B, timeout: Duration) -> Self {
        Self { buffer, timeout: timeout.max(MIN_TIMEOUT), queue: None }
    }

    /// Takes a datagram of the sender, as [`UdpHeader::split`] gives it, at the time `now`.
    ///
    /// ```
    /// use core::time::Duration;
    ///
    /// use socks5_sansio::reassembly::{MIN_TIMEOUT, Outcome, Reason, Reassembly};
    /// use socks5_sansio::{Endpoint, Fragment, UdpHeader};
    ///
    /// let endpoint = Endpoint::try_from("192.0.2.1:53").unwrap();
    /// let header = |frag| UdpHeader { fragment: Fragment(frag), endpoint };
    ///
    /// let mut queue = Reassembly::new([0; 1500], MIN_TIMEOUT);
    /// assert_eq!(queue.push(&header(0x01), b"frag", Duration::ZERO), Outcome::Stored);
    /// assert_eq!(queue.push(&header(0x82), b"ment", MIN_TIMEOUT), Outcome::Dropped(Reason::OutOfOrder));
    /// ```
    pub fn push<'a>(&'a mut self, header: &UdpHeader<'_>, data: &'a [u8], now: Duration) -> Outcome<'a> {
        let timeout = self.timeout;
        self.queue.take_if(|queue| now.saturating_sub(queue.started) >= timeout);
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
        let queued = self.queue.take().filter(|queue| self.is_for(queue, endpoint));
        let next = match queued {
            Some(queue) if self.is_duplicate(&queue, fragment, data) => {
                self.queue = Some(queue);
                return Outcome::Dropped(Reason::Duplicate);
            }
            Some(queue) if fragment.position() == queue.highest + 1 => Some(queue),
            _ if fragment.position() == 1 => self.begin(endpoint, now),
            _ => return Outcome::Dropped(Reason::OutOfOrder),
        };
        match next.and_then(|queue| self.append(queue, fragment, data)) {
            None => Outcome::Dropped(Reason::Overflow),
            Some(queue) if fragment.is_last() => Outcome::Datagram(self.stored(queue.endpoint_end, queue.end)),
            Some(queue) => {
                self.queue = Some(queue);
                Outcome::Stored
            }
        }
    }

    fn is_for(&mut self, queue: &Queue, endpoint: Endpoint<'_>) -> bool {
        Endpoint::decode(self.stored(0, queue.endpoint_end)) == Ok((endpoint, queue.endpoint_end))
    }

    /// The same octets at the same place. Other octets there belong to another sequence.
    fn is_duplicate(&mut self, queue: &Queue, fragment: Fragment, data: &[u8]) -> bool {
        fragment == Fragment(queue.highest) && self.stored(queue.highest_start, queue.end) == data
    }

    fn begin(&mut self, endpoint: Endpoint<'_>, now: Duration) -> Option<Queue> {
        let end = endpoint.encode(self.buffer.as_mut()).ok()?;
        Some(Queue { started: now, highest: 0, endpoint_end: end, highest_start: end, end })
    }

    fn append(&mut self, queue: Queue, fragment: Fragment, data: &[u8]) -> Option<Queue> {
        let end = queue.end + data.len();
        self.buffer.as_mut().get_mut(queue.end..end)?.copy_from_slice(data);
        Some(Queue { highest: fragment.position(), highest_start: queue.end, end, ..queue })
    }

    fn stored(&mut self, start: usize, end: usize) -> &[u8] {
        self.buffer.as_mut().get(start..end).unwrap_or_default()
    }
}

/// Shows what is queued, but none of its octets.
impl<B> fmt::Debug for Reassembly<B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Reassembly").field("timeout", &self.timeout).field("queue", &self.queue).finish_non_exhaustive()
    }
}

/// What became of a datagram.
///
/// ```
/// use core::time::Duration;
///
/// use socks5_sansio::UdpHeader;
/// use socks5_sansio::reassembly::{MIN_TIMEOUT, Outcome, Reassembly};
///
/// let (mut queue, mut relayed) = (Reassembly::new([0; 1500], MIN_TIMEOUT), Vec::new());
/// for datagram in [b"\0\0\x01\x01\xC0\0\x02\x01\0\x35frag", b"\0\0\x82\x01\xC0\0\x02\x01\0\x35ment"] {
///     let (header, data) = UdpHeader::split(datagram)?;
///     match queue.push(&header, data, Duration::ZERO) {
///         Outcome::Datagram(data) => relayed.push((header.endpoint.to_string(), data.to_vec())),
///         Outcome::Stored | Outcome::Dropped(_) => {}
///     }
/// }
/// assert_eq!(relayed, [("192.0.2.1:53".to_owned(), b"fragment".to_vec())]);
/// # Ok::<(), socks5_sansio::Invalid>(())
/// ```
#[must_use]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome<'a> {
    /// The data of a whole datagram, for the endpoint of the header just taken.
    Datagram(&'a [u8]),
    /// A fragment, kept until the rest has come.
    Stored,
    /// A fragment of no use. None of these is a fault of the relay's; there is nobody to tell.
    Dropped(Reason),
}

/// Why a fragment was of no use.
///
/// ```
/// use core::time::Duration;
///
/// use socks5_sansio::reassembly::{MIN_TIMEOUT, Outcome, Reason, Reassembly};
/// use socks5_sansio::{Endpoint, Fragment, UdpHeader};
///
/// # let endpoint = Endpoint::try_from("192.0.2.1:53").unwrap();
/// # let header = |frag| UdpHeader { fragment: Fragment(frag), endpoint };
/// let mut queue = Reassembly::new([0; 7 + 8], MIN_TIMEOUT); // room for an IPv4 endpoint and 8 octets
/// assert_eq!(queue.push(&header(0x01), b"frag", Duration::ZERO), Outcome::Stored);
/// for (frag, data, reason) in [
///     (0x01, "frag", Reason::Duplicate),
///     (0x80, "", Reason::Position),
///     (0x02, "ments", Reason::Overflow),
///     (0x03, "s", Reason::OutOfOrder), // nothing is left to follow
/// ] {
///     assert_eq!(queue.push(&header(frag), data.as_bytes(), Duration::ZERO), Outcome::Dropped(reason));
/// }
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Reason {
    /// It has come before.
    Duplicate,
    /// It does not follow what has come before. The queue was abandoned.
    OutOfOrder,
    /// The buffer has no room for it. The queue was abandoned.
    Overflow,
    /// It claims to be the last of a sequence, at position 0 (`80`).
    Position,
}

/// Cuts data into fragments of `size` octets, the last with what is left. Data that fits in one stands alone.
///
/// # Errors
///
/// [`ValueError::Fragments`] where it takes more than 127 fragments.
///
/// ```
/// use core::num::NonZeroUsize;
///
/// use socks5_sansio::reassembly::fragments;
/// use socks5_sansio::Endpoint;
///
/// let endpoint = Endpoint::try_from("192.0.2.1:53").unwrap();
/// let size = NonZeroUsize::new(4).unwrap();
/// let cut: Vec<_> = fragments(endpoint, b"fragments", size)?.map(|(header, data)| (header.fragment.0, data)).collect();
/// assert_eq!(cut, [(0x01, b"frag".as_slice()), (0x02, b"ment"), (0x83, b"s")]);
/// # Ok::<(), socks5_sansio::ValueError>(())
/// ```
pub fn fragments<'a>(endpoint: Endpoint<'a>, data: &'a [u8], size: NonZeroUsize) -> Result<Fragments<'a>, ValueError> {
    match data.len().div_ceil(size.get()) {
        0..=127 => Ok(Fragments { endpoint, rest: Some(data), size: size.get(), position: 1 }),
        count => Err(ValueError::Fragments(count)),
    }
}

/// The fragments of a datagram in their order, each as a header and the data behind it. Made by [`fragments`].
///
/// ```
/// use core::num::NonZeroUsize;
///
/// use socks5_sansio::reassembly::{Fragments, fragments};
/// use socks5_sansio::{Endpoint, UdpHeader};
///
/// let endpoint = Endpoint::try_from("192.0.2.1:53").unwrap();
/// let mut cut: Fragments<'_> = fragments(endpoint, b"fits", NonZeroUsize::new(4).unwrap())?;
/// assert_eq!(cut.next(), Some((UdpHeader::new(endpoint), b"fits".as_slice()))); // standalone
/// assert_eq!(cut.next(), None);
/// # Ok::<(), socks5_sansio::ValueError>(())
/// ```
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
        self.position += 1;
        Some((UdpHeader { fragment, endpoint: self.endpoint }, data))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn debug_shows_none_of_the_octets() {
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
