//! RFC 1928 section 6: what became of the request.

use super::code::ReplyCode;
use super::endpoint::{Endpoint, IPV4, endpoint};
use super::leaf::{Parsed, SOCKS5, head};
use super::{Layout, Message, decode_by};
use crate::error::DecodeError;

/// What became of the request (RFC 1928 section 6).
///
/// ```text
/// +----+-----+-------+------+----------+----------+
/// |VER | REP |  RSV  | ATYP | BND.ADDR | BND.PORT |
/// +----+-----+-------+------+----------+----------+
/// | 05 |  1  |  00   |  1   | Variable |    2     |
/// +----+-----+-------+------+----------+----------+
/// ```
///
/// RSV is sent as 00 and ignored on receipt. Not every server sends the whole message with a failure:
/// [`peek_code`](Self::peek_code) does not wait for it, and neither does [`Client`](crate::client::Client).
///
/// ```
/// use socks5_sansio::{Endpoint, Message, Reply, ReplyCode};
///
/// let reply = Reply::succeeded(Endpoint::try_from("192.0.2.1:4660")?);
/// let mut out = [0; 10];
/// reply.encode(&mut out)?;
/// assert_eq!(out, [5, 0, 0, 1, 192, 0, 2, 1, 0x12, 0x34]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Reply<'a> {
    /// REP: any octet; 00 is success.
    pub code: ReplyCode,
    /// BND.ADDR and BND.PORT: the server's end of the connection to the destination (CONNECT), where it listens and then
    /// who has connected (BIND), or where datagrams are to be sent (UDP ASSOCIATE).
    pub bound: Endpoint<'a>,
}

impl<'a> Reply<'a> {
    /// Success.
    ///
    /// ```
    /// use socks5_sansio::{Endpoint, Message, Reply};
    ///
    /// let mut out = [0; 10];
    /// Reply::succeeded(Endpoint::UNSPECIFIED).encode(&mut out)?; // a server may keep its address to itself
    /// assert_eq!(out, [5, 0, 0, 1, 0, 0, 0, 0, 0, 0]);
    /// # Ok::<(), socks5_sansio::BufferTooSmall>(())
    /// ```
    #[must_use]
    pub const fn succeeded(bound: Endpoint<'a>) -> Self {
        Self { code: ReplyCode::SUCCEEDED, bound }
    }

    /// A failure. It has no address to tell: BND is 0.0.0.0:0. A code that says success would be no failure, and is taken
    /// as [`ReplyCode::GENERAL_FAILURE`].
    ///
    /// ```
    /// use socks5_sansio::{Message, Reply, ReplyCode};
    ///
    /// let mut out = [0; 10];
    /// Reply::failed(ReplyCode::HOST_UNREACHABLE).encode(&mut out)?;
    /// assert_eq!(out, [5, 4, 0, 1, 0, 0, 0, 0, 0, 0]);
    /// # Ok::<(), socks5_sansio::BufferTooSmall>(())
    /// ```
    #[must_use]
    pub const fn failed(code: ReplyCode) -> Self {
        let code = match code {
            ReplyCode::SUCCEEDED => ReplyCode::GENERAL_FAILURE,
            failure => failure,
        };
        Self { code, bound: Endpoint::UNSPECIFIED }
    }

    /// The code of a reply of which two octets have arrived.
    ///
    /// # Errors
    ///
    /// As [`decode`](Message::decode), with at most two octets missing.
    ///
    /// ```
    /// use socks5_sansio::{Reply, ReplyCode};
    ///
    /// assert_eq!(Reply::peek_code(&[5, 5, 0])?, ReplyCode::CONNECTION_REFUSED);
    /// # Ok::<(), socks5_sansio::DecodeError>(())
    /// ```
    #[inline]
    pub fn peek_code(input: &[u8]) -> Result<ReplyCode, DecodeError> {
        let ([_ver, rep], _used) = decode_by(|input| head(SOCKS5, input), 2, input)?;
        Ok(ReplyCode(rep))
    }
}

/// [`Reply::failed`], encoded.
pub(crate) const fn failed_octets(code: ReplyCode) -> [u8; 10] {
    let ReplyCode(rep) = Reply::failed(code).code;
    [SOCKS5.0, rep, 0, IPV4, 0, 0, 0, 0, 0, 0]
}

impl<'a> Layout<'a> for Reply<'a> {
    #[inline]
    fn parse(input: &'a [u8]) -> Parsed<'a, Self> {
        let (input, [_ver, rep, _rsv, atyp]) = head(SOCKS5, input)?;
        endpoint(atyp, input, |bound| Self { code: ReplyCode(rep), bound })
    }

    #[inline]
    fn in_pieces<R>(&self, lend: impl FnOnce(&[&[u8]]) -> R) -> R {
        self.bound.in_pieces_behind([SOCKS5.0, self.code.0, 0], lend)
    }
}

impl<'a> Message<'a> for Reply<'a> {
    const MIN_LEN: usize = 8;
    const MAX_LEN: usize = 262;
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::Invalid;
    use crate::wire::testing::{encodes_to, three_ways};

    #[test]
    fn replies_three_ways() {
        for rep in 0..=255 {
            three_ways::<Reply<'_>>(&[5, rep, 0, 1, 192, 0, 2, 1, 0, 80]);
        }
        three_ways::<Reply<'_>>(&[&[5, 0, 0, 4], [0xAB; 18].as_slice()].concat());
        three_ways::<Reply<'_>>(&[5, 0, 0, 3, 1, b'x', 0, 80]);
        three_ways::<Reply<'_>>(&[&[5, 0, 0, 3, 255], [b'x'; 255].as_slice(), &[0, 80]].concat());
    }

    #[test]
    fn failures_are_encoded_the_same_in_a_constant() {
        for code in (0..=255).map(ReplyCode) {
            encodes_to(&Reply::failed(code), &failed_octets(code));
        }
    }

    #[test]
    fn no_failure_says_success() {
        assert_eq!(Reply::failed(ReplyCode::SUCCEEDED), Reply::failed(ReplyCode::GENERAL_FAILURE));
    }

    #[test]
    fn the_code_is_known_from_two_octets() {
        let incomplete = |missing| Err(DecodeError::Incomplete(core::num::NonZeroUsize::new(missing).unwrap()));
        assert_eq!(Reply::peek_code(&[]), incomplete(2));
        assert_eq!(Reply::peek_code(&[5]), incomplete(1));
        assert_eq!(Reply::peek_code(&[5, 2]), Ok(ReplyCode::NOT_ALLOWED));
        assert_eq!(Reply::peek_code(&[4]), Err(Invalid::Version(4).into()));
    }
}
