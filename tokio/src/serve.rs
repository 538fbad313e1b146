//! Listening, until the server is stopped.

use std::io;
use std::net::SocketAddr;
use std::pin::pin;
use std::time::Duration;

use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};

/// The pause after a failure to accept.
const PAUSE: Duration = Duration::from_millis(100);

/// The most connections that wait to be accepted.
const BACKLOG: u32 = 4096;

/// Listens at an address, even while connections of a previous server there are still closing. Accepted connections have
/// `TCP_NODELAY`.
///
/// # Errors
///
/// As [`TcpListener::bind`].
pub fn listen(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = if address.is_ipv4() { TcpSocket::new_v4() } else { TcpSocket::new_v6() }?;
    socket.set_reuseaddr(true)?;
    socket.set_nodelay(true)?; // connections inherit it
    socket.bind(address)?;
    socket.listen(BACKLOG)
}

/// Accepts connections, and handles each in its own task, until `stop` completes. Then closes the listener, waits at most `grace`
/// for the tasks to end, and drops those that are left. A [`relay`](crate::relay::relay) that is dropped resets its connections, so
/// that truncated data does not look complete.
///
/// A failure to accept, such as a lack of descriptors, is passed to `failed`, and accepting goes on after a pause.
pub async fn serve<F>(
    listener: TcpListener,
    stop: impl Future<Output = ()>,
    grace: Duration,
    handle: impl Fn(TcpStream, SocketAddr) -> F,
    failed: impl Fn(io::Error),
) where
    F: Future<Output = ()> + Send + 'static,
{
    let mut tasks = JoinSet::new();
    let mut stop = pin!(stop);
    loop {
        tokio::select! {
            () = &mut stop => break,
            Some(_) = tasks.join_next() => {}
            accepted = listener.accept() => match accepted {
                Ok((stream, client)) => _ = tasks.spawn(handle(stream, client)),
                Err(error) => {
                    failed(error);
                    sleep(PAUSE).await;
                }
            }
        }
    }
    drop(listener);
    let _ = timeout(grace, async { while tasks.join_next().await.is_some() {} }).await;
    tasks.shutdown().await;
}
