//! One connection, from its first byte to its log line.

use std::io::{self, ErrorKind};
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use libgssapi::credential::Cred;
use socks5_gssapi::accept::accept;
use socks5_gssapi::association::Association;
use socks5_gssapi::protection::Protection;
use socks5_gssapi::relay::relay;
use socks5_gssapi::stream::Stream;
use socks5_sansio::server::{Asked, Listen, ReceiveOffer};
use socks5_sansio::{Command, EndpointBuf, ProtectionLevel, ReplyCode};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_socks5_sansio::Wire;
use tokio_socks5_sansio::limits::Limit;
use tokio_socks5_sansio::lookup::{Lookups, System};
use tokio_socks5_sansio::outbound::{Binding, connect, is_own, respond};
use tokio_socks5_sansio::relay::{Relayed, hang_up};
use tokio_socks5_sansio::udp::{Relay, Relays};

use crate::log;

const LOOKUP_TIMEOUT: Duration = Duration::from_secs(5);
/// For one address of a destination.
const ATTEMPT_TIMEOUT: Duration = Duration::from_secs(5);
/// For all addresses of a destination.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
const PEER_TIMEOUT: Duration = Duration::from_secs(60);
/// Descriptors for each place. An association takes two places: it has 7 descriptors, with the sockets between the frames and the
/// relay.
const DESCRIPTORS: usize = 4;

/// What all connections share.
pub struct Server {
    address: SocketAddr,
    credential: Cred,
    levels: Vec<ProtectionLevel>,
    handshake_timeout: Duration,
    clients: Limit,
    lookups: Lookups<System>,
    relays: Relays<System>,
}

/// What was opened for the client.
enum Ready {
    Tunnel(TcpStream),
    Association(Box<Association<System>>),
    /// An association whose datagrams are not wrapped: level 0.
    Plain(Box<Relay<System>>),
}

impl Server {
    pub fn new(
        address: SocketAddr,
        credential: Cred,
        levels: Vec<ProtectionLevel>,
        handshake_timeout: Duration,
    ) -> Self {
        let lookups = Lookups::new(System, Limit::new(256, 64), LOOKUP_TIMEOUT);
        let clients = Limit::of_descriptors(DESCRIPTORS);
        let relays = Relays::new(lookups.clone(), clients.clone(), false);
        Self { address, credential, levels, handshake_timeout, clients, lookups, relays }
    }

    pub async fn handle(&self, stream: TcpStream, client: SocketAddr) {
        let mut subject = client.to_string();
        match self.serve(stream, client.ip(), &mut subject).await {
            Ok(relayed) => log::line(format_args!("{subject}: {relayed}")),
            Err(error) => log::line(format_args!("{subject}: {error}")),
        }
    }

    async fn serve(&self, tcp: TcpStream, client: IpAddr, subject: &mut String) -> io::Result<Relayed> {
        let place = self.clients.take(client);
        let _place = place.ok_or_else(|| io::Error::new(ErrorKind::ResourceBusy, "too many connections"))?;
        let mut stream = Stream::new(&tcp);
        match self.prepare(&mut stream, client, subject).await {
            Ok(Ready::Tunnel(target)) => Ok(relay(stream, target).await),
            Ok(Ready::Association(association)) => Ok(association.run(stream).await),
            Ok(Ready::Plain(relay)) => Ok(relay.run(&tcp).await),
            Err(error) => {
                hang_up(tcp).await;
                Err(error)
            }
        }
    }

    async fn prepare(&self, stream: &mut Stream<'_>, client: IpAddr, subject: &mut String) -> io::Result<Ready> {
        let handshake = timeout(self.handshake_timeout, self.handshake(stream, subject));
        let (protection, destination, asked) = handshake.await??;
        let command = asked.command();
        *subject += &format!(": {command} {}", destination.as_endpoint().canonical());
        if let (Command::CONNECT | Command::BIND, Err(error)) = (command, protection.check_stream()) {
            Wire::client(stream).send(&asked.refuse(&error)).await?;
            return Err(error);
        }
        match asked {
            Asked::Connect(permit) => {
                let connected = stream.unless_left(self.connect(client, &destination)).await;
                let target = respond(&mut Wire::client(stream), permit, connected, TcpStream::local_addr).await?;
                Ok(Ready::Tunnel(target))
            }
            Asked::Bind(permit) => self.bind(stream, permit, client, &destination).await.map(Ready::Tunnel),
            Asked::UdpAssociate(permit) if protection.wraps() => {
                let opened = Association::open(&self.relays, stream.socket(), &destination, protection).await;
                let association = respond(&mut Wire::client(stream), permit, opened, Association::local_addr).await?;
                Ok(Ready::Association(association.into()))
            }
            Asked::UdpAssociate(permit) => {
                let opened = self.relays.open(stream.socket(), destination.as_endpoint());
                let relay = respond(&mut Wire::client(stream), permit, opened, Relay::local_addr).await?;
                Ok(Ready::Plain(relay.into()))
            }
            other => {
                Wire::client(stream).send(&other.refuse(ReplyCode::COMMAND_NOT_SUPPORTED)).await?;
                Err(ErrorKind::Unsupported.into())
            }
        }
    }

    /// The handshake up to the request. The wires read exactly the bytes that are missing: between them the stream becomes
    /// protected.
    async fn handshake(
        &self,
        stream: &mut Stream<'_>,
        subject: &mut String,
    ) -> io::Result<(Protection, EndpointBuf, Asked)> {
        let mut wire = Wire::client(&mut *stream);
        let (_, permit) = wire.receive(ReceiveOffer::new()).await?;
        let (selection, state) = match permit.gssapi() {
            Ok(selected) => selected,
            Err(permit) => {
                wire.send(&permit.refuse()).await?;
                return Err(io::Error::new(ErrorKind::PermissionDenied, "no GSSAPI offered"));
            }
        };
        wire.send(&selection).await?;
        let accepted = accept(&mut wire, state, self.credential.clone(), &self.levels).await?;
        *subject += &format!(": {} at {}", accepted.principal, accepted.protection.level);
        stream.protect(accepted.protection.clone());

        let mut wire = Wire::client(stream);
        let (destination, asked) = wire.receive(accepted.state).await?;
        Ok((accepted.protection, destination.into(), asked))
    }

    async fn connect(&self, client: IpAddr, destination: &EndpointBuf) -> io::Result<TcpStream> {
        let addresses = self.lookups.addresses(client, destination.as_endpoint()).await?;
        if addresses.iter().any(|address| is_own(*address, self.address)) {
            return Err(io::Error::new(ErrorKind::PermissionDenied, "the destination is this server"));
        }
        connect(&addresses, ATTEMPT_TIMEOUT, CONNECT_TIMEOUT).await
    }

    async fn bind(
        &self,
        stream: &mut Stream<'_>,
        permit: Listen,
        client: IpAddr,
        destination: &EndpointBuf,
    ) -> io::Result<TcpStream> {
        let control = stream.socket().local_addr()?;
        let listening = async {
            let expected = self.lookups.addresses(client, destination.as_endpoint()).await?;
            Binding::listen(expected.iter().map(SocketAddr::ip).collect(), control).await
        };
        let binding = match stream.unless_left(listening).await {
            Ok(binding) => binding,
            Err(error) => return Wire::client(stream).send(&permit.refuse(&error)).await.and(Err(error)),
        };
        let (first, permit) = permit.listening(binding.local_addr()?.into());
        Wire::client(&mut *stream).send(&first).await?;
        let accepting = async { timeout(PEER_TIMEOUT, binding.accept()).await? };
        let accepted = stream.unless_left(accepting).await;
        let (peer, _) = respond(&mut Wire::client(stream), permit, accepted, |(_, from)| Ok(*from)).await?;
        Ok(peer)
    }
}
