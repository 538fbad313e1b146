//! The outside of a relay: the look-ups of destinations, and the datagrams that wait for them.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::Duration;

use socks5_sansio::{Endpoint, EndpointBuf, Target};
use tokio::task::JoinSet;
use tokio::time::Instant;

use super::Relays;
use super::ports::OwnSocket;
use crate::batch::Batch;
use crate::lookup::{Lookups, Resolve};

/// The most names that an association remembers.
const MAX_NAMES: usize = 64;
/// The most look-ups of one association at a time.
const MAX_LOOKUPS: usize = 8;
/// The most bytes that wait for one name.
const MAX_WAITING: usize = 64 * 1024;
/// The time after which a name is looked up again.
const NAME_AGE: Duration = Duration::from_secs(60);

/// The socket for destinations, and the datagrams that wait for their addresses.
#[derive(Debug)]
pub(crate) struct Outside<R> {
    pub(crate) own: OwnSocket,
    /// Whether the socket reaches both families. On a system without IPv6, it reaches only IPv4.
    dual_stack: bool,
    client: IpAddr,
    lookups: Lookups<R>,
    pub(crate) pending: JoinSet<(EndpointBuf, Option<SocketAddr>)>,
    /// The most recently used first.
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
    pub(super) fn open(relays: &Relays<R>, client: IpAddr) -> io::Result<Self> {
        let (own, dual_stack) = match relays.ports.open((Ipv6Addr::UNSPECIFIED, 0).into()) {
            Ok(own) => (own, true),
            Err(_) => (relays.ports.open((Ipv4Addr::UNSPECIFIED, 0).into())?, false),
        };
        Ok(Self {
            own,
            dual_stack,
            client,
            lookups: relays.lookups.clone(),
            pending: JoinSet::new(),
            names: Vec::new(),
            sent: 0,
        })
    }

    /// Waits until a new socket is known to be writable; until then, datagrams would be dropped.
    pub(crate) async fn ready(&self) {
        let _ = self.own.socket.socket.writable().await;
    }

    /// Sends the data of datagrams to one endpoint. Call [`finish`](Self::finish) afterwards.
    pub(crate) fn send<'d>(
        &mut self,
        batch: &mut Batch,
        endpoint: Endpoint<'_>,
        datagrams: impl IntoIterator<Item = &'d [u8]>,
    ) {
        match endpoint.target() {
            Some(Target::Addr(target)) => self.send_to(batch, target, datagrams),
            Some(Target::Host(..)) => self.send_to_name(batch, endpoint, datagrams),
            None => {}
        }
    }

    /// Sends what is left in the batch.
    pub(crate) fn finish(&mut self, batch: &mut Batch) {
        self.sent += batch.finish(&self.own.socket);
    }

    /// One look-up for each name. Its datagrams wait in order.
    fn send_to_name<'d>(
        &mut self,
        batch: &mut Batch,
        endpoint: Endpoint<'_>,
        datagrams: impl IntoIterator<Item = &'d [u8]>,
    ) {
        self.names.retain(|(_, name)| !matches!(name, Name::Known(_, since) if since.elapsed() > NAME_AGE));
        match self.names.iter().position(|(name, _)| name.as_endpoint() == endpoint) {
            Some(index) => self.names[..=index].rotate_right(1),
            None if self.pending.len() >= MAX_LOOKUPS => return,
            None => self.look_up(endpoint.into()),
        }
        match self.names.first_mut() {
            Some((_, Name::Known(target, _))) => {
                let target = *target;
                self.send_to(batch, target, datagrams);
            }
            Some((_, Name::Pending(waiting))) => datagrams.into_iter().for_each(|data| enqueue(waiting, data)),
            None => {}
        }
    }

    fn look_up(&mut self, name: EndpointBuf) {
        self.names.truncate(MAX_NAMES - 1);
        self.names.insert(0, (name.clone(), Name::Pending(Vec::new())));
        let (lookups, client, dual_stack) = (self.lookups.clone(), self.client, self.dual_stack);
        self.pending.spawn(async move {
            let found = lookups.addresses(client, name.as_endpoint()).await.unwrap_or_default();
            let address = found.into_iter().find(|address| dual_stack || address.is_ipv4());
            (name, address)
        });
    }

    /// Sends the datagrams that wait for a name. Forgets the name if it has no address, so that it can be looked up again.
    pub(crate) fn found(&mut self, batch: &mut Batch, name: &EndpointBuf, address: Option<SocketAddr>) {
        let Some(index) = self.names.iter().position(|(known, _)| known == name) else { return };
        let Some(target) = address else {
            self.names.remove(index);
            return;
        };
        let known = Name::Known(target, Instant::now());
        if let Name::Pending(waiting) = std::mem::replace(&mut self.names[index].1, known) {
            self.send_to(batch, target, waiting.iter().map(Vec::as_slice));
            self.finish(batch);
        }
    }

    fn send_to<'d>(&self, batch: &mut Batch, target: SocketAddr, datagrams: impl IntoIterator<Item = &'d [u8]>) {
        if self.own.is_of_a_relay(target) || !self.lookups.allows(target) {
            return;
        }
        let target = match target.ip() {
            IpAddr::V4(ip) if self.dual_stack => (ip.to_ipv6_mapped(), target.port()).into(),
            _ => target,
        };
        datagrams.into_iter().for_each(|data| batch.push(&self.own.socket, target, &[], data));
    }
}

/// Appends a datagram, or drops it if too many bytes wait already.
fn enqueue(waiting: &mut Vec<Vec<u8>>, data: &[u8]) {
    if waiting.iter().map(Vec::len).sum::<usize>() + data.len() <= MAX_WAITING {
        waiting.push(data.to_vec());
    }
}
