//! UDP ASSOCIATE: a client's association (RFC 1928 section 7).

mod batched;

use std::io::{self, ErrorKind};
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};

use socks5_sansio::association::relay_address;
use socks5_sansio::{Encode, Endpoint, ParseEndpointError, UdpHeader};
use tokio::net::{TcpStream, UdpSocket};

pub use self::batched::{Batched, Received};
use crate::outbound::any_port;
use crate::relay::{ended, keep_alive};

/// Datagrams through a proxy, until the TCP connection on which the association was requested ends.
#[derive(Debug)]
pub struct Association {
    control: TcpStream,
    socket: UdpSocket,
    relay: SocketAddr,
}

impl Association {
    /// An association from the TCP connection on which its request succeeded, and the bound address of the reply. Keepalive is set
    /// on the connection, so that the association also ends if the proxy's host vanishes.
    ///
    /// # Errors
    ///
    /// Those of the system, if it has no socket or no route to the relay.
    pub async fn new(control: TcpStream, bound: Endpoint<'_>) -> io::Result<Self> {
        let relay = relay_address(bound, control.peer_addr()?);
        let _ = keep_alive(&control); // an association without keepalive is better than none
        let socket = UdpSocket::bind(local_for(relay, control.local_addr()?)).await?;
        socket.connect(relay).await?;
        Ok(Self { control, socket, relay })
    }

    /// Sends a datagram to a destination: `"example.com:53"`, `("example.com", 53)`, a socket address or an [`Endpoint`].
    ///
    /// # Errors
    ///
    /// [`ErrorKind::InvalidInput`] for a malformed destination, and those of [`UdpSocket::send`].
    pub async fn send_to<'a, T>(&self, to: T, data: &[u8]) -> io::Result<()>
    where
        T: TryInto<Endpoint<'a>, Error: Into<ParseEndpointError>>,
    {
        let to = to.try_into().map_err(Into::into)?;
        self.send_raw(&UdpHeader::new(to), data).await
    }

    /// Sends a datagram with any header: a fragment, for example.
    ///
    /// # Errors
    ///
    /// As [`UdpSocket::send`].
    pub async fn send_raw(&self, header: &UdpHeader<'_>, data: &[u8]) -> io::Result<()> {
        let mut datagram = header.to_vec();
        datagram.extend_from_slice(data);
        self.socket.send(&datagram).await.map(drop)
    }

    /// The address of the relay.
    ///
    /// # Errors
    ///
    /// As [`UdpSocket::peer_addr`].
    pub fn relay_addr(&self) -> io::Result<SocketAddr> {
        self.socket.peer_addr()
    }

    /// Receives a datagram. Returns its source and its data. Fragments and malformed datagrams are dropped. The buffer needs room
    /// for the header too, which has at most [`UdpHeader::MAX_LEN`] bytes.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::ConnectionAborted`] if the association has ended, and those of [`UdpSocket::recv`].
    pub async fn recv_from<'b>(&self, buffer: &'b mut [u8]) -> io::Result<(Endpoint<'b>, &'b [u8])> {
        let len = loop {
            let len = tokio::select! {
                len = self.socket.recv(buffer) => len?,
                () = ended(&self.control) => return Err(aborted()),
            };
            if UdpHeader::split(&buffer[..len]).is_ok_and(|(header, _)| header.fragment.is_standalone()) {
                break len;
            }
        };
        let (header, data) = UdpHeader::split(&buffer[..len]).map_err(io::Error::from)?;
        Ok((header.endpoint, data))
    }

    /// The most data in a datagram with this header that fits the MTU of the path to the relay. Longer datagrams are sent in IP
    /// fragments, which are lost more easily, and which many networks drop. `None` if not even the header fits.
    ///
    /// A datagram from the relay has a header with the address of its source: 10 bytes for IPv4, 22 for IPv6.
    #[must_use]
    pub fn max_data(&self, header: &UdpHeader<'_>, mtu: usize) -> Option<usize> {
        max_data(self.relay, header, mtu)
    }

    /// The same association, for batches of datagrams.
    ///
    /// # Errors
    ///
    /// That of the system, if it refuses an option of the socket.
    pub fn into_batched(self) -> io::Result<Batched> {
        Batched::new(self.control, self.socket, self.relay)
    }
}

fn aborted() -> io::Error {
    io::Error::new(ErrorKind::ConnectionAborted, "the proxy ended the association")
}

/// Subtracts the IP and UDP headers from the MTU.
fn max_data(relay: SocketAddr, header: &UdpHeader<'_>, mtu: usize) -> Option<usize> {
    let below = if relay.is_ipv4() { 20 + 8 } else { 40 + 8 };
    header.max_data(mtu.checked_sub(below)?)
}

/// The local address of the TCP connection, which the proxy's filter admits; an unspecified one if the relay has another family.
fn local_for(relay: SocketAddr, control_local: SocketAddr) -> SocketAddr {
    let local = any_port(control_local);
    match relay {
        _ if local.is_ipv4() == relay.is_ipv4() => local,
        SocketAddr::V4(_) => (Ipv4Addr::UNSPECIFIED, 0).into(),
        SocketAddr::V6(_) => (Ipv6Addr::UNSPECIFIED, 0).into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn max_data_depends_on_the_families_of_relay_and_destination() {
        for (relay, to, mtu, expected) in [
            ("192.0.2.7:4660", "192.0.2.1:443", 1500, Some(1462)),
            ("192.0.2.7:4660", "[2001:db8::1]:443", 1500, Some(1450)),
            ("[2001:db8::7]:4660", "192.0.2.1:443", 1500, Some(1442)),
            ("[2001:db8::7]:4660", "example.com:443", 1280, Some(1214)),
            ("192.0.2.7:4660", "192.0.2.1:443", 38, Some(0)),
            ("192.0.2.7:4660", "192.0.2.1:443", 37, None),
            ("192.0.2.7:4660", "192.0.2.1:443", 27, None),
        ] {
            let header = UdpHeader::new(to.try_into().unwrap());
            assert_eq!(max_data(relay.parse().unwrap(), &header, mtu), expected, "{relay} {to} {mtu}");
        }
    }

    #[test]
    fn sends_from_the_address_of_the_connection_in_the_family_of_the_relay() {
        for (relay, control_local, expected) in [
            ("192.0.2.7:4660", "192.0.2.1:40000", "192.0.2.1:0"),
            ("192.0.2.7:4660", "[::ffff:192.0.2.1]:40000", "192.0.2.1:0"),
            ("192.0.2.7:4660", "[2001:db8::1]:40000", "0.0.0.0:0"),
            ("[2001:db8::7]:4660", "192.0.2.1:40000", "[::]:0"),
            ("[fe80::7%2]:4660", "[fe80::1%2]:40000", "[fe80::1%2]:0"),
        ] {
            let local = local_for(relay.parse().unwrap(), control_local.parse().unwrap());
            assert_eq!(local, expected.parse().unwrap(), "{relay} {control_local}");
        }
    }
}
