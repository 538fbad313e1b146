//! Where the client wants to go, and the way there.

use std::fmt;
use std::io::{self, ErrorKind};
use std::net::SocketAddr;
use std::time::Duration;

use socks5_sansio::{Address, Endpoint};
use tokio::net::{TcpStream, lookup_host};
use tokio::time::timeout;

const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// An [`Endpoint`] that outlives the buffer it was read from.
pub enum Destination {
    Address(SocketAddr),
    Name(String, u16),
    /// Octets that no resolver should see, escaped for the log.
    NoName(String),
}

impl From<Endpoint<'_>> for Destination {
    fn from(endpoint: Endpoint<'_>) -> Self {
        let Endpoint { address, port } = endpoint.canonical();
        match address {
            Address::Ipv4(ip) => Self::Address((ip, port).into()),
            Address::Ipv6(ip) => Self::Address((ip, port).into()),
            Address::Domain(domain) => match domain.hostname() {
                Some(name) => Self::Name(name.to_owned(), port),
                None => Self::NoName(endpoint.to_string()),
            },
        }
    }
}

impl Destination {
    /// Connects to the first of its addresses that answers. The error is that of the last.
    pub async fn connect(&self) -> io::Result<TcpStream> {
        let mut outcome = Err(io::Error::new(ErrorKind::HostUnreachable, "the name has no address"));
        for address in self.addresses().await? {
            outcome =
                timeout(CONNECT_TIMEOUT, TcpStream::connect(address)).await.unwrap_or_else(|late| Err(late.into()));
            if outcome.is_ok() {
                break;
            }
        }
        outcome
    }

    async fn addresses(&self) -> io::Result<Vec<SocketAddr>> {
        match self {
            Self::Address(address) => Ok(vec![*address]),
            Self::Name(name, port) => match lookup_host((name.as_str(), *port)).await {
                Ok(addresses) => Ok(addresses.collect()),
                Err(error) => Err(io::Error::new(ErrorKind::HostUnreachable, error)),
            },
            Self::NoName(_) => Err(io::Error::new(ErrorKind::HostUnreachable, "not a host name")),
        }
    }
}

impl fmt::Display for Destination {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Address(address) => address.fmt(f),
            Self::Name(name, port) => write!(f, "{name}:{port}"),
            Self::NoName(escaped) => f.write_str(escaped),
        }
    }
}
