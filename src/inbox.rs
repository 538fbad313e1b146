//! A buffer for input, with its cursor.

use core::fmt;
use core::num::NonZeroUsize;

use crate::error::BufferTooSmall;
use crate::receive::{Receive, sealed::Sealed};

/// The storage of an [`Inbox`]: `[u8; N]`, `&mut [u8]`, or with the feature `std` a `Vec<u8>`, which grows. Sealed.
pub trait Buffer: Sealed {
    #[doc(hidden)]
    fn bytes(&self) -> &[u8];
    #[doc(hidden)]
    fn bytes_mut(&mut self) -> &mut [u8];
    /// Makes room for `len` bytes in all, if it can.
    #[doc(hidden)]
    fn grow(&mut self, _len: usize) {}
}

impl<const N: usize> Sealed for [u8; N] {}
impl<const N: usize> Buffer for [u8; N] {
    #[inline]
    fn bytes(&self) -> &[u8] {
        self
    }

    #[inline]
    fn bytes_mut(&mut self) -> &mut [u8] {
        self
    }
}

impl Sealed for &mut [u8] {}
impl Buffer for &mut [u8] {
    #[inline]
    fn bytes(&self) -> &[u8] {
        self
    }

    #[inline]
    fn bytes_mut(&mut self) -> &mut [u8] {
        self
    }
}

/// A length that holds most handshakes, so that a vector grows only once.
#[cfg(feature = "std")]
const VEC_MIN_LEN: usize = 64;

#[cfg(feature = "std")]
impl Sealed for std::vec::Vec<u8> {}
#[cfg(feature = "std")]
impl Buffer for std::vec::Vec<u8> {
    #[inline]
    fn bytes(&self) -> &[u8] {
        self
    }

    #[inline]
    fn bytes_mut(&mut self) -> &mut [u8] {
        self
    }

    fn grow(&mut self, len: usize) {
        let len = len.max(VEC_MIN_LEN);
        if self.try_reserve(len.saturating_sub(self.len())).is_ok() {
            self.resize(len, 0);
        }
    }
}

/// A buffer with a cursor: the bytes received so far and not used yet.
///
/// 513 bytes hold the longest message of SOCKS5 without GSSAPI, 520 the longest of SOCKS4.
///
/// ```
/// use socks5_sansio::server::ReceiveOffer;
/// use socks5_sansio::{Inbox, Polled};
///
/// let mut inbox = Inbox::new([0; 513]);
/// let mut state = ReceiveOffer::new();
/// for segment in [b"\x05\x02".as_slice(), b"\x00\x02\x01"] {
///     inbox.room(segment.len())?.copy_from_slice(segment); // as a socket's `read` does
///     inbox.filled(segment.len());
///     state = match inbox.poll(state)? {
///         Polled::Missing(missing, same_state) => {
///             assert_eq!(missing.get(), 2);
///             same_state
///         }
///         Polled::Whole((offer, _permit)) => {
///             assert_eq!(offer.methods().count(), 2);
///             break;
///         }
///     };
/// }
/// assert_eq!(inbox.unread(), [1]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone)]
pub struct Inbox<B> {
    buffer: B,
    unread: Unread,
}

/// The range of the unread bytes: `start <= end`, and `end` is at most the length of the buffer, which never shrinks.
#[derive(Clone)]
struct Unread {
    start: usize,
    end: usize,
}

impl Unread {
    #[inline]
    fn of<'b>(&self, buffer: &'b impl Buffer) -> &'b [u8] {
        let bytes = buffer.bytes();
        let filled = bytes.split_at(self.end.min(bytes.len())).0;
        filled.split_at(self.start.min(filled.len())).1
    }

    /// Removes the first `len` unread bytes; `unread` has all of them.
    #[inline]
    fn consume(&mut self, len: usize, unread: &[u8]) {
        match unread.get(len..) {
            None | Some([]) => *self = Self { start: 0, end: 0 },
            Some(_) => self.start = self.start.saturating_add(len),
        }
    }
}

/// The result of [`Inbox::poll`].
#[must_use]
#[derive(Debug)]
pub enum Polled<R, S> {
    /// The complete message, with the permit for the next move.
    Whole(R),
    /// At least this many bytes are missing. The state is unchanged.
    Missing(NonZeroUsize, S),
}

impl<B: Buffer> Inbox<B> {
    /// An empty inbox.
    pub const fn new(buffer: B) -> Self {
        Self { buffer, unread: Unread { start: 0, end: 0 } }
    }

    /// The bytes received and not used yet.
    #[inline]
    pub fn unread(&self) -> &[u8] {
        self.unread.of(&self.buffer)
    }

    /// Room for exactly `len` bytes after the unread ones.
    ///
    /// # Errors
    ///
    /// [`BufferTooSmall`] if the buffer can neither hold that many nor grow.
    #[inline]
    pub fn room(&mut self, len: usize) -> Result<&mut [u8], BufferTooSmall> {
        if self.needed(len) > self.buffer.bytes().len() {
            self.make_room(len);
        }
        let needed = self.needed(len);
        self.buffer.bytes_mut().get_mut(self.unread.end..needed).ok_or(BufferTooSmall { needed })
    }

    /// The length of a buffer with `len` bytes after the unread ones.
    #[inline]
    fn needed(&self, len: usize) -> usize {
        self.unread.end.saturating_add(len)
    }

    /// All the room after the unread bytes, empty if the buffer is full. Does not grow a `Vec`, not even an empty one:
    /// [`room`](Self::room) does.
    #[inline]
    pub fn space(&mut self) -> &mut [u8] {
        let len = self.buffer.bytes().len();
        let end = if self.unread.end < len { self.unread.end } else { self.compact().min(len) };
        self.buffer.bytes_mut().split_at_mut(end).1
    }

    /// Moves the unread bytes to the front. Returns their number.
    #[cold]
    fn compact(&mut self) -> usize {
        let Unread { start, end } = self.unread;
        let filled = self.buffer.bytes_mut().get_mut(..end).unwrap_or_default();
        filled.copy_within(start.min(filled.len()).., 0);
        self.unread = Unread { start: 0, end: end.saturating_sub(start) };
        self.unread.end
    }

    #[cold]
    fn make_room(&mut self, len: usize) {
        self.compact();
        let needed = self.needed(len);
        if needed > self.buffer.bytes().len() {
            self.buffer.grow(needed);
        }
    }

    /// Adds the first `len` bytes of the [room](Self::room) or the [space](Self::space) to the unread ones, or all of them if there
    /// are fewer.
    #[inline]
    pub fn filled(&mut self, len: usize) {
        self.unread.end = self.needed(len).min(self.buffer.bytes().len());
    }

    /// Removes the first `len` unread bytes, or all of them if there are fewer.
    #[inline]
    pub fn consume(&mut self, len: usize) {
        let unread = self.unread.of(&self.buffer);
        self.unread.consume(len, unread);
    }

    /// Receives the message that the state waits for, if it is complete. For event loops.
    ///
    /// The message borrows the inbox, so a function that returns it cannot call this repeatedly in a loop. Such a function calls
    /// [`Receive::missing`] with the unread bytes until the message is complete, as the drivers do.
    ///
    /// # Errors
    ///
    /// The handshake is over: send the [closing reply](Receive::closing_reply), then close.
    #[inline]
    pub fn poll<S: Receive>(&mut self, state: S) -> Result<Polled<S::Received<'_>, S>, S::Error> {
        match state.missing(self.unread()) {
            Some(missing) => Ok(Polled::Missing(missing, state)),
            None => self.receive(state).map(Polled::Whole),
        }
    }

    /// Receives the message that the state waits for, as if the stream had ended here.
    ///
    /// # Errors
    ///
    /// The handshake is over: send the [closing reply](Receive::closing_reply), then close. For an incomplete message, the error is
    /// that of an end of stream.
    #[inline]
    pub fn receive<S: Receive>(&mut self, state: S) -> Result<S::Received<'_>, S::Error> {
        let unread = self.unread.of(&self.buffer);
        let (received, used) = state.receive(unread)?;
        self.unread.consume(used, unread);
        Ok(received)
    }
}

/// Shows the number of unread bytes, but not the bytes, which may include a password.
impl<B: Buffer> fmt::Debug for Inbox<B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let unread = self.unread().len();
        f.debug_struct("Inbox").field("unread", &unread).field("capacity", &self.buffer.bytes().len()).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::server::{Error, ReceiveOffer};

    #[test]
    fn moves_the_unread_bytes_to_make_room() {
        let mut inbox = Inbox::new([0; 4]);
        inbox.space().copy_from_slice(b"abcd");
        inbox.filled(4);
        inbox.consume(3);
        assert_eq!((inbox.space().len(), inbox.unread()), (3, b"d".as_slice()));
        assert_eq!(std::format!("{inbox:?}"), "Inbox { unread: 1, capacity: 4 }");
        inbox.room(3).unwrap().copy_from_slice(b"efg");
        inbox.filled(9); // counts as all the room, which is less
        assert_eq!(inbox.unread(), b"defg");
        assert_eq!(inbox.room(1), Err(BufferTooSmall { needed: 5 }));
        inbox.consume(9); // counts as all that is unread, which is less
        assert_eq!(inbox.unread(), b"");
        assert_eq!(inbox.room(4).unwrap().len(), 4);
    }

    #[test]
    fn an_end_of_stream_is_an_error() {
        let mut bytes = [5, 1];
        let mut inbox = Inbox::new(bytes.as_mut_slice());
        inbox.space()[0] = 5;
        inbox.filled(1);
        assert!(matches!(inbox.poll(ReceiveOffer::new()), Ok(Polled::Missing(missing, _)) if missing.get() == 1));
        assert_eq!(inbox.receive(ReceiveOffer::new()).unwrap_err(), Error::Truncated);
    }

    #[cfg(feature = "std")]
    #[test]
    fn a_vector_grows() {
        let mut inbox = Inbox::new(std::vec![]);
        assert_eq!(inbox.room(600).unwrap().len(), 600);
        assert_eq!(inbox.room(usize::MAX), Err(BufferTooSmall { needed: usize::MAX }));
    }
}
