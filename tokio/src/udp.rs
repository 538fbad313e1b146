//! UDP ASSOCIATE: the relay of a server (RFC 1928 section 7).

use std::cell::RefCell;
use std::future::poll_fn;
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use socket2::{Domain, Socket, Type};
use socks5_sansio::association::PeerFilter;
use socks5_sansio::fragment::{MIN_TIMEOUT, Outcome, Reassembly};
use socks5_sansio::{Endpoint, EndpointBuf, Target, UdpHeader};
use tokio::net::{TcpStream, UdpSocket};
use tokio::task::JoinSet;
use tokio::time::Instant;

use crate::limits::{Limit, Place};
use crate::lookup::{Lookups, Resolve};
use crate::outbound::{any_port, is_local};
use crate::relay::{Relayed, ended};
use crate::tally::{Held, Tally};

const HEADROOM: usize = UdpHeader::IP_HEADROOM;
/// Longer than any datagram.
const BUFFER_LEN: usize = HEADROOM + 65_536;
/// Datagrams of one direction before the other gets its turn.
pub(crate) const BATCH: usize = 64;
/// Names that an association remembers.
const NAMES: usize = 64;
/// Look-ups of one association under way.
const LOOKUPS: usize = 8;
/// Bytes that wait for one name.
const WAITING: usize = 64 * 1024;
/// The time after which a name is looked up again.
const NAME_AGE: Duration = Duration::from_secs(60);

thread_local! {
    pub(crate) static BUFFER: RefCell<Vec<u8>> = RefCell::new(vec![0; BUFFER_LEN]);
}

/// What the relays of a server have in common: the resolver, the limit, and the ports of their own sockets.
#[derive(Debug)]
pub struct Relays<R> {
    lookups: Lookups<R>,
    limit: Limit,
    ports: Ports,
    reassemble: bool,
}

impl<R: Resolve> Relays<R> {
    /// Relays with this resolver, which reassemble fragments or drop them. Each takes a place of the limit, for its two sockets:
    /// beside the place of its TCP connection, if they share the limit.
    pub fn new(lookups: Lookups<R>, limit: Limit, reassemble: bool) -> Self {
        Self { lookups, limit, ports: Ports::default(), reassemble }
    }

    /// The resolver.
    pub const fn lookups(&self) -> &Lookups<R> {
        &self.lookups
    }

    /// Opens a relay for the client at the other end of a TCP connection; `destination` is the one of its request.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::ResourceBusy`](io::ErrorKind::ResourceBusy) beyond the limit, and where the system has no socket.
    pub fn open(&self, control: &TcpStream, destination: Endpoint<'_>) -> io::Result<Relay<R>> {
        let client = control.peer_addr()?;
        let (place, outside) = self.outside(client.ip())?;
        Ok(Relay {
            inside: self.ports.register(socket(any_port(control.local_addr()?))?)?,
            outside,
            filter: PeerFilter::new(client, destination),
            queue: self.reassemble.then(|| Reassembly::new(vec![0; BUFFER_LEN], MIN_TIMEOUT)),
            started: Instant::now(),
            down: 0,
            _place: place,
        })
    }

    /// A place within the limit, and the outside of a relay.
    pub(crate) fn outside(&self, client: IpAddr) -> io::Result<(Place, Outside<R>)> {
        let place = self.limit.take(client).ok_or(io::ErrorKind::ResourceBusy)?;
        Ok((place, Outside::open(self, client)?))
    }
}

/// The relay of one association. No datagram ends it: what cannot be relayed is dropped.
///
/// It has two sockets: one at the address by which the client reached the server, where only the client is admitted, and one
/// from which all destinations are reached.
#[derive(Debug)]
pub struct Relay<R> {
    inside: OwnSocket,
    outside: Outside<R>,
    filter: PeerFilter,
    queue: Option<Reassembly<Vec<u8>>>,
    started: Instant,
    down: u64,
    _place: Place,
}

impl<R: Resolve> Relay<R> {
    /// Where the client is to send its datagrams: the bound address of the reply.
    ///
    /// # Errors
    ///
    /// As [`UdpSocket::local_addr`].
    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        self.inside.socket.local_addr()
    }

    /// Relays until the client's TCP connection ends.
    pub async fn run(mut self, control: &TcpStream) -> Relayed {
        self.outside.ready().await;
        let mut ended = pin!(ended(control));
        loop {
            tokio::select! {
                Ok(()) = self.inside.receivable() => BUFFER.with_borrow_mut(|buffer| self.relay_up(buffer)),
                Ok(()) = self.outside.own.receivable() => BUFFER.with_borrow_mut(|buffer| self.relay_down(buffer)),
                Some(found) = self.outside.pending.join_next() => {
                    if let Ok((name, address)) = found {
                        self.outside.found(&name, address);
                    }
                }
                () = &mut ended => return Relayed { up: self.outside.sent, down: self.down, reset: None },
            }
        }
    }

    fn relay_up(&mut self, buffer: &mut [u8]) {
        for _ in 0..BATCH {
            let Ok((len, from)) = self.inside.socket.try_recv_from(buffer) else { return };
            let Ok((header, data)) = UdpHeader::split(&buffer[..len]) else { continue };
            if self.inside.ports.are_own(from) || !self.filter.admit(from) {
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

    /// The header is written before the data, which is not moved.
    fn relay_down(&mut self, buffer: &mut [u8]) {
        for _ in 0..BATCH {
            let Ok((len, from)) = self.outside.own.socket.try_recv_from(&mut buffer[HEADROOM..]) else { return };
            let Some(client) = self.filter.client() else { continue };
            let header = UdpHeader::new(Endpoint::from(from).canonical());
            let Ok(start) = header.prepend(&mut buffer[..HEADROOM]) else { continue };
            if self.inside.socket.try_send_to(&buffer[start..HEADROOM + len], client).is_ok() {
                self.down += len as u64;
            }
        }
    }
}

/// The side of the destinations.
#[derive(Debug)]
pub(crate) struct Outside<R> {
    pub(crate) own: OwnSocket,
    /// Reaches destinations of both families; where there is no IPv6, only IPv4.
    dual_stack: bool,
    client: IpAddr,
    lookups: Lookups<R>,
    pub(crate) pending: JoinSet<(EndpointBuf, Option<SocketAddr>)>,
    /// The last used first.
    names: Vec<(EndpointBuf, Name)>,
    pub(crate) sent: u64,
}

#[derive(Debug)]
enum Name {
    /// The datagrams that wait for the address.
    Pending(Vec<Vec<u8>>),
    Known(SocketAddr, Instant),
}

impl<R: Resolve> Outside<R> {
    fn open(relays: &Relays<R>, client: IpAddr) -> io::Result<Self> {
        let (socket, dual_stack) = match socket((Ipv6Addr::UNSPECIFIED, 0).into()) {
            Ok(socket) => (socket, true),
            Err(_) => (socket((Ipv4Addr::UNSPECIFIED, 0).into())?, false),
        };
        Ok(Self {
            own: relays.ports.register(socket)?,
            dual_stack,
            client,
            lookups: relays.lookups.clone(),
            pending: JoinSet::new(),
            names: Vec::new(),
            sent: 0,
        })
    }

    /// Of a new socket it is not known yet that it can send, and the first datagrams would be dropped.
    pub(crate) async fn ready(&self) {
        let _ = self.own.socket.writable().await;
    }

    pub(crate) fn send(&mut self, endpoint: Endpoint<'_>, data: &[u8]) {
        match endpoint.target() {
            Some(Target::Addr(target)) => self.send_to(target, data),
            Some(Target::Host(..)) => self.send_to_name(endpoint, data),
            None => {}
        }
    }

    /// One look-up for each name. Its datagrams wait in order.
    fn send_to_name(&mut self, endpoint: Endpoint<'_>, data: &[u8]) {
        self.names.retain(|(_, name)| !matches!(name, Name::Known(_, since) if since.elapsed() > NAME_AGE));
        match self.names.iter().position(|(name, _)| name.as_endpoint() == endpoint) {
            Some(index) => self.names[..=index].rotate_right(1),
            None if self.pending.len() >= LOOKUPS => return,
            None => self.look_up(endpoint.into()),
        }
        match self.names.first_mut() {
            Some((_, Name::Known(target, _))) => {
                let target = *target;
                self.send_to(target, data);
            }
            Some((_, Name::Pending(waiting))) if fits(waiting, data) => waiting.push(data.to_vec()),
            Some((_, Name::Pending(_))) | None => {}
        }
    }

    fn look_up(&mut self, name: EndpointBuf) {
        self.names.truncate(NAMES - 1);
        self.names.insert(0, (name.clone(), Name::Pending(Vec::new())));
        let (lookups, client, dual_stack) = (self.lookups.clone(), self.client, self.dual_stack);
        self.pending.spawn(async move {
            let found = lookups.addresses(client, name.as_endpoint()).await.unwrap_or_default();
            let address = found.into_iter().find(|address| dual_stack || address.is_ipv4());
            (name, address)
        });
    }

    /// Sends what has waited. A name that was not found can be looked up again.
    pub(crate) fn found(&mut self, name: &EndpointBuf, address: Option<SocketAddr>) {
        let Some(index) = self.names.iter().position(|(known, _)| known == name) else { return };
        let Some(target) = address else {
            self.names.remove(index);
            return;
        };
        let known = Name::Known(target, Instant::now());
        if let Name::Pending(waiting) = std::mem::replace(&mut self.names[index].1, known) {
            waiting.iter().for_each(|data| self.send_to(target, data));
        }
    }

    fn send_to(&mut self, target: SocketAddr, data: &[u8]) {
        if self.own.ports.are_own(target) {
            return;
        }
        let target = match target.ip() {
            IpAddr::V4(ip) if self.dual_stack => (ip.to_ipv6_mapped(), target.port()).into(),
            _ => target,
        };
        self.sent += self.own.socket.try_send_to(data, target).unwrap_or(0) as u64;
    }
}

fn fits(waiting: &[Vec<u8>], data: &[u8]) -> bool {
    waiting.iter().map(Vec::len).sum::<usize>() + data.len() <= WAITING
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

/// The ports of all sockets of all relays of a server.
#[derive(Clone, Debug, Default)]
struct Ports(Arc<Tally<u16>>);

/// A socket whose port is registered until it is dropped.
#[derive(Debug)]
pub(crate) struct OwnSocket {
    pub(crate) socket: UdpSocket,
    ports: Ports,
    _port: Held<u16>,
}

impl OwnSocket {
    /// Waits for a datagram. One task does, for each socket: only the last that waits is woken.
    pub(crate) async fn receivable(&self) -> io::Result<()> {
        poll_fn(|cx| self.socket.poll_recv_ready(cx)).await
    }
}

impl Ports {
    fn register(&self, socket: UdpSocket) -> io::Result<OwnSocket> {
        let (port, ..) = self.0.hold(socket.local_addr()?.port());
        Ok(OwnSocket { socket, ports: self.clone(), _port: port })
    }

    /// Whether the address is that of a relay of this server. Otherwise two associations could send to each other for ever.
    fn are_own(&self, address: SocketAddr) -> bool {
        self.0.holds(&address.port()) && is_local(address.ip())
    }
}
