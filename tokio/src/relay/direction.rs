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

use super::pipes::Pool;
use super::unsent::Unsent;
use super::{BUFFER_LEN, LINGER, Side, ended, reset, unless_would_block};

thread_local! {
    static BUFFER: RefCell<Vec<u8>> = RefCell::new(vec![0; BUFFER_LEN]);
}

/// What both directions of a relay share.
pub(super) struct Shared {
    pub(super) client: TcpStream,
    pub(super) target: TcpStream,
    pub(super) pool: &'static Pool,
    pub(super) half_closed: AtomicBool,
}

/// One direction of a relay.
pub(super) struct Direction<'s> {
    shared: &'s Shared,
    /// The side that sends.
    side: Side,
    /// Whether the last read returned so much that splicing is cheaper.
    is_bulk: bool,
    unsent: Unsent,
    pub(super) bytes: u64,
    last_write: Option<Instant>,
}

/// The side that failed.
pub(super) type Failure = (Side, io::Error);

impl Shared {
    pub(super) fn stream(&self, side: Side) -> &TcpStream {
        match side {
            Side::Client => &self.client,
            Side::Target => &self.target,
        }
    }
}

impl<'s> Direction<'s> {
    pub(super) fn new(shared: &'s Shared, side: Side, early: Vec<u8>) -> Self {
        Self { shared, side, is_bulk: shared.pool.is_bulk(0), unsent: Unsent::Bytes(early), bytes: 0, last_write: None }
    }

    fn from(&self) -> &'s TcpStream {
        self.shared.stream(self.side)
    }

    fn to(&self) -> &'s TcpStream {
        self.shared.stream(self.side.other())
    }

    /// Returns when both directions have ended. The direction that ends first passes the half-close on, and then waits for a reset.
    pub(super) async fn run(&mut self) -> Result<(), Failure> {
        self.pump(true).await?;
        if !self.shared.half_closed.swap(true, Relaxed) {
            SockRef::from(self.to()).shutdown(Shutdown::Write).map_err(|error| self.write_error(error))?;
            return Err(self.read_error(Box::pin(reset(self.from())).await));
        }
        Ok(())
    }

    /// Reads and writes until the sender has ended. With `watch_sender`, a reset of the sender is noticed even while the receiver
    /// is slow. Most relays are idle, so there is no buffer, no pipe and no large future while it waits for the sender.
    async fn pump(&mut self, watch_sender: bool) -> Result<(), Failure> {
        loop {
            if !self.unsent.is_empty() {
                Box::pin(self.flush(watch_sender)).await?;
            }
            let from = self.from();
            poll_fn(|cx| from.poll_read_ready(cx)).await.map_err(|error| self.read_error(error))?;
            match self.transfer()? {
                Some(0) => return Ok(()),
                Some(BUFFER_LEN..) => yield_now().await, // there is more, but other connections must get their turn
                _ => {}
            }
        }
    }

    fn read_error(&self, error: io::Error) -> Failure {
        (self.side, error)
    }

    fn write_error(&self, error: io::Error) -> Failure {
        (self.side.other(), error)
    }

    async fn flush(&mut self, watch_sender: bool) -> Result<(), Failure> {
        let (from, side) = (self.from(), self.side);
        tokio::select! {
            written = self.write_all() => written.map_err(|error| (side.other(), error)),
            error = reset(from), if watch_sender => Err((side, error)),
        }
    }

    async fn write_all(&mut self) -> io::Result<()> {
        while !self.unsent.is_empty() {
            self.to().writable().await?;
            self.write()?;
        }
        Ok(())
    }

    /// Writes what the receiver takes at once.
    fn write(&mut self) -> io::Result<()> {
        if let Some(written) = unless_would_block(self.unsent.write(self.to()))? {
            self.count(written);
        }
        if self.unsent.is_empty() {
            self.unsent.clear();
        }
        Ok(())
    }

    /// Receives once, and sends what the receiver takes at once. Returns the number of bytes received, or `None` if there are none
    /// yet.
    fn transfer(&mut self) -> Result<Option<usize>, Failure> {
        let spliced = if self.is_bulk { self.splice()? } else { None };
        let transferred = if spliced.is_some() { spliced } else { self.copy()? };
        if let Some(len) = transferred {
            self.is_bulk = self.shared.pool.is_bulk(len);
        }
        Ok(transferred)
    }

    /// Returns `None` if there is no pipe, or nothing was spliced; a read then finds out why.
    fn splice(&mut self) -> Result<Option<usize>, Failure> {
        let Some(mut pipe) = self.shared.pool.take() else { return Ok(None) };
        let Some(len) = pipe.fill(self.from()).map_err(|error| self.read_error(error))? else {
            pipe.release();
            return Ok(None);
        };
        self.unsent = Unsent::Piped(Box::new(pipe));
        self.write().map_err(|error| self.write_error(error))?;
        Ok(Some(len))
    }

    fn copy(&mut self) -> Result<Option<usize>, Failure> {
        BUFFER.with_borrow_mut(|buffer| {
            let read = unless_would_block(self.from().try_read(buffer)).map_err(|error| self.read_error(error))?;
            if let Some(len @ 1..) = read {
                let data = &buffer[..len];
                let written = unless_would_block(self.to().try_write(data))
                    .map_err(|error| self.write_error(error))?
                    .unwrap_or(0);
                self.unsent = Unsent::Bytes(data[written..].to_vec());
                self.count(written);
            }
            Ok(read)
        })
    }

    fn count(&mut self, written: usize) {
        self.bytes += written as u64;
        self.last_write = Some(Instant::now());
    }

    /// After a reset of the sender: delivers what it sent before, and discards what the receiver sends meanwhile. The kernel may
    /// still hold written data, and would throw it away on a reset, so the receiver gets time to read.
    pub(super) async fn deliver(&mut self) {
        let (receiver, deadline) = (self.to(), Instant::now() + LINGER);
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
