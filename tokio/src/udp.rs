//! UDP ASSOCIATE: the relay of a server (RFC 1928 section 7).

mod outside;
mod ports;

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::pin::pin;

use socks5_sansio::association::PeerFilter;
use socks5_sansio::fragment::{MIN_TIMEOUT, Outcome, Reassembly};
use socks5_sansio::{Encode, Endpoint, Run, UdpHeader};
use tokio::net::TcpStream;
use tokio::time::Instant;

pub(crate) use self::outside::Outside;
use self::ports::{OwnSocket, Ports};
use crate::batch::{Batch, MESSAGES, Message, with_batch};
use crate::limits::{Limit, Place};
use crate::lookup::{Lookups, Resolve};
use crate::outbound::any_port;
use crate::relay::{Relayed, ended, keep_alive};

/// The endpoint and the data of the longest datagram.
const REASSEMBLY_LEN: usize = UdpHeader::MAX_LEN + 65_536;

/// The parts that all relays of a server share: the resolver, the limit, and the ports of their sockets.
#[derive(Debug)]
pub struct Relays<R> {
    lookups: Lookups<R>,
    limit: Limit,
    ports: Ports,
    reassemble: bool,
}

impl<R: Resolve> Relays<R> {
    /// Relays with this resolver. If `reassemble` is false, they drop fragments. Each relay takes one place of the limit for its
    /// two sockets. If TCP connections take places of the same limit, an association takes two: for its connection and for its
    /// relay.
    pub fn new(lookups: Lookups<R>, limit: Limit, reassemble: bool) -> Self {
        Self { lookups, limit, ports: Ports::default(), reassemble }
    }

    /// The resolver.
    pub const fn lookups(&self) -> &Lookups<R> {
        &self.lookups
    }

    /// Opens a relay for the client at the other end of a TCP connection. `destination` is that of the client's request.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::ResourceBusy`](io::ErrorKind::ResourceBusy) beyond the limit, and the error of the system
    /// if a socket cannot be opened.
    pub fn open(&self, control: &TcpStream, destination: Endpoint<'_>) -> io::Result<Relay<R>> {
        let client = control.peer_addr()?;
        let (place, outside) = self.outside(client.ip())?;
        Ok(Relay {
            inside: self.ports.open(any_port(control.local_addr()?))?,
            outside,
            filter: PeerFilter::new(client, destination),
            queue: self.reassemble.then(|| Reassembly::new(vec![0; REASSEMBLY_LEN], MIN_TIMEOUT)),
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

/// The relay of one association. A datagram that cannot be relayed is dropped, and the relay continues.
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
    /// The address to which the client sends its datagrams: the bound address of the reply.
    ///
    /// # Errors
    ///
    /// As [`UdpSocket::local_addr`](tokio::net::UdpSocket::local_addr).
    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        self.inside.local_addr()
    }

    /// Relays until the client's TCP connection ends. Keepalive is set on the connection, so that the relay also ends if the
    /// client's host vanishes.
    pub async fn run(mut self, control: &TcpStream) -> Relayed {
        let _ = keep_alive(control); // a relay without keepalive is better than none
        self.outside.ready().await;
        let mut ended = pin!(ended(control));
        loop {
            tokio::select! {
                Ok(()) = self.inside.socket.receivable() => with_batch(|batch| self.relay_up(batch)),
                Ok(()) = self.outside.own.socket.receivable() => with_batch(|batch| self.relay_down(batch)),
                Some(found) = self.outside.pending.join_next() => {
                    if let Ok((name, address)) = found {
                        with_batch(|batch| self.outside.found(batch, &name, address));
                    }
                }
                () = &mut ended => return Relayed { up: self.outside.sent, down: self.down, reset: None },
            }
        }
    }

    /// One call of the system, and then the other direction gets its turn.
    fn relay_up(&mut self, batch: &mut Batch) {
        let Self { inside, outside, filter, queue, started, .. } = self;
        inside.socket.receive(MESSAGES, |from, datagrams, stride| {
            for run in UdpHeader::runs(datagrams, stride).flatten() {
                if !inside.is_of_a_relay(from) && filter.admit(from) {
                    relay_run(outside, batch, queue.as_mut(), *started, run);
                }
            }
        });
        outside.finish(batch);
    }

    fn relay_down(&mut self, batch: &mut Batch) {
        let Self { inside, outside, filter, .. } = self;
        outside.own.socket.receive(MESSAGES, |from, datagrams, stride| {
            let Some(client) = filter.client() else { return };
            let mut header = [0; UdpHeader::IP_HEADROOM];
            let Ok(len) = UdpHeader::new(Endpoint::from(from).canonical()).encode(&mut header) else { return };
            for data in Message::datagrams(stride, datagrams) {
                batch.push(&inside.socket, client, &header[..len], data);
            }
        });
        self.down += batch.finish(&self.inside.socket);
    }
}

fn relay_run<R: Resolve>(
    outside: &mut Outside<R>,
    batch: &mut Batch,
    queue: Option<&mut Reassembly<Vec<u8>>>,
    started: Instant,
    run: Run<'_>,
) {
    let header = run.header();
    match queue {
        None if header.fragment.is_standalone() => outside.send(batch, header.endpoint, run.data()),
        None => {}
        Some(queue) => {
            for data in run.data() {
                if let Outcome::Datagram(data) = queue.push(&header, data, started.elapsed()) {
                    outside.send(batch, header.endpoint, [data]);
                }
            }
        }
    }
}
