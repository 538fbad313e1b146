//! One connection, from its first byte to its log line.

use std::io::{self, ErrorKind};
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use tokio::net::TcpStream;
use tokio_socks5_sansio::limits::{Limit, Place};
use tokio_socks5_sansio::lookup::Lookups;
use tokio_socks5_sansio::outbound::{answer_bind, answer_connect, connect, is_own, respond};
use tokio_socks5_sansio::relay::{hang_up, relay};
use tokio_socks5_sansio::socks5_sansio::EndpointBuf;
use tokio_socks5_sansio::socks5_sansio::either::Asked;
use tokio_socks5_sansio::udp::{Relay, Relays};
use tokio_socks5_sansio::udp_in_tcp::{self, Dialect};
use tokio_socks5_sansio::{Anyone, Wire, accept_either};

use crate::args::Args;
use crate::destinations::Destinations;
use crate::log;

/// For a look-up, and for one address of a destination.
const ATTEMPT_TIMEOUT: Duration = Duration::from_secs(5);
/// For all addresses of a destination.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
const PEER_TIMEOUT: Duration = Duration::from_secs(60);

/// What all connections share.
pub struct Server {
    address: SocketAddr,
    args: Args,
    clients: Limit,
    /// Connections beyond the limit that still get a reply.
    refusals: Limit,
    relays: Relays<Destinations>,
}

/// What was opened for the client.
enum Ready {
    /// To the target, with what the client sent early.
    Tunnel((TcpStream, Vec<u8>)),
    Association(Box<Relay<Destinations>>),
    /// In the client's connection, with what the client sent early.
    AssociationInTcp(Box<udp_in_tcp::Relay<Destinations>>, Vec<u8>),
}

type Opened = (Place, TcpStream, Ready);

impl Server {
    pub fn new(args: Args, address: SocketAddr) -> Self {
        let destinations = Destinations { global_only: args.global_only };
        let lookups = Lookups::new(destinations, Limit::new(256, 64), ATTEMPT_TIMEOUT);
        let (clients, refusals) = (Limit::of_descriptors(2), Limit::new(32, 8));
        Self { address, relays: Relays::new(lookups, clients.clone(), args.reassemble), args, clients, refusals }
    }

    pub async fn handle(&self, stream: TcpStream, client: SocketAddr) {
        let mut subject = client.to_string();
        // boxed, so that they do not enlarge the future of an idle tunnel
        let outcome = match Box::pin(self.open(stream, client.ip(), &mut subject)).await {
            Ok((_place, client, Ready::Tunnel((target, early)))) => relay(client, target, early).await.to_string(),
            Ok((_place, client, Ready::Association(relay))) => Box::pin(relay.run(&client)).await.to_string(),
            Ok((_place, client, Ready::AssociationInTcp(relay, early))) => {
                Box::pin(relay.run(&client, &early)).await.to_string()
            }
            Err(error) => error.to_string(),
        };
        log::line(format_args!("{subject}: {outcome}"));
    }

    async fn open(&self, stream: TcpStream, client: IpAddr, subject: &mut String) -> io::Result<Opened> {
        let (place, is_within_limit) = match self.clients.take(client) {
            Some(place) => (place, true),
            None => (self.refusals.take(client).ok_or_else(too_many)?, false),
        };
        let mut wire = Wire::server(stream);
        match self.prepare(&mut wire, client, is_within_limit, subject).await {
            Ok(ready) => Ok((place, wire.into_stream(), ready)),
            Err(error) => {
                hang_up(wire.into_stream()).await;
                Err(error)
            }
        }
    }

    async fn prepare(
        &self,
        wire: &mut Wire<TcpStream>,
        client: IpAddr,
        is_within_limit: bool,
        subject: &mut String,
    ) -> io::Result<Ready> {
        let ((), destination, asked) = match &self.args.credentials {
            Some(credentials) => accept_either(wire, credentials, self.args.handshake_timeout).await?,
            None => accept_either(wire, &Anyone, self.args.handshake_timeout).await?,
        };
        let destination = EndpointBuf::from(destination);
        *subject += &format!(": {} {}", asked.command(), destination.as_endpoint().canonical());
        if is_within_limit {
            self.answer(wire, client, asked, &destination).await
        } else {
            refuse(wire, asked, too_many()).await
        }
    }

    async fn answer(
        &self,
        wire: &mut Wire<TcpStream>,
        client: IpAddr,
        asked: Asked,
        destination: &EndpointBuf,
    ) -> io::Result<Ready> {
        match Dialect::of(asked, destination.as_endpoint()) {
            Ok((dialect, permit)) => {
                let opened = self.relays.open_in_tcp(wire.stream(), dialect).map(Box::new);
                let relay = respond(wire, permit, opened, |relay| relay.local_addr()).await?;
                Ok(Ready::AssociationInTcp(relay, wire.unread().to_vec()))
            }
            Err(Asked::Connect(permit)) => {
                answer_connect(wire, permit, Box::pin(self.connect(client, destination))).await.map(Ready::Tunnel)
            }
            Err(Asked::Bind(permit)) => {
                let expected = self.relays.lookups().addresses(client, destination.as_endpoint());
                Box::pin(answer_bind(wire, permit, expected, PEER_TIMEOUT)).await.map(Ready::Tunnel)
            }
            Err(Asked::UdpAssociate(permit)) => {
                let opened = self.relays.open(wire.stream(), destination.as_endpoint()).map(Box::new);
                respond(wire, permit, opened, |relay| relay.local_addr()).await.map(Ready::Association)
            }
            Err(unknown @ Asked::Other(..)) => refuse(wire, unknown, ErrorKind::Unsupported.into()).await,
        }
    }

    async fn connect(&self, client: IpAddr, destination: &EndpointBuf) -> io::Result<TcpStream> {
        let addresses = self.relays.lookups().addresses(client, destination.as_endpoint()).await?;
        if addresses.iter().any(|address| is_own(*address, self.address)) {
            return Err(io::Error::new(ErrorKind::PermissionDenied, "the destination is this server"));
        }
        connect(&addresses, ATTEMPT_TIMEOUT, CONNECT_TIMEOUT).await
    }
}

async fn refuse(wire: &mut Wire<TcpStream>, asked: Asked, error: io::Error) -> io::Result<Ready> {
    wire.send(&asked.refuse(&error)).await?;
    Err(error)
}

fn too_many() -> io::Error {
    io::Error::new(ErrorKind::ResourceBusy, "too many connections")
}
