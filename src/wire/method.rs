//! RFC 1928 section 3: the client offers methods, the server selects one.

use core::fmt;

use super::code::Method;
use super::leaf::{Parsed, SOCKS5, Short, head, len_octet, short_then};
use super::{Layout, Message};
use crate::error::ValueError;

/// The client's first message: the methods it can authenticate by (RFC 1928 section 3).
///
/// ```text
/// +----+----------+----------+
/// |VER | NMETHODS | METHODS  |
/// +----+----------+----------+
/// | 05 |    1     | 0 to 255 |
/// +----+----------+----------+
/// ```
///
/// An offer of no methods is decoded as it is; a server answers it with [`Method::NO_ACCEPTABLE`].
///
/// ```
/// use socks5_sansio::{Message, Method, MethodOffer};
///
/// let offer = MethodOffer::of(&[Method::NONE, Method::USERNAME_PASSWORD]);
/// let mut out = [0; 4];
/// offer.encode(&mut out)?;
/// assert_eq!(out, [5, 2, 0, 2]);
/// # Ok::<(), socks5_sansio::BufferTooSmall>(())
/// ```
#[derive(Clone, Copy)]
pub struct MethodOffer<'a>(Source<'a>);

#[derive(Clone, Copy)]
enum Source<'a> {
    Peer(Short<'a>),
    Caller(&'a [Method]),
}

impl<'a> MethodOffer<'a> {
    /// An offer of these methods, in this order. More than 255 do not compile.
    ///
    /// ```
    /// use socks5_sansio::{Message, Method, MethodOffer};
    ///
    /// let mut out = [0; 3];
    /// MethodOffer::of(&[Method::USERNAME_PASSWORD]).encode(&mut out)?;
    /// assert_eq!(out, [5, 1, 2]);
    /// # Ok::<(), socks5_sansio::BufferTooSmall>(())
    /// ```
    ///
    /// ```compile_fail,E0080
    /// # use socks5_sansio::{Method, MethodOffer};
    /// MethodOffer::of(&[Method::NONE; 256]);
    /// ```
    #[must_use]
    pub const fn of<const N: usize>(methods: &'a [Method; N]) -> Self {
        const { assert!(N <= 255) };
        Self(Source::Caller(methods))
    }

    /// An offer of as many methods as there turn out to be, in this order.
    ///
    /// # Errors
    ///
    /// [`ValueError::Methods`] over 255 methods.
    ///
    /// ```
    /// use socks5_sansio::{Method, MethodOffer, ValueError};
    ///
    /// let methods = vec![Method::NONE; 256];
    /// assert!(MethodOffer::new(&methods[..255]).is_ok());
    /// assert_eq!(MethodOffer::new(&methods), Err(ValueError::Methods(256)));
    /// ```
    pub const fn new(methods: &'a [Method]) -> Result<Self, ValueError> {
        match methods.len() {
            0..=255 => Ok(Self(Source::Caller(methods))),
            count => Err(ValueError::Methods(count)),
        }
    }

    /// The methods in the order of the offer, duplicates included.
    ///
    /// ```
    /// use socks5_sansio::{Message, Method, MethodOffer};
    ///
    /// let (offer, _) = MethodOffer::decode(&[5, 2, 0, 1])?;
    /// assert!(offer.methods().eq([Method::NONE, Method::GSSAPI]));
    /// # Ok::<(), socks5_sansio::DecodeError>(())
    /// ```
    pub fn methods(&self) -> impl Iterator<Item = Method> + use<'a> {
        let (octets, methods) = match self.0 {
            Source::Peer(octets) => (octets.as_bytes(), [].as_slice()),
            Source::Caller(methods) => ([].as_slice(), methods),
        };
        octets.iter().copied().map(Method).chain(methods.iter().copied())
    }

    /// Whether the method is among those offered.
    ///
    /// ```
    /// use socks5_sansio::{Message, Method, MethodOffer};
    ///
    /// let (offer, _) = MethodOffer::decode(&[5, 1, 2])?;
    /// assert!(offer.contains(Method::USERNAME_PASSWORD));
    /// assert!(!offer.contains(Method::NONE));
    /// # Ok::<(), socks5_sansio::DecodeError>(())
    /// ```
    #[must_use]
    #[inline]
    pub fn contains(&self, method: Method) -> bool {
        match self.0 {
            Source::Peer(octets) => octets.as_bytes().contains(&method.0),
            Source::Caller(methods) => methods.contains(&method),
        }
    }
}

impl<'a> Layout<'a> for MethodOffer<'a> {
    #[inline]
    fn parse(input: &'a [u8]) -> Parsed<'a, Self> {
        let (input, [_ver, nmethods]) = head(SOCKS5, input)?;
        short_then(nmethods, input, |methods, []| Self(Source::Peer(methods)))
    }

    #[inline]
    fn in_pieces<R>(&self, lend: impl FnOnce(&[&[u8]]) -> R) -> R {
        match self.0 {
            Source::Peer(octets) => lend(&[&[SOCKS5.0, octets.len_octet()], octets.as_bytes()]),
            Source::Caller(methods) => {
                let mut octets = [0; 255];
                octets.iter_mut().zip(methods).for_each(|(octet, method)| *octet = method.0);
                let octets = octets.get(..methods.len()).unwrap_or_default();
                lend(&[&[SOCKS5.0, len_octet(methods.len())], octets])
            }
        }
    }
}

impl<'a> Message<'a> for MethodOffer<'a> {
    const MIN_LEN: usize = 2;
    const MAX_LEN: usize = 257;
}

/// The methods of an offer, one bit each: for who must remember them and borrow nothing.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct MethodSet([u64; 4]);

impl MethodSet {
    #[inline]
    fn insert(&mut self, octet: u8) {
        let word = self.0.get_mut(usize::from(octet / 64));
        word.into_iter().for_each(|word| *word |= 1 << (octet % 64));
    }

    #[inline]
    pub(crate) fn contains(self, Method(octet): Method) -> bool {
        self.0.get(usize::from(octet / 64)).is_some_and(|word| word >> (octet % 64) & 1 == 1)
    }
}

impl From<&MethodOffer<'_>> for MethodSet {
    #[inline]
    fn from(offer: &MethodOffer<'_>) -> Self {
        let mut set = Self::default();
        match offer.0 {
            Source::Peer(octets) => octets.as_bytes().iter().for_each(|octet| set.insert(*octet)),
            Source::Caller(methods) => methods.iter().for_each(|method| set.insert(method.0)),
        }
        set
    }
}

impl PartialEq for MethodOffer<'_> {
    fn eq(&self, other: &Self) -> bool {
        self.methods().eq(other.methods())
    }
}

impl Eq for MethodOffer<'_> {}

impl fmt::Debug for MethodOffer<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("MethodOffer").and_then(|()| f.debug_list().entries(self.methods()).finish())
    }
}

/// The server's answer: the method that both go on with (RFC 1928 section 3).
///
/// ```text
/// +----+--------+
/// |VER | METHOD |
/// +----+--------+
/// | 05 |   1    |
/// +----+--------+
/// ```
///
/// After [`Method::NO_ACCEPTABLE`] the client must close the connection.
///
/// ```
/// use socks5_sansio::{Message, Method, MethodSelection};
///
/// let (selection, used) = MethodSelection::decode(&[5, 0xFF])?;
/// assert_eq!((selection.method, used), (Method::NO_ACCEPTABLE, 2));
/// # Ok::<(), socks5_sansio::DecodeError>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct MethodSelection {
    /// The selected method, or [`Method::NO_ACCEPTABLE`].
    pub method: Method,
}

impl<'a> Layout<'a> for MethodSelection {
    #[inline]
    fn parse(input: &'a [u8]) -> Parsed<'a, Self> {
        let (input, [_ver, method]) = head(SOCKS5, input)?;
        Ok((input, Self { method: Method(method) }))
    }

    #[inline]
    fn in_pieces<R>(&self, lend: impl FnOnce(&[&[u8]]) -> R) -> R {
        lend(&[&[SOCKS5.0, self.method.0]])
    }
}

impl<'a> Message<'a> for MethodSelection {
    const MIN_LEN: usize = 2;
    const MAX_LEN: usize = 2;
}

#[cfg(test)]
mod tests {
    use std::format;

    use super::*;
    use crate::wire::testing::three_ways;

    #[test]
    fn offer_three_ways() {
        three_ways::<MethodOffer<'_>>(&[5, 0]);
        three_ways::<MethodOffer<'_>>(&[5, 1, 0]);
        three_ways::<MethodOffer<'_>>(&[5, 3, 0, 0, 2]);
        for count in [127, 128, 255] {
            three_ways::<MethodOffer<'_>>(&[[5, count].as_slice(), &[7; 255][..usize::from(count)]].concat());
        }
    }

    #[test]
    fn selection_three_ways() {
        (0..=255).for_each(|method| three_ways::<MethodSelection>(&[5, method]));
    }

    #[test]
    fn an_offer_made_equals_the_offer_received() {
        let (received, _) = MethodOffer::decode(&[5, 2, 2, 0]).unwrap();
        assert_eq!(received, MethodOffer::of(&[Method::USERNAME_PASSWORD, Method::NONE]));
        assert_ne!(received, MethodOffer::of(&[Method::NONE]));
        for method in (0..=255).map(Method) {
            let offered = method == Method::NONE || method == Method::USERNAME_PASSWORD;
            assert_eq!(received.contains(method), offered, "{method}");
            assert_eq!(MethodOffer::of(&[method]).contains(Method::CHAP), method == Method::CHAP, "{method}");
            assert_eq!(MethodSet::from(&received).contains(method), offered, "{method}");
        }
        assert_eq!(
            format!("{received:?}"),
            "MethodOffer[Method(0x02, username/password), Method(0x00, no authentication)]"
        );
    }
}
