//! The leaf parsers that every message is made of, and the one value they share: octets behind a length octet.
//!
//! nom 8.0.0's own `be_u8` and `be_u16` stay calls out of line in a build without LTO, and cost three to
//! six times as much as these.
//!
//! Some take a closure that makes the message, where a tuple would do: a result that is taken apart and put together again
//! on its way up costs half as much as the message itself. `cargo bench --bench instructions` tells.

use nom::{Err, IResult, Needed};

use crate::error::Invalid;

/// What is left of the input, and the value; or [`Invalid`]; or how much is missing.
pub(crate) type Parsed<'a, T> = IResult<&'a [u8], T, Invalid>;

/// A version octet and the error for any other.
#[derive(Clone, Copy)]
pub(super) struct Version(pub(super) u8, pub(super) fn(u8) -> Invalid);

/// The version octet of RFC 1928.
pub(super) const SOCKS5: Version = Version(5, Invalid::Version);

/// The first `N` octets of a message that starts with its version.
///
/// One octet is enough to tell that the version is wrong.
#[inline]
pub(super) fn head<const N: usize>(Version(version, wrong): Version, input: &[u8]) -> Parsed<'_, [u8; N]> {
    match input.split_first_chunk() {
        Some((octets, rest)) if octets.first() == Some(&version) => Ok((rest, *octets)),
        _ => match input.first() {
            Some(&other) if other != version => Err(invalid(wrong(other))),
            _ => Err(incomplete(N, input)),
        },
    }
}

/// The next `N` octets.
#[inline]
pub(super) fn octets<const N: usize>(input: &[u8]) -> Parsed<'_, [u8; N]> {
    match input.split_first_chunk() {
        Some((octets, rest)) => Ok((rest, *octets)),
        None => Err(incomplete(N, input)),
    }
}

/// The next `N` octets, and the `M` behind them: what is missing of either is missed at once.
#[inline]
pub(super) fn octets_then<const N: usize, const M: usize>(input: &[u8]) -> Parsed<'_, ([u8; N], [u8; M])> {
    match input.split_first_chunk().and_then(|(octets, rest)| Some((octets, rest.split_first_chunk()?))) {
        Some((octets, (then, rest))) => Ok((rest, (*octets, *then))),
        None => Err(incomplete(N + M, input)),
    }
}

/// What `make` makes of the next `len` octets and the `N` behind them: what is missing of either is missed at once.
#[inline]
pub(super) fn take_then<'a, const N: usize, T>(
    len: usize,
    input: &'a [u8],
    make: impl FnOnce(&'a [u8], [u8; N]) -> T,
) -> Parsed<'a, T> {
    match input.split_at_checked(len).and_then(|(octets, rest)| Some((octets, rest.split_first_chunk()?))) {
        Some((octets, (then, rest))) => Ok((rest, make(octets, *then))),
        None => Err(incomplete(len + N, input)),
    }
}

/// What `make` makes of as many octets as the length octet says, and the `N` octets behind them.
#[inline]
pub(super) fn short_then<'a, const N: usize, T>(
    len: u8,
    input: &'a [u8],
    make: impl FnOnce(Short<'a>, [u8; N]) -> T,
) -> Parsed<'a, T> {
    take_then(usize::from(len), input, |octets, then| make(Short(octets), then))
}

/// No octets that could follow would help.
#[inline]
pub(super) fn invalid(invalid: Invalid) -> Err<Invalid> {
    Err::Failure(invalid)
}

#[inline]
fn incomplete(wanted: usize, input: &[u8]) -> Err<Invalid> {
    Err::Incomplete(Needed::new(wanted - input.len()))
}

/// At most 255 octets: what fits behind a length octet.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Short<'a>(&'a [u8]);

impl<'a> Short<'a> {
    /// `None` over 255 octets.
    pub(super) fn new(octets: &'a [u8]) -> Option<Self> {
        (octets.len() <= usize::from(u8::MAX)).then_some(Self(octets))
    }

    #[inline]
    pub(super) const fn as_bytes(self) -> &'a [u8] {
        self.0
    }

    #[inline]
    pub(super) const fn len_octet(self) -> u8 {
        len_octet(self.0.len())
    }
}

/// A [`Short`] of its own.
#[derive(Clone, PartialEq, Eq, Hash)]
pub(super) struct ShortBuf {
    len: u8,
    octets: [u8; 255],
}

impl ShortBuf {
    pub(super) fn as_short(&self) -> Short<'_> {
        Short(self.octets.get(..usize::from(self.len)).unwrap_or_default())
    }
}

impl From<Short<'_>> for ShortBuf {
    fn from(short: Short<'_>) -> Self {
        let mut octets = [0; 255];
        octets.iter_mut().zip(short.as_bytes()).for_each(|(to, from)| *to = *from);
        Self { len: short.len_octet(), octets }
    }
}

/// The length octet of a length that was found to be at most 255 when its value was made.
#[inline]
pub(super) const fn len_octet(len: usize) -> u8 {
    let [.., low] = len.to_be_bytes();
    low
}
