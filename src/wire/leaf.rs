//! The parsers of single fields, and the one value that they share: at most 255 bytes, sent after a length octet.
//!
//! `REST` is the least number of bytes that follow the field in its message: if the field is truncated, they are missing too.
//! A reader that reads exactly what is missing then needs as few reads for a message as possible.
//!
//! nom 8's own number parsers are not inlined without LTO, and take several times the instructions of these.

use nom::{Err, IResult, Needed};

use crate::error::Invalid;

/// The rest of the input and the value, or [`Invalid`], or the number of bytes missing.
pub(super) type Parsed<'a, T> = IResult<&'a [u8], T, Invalid>;

/// A version octet, and the error for any other.
#[derive(Clone, Copy)]
pub(super) struct Version(pub(super) u8, pub(super) fn(u8) -> Invalid);

/// The version of RFC 1928.
pub(super) const SOCKS5: Version = Version(5, Invalid::Version);

#[inline(always)]
pub(super) fn version<const REST: usize>(Version(expected, wrong): Version, input: &[u8]) -> Parsed<'_, ()> {
    let (input, version) = byte::<REST>(input)?;
    if version == expected { Ok((input, ())) } else { Err(invalid(wrong(version))) }
}

/// Both octets of a two-octet message in one step: one after the other would take twice the instructions.
#[inline(always)]
pub(super) fn versioned_byte(expected: Version, input: &[u8]) -> Parsed<'_, u8> {
    match input {
        [version, byte, input @ ..] if *version == expected.0 => Ok((input, *byte)),
        _ => {
            let (input, ()) = version::<1>(expected, input)?;
            byte::<0>(input)
        }
    }
}

#[inline(always)]
pub(super) fn byte<const REST: usize>(input: &[u8]) -> Parsed<'_, u8> {
    let (input, [byte]) = bytes::<1, REST>(input)?;
    Ok((input, byte))
}

/// A number of two bytes in network order.
#[inline(always)]
pub(super) fn be_u16<const REST: usize>(input: &[u8]) -> Parsed<'_, u16> {
    let (input, bytes) = bytes::<2, REST>(input)?;
    Ok((input, u16::from_be_bytes(bytes)))
}

#[inline(always)]
pub(super) fn bytes<const N: usize, const REST: usize>(input: &[u8]) -> Parsed<'_, [u8; N]> {
    match input.split_first_chunk() {
        Some((bytes, rest)) => Ok((rest, *bytes)),
        None => Err(incomplete(N + REST, input)),
    }
}

#[inline(always)]
pub(super) fn take<const REST: usize>(len: usize, input: &[u8]) -> Parsed<'_, &[u8]> {
    match input.split_at_checked(len) {
        Some((bytes, rest)) => Ok((rest, bytes)),
        None => Err(incomplete(len + REST, input)),
    }
}

/// A length octet, and that many bytes.
#[inline(always)]
pub(super) fn short<const REST: usize>(input: &[u8]) -> Parsed<'_, Short<'_>> {
    let (input, len) = byte::<REST>(input)?;
    let (input, bytes) = take::<REST>(usize::from(len), input)?;
    Ok((input, Short(bytes)))
}

/// At most 255 bytes, and a NUL after them.
#[inline(always)]
pub(super) fn terminated<const REST: usize>(too_long: Invalid, input: &[u8]) -> Parsed<'_, Short<'_>> {
    match nul(input).and_then(|len| input.split_at_checked(len)) {
        Some((bytes, [_nul, input @ ..])) => Ok((input, Short(bytes))),
        _ if input.len() > 255 => Err(invalid(too_long)),
        _ => Err(incomplete(input.len() + 1 + REST, input)),
    }
}

/// The position of the first NUL among the first 256 bytes. Not inlined: `proof/` has one theorem about the loop, and uses it in
/// others.
#[inline(never)]
fn nul(input: &[u8]) -> Option<usize> {
    input.get(..256).unwrap_or(input).iter().position(|&byte| byte == 0)
}

/// An error that more input cannot resolve.
#[inline(always)]
pub(super) fn invalid(invalid: Invalid) -> Err<Invalid> {
    Err::Failure(invalid)
}

#[inline(always)]
pub(super) fn incomplete(needed: usize, input: &[u8]) -> Err<Invalid> {
    Err::Incomplete(Needed::new(needed.saturating_sub(input.len())))
}

/// At most 255 bytes.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Short<'a>(&'a [u8]);

impl<'a> Short<'a> {
    /// `None` over 255 bytes.
    pub(super) const fn new(bytes: &'a [u8]) -> Option<Self> {
        if bytes.len() <= 255 { Some(Self(bytes)) } else { None }
    }

    pub(super) const fn from_array<const N: usize>(bytes: &'a [u8; N]) -> Self {
        const { assert!(N <= 255) };
        Self(bytes)
    }

    #[inline]
    pub(super) const fn as_bytes(self) -> &'a [u8] {
        self.0
    }

    /// The length octet. It cannot wrap: the length was checked when the value was made.
    #[inline]
    pub(super) const fn len_octet(self) -> u8 {
        debug_assert!(self.0.len() <= 255);
        let [.., len] = self.0.len().to_be_bytes();
        len
    }
}

/// An owned [`Short`].
#[derive(Clone, PartialEq, Eq, Hash)]
pub(super) struct ShortBuf {
    len: u8,
    bytes: [u8; 255],
}

impl ShortBuf {
    pub(super) const fn as_short(&self) -> Short<'_> {
        let (bytes, _) = self.bytes.split_at(self.len as usize);
        Short(bytes)
    }
}

impl From<Short<'_>> for ShortBuf {
    fn from(short: Short<'_>) -> Self {
        let mut bytes = [0; 255];
        bytes.iter_mut().zip(short.as_bytes()).for_each(|(to, from)| *to = *from);
        Self { len: short.len_octet(), bytes }
    }
}
