//! RFC 1928 section 3: method offer and method selection.

use core::fmt;

use super::code::Method;
use super::leaf::{Parsed, SOCKS5, Short, short, version, versioned_byte};
use super::message::{Parse, Pieces};
use crate::error::ValueError;

/// A client's first message: the authentication methods that it offers (RFC 1928 section 3).
///
/// ```text
/// +----+----------+----------+
/// |VER | NMETHODS | METHODS  |
/// +----+----------+----------+
/// | 05 |    1     | 0 to 255 |
/// +----+----------+----------+
/// ```
///
/// An offer of no methods is decoded as it is; a server answers it with [`Method::NO_ACCEPTABLE_METHODS`].
///
/// ```
/// use socks5_sansio::{Decode, Encode, Method, MethodOffer};
///
/// let offer = MethodOffer::of(&[Method::NO_AUTHENTICATION.0, Method::GSSAPI.0]);
/// assert_eq!(offer.to_vec(), [5, 2, 0, 1]);
/// assert_eq!(MethodOffer::decode(&[5, 2, 0, 1])?, (offer, 4));
/// assert!(offer.contains(Method::GSSAPI));
/// # Ok::<(), socks5_sansio::DecodeError>(())
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct MethodOffer<'a>(Short<'a>);

impl MethodOffer<'static> {
    /// An offer of no authentication alone.
    pub const NO_AUTHENTICATION: Self = Self::of(&[Method::NO_AUTHENTICATION.0]);
    /// An offer of username and password alone.
    pub const USERNAME_PASSWORD: Self = Self::of(&[Method::USERNAME_PASSWORD.0]);
    /// An offer of no authentication, and of username and password.
    pub const NO_AUTHENTICATION_OR_USERNAME_PASSWORD: Self =
        Self::of(&[Method::NO_AUTHENTICATION.0, Method::USERNAME_PASSWORD.0]);
}

impl<'a> MethodOffer<'a> {
    /// The length of the longest offer in bytes.
    pub const MAX_LEN: usize = 257;

    /// An offer of these methods, in this order. More than 255 do not compile.
    ///
    /// ```compile_fail,E0080
    /// socks5_sansio::MethodOffer::of(&[0; 256]);
    /// ```
    #[must_use]
    pub const fn of<const N: usize>(methods: &'a [u8; N]) -> Self {
        Self(Short::from_array(methods))
    }

    /// An offer of these methods, in this order.
    ///
    /// # Errors
    ///
    /// [`ValueError::Methods`] over 255 methods.
    pub const fn new(methods: &'a [u8]) -> Result<Self, ValueError> {
        match Short::new(methods) {
            Some(methods) => Ok(Self(methods)),
            None => Err(ValueError::Methods(methods.len())),
        }
    }

    /// The methods in the order of the offer, duplicates included.
    pub fn methods(&self) -> impl Iterator<Item = Method> + use<'a> {
        self.0.as_bytes().iter().copied().map(Method)
    }

    /// Whether the method is among those offered.
    #[must_use]
    #[inline]
    pub fn contains(&self, method: Method) -> bool {
        self.0.as_bytes().contains(&method.0)
    }
}

impl<'a> Parse<'a> for MethodOffer<'a> {
    #[inline(always)]
    fn parse(input: &'a [u8]) -> Parsed<'a, Self> {
        let (input, ()) = version::<1>(SOCKS5, input)?;
        let (input, methods) = short::<0>(input)?;
        Ok((input, Self(methods)))
    }
}

impl Pieces for MethodOffer<'_> {
    #[inline(always)]
    fn pieces(&self, write: &mut impl FnMut(&[u8])) {
        write(&[SOCKS5.0, self.0.len_octet()]);
        write(self.0.as_bytes());
    }
}

impl fmt::Debug for MethodOffer<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("MethodOffer").and_then(|()| f.debug_list().entries(self.methods()).finish())
    }
}

/// The methods of an offer without its bytes, one bit each.
#[derive(Clone, Copy, Debug)]
pub(crate) struct MethodSet([u64; 4]);

impl MethodSet {
    #[inline]
    pub(crate) const fn contains(self, Method(octet): Method) -> bool {
        let Self([a, b, c, d]) = self;
        let word = match octet >> 6 {
            0 => a,
            1 => b,
            2 => c,
            _ => d,
        };
        word >> (octet & 63) & 1 == 1
    }
}

impl From<MethodOffer<'_>> for MethodSet {
    #[inline]
    fn from(MethodOffer(methods): MethodOffer<'_>) -> Self {
        let mut set = Self([0; 4]);
        set.insert(methods.as_bytes());
        set
    }
}

impl MethodSet {
    /// Not inlined: `proof/` has one theorem about the loop, and uses it in others.
    #[inline(never)]
    fn insert(&mut self, methods: &[u8]) {
        for octet in methods {
            // two bits: always the index of a word
            let word = self.0.get_mut(usize::from(octet >> 6));
            word.into_iter().for_each(|word| *word |= 1 << (octet & 63));
        }
    }
}

/// A server's selection among the methods offered (RFC 1928 section 3).
///
/// ```text
/// +----+--------+
/// |VER | METHOD |
/// +----+--------+
/// | 05 |   1    |
/// +----+--------+
/// ```
///
/// After [`Method::NO_ACCEPTABLE_METHODS`] the client must close the connection.
///
/// ```
/// use socks5_sansio::{Decode, Method, MethodSelection};
///
/// let (selection, used) = MethodSelection::decode(&[5, 0xFF])?;
/// assert_eq!((selection.method, used), (Method::NO_ACCEPTABLE_METHODS, 2));
/// # Ok::<(), socks5_sansio::DecodeError>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct MethodSelection {
    /// The selected method, or [`Method::NO_ACCEPTABLE_METHODS`].
    pub method: Method,
}

impl MethodSelection {
    /// The length of a selection in bytes.
    pub const MAX_LEN: usize = 2;
}

impl Parse<'_> for MethodSelection {
    #[inline(always)]
    fn parse(input: &[u8]) -> Parsed<'_, Self> {
        let (input, method) = versioned_byte(SOCKS5, input)?;
        Ok((input, Self { method: Method(method) }))
    }
}

impl Pieces for MethodSelection {
    #[inline(always)]
    fn pieces(&self, write: &mut impl FnMut(&[u8])) {
        write(&[SOCKS5.0, self.method.0]);
    }
}

#[cfg(test)]
mod tests {
    use std::format;

    use super::*;
    use crate::wire::Decode;
    use crate::wire::testing::round_trip;

    #[test]
    fn offers_round_trip() {
        round_trip::<MethodOffer<'_>>(&[5, 0]);
        round_trip::<MethodOffer<'_>>(&[5, 1, 0]);
        round_trip::<MethodOffer<'_>>(&[5, 3, 0, 0, 2]);
        for count in [127, 128, 255] {
            round_trip::<MethodOffer<'_>>(&[[5, count].as_slice(), &[7; 255][..usize::from(count)]].concat());
        }
    }

    #[test]
    fn selections_round_trip() {
        (0..=255).for_each(|method| round_trip::<MethodSelection>(&[5, method]));
    }

    #[test]
    fn offers_and_sets_contain_what_was_offered() {
        let (received, _) = MethodOffer::decode(&[5, 2, 2, 0]).unwrap();
        assert_eq!(received, MethodOffer::of(&[2, 0]));
        for method in (0..=255).map(Method) {
            let offered = method.0 == 0 || method.0 == 2;
            assert_eq!((received.contains(method), MethodSet::from(received).contains(method)), (offered, offered));
            let only = MethodSet::from(MethodOffer::of(&[method.0]));
            assert!((0..=255).map(Method).all(|other| only.contains(other) == (other == method)), "{method}");
        }
        assert_eq!(
            format!("{received:?}"),
            "MethodOffer[Method(0x02, username/password), Method(0x00, no authentication)]"
        );
    }

    #[test]
    fn refuses_more_than_255_methods() {
        assert!(MethodOffer::new(&[0; 255]).is_ok());
        assert_eq!(MethodOffer::new(&[0; 256]), Err(ValueError::Methods(256)));
    }
}
