//! RFC 1961: the frames that carry GSSAPI tokens.

use core::fmt;

use super::leaf::{Parsed, Version, byte, incomplete, invalid, take, version};
use super::message::{Parse, Pieces};
use crate::error::{Invalid, ValueError};

const VERSION: Version = Version(1, Invalid::GssapiVersion);

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
/// The length is in network order and may be 0. An abort is exactly `01 FF`.
///
/// ```
/// use socks5_sansio::{Decode, Encode, GssapiMessage, GssapiToken};
///
/// let frame = GssapiMessage::Authentication(GssapiToken::new(&[0x60, 0x02])?);
/// assert_eq!(frame.to_vec(), [1, 1, 0, 2, 0x60, 0x02]);
/// assert_eq!(GssapiMessage::decode(&[1, 0xFF])?, (GssapiMessage::Abort, 2));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum GssapiMessage<'a> {
    /// Message type 01: a token of the security context that is being established (section 3.4).
    Authentication(GssapiToken<'a>),
    /// Message type 02: the wrapped octet that offers or chooses a protection level (section 4.3).
    ProtectionLevel(GssapiToken<'a>),
    /// Message type 03: wrapped data, SOCKS messages included (section 5).
    Encapsulated(GssapiToken<'a>),
    /// Message type FF: the sender aborts (section 3.8).
    Abort,
}

/// An opaque token of a GSSAPI library: 0 to 65,535 bytes. `Debug` shows only its length.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct GssapiToken<'a>(&'a [u8]);

impl GssapiMessage<'_> {
    /// The length of the longest frame in bytes.
    pub const MAX_LEN: usize = 65_539;

    /// The octet of the message type: 1, 2, 3 or FF.
    #[must_use]
    pub const fn message_type(&self) -> u8 {
        match self {
            Self::Authentication(_) => AUTHENTICATION,
            Self::ProtectionLevel(_) => PROTECTION_LEVEL,
            Self::Encapsulated(_) => ENCAPSULATED,
            Self::Abort => ABORT_TYPE,
        }
    }
}

const AUTHENTICATION: u8 = 0x01;
const PROTECTION_LEVEL: u8 = 0x02;
const ENCAPSULATED: u8 = 0x03;
const ABORT_TYPE: u8 = 0xFF;

/// [`GssapiMessage::Abort`], encoded.
pub(crate) const ABORT: [u8; 2] = [VERSION.0, ABORT_TYPE];

impl<'a> GssapiToken<'a> {
    /// An empty token. A server sends it to report that its context is established (RFC 1961 section 3.7).
    pub const EMPTY: Self = Self(&[]);

    /// A token of 0 to 65,535 bytes.
    ///
    /// # Errors
    ///
    /// [`ValueError::Token`] over 65,535 bytes.
    pub const fn new(bytes: &'a [u8]) -> Result<Self, ValueError> {
        match bytes.len() {
            0..=65_535 => Ok(Self(bytes)),
            len => Err(ValueError::Token(len)),
        }
    }

    /// The bytes of the token.
    #[must_use]
    pub const fn as_bytes(&self) -> &'a [u8] {
        self.0
    }
}

impl fmt::Debug for GssapiToken<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "GssapiToken({} bytes)", self.0.len())
    }
}

impl<'a> Parse<'a> for GssapiMessage<'a> {
    #[inline(always)]
    fn parse(input: &'a [u8]) -> Parsed<'a, Self> {
        let (input, ()) = version::<1>(VERSION, input)?;
        let (input, mtyp) = byte::<0>(input)?;
        match mtyp {
            AUTHENTICATION => token(input, Self::Authentication),
            PROTECTION_LEVEL => token(input, Self::ProtectionLevel),
            ENCAPSULATED => token(input, Self::Encapsulated),
            ABORT_TYPE => Ok((input, Self::Abort)),
            unknown => Err(invalid(Invalid::GssapiMessageType(unknown))),
        }
    }
}

/// If the length has only its first octet, the missing one counts as 00.
#[inline(always)]
fn length(input: &[u8]) -> Parsed<'_, usize> {
    match input {
        [high, low, input @ ..] => Ok((input, usize::from(u16::from_be_bytes([*high, *low])))),
        [high] => Err(incomplete(2 + usize::from(u16::from_be_bytes([*high, 0])), input)),
        [] => Err(incomplete(2, input)),
    }
}

#[inline(always)]
fn token<'a>(
    input: &'a [u8],
    message: impl FnOnce(GssapiToken<'a>) -> GssapiMessage<'a>,
) -> Parsed<'a, GssapiMessage<'a>> {
    let (input, len) = length(input)?;
    let (input, token) = take::<0>(len, input)?;
    Ok((input, message(GssapiToken(token))))
}

impl Pieces for GssapiMessage<'_> {
    #[inline(always)]
    fn pieces(&self, write: &mut impl FnMut(&[u8])) {
        match *self {
            Self::Authentication(GssapiToken(token))
            | Self::ProtectionLevel(GssapiToken(token))
            | Self::Encapsulated(GssapiToken(token)) => {
                debug_assert!(token.len() <= 65_535, "checked when the token was made");
                let [.., high, low] = token.len().to_be_bytes();
                write(&[VERSION.0, self.message_type(), high, low]);
                write(token);
            }
            Self::Abort => write(&ABORT),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::DecodeError;
    use crate::wire::testing::{encodes_to, round_trip};
    use crate::wire::{Decode, Encode};

    #[test]
    fn the_message_type_is_the_second_byte() {
        for bytes in [[1, 1, 0, 0].as_slice(), &[1, 2, 0, 0], &[1, 3, 0, 0], &[1, 0xFF]] {
            let (message, _) = GssapiMessage::decode(bytes).unwrap();
            assert_eq!(message.message_type(), bytes[1]);
        }
    }

    #[test]
    fn frames_round_trip() {
        round_trip::<GssapiMessage<'_>>(&[1, 0xFF]);
        for mtyp in 1..=3 {
            round_trip::<GssapiMessage<'_>>(&[1, mtyp, 0, 0]);
            round_trip::<GssapiMessage<'_>>(&[1, mtyp, 0, 3, 0xAA, 0xBB, 0xCC]);
            round_trip::<GssapiMessage<'_>>(&[&[1, mtyp, 1, 0], [0x5A; 256].as_slice()].concat());
        }
    }

    #[test]
    fn debug_shows_only_the_length_of_a_token() {
        let message = GssapiMessage::Encapsulated(GssapiToken::new(b"secret").unwrap());
        assert_eq!(std::format!("{message:?}"), "Encapsulated(GssapiToken(6 bytes))");
    }

    #[test]
    fn the_longest_token_round_trips() {
        let bytes = [&[1, 3, 0xFF, 0xFF], [0x5A; 65_535].as_slice()].concat();
        let (message, used) = GssapiMessage::decode(&bytes).unwrap();
        assert_eq!((used, message.encoded_len()), (GssapiMessage::MAX_LEN, GssapiMessage::MAX_LEN));
        assert_eq!(message, GssapiMessage::Encapsulated(GssapiToken::new(&[0x5A; 65_535]).unwrap()));
        let mut out = [0; GssapiMessage::MAX_LEN];
        assert_eq!(message.encode(&mut out), Ok(bytes.len()));
        assert!(out == *bytes);
    }

    #[test]
    fn an_abort_has_no_length() {
        assert_eq!(GssapiMessage::decode(&[1, 0xFF, 0, 4]), Ok((GssapiMessage::Abort, 2)));
        encodes_to(&GssapiMessage::Abort, &[1, 0xFF]);
    }

    #[test]
    fn rejects_unknown_message_types() {
        for mtyp in (0..=255).filter(|mtyp| !matches!(mtyp, 1..=3 | 0xFF)) {
            let invalid = DecodeError::Invalid(Invalid::GssapiMessageType(mtyp));
            assert_eq!(GssapiMessage::decode(&[1, mtyp]), Err(invalid));
        }
    }
}
