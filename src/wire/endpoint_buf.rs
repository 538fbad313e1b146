//! An owned endpoint.

use core::fmt;
use core::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV4, SocketAddrV6};
use core::str::FromStr;

use super::domain::Domain;
use super::endpoint::{Address, Endpoint};
use super::leaf::ShortBuf;
use crate::error::ParseEndpointError;

/// An owned [`Endpoint`], for use after the input buffer is gone. Needs no allocator: it has room for the longest name, 255
/// bytes.
///
/// ```
/// use socks5_sansio::{Decode, EndpointBuf, Request};
///
/// let mut buffer = *b"\x05\x01\x00\x03\x0Bexample.com\x00\x50";
/// let (request, _) = Request::decode(&buffer)?;
/// let destination = EndpointBuf::from(request.destination);
///
/// buffer.fill(0);
/// assert_eq!(destination, "example.com:80".parse()?);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct EndpointBuf {
    host: Host,
    port: u16,
}

#[derive(Clone, PartialEq, Eq, Hash)]
#[expect(clippy::large_enum_variant, reason = "there is no allocator to box the large one with")]
enum Host {
    Ipv4(Ipv4Addr),
    Domain(ShortBuf),
    Ipv6(Ipv6Addr),
}

impl EndpointBuf {
    /// Borrows the endpoint.
    #[must_use]
    pub const fn as_endpoint(&self) -> Endpoint<'_> {
        let address = match &self.host {
            Host::Ipv4(ip) => Address::Ipv4(*ip),
            Host::Domain(name) => Address::Domain(Domain(name.as_short())),
            Host::Ipv6(ip) => Address::Ipv6(*ip),
        };
        Endpoint { address, port: self.port }
    }
}

impl From<Endpoint<'_>> for EndpointBuf {
    fn from(endpoint: Endpoint<'_>) -> Self {
        let host = match endpoint.address {
            Address::Ipv4(ip) => Host::Ipv4(ip),
            Address::Domain(Domain(name)) => Host::Domain(name.into()),
            Address::Ipv6(ip) => Host::Ipv6(ip),
        };
        Self { host, port: endpoint.port }
    }
}

/// From everything that an [`Endpoint`] can be made from without failing.
macro_rules! from {
    ($($source:ty),*) => {
        $(impl From<$source> for EndpointBuf {
            fn from(source: $source) -> Self {
                Endpoint::from(source).into()
            }
        })*
    };
}

from! { SocketAddr, SocketAddrV4, SocketAddrV6, (IpAddr, u16), (Ipv4Addr, u16), (Ipv6Addr, u16) }

impl<'a> From<&'a EndpointBuf> for Endpoint<'a> {
    fn from(endpoint: &'a EndpointBuf) -> Self {
        endpoint.as_endpoint()
    }
}

/// `HOST:PORT`, as [`Endpoint`] takes it.
impl FromStr for EndpointBuf {
    type Err = ParseEndpointError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Endpoint::try_from(text).map(Self::from)
    }
}

impl TryFrom<&str> for EndpointBuf {
    type Error = ParseEndpointError;

    fn try_from(text: &str) -> Result<Self, Self::Error> {
        text.parse()
    }
}

impl TryFrom<(&str, u16)> for EndpointBuf {
    type Error = ParseEndpointError;

    fn try_from(pair: (&str, u16)) -> Result<Self, Self::Error> {
        Endpoint::try_from(pair).map(Self::from)
    }
}

impl fmt::Display for EndpointBuf {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.as_endpoint().fmt(f)
    }
}

impl fmt::Debug for EndpointBuf {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.as_endpoint().fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use std::format;
    use std::string::ToString;

    use super::*;

    #[test]
    fn owns_what_it_was_made_from() {
        let longest = [b'x'; 255];
        for name in [&longest[..1], &longest[..127], &longest[..128], &longest] {
            let endpoint = Endpoint::from((Domain::new(name).unwrap(), 80));
            assert_eq!(Endpoint::from(&EndpointBuf::from(endpoint)), endpoint);
        }
        for text in ["192.0.2.1:80", "[2001:db8::1]:80", "example.com:80"] {
            let owned: EndpointBuf = text.parse().unwrap();
            assert_eq!(owned.as_endpoint(), Endpoint::try_from(text).unwrap());
            assert_eq!(owned.to_string(), text);
            assert_eq!(format!("{owned:?}"), format!("{:?}", owned.as_endpoint()));
        }
        assert_eq!("example.com".parse::<EndpointBuf>(), Err(ParseEndpointError::Port));
        assert_eq!(EndpointBuf::try_from(("::1", 80)), EndpointBuf::try_from("[::1]:80"));
        assert_eq!(EndpointBuf::from(SocketAddr::from((Ipv4Addr::LOCALHOST, 80))).to_string(), "127.0.0.1:80");
    }

    #[test]
    fn has_room_for_the_longest_name_and_no_more() {
        assert_eq!(size_of::<EndpointBuf>(), 260);
    }
}
