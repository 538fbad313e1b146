//! Octets to and fro, and how a connection ends.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use socks5_sansio::association::bound_address;
use tokio::io::{AsyncWriteExt, copy, copy_bidirectional, sink};
use tokio::net::TcpStream;
use tokio::time::timeout;

const HANG_UP_TIMEOUT: Duration = Duration::from_secs(2);

/// Until both sides have ended. What the client sent early goes first. Returns the number of octets to the target and back.
///
/// If one side breaks off, so does the other: an orderly end would pass for all there was.
pub async fn relay(mut stream: TcpStream, mut target: TcpStream, early: &[u8]) -> io::Result<(u64, u64)> {
    match carry(&mut stream, &mut target, early).await {
        Ok((up, down)) => Ok((up + early.len() as u64, down)),
        Err(error) => {
            stream.set_zero_linger()?;
            target.set_zero_linger()?;
            Err(error)
        }
    }
}

async fn carry(stream: &mut TcpStream, target: &mut TcpStream, early: &[u8]) -> io::Result<(u64, u64)> {
    target.set_nodelay(true)?;
    target.write_all(early).await?;
    copy_bidirectional(stream, target).await
}

/// Closes so that the last reply arrives: a socket that is closed with octets unread resets the connection, and the
/// client may never see what was sent before.
pub async fn hang_up(mut stream: TcpStream) {
    let drained = async {
        stream.shutdown().await?;
        copy(&mut stream, &mut sink()).await
    };
    let _ = timeout(HANG_UP_TIMEOUT, drained).await;
}

/// Where the client reached the server: to listen there on a port of the system's choice.
pub fn reached_at(stream: &TcpStream) -> io::Result<SocketAddr> {
    let mut local = stream.local_addr()?;
    local.set_port(0);
    Ok(bound_address(local, local))
}
