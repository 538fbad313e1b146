//! Connections to destinations, on behalf of a client that may leave while it waits.

use std::future::pending;
use std::io::{self, ErrorKind};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket};
use std::pin::pin;
use std::time::Duration;

use socks5_sansio::Endpoint;
use socks5_sansio::association::bound_address;
use socks5_sansio::either::{Listen, Respond};
use tokio::io::{AsyncRead, AsyncWrite, Interest};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::timeout;

use crate::Wire;

/// The most that a client may send before it has its reply.
const EARLY_MAX: usize = 64 * 1024;

/// Tries the addresses in order, and returns the first connection. `each` limits one attempt, and `all` all attempts together.
///
/// # Errors
///
/// The error of the last attempt, [`ErrorKind::TimedOut`] after `all`, or [`ErrorKind::HostUnreachable`] if there are no addresses.
pub async fn connect(addresses: &[SocketAddr], each: Duration, all: Duration) -> io::Result<TcpStream> {
    timeout(all, connect_to_any(addresses, each)).await.unwrap_or_else(|late| Err(late.into()))
}

async fn connect_to_any(addresses: &[SocketAddr], each: Duration) -> io::Result<TcpStream> {
    let mut outcome = Err(ErrorKind::HostUnreachable.into());
    for address in addresses {
        outcome = timeout(each, TcpStream::connect(address)).await.unwrap_or_else(|late| Err(late.into()));
        if outcome.is_ok() {
            break;
        }
    }
    outcome
}

/// Waits for `work` unless the client leaves first: by a reset, or by an end of stream with nothing sent after the request. What
/// the client sends meanwhile is appended to `early`, up to 64 KiB. An end of stream after early data is only a half-close, and the
/// wait continues.
///
/// # Errors
///
/// [`ErrorKind::ConnectionAborted`] if the client has left, and those of `work`.
pub async fn unless_left<T>(
    client: &TcpStream,
    early: &mut Vec<u8>,
    work: impl Future<Output = io::Result<T>>,
) -> io::Result<T> {
    tokio::select! {
        outcome = work => outcome,
        error = client_left(client, early) => Err(error),
    }
}

/// Returns when the client has left.
async fn client_left(client: &TcpStream, early: &mut Vec<u8>) -> io::Error {
    match receive_early(client, early).await {
        Ok(()) => {}
        Err(error) => return error,
    }
    match client.ready(Interest::ERROR).await {
        Ok(_) => ErrorKind::ConnectionAborted.into(),
        Err(_) => pending().await,
    }
}

/// Reads early data until the client half-closes or `EARLY_MAX` is reached. An error means that the client has left.
async fn receive_early(client: &TcpStream, early: &mut Vec<u8>) -> io::Result<()> {
    while early.len() < EARLY_MAX {
        client.readable().await?;
        match read_early(client, early) {
            Ok(0) if early.is_empty() => return Err(ErrorKind::ConnectionAborted.into()),
            Ok(0) => break,
            Ok(_) => {}
            Err(error) if error.kind() == ErrorKind::WouldBlock => {}
            Err(_) => return Err(ErrorKind::ConnectionAborted.into()),
        }
    }
    Ok(())
}

fn read_early(client: &TcpStream, early: &mut Vec<u8>) -> io::Result<usize> {
    let mut buffer = [0; 1024]; // not in the future, which it would enlarge
    let room = buffer.len().min(EARLY_MAX - early.len());
    let len = client.try_read(&mut buffer[..room])?;
    early.extend_from_slice(&buffer[..len]);
    Ok(len)
}

/// Answers CONNECT: waits for the connection, unless the client leaves, and sends the reply. Returns the connection, and what the
/// client sent early, for [`relay`](crate::relay::relay).
///
/// # Errors
///
/// The error of `connecting`, or [`ErrorKind::ConnectionAborted`] if the client has left; in both cases the refusal has been sent.
/// Errors of the client's stream, too.
pub async fn answer_connect(
    wire: &mut Wire<TcpStream>,
    permit: impl Into<Respond>,
    connecting: impl Future<Output = io::Result<TcpStream>>,
) -> io::Result<(TcpStream, Vec<u8>)> {
    let mut early = wire.unread().to_vec();
    let connected = unless_left(wire.stream(), &mut early, pin!(connecting)).await;
    let target = respond(wire, permit, connected, TcpStream::local_addr).await?;
    Ok((target, early))
}

/// Answers BIND: listens for the expected peers, as [`Binding::listen`] does, sends the first reply, waits at most `patience` for
/// the connection, unless the client leaves, and sends the second reply. Returns the connection, and what the client sent early.
///
/// # Errors
///
/// For each of these the refusal has been sent:
///
/// - the errors of `expected` and [`Binding::listen`];
/// - [`ErrorKind::TimedOut`] after `patience`;
/// - [`ErrorKind::AddrNotAvailable`] if a client of SOCKS4 would need an IPv6 address;
/// - [`ErrorKind::ConnectionAborted`] if the client has left.
///
/// Errors of the client's stream, too.
pub async fn answer_bind(
    wire: &mut Wire<TcpStream>,
    permit: impl Into<Listen>,
    expected: impl Future<Output = io::Result<Vec<SocketAddr>>>,
    patience: Duration,
) -> io::Result<(TcpStream, Vec<u8>)> {
    let mut early = wire.unread().to_vec();
    let control = wire.stream().local_addr()?;
    let listening = async { Binding::listen(expected.await?.iter().map(SocketAddr::ip).collect(), control).await };
    let binding = match unless_left(wire.stream(), &mut early, pin!(listening)).await {
        Ok(binding) => binding,
        Err(error) => {
            wire.send(&permit.into().refuse(&error)).await?;
            return Err(error);
        }
    };
    let (first, permit) = match permit.into().listening(binding.local_addr()?.into()) {
        Ok(listening) => listening,
        Err(permit) => {
            let error = ErrorKind::AddrNotAvailable.into(); // a SOCKS4 reply cannot carry an IPv6 address
            wire.send(&permit.refuse(&error)).await?;
            return Err(error);
        }
    };
    wire.send(&first).await?;
    let accepting = async { timeout(patience, binding.accept()).await? };
    let accepted = unless_left(wire.stream(), &mut early, pin!(accepting)).await;
    let (peer, _) = respond(wire, permit, accepted, |(_, from)| Ok(*from)).await?;
    Ok((peer, early))
}

/// Sends the last reply: a success with the address that `bound` returns, or the refusal for the error of `outcome` or `bound`.
///
/// # Errors
///
/// The error of `outcome` or `bound`, and those of the stream.
pub async fn respond<S: AsyncRead + AsyncWrite + Unpin, T>(
    wire: &mut Wire<S>,
    permit: impl Into<Respond>,
    outcome: io::Result<T>,
    bound: impl FnOnce(&T) -> io::Result<SocketAddr>,
) -> io::Result<T> {
    let outcome = outcome.and_then(|value| Ok((bound(&value)?, value)));
    let permit = permit.into();
    let reply = match &outcome {
        Ok((bound, _)) => permit.succeed(Endpoint::from(*bound).canonical()),
        Err(error) => permit.refuse(error),
    };
    wire.send(&reply).await?;
    outcome.map(|(_, value)| value)
}

/// A listener for the connection that BIND asked for (RFC 1928 section 6).
#[derive(Debug)]
pub struct Binding {
    listener: TcpListener,
    expected: Vec<IpAddr>,
}

impl Binding {
    /// Listens at the local address from which the first of the expected peers is reached, on a port of the system's choice. If
    /// the first is 0.0.0.0 or `::`, which stands for every peer, listens at the address by which the client reached the server:
    /// `control_local` is the server's end of the client's connection.
    ///
    /// # Errors
    ///
    /// Those of the system, if the peer is unreachable or a socket cannot be opened.
    pub async fn listen(expected: Vec<IpAddr>, control_local: SocketAddr) -> io::Result<Self> {
        let address = match expected.first() {
            Some(peer) if !peer.is_unspecified() => (facing(*peer)?, 0).into(),
            _ => any_port(control_local),
        };
        Ok(Self { listener: TcpListener::bind(address).await?, expected })
    }

    /// The address at which it listens: the bound address of the first reply.
    ///
    /// # Errors
    ///
    /// As [`TcpListener::local_addr`].
    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        self.listener.local_addr()
    }

    /// Accepts the first connection from an expected peer, and closes all others. Returns its address too: the bound address of
    /// the second reply.
    ///
    /// # Errors
    ///
    /// As [`TcpListener::accept`].
    pub async fn accept(&self) -> io::Result<(TcpStream, SocketAddr)> {
        loop {
            let (stream, from) = self.listener.accept().await?;
            let from = bound_address(from, from);
            if self.expected.iter().any(|ip| ip.is_unspecified() || ip.to_canonical() == from.ip()) {
                return Ok((stream, from));
            }
        }
    }
}

/// The same address, with its scope id, and a port of the system's choice.
pub(crate) fn any_port(local: SocketAddr) -> SocketAddr {
    let mut address = bound_address(local, local);
    address.set_port(0);
    address
}

/// Whether a connection to an address would reach the listener at `listening`, in whatever form the address is written.
#[must_use]
pub fn is_own(address: SocketAddr, listening: SocketAddr) -> bool {
    let (ip, own) = (address.ip().to_canonical(), listening.ip().to_canonical());
    address.port() == listening.port() && (ip == own || ip.is_unspecified() || own.is_unspecified() && is_local(ip))
}

/// Whether an address belongs to this host: packets to it then have it as their source, too.
pub(crate) fn is_local(ip: IpAddr) -> bool {
    let ip = ip.to_canonical();
    ip.is_unspecified() || ip.is_loopback() || facing(ip).is_ok_and(|local| local == ip)
}

/// The source address of packets to a peer. Connecting a UDP socket finds it, and sends nothing.
pub(crate) fn facing(peer: IpAddr) -> io::Result<IpAddr> {
    let any: IpAddr = match peer {
        IpAddr::V4(_) => Ipv4Addr::UNSPECIFIED.into(),
        IpAddr::V6(_) => Ipv6Addr::UNSPECIFIED.into(),
    };
    let socket = UdpSocket::bind((any, 0))?;
    socket.connect((peer, 9))?;
    Ok(socket.local_addr()?.ip())
}
