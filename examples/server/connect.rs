//! CONNECT and BIND: a connection to the destination, or from there, and the replies about it (RFC 1928 section 6).

use std::io::{self, ErrorKind};
use std::net::{IpAddr, SocketAddr};
use std::time::{Duration, Instant};

use socks5_sansio::association::bound_address;
use socks5_sansio::server::{Listen, Respond};
use socks5_sansio::{Address, Endpoint, EndpointBuf, Reply, ReplyCode};
use tokio::io::AsyncWriteExt;
use tokio::net::{TcpListener, TcpStream, lookup_host};
use tokio::time::timeout;

const LOOKUP_TIMEOUT: Duration = Duration::from_secs(5);
/// For one address. None is tried after that of all of them.
const ATTEMPT_TIMEOUT: Duration = Duration::from_secs(5);
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
const PEER_TIMEOUT: Duration = Duration::from_secs(60);

/// Connects, and says from where, or why not.
pub async fn connect(stream: &mut TcpStream, permit: Respond, destination: &EndpointBuf) -> io::Result<TcpStream> {
    answer(stream, permit, reach(destination).await, TcpStream::local_addr).await
}

/// Listens where the client reached the server, says so, and says who has connected.
pub async fn bind(stream: &mut TcpStream, permit: Listen, destination: &EndpointBuf) -> io::Result<TcpStream> {
    let (listener, expected) = match listen(stream, destination).await {
        Ok(listening) => listening,
        Err(error) => return stream.write_all(&permit.refuse(ReplyCode::from(&error))).await.and(Err(error)),
    };
    let (first, permit) = permit.listening(listener.local_addr()?.into());
    stream.write_all(&first).await?;
    let accepted = within(PEER_TIMEOUT, accept(&listener, &expected)).await;
    answer(stream, permit, accepted, TcpStream::peer_addr).await
}

async fn listen(stream: &TcpStream, destination: &EndpointBuf) -> io::Result<(TcpListener, Vec<IpAddr>)> {
    let expected = addresses(destination).await?.iter().map(SocketAddr::ip).collect();
    Ok((TcpListener::bind(reached_at(stream)?).await?, expected))
}

/// The first connection from an expected address; from anywhere, if 0.0.0.0 is expected.
async fn accept(listener: &TcpListener, expected: &[IpAddr]) -> io::Result<TcpStream> {
    loop {
        let (peer, from) = listener.accept().await?;
        if expected.iter().any(|ip| ip.is_unspecified() || ip.to_canonical() == from.ip().to_canonical()) {
            return Ok(peer);
        }
    }
}

/// Where the client reached the server: to listen there on a port of the system's choice.
pub fn reached_at(stream: &TcpStream) -> io::Result<SocketAddr> {
    let local = stream.local_addr()?;
    Ok(bound_address(SocketAddr::new(local.ip(), 0), local))
}

/// The reply, with an address of what there is now, or why there is nothing.
pub async fn answer<T>(
    stream: &mut TcpStream,
    permit: Respond,
    outcome: io::Result<T>,
    bound: impl Fn(&T) -> io::Result<SocketAddr>,
) -> io::Result<T> {
    let reply = match &outcome {
        Ok(socket) => Reply::succeeded(Endpoint::from(bound(socket)?).canonical()),
        Err(error) => Reply::failed(ReplyCode::from(error)),
    };
    stream.write_all(&permit.reply(&reply)).await.and(outcome)
}

/// Tries the addresses of the destination in turn until one answers. The error is that of the last.
async fn reach(destination: &EndpointBuf) -> io::Result<TcpStream> {
    let started = Instant::now();
    let mut outcome = Err(ErrorKind::HostUnreachable.into());
    for address in addresses(destination).await? {
        outcome = within(ATTEMPT_TIMEOUT, TcpStream::connect(address)).await;
        if outcome.is_ok() || started.elapsed() > CONNECT_TIMEOUT {
            break;
        }
    }
    outcome
}

/// Without a resolver if it is an address already. No resolver sees zone ids and octets that are not printable.
pub async fn addresses(endpoint: &EndpointBuf) -> io::Result<Vec<SocketAddr>> {
    let endpoint = endpoint.as_endpoint().canonical();
    let Address::Domain(domain) = endpoint.address else { return Ok(Vec::from_iter(endpoint.to_socket_addr())) };
    let unreachable = |why: String| io::Error::new(ErrorKind::HostUnreachable, why);
    let name = domain.hostname().filter(|name| !name.contains(['%', ':', '[', ']']));
    let name = name.ok_or_else(|| unreachable("not a host name".into()))?;
    let found = within(LOOKUP_TIMEOUT, lookup_host((name, endpoint.port))).await;
    found.map(Vec::from_iter).map_err(|error| unreachable(error.to_string()))
}

pub async fn within<T>(limit: Duration, attempt: impl Future<Output = io::Result<T>>) -> io::Result<T> {
    timeout(limit, attempt).await.unwrap_or_else(|late| Err(late.into()))
}
