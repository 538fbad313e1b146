//! The life of a listener.

use std::io;
use std::net::SocketAddr;
use std::pin::pin;
use std::time::Duration;

use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};

/// The pause after a failure to accept, such as a lack of descriptors.
const PAUSE: Duration = Duration::from_millis(100);

/// Accepts connections, and handles each in a task of its own, until `stop`. Then it closes the listener, waits at most `grace`
/// for the tasks to end, and drops those that are left; a [`relay`](crate::relay::relay) that is dropped resets its connections,
/// so that truncated data does not look complete.
///
/// A failure to accept is handled too: to be logged, for example.
pub async fn serve<F>(
    listener: TcpListener,
    stop: impl Future<Output = ()>,
    grace: Duration,
    handle: impl Fn(io::Result<(TcpStream, SocketAddr)>) -> F,
) where
    F: Future<Output = ()> + Send + 'static,
{
    let mut tasks = JoinSet::new();
    let mut stop = pin!(stop);
    loop {
        tokio::select! {
            () = &mut stop => break,
            Some(_) = tasks.join_next() => {}
            accepted = listener.accept() => {
                let failed = accepted.is_err();
                tasks.spawn(handle(accepted));
                if failed {
                    sleep(PAUSE).await;
                }
            }
        }
    }
    drop(listener);
    let _ = timeout(grace, async { while tasks.join_next().await.is_some() {} }).await;
    tasks.shutdown().await;
}
