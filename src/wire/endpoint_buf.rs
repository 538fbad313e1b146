//! An endpoint that outlives the octets it was decoded from.

use core::fmt;
use core::net::{Ipv4Addr, Ipv6Addr};
use core::str::FromStr;

use super::domain::Domain;
use super::endpoint::{Address, Endpoint};
use super::leaf::ShortBuf;
use crate::error::ParseEndpointError;

/// An [`Endpoint`] that owns its octets: for who still wants to know where to when the buffer is gone.
///
/// It has room for the longest name, 255 octets, and needs no allocator. Where many of them wait for long, put them in boxes.
///
/// ```
/// use socks5_sansio::{EndpointBuf, Message, Request};
///
/// let mut buffer = *b"\x05\x01\x00\x03\x0Bexample.com\x00\x50";
/// let (request, _) = Request::decode(&buffer)?;
/// let destination = EndpointBuf::from(request.destination);
///
/// buffer.fill(0);
/// assert_eq!(destination.to_string(), "example.com:80");
/// # Ok::<(), socks5_sansio::DecodeError>(())
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
    /// The endpoint, borrowed from here.
    ///
    /// ```
    /// use socks5_sansio::{Address, EndpointBuf};
    ///
    /// let proxy: EndpointBuf = "192.0.2.1:1080".parse()?;
    /// assert_eq!(proxy.as_endpoint().address, Address::Ipv4([192, 0, 2, 1].into()));
    /// # Ok::<(), socks5_sansio::ParseEndpointError>(())
    /// ```
    #[must_use]
    pub fn as_endpoint(&self) -> Endpoint<'_> {
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

impl<'a> From<&'a EndpointBuf> for Endpoint<'a> {
    fn from(endpoint: &'a EndpointBuf) -> Self {
        endpoint.as_endpoint()
    }
}

/// `HOST:PORT`, as [`Endpoint::try_from`] takes it.
impl FromStr for EndpointBuf {
    type Err = ParseEndpointError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Endpoint::try_from(text).map(Self::from)
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
    fn owned_endpoints_are_what_they_were_made_from() {
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
    }

    #[test]
    fn it_is_no_larger_than_its_longest_name_needs() {
        assert_eq!(size_of::<EndpointBuf>(), 260);
    }
}
