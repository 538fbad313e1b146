//! UDP ASSOCIATE's rules: who may send through a relay, and where it really is (RFC 1928 sections 6 and 7).
//!
//! No sockets here: addresses in, answers out. An association ends with the TCP connection that it was asked for on: to
//! close the relay then is the caller's.

use core::net::{IpAddr, SocketAddr};

use crate::wire::Endpoint;

/// A relay's doorkeeper: lets in the client's datagrams, and silently no others (RFC 1928 section 7).
///
/// The client's IP address is the one that its TCP connection comes from. What it gives as DST.ADDR is not trusted: a
/// client could name its victim, and many do not know their own address. The client's port is the DST.PORT of the request, or
/// if that is 0, the port of the first datagram that is admitted.
///
/// Ask it about datagrams that have a header, after [`UdpHeader::split`](crate::wire::UdpHeader::split): noise should not
/// lock the port.
///
/// ```
/// use socks5_sansio::association::PeerFilter;
///
/// let mut filter = PeerFilter::new("192.0.2.1:40000".parse()?, 0);
/// assert!(!filter.admit("192.0.2.2:5000".parse()?)); // a stranger
/// assert!(filter.admit("192.0.2.1:6000".parse()?)); // the client's first datagram
/// assert!(!filter.admit("192.0.2.1:6001".parse()?)); // somebody else on the same machine
/// assert_eq!(filter.client(), Some("192.0.2.1:6000".parse()?));
/// # Ok::<(), std::net::AddrParseError>(())
/// ```
#[derive(Clone, Debug)]
pub struct PeerFilter {
    client: SocketAddr,
    port_is_known: bool,
}

impl PeerFilter {
    /// A filter for a client whose TCP connection comes from `control_peer`, and whose request has this DST.PORT: 0 if the
    /// client does not know it yet.
    ///
    /// Give 0 as well to clients behind a NAT, which may send from another port than they think.
    ///
    /// ```
    /// use socks5_sansio::association::PeerFilter;
    ///
    /// let filter = PeerFilter::new("192.0.2.1:40000".parse()?, 6000);
    /// assert_eq!(filter.client(), Some("192.0.2.1:6000".parse()?)); // datagrams can go there before any has come
    /// # Ok::<(), std::net::AddrParseError>(())
    /// ```
    #[must_use]
    pub fn new(control_peer: SocketAddr, dst_port: u16) -> Self {
        Self { client: with_port(canonical(control_peer), dst_port), port_is_known: dst_port != 0 }
    }

    /// Whether a datagram from there is to be relayed. The first one that is locks the port.
    ///
    /// An IPv4 address and the same one mapped to IPv6 are alike.
    ///
    /// ```
    /// use socks5_sansio::association::PeerFilter;
    ///
    /// let mut filter = PeerFilter::new("192.0.2.1:40000".parse()?, 6000);
    /// assert!(filter.admit("[::ffff:192.0.2.1]:6000".parse()?)); // as a socket for both IPv4 and IPv6 sees it
    /// assert!(!filter.admit("192.0.2.1:40000".parse()?)); // the TCP connection's port says nothing
    /// # Ok::<(), std::net::AddrParseError>(())
    /// ```
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

    /// Where to send what comes back, as soon as it is known.
    ///
    /// ```
    /// use socks5_sansio::association::PeerFilter;
    ///
    /// let mut filter = PeerFilter::new("192.0.2.1:40000".parse()?, 0);
    /// assert!(!filter.admit("192.0.2.9:5000".parse()?));
    /// assert_eq!(filter.client(), None); // a stranger tells nothing
    /// assert!(filter.admit("192.0.2.1:6000".parse()?));
    /// assert_eq!(filter.client(), Some("192.0.2.1:6000".parse()?));
    /// # Ok::<(), std::net::AddrParseError>(())
    /// ```
    #[inline]
    #[must_use]
    pub fn client(&self) -> Option<SocketAddr> {
        self.port_is_known.then_some(self.client)
    }
}

/// For servers: the BND to answer with, for a socket of the server's that listens on `local`.
///
/// A socket that is bound to no address in particular (0.0.0.0) is reported as the address at which this client reached the server:
/// `control_local` is the server's end of the client's TCP connection.
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

/// For clients: where to send datagrams, from the BND of the reply and the address at which the proxy was reached.
///
/// That is BND, unless the proxy does not know how it is reached from here. Then it is BND.PORT at the proxy's own
/// address: BND is unspecified (0.0.0.0) or a name, or an address that means nothing outside the proxy's machine or
/// network (loopback, link-local, private) while the proxy was reached at one that does.
///
/// ```
/// use socks5_sansio::Endpoint;
/// use socks5_sansio::association::relay_address;
///
/// let proxy = "203.0.113.5:1080".parse()?;
/// for bound in ["0.0.0.0:4660", "10.0.0.5:4660", "relay.example:4660", "203.0.113.5:4660"] {
///     let bound = Endpoint::try_from(bound).unwrap();
///     assert_eq!(relay_address(&bound, proxy), "203.0.113.5:4660".parse()?);
/// }
/// # Ok::<(), std::net::AddrParseError>(())
/// ```
#[must_use]
pub fn relay_address(bound: &Endpoint<'_>, proxy_peer: SocketAddr) -> SocketAddr {
    let proxy = with_port(canonical(proxy_peer), bound.port);
    match bound.canonical().to_socket_addr() {
        Some(relay) if relay.ip() != proxy.ip() && reach(relay.ip()) >= reach(proxy.ip()) => relay,
        _ => proxy,
    }
}

/// Without the mapping of IPv4 to IPv6, and with the scope of a link-local address.
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

/// From how far away an address means something.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
enum Reach {
    Nowhere,
    Machine,
    Link,
    Network,
    World,
}

fn reach(ip: IpAddr) -> Reach {
    let (link, network) = match ip {
        IpAddr::V4(ip) => (ip.is_link_local(), ip.is_private()),
        IpAddr::V6(ip) => (ip.is_unicast_link_local(), ip.is_unique_local()),
    };
    match () {
        () if ip.is_unspecified() => Reach::Nowhere,
        () if ip.is_loopback() => Reach::Machine,
        () if link => Reach::Link,
        () if network => Reach::Network,
        () => Reach::World,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn addr(text: &str) -> SocketAddr {
        text.parse().unwrap()
    }

    fn filter(client: &str, dst_port: u16) -> PeerFilter {
        PeerFilter::new(SocketAddr::new(client.parse().unwrap(), 40000), dst_port)
    }

    #[test]
    fn s7_the_port_of_the_request_is_locked_from_the_start() {
        let mut filter = filter("192.0.2.1", 5000);
        assert_eq!(filter.client(), Some(addr("192.0.2.1:5000")));
        assert!(!filter.admit(addr("192.0.2.1:5001")));
        assert!(filter.admit(addr("192.0.2.1:5000")));
    }

    #[test]
    fn s7_a_stranger_is_not_let_in_and_locks_nothing() {
        let mut filter = filter("192.0.2.1", 0);
        assert!(!filter.admit(addr("198.51.100.9:5000")));
        assert!(!filter.admit(addr("[2001:db8::9]:5000")));
        assert_eq!(filter.client(), None);
        assert!(filter.admit(addr("192.0.2.1:5000")));
        assert!(!filter.admit(addr("198.51.100.9:5000")));
    }

    #[test]
    fn s7_the_first_datagram_locks_the_port() {
        let mut filter = filter("2001:db8::1", 0);
        assert!(filter.admit(addr("[2001:db8::1]:5000")));
        assert!(!filter.admit(addr("[2001:db8::1]:5001")));
        assert!(filter.admit(addr("[2001:db8::1]:5000")));
    }

    #[test]
    fn a_mapped_address_is_the_ipv4_address() {
        let mut dual_stack = filter("::ffff:192.0.2.1", 0);
        assert!(dual_stack.admit(addr("192.0.2.1:5000")));
        assert!(dual_stack.admit(addr("[::ffff:192.0.2.1]:5000")));
        assert_eq!(dual_stack.client(), Some(addr("192.0.2.1:5000")));
    }

    #[test]
    fn a_link_local_address_keeps_its_scope() {
        let client = addr("[fe80::1%2]:5000");
        let mut filter = PeerFilter::new(addr("[fe80::1%2]:40000"), 0);
        assert!(filter.admit(client));
        assert_eq!(filter.client(), Some(client));
        assert_eq!(bound_address(addr("[::]:7"), addr("[fe80::5%2]:1080")), addr("[fe80::5%2]:7"));
        let relay = Endpoint::try_from("[fe80::5]:7").unwrap();
        assert_eq!(relay_address(&relay, addr("[fe80::5%2]:1080")), addr("[fe80::5%2]:7"));
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
    fn the_relay_is_where_the_proxy_says_unless_that_is_nearer_than_the_proxy() {
        for (bound, proxy, relay) in [
            ("198.51.100.2:7", "203.0.113.5:1080", "198.51.100.2:7"),
            ("10.0.0.5:7", "10.0.0.4:1080", "10.0.0.5:7"),
            ("198.51.100.2:7", "10.0.0.4:1080", "198.51.100.2:7"),
            ("10.0.0.5:7", "127.0.0.1:1080", "10.0.0.5:7"),
            ("127.0.0.1:7", "127.0.0.1:1080", "127.0.0.1:7"),
            ("0.0.0.0:7", "127.0.0.1:1080", "127.0.0.1:7"),
            ("127.0.0.1:7", "10.0.0.4:1080", "10.0.0.4:7"),
            ("169.254.1.1:7", "10.0.0.4:1080", "10.0.0.4:7"),
            ("10.0.0.5:7", "203.0.113.5:1080", "203.0.113.5:7"),
            ("[::]:7", "[2001:db8::5]:1080", "[2001:db8::5]:7"),
            ("[fe80::1]:7", "[fd00::5]:1080", "[fd00::5]:7"),
            ("[fd00::1]:7", "[2001:db8::5]:1080", "[2001:db8::5]:7"),
            ("[::ffff:198.51.100.2]:7", "203.0.113.5:1080", "198.51.100.2:7"),
            ("name.example:7", "203.0.113.5:1080", "203.0.113.5:7"),
        ] {
            assert_eq!(relay_address(&Endpoint::try_from(bound).unwrap(), addr(proxy)), addr(relay), "{bound} {proxy}");
        }
    }
}
