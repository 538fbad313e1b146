//! Relaying bytes between two streams, and closing them.

mod direction;
#[cfg_attr(not(all(feature = "splice", target_os = "linux")), path = "no_pipes.rs")]
mod pipes;
#[cfg(test)]
mod tests;
mod unsent;

use std::fmt;
use std::future::poll_fn;
use std::io::{self, ErrorKind};
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use socket2::{SockRef, TcpKeepalive};
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt, Interest, copy_bidirectional};
use tokio::net::TcpStream;
use tokio::time::timeout;

use self::direction::{Direction, Shared};
use self::pipes::Pool;

/// The time for the last bytes to arrive before a connection is reset or closed.
const LINGER: Duration = Duration::from_secs(2);
const KEEPALIVE: Duration = Duration::from_secs(60);
const KEEPALIVE_INTERVAL: Duration = Duration::from_secs(15);
/// Ends a connection whose peer does not acknowledge data, or keeps its receive window closed.
#[cfg(any(target_os = "android", target_os = "fuchsia", target_os = "linux"))]
const USER_TIMEOUT: Duration = Duration::from_secs(120);
/// The most that is copied at once.
const BUFFER_LEN: usize = 64 * 1024;
/// Smaller pipes would cost more than copying.
const PIPE_LEN: usize = 1024 * 1024;
/// At [`PIPE_LEN`] each, half of the pipe memory that Linux grants to an unprivileged user.
const MAX_PIPES: usize = 32;
#[cfg(unix)]
pub(crate) const PIPE_DESCRIPTORS: usize = MAX_PIPES * pipes::DESCRIPTORS;

static PIPES: Pool = Pool::new(MAX_PIPES, PIPE_LEN, BUFFER_LEN);

/// One of the two ends of a relay.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    /// The client's connection to the proxy.
    Client,
    /// The proxy's connection to the target.
    Target,
}

impl Side {
    fn other(self) -> Self {
        match self {
            Self::Client => Self::Target,
            Self::Target => Self::Client,
        }
    }
}

impl fmt::Display for Side {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Client => "client",
            Self::Target => "target",
        })
    }
}

/// What was relayed, and how it ended.
///
/// Displayed as `5 bytes up, 7 down, target reset: Connection reset by peer`.
#[derive(Debug)]
pub struct Relayed {
    /// The number of bytes from the client to the target.
    pub up: u64,
    /// The number of bytes from the target to the client.
    pub down: u64,
    /// The side that was reset, or failed otherwise. `None`: both sides ended in order.
    pub reset: Option<(Side, io::Error)>,
}

impl fmt::Display for Relayed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} bytes up, {} down", self.up, self.down)?;
        match &self.reset {
            Some((side, error)) => write!(f, ", {side} reset: {error}"),
            None => Ok(()),
        }
    }
}

/// Relays bytes both ways until both sides have ended, or one is reset. `early` is what the client sent before its reply, and is
/// sent to the target first.
///
/// A half-close is passed on. A reset of either side is noticed at once, also after a half-close. On Linux, a host that has
/// vanished or does not read is noticed within two minutes; elsewhere, keepalive notices a vanished host. What the failed side
/// sent before is still delivered. After at most two seconds the other side is reset too, because an orderly close would make
/// truncated data look complete.
///
/// If the future is dropped, both sides are reset.
///
/// An idle relay has no buffer; the relays of a thread share one. For a slow reader, each direction keeps at most 64 KiB in memory,
/// or a pipe.
///
/// On Linux, with the feature `splice` (default), the kernel moves up to 1 MiB at a time through a pipe, without a copy, once
/// a read has returned 64 KiB. The relays of a process share at most 32 pipes, with two descriptors each, and copy if
/// none is free or the system refuses one. Splicing to a connection that the peer has reset raises `SIGPIPE`, which programs in
/// Rust ignore unless they change that.
pub fn relay(client: TcpStream, target: TcpStream, early: Vec<u8>) -> impl Future<Output = Relayed> {
    relay_with(&PIPES, client, target, early)
}

/// An `async fn` would hold its arguments twice.
fn relay_with(
    pool: &'static Pool,
    client: TcpStream,
    target: TcpStream,
    early: Vec<u8>,
) -> impl Future<Output = Relayed> {
    let shared = Shared { client, target, pool, half_closed: AtomicBool::new(false) };
    async move {
        for stream in [&shared.client, &shared.target] {
            let _ = tune(stream); // a relay without keepalive is better than none
        }
        let (mut up, mut down) =
            (Direction::new(&shared, Side::Client, early), Direction::new(&shared, Side::Target, Vec::new()));
        let failure = tokio::select! {
            outcome = up.run() => outcome.err(),
            outcome = down.run() => outcome.err(),
        };
        match &failure {
            Some((Side::Client, _)) => Box::pin(up.deliver()).await,
            Some((Side::Target, _)) => Box::pin(down.deliver()).await,
            None => {
                for stream in [&shared.client, &shared.target] {
                    let _ = SockRef::from(stream).set_linger(None);
                }
            }
        }
        Relayed { up: up.bytes, down: down.bytes, reset: failure }
    }
}

/// Makes the system reset the connection if it is closed before both sides have ended in order.
fn tune(stream: &TcpStream) -> io::Result<()> {
    SockRef::from(stream).set_linger(Some(Duration::ZERO))?;
    keep_alive(stream)
}

/// Sets `TCP_NODELAY`, keepalive after an idle minute and, on Linux, a `TCP_USER_TIMEOUT` of two minutes, which ends the
/// connection if the peer does not acknowledge or read data. [`relay`] does this for both sides.
///
/// # Errors
///
/// That of the system, if it refuses an option; the connection can be used nevertheless.
pub fn keep_alive(stream: &TcpStream) -> io::Result<()> {
    let socket = SockRef::from(stream);
    stream.set_nodelay(true)?;
    socket.set_tcp_keepalive(&TcpKeepalive::new().with_time(KEEPALIVE).with_interval(KEEPALIVE_INTERVAL))?;
    #[cfg(any(target_os = "android", target_os = "fuchsia", target_os = "linux"))]
    socket.set_tcp_user_timeout(Some(USER_TIMEOUT))?;
    Ok(())
}

/// Returns `None` if the operation would block.
pub(crate) fn unless_would_block<T>(outcome: io::Result<T>) -> io::Result<Option<T>> {
    match outcome {
        Ok(value) => Ok(Some(value)),
        Err(error) if error.kind() == ErrorKind::WouldBlock => Ok(None),
        Err(error) => Err(error),
    }
}

/// Waits until the connection is reset or fails in another way, also after the end of the stream. Returns the error.
pub async fn reset(stream: &TcpStream) -> io::Error {
    match stream.ready(Interest::ERROR).await {
        Ok(_) => stream.take_error().ok().flatten().unwrap_or(ErrorKind::ConnectionReset.into()),
        Err(error) => error,
    }
}

/// Discards what is received until the end of the stream, or a failure. Polled with tokio's budget, so that timeouts elapse also
/// while the peer sends without a pause.
pub(crate) async fn ended(stream: &TcpStream) {
    while poll_fn(|cx| stream.poll_read_ready(cx)).await.is_ok() {
        match stream.try_read(&mut [0; 1024]) {
            Ok(0) => return,
            Ok(_) => {}
            Err(error) if error.kind() == ErrorKind::WouldBlock => {}
            Err(_) => return,
        }
    }
}

/// Closes a connection after a refusal, so that the refusal arrives. Closing with unread data would reset the connection, and
/// the peer might never receive what was sent. Takes at most two seconds.
pub async fn hang_up(mut stream: TcpStream) {
    let _ = stream.shutdown().await;
    let _ = timeout(LINGER, ended(&stream)).await;
}

/// Relays between any two streams until both have ended. `early` is sent to the target first. Returns the number of bytes from
/// the client to the target, and back.
///
/// For TCP, [`relay`] notices more, and needs less memory and processor time.
///
/// # Errors
///
/// The first error of either stream; both are to be dropped.
pub async fn copy<C, T>(client: &mut C, target: &mut T, early: &[u8]) -> io::Result<(u64, u64)>
where
    C: AsyncRead + AsyncWrite + Unpin,
    T: AsyncRead + AsyncWrite + Unpin,
{
    target.write_all(early).await?;
    target.flush().await?;
    let (up, down) = copy_bidirectional(client, target).await?;
    Ok((early.len() as u64 + up, down))
}
