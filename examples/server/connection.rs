//! One connection, from its first byte to its log line.

use std::io::{self, ErrorKind};
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use tokio::net::TcpStream;
use tokio_socks5_sansio::limits::Limit;
use tokio_socks5_sansio::lookup::{Lookups, System};
use tokio_socks5_sansio::outbound::{answer_bind, answer_connect, connect, is_local, respond};
use tokio_socks5_sansio::relay::{Relayed, hang_up, relay};
use tokio_socks5_sansio::socks5_sansio::server::Asked;
use tokio_socks5_sansio::socks5_sansio::{EndpointBuf, ReplyCode, UserPassBuf};
use tokio_socks5_sansio::udp::{Relay, Relays};
use tokio_socks5_sansio::{Anyone, Wire, accept};

use crate::args::Args;
use crate::log;

const LOOKUP_TIMEOUT: Duration = Duration::from_secs(5);
const LOOKUPS: usize = 256;
/// For one address of a destination, and for all.
const ATTEMPT_TIMEOUT: Duration = Duration::from_secs(5);
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
const PEER_TIMEOUT: Duration = Duration::from_secs(60);
/// The most that a tunnel, an association or a listener has.
const DESCRIPTORS: usize = 3;
/// Connections beyond the limit that still get a reply.
const REFUSALS: usize = 32;

/// What all connections share.
pub struct Server {
    address: SocketAddr,
    credentials: Option<UserPassBuf>,
    handshake_timeout: Duration,
    clients: Limit,
    refusals: Limit,
    lookups: Lookups<System>,
    relays: Relays<System>,
}

/// What the client asked for.
enum Ready {
    Tunnel(TcpStream, Vec<u8>),
    Association(Box<Relay<System>>),
}

impl Server {
    pub fn new(args: Args, address: SocketAddr) -> Self {
        let lookups = Lookups::new(System, Limit::new(LOOKUPS, LOOKUPS / 4), LOOKUP_TIMEOUT);
        Self {
            address,
            credentials: args.credentials,
            handshake_timeout: args.handshake_timeout,
            clients: Limit::of_descriptors(DESCRIPTORS),
            refusals: Limit::new(REFUSALS, REFUSALS / 4),
            relays: Relays::new(lookups.clone(), args.reassemble),
            lookups,
        }
    }

    pub async fn handle(&self, accepted: io::Result<(TcpStream, SocketAddr)>) {
        match accepted {
            Ok((stream, client)) => match self.serve(stream, client).await {
                Ok(summary) => log::line(format_args!("{client}: {summary}")),
                Err(error) => log::line(format_args!("{client}: {error}")),
            },
            Err(error) => log::line(format_args!("accept: {error}")),
        }
    }

    async fn serve(&self, stream: TcpStream, client: SocketAddr) -> io::Result<String> {
        let place = self.clients.take(client.ip());
        let _refusal = match place {
            Some(_) => None,
            None => Some(self.refusals.take(client.ip()).ok_or_else(too_many)?),
        };
        let (mut wire, mut subject) = (Wire::server(stream), String::new());
        // in boxes, so that an idle tunnel has no room for them
        let ready = Box::pin(self.prepare(&mut wire, client.ip(), place.is_some(), &mut subject)).await;
        match ready {
            Ok(Ready::Tunnel(target, early)) => {
                let Relayed { up, down, reset, .. } = relay(wire.into_parts().0, target, early).await;
                let reset = reset.map(|(side, error)| format!(", {side} reset: {error}")).unwrap_or_default();
                Ok(format!("{subject}{up} bytes up, {down} down{reset}"))
            }
            Ok(Ready::Association(relay)) => {
                let (up, down) = Box::pin(relay.run(wire.stream())).await;
                Ok(format!("{subject}{up} bytes up, {down} down"))
            }
            Err(error) => {
                Box::pin(hang_up(wire.into_parts().0)).await;
                Err(io::Error::new(error.kind(), format!("{subject}{error}")))
            }
        }
    }

    async fn prepare(
        &self,
        wire: &mut Wire<TcpStream>,
        client: IpAddr,
        has_place: bool,
        subject: &mut String,
    ) -> io::Result<Ready> {
        let (destination, asked) = self.accept(wire).await?;
        *subject = format!("{} {}: ", asked.command(), destination.as_endpoint().canonical());
        match asked {
            refused if !has_place => {
                wire.send(&refused.refuse(ReplyCode::GENERAL_FAILURE)).await?;
                Err(too_many())
            }
            Asked::Connect(permit) => {
                let (target, early) = answer_connect(wire, permit, self.connect(client, &destination)).await?;
                Ok(Ready::Tunnel(target, early))
            }
            Asked::Bind(permit) => {
                let expected = self.lookups.addresses(client, destination.as_endpoint());
                let (peer, early) = answer_bind(wire, permit, expected, PEER_TIMEOUT).await?;
                Ok(Ready::Tunnel(peer, early))
            }
            Asked::UdpAssociate(permit) => {
                let opened = self.relays.open(wire.stream(), destination.as_endpoint());
                Ok(Ready::Association(respond(wire, permit, opened, Relay::local_addr).await?.into()))
            }
            Asked::Other(..) => {
                wire.send(&asked.refuse(ReplyCode::COMMAND_NOT_SUPPORTED)).await?;
                Err(ErrorKind::Unsupported.into())
            }
        }
    }

    async fn accept(&self, wire: &mut Wire<TcpStream>) -> io::Result<(EndpointBuf, Asked)> {
        let ((), destination, asked) = match &self.credentials {
            Some(credentials) => accept(wire, credentials, self.handshake_timeout).await?,
            None => accept(wire, &Anyone, self.handshake_timeout).await?,
        };
        Ok((destination.into(), asked))
    }

    async fn connect(&self, client: IpAddr, destination: &EndpointBuf) -> io::Result<TcpStream> {
        let addresses = self.lookups.addresses(client, destination.as_endpoint()).await?;
        if addresses.iter().any(|address| self.is_own(*address)) {
            return Err(io::Error::new(ErrorKind::PermissionDenied, "the destination is this server"));
        }
        connect(&addresses, ATTEMPT_TIMEOUT, CONNECT_TIMEOUT).await
    }

    fn is_own(&self, address: SocketAddr) -> bool {
        let (ip, own) = (address.ip().to_canonical(), self.address.ip().to_canonical());
        address.port() == self.address.port()
            && (ip == own || ip.is_unspecified() || own.is_unspecified() && is_local(ip))
    }
}

fn too_many() -> io::Error {
    io::Error::new(ErrorKind::ResourceBusy, "too many connections")
}
