//! Endpoints as text, and names of any bytes.

use core::net::{IpAddr, Ipv6Addr};
use core::str;

use socks5_sansio::{Address, Domain, Endpoint, EndpointBuf, ParseEndpointError, Target, ValueError};

/// Parses the bytes as `HOST:PORT` and as a host without its port, and takes them as a name that a peer sent.
pub fn endpoint_text(bytes: &[u8]) {
    if let Ok(text) = str::from_utf8(bytes) {
        with_its_port(text);
        separate_from_its_port(text);
    }
    if let Ok(name) = Domain::new(bytes) {
        as_a_name(name);
    }
}

fn with_its_port(text: &str) {
    let parsed = Endpoint::try_from(text);
    let Some((host, port)) = text.rsplit_once(':').and_then(|(host, port)| Some((host, number(port)?))) else {
        return assert_eq!(parsed, Err(ParseEndpointError::Port), "{text:?}");
    };
    assert_eq!(parsed, address_of(host).map(|address| Endpoint { address, port }), "{text:?}");
    if let Ok(endpoint) = parsed {
        assert_eq!(Endpoint::try_from((host, port)), parsed, "{text:?}");
        is_written_as_it_is_read(endpoint);
    }
}

fn separate_from_its_port(host: &str) {
    let expected = match host.parse::<IpAddr>() {
        Ok(ip) => Ok(ip.into()),
        Err(_) => address_of(host),
    };
    let expected = expected.map(|address| Endpoint { address, port: 80 });
    assert_eq!(Endpoint::try_from((host, 80)), expected, "{host:?}");
}

fn number(port: &str) -> Option<u16> {
    let value = port.bytes().try_fold(0, |value: u32, byte| match byte {
        b'0'..=b'9' => Some((value * 10 + u32::from(byte - b'0')).min(u32::from(u16::MAX) + 1)),
        _ => None,
    });
    value.filter(|_| !port.is_empty())?.try_into().ok()
}

/// An IPv6 address has brackets; a name has no brackets, colons, whitespace or control characters.
fn address_of(host: &str) -> Result<Address<'_>, ParseEndpointError> {
    let inside = host.strip_prefix('[').and_then(|host| host.strip_suffix(']'));
    let divided = host.is_empty() || host.contains([':', '[', ']']);
    match (inside, host.parse::<IpAddr>()) {
        _ if host.contains(':') && host.contains('%') => Err(ParseEndpointError::ZoneId),
        (Some(inside), _) => inside.parse::<Ipv6Addr>().map(Address::Ipv6).map_err(|_| ParseEndpointError::Host),
        (None, Ok(IpAddr::V4(ip))) => Ok(ip.into()),
        _ if divided || host.contains(char::is_whitespace) || host.contains(char::is_control) => {
            Err(ParseEndpointError::Host)
        }
        _ if host.len() > 255 => Err(ValueError::Domain(host.len()).into()),
        _ => Ok(Address::Domain(Domain::new(host)?)),
    }
}

fn is_written_as_it_is_read(endpoint: Endpoint<'_>) {
    let text = endpoint.to_string();
    let escaped = text.contains('\\');
    assert!(escaped || Endpoint::try_from(text.as_str()) == Ok(endpoint), "{endpoint:?} is written {text:?}");
    assert!(escaped || text.parse() == Ok(EndpointBuf::from(endpoint)), "{endpoint:?} is written {text:?}");
    assert_eq!(endpoint.to_socket_addr().map(Endpoint::from), endpoint.address.ip().map(|_| endpoint));
    is_canonical(endpoint);
}

/// `hostname` returns a name only if all its bytes are graphic ASCII; `Display` and `Debug` escape other bytes.
fn as_a_name(name: Domain<'_>) {
    let bytes = name.as_bytes();
    let graphic = bytes.iter().all(u8::is_ascii_graphic);
    assert_eq!(name.hostname().map(str::as_bytes), graphic.then_some(bytes));
    for shown in [name.to_string(), format!("{name:?}")] {
        assert!(shown.bytes().all(|byte| matches!(byte, b' '..=b'~')), "{shown:?}");
    }
    let endpoint = Endpoint::from((name, 80));
    is_canonical(endpoint);
    assert_eq!(name.ip_literal(), name.hostname().and_then(spelled));
}

fn spelled(host: &str) -> Option<IpAddr> {
    match host.strip_prefix('[').and_then(|host| host.strip_suffix(']')) {
        Some(inside) => inside.parse::<Ipv6Addr>().ok().map(IpAddr::V6),
        None => host.parse().ok(),
    }
}

/// In a canonical endpoint, no address is spelled as a name, and none is IPv4-mapped. Its target is that of the endpoint; a name in
/// the target can be passed to a resolver.
fn is_canonical(endpoint: Endpoint<'_>) {
    let canonical = endpoint.canonical();
    assert_eq!((canonical.canonical(), canonical.port), (canonical, endpoint.port));
    let target = match canonical.address {
        Address::Ipv4(ip) => Some(Target::Addr((ip, endpoint.port).into())),
        Address::Ipv6(ip) => {
            assert_eq!(ip.to_ipv4_mapped(), None);
            Some(Target::Addr((ip, endpoint.port).into()))
        }
        Address::Domain(name) => {
            assert_eq!((canonical, name.ip_literal()), (endpoint, None));
            name.hostname().map(|host| Target::Host(host, endpoint.port))
        }
    };
    assert_eq!((endpoint.target(), canonical.target()), (target, target));
}
