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
use super::rest::Rest;
use super::{BUFFER_LEN, LINGER, Side, ended, ready, reset};

thread_local! {
    static BUFFER: RefCell<Vec<u8>> = RefCell::new(vec![0; BUFFER_LEN]);
}

/// What both directions of a relay share.
pub(super) struct Ends {
    pub(super) client: TcpStream,
    pub(super) target: TcpStream,
    pub(super) pool: &'static Pool,
    pub(super) half_closed: AtomicBool,
}

/// One direction of a relay.
pub(super) struct Way<'e> {
    ends: &'e Ends,
    /// The side that sends.
    side: Side,
    /// Whether so much was received at once that splicing is cheaper.
    is_bulk: bool,
    rest: Rest,
    pub(super) bytes: u64,
    last_write: Option<Instant>,
}

/// The side that failed.
pub(super) type Broken = (Side, io::Error);

impl Ends {
    pub(super) fn stream(&self, side: Side) -> &TcpStream {
        match side {
            Side::Client => &self.client,
            Side::Target => &self.target,
        }
    }
}

impl<'e> Way<'e> {
    pub(super) fn new(ends: &'e Ends, side: Side, early: Vec<u8>) -> Self {
        Self { ends, side, is_bulk: ends.pool.is_worth(0), rest: Rest::Bytes(early), bytes: 0, last_write: None }
    }

    fn from(&self) -> &'e TcpStream {
        self.ends.stream(self.side)
    }

    fn to(&self) -> &'e TcpStream {
        self.ends.stream(self.side.other())
    }

    /// Returns when both ways have ended. The way that ends first passes the end on, and then waits for a reset.
    pub(super) async fn carry(&mut self) -> Result<(), Broken> {
        self.pump(true).await?;
        if !self.ends.half_closed.swap(true, Relaxed) {
            SockRef::from(self.to()).shutdown(Shutdown::Write).map_err(|error| self.not_written(error))?;
            return Err(self.not_read(Box::pin(reset(self.from())).await));
        }
        Ok(())
    }

    /// Reads and writes until the sender has ended. If `notices`, fails if the sender is reset while the receiver is slow. While it
    /// waits for the sender there is no buffer, no pipe and no big future, as most relays are idle.
    async fn pump(&mut self, notices: bool) -> Result<(), Broken> {
        loop {
            if !self.rest.is_empty() {
                Box::pin(self.flush(notices)).await?;
            }
            let from = self.from();
            poll_fn(|cx| from.poll_read_ready(cx)).await.map_err(|error| self.not_read(error))?;
            match self.pass()? {
                Some(0) => return Ok(()),
                Some(BUFFER_LEN..) => yield_now().await, // there is more, but other connections must get their turn
                _ => {}
            }
        }
    }

    fn not_read(&self, error: io::Error) -> Broken {
        (self.side, error)
    }

    fn not_written(&self, error: io::Error) -> Broken {
        (self.side.other(), error)
    }

    async fn flush(&mut self, notices: bool) -> Result<(), Broken> {
        let (from, side) = (self.from(), self.side);
        tokio::select! {
            written = self.write_rest() => written.map_err(|error| (side.other(), error)),
            error = reset(from), if notices => Err((side, error)),
        }
    }

    async fn write_rest(&mut self) -> io::Result<()> {
        while !self.rest.is_empty() {
            self.to().writable().await?;
            self.write()?;
        }
        Ok(())
    }

    /// Writes what the receiver takes at once.
    fn write(&mut self) -> io::Result<()> {
        if let Some(written) = ready(self.rest.write(self.to()))? {
            self.count(written);
        }
        if self.rest.is_empty() {
            self.rest.clear();
        }
        Ok(())
    }

    /// Receives once, and sends what the receiver takes at once. Returns the number of bytes received, or `None` if there are none
    /// yet.
    fn pass(&mut self) -> Result<Option<usize>, Broken> {
        let spliced = if self.is_bulk { self.splice()? } else { None };
        let passed = if spliced.is_some() { spliced } else { self.copy()? };
        if let Some(len) = passed {
            self.is_bulk = self.ends.pool.is_worth(len);
        }
        Ok(passed)
    }

    /// `None` if there is no pipe, or the stream must be read to find out what it has.
    fn splice(&mut self) -> Result<Option<usize>, Broken> {
        let Some(mut pipe) = self.ends.pool.take() else { return Ok(None) };
        let Some(len) = pipe.fill(self.from()).map_err(|error| self.not_read(error))? else {
            pipe.release();
            return Ok(None);
        };
        self.rest = Rest::Piped(Box::new(pipe));
        self.write().map_err(|error| self.not_written(error))?;
        Ok(Some(len))
    }

    fn copy(&mut self) -> Result<Option<usize>, Broken> {
        BUFFER.with_borrow_mut(|buffer| {
            let read = ready(self.from().try_read(buffer)).map_err(|error| self.not_read(error))?;
            if let Some(len @ 1..) = read {
                let data = &buffer[..len];
                let written = ready(self.to().try_write(data)).map_err(|error| self.not_written(error))?.unwrap_or(0);
                self.rest = Rest::Bytes(data[written..].to_vec());
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
    /// still hold written data, and would throw it away on a reset; so the receiver gets its time.
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
