//! CONNECT: where the client wants to go, and the way there.

use std::fmt;
use std::io::{self, ErrorKind};
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use socks5_sansio::server::Respond;
use socks5_sansio::{Address, Endpoint, Reply, ReplyCode};
use tokio::io::AsyncWriteExt;
use tokio::net::{TcpStream, lookup_host};
use tokio::time::timeout;

const LOOKUP_TIMEOUT: Duration = Duration::from_secs(5);
/// For one address; and all of them together have so long.
const ATTEMPT_TIMEOUT: Duration = Duration::from_secs(5);
const CONNECT_TIMEOUT: Duration = Duration::from_secs(15);

/// Connects, and says from where, or why not.
pub async fn connect(stream: &mut TcpStream, permit: Respond, destination: &Destination) -> io::Result<TcpStream> {
    let connected = within(CONNECT_TIMEOUT, destination.connect()).await;
    let reply = match &connected {
        Ok(target) => Reply::succeeded(target.local_addr()?.into()),
        Err(error) => Reply::failed(ReplyCode::from(error)),
    };
    stream.write_all(&permit.reply(&reply)).await?;
    connected
}

/// An [`Endpoint`] that outlives the buffer it was read from.
pub struct Destination {
    host: Host,
    pub port: u16,
}

enum Host {
    Ip(IpAddr),
    Name(String),
    /// Octets that no resolver should see, zone ids among them. Escaped for the log.
    NoName(String),
}

impl From<Endpoint<'_>> for Destination {
    fn from(endpoint: Endpoint<'_>) -> Self {
        let Endpoint { address, port } = endpoint.canonical();
        let host = match address {
            Address::Ipv4(ip) => Host::Ip(ip.into()),
            Address::Ipv6(ip) => Host::Ip(ip.into()),
            Address::Domain(domain) => match domain.hostname() {
                Some(name) if !name.contains(['%', ':', '[', ']']) => Host::Name(name.to_owned()),
                _ => Host::NoName(domain.to_string()),
            },
        };
        Self { host, port }
    }
}

impl Destination {
    /// Tries its addresses in turn until one answers. The error is that of the last.
    async fn connect(&self) -> io::Result<TcpStream> {
        let mut outcome = Err(ErrorKind::HostUnreachable.into());
        for address in self.addresses().await? {
            outcome = within(ATTEMPT_TIMEOUT, TcpStream::connect(address)).await;
            if outcome.is_ok() {
                break;
            }
        }
        outcome
    }

    /// At least one, and without a resolver if it is an address already.
    pub async fn addresses(&self) -> io::Result<Vec<SocketAddr>> {
        match &self.host {
            Host::Ip(ip) => Ok(vec![SocketAddr::new(*ip, self.port)]),
            Host::Name(name) => resolve(name, self.port).await,
            Host::NoName(_) => Err(io::Error::new(ErrorKind::HostUnreachable, "not a host name")),
        }
    }
}

async fn resolve(name: &str, port: u16) -> io::Result<Vec<SocketAddr>> {
    match within(LOOKUP_TIMEOUT, lookup_host((name, port))).await {
        Ok(addresses) => Ok(addresses.collect()),
        Err(error) => Err(io::Error::new(ErrorKind::HostUnreachable, error)),
    }
}

pub async fn within<T>(limit: Duration, attempt: impl Future<Output = io::Result<T>>) -> io::Result<T> {
    timeout(limit, attempt).await.unwrap_or_else(|late| Err(late.into()))
}

impl fmt::Display for Destination {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.host {
            Host::Ip(ip) => SocketAddr::new(*ip, self.port).fmt(f),
            Host::Name(name) | Host::NoName(name) => write!(f, "{name}:{}", self.port),
        }
    }
}
