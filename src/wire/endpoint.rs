//! RFC 1928 section 5: the address and port at the end of requests, replies and UDP headers.

use core::fmt;
use core::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV4, SocketAddrV6};

use super::domain::Domain;
use super::leaf::{Parsed, invalid, octets, octets_then, short_then};
use super::{Layout, Message};
use crate::error::Invalid;

pub(super) const IPV4: u8 = 0x01;
const DOMAIN: u8 = 0x03;
const IPV6: u8 = 0x04;

/// Where a request goes, or where a reply says that a connection is: one of the three address types
/// (RFC 1928 section 5).
///
/// ```
/// use core::net::Ipv4Addr;
///
/// use socks5_sansio::{Address, Domain};
///
/// assert_eq!(Address::from(Ipv4Addr::LOCALHOST), Address::Ipv4(Ipv4Addr::LOCALHOST));
/// assert_eq!(Address::Domain(Domain::new("example.com")?).to_string(), "example.com");
/// # Ok::<(), socks5_sansio::ValueError>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Address<'a> {
    /// ATYP 01: 4 octets.
    Ipv4(Ipv4Addr),
    /// ATYP 03: a length octet, and 1 to 255 octets.
    Domain(Domain<'a>),
    /// ATYP 04: 16 octets.
    Ipv6(Ipv6Addr),
}

impl Address<'_> {
    /// The address as an IP address, unless it is a name. Literals sent as names are names here:
    /// see [`Endpoint::canonical`].
    ///
    /// ```
    /// use core::net::Ipv4Addr;
    ///
    /// use socks5_sansio::{Address, Domain};
    ///
    /// assert_eq!(Address::Ipv4(Ipv4Addr::LOCALHOST).ip(), Some(Ipv4Addr::LOCALHOST.into()));
    /// assert_eq!(Address::Domain(Domain::new("127.0.0.1")?).ip(), None);
    /// # Ok::<(), socks5_sansio::ValueError>(())
    /// ```
    #[must_use]
    pub const fn ip(&self) -> Option<IpAddr> {
        match *self {
            Self::Ipv4(ip) => Some(IpAddr::V4(ip)),
            Self::Ipv6(ip) => Some(IpAddr::V6(ip)),
            Self::Domain(_) => None,
        }
    }
}

impl From<Ipv4Addr> for Address<'_> {
    fn from(ip: Ipv4Addr) -> Self {
        Self::Ipv4(ip)
    }
}

impl From<Ipv6Addr> for Address<'_> {
    fn from(ip: Ipv6Addr) -> Self {
        Self::Ipv6(ip)
    }
}

impl From<IpAddr> for Address<'_> {
    fn from(ip: IpAddr) -> Self {
        match ip {
            IpAddr::V4(ip) => Self::Ipv4(ip),
            IpAddr::V6(ip) => Self::Ipv6(ip),
        }
    }
}

impl<'a> From<Domain<'a>> for Address<'a> {
    fn from(domain: Domain<'a>) -> Self {
        Self::Domain(domain)
    }
}

impl fmt::Display for Address<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Ipv4(ip) => ip.fmt(f),
            Self::Domain(domain) => domain.fmt(f),
            Self::Ipv6(ip) => ip.fmt(f),
        }
    }
}

/// An address and a port (RFC 1928 section 5).
///
/// ```text
/// +------+----------+------+
/// | ATYP |   ADDR   | PORT |
/// +------+----------+------+
/// |  1   | Variable |  2   |      7 octets for IPv4, 19 for IPv6, 5 to 259 for a name
/// +------+----------+------+
/// ```
///
/// The tail that [`Request`](super::Request), [`Reply`](super::Reply) and [`UdpHeader`](super::UdpHeader) share. No
/// message by itself, but it can be decoded and encoded alone: other protocols have borrowed it.
///
/// ```
/// use core::net::{Ipv6Addr, SocketAddr};
///
/// use socks5_sansio::{Endpoint, Message};
///
/// let endpoint = Endpoint::try_from("example.com:443")?;
/// let mut out = [0; Endpoint::MAX_LEN];
/// let len = endpoint.encode(&mut out)?;
/// assert_eq!(out[..len], *b"\x03\x0Bexample.com\x01\xBB");
///
/// let endpoint = Endpoint::from(SocketAddr::from((Ipv6Addr::LOCALHOST, 80)));
/// assert_eq!(endpoint.to_string(), "[::1]:80");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Endpoint<'a> {
    /// The address or name.
    pub address: Address<'a>,
    /// The port: 0 to 65535.
    pub port: u16,
}

impl<'a> Endpoint<'a> {
    /// 0.0.0.0:0: "no address", in failure replies and where a client does not know its own.
    pub const UNSPECIFIED: Self = Self { address: Address::Ipv4(Ipv4Addr::UNSPECIFIED), port: 0 };

    #[inline]
    const fn new(address: Address<'a>, port: [u8; 2]) -> Self {
        Self { address, port: u16::from_be_bytes(port) }
    }

    /// The same place in the form that an address filter should see: a literal sent as a name becomes the address that it
    /// is, and an IPv4-mapped IPv6 address becomes the IPv4 address.
    ///
    /// A filter must look at what a resolver returns as well: some take `127.1` for an address; here it is a name.
    ///
    /// ```
    /// use socks5_sansio::{Domain, Endpoint};
    ///
    /// let endpoint = Endpoint { address: Domain::new("[::ffff:192.0.2.1]")?.into(), port: 80 };
    /// assert_eq!(endpoint.canonical(), Endpoint::try_from("192.0.2.1:80")?);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn canonical(self) -> Self {
        let ip = match self.address {
            Address::Domain(domain) => domain.ip_literal(),
            Address::Ipv4(_) | Address::Ipv6(_) => self.address.ip(),
        };
        ip.map_or(self, |ip| Self { address: ip.to_canonical().into(), port: self.port })
    }

    /// The endpoint as a socket address, unless the address is a name.
    ///
    /// ```
    /// use socks5_sansio::Endpoint;
    ///
    /// assert_eq!(Endpoint::try_from("[::1]:80")?.to_socket_addr(), Some("[::1]:80".parse().unwrap()));
    /// assert_eq!(Endpoint::try_from("localhost:80")?.to_socket_addr(), None);
    /// # Ok::<(), socks5_sansio::ParseEndpointError>(())
    /// ```
    #[must_use]
    pub fn to_socket_addr(&self) -> Option<SocketAddr> {
        self.address.ip().map(|ip| SocketAddr::new(ip, self.port))
    }
}

impl From<SocketAddr> for Endpoint<'_> {
    fn from(addr: SocketAddr) -> Self {
        Self { address: addr.ip().into(), port: addr.port() }
    }
}

impl From<SocketAddrV4> for Endpoint<'_> {
    fn from(addr: SocketAddrV4) -> Self {
        SocketAddr::V4(addr).into()
    }
}

impl From<SocketAddrV6> for Endpoint<'_> {
    fn from(addr: SocketAddrV6) -> Self {
        SocketAddr::V6(addr).into()
    }
}

impl From<(IpAddr, u16)> for Endpoint<'_> {
    fn from((ip, port): (IpAddr, u16)) -> Self {
        Self { address: ip.into(), port }
    }
}

impl<'a> From<(Domain<'a>, u16)> for Endpoint<'a> {
    fn from((domain, port): (Domain<'a>, u16)) -> Self {
        Self { address: domain.into(), port }
    }
}

impl fmt::Display for Endpoint<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.address {
            Address::Ipv6(ip) => write!(f, "[{ip}]:{}", self.port),
            address => write!(f, "{address}:{}", self.port),
        }
    }
}

impl Endpoint<'_> {
    /// Lends the encoded endpoint behind the octets that a message has in front of it.
    #[inline]
    pub(super) fn in_pieces_behind<const N: usize, R>(&self, head: [u8; N], lend: impl FnOnce(&[&[u8]]) -> R) -> R {
        let port = self.port.to_be_bytes();
        match self.address {
            Address::Ipv4(ip) => lend(&[&head, &[IPV4], &ip.octets(), &port]),
            Address::Domain(Domain(name)) => lend(&[&head, &[DOMAIN, name.len_octet()], name.as_bytes(), &port]),
            Address::Ipv6(ip) => lend(&[&head, &[IPV6], &ip.octets(), &port]),
        }
    }
}

/// What `make` makes of the address and the port that follow an ATYP octet.
#[inline]
pub(super) fn endpoint<'a, T>(atyp: u8, input: &'a [u8], make: impl FnOnce(Endpoint<'a>) -> T) -> Parsed<'a, T> {
    match atyp {
        IPV4 => {
            let (input, (ip, port)) = octets_then::<4, 2>(input)?;
            Ok((input, make(Endpoint::new(Address::Ipv4(ip.into()), port))))
        }
        DOMAIN => {
            let (input, [len]) = octets(input)?;
            if len == 0 {
                return Err(invalid(Invalid::EmptyDomain));
            }
            let (input, (name, port)) = short_then(len, input, |name, port| (name, port))?;
            Ok((input, make(Endpoint::new(Address::Domain(Domain(name)), port))))
        }
        IPV6 => {
            let (input, (ip, port)) = octets_then::<16, 2>(input)?;
            Ok((input, make(Endpoint::new(Address::Ipv6(ip.into()), port))))
        }
        unknown => Err(invalid(Invalid::AddressType(unknown))),
    }
}

impl<'a> Layout<'a> for Endpoint<'a> {
    #[inline]
    fn parse(input: &'a [u8]) -> Parsed<'a, Self> {
        let (input, [atyp]) = octets(input)?;
        endpoint(atyp, input, |endpoint| endpoint)
    }

    #[inline]
    fn in_pieces<R>(&self, lend: impl FnOnce(&[&[u8]]) -> R) -> R {
        self.in_pieces_behind([], lend)
    }
}

impl<'a> Message<'a> for Endpoint<'a> {
    const MIN_LEN: usize = 5;
    const MAX_LEN: usize = 259;
}

#[cfg(test)]
mod tests {
    use std::string::ToString;

    use super::*;
    use crate::wire::testing::three_ways;

    #[test]
    fn endpoint_three_ways() {
        three_ways::<Endpoint<'_>>(&[1, 192, 0, 2, 1, 0, 80]);
        three_ways::<Endpoint<'_>>(&[[4].as_slice(), &[0xAB; 18]].concat());
        for len in [1, 127, 128, 255] {
            let name = &[b'a'; 255][..usize::from(len)];
            three_ways::<Endpoint<'_>>(&[&[3, len], name, &[0, 80]].concat());
        }
    }

    #[test]
    fn an_empty_domain_is_told_from_its_length_octet() {
        assert_eq!(Endpoint::decode(&[3, 0]), Err(Invalid::EmptyDomain.into()));
    }

    #[test]
    fn unknown_address_types_are_invalid() {
        for atyp in (0..=255).filter(|atyp| !matches!(atyp, 1 | 3 | 4)) {
            assert_eq!(Endpoint::decode(&[atyp]), Err(Invalid::AddressType(atyp).into()));
        }
    }

    #[test]
    fn display_is_what_can_be_parsed() {
        for text in ["example.com:443", "192.0.2.1:80", "[2001:db8::1]:80"] {
            assert_eq!(Endpoint::try_from(text).unwrap().to_string(), text);
        }
    }

    #[test]
    fn canonical_sees_through_every_disguise() {
        for (domain, canonical) in [
            ("127.0.0.1", "127.0.0.1:80"),
            ("::1", "[::1]:80"),
            ("[::1]", "[::1]:80"),
            ("::ffff:127.0.0.1", "127.0.0.1:80"),
            ("[::ffff:7f00:1]", "127.0.0.1:80"),
        ] {
            let endpoint = Endpoint::from((Domain::new(domain).unwrap(), 80));
            assert_eq!(endpoint.canonical(), Endpoint::try_from(canonical).unwrap(), "{domain}");
        }
        for domain in ["localhost", "[127.0.0.1]", "fe80::1%1", "[::1", "127.0.0.1\0"] {
            let endpoint = Endpoint::from((Domain::new(domain).unwrap(), 80));
            assert_eq!(endpoint.canonical(), endpoint, "{domain}");
        }
        let mapped = Endpoint::from((IpAddr::from(Ipv4Addr::LOCALHOST.to_ipv6_mapped()), 80));
        assert_eq!(mapped.canonical(), Endpoint::try_from("127.0.0.1:80").unwrap());
    }

    #[test]
    fn conversions_keep_the_port_and_drop_the_scope() {
        let v6 = SocketAddrV6::new(Ipv6Addr::LOCALHOST, 80, 7, 9);
        assert_eq!(Endpoint::from(v6).to_socket_addr(), Some(SocketAddr::from((Ipv6Addr::LOCALHOST, 80))));
        let v4 = SocketAddrV4::new(Ipv4Addr::LOCALHOST, 80);
        assert_eq!(Endpoint::from(v4).to_socket_addr(), Some(v4.into()));
    }
}
