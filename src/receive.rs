//! The trait that all states implement.

use core::num::NonZeroUsize;

use crate::error::{DecodeError, Invalid};
use crate::wire::Decode;

pub(crate) mod sealed {
    pub trait Sealed {}
}

/// A state that waits for one message. Sealed.
///
/// A driver calls [`missing`](Self::missing) until it returns `None` or the stream ends, then calls [`receive`](Self::receive).
/// [`Inbox`](crate::Inbox) does this for an event loop, `blocking::Wire` for a stream.
///
/// ```
/// use socks5_sansio::server::{Error, ReceiveOffer};
/// use socks5_sansio::{Encode, Receive};
///
/// let input = b"\x05\x01\x00\x05\x01"; // an offer, and the beginning of a request
/// assert_eq!(ReceiveOffer::new().missing(&input[..2]).map(|missing| missing.get()), Some(1));
/// assert_eq!(ReceiveOffer::new().missing(input), None);
///
/// let ((_offer, permit), used) = ReceiveOffer::new().receive(input)?;
/// assert_eq!(used, 3);
/// let Ok((selection, _next_state)) = permit.no_authentication() else { panic!("not offered") };
/// assert_eq!(selection.to_vec(), [5, 0]);
/// # Ok::<(), Error>(())
/// ```
pub trait Receive: Sized + sealed::Sealed {
    /// The message, borrowed from the input, with the permit for the next move.
    type Received<'i>;
    /// The error that ends this handshake.
    type Error: core::error::Error + Copy + Send + Sync + 'static;

    /// Returns the least number of bytes missing from the message, or `None` if [`receive`](Self::receive) can decide. While
    /// the length of an address is not known, it counts as the shortest, an empty name.
    fn missing(&self, input: &[u8]) -> Option<NonZeroUsize>;

    /// Receives the message at the front of the input. Returns it, and its length in bytes.
    ///
    /// # Errors
    ///
    /// The handshake is over: send the [closing reply](Self::closing_reply), then close. If more input is needed, the error is that
    /// of an end of stream. So call this only after [`missing`](Self::missing) has returned `None`, or at the end of the stream.
    fn receive(self, input: &[u8]) -> Result<(Self::Received<'_>, usize), Self::Error>;

    /// The bytes to send before closing after an error.
    #[must_use]
    fn closing_reply(_error: &Self::Error) -> &'static [u8] {
        &[]
    }
}

/// The errors for a stream that ends before the next message, or inside it.
pub(crate) trait Ended {
    const CLOSED: Self;
    const TRUNCATED: Self;
}

#[inline]
pub(crate) fn missing<'i, M: Decode<'i>>(input: &'i [u8]) -> Option<NonZeroUsize> {
    match M::decode(input) {
        Err(DecodeError::Incomplete(missing)) => Some(missing),
        Ok(_) | Err(DecodeError::Invalid(_)) => None,
    }
}

#[inline]
pub(crate) fn receive<'i, M: Decode<'i>, E: Ended>(
    input: &'i [u8],
    malformed: fn(Invalid) -> E,
) -> Result<(M, usize), E> {
    match M::decode(input) {
        Ok(received) => Ok(received),
        Err(DecodeError::Invalid(invalid)) => Err(malformed(invalid)),
        Err(DecodeError::Incomplete(_)) if input.is_empty() => Err(E::CLOSED),
        Err(DecodeError::Incomplete(_)) => Err(E::TRUNCATED),
    }
}
