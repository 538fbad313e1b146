//! What every message can do: decode and encode. Private traits beneath them keep nom out of the public interface.

use core::mem;
use core::num::NonZeroUsize;

use nom::{Err, Needed};

use super::leaf::Parsed;
use crate::error::{BufferTooSmall, DecodeError};

/// A message that can be decoded from the front of a buffer. Sealed.
///
/// ```
/// use socks5_sansio::{Decode, DecodeError, UserPass};
///
/// let input = b"\x01\x05alice\x06s3cret\x05\x01"; // credentials, and the beginning of a request
/// let Err(DecodeError::Incomplete(missing)) = UserPass::decode(&input[..4]) else { panic!() };
/// assert_eq!(missing.get(), 4); // "ice", and the length of the password
///
/// let (credentials, used) = UserPass::decode(input)?;
/// assert_eq!((credentials.password(), used), (b"s3cret".as_slice(), 14));
/// # Ok::<(), DecodeError>(())
/// ```
#[expect(private_bounds, reason = "seals the trait, and keeps nom out of the public interface")]
pub trait Decode<'a>: Parse<'a> {
    /// Decodes the message at the front of the input. Returns it, and its length in bytes. What follows is not examined.
    ///
    /// # Errors
    ///
    /// [`DecodeError::Incomplete`] if more input is needed, [`DecodeError::Invalid`] if the input is malformed.
    #[inline]
    fn decode(input: &'a [u8]) -> Result<(Self, usize), DecodeError> {
        let (message, rest) = finish(Self::parse(input))?;
        debug_assert!(rest.len() <= input.len(), "the rest is a part of the input");
        Ok((message, input.len().wrapping_sub(rest.len())))
    }
}

/// A value that can be sent: a message, an optional message, bytes, or a tuple of two or three of these, to be sent in one write.
/// Sealed.
///
/// ```
/// use socks5_sansio::{Encode, MethodOffer, Request};
///
/// let request = Request::connect("192.0.2.1:80".try_into()?);
/// let mut out = [0xAA; 11];
/// assert_eq!(request.encode(&mut out)?, 10);
/// assert_eq!(out, [5, 1, 0, 1, 192, 0, 2, 1, 0, 80, 0xAA]);
///
/// let flight = (MethodOffer::NO_AUTHENTICATION, request);
/// assert_eq!(flight.encoded_len(), 3 + 10);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[expect(private_bounds, reason = "seals the trait")]
pub trait Encode: Pieces {
    /// The length of the encoded message in bytes.
    #[inline]
    #[must_use]
    fn encoded_len(&self) -> usize {
        let mut len = 0;
        self.pieces(&mut |piece| len = usize::saturating_add(len, piece.len()));
        len
    }

    /// Writes the message to the front of `out`. Returns the number of bytes written.
    ///
    /// # Errors
    ///
    /// [`BufferTooSmall`] if `out` is shorter than the message; then nothing is written.
    #[inline]
    fn encode(&self, out: &mut [u8]) -> Result<usize, BufferTooSmall> {
        let needed = self.encoded_len();
        let mut free = out.get_mut(..needed).ok_or(BufferTooSmall { needed })?;
        self.pieces(&mut |piece| {
            // these are the pieces that were counted, so each has its room
            let split = mem::take(&mut free).split_at_mut_checked(piece.len());
            split.into_iter().for_each(|(here, after)| {
                here.copy_from_slice(piece);
                free = after;
            });
        });
        Ok(needed)
    }

    /// Appends the message to a buffer that grows, such as `Vec<u8>` or `bytes::BytesMut`.
    ///
    /// # Panics
    ///
    /// As `bytes::BufMut::put_slice`: if the buffer cannot grow and has too little room.
    #[cfg(feature = "bytes")]
    #[cfg_attr(docsrs, doc(cfg(feature = "bytes")))]
    #[inline]
    fn put(&self, out: &mut impl bytes::BufMut) {
        self.pieces(&mut |piece| out.put_slice(piece));
    }

    /// Encodes the message into a new vector.
    #[cfg(feature = "std")]
    #[cfg_attr(docsrs, doc(cfg(feature = "std")))]
    #[must_use]
    fn to_vec(&self) -> std::vec::Vec<u8> {
        let mut out = std::vec::Vec::with_capacity(self.encoded_len());
        self.pieces(&mut |piece| out.extend_from_slice(piece));
        out
    }
}

impl<'a, T: Parse<'a>> Decode<'a> for T {}
impl<T: Pieces + ?Sized> Encode for T {}

/// The layout of a message, field by field.
pub(super) trait Parse<'a>: Sized {
    fn parse(input: &'a [u8]) -> Parsed<'a, Self>;
}

/// The encoded message, in pieces.
pub(crate) trait Pieces {
    /// Calls `write` with the pieces in their order.
    fn pieces(&self, write: &mut impl FnMut(&[u8]));
}

impl Pieces for [u8] {
    #[inline]
    fn pieces(&self, write: &mut impl FnMut(&[u8])) {
        write(self);
    }
}

impl<const N: usize> Pieces for [u8; N] {
    #[inline]
    fn pieces(&self, write: &mut impl FnMut(&[u8])) {
        write(self);
    }
}

#[cfg(feature = "std")]
impl Pieces for std::vec::Vec<u8> {
    #[inline]
    fn pieces(&self, write: &mut impl FnMut(&[u8])) {
        write(self);
    }
}

impl<M: Pieces> Pieces for Option<M> {
    #[inline]
    fn pieces(&self, write: &mut impl FnMut(&[u8])) {
        self.iter().for_each(|message| message.pieces(write));
    }
}

impl<A: Pieces, B: Pieces> Pieces for (A, B) {
    #[inline]
    fn pieces(&self, write: &mut impl FnMut(&[u8])) {
        self.0.pieces(write);
        self.1.pieces(write);
    }
}

impl<A: Pieces, B: Pieces, C: Pieces> Pieces for (A, B, C) {
    #[inline]
    fn pieces(&self, write: &mut impl FnMut(&[u8])) {
        self.0.pieces(write);
        self.1.pieces(write);
        self.2.pieces(write);
    }
}

/// The value, and the rest of the input. The only place that converts nom's results to this crate's.
#[inline(always)]
pub(super) fn finish<T>(parsed: Parsed<'_, T>) -> Result<(T, &[u8]), DecodeError> {
    match parsed {
        Ok((rest, value)) => Ok((value, rest)),
        Err(Err::Incomplete(Needed::Size(missing))) => Err(DecodeError::Incomplete(missing)),
        Err(Err::Incomplete(Needed::Unknown)) => Err(DecodeError::Incomplete(NonZeroUsize::MIN)),
        Err(Err::Error(invalid) | Err::Failure(invalid)) => Err(DecodeError::Invalid(invalid)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::Invalid;

    #[test]
    fn every_result_of_nom_has_an_equivalent() {
        let result = |error: Err<Invalid>| finish(Parsed::<()>::Err(error)).unwrap_err();
        assert_eq!(result(Err::Incomplete(Needed::Unknown)), DecodeError::Incomplete(NonZeroUsize::MIN));
        assert_eq!(result(Err::Error(Invalid::EmptyDomain)), DecodeError::Invalid(Invalid::EmptyDomain));
        assert_eq!(result(Err::Failure(Invalid::EmptyDomain)), DecodeError::Invalid(Invalid::EmptyDomain));
    }
}
