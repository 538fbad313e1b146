//! RFC 1961: the frames that carry GSSAPI tokens. What is in a token is between the caller and a GSSAPI library.

use core::fmt;

use super::leaf::{Parsed, Version, head, invalid, octets, take_then};
use super::{Layout, Message};
use crate::error::{Invalid, ValueError};

const VERSION: Version = Version(1, Invalid::GssapiVersion);

const AUTHENTICATION: u8 = 0x01;
const PROTECTION_LEVEL: u8 = 0x02;
const ENCAPSULATED: u8 = 0x03;
const ABORT: u8 = 0xFF;

/// A frame of the GSSAPI method, the same in both directions (RFC 1961 sections 3 to 5).
///
/// ```text
/// +------+------+------+.......................+
/// + ver  | mtyp | len  |       token           |
/// +------+------+------+.......................+
/// + 0x01 | 0x01 | 0x02 | up to 2^16 - 1 octets |
/// +------+------+------+.......................+
/// ```
///
/// The length is in network order and may be 0. An abort is `01 FF` and no more.
///
/// ```
/// use socks5_sansio::{GssapiMessage, GssapiToken, Message};
///
/// let frame = GssapiMessage::Authentication(GssapiToken::new(&[0x60, 0x02])?);
/// let mut out = [0; 6];
/// frame.encode(&mut out)?;
/// assert_eq!(out, [1, 1, 0, 2, 0x60, 0x02]);
/// assert_eq!(GssapiMessage::decode(&[1, 0xFF])?, (GssapiMessage::Abort, 2));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum GssapiMessage<'a> {
    /// Message type 01: a token of the security context being established (section 3.4).
    Authentication(GssapiToken<'a>),
    /// Message type 02: the wrapped octet that offers or chooses a protection level (section 4.1).
    ProtectionLevel(GssapiToken<'a>),
    /// Message type 03: wrapped data, SOCKS messages included (section 5).
    Encapsulated(GssapiToken<'a>),
    /// Message type FF: the sender gives up (sections 3.8 and 4.3).
    Abort,
}

/// Octets that only a GSSAPI library understands: 0 to 65,535 of them.
///
/// `Debug` shows how many.
///
/// ```
/// use socks5_sansio::{GssapiToken, ValueError};
///
/// assert_eq!(GssapiToken::new(b"abc")?.as_bytes(), b"abc");
/// assert_eq!(GssapiToken::new(&[0; 65_536]), Err(ValueError::Token(65_536)));
/// # Ok::<(), ValueError>(())
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct GssapiToken<'a>(&'a [u8]);

impl GssapiMessage<'_> {
    /// The octet of the message type: 1, 2, 3 or FF.
    ///
    /// ```
    /// use socks5_sansio::{GssapiMessage, GssapiToken};
    ///
    /// assert_eq!(GssapiMessage::Encapsulated(GssapiToken::EMPTY).message_type(), 3);
    /// assert_eq!(GssapiMessage::Abort.message_type(), 0xFF);
    /// ```
    #[must_use]
    pub const fn message_type(&self) -> u8 {
        match self {
            Self::Authentication(_) => AUTHENTICATION,
            Self::ProtectionLevel(_) => PROTECTION_LEVEL,
            Self::Encapsulated(_) => ENCAPSULATED,
            Self::Abort => ABORT,
        }
    }
}

/// [`GssapiMessage::Abort`], encoded.
pub(crate) const ABORT_OCTETS: [u8; 2] = [VERSION.0, ABORT];

impl<'a> GssapiToken<'a> {
    /// No octets: from a server, that it is ready (RFC 1961 section 3.7).
    pub const EMPTY: Self = Self(&[]);

    /// A token of 0 to 65,535 octets.
    ///
    /// # Errors
    ///
    /// [`ValueError::Token`] over 65,535 octets.
    ///
    /// ```
    /// use socks5_sansio::{GssapiMessage, GssapiToken, Message};
    ///
    /// let mut out = [0; 4];
    /// GssapiMessage::Authentication(GssapiToken::new(&[])?).encode(&mut out)?;
    /// assert_eq!(out, [1, 1, 0, 0]); // the length is there for an empty token, too
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub const fn new(octets: &'a [u8]) -> Result<Self, ValueError> {
        match octets.len() {
            0..=65_535 => Ok(Self(octets)),
            len => Err(ValueError::Token(len)),
        }
    }

    /// The octets of the token.
    ///
    /// ```
    /// use socks5_sansio::{GssapiMessage, Message};
    ///
    /// let (message, used) = GssapiMessage::decode(b"\x01\x03\x00\x04data\x01\x03")?;
    /// let GssapiMessage::Encapsulated(token) = message else { panic!() };
    /// assert_eq!((token.as_bytes(), used), (b"data".as_slice(), 8)); // without the four octets in front
    /// # Ok::<(), socks5_sansio::DecodeError>(())
    /// ```
    #[must_use]
    pub const fn as_bytes(&self) -> &'a [u8] {
        self.0
    }
}

impl fmt::Debug for GssapiToken<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "GssapiToken({} octets)", self.0.len())
    }
}

impl<'a> Layout<'a> for GssapiMessage<'a> {
    #[inline]
    fn parse(input: &'a [u8]) -> Parsed<'a, Self> {
        let (input, [_ver, mtyp]) = head(VERSION, input)?;
        match mtyp {
            AUTHENTICATION => token(input, Self::Authentication),
            PROTECTION_LEVEL => token(input, Self::ProtectionLevel),
            ENCAPSULATED => token(input, Self::Encapsulated),
            ABORT => Ok((input, Self::Abort)),
            unknown => Err(invalid(Invalid::GssapiMessageType(unknown))),
        }
    }

    #[inline]
    fn in_pieces<R>(&self, lend: impl FnOnce(&[&[u8]]) -> R) -> R {
        match *self {
            Self::Authentication(GssapiToken(token))
            | Self::ProtectionLevel(GssapiToken(token))
            | Self::Encapsulated(GssapiToken(token)) => {
                let [.., high, low] = token.len().to_be_bytes();
                lend(&[&[VERSION.0, self.message_type(), high, low], token])
            }
            Self::Abort => lend(&[&ABORT_OCTETS]),
        }
    }
}

#[inline]
fn token<'a, T>(input: &'a [u8], make: impl FnOnce(GssapiToken<'a>) -> T) -> Parsed<'a, T> {
    let (input, len) = octets(input)?;
    take_then(usize::from(u16::from_be_bytes(len)), input, |token, []| make(GssapiToken(token)))
}

impl<'a> Message<'a> for GssapiMessage<'a> {
    const MIN_LEN: usize = 2;
    const MAX_LEN: usize = 65_539;
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::DecodeError;
    use crate::wire::testing::{encodes_to, three_ways};

    #[test]
    fn the_message_type_is_the_second_octet() {
        for octets in [[1, 1, 0, 0].as_slice(), &[1, 2, 0, 0], &[1, 3, 0, 0], &[1, 0xFF]] {
            let (message, _) = GssapiMessage::decode(octets).unwrap();
            assert_eq!(message.message_type(), octets[1]);
        }
    }

    #[test]
    fn frames_three_ways() {
        three_ways::<GssapiMessage<'_>>(&[1, 0xFF]);
        for mtyp in 1..=3 {
            three_ways::<GssapiMessage<'_>>(&[1, mtyp, 0, 0]);
            three_ways::<GssapiMessage<'_>>(&[1, mtyp, 0, 3, 0xAA, 0xBB, 0xCC]);
            three_ways::<GssapiMessage<'_>>(&[&[1, mtyp, 1, 0], [0x5A; 256].as_slice()].concat());
        }
    }

    #[test]
    fn debug_tells_the_length_of_a_token_and_no_more() {
        let message = GssapiMessage::Encapsulated(GssapiToken::new(b"secret").unwrap());
        assert_eq!(std::format!("{message:?}"), "Encapsulated(GssapiToken(6 octets))");
    }

    #[test]
    fn the_longest_token() {
        let octets = [&[1, 3, 0xFF, 0xFF], [0x5A; 65_535].as_slice()].concat();
        let (message, used) = GssapiMessage::decode(&octets).unwrap();
        assert_eq!((used, message.encoded_len()), (GssapiMessage::MAX_LEN, GssapiMessage::MAX_LEN));
        assert_eq!(message, GssapiMessage::Encapsulated(GssapiToken::new(&[0x5A; 65_535]).unwrap()));
        let mut out = [0; GssapiMessage::MAX_LEN];
        assert_eq!(message.encode(&mut out), Ok(octets.len()));
        assert!(out == *octets);
    }

    #[test]
    fn an_abort_has_no_length() {
        assert_eq!(GssapiMessage::decode(&[1, 0xFF, 0, 4]), Ok((GssapiMessage::Abort, 2)));
        encodes_to(&GssapiMessage::Abort, &[1, 0xFF]);
    }

    #[test]
    fn unknown_types_are_invalid() {
        for mtyp in (0..=255).filter(|mtyp| !matches!(mtyp, 1..=3 | 0xFF)) {
            let invalid = DecodeError::Invalid(Invalid::GssapiMessageType(mtyp));
            assert_eq!(GssapiMessage::decode(&[1, mtyp]), Err(invalid));
        }
    }
}
