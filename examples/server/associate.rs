//! UDP ASSOCIATE: datagrams to and fro, as long as the client's TCP connection lasts (RFC 1928 section 7).
//!
//! Two sockets: one at the address where the client reached the server, to which only the client is admitted, and one
//! from which all destinations are reached. One buffer for both ways, in which the payload of a datagram is never moved.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::Instant;

use socket2::{Domain, Socket, Type};
use socks5_sansio::association::PeerFilter;
use socks5_sansio::reassembly::{MIN_TIMEOUT, Outcome, Reassembly};
use socks5_sansio::server::Respond;
use socks5_sansio::{Endpoint, Reply, ReplyCode, UdpHeader};
use tokio::io::{AsyncWriteExt, copy, sink};
use tokio::net::{TcpStream, UdpSocket};

use crate::names::Names;
use crate::relay::{hang_up, reached_at};

const HEADROOM: usize = UdpHeader::IP_HEADROOM;
const LONGEST: usize = 65_535;
/// So many datagrams one way before the other way gets its turn.
const BATCH: usize = 64;

/// Relays until the client's TCP connection ends. Returns the number of octets relayed to the destinations and back.
pub async fn associate(
    mut control: TcpStream,
    permit: Respond,
    dst_port: u16,
    reassemble: bool,
) -> io::Result<(u64, u64)> {
    let mut relay = match Relay::new(&control, dst_port, reassemble).await {
        Ok(relay) => relay,
        Err(error) => {
            control.write_all(&permit.refuse(ReplyCode::GENERAL_FAILURE)).await?;
            hang_up(control).await;
            return Err(error);
        }
    };
    let bound = relay.inside.local_addr()?.into();
    control.write_all(&permit.reply(&Reply::succeeded(bound))).await?;
    tokio::select! {
        outcome = relay.run() => outcome?,
        () = ended(&mut control) => (),
    }
    Ok((relay.up, relay.down))
}

/// What the client may say on the connection that keeps the association has no meaning, only its end has.
async fn ended(control: &mut TcpStream) {
    let _ = copy(control, &mut sink()).await;
}

struct Relay {
    inside: UdpSocket,
    outside: Outside,
    filter: PeerFilter,
    names: Names,
    buffer: Box<[u8]>,
    queue: Option<Reassembly<Box<[u8]>>>,
    started: Instant,
    up: u64,
    down: u64,
}

impl Relay {
    async fn new(control: &TcpStream, dst_port: u16, reassemble: bool) -> io::Result<Self> {
        let buffer = || vec![0; HEADROOM + LONGEST].into_boxed_slice();
        Ok(Self {
            inside: UdpSocket::bind(reached_at(control)?).await?,
            outside: Outside::open().await?,
            filter: PeerFilter::new(control.peer_addr()?, dst_port),
            names: Names::default(),
            buffer: buffer(),
            queue: reassemble.then(|| Reassembly::new(buffer(), MIN_TIMEOUT)),
            started: Instant::now(),
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
                ready = self.outside.socket.readable() => {
                    ready?;
                    self.relay_down().await;
                }
                (target, data) = self.names.resolved() => {
                    self.up += self.outside.send(&data, target).await;
                }
            }
        }
    }

    /// From the client to the destinations.
    async fn relay_up(&mut self) {
        for _ in 0..BATCH {
            let Ok((len, from)) = self.inside.try_recv_from(&mut self.buffer) else { return };
            let Ok((header, data)) = UdpHeader::split(&self.buffer[..len]) else { continue };
            if !self.filter.admit(from) {
                continue;
            }
            let data = match &mut self.queue {
                Some(queue) => match queue.push(&header, data, self.started.elapsed()) {
                    Outcome::Datagram(data) => data,
                    Outcome::Stored | Outcome::Dropped(_) => continue,
                },
                None if header.fragment.is_standalone() => data,
                None => continue,
            };
            let Some(target) = self.names.target(header.endpoint, data) else { continue };
            self.up += self.outside.send(data, target).await;
        }
    }

    /// From wherever to the client.
    async fn relay_down(&mut self) {
        for _ in 0..BATCH {
            let Ok((len, from)) = self.outside.socket.try_recv_from(&mut self.buffer[HEADROOM..]) else { return };
            let Some(client) = self.filter.client() else { continue };
            let header = UdpHeader::new(Endpoint::from(from).canonical());
            let Ok(start) = header.prepend(&mut self.buffer[..HEADROOM]) else { continue };
            if self.inside.send_to(&self.buffer[start..HEADROOM + len], client).await.is_ok() {
                self.down += len as u64;
            }
        }
    }
}

/// The socket for destinations of both families; where there is no IPv6, of one.
struct Outside {
    socket: UdpSocket,
    dual_stack: bool,
}

impl Outside {
    async fn open() -> io::Result<Self> {
        match Self::dual_stack() {
            Ok(socket) => Ok(Self { socket, dual_stack: true }),
            Err(_) => Ok(Self { socket: UdpSocket::bind((Ipv4Addr::UNSPECIFIED, 0)).await?, dual_stack: false }),
        }
    }

    fn dual_stack() -> io::Result<UdpSocket> {
        let socket = Socket::new(Domain::IPV6, Type::DGRAM, None)?;
        socket.set_only_v6(false)?;
        socket.set_nonblocking(true)?;
        socket.bind(&SocketAddr::from((Ipv6Addr::UNSPECIFIED, 0)).into())?;
        UdpSocket::from_std(socket.into())
    }

    /// Returns the number of octets sent. What cannot be sent is dropped, as is the way of datagrams.
    async fn send(&self, data: &[u8], target: SocketAddr) -> u64 {
        let target = match target.ip() {
            IpAddr::V4(ip) if self.dual_stack => SocketAddr::new(ip.to_ipv6_mapped().into(), target.port()),
            _ => target,
        };
        self.socket.send_to(data, target).await.map_or(0, |len| len as u64)
    }
}
