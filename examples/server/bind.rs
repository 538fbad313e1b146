//! BIND: a connection from the destination to the client (RFC 1928 sections 4 and 6).

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use socks5_sansio::server::Listen;
use socks5_sansio::{Endpoint, Reply, ReplyCode};
use tokio::io::AsyncWriteExt;
use tokio::net::{TcpListener, TcpStream};

use crate::connect::{Destination, within};
use crate::relay::reached_at;

const PEER_TIMEOUT: Duration = Duration::from_secs(60);

/// Listens where the client reached the server, says so, and says who has connected.
pub async fn bind(stream: &mut TcpStream, permit: Listen, destination: &Destination) -> io::Result<TcpStream> {
    let local = reached_at(stream)?;
    let (expected, listener) = match prepare(local, destination).await {
        Ok(prepared) => prepared,
        Err(error) => return stream.write_all(&permit.refuse(ReplyCode::from(&error))).await.and(Err(error)),
    };
    let (first, permit) = permit.listening(listener.local_addr()?.into());
    stream.write_all(&first).await?;

    let accepted = within(PEER_TIMEOUT, accept(&listener, &expected)).await;
    let second = match &accepted {
        Ok(peer) => Reply::succeeded(Endpoint::from(peer.peer_addr()?).canonical()),
        Err(error) => Reply::failed(ReplyCode::from(error)),
    };
    stream.write_all(&permit.reply(&second)).await?;
    accepted
}

async fn prepare(local: SocketAddr, destination: &Destination) -> io::Result<(Vec<IpAddr>, TcpListener)> {
    let expected = destination.addresses().await?.iter().map(|address| address.ip()).collect();
    Ok((expected, TcpListener::bind(local).await?))
}

/// The first connection from an expected address; from anywhere, if 0.0.0.0 is expected.
async fn accept(listener: &TcpListener, expected: &[IpAddr]) -> io::Result<TcpStream> {
    loop {
        let (peer, from) = listener.accept().await?;
        let from = from.ip().to_canonical();
        if expected.iter().any(|ip| ip.is_unspecified() || ip.to_canonical() == from) {
            return Ok(peer);
        }
    }
}
