//! A deadline for TCP streams.

use core::time::Duration;
use std::io::{self, ErrorKind, Read, Write};
use std::net::TcpStream;
use std::time::Instant;

/// A TCP stream whose reads and writes fail after a deadline, with [`TimedOut`](ErrorKind::TimedOut). The socket's own timeout
/// restarts with each read, so a peer that sends byte by byte could prolong a handshake indefinitely. Here each read or write sets
/// that timeout to the time left, and clears it afterwards.
///
/// ```
/// use std::io::{self, ErrorKind};
/// use std::net::{TcpListener, TcpStream};
/// use std::time::Duration;
///
/// use socks5_sansio::blocking::{Deadline, connect};
///
/// let silent = TcpListener::bind("127.0.0.1:0")?;
/// let stream = TcpStream::connect(silent.local_addr()?)?;
/// let error = connect(&mut Deadline::new(&stream, Duration::from_millis(10)), "192.0.2.1:80", None).unwrap_err();
/// assert_eq!(io::Error::from(error).kind(), ErrorKind::TimedOut);
/// assert_eq!(stream.read_timeout()?, None); // no timeout remains set on the stream
/// # Ok::<(), io::Error>(())
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Deadline<'s> {
    stream: &'s TcpStream,
    deadline: Option<Instant>,
}

impl<'s> Deadline<'s> {
    /// A deadline `timeout` from now. [`Duration::MAX`] sets no deadline.
    #[must_use]
    pub fn new(stream: &'s TcpStream, timeout: Duration) -> Self {
        Self { stream, deadline: Instant::now().checked_add(timeout) }
    }

    fn within<T>(
        &self,
        set_timeout: fn(&TcpStream, Option<Duration>) -> io::Result<()>,
        operation: impl FnOnce(&TcpStream) -> io::Result<T>,
    ) -> io::Result<T> {
        let left = self.deadline.map(|deadline| deadline.saturating_duration_since(Instant::now()));
        if left.is_some_and(|left| left.is_zero()) {
            return Err(ErrorKind::TimedOut.into());
        }
        let outcome = set_timeout(self.stream, left).and_then(|()| operation(self.stream));
        let outcome = set_timeout(self.stream, None).and(outcome);
        outcome.map_err(|error| match error.kind() {
            ErrorKind::WouldBlock | ErrorKind::TimedOut => ErrorKind::TimedOut.into(), // depending on the system
            _ => error,
        })
    }
}

impl Read for Deadline<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.within(TcpStream::set_read_timeout, |mut stream| stream.read(buffer))
    }
}

impl Write for Deadline<'_> {
    fn write(&mut self, buffer: &[u8]) -> io::Result<usize> {
        self.within(TcpStream::set_write_timeout, |mut stream| stream.write(buffer))
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
