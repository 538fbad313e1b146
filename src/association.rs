//! Rules of UDP ASSOCIATE: the source filter and the address of a relay, and the scope of an address (RFC 1928 sections 6 and 7).
//! An association ends with the TCP connection on which it was requested.

use core::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use crate::wire::Endpoint;

/// The source filter of a UDP relay: admits the datagrams of the client and no others (RFC 1928 section 7).
///
/// The client's IP address is that of its TCP connection. DST of the request does not grant access, as a client could name a victim
/// there. Only the port of DST is used, and only if DST has the client's IP address. Otherwise the first admitted datagram decides
/// the port.
///
/// Call [`admit`](Self::admit) after [`UdpHeader::split`](crate::UdpHeader::split), so that a malformed datagram does not decide
/// the port.
///
/// ```
/// use socks5_sansio::Endpoint;
/// use socks5_sansio::association::PeerFilter;
///
/// let mut filter = PeerFilter::new("192.0.2.1:40000".parse()?, Endpoint::UNSPECIFIED);
/// assert!(!filter.admit("192.0.2.2:5000".parse()?)); // another host
/// assert!(filter.admit("192.0.2.1:6000".parse()?)); // the client's first datagram
/// assert!(!filter.admit("192.0.2.1:6001".parse()?)); // another program on the client's host
/// assert_eq!(filter.client(), Some("192.0.2.1:6000".parse()?));
/// # Ok::<(), std::net::AddrParseError>(())
/// ```
#[derive(Clone, Debug)]
pub struct PeerFilter {
    client: SocketAddr,
    port_is_known: bool,
}

impl PeerFilter {
    /// A filter from the client's end of the TCP connection, and the DST of its request.
    #[must_use]
    pub fn new(control_peer: SocketAddr, destination: Endpoint<'_>) -> Self {
        let client = canonical(control_peer);
        let port = match destination.canonical().address.ip() {
            Some(ip) if ip == client.ip() => destination.port,
            _ => 0,
        };
        Self { client: with_port(client, port), port_is_known: port != 0 }
    }

    /// Whether to relay a datagram from `from`. If the client's port is not known yet, the first admitted datagram decides it.
    ///
    /// An IPv4-mapped IPv6 address equals the IPv4 address.
    #[inline]
    #[must_use]
    pub fn admit(&mut self, from: SocketAddr) -> bool {
        if from.ip().to_canonical() != self.client.ip() {
            return false;
        }
        if !self.port_is_known {
            self.client.set_port(from.port());
            self.port_is_known = true;
        }
        from.port() == self.client.port()
    }

    /// The client's address for datagrams, once it is known.
    #[inline]
    #[must_use]
    pub fn client(&self) -> Option<SocketAddr> {
        self.port_is_known.then_some(self.client)
    }
}

/// The BND of a server's reply, for a socket bound to `local`.
///
/// If `local` is unspecified (0.0.0.0 or `::`), BND has the IP address of `control_local`, the server's end of the client's TCP
/// connection, by which the client reached the server.
///
/// ```
/// use socks5_sansio::association::bound_address;
///
/// let control = "192.0.2.7:1080".parse()?;
/// assert_eq!(bound_address("0.0.0.0:4660".parse()?, control), "192.0.2.7:4660".parse()?);
/// assert_eq!(bound_address("198.51.100.1:4660".parse()?, control), "198.51.100.1:4660".parse()?);
/// # Ok::<(), std::net::AddrParseError>(())
/// ```
#[must_use]
pub fn bound_address(local: SocketAddr, control_local: SocketAddr) -> SocketAddr {
    let bound = if local.ip().is_unspecified() { with_port(control_local, local.port()) } else { local };
    canonical(bound)
}

/// The address to which a client sends datagrams, from the BND of the reply and the address by which the proxy was reached.
///
/// The result is BND, unless BND is a name, or an address out of the client's reach: unspecified, multicast, broadcast, or of a
/// narrower [`Scope`] than the proxy's own address. In these cases it is the proxy's own address with the port of BND.
///
/// ```
/// use socks5_sansio::Endpoint;
/// use socks5_sansio::association::relay_address;
///
/// let proxy = "9.9.9.9:1080".parse()?;
/// for bound in ["0.0.0.0:4660", "10.0.0.5:4660", "relay.example:4660", "9.9.9.9:4660"] {
///     assert_eq!(relay_address(Endpoint::try_from(bound).unwrap(), proxy), "9.9.9.9:4660".parse()?);
/// }
/// # Ok::<(), std::net::AddrParseError>(())
/// ```
#[must_use]
pub fn relay_address(bound: Endpoint<'_>, proxy_peer: SocketAddr) -> SocketAddr {
    let proxy = with_port(canonical(proxy_peer), bound.port);
    match bound.canonical().to_socket_addr() {
        Some(relay) if relay.ip() != proxy.ip() && is_reachable(relay.ip(), proxy.ip()) => on_link_of(proxy, relay),
        _ => proxy,
    }
}

/// A link-local relay is on the link by which the proxy was reached.
fn on_link_of(proxy: SocketAddr, mut relay: SocketAddr) -> SocketAddr {
    match (proxy, &mut relay) {
        (SocketAddr::V6(proxy), SocketAddr::V6(relay)) if relay.ip().is_unicast_link_local() => {
            relay.set_scope_id(proxy.scope_id());
        }
        _ => {}
    }
    relay
}

fn is_reachable(relay: IpAddr, proxy: IpAddr) -> bool {
    let (relay, proxy) = (width(scope(relay)), width(scope(proxy)));
    relay.is_some() && relay >= proxy
}

/// How far away an address can be reached from: larger is farther. `None` if it is not the address of a host.
fn width(scope: Scope) -> Option<u8> {
    match scope {
        Scope::Unspecified | Scope::Multicast | Scope::Broadcast => None,
        Scope::Loopback => Some(0),
        Scope::LinkLocal => Some(1),
        Scope::Reserved => Some(2),
        Scope::Private | Scope::Shared => Some(3),
        Scope::Global => Some(4),
    }
}

/// The scope of an IP address: the result of [`scope`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Scope {
    /// 0.0.0.0 and `::`. Connecting to it reaches the machine itself.
    Unspecified,
    /// 127.0.0.0/8 and `::1`.
    Loopback,
    /// 169.254.0.0/16 and fe80::/10.
    LinkLocal,
    /// 10.0.0.0/8, 172.16.0.0/12, 192.168.0.0/16, fc00::/7 and fec0::/10.
    Private,
    /// 100.64.0.0/10, between carriers and their customers.
    Shared,
    /// 224.0.0.0/4 and ff00::/8.
    Multicast,
    /// 255.255.255.255.
    Broadcast,
    /// Documentation, benchmarking, and everything else that is not globally reachable.
    Reserved,
    /// Globally reachable.
    Global,
}

/// The scope of an IP address, by IANA's special-purpose address registries. A block is reserved as a whole, even if a registry
/// exempts a few of its addresses. All IPv6 addresses that are not allocated are reserved too.
///
/// An IPv6 address that contains an IPv4 address has the scope of the IPv4 address: IPv4-mapped (::ffff:0:0/96), IPv4-translated
/// (::ffff:0:0:0/96), NAT64 (64:ff9b::/96), 6to4 (2002::/16) and IPv4-compatible (::/96) addresses. A rule for destinations must
/// also check the addresses that a name resolves to: some resolvers accept `127.1` or `0x7f.1` as an address.
///
/// ```
/// use socks5_sansio::association::{Scope, scope};
///
/// assert_eq!(scope("9.9.9.9".parse()?), Scope::Global);
/// assert_eq!(scope("64:ff9b::10.0.0.1".parse()?), Scope::Private);
/// assert_eq!(scope("2002:7f00:1::".parse()?), Scope::Loopback);
/// # Ok::<(), std::net::AddrParseError>(())
/// ```
#[must_use]
pub fn scope(ip: IpAddr) -> Scope {
    match ip {
        IpAddr::V4(ip) => scope_v4(ip),
        IpAddr::V6(ip) => match embedded(ip) {
            Some(ip) => scope_v4(ip),
            None => scope_v6(ip),
        },
    }
}

fn scope_v4(ip: Ipv4Addr) -> Scope {
    match ip.octets() {
        [0, 0, 0, 0] => Scope::Unspecified,
        [255, 255, 255, 255] => Scope::Broadcast,
        [127, ..] => Scope::Loopback,
        [169, 254, ..] => Scope::LinkLocal,
        [10, ..] | [172, 16..=31, ..] | [192, 168, ..] => Scope::Private,
        [100, 64..=127, ..] => Scope::Shared,
        [224..=239, ..] => Scope::Multicast,
        // "this network", IETF protocols, documentation, benchmarking, former 6to4 relays, future use
        [0, ..]
        | [192, 0, 0 | 2, _]
        | [198, 51, 100, _]
        | [203, 0, 113, _]
        | [198, 18 | 19, ..]
        | [192, 88, 99, _]
        | [240..=255, ..] => Scope::Reserved,
        _ => Scope::Global,
    }
}

fn scope_v6(ip: Ipv6Addr) -> Scope {
    match ip.segments() {
        [0, 0, 0, 0, 0, 0, 0, 0] => Scope::Unspecified,
        [0, 0, 0, 0, 0, 0, 0, 1] => Scope::Loopback,
        [0xFE80..=0xFEBF, ..] => Scope::LinkLocal,
        [0xFC00..=0xFDFF | 0xFEC0..=0xFEFF, ..] => Scope::Private,
        [0xFF00..=0xFFFF, ..] => Scope::Multicast,
        // IETF protocols, documentation
        [0x2001, 0..=0x1FF | 0xDB8, ..] | [0x3FFF, 0..=0xFFF, ..] => Scope::Reserved,
        // all that IANA has allocated for global unicast
        [0x2000..=0x3FFF, ..] => Scope::Global,
        _ => Scope::Reserved,
    }
}

/// The IPv4 address inside an IPv6 address.
fn embedded(ip: Ipv6Addr) -> Option<Ipv4Addr> {
    let (high, low) = match ip.segments() {
        [0, 0, 0, 0, 0, 0, 0, 0 | 1] => return None,
        [0, 0, 0, 0, 0, 0 | 0xFFFF, high, low]
        | [0, 0, 0, 0, 0xFFFF, 0, high, low]
        | [0x64, 0xFF9B, 0, 0, 0, 0, high, low]
        | [0x2002, high, low, ..] => (high, low),
        _ => return None,
    };
    Some(Ipv4Addr::from(u32::from(high) << 16 | u32::from(low)))
}

/// Turns an IPv4-mapped IPv6 address into the IPv4 address. The scope id of a link-local address is kept.
fn canonical(addr: SocketAddr) -> SocketAddr {
    match addr.ip().to_canonical() {
        ip if ip == addr.ip() => addr,
        ip => SocketAddr::new(ip, addr.port()),
    }
}

fn with_port(mut addr: SocketAddr, port: u16) -> SocketAddr {
    addr.set_port(port);
    addr
}

#[cfg(test)]
mod tests {
    use super::*;

    fn addr(text: &str) -> SocketAddr {
        text.parse().unwrap()
    }

    fn filter(client: &str, destination: &str) -> PeerFilter {
        PeerFilter::new(SocketAddr::new(client.parse().unwrap(), 40000), destination.try_into().unwrap())
    }

    #[test]
    fn s6_admits_only_the_port_in_a_request_with_the_clients_address() {
        for destination in ["192.0.2.1:5000", "[::ffff:192.0.2.1]:5000"] {
            let mut filter = filter("192.0.2.1", destination);
            assert_eq!(filter.client(), Some(addr("192.0.2.1:5000")));
            assert!(!filter.admit(addr("192.0.2.1:5001")));
            assert!(filter.admit(addr("192.0.2.1:5000")));
        }
        let literal = Endpoint::from((crate::Domain::new("192.0.2.1").unwrap(), 5000));
        assert_eq!(PeerFilter::new(addr("192.0.2.1:4"), literal).client(), Some(addr("192.0.2.1:5000")));
    }

    #[test]
    fn s6_ignores_the_port_in_a_request_with_another_address() {
        for destination in ["8.8.8.8:53", "192.168.1.7:40000", "0.0.0.0:5001", "example.com:5001", "192.0.2.1:0"] {
            let mut filter = filter("192.0.2.1", destination);
            assert_eq!(filter.client(), None, "{destination}");
            assert!(filter.admit(addr("192.0.2.1:5000")), "{destination}");
        }
    }

    #[test]
    fn s7_drops_datagrams_of_other_hosts() {
        let mut filter = filter("192.0.2.1", "0.0.0.0:0");
        assert!(!filter.admit(addr("198.51.100.9:5000")));
        assert!(!filter.admit(addr("[2001:db8::9]:5000")));
        assert_eq!(filter.client(), None);
        assert!(filter.admit(addr("192.0.2.1:5000")));
        assert!(!filter.admit(addr("198.51.100.9:5000")));
    }

    #[test]
    fn s7_the_first_datagram_decides_the_port() {
        let mut filter = filter("2001:db8::1", "[::]:0");
        assert!(filter.admit(addr("[2001:db8::1]:5000")));
        assert!(!filter.admit(addr("[2001:db8::1]:5001")));
        assert!(filter.admit(addr("[2001:db8::1]:5000")));
    }

    #[test]
    fn a_mapped_address_equals_the_ipv4_address() {
        let mut dual_stack = filter("::ffff:192.0.2.1", "0.0.0.0:0");
        assert!(dual_stack.admit(addr("192.0.2.1:5000")));
        assert!(dual_stack.admit(addr("[::ffff:192.0.2.1]:5000")));
        assert_eq!(dual_stack.client(), Some(addr("192.0.2.1:5000")));
    }

    #[test]
    fn a_link_local_address_keeps_its_scope_id() {
        let client = addr("[fe80::1%2]:5000");
        let mut filter = PeerFilter::new(addr("[fe80::1%2]:40000"), Endpoint::UNSPECIFIED);
        assert!(filter.admit(client));
        assert_eq!(filter.client(), Some(client));
        assert_eq!(bound_address(addr("[::]:7"), addr("[fe80::5%2]:1080")), addr("[fe80::5%2]:7"));
        let relay = Endpoint::try_from("[fe80::5]:7").unwrap();
        assert_eq!(relay_address(relay, addr("[fe80::5%2]:1080")), addr("[fe80::5%2]:7"));
        let other_relay = Endpoint::try_from("[fe80::9]:7").unwrap();
        assert_eq!(relay_address(other_relay, addr("[fe80::5%2]:1080")), addr("[fe80::9%2]:7"));
    }

    #[test]
    fn bnd_is_never_unspecified() {
        for (local, control, bound) in [
            ("0.0.0.0:7", "127.0.0.1:1080", "127.0.0.1:7"),
            ("[::]:7", "[::1]:1080", "[::1]:7"),
            ("[::]:7", "[::ffff:192.0.2.1]:1080", "192.0.2.1:7"),
            ("[::ffff:192.0.2.2]:7", "192.0.2.1:1080", "192.0.2.2:7"),
        ] {
            assert_eq!(bound_address(addr(local), addr(control)), addr(bound), "{local} {control}");
        }
    }

    #[test]
    fn the_relay_is_at_bnd_unless_its_scope_is_narrower() {
        for (bound, proxy, relay) in [
            ("8.8.8.8:7", "9.9.9.9:1080", "8.8.8.8:7"),
            ("10.0.0.5:7", "10.0.0.4:1080", "10.0.0.5:7"),
            ("8.8.8.8:7", "10.0.0.4:1080", "8.8.8.8:7"),
            ("10.0.0.5:7", "127.0.0.1:1080", "10.0.0.5:7"),
            ("127.0.0.1:7", "127.0.0.1:1080", "127.0.0.1:7"),
            ("0.0.0.0:7", "127.0.0.1:1080", "127.0.0.1:7"),
            ("127.0.0.1:7", "10.0.0.4:1080", "10.0.0.4:7"),
            ("169.254.1.1:7", "10.0.0.4:1080", "10.0.0.4:7"),
            ("10.0.0.5:7", "9.9.9.9:1080", "9.9.9.9:7"),
            ("100.64.0.1:7", "9.9.9.9:1080", "9.9.9.9:7"),
            ("198.18.0.1:7", "9.9.9.9:1080", "9.9.9.9:7"),
            ("192.0.0.8:7", "9.9.9.9:1080", "9.9.9.9:7"),
            ("0.0.0.1:7", "9.9.9.9:1080", "9.9.9.9:7"),
            ("240.0.0.1:7", "10.0.0.4:1080", "10.0.0.4:7"),
            ("203.0.113.2:7", "192.0.2.1:1080", "203.0.113.2:7"),
            ("255.255.255.255:7", "127.0.0.1:1080", "127.0.0.1:7"),
            ("239.0.0.1:7", "127.0.0.1:1080", "127.0.0.1:7"),
            ("[::]:7", "[2620:fe::fe]:1080", "[2620:fe::fe]:7"),
            ("[fe80::1]:7", "[fd00::5]:1080", "[fd00::5]:7"),
            ("[fd00::1]:7", "[2620:fe::fe]:1080", "[2620:fe::fe]:7"),
            ("[2002:a00:5::]:7", "9.9.9.9:1080", "9.9.9.9:7"),
            ("[::ffff:8.8.8.8]:7", "9.9.9.9:1080", "8.8.8.8:7"),
            ("name.example:7", "9.9.9.9:1080", "9.9.9.9:7"),
        ] {
            assert_eq!(relay_address(Endpoint::try_from(bound).unwrap(), addr(proxy)), addr(relay), "{bound} {proxy}");
        }
    }

    #[test]
    fn the_scope_of_the_first_and_last_address_of_each_range() {
        use Scope::{Broadcast, Global, LinkLocal, Loopback, Multicast, Private, Reserved, Shared, Unspecified};
        for (expected, ranges) in [
            (Unspecified, ["0.0.0.0", "::"].as_slice()),
            (Loopback, &["127.0.0.0", "127.255.255.255", "::1"]),
            (LinkLocal, &["169.254.0.0", "169.254.255.255", "fe80::", "febf::1"]),
            (
                Private,
                &["10.0.0.0", "10.255.255.255", "172.16.0.0", "172.31.255.255", "192.168.0.0", "192.168.255.255"],
            ),
            (Private, &["fc00::", "fdff::", "fec0::", "feff::"]),
            (Shared, &["100.64.0.0", "100.127.255.255"]),
            (Multicast, &["224.0.0.0", "239.255.255.255", "ff00::", "ffff::"]),
            (Broadcast, &["255.255.255.255"]),
            (Reserved, &["0.0.0.1", "0.255.255.255", "192.0.0.0", "192.0.0.255", "192.0.2.0", "192.0.2.255"]),
            (
                Reserved,
                &["198.51.100.0", "203.0.113.255", "198.18.0.0", "198.19.255.255", "240.0.0.0", "255.255.255.254"],
            ),
            (
                Reserved,
                &["64:ff9b:1::", "100::", "2001::", "2001:1ff::", "2001:db8::", "3fff::", "3fff:fff::", "5f00::"],
            ),
            (Reserved, &["192.88.99.0", "192.88.99.255", "64:ff9c::", "1fff::", "4000::", "fbff::", "fe00::"]),
            (Global, &["1.0.0.0", "9.255.255.255", "11.0.0.0", "100.63.255.255", "100.128.0.0", "126.255.255.255"]),
            (
                Global,
                &["128.0.0.0", "169.253.0.0", "169.255.0.0", "172.15.255.255", "172.32.0.0", "192.0.1.0", "192.0.3.0"],
            ),
            (Global, &["192.167.0.0", "192.169.0.0", "198.17.255.255", "198.20.0.0", "223.255.255.255"]),
            (Global, &["192.88.98.0", "192.88.100.0", "2000::", "2001:200::", "2001:db7::", "2003::", "3fff:1000::"]),
        ] {
            for ip in ranges {
                assert_eq!(scope(ip.parse().unwrap()), expected, "{ip}");
            }
        }
    }

    #[test]
    fn the_scope_of_embedded_ipv4_addresses() {
        for (ip, expected) in [
            ("::ffff:127.0.0.1", Scope::Loopback),
            ("64:ff9b::127.0.0.1", Scope::Loopback),
            ("2002:7f00:1::5", Scope::Loopback),
            ("::127.0.0.1", Scope::Loopback),
            ("::ffff:0.0.0.0", Scope::Unspecified),
            ("64:ff9b::0.0.0.0", Scope::Unspecified),
            ("2002:c0a8:101::", Scope::Private),
            ("::9.9.9.9", Scope::Global),
            ("::ffff:0:127.0.0.1", Scope::Loopback),
            ("64:ff9b:0:1::127.0.0.1", Scope::Reserved),
        ] {
            assert_eq!(scope(ip.parse().unwrap()), expected, "{ip}");
        }
    }
}
