//! UDP ASSOCIATE: datagrams to and fro, as long as the client's TCP connection lasts (RFC 1928 section 7).
//!
//! Two sockets: one at the address where the client reached the server, to which only the client is admitted, and one
//! from which all destinations are reached. What cannot be sent at once is dropped, as is the way of datagrams.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::pin::pin;
use std::time::Instant;

use socket2::{Domain, Socket, Type};
use socks5_sansio::association::PeerFilter;
use socks5_sansio::reassembly::{MIN_TIMEOUT, Outcome, Reassembly};
use socks5_sansio::{Endpoint, EndpointBuf, UdpHeader};
use tokio::net::{TcpStream, UdpSocket};
use tokio::task::JoinSet;

use crate::connect::{addresses, reached_at};
use crate::relay::{BUFFER, BUFFER_LEN, ended};

const HEADROOM: usize = UdpHeader::IP_HEADROOM;
/// So many datagrams one way before the other way gets its turn.
const BATCH: usize = 64;
/// So many datagrams may wait for a resolver.
const LOOKUPS: usize = 8;

pub struct Association {
    pub inside: UdpSocket,
    outside: Outside,
    filter: PeerFilter,
    queue: Option<Reassembly<Vec<u8>>>,
    started: Instant,
    down: u64,
}

impl Association {
    pub fn open(control: &TcpStream, dst_port: u16, reassemble: bool) -> io::Result<Self> {
        Ok(Self {
            outside: Outside::open()?,
            inside: socket(reached_at(control)?)?,
            filter: PeerFilter::new(control.peer_addr()?, dst_port),
            queue: reassemble.then(|| Reassembly::new(vec![0; BUFFER_LEN], MIN_TIMEOUT)),
            started: Instant::now(),
            down: 0,
        })
    }

    /// Relays until the client's TCP connection ends. Returns the number of octets relayed to the destinations and back.
    pub async fn relay(mut self, mut control: TcpStream) -> (u64, u64) {
        let mut ended = pin!(ended(&mut control));
        loop {
            tokio::select! {
                Ok(()) = self.inside.readable() => BUFFER.with_borrow_mut(|buffer| self.relay_up(buffer)),
                Ok(()) = self.outside.socket.readable() => BUFFER.with_borrow_mut(|buffer| self.relay_down(buffer)),
                Some(found) = self.outside.lookups.join_next() => {
                    let Ok(Some((destination, target, data))) = found else { continue };
                    self.outside.send_to(target, &data);
                    self.outside.known = Some((destination, target));
                }
                () = &mut ended => return (self.outside.sent, self.down),
            }
        }
    }

    /// From the client to the destinations.
    fn relay_up(&mut self, buffer: &mut [u8]) {
        for _ in 0..BATCH {
            let Ok((len, from)) = self.inside.try_recv_from(buffer) else { return };
            let Ok((header, data)) = UdpHeader::split(&buffer[..len]) else { continue };
            if !self.filter.admit(from) {
                continue;
            }
            match &mut self.queue {
                None if header.fragment.is_standalone() => self.outside.send(header.endpoint, data),
                None => {}
                Some(queue) => {
                    if let Outcome::Datagram(data) = queue.push(&header, data, self.started.elapsed()) {
                        self.outside.send(header.endpoint, data);
                    }
                }
            }
        }
    }

    /// From wherever to the client. The header goes in front of the payload, which is not moved.
    fn relay_down(&mut self, buffer: &mut [u8]) {
        for _ in 0..BATCH {
            let Ok((len, from)) = self.outside.socket.try_recv_from(&mut buffer[HEADROOM..]) else { return };
            let Some(client) = self.filter.client() else { continue };
            let header = UdpHeader::new(Endpoint::from(from).canonical());
            let Ok(start) = header.prepend(&mut buffer[..HEADROOM]) else { continue };
            if self.inside.try_send_to(&buffer[start..HEADROOM + len], client).is_ok() {
                self.down += len as u64;
            }
        }
    }
}

/// Towards the destinations. Names are resolved while the relay goes on.
struct Outside {
    socket: UdpSocket,
    /// For destinations of both families; where there is no IPv6, of one.
    dual_stack: bool,
    /// Names, their addresses, and the data that waits for them.
    lookups: JoinSet<Option<(EndpointBuf, SocketAddr, Vec<u8>)>>,
    /// The last name: the next datagram likely goes there too.
    known: Option<(EndpointBuf, SocketAddr)>,
    sent: u64,
}

impl Outside {
    fn open() -> io::Result<Self> {
        let (socket, dual_stack) = match socket((Ipv6Addr::UNSPECIFIED, 0).into()) {
            Ok(socket) => (socket, true),
            Err(_) => (socket((Ipv4Addr::UNSPECIFIED, 0).into())?, false),
        };
        Ok(Self { socket, dual_stack, lookups: JoinSet::new(), known: None, sent: 0 })
    }

    /// A copy of the data waits if the name is not known yet, or it is dropped.
    fn send(&mut self, endpoint: Endpoint<'_>, data: &[u8]) {
        let endpoint = endpoint.canonical();
        if let Some(target) = endpoint.to_socket_addr() {
            return self.send_to(target, data);
        }
        match &self.known {
            Some((known, target)) if known.as_endpoint() == endpoint => self.send_to(*target, data),
            _ if self.lookups.len() == LOOKUPS => {}
            _ => {
                let (name, data) = (EndpointBuf::from(endpoint), data.to_vec());
                self.lookups.spawn(async move {
                    let target = *addresses(&name).await.ok()?.first()?;
                    Some((name, target, data))
                });
            }
        }
    }

    fn send_to(&mut self, target: SocketAddr, data: &[u8]) {
        let target = match target.ip() {
            IpAddr::V4(ip) if self.dual_stack => (ip.to_ipv6_mapped(), target.port()).into(),
            _ => target,
        };
        self.sent += self.socket.try_send_to(data, target).unwrap_or(0) as u64;
    }
}

fn socket(address: SocketAddr) -> io::Result<UdpSocket> {
    let socket = Socket::new(Domain::for_address(address), Type::DGRAM, None)?;
    if address.is_ipv6() {
        socket.set_only_v6(false)?;
    }
    socket.set_nonblocking(true)?;
    socket.bind(&address.into())?;
    UdpSocket::from_std(socket.into())
}
