//! Look-ups of host names, with a bound on how many are under way.

use std::io::{self, ErrorKind};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use socks5_sansio::udp_in_tcp::UotVersion;
use socks5_sansio::{Endpoint, Target};
use tokio::net::lookup_host;
use tokio::time::timeout;

use crate::limits::Limit;

/// Resolves host names, and decides which addresses clients may reach. Implemented by [`System`], or by the caller's own type.
pub trait Resolve: Send + Sync + 'static {
    /// The addresses of a host, each with the port.
    fn resolve(&self, host: &str, port: u16) -> impl Future<Output = io::Result<Vec<SocketAddr>>> + Send;

    /// Whether clients may reach this address. By default, they may reach all.
    ///
    /// [`Lookups::addresses`] calls it for each address that it finds, whether the client sent a name or an address, and the relays
    /// of datagrams for each destination. A connection that is made without [`Lookups`] is not checked.
    fn allows(&self, _destination: SocketAddr) -> bool {
        true
    }
}

/// The system's resolver: `getaddrinfo`, in tokio's pool of threads.
#[derive(Clone, Copy, Debug)]
pub struct System;

impl Resolve for System {
    async fn resolve(&self, host: &str, port: u16) -> io::Result<Vec<SocketAddr>> {
        lookup_host((host, port)).await.map(Vec::from_iter)
    }
}

/// RFC 6761 section 6.3: these names are loopback addresses, and no name server is asked.
fn is_localhost(host: &str) -> bool {
    let host = host.strip_suffix('.').unwrap_or(host).to_ascii_lowercase();
    host == "localhost" || host.ends_with(".localhost")
}

fn localhost(port: u16) -> Vec<SocketAddr> {
    vec![(Ipv4Addr::LOCALHOST, port).into(), (Ipv6Addr::LOCALHOST, port).into()]
}

/// A resolver with limits.
///
/// A look-up that takes too long is given up, but holds its place until it has really ended: a timeout does not end
/// `getaddrinfo`, which keeps its thread. So while a name server does not answer, all places can be taken, and then every request
/// by name fails. Requests by address never wait for a look-up.
#[derive(Debug)]
pub struct Lookups<R> {
    resolver: Arc<R>,
    limit: Limit,
    timeout: Duration,
}

impl<R> Clone for Lookups<R> {
    fn clone(&self) -> Self {
        Self { resolver: Arc::clone(&self.resolver), limit: self.limit.clone(), timeout: self.timeout }
    }
}

impl<R: Resolve> Lookups<R> {
    /// Look-ups by this resolver: at most as many at a time as the limit has places, each awaited for at most `timeout`.
    pub fn new(resolver: R, limit: Limit, timeout: Duration) -> Self {
        Self { resolver: Arc::new(resolver), limit, timeout }
    }

    /// The addresses of an endpoint, on behalf of a client. An address, an address literal sent as a name, and `localhost` (RFC
    /// 6761 section 6.3) need no look-up. The names that request [UDP over TCP](UotVersion) have no address, and are not looked up.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::HostUnreachable`] for a name that has no address or was not found in time, [`ErrorKind::ResourceBusy`] beyond
    /// the limit, [`ErrorKind::PermissionDenied`] if the resolver [allows](Resolve::allows) none of the addresses.
    pub async fn addresses(&self, client: IpAddr, endpoint: Endpoint<'_>) -> io::Result<Vec<SocketAddr>> {
        let mut addresses = self.all_addresses(client, endpoint).await?;
        addresses.retain(|address| self.allows(*address));
        if addresses.is_empty() {
            return Err(io::Error::new(ErrorKind::PermissionDenied, "the destination is not allowed"));
        }
        Ok(addresses)
    }

    pub(crate) fn allows(&self, destination: SocketAddr) -> bool {
        self.resolver.allows(destination)
    }

    async fn all_addresses(&self, client: IpAddr, endpoint: Endpoint<'_>) -> io::Result<Vec<SocketAddr>> {
        match endpoint.target() {
            Some(Target::Addr(addr)) => Ok(vec![addr]),
            Some(Target::Host(host, port)) if is_localhost(host) => Ok(localhost(port)),
            Some(Target::Host(host, port)) if is_name(host) && UotVersion::of(endpoint).is_none() => {
                self.resolve(client, host, port).await
            }
            _ => Err(host_unreachable("not a host name")),
        }
    }

    async fn resolve(&self, client: IpAddr, host: &str, port: u16) -> io::Result<Vec<SocketAddr>> {
        let place = self.limit.take(client).ok_or(ErrorKind::ResourceBusy)?;
        let (resolver, host) = (Arc::clone(&self.resolver), host.to_owned());
        let lookup = tokio::spawn(async move {
            let found = resolver.resolve(&host, port).await;
            drop(place);
            found
        });
        let found = timeout(self.timeout, lookup).await.map_err(|_| host_unreachable("the look-up timed out"))??;
        match found {
            Ok(found) if found.is_empty() => Err(host_unreachable("the name has no address")),
            Ok(found) => Ok(found),
            Err(error) => Err(host_unreachable(&error.to_string())),
        }
    }
}

/// Whether a host may be passed to a resolver: a zone ID, or text with the punctuation of an IPv6 address, may not.
fn is_name(host: &str) -> bool {
    !host.contains(['%', ':', '[', ']'])
}

fn host_unreachable(why: &str) -> io::Error {
    io::Error::new(ErrorKind::HostUnreachable, why)
}
