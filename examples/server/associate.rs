//! UDP ASSOCIATE: datagrams to and fro, as long as the client's TCP connection lasts (RFC 1928 section 7).
//!
//! Two sockets: one at the address where the client reached the server, to which only the client is admitted, and one
//! from which all destinations are reached. One buffer for both ways, in which the payload of a datagram is never moved.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::Instant;

use socks5_sansio::association::PeerFilter;
use socks5_sansio::reassembly::{MIN_TIMEOUT, Outcome, Reassembly};
use socks5_sansio::server::Respond;
use socks5_sansio::{Address, Endpoint, Reply, ReplyCode, UdpHeader};
use tokio::io::{AsyncWriteExt, copy, sink};
use tokio::net::{TcpStream, UdpSocket};

use crate::connect::Destination;

const HEADROOM: usize = UdpHeader::IP_HEADROOM;
const LONGEST: usize = 65_535;
/// So many datagrams one way before the other way gets its turn.
const BATCH: usize = 64;

/// Relays until the client's TCP connection ends. Gives the number of octets relayed to the destinations and back.
pub async fn associate(
    control: &mut TcpStream,
    permit: Respond,
    dst_port: u16,
    reassemble: bool,
) -> io::Result<(u64, u64)> {
    let mut relay = match Relay::new(control, dst_port, reassemble).await {
        Ok(relay) => relay,
        Err(error) => {
            control.write_all(&permit.reply(&Reply::failed(ReplyCode::GENERAL_FAILURE))).await?;
            return Err(error);
        }
    };
    let bound = relay.inside.local_addr()?.into();
    control.write_all(&permit.reply(&Reply::succeeded(bound))).await?;
    tokio::select! {
        outcome = relay.run() => outcome?,
        () = ended(control) => (),
    }
    Ok((relay.up, relay.down))
}

/// What the client may say on the connection that keeps the association has no meaning, only its end has.
async fn ended(control: &mut TcpStream) {
    let _ = copy(control, &mut sink()).await;
}

struct Relay {
    inside: UdpSocket,
    outside: UdpSocket,
    filter: PeerFilter,
    buffer: Box<[u8]>,
    queue: Option<Reassembly<Box<[u8]>>>,
    started: Instant,
    resolved: Option<Resolved>,
    up: u64,
    down: u64,
}

/// The name that the last datagram went to: the next one likely goes there too.
struct Resolved {
    name: Box<[u8]>,
    ip: IpAddr,
}

impl Relay {
    async fn new(control: &TcpStream, dst_port: u16, reassemble: bool) -> io::Result<Self> {
        let local = control.local_addr()?.ip().to_canonical();
        let buffer = || vec![0; HEADROOM + LONGEST].into_boxed_slice();
        Ok(Self {
            inside: UdpSocket::bind((local, 0)).await?,
            outside: match UdpSocket::bind((Ipv6Addr::UNSPECIFIED, 0)).await {
                Ok(dual_stack) => dual_stack,
                Err(_) => UdpSocket::bind((Ipv4Addr::UNSPECIFIED, 0)).await?,
            },
            filter: PeerFilter::new(control.peer_addr()?.ip(), dst_port),
            buffer: buffer(),
            queue: reassemble.then(|| Reassembly::new(buffer(), MIN_TIMEOUT)),
            started: Instant::now(),
            resolved: None,
            up: 0,
            down: 0,
        })
    }

    async fn run(&mut self) -> io::Result<()> {
        loop {
            tokio::select! {
                ready = self.inside.readable() => {
                    ready?;
                    self.relay_up().await;
                }
                ready = self.outside.readable() => {
                    ready?;
                    self.relay_down().await;
                }
            }
        }
    }

    /// From the client to the destinations.
    async fn relay_up(&mut self) {
        for _ in 0..BATCH {
            let Ok((len, from)) = self.inside.try_recv_from(&mut self.buffer) else { return };
            if !self.filter.admits(from) {
                continue;
            }
            let Ok((header, data)) = UdpHeader::split(&self.buffer[..len]) else { continue };
            let data = match &mut self.queue {
                Some(queue) => match queue.push(&header, data, self.started.elapsed()) {
                    Outcome::Datagram(data) => data,
                    Outcome::Stored | Outcome::Dropped(_) => continue,
                },
                None if header.fragment.is_standalone() => data,
                None => continue,
            };
            let Some(ip) = ip_of(header.endpoint, &mut self.resolved).await else { continue };
            let target = as_seen_by(&self.outside, SocketAddr::new(ip, header.endpoint.port));
            if self.outside.send_to(data, target).await.is_ok() {
                self.up += data.len() as u64;
            }
        }
    }

    /// From wherever to the client.
    async fn relay_down(&mut self) {
        for _ in 0..BATCH {
            let Ok((len, from)) = self.outside.try_recv_from(&mut self.buffer[HEADROOM..]) else { return };
            let Some(client) = self.filter.client() else { continue };
            let header = UdpHeader::new(Endpoint::from(from).canonical());
            let Ok(start) = header.prepend(&mut self.buffer[..HEADROOM]) else { continue };
            if self.inside.send_to(&self.buffer[start..HEADROOM + len], client).await.is_ok() {
                self.down += len as u64;
            }
        }
    }
}

async fn ip_of(endpoint: Endpoint<'_>, resolved: &mut Option<Resolved>) -> Option<IpAddr> {
    let endpoint = endpoint.canonical();
    let Address::Domain(domain) = endpoint.address else { return endpoint.address.ip() };
    if let Some(resolved) = resolved.as_ref().filter(|resolved| *resolved.name == *domain.as_bytes()) {
        return Some(resolved.ip);
    }
    let ip = Destination::from(endpoint).addresses().await.ok()?.first()?.ip();
    *resolved = Some(Resolved { name: domain.as_bytes().into(), ip });
    Some(ip)
}

/// A socket for both families wants IPv4 addresses mapped to IPv6.
fn as_seen_by(socket: &UdpSocket, target: SocketAddr) -> SocketAddr {
    match (socket.local_addr(), target.ip()) {
        (Ok(SocketAddr::V6(_)), IpAddr::V4(ip)) => SocketAddr::new(ip.to_ipv6_mapped().into(), target.port()),
        _ => target,
    }
}
