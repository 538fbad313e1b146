//! Octets to messages and back. This room knows every octet, and nothing about the order of messages.
//!
//! | message | from | octets | type |
//! |---|---|---|---|
//! | method offer | client | 2 to 257 | [`MethodOffer`] |
//! | method selection | server | 2 | [`MethodSelection`] |
//! | username and password | client | 3 to 513 | [`UserPass`] |
//! | their verdict | server | 2 | [`UserPassStatus`] |
//! | GSSAPI frame | both | 2 to 65,539 | [`GssapiMessage`] |
//! | request | client | 8 to 262 | [`Request`] |
//! | reply | server | 8 to 262 | [`Reply`] |
//! | UDP header | both | 8 to 262 | [`UdpHeader`] |
//!
//! All of them are [`Message`]s: values that borrow their variable parts, and that can be encoded if they exist.

mod code;
mod domain;
mod endpoint;
mod endpoint_buf;
mod gssapi;
mod leaf;
mod method;
mod outgoing;
mod reply;
mod request;
#[cfg(test)]
mod testing;
mod text;
mod udp;
mod user_pass;

use core::mem;
use core::num::NonZeroUsize;

use nom::{Err, Needed};

pub use self::code::{Command, Method, ProtectionLevel, ReplyCode};
pub use self::domain::Domain;
pub use self::endpoint::{Address, Endpoint};
pub use self::endpoint_buf::EndpointBuf;
pub(crate) use self::gssapi::ABORT_OCTETS;
pub use self::gssapi::{GssapiMessage, GssapiToken};
use self::leaf::Parsed;
pub(crate) use self::method::MethodSet;
pub use self::method::{MethodOffer, MethodSelection};
pub use self::outgoing::Outgoing;
pub use self::reply::Reply;
pub(crate) use self::reply::failed_octets;
pub use self::request::Request;
pub use self::udp::{Fragment, UdpHeader};
pub use self::user_pass::{UserPass, UserPassStatus};
use crate::error::{BufferTooSmall, DecodeError};

/// What every message of the protocol can do. Sealed: the protocol has no others.
///
/// How the octets are parsed is nobody else's business:
///
/// ```compile_fail,E0599
/// # use socks5_sansio::{Message, Request};
/// let parsed = Request::parse(&[5]);
/// ```
///
/// ```
/// use socks5_sansio::{Endpoint, Message, Request};
///
/// let request = Request::connect(Endpoint::try_from("example.com:443")?);
/// let mut buffer = [0; Request::MAX_LEN];
/// let len = request.encode(&mut buffer)?;
/// assert_eq!(len, request.encoded_len());
///
/// let (decoded, used) = Request::decode(&buffer)?;
/// assert_eq!((decoded, used), (request, len));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[expect(private_bounds, reason = "that seals it, and keeps nom out of the public interface")]
pub trait Message<'a>: Layout<'a> {
    /// The length of the shortest message of this kind, in octets.
    const MIN_LEN: usize;
    /// The length of the longest message of this kind, in octets: a buffer of this size always suffices.
    const MAX_LEN: usize;

    /// Takes the message off the front of the input. Returns it, and how many octets it had.
    ///
    /// The octets behind it are not looked at.
    ///
    /// # Errors
    ///
    /// [`DecodeError::Incomplete`] where more octets are to come, [`DecodeError::Invalid`] where none would help.
    ///
    /// ```
    /// use socks5_sansio::{DecodeError, Message, UserPass};
    ///
    /// let input = b"\x01\x05alice\x06s3cret\x05\x01"; // credentials, and the beginning of a request
    /// let Err(DecodeError::Incomplete(missing)) = UserPass::decode(&input[..4]) else { panic!() };
    /// assert_eq!(missing.get(), 4); // "ice", and the length of the password
    ///
    /// let (credentials, used) = UserPass::decode(input)?;
    /// assert_eq!((credentials.password(), used), (b"s3cret".as_slice(), 14));
    /// # Ok::<(), DecodeError>(())
    /// ```
    #[inline]
    fn decode(input: &'a [u8]) -> Result<(Self, usize), DecodeError> {
        let (message, rest) = decode_by(Self::parse, Self::MIN_LEN, input)?;
        Ok((message, input.len() - rest.len()))
    }

    /// The length of the encoded message in octets.
    ///
    /// ```
    /// use socks5_sansio::{Endpoint, Message, Request};
    ///
    /// let encoded_len = |destination| Endpoint::try_from(destination).map(|to| Request::connect(to).encoded_len());
    /// assert_eq!(encoded_len("192.0.2.1:80")?, 10);
    /// assert_eq!(encoded_len("[2001:db8::1]:80")?, 22);
    /// assert_eq!(encoded_len("example.com:80")?, 7 + "example.com".len());
    /// # Ok::<(), socks5_sansio::ParseEndpointError>(())
    /// ```
    #[inline]
    #[must_use]
    fn encoded_len(&self) -> usize {
        self.in_pieces(|pieces| pieces.iter().map(|octets| octets.len()).sum())
    }

    /// Writes the message to the front of `out`. Returns how many octets it wrote.
    ///
    /// # Errors
    ///
    /// [`BufferTooSmall`]; then `out` is as it was.
    ///
    /// ```
    /// use socks5_sansio::{BufferTooSmall, Endpoint, Message, Method, MethodOffer, Request};
    ///
    /// let mut out = [0xAA; 5];
    /// assert_eq!(MethodOffer::of(&[Method::NONE]).encode(&mut out), Ok(3));
    /// assert_eq!(out, [5, 1, 0, 0xAA, 0xAA]);
    ///
    /// let request = Request::connect(Endpoint::UNSPECIFIED);
    /// assert_eq!(request.encode(&mut out), Err(BufferTooSmall { needed: 10 }));
    /// assert_eq!(out, [5, 1, 0, 0xAA, 0xAA]);
    /// ```
    #[inline]
    fn encode(&self, out: &mut [u8]) -> Result<usize, BufferTooSmall> {
        self.in_pieces(|pieces| copy(pieces, out))
    }

    /// Appends the message to a buffer that grows, such as `Vec<u8>` or `bytes::BytesMut`.
    ///
    /// ```
    /// use socks5_sansio::{Endpoint, Message, Request};
    ///
    /// let mut out = Vec::new();
    /// Request::connect(Endpoint::try_from("192.0.2.1:80")?).put(&mut out);
    /// assert_eq!(out, [5, 1, 0, 1, 192, 0, 2, 1, 0, 80]);
    /// # Ok::<(), socks5_sansio::ParseEndpointError>(())
    /// ```
    ///
    /// # Panics
    ///
    /// As `bytes::BufMut::put_slice` does, where the buffer cannot grow and has too little room.
    #[cfg(feature = "bytes")]
    #[cfg_attr(docsrs, doc(cfg(feature = "bytes")))]
    #[inline]
    fn put(&self, out: &mut impl bytes::BufMut) {
        self.in_pieces(|pieces| pieces.iter().for_each(|octets| out.put_slice(octets)));
    }
}

/// Copies the pieces to the front of `out`, or nothing. Returns how many octets they have.
#[inline]
fn copy(pieces: &[&[u8]], out: &mut [u8]) -> Result<usize, BufferTooSmall> {
    let needed = pieces.iter().map(|octets| octets.len()).sum();
    let mut free = out.get_mut(..needed).ok_or(BufferTooSmall { needed })?;
    for octets in pieces {
        let (here, behind) = mem::take(&mut free).split_at_mut(octets.len());
        here.copy_from_slice(octets);
        free = behind;
    }
    Ok(needed)
}

/// The two things that a message's own file says about it.
trait Layout<'a>: Sized {
    fn parse(input: &'a [u8]) -> Parsed<'a, Self>;
    /// Lends the encoded message, in pieces that follow one another.
    fn in_pieces<R>(&self, lend: impl FnOnce(&[&[u8]]) -> R) -> R;
}

/// Runs a parser. Nowhere else do nom's results become this crate's.
///
/// What is missing is at least what the parser missed, and at least the rest of the shortest message.
#[inline]
fn decode_by<'a, T>(
    parse: impl FnOnce(&'a [u8]) -> Parsed<'a, T>,
    min_len: usize,
    input: &'a [u8],
) -> Result<(T, &'a [u8]), DecodeError> {
    match parse(input) {
        Ok((rest, value)) => Ok((value, rest)),
        Err(Err::Incomplete(needed)) => {
            let next = match needed {
                Needed::Size(octets) => octets,
                Needed::Unknown => NonZeroUsize::MIN,
            };
            let shortest = NonZeroUsize::new(min_len.saturating_sub(input.len()));
            Err(DecodeError::Incomplete(shortest.map_or(next, |shortest| shortest.max(next))))
        }
        Err(Err::Error(invalid) | Err::Failure(invalid)) => Err(DecodeError::Invalid(invalid)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::Invalid;

    #[test]
    fn whatever_nom_says_is_understood() {
        let decoded = |error: Err<Invalid>| decode_by(|_| Parsed::<()>::Err(error), 0, &[]).unwrap_err();
        assert_eq!(decoded(Err::Incomplete(Needed::Unknown)), DecodeError::Incomplete(NonZeroUsize::MIN));
        assert_eq!(decoded(Err::Error(Invalid::EmptyDomain)), DecodeError::Invalid(Invalid::EmptyDomain));
        assert_eq!(decoded(Err::Failure(Invalid::EmptyDomain)), DecodeError::Invalid(Invalid::EmptyDomain));
    }
}
