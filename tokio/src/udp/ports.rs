//! The sockets of the relays.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use socket2::{Domain, Socket, Type};
use tokio::net::UdpSocket;

use crate::batch::BatchSocket;
use crate::outbound::is_local;
use crate::tally::{Held, Tally};

/// The ports of all sockets of all relays of a server.
#[derive(Clone, Debug, Default)]
pub(super) struct Ports(Arc<Tally<u16>>);

/// A socket whose port is registered until it is dropped.
#[derive(Debug)]
pub(crate) struct OwnSocket {
    pub(crate) socket: BatchSocket,
    ports: Ports,
    _port: Held<u16>,
}

impl Ports {
    pub(super) fn open(&self, address: SocketAddr) -> io::Result<OwnSocket> {
        let socket = bind(address)?;
        let (port, ..) = self.0.hold(socket.local_addr()?.port());
        Ok(OwnSocket { socket: BatchSocket::new(socket)?, ports: self.clone(), _port: port })
    }
}

impl OwnSocket {
    pub(crate) fn local_addr(&self) -> io::Result<SocketAddr> {
        self.socket.socket.local_addr()
    }

    /// Whether the address is that of a relay of this server. Such datagrams are dropped: two relays could otherwise form a loop.
    pub(super) fn is_of_a_relay(&self, address: SocketAddr) -> bool {
        self.ports.0.holds(&address.port()) && is_local(address.ip())
    }
}

fn bind(address: SocketAddr) -> io::Result<UdpSocket> {
    let socket = Socket::new(Domain::for_address(address), Type::DGRAM, None)?;
    if address.is_ipv6() {
        socket.set_only_v6(false)?;
    }
    socket.set_nonblocking(true)?;
    socket.bind(&address.into())?;
    UdpSocket::from_std(socket.into())
}
