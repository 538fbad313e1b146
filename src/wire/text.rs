//! Endpoints from text.

use core::net::IpAddr;

use super::domain::{Domain, unbracketed};
use super::endpoint::{Address, Endpoint};
use crate::error::ParseEndpointError;

/// `HOST:PORT`: a name, an IPv4 address, or an IPv6 address in brackets.
///
/// An IP address never becomes a domain name; a name is neither truncated nor resolved. Non-ASCII characters are sent
/// as they are, in UTF-8.
impl<'a> TryFrom<&'a str> for Endpoint<'a> {
    type Error = ParseEndpointError;

    fn try_from(text: &'a str) -> Result<Self, Self::Error> {
        let (host, port) = text.rsplit_once(':').ok_or(ParseEndpointError::Port)?;
        if !port.bytes().all(|byte| byte.is_ascii_digit()) {
            return Err(ParseEndpointError::Port);
        }
        let port = port.parse().map_err(|_| ParseEndpointError::Port)?;
        Ok(Self { address: host_address(host)?, port })
    }
}

/// `(HOST, PORT)`; here an IPv6 address needs no brackets.
impl<'a> TryFrom<(&'a str, u16)> for Endpoint<'a> {
    type Error = ParseEndpointError;

    fn try_from((host, port): (&'a str, u16)) -> Result<Self, Self::Error> {
        let address = match host.parse::<IpAddr>() {
            Ok(ip) => ip.into(),
            Err(_) => host_address(host)?,
        };
        Ok(Self { address, port })
    }
}

/// As `&str`.
#[cfg(feature = "std")]
#[cfg_attr(docsrs, doc(cfg(feature = "std")))]
impl<'a> TryFrom<&'a std::string::String> for Endpoint<'a> {
    type Error = ParseEndpointError;

    fn try_from(text: &'a std::string::String) -> Result<Self, Self::Error> {
        text.as_str().try_into()
    }
}

fn host_address(host: &str) -> Result<Address<'_>, ParseEndpointError> {
    if host.contains(':') && host.contains('%') {
        return Err(ParseEndpointError::ZoneId);
    }
    if let Some(ipv6) = unbracketed(host) {
        return ipv6.parse().map(Address::Ipv6).map_err(|_| ParseEndpointError::Host);
    }
    if let Ok(ipv4) = host.parse() {
        return Ok(Address::Ipv4(ipv4));
    }
    let stray = |c: char| matches!(c, ':' | '[' | ']') || c.is_whitespace() || c.is_control();
    if host.is_empty() || host.contains(stray) {
        return Err(ParseEndpointError::Host);
    }
    Ok(Address::Domain(Domain::new(host)?))
}

#[cfg(test)]
mod tests {
    use core::net::{Ipv4Addr, Ipv6Addr};
    use std::format;

    use super::*;
    use crate::error::ValueError;

    #[test]
    fn parses_names_and_addresses() {
        let name = |name| Address::Domain(Domain::new(name).unwrap());
        for (text, address, port) in [
            ("example.com:443", name("example.com"), 443),
            ("example.com.:0", name("example.com."), 0),
            ("127.1:80", name("127.1"), 80),
            ("münchen.example:80", name("münchen.example"), 80),
            ("192.0.2.1:65535", Ipv4Addr::new(192, 0, 2, 1).into(), 65535),
            ("[::1]:80", Ipv6Addr::LOCALHOST.into(), 80),
        ] {
            let endpoint = Endpoint::try_from(text);
            assert_eq!(endpoint, Ok(Endpoint { address, port }), "{text}");
        }
    }

    #[test]
    fn rejects_what_is_not_host_and_port() {
        use ParseEndpointError::{Host, Port, ZoneId};
        for (text, error) in [
            ("", Port),
            ("example.com", Port),
            ("example.com:", Port),
            ("example.com:+80", Port),
            ("example.com:65536", Port),
            (":80", Host),
            ("::1:80", Host),
            ("[::1:80", Host),
            ("[192.0.2.1]:80", Host),
            ("[example.com]:80", Host),
            ("exam ple.com:80", Host),
            ("example.com\r\n:80", Host),
            ("[fe80::1%eth0]:80", ZoneId),
            ("fe80::1%1:80", ZoneId),
        ] {
            assert_eq!(Endpoint::try_from(text), Err(error), "{text:?}");
        }
        let long = format!("{}:80", "a".repeat(256));
        assert_eq!(Endpoint::try_from(long.as_str()), Err(ValueError::Domain(256).into()));
    }

    #[test]
    fn parses_a_pair_of_host_and_port() {
        assert_eq!(Endpoint::try_from(("::1", 80)), Endpoint::try_from("[::1]:80"));
        assert_eq!(Endpoint::try_from(("[::1]", 80)), Endpoint::try_from("[::1]:80"));
        assert_eq!(Endpoint::try_from(("192.0.2.1", 80)), Endpoint::try_from("192.0.2.1:80"));
        assert_eq!(Endpoint::try_from(("localhost", 80)), Endpoint::try_from("localhost:80"));
        #[cfg(feature = "std")]
        assert_eq!(Endpoint::try_from(&std::string::String::from("[::1]:80")), Endpoint::try_from("[::1]:80"));
        assert_eq!(Endpoint::try_from(("fe80::1%eth0", 80)), Err(ParseEndpointError::ZoneId));
    }
}
