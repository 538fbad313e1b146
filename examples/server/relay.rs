//! Octets to and fro, and how a connection ends.
//!
//! The connections of a thread share one large buffer: what is read into it is written from it at once. A connection has
//! memory of its own only for what the other side does not take yet, and reads no more until it has.

use std::cell::RefCell;
use std::future::poll_fn;
use std::io;
use std::mem::take;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt, ReadBuf, copy, sink};
use tokio::net::TcpStream;
use tokio::net::tcp::{ReadHalf, WriteHalf};
use tokio::task::yield_now;
use tokio::time::timeout;

const HANG_UP_TIMEOUT: Duration = Duration::from_secs(2);
/// Larger than any datagram.
pub const BUFFER_LEN: usize = 256 * 1024;

thread_local! {
    pub static BUFFER: RefCell<Vec<u8>> = RefCell::new(vec![0; BUFFER_LEN]);
}

/// Until both sides have ended. What the client sent early goes first. Returns the number of octets to the target and back.
///
/// If one side breaks off, so does the other: an orderly end would pass for all there was.
pub async fn relay(mut client: TcpStream, mut target: TcpStream, early: Vec<u8>) -> io::Result<(u64, u64)> {
    target.set_nodelay(true)?;
    let ended = AtomicBool::new(false);
    let ((from_client, to_client), (from_target, to_target)) = (client.split(), target.split());
    let up = carry((from_client, to_target), early, &ended);
    let down = carry((from_target, to_client), Vec::new(), &ended);
    let outcome = tokio::try_join!(up, down);
    if outcome.is_err() {
        client.set_zero_linger()?;
        target.set_zero_linger()?;
    }
    outcome
}

/// First what is there already. The end is passed on; if the other way has `ended` too, by closing both.
async fn carry(
    (mut from, mut to): (ReadHalf<'_>, WriteHalf<'_>),
    mut rest: Vec<u8>,
    ended: &AtomicBool,
) -> io::Result<u64> {
    let mut carried = rest.len() as u64;
    loop {
        to.write_all(&take(&mut rest)).await?;
        let len;
        (len, rest) = poll_fn(|cx| pass(cx, &mut from, &mut to)).await?;
        match len {
            0 if ended.swap(true, Relaxed) => return Ok(carried),
            0 => return to.shutdown().await.and(Ok(carried)),
            BUFFER_LEN => yield_now().await, // there is more, but others want their turn
            _ => {}
        }
        carried += len as u64;
    }
}

/// Reads and writes once. Returns how much was read, and the rest that was not written.
fn pass(cx: &mut Context<'_>, from: &mut ReadHalf<'_>, to: &mut WriteHalf<'_>) -> Poll<io::Result<(usize, Vec<u8>)>> {
    BUFFER.with_borrow_mut(|buffer| {
        let mut buffer = ReadBuf::new(buffer);
        ready!(Pin::new(from).poll_read(cx, &mut buffer))?;
        let octets = buffer.filled();
        let written = match octets {
            [] => 0,
            _ => match Pin::new(to).poll_write(cx, octets) {
                Poll::Ready(written) => written?,
                Poll::Pending => 0,
            },
        };
        Poll::Ready(Ok((octets.len(), octets[written..].to_vec())))
    })
}

/// Closes so that the last reply arrives: a socket that is closed with octets unread resets the connection, and the
/// client may never see what was sent before.
pub async fn hang_up(mut stream: TcpStream) {
    let _ = stream.shutdown().await;
    let _ = timeout(HANG_UP_TIMEOUT, ended(&mut stream)).await;
}

/// Until the client has ended. What it says until then has no meaning.
pub async fn ended(stream: &mut TcpStream) {
    let _ = copy(stream, &mut sink()).await;
}
