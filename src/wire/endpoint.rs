//! RFC 1928 section 5: the address and port at the end of requests, replies and UDP headers.

use core::fmt;
use core::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV4, SocketAddrV6};

use super::domain::Domain;
use super::leaf::{Parsed, be_u16, byte, bytes, invalid, short};
use super::message::{Parse, Pieces};
use crate::error::Invalid;

pub(super) const IPV4: u8 = 0x01;
const DOMAIN: u8 = 0x03;
const IPV6: u8 = 0x04;

/// An IP address or a domain name (RFC 1928 section 5).
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
    /// The IP address, or `None` for a domain name. An address literal sent as a name is a name here: see
    /// [`Endpoint::canonical`].
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
/// |  1   | Variable |  2   |      7 octets for IPv4, 19 for IPv6, 5 to 259 for a domain name
/// +------+----------+------+
/// ```
///
/// [`Request`](crate::Request), [`Reply`](crate::Reply) and [`UdpHeader`](crate::UdpHeader) end with an endpoint. It can also be
/// decoded and encoded alone, as other protocols use it. It can be made from `"HOST:PORT"`, `("HOST", PORT)`, socket addresses, and
/// pairs of an address and a port. An IP address in text never becomes a domain name, and a name is never resolved.
///
/// ```
/// use core::net::Ipv6Addr;
///
/// use socks5_sansio::{Encode, Endpoint};
///
/// let endpoint = Endpoint::try_from("example.com:443")?;
/// assert_eq!(endpoint, ("example.com", 443).try_into()?);
/// assert_eq!(endpoint.to_vec(), b"\x03\x0Bexample.com\x01\xBB");
/// assert_eq!(Endpoint::from((Ipv6Addr::LOCALHOST, 80)).to_string(), "[::1]:80");
/// # Ok::<(), socks5_sansio::ParseEndpointError>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Endpoint<'a> {
    /// The address or domain name.
    pub address: Address<'a>,
    /// The port: 0 to 65535.
    pub port: u16,
}

/// An address to connect to, or a host name to resolve: the result of [`Endpoint::target`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Target<'a> {
    /// An address.
    Addr(SocketAddr),
    /// A host name to resolve, and a port.
    Host(&'a str, u16),
}

impl<'a> Endpoint<'a> {
    /// The length of the longest endpoint in bytes.
    pub const MAX_LEN: usize = 259;

    /// 0.0.0.0:0: no address.
    pub const UNSPECIFIED: Self = Self { address: Address::Ipv4(Ipv4Addr::UNSPECIFIED), port: 0 };

    /// No address, in the family of `like`: `0.0.0.0:0` or `[::]:0`. In a request, use the family of the connection to the proxy,
    /// as some proxies refuse the other.
    #[must_use]
    pub const fn unspecified(like: SocketAddr) -> Self {
        let address = match like {
            SocketAddr::V4(_) => Address::Ipv4(Ipv4Addr::UNSPECIFIED),
            SocketAddr::V6(_) => Address::Ipv6(Ipv6Addr::UNSPECIFIED),
        };
        Self { address, port: 0 }
    }

    /// The same endpoint in the form that an address filter should see: an address literal sent as a name becomes an address,
    /// and an IPv4-mapped IPv6 address becomes an IPv4 address.
    ///
    /// A filter must also check what a resolver returns: some resolvers accept `127.1` as an address; here it is a name.
    ///
    /// ```
    /// use socks5_sansio::{Domain, Endpoint};
    ///
    /// let endpoint = Endpoint::from((Domain::new("[::ffff:192.0.2.1]")?, 80));
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

    /// The address to connect to, or the host name to resolve. `None` for a name that is not a host name.
    ///
    /// The address is [canonical](Self::canonical): an address literal sent as a name needs no resolver.
    ///
    /// ```
    /// use socks5_sansio::{Domain, Endpoint, Target};
    ///
    /// assert_eq!(Endpoint::try_from("example.com:80")?.target(), Some(Target::Host("example.com", 80)));
    /// let literal = Endpoint::from((Domain::new("192.0.2.1")?, 80));
    /// assert_eq!(literal.target(), Some(Target::Addr("192.0.2.1:80".parse()?)));
    /// assert_eq!(Endpoint::from((Domain::new("two words")?, 80)).target(), None);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn target(self) -> Option<Target<'a>> {
        let canonical = self.canonical();
        match canonical.address {
            Address::Domain(domain) => domain.hostname().map(|host| Target::Host(host, self.port)),
            Address::Ipv4(_) | Address::Ipv6(_) => canonical.to_socket_addr().map(Target::Addr),
        }
    }

    /// The endpoint as a socket address, unless it has a domain name.
    #[must_use]
    pub const fn to_socket_addr(&self) -> Option<SocketAddr> {
        match self.address.ip() {
            Some(ip) => Some(SocketAddr::new(ip, self.port)),
            None => None,
        }
    }
}

/// Without the scope id of an IPv6 address, which has no meaning to the peer.
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

impl<'a> From<(Address<'a>, u16)> for Endpoint<'a> {
    fn from((address, port): (Address<'a>, u16)) -> Self {
        Self { address, port }
    }
}

impl From<(IpAddr, u16)> for Endpoint<'_> {
    fn from((ip, port): (IpAddr, u16)) -> Self {
        Self { address: ip.into(), port }
    }
}

impl From<(Ipv4Addr, u16)> for Endpoint<'_> {
    fn from((ip, port): (Ipv4Addr, u16)) -> Self {
        Self { address: ip.into(), port }
    }
}

impl From<(Ipv6Addr, u16)> for Endpoint<'_> {
    fn from((ip, port): (Ipv6Addr, u16)) -> Self {
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

/// Parses ATYP, ADDR and PORT. A domain name of length 0 is decoded as `no_name`, or malformed if that is `None`.
#[inline(always)]
pub(super) fn endpoint<'a>(input: &'a [u8], no_name: Option<Address<'a>>) -> Parsed<'a, Endpoint<'a>> {
    let (input, atyp) = byte::<3>(input)?;
    match atyp {
        IPV4 => ipv4(input),
        DOMAIN => domain(input, no_name),
        IPV6 => ipv6(input),
        unknown => Err(invalid(Invalid::AddressType(unknown))),
    }
}

/// Parses an IPv4 address and a port.
#[inline(always)]
pub(super) fn ipv4(input: &[u8]) -> Parsed<'_, Endpoint<'_>> {
    let (input, ip) = bytes::<4, 2>(input)?;
    let (input, port) = be_u16::<0>(input)?;
    Ok((input, Endpoint { address: Address::Ipv4(ip.into()), port }))
}

/// Parses a domain name and a port.
#[inline(always)]
pub(super) fn domain<'a>(input: &'a [u8], no_name: Option<Address<'a>>) -> Parsed<'a, Endpoint<'a>> {
    let (input, name) = short::<2>(input)?;
    let address = match Domain::from_short(name) {
        Some(domain) => Address::Domain(domain),
        None => no_name.ok_or(invalid(Invalid::EmptyDomain))?,
    };
    let (input, port) = be_u16::<0>(input)?;
    Ok((input, Endpoint { address, port }))
}

/// Parses an IPv6 address and a port.
#[inline(always)]
pub(super) fn ipv6(input: &[u8]) -> Parsed<'_, Endpoint<'_>> {
    let (input, ip) = bytes::<16, 2>(input)?;
    let (input, port) = be_u16::<0>(input)?;
    Ok((input, Endpoint { address: Address::Ipv6(ip.into()), port }))
}

impl<'a> Parse<'a> for Endpoint<'a> {
    #[inline(always)]
    fn parse(input: &'a [u8]) -> Parsed<'a, Self> {
        endpoint(input, None)
    }
}

impl Pieces for Endpoint<'_> {
    #[inline(always)]
    fn pieces(&self, write: &mut impl FnMut(&[u8])) {
        let [high, low] = self.port.to_be_bytes();
        match self.address {
            Address::Ipv4(ip) => {
                let [a, b, c, d] = ip.octets();
                write(&[IPV4, a, b, c, d, high, low]);
            }
            Address::Domain(Domain(name)) => {
                write(&[DOMAIN, name.len_octet()]);
                write(name.as_bytes());
                write(&[high, low]);
            }
            Address::Ipv6(ip) => {
                write(&[IPV6]);
                write(&ip.octets());
                write(&[high, low]);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::string::ToString;

    use super::*;
    use crate::wire::Decode;
    use crate::wire::testing::{incomplete, round_trip};

    #[test]
    fn round_trips() {
        round_trip::<Endpoint<'_>>(&[1, 192, 0, 2, 1, 0, 80]);
        round_trip::<Endpoint<'_>>(&[[4].as_slice(), &[0xAB; 18]].concat());
        for len in [1, 127, 128, 255] {
            let name = &[b'a'; 255][..usize::from(len)];
            round_trip::<Endpoint<'_>>(&[&[3, len], name, &[0, 80]].concat());
        }
    }

    #[test]
    fn rejects_an_empty_name_at_its_length_octet() {
        assert_eq!(Endpoint::decode(&[3, 0]), Err(Invalid::EmptyDomain.into()));
    }

    #[test]
    fn counts_an_empty_name_as_the_shortest() {
        assert_eq!(Endpoint::decode(&[]), incomplete(4));
        assert_eq!(Endpoint::decode(&[3]), incomplete(3));
        assert_eq!(Endpoint::decode(&[3, 1]), incomplete(3));
        assert_eq!(Endpoint::decode(&[1, 192]), incomplete(5));
    }

    #[test]
    fn rejects_unknown_address_types() {
        for atyp in (0..=255).filter(|atyp| !matches!(atyp, 1 | 3 | 4)) {
            assert_eq!(Endpoint::decode(&[atyp]), Err(Invalid::AddressType(atyp).into()));
        }
    }

    #[test]
    fn displays_what_can_be_parsed() {
        for text in ["example.com:443", "192.0.2.1:80", "[2001:db8::1]:80"] {
            assert_eq!(Endpoint::try_from(text).unwrap().to_string(), text);
        }
        for address in ["example.com", "192.0.2.1", "2001:db8::1"] {
            let endpoint = Endpoint::try_from((address, 80)).unwrap();
            assert_eq!(endpoint.address.to_string(), address);
            assert_eq!(Endpoint::from((endpoint.address, 80)), endpoint);
        }
    }

    #[test]
    fn canonical_finds_addresses_in_names() {
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
    fn conversions_keep_the_port_and_drop_the_scope_id() {
        let v6 = SocketAddrV6::new(Ipv6Addr::LOCALHOST, 80, 7, 9);
        assert_eq!(Endpoint::from(v6).to_socket_addr(), Some(SocketAddr::from((Ipv6Addr::LOCALHOST, 80))));
        let v4 = SocketAddrV4::new(Ipv4Addr::LOCALHOST, 80);
        assert_eq!(Endpoint::from(v4).to_socket_addr(), Some(v4.into()));
        assert_eq!(Endpoint::from((Ipv4Addr::LOCALHOST, 80)), v4.into());
        assert_eq!(Endpoint::from((Ipv6Addr::LOCALHOST, 80)), v6.into());
        assert_eq!(Endpoint::unspecified(v4.into()).to_string(), "0.0.0.0:0");
        assert_eq!(Endpoint::unspecified(v6.into()).to_string(), "[::]:0");
    }
}
