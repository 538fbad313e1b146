//! RFC 1928 section 6: the reply.

use core::net::Ipv4Addr;

use super::code::ReplyCode;
use super::endpoint::{Address, Endpoint, IPV4, endpoint};
use super::leaf::{Parsed, SOCKS5, byte, version, versioned_byte};
use super::message::{Parse, Pieces, finish};
use crate::error::DecodeError;

/// A server's reply to a request (RFC 1928 section 6).
///
/// ```text
/// +----+-----+-------+------+----------+----------+
/// |VER | REP |  RSV  | ATYP | BND.ADDR | BND.PORT |
/// +----+-----+-------+------+----------+----------+
/// | 05 |  1  |  00   |  1   | Variable |    2     |
/// +----+-----+-------+------+----------+----------+
/// ```
///
/// RSV is sent as 00 and ignored on receipt. A domain name of length 0, as some servers send it, means "no address": it is
/// decoded as 0.0.0.0.
///
/// ```
/// use socks5_sansio::{Decode, Encode, Reply};
///
/// let reply = Reply::succeeded("192.0.2.1:4660".try_into()?);
/// assert_eq!(reply.to_vec(), [5, 0, 0, 1, 192, 0, 2, 1, 0x12, 0x34]);
///
/// let (reply, used) = Reply::decode(&[5, 0, 0, 3, 0, 0x12, 0x34])?;
/// assert_eq!((reply.bound.to_string().as_str(), used), ("0.0.0.0:4660", 7));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Reply<'a> {
    /// REP: any octet; 00 is success.
    pub code: ReplyCode,
    /// BND.ADDR and BND.PORT: the server's end of the connection to the destination (CONNECT); the address on which it listens,
    /// then that of the peer that connected (BIND); or the address to send datagrams to (UDP ASSOCIATE).
    pub bound: Endpoint<'a>,
}

impl<'a> Reply<'a> {
    /// The length of the longest reply in bytes.
    pub const MAX_LEN: usize = 262;

    /// A success.
    #[must_use]
    pub const fn succeeded(bound: Endpoint<'a>) -> Self {
        Self { code: ReplyCode::SUCCEEDED, bound }
    }

    /// A failure; its bound address is 0.0.0.0:0. [`ReplyCode::SUCCEEDED`] is not a failure, and becomes
    /// [`ReplyCode::GENERAL_FAILURE`].
    #[must_use]
    pub const fn failed(code: ReplyCode) -> Self {
        let code = match code {
            ReplyCode::SUCCEEDED => ReplyCode::GENERAL_FAILURE,
            failure => failure,
        };
        Self { code, bound: Endpoint::UNSPECIFIED }
    }

    /// Decodes the code of a reply from its first two bytes. Not every server sends the rest of a failure.
    ///
    /// # Errors
    ///
    /// [`DecodeError::Incomplete`] if there are fewer than two bytes, [`DecodeError::Invalid`] if the first is not 05.
    ///
    /// ```
    /// use socks5_sansio::{Reply, ReplyCode};
    ///
    /// assert_eq!(Reply::peek_code(&[5, 5, 0])?, ReplyCode::CONNECTION_REFUSED);
    /// # Ok::<(), socks5_sansio::DecodeError>(())
    /// ```
    #[inline]
    pub fn peek_code(input: &[u8]) -> Result<ReplyCode, DecodeError> {
        let (code, _) = finish(Self::parse_code(input))?;
        Ok(code)
    }

    #[inline(always)]
    fn parse_code(input: &[u8]) -> Parsed<'_, ReplyCode> {
        let (input, rep) = versioned_byte(SOCKS5, input)?;
        Ok((input, ReplyCode(rep)))
    }
}

/// [`Reply::failed`], encoded at compile time.
pub(crate) const fn encoded_failure(code: ReplyCode) -> [u8; 10] {
    let ReplyCode(rep) = Reply::failed(code).code;
    [SOCKS5.0, rep, 0, IPV4, 0, 0, 0, 0, 0, 0]
}

impl<'a> Parse<'a> for Reply<'a> {
    #[inline(always)]
    fn parse(input: &'a [u8]) -> Parsed<'a, Self> {
        let (input, ()) = version::<6>(SOCKS5, input)?;
        let (input, rep) = byte::<5>(input)?;
        let (input, _rsv) = byte::<4>(input)?;
        let (input, bound) = endpoint(input, Some(Address::Ipv4(Ipv4Addr::UNSPECIFIED)))?;
        Ok((input, Self { code: ReplyCode(rep), bound }))
    }
}

impl Pieces for Reply<'_> {
    #[inline(always)]
    fn pieces(&self, write: &mut impl FnMut(&[u8])) {
        write(&[SOCKS5.0, self.code.0, 0]);
        self.bound.pieces(write);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::Invalid;
    use crate::wire::testing::{encodes_to, incomplete, round_trip};

    #[test]
    fn round_trips() {
        for rep in 0..=255 {
            round_trip::<Reply<'_>>(&[5, rep, 0, 1, 192, 0, 2, 1, 0, 80]);
        }
        round_trip::<Reply<'_>>(&[&[5, 0, 0, 4], [0xAB; 18].as_slice()].concat());
        round_trip::<Reply<'_>>(&[5, 0, 0, 3, 1, b'x', 0, 80]);
        round_trip::<Reply<'_>>(&[&[5, 0, 0, 3, 255], [b'x'; 255].as_slice(), &[0, 80]].concat());
    }

    #[test]
    fn encodes_failures_in_a_constant() {
        for code in (0..=255).map(ReplyCode) {
            encodes_to(&Reply::failed(code), &encoded_failure(code));
        }
    }

    #[test]
    fn turns_success_into_a_failure() {
        assert_eq!(Reply::failed(ReplyCode::SUCCEEDED), Reply::failed(ReplyCode::GENERAL_FAILURE));
    }

    #[test]
    fn peeks_the_code_in_two_bytes() {
        assert_eq!(Reply::peek_code(&[]), incomplete(2));
        assert_eq!(Reply::peek_code(&[5]), incomplete(1));
        assert_eq!(Reply::peek_code(&[5, 2]), Ok(ReplyCode::NOT_ALLOWED));
        assert_eq!(Reply::peek_code(&[4]), Err(Invalid::Version(4).into()));
    }
}
