//! One direction of a relay.

use std::cell::RefCell;
use std::future::{pending, poll_fn};
use std::io;
use std::net::Shutdown;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};

use socket2::SockRef;
use tokio::net::TcpStream;
use tokio::task::yield_now;
use tokio::time::{Instant, sleep_until};

use super::{LINGER, Side, ended, ready, reset};

/// The most that is read before it is written, and so the most that a slow reader keeps in memory.
const BUFFER_LEN: usize = 64 * 1024;

thread_local! {
    static BUFFER: RefCell<Vec<u8>> = RefCell::new(vec![0; BUFFER_LEN]);
}

/// One direction of a relay.
pub(super) struct Way<'s> {
    from: &'s TcpStream,
    to: &'s TcpStream,
    /// Read and not written yet.
    rest: Vec<u8>,
    pub(super) bytes: u64,
    last_write: Option<Instant>,
}

/// Which end of a way failed.
pub(super) enum Broken {
    From(io::Error),
    To(io::Error),
}

impl Broken {
    pub(super) fn at(self, from: Side, to: Side) -> (Side, io::Error) {
        match self {
            Self::From(error) => (from, error),
            Self::To(error) => (to, error),
        }
    }
}

impl<'s> Way<'s> {
    pub(super) fn new(from: &'s TcpStream, to: &'s TcpStream, rest: Vec<u8>) -> Self {
        Self { from, to, bytes: 0, rest, last_write: None }
    }

    /// Returns when both ways have ended. The way that ends first passes the end on, and then waits for a reset.
    pub(super) async fn carry(&mut self, half_closed: &AtomicBool) -> Result<(), Broken> {
        self.pump(true).await?;
        if !half_closed.swap(true, Relaxed) {
            SockRef::from(self.to).shutdown(Shutdown::Write).map_err(Broken::To)?;
            return Err(Broken::From(Box::pin(reset(self.from)).await));
        }
        Ok(())
    }

    /// Reads and writes until the sender has ended, or is reset while the receiver is slow, if that is to be noticed. While it
    /// waits for the sender there is no buffer and no big future, as most relays are idle.
    async fn pump(&mut self, notices: bool) -> Result<(), Broken> {
        loop {
            if !self.rest.is_empty() {
                Box::pin(self.flush(notices)).await?;
            }
            poll_fn(|cx| self.from.poll_read_ready(cx)).await.map_err(Broken::From)?;
            match self.pass()? {
                Some(0) => return Ok(()),
                Some(BUFFER_LEN) => yield_now().await, // there is more, but other connections must get their turn
                _ => {}
            }
        }
    }

    async fn flush(&mut self, notices: bool) -> Result<(), Broken> {
        let from = self.from;
        tokio::select! {
            written = self.write_rest() => written.map_err(Broken::To),
            error = reset(from), if notices => Err(Broken::From(error)),
        }
    }

    async fn write_rest(&mut self) -> io::Result<()> {
        while !self.rest.is_empty() {
            self.to.writable().await?;
            if let Some(written) = ready(self.to.try_write(&self.rest))? {
                self.rest.drain(..written);
                self.count(written);
            }
        }
        self.rest = Vec::new();
        Ok(())
    }

    /// Reads once, and writes what the receiver takes at once. Returns the number of bytes read, or `None` if there are none yet.
    fn pass(&mut self) -> Result<Option<usize>, Broken> {
        BUFFER.with_borrow_mut(|buffer| {
            let Some(len) = ready(self.from.try_read(buffer)).map_err(Broken::From)? else { return Ok(None) };
            let read = &buffer[..len];
            if !read.is_empty() {
                let written = ready(self.to.try_write(read)).map_err(Broken::To)?.unwrap_or(0);
                self.rest.extend_from_slice(&read[written..]);
                self.count(written);
            }
            Ok(Some(len))
        })
    }

    fn count(&mut self, written: usize) {
        self.bytes += written as u64;
        self.last_write = Some(Instant::now());
    }

    /// After a reset of the sender: delivers what it sent before, and discards what the receiver sends meanwhile. The kernel may
    /// still hold written data, and would throw it away on a reset; so the receiver gets its time.
    pub(super) async fn deliver(&mut self) {
        let (receiver, deadline) = (self.to, Instant::now() + LINGER);
        let delivered = async {
            let _ = self.pump(false).await; // the sender's error is known
            if let Some(last_write) = self.last_write {
                sleep_until(last_write + LINGER).await;
            }
        };
        tokio::select! {
            () = delivered => {}
            _ = reset(receiver) => {}
            () = async { ended(receiver).await; pending().await } => {}
            () = sleep_until(deadline) => {}
        }
    }
}
