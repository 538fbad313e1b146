//! RFC 1928 section 5: domain names.

use core::fmt;
use core::net::IpAddr;

use super::leaf::Short;
use crate::error::ValueError;

/// A domain name as it is sent: 1 to 255 bytes of any value (RFC 1928 section 5).
///
/// A received name is not necessarily a host name: see [`hostname`](Self::hostname). `Display` and `Debug` escape quotes,
/// backslashes, and everything except printable ASCII, so that names can be logged.
///
/// ```
/// use socks5_sansio::{Domain, ValueError};
///
/// let domain = Domain::new("example.com")?;
/// assert_eq!(domain.as_bytes(), b"example.com");
/// assert_eq!(Domain::new(b"a\r\nb\0")?.to_string(), r"a\r\nb\x00");
/// assert_eq!(Domain::new(&[b'a'; 256]), Err(ValueError::Domain(256)));
/// # Ok::<(), ValueError>(())
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Domain<'a>(pub(super) Short<'a>);

impl<'a> Domain<'a> {
    /// A name of 1 to 255 bytes.
    ///
    /// # Errors
    ///
    /// [`ValueError::Domain`] for any other length. A name is never truncated.
    pub fn new<N: AsRef<[u8]> + ?Sized>(name: &'a N) -> Result<Self, ValueError> {
        let name = name.as_ref();
        Short::new(name).and_then(Self::from_short).ok_or(ValueError::Domain(name.len()))
    }

    /// `None` for an empty name.
    #[inline]
    pub(super) const fn from_short(name: Short<'a>) -> Option<Self> {
        if name.as_bytes().is_empty() { None } else { Some(Self(name)) }
    }

    /// The bytes of the name, without the length octet.
    #[must_use]
    pub const fn as_bytes(&self) -> &'a [u8] {
        self.0.as_bytes()
    }

    /// The name as text, if it is printable ASCII without spaces.
    ///
    /// A resolver that cuts a name at a NUL would look up another name than the one that a filter saw. Some resolvers accept
    /// `127.1`, `0x7f000001` or `fe80::1%eth0` as addresses; a filter must also check the addresses that a name resolves to.
    ///
    /// ```
    /// use socks5_sansio::Domain;
    ///
    /// assert_eq!(Domain::new("example.com.")?.hostname(), Some("example.com."));
    /// assert_eq!(Domain::new("good.com\0.evil.com")?.hostname(), None);
    /// assert_eq!(Domain::new("münchen.example")?.hostname(), None);
    /// # Ok::<(), socks5_sansio::ValueError>(())
    /// ```
    #[must_use]
    pub fn hostname(&self) -> Option<&'a str> {
        let name = core::str::from_utf8(self.as_bytes()).ok()?;
        name.bytes().all(|byte| byte.is_ascii_graphic()).then_some(name)
    }

    /// The IP address, if the name is an address literal. An IPv6 address may be in brackets.
    ///
    /// Browsers and others send literals as names. Zone ids (`%eth0`) and short forms (`127.1`) are names, not literals.
    ///
    /// ```
    /// use core::net::{IpAddr, Ipv6Addr};
    ///
    /// use socks5_sansio::Domain;
    ///
    /// assert_eq!(Domain::new("[::1]")?.ip_literal(), Some(IpAddr::V6(Ipv6Addr::LOCALHOST)));
    /// assert_eq!(Domain::new("127.1")?.ip_literal(), None);
    /// # Ok::<(), socks5_sansio::ValueError>(())
    /// ```
    #[must_use]
    pub fn ip_literal(&self) -> Option<IpAddr> {
        let name = self.hostname()?;
        match unbracketed(name) {
            Some(ipv6) => ipv6.parse().ok().map(IpAddr::V6),
            None => name.parse().ok(),
        }
    }
}

impl<'a> TryFrom<&'a str> for Domain<'a> {
    type Error = ValueError;

    fn try_from(name: &'a str) -> Result<Self, ValueError> {
        Self::new(name)
    }
}

impl AsRef<[u8]> for Domain<'_> {
    fn as_ref(&self) -> &[u8] {
        self.as_bytes()
    }
}

/// The text between brackets, as around an IPv6 address.
pub(super) fn unbracketed(host: &str) -> Option<&str> {
    host.strip_prefix('[')?.strip_suffix(']')
}

impl fmt::Display for Domain<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.as_bytes().escape_ascii().fmt(f)
    }
}

impl fmt::Debug for Domain<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Domain(\"{self}\")")
    }
}

#[cfg(test)]
mod tests {
    use std::format;

    use super::*;

    #[test]
    fn debug_is_escaped() {
        let domain = Domain::new(b"a\x1B[31m\xFF").unwrap();
        assert_eq!(format!("{domain:?}"), r#"Domain("a\x1b[31m\xff")"#);
    }

    #[test]
    fn converts_from_text_and_to_bytes() {
        let domain = Domain::try_from("example.com").unwrap();
        assert_eq!(domain.as_ref(), b"example.com");
        assert_eq!(Domain::try_from(""), Err(ValueError::Domain(0)));
    }
}
