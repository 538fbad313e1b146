//! RFC 1928 section 5: names, in place of addresses.

use core::fmt;
use core::net::IpAddr;

use super::leaf::Short;
use crate::error::ValueError;

/// A domain name as it is on the wire: 1 to 255 octets of any value, behind a length octet (RFC 1928 section 5).
///
/// What a peer sends here need not be a name that can be resolved: [`hostname`](Self::hostname) tells. `Display` and
/// `Debug` escape what is not printable ASCII, so that it can be logged.
///
/// ```
/// use socks5_sansio::Domain;
///
/// let domain = Domain::new("example.com")?;
/// assert_eq!(domain.as_bytes(), b"example.com");
/// assert_eq!(Domain::new(b"a\r\nb\0")?.to_string(), r"a\r\nb\x00");
/// # Ok::<(), socks5_sansio::ValueError>(())
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Domain<'a>(pub(super) Short<'a>);

impl<'a> Domain<'a> {
    /// A name of 1 to 255 octets.
    ///
    /// # Errors
    ///
    /// [`ValueError::Domain`] for any other length. A name is never cut.
    ///
    /// ```
    /// use socks5_sansio::{Domain, ValueError};
    ///
    /// assert!(Domain::new(&[b'a'; 255]).is_ok());
    /// assert_eq!(Domain::new(&[b'a'; 256]), Err(ValueError::Domain(256)));
    /// assert_eq!(Domain::new(""), Err(ValueError::Domain(0)));
    /// ```
    pub fn new<N: AsRef<[u8]> + ?Sized>(name: &'a N) -> Result<Self, ValueError> {
        let name = name.as_ref();
        match Short::new(name) {
            Some(short) if !name.is_empty() => Ok(Self(short)),
            _ => Err(ValueError::Domain(name.len())),
        }
    }

    /// The octets of the name, without the length octet.
    ///
    /// ```
    /// use socks5_sansio::Domain;
    ///
    /// assert_eq!(Domain::new("München.example.")?.as_bytes(), b"M\xC3\xBCnchen.example."); // as it came
    /// # Ok::<(), socks5_sansio::ValueError>(())
    /// ```
    #[must_use]
    pub const fn as_bytes(&self) -> &'a [u8] {
        self.0.as_bytes()
    }

    /// The name as text, if it is printable ASCII without spaces.
    ///
    /// A resolver that cuts a name at a NUL looks up another name than the one that was filtered. Some resolvers take `127.1`,
    /// `0x7f000001` or `fe80::1%eth0` for addresses: these are printable, so a filter must look at what was resolved, too.
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
        name.bytes().all(|octet| octet.is_ascii_graphic()).then_some(name)
    }

    /// The IP address that the name spells, with or without brackets around an IPv6 address.
    ///
    /// Browsers and others send literals like this. Zone ids (`%eth0`) and short forms (`127.1`) are names, not literals.
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

/// What is between the brackets that an IPv6 address has in text.
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
}
