//! Pipes, through which the kernel moves bytes from socket to socket without a copy: splice(2).

use std::fs::File;
use std::io::{self, Read};
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use rustix::io::Errno;
use rustix::pipe::{PipeFlags, SpliceFlags, fcntl_setpipe_size, pipe_with, splice};
use tokio::io::Interest;
use tokio::net::TcpStream;
use tokio::time::Instant;

use super::unless_would_block;

/// The pause after the system has refused a pipe, before the next attempt.
const PAUSE: Duration = Duration::from_secs(1);

pub(super) const DESCRIPTORS: usize = 2;

/// The pipes of a process.
pub(super) struct Pool {
    limit: usize,
    /// The capacity of each pipe in bytes.
    pipe_len: usize,
    /// Splicing is cheaper than copying after a read of this many bytes.
    bulk_len: usize,
    /// The number of open pipes, in use or spare.
    total: AtomicUsize,
    spare: Mutex<Spare>,
}

/// The empty pipes that are not in use.
struct Spare {
    pipes: Vec<Pipe>,
    /// When the system last refused a pipe.
    refused_at: Option<Instant>,
}

/// A pipe of a [`Pool`]. Dropping it closes it, so that its bytes cannot reach another relay.
pub(super) struct Pipe {
    read_end: File,
    write_end: File,
    /// The number of bytes inside.
    len: usize,
    slot: Slot,
}

/// One of the pool's pipes, counted until this is dropped.
struct Slot(&'static Pool);

impl Pool {
    pub(super) const fn new(limit: usize, pipe_len: usize, bulk_len: usize) -> Self {
        let spare = Mutex::new(Spare { pipes: Vec::new(), refused_at: None });
        Self { limit, pipe_len, bulk_len, total: AtomicUsize::new(0), spare }
    }

    /// Whether a read of `len` bytes makes splicing worthwhile.
    pub(super) fn is_bulk(&self, len: usize) -> bool {
        len >= self.bulk_len
    }

    /// Returns an empty pipe, or `None` if all are in use or the system refuses another one.
    pub(super) fn take(&'static self) -> Option<Pipe> {
        let mut spare = self.spare();
        spare.pipes.pop().or_else(|| self.open(&mut spare.refused_at))
    }

    /// Opens another pipe. The system bounds the total size of a user's pipes, and smaller pipes would be slower than copying.
    fn open(&'static self, refused_at: &mut Option<Instant>) -> Option<Pipe> {
        if refused_at.is_some_and(|at| at.elapsed() < PAUSE) {
            return None;
        }
        let pipe = Pipe::open(Slot::of(self)?, self.pipe_len);
        *refused_at = pipe.is_err().then(Instant::now);
        pipe.ok()
    }

    fn spare(&self) -> MutexGuard<'_, Spare> {
        self.spare.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Slot {
    fn of(pool: &'static Pool) -> Option<Self> {
        let taken = pool.total.fetch_update(Relaxed, Relaxed, |total| (total < pool.limit).then_some(total + 1));
        taken.is_ok().then(|| Self(pool))
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        self.0.total.fetch_sub(1, Relaxed);
    }
}

impl Pipe {
    fn open(slot: Slot, len: usize) -> io::Result<Self> {
        let (read_end, write_end) = pipe_with(PipeFlags::CLOEXEC | PipeFlags::NONBLOCK)?;
        fcntl_setpipe_size(&write_end, len)?;
        Ok(Self { read_end: read_end.into(), write_end: write_end.into(), len: 0, slot })
    }

    pub(super) fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Moves received bytes into the empty pipe. Returns their number. `None`: the end of the stream, or nothing yet, or
    /// something that cannot be spliced, such as urgent data. A read finds out which; the stream still counts as readable.
    pub(super) fn fill(&mut self, from: &TcpStream) -> io::Result<Option<usize>> {
        let len = self.slot.0.pipe_len;
        let filled = from.try_io(Interest::READABLE, || {
            match splice(from, None, &self.write_end, None, len, SpliceFlags::NONBLOCK) {
                Ok(0) | Err(Errno::AGAIN) => Ok(None),
                Err(error) if refuses(error) => Ok(None),
                outcome => Ok(Some(outcome?)),
            }
        });
        let filled = unless_would_block(filled)?.flatten();
        self.len += filled.unwrap_or(0);
        Ok(filled)
    }

    /// Moves what the receiver takes at once out of the pipe. Returns the number of bytes. `None`: the kernel cannot splice to this
    /// stream; [`read`](Self::read) returns the bytes inside.
    pub(super) fn drain(&mut self, to: &TcpStream) -> io::Result<Option<usize>> {
        let drained = to.try_io(Interest::WRITABLE, || {
            match splice(&self.read_end, None, to, None, self.len, SpliceFlags::NONBLOCK) {
                Err(error) if refuses(error) => Ok(None),
                outcome => Ok(Some(outcome?)),
            }
        })?;
        self.len -= drained.unwrap_or(0);
        Ok(drained)
    }

    /// Reads everything that is inside.
    pub(super) fn read(&mut self) -> io::Result<Vec<u8>> {
        let mut data = Vec::with_capacity(self.len);
        (&self.read_end).take(self.len as u64).read_to_end(&mut data)?;
        self.len -= data.len();
        Ok(data)
    }

    /// Returns the pipe to the pool if it is empty, and closes it otherwise.
    pub(super) fn release(self) {
        let pool = self.slot.0;
        if self.is_empty() {
            pool.spare().pipes.push(self);
        }
    }
}

/// Whether the kernel cannot splice these descriptors; the socket itself may still work.
fn refuses(error: Errno) -> bool {
    matches!(error, Errno::INVAL | Errno::NOMEM | Errno::NOSYS | Errno::PERM)
}

#[cfg(test)]
impl Pool {
    /// The number of pipes in use, and of spare ones.
    pub(super) fn counts(&self) -> (usize, usize) {
        let spare = self.spare().pipes.len();
        (self.total.load(Relaxed) - spare, spare)
    }
}

#[cfg(test)]
mod tests {
    use rustix::fs::{OFlags, fcntl_setfl};
    use tokio::net::TcpListener;

    use super::*;

    #[tokio::test]
    async fn asks_the_system_again_after_a_pause() {
        static POOL: Pool = Pool::new(1, 4096, 0);
        tokio::time::pause();
        let mut refused_at = Some(Instant::now());
        assert!(POOL.open(&mut refused_at).is_none());
        tokio::time::advance(PAUSE).await;
        assert!(POOL.open(&mut refused_at).is_some());
        assert!(refused_at.is_none());
    }

    #[test]
    fn remembers_that_the_system_refused() {
        static POOL: Pool = Pool::new(1, usize::MAX, 0);
        assert!(POOL.take().is_none());
        assert!(POOL.spare().refused_at.is_some());
        assert_eq!(POOL.counts(), (0, 0));
    }

    #[test]
    fn has_no_more_pipes_than_its_limit() {
        static POOL: Pool = Pool::new(2, 4096, 0);
        let (first, second) = (POOL.take().unwrap(), POOL.take().unwrap());
        assert!(POOL.take().is_none());
        first.release();
        assert_eq!(POOL.counts(), (1, 1));
        let again = POOL.take().unwrap();
        drop((again, second));
        assert_eq!(POOL.counts(), (0, 0), "dropped, and not released");
    }

    async fn pair() -> (TcpStream, TcpStream) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let near = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
        (near, listener.accept().await.unwrap().0)
    }

    #[tokio::test]
    async fn fills_nothing_if_the_kernel_refuses() {
        static POOL: Pool = Pool::new(1, 4096, 0);
        let no_pipe = || File::options().read(true).write(true).open("/dev/null").unwrap();
        let mut pipe = Pipe { read_end: no_pipe(), write_end: no_pipe(), len: 0, slot: Slot::of(&POOL).unwrap() };
        let (near, far) = pair().await;
        far.try_write(b"data").unwrap();
        near.readable().await.unwrap();
        assert_eq!(pipe.fill(&near).unwrap(), None);
        assert_eq!(near.try_read(&mut [0; 9]).unwrap(), 4, "all is left, and the stream counts as readable");
    }

    /// The kernel refuses to splice to a descriptor with `O_APPEND`, which makes no difference for writing to a socket.
    #[tokio::test]
    async fn returns_the_bytes_inside_if_the_kernel_refuses_to_drain() {
        static POOL: Pool = Pool::new(1, 4096, 0);
        let mut pipe = POOL.take().unwrap();
        let (near, far) = pair().await;
        far.try_write(b"data").unwrap();
        near.readable().await.unwrap();
        assert_eq!(pipe.fill(&near).unwrap(), Some(4));
        fcntl_setfl(&near, OFlags::APPEND | OFlags::NONBLOCK).unwrap();
        near.writable().await.unwrap();
        assert_eq!(pipe.drain(&near).unwrap(), None);
        assert_eq!(pipe.read().unwrap(), b"data");
        assert!(pipe.is_empty());
    }

    #[test]
    fn closes_a_pipe_that_is_not_empty() {
        static POOL: Pool = Pool::new(1, 4096, 0);
        let mut pipe = POOL.take().unwrap();
        io::Write::write_all(&mut pipe.write_end, b"data").unwrap();
        pipe.len = 4;
        pipe.release();
        assert_eq!(POOL.counts(), (0, 0));
    }
}
