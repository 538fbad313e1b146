//! A socket that remembers its end and its failure.

use std::io::{self, ErrorKind, Read, Write};
use std::net::Shutdown;
use std::time::Duration;

use mio::net::TcpStream;
use mio::{Interest, Registry, Token};
use socket2::{SockRef, TcpKeepalive};
use socks5_sansio::Endpoint;

const KEEPALIVE: Duration = Duration::from_secs(60);
const KEEPALIVE_INTERVAL: Duration = Duration::from_secs(15);
/// Also ends a connection whose peer does not acknowledge data.
#[cfg(target_os = "linux")]
const USER_TIMEOUT: Duration = Duration::from_secs(120);

pub struct Peer {
    stream: TcpStream,
    /// The end of the stream was read, or reading failed.
    pub has_ended: bool,
    /// The end was sent.
    pub is_closed: bool,
    /// Reset, or failed otherwise. What was received before can still be read.
    pub is_broken: bool,
}

impl Peer {
    pub fn new(mut stream: TcpStream, registry: &Registry, token: Token) -> io::Result<Self> {
        registry.register(&mut stream, token, Interest::READABLE | Interest::WRITABLE)?;
        Ok(Self { stream, has_ended: false, is_closed: false, is_broken: false })
    }

    /// Reads once. `None` if there is nothing to read now. The end, or a failure, is returned once, as 0.
    pub fn read(&mut self, buffer: &mut [u8]) -> Option<usize> {
        if self.has_ended || buffer.is_empty() {
            return None;
        }
        let len = if_ready(self.stream.read(buffer))?.unwrap_or_else(|_| self.break_off());
        self.has_ended = len == 0;
        Some(len)
    }

    /// Writes once. `None` if nothing can be written now. A failure is returned once, as 0.
    pub fn write(&mut self, bytes: &[u8]) -> Option<usize> {
        if self.is_broken || bytes.is_empty() {
            return None;
        }
        Some(if_ready(self.stream.write(bytes))?.unwrap_or_else(|_| self.break_off()))
    }

    /// Sends the end, once. Returns whether it did.
    pub fn close(&mut self) -> bool {
        if self.is_closed || self.is_broken {
            return false;
        }
        self.is_closed = true;
        self.is_broken = self.stream.shutdown(Shutdown::Write).is_err();
        true
    }

    /// Notices a reset, even of a socket that has ended or is not read. Returns whether the reset is new.
    pub fn notice_reset(&mut self) -> bool {
        let is_new = !self.is_broken && !matches!(self.stream.take_error(), Ok(None));
        self.is_broken |= is_new;
        is_new
    }

    /// The local address, once the connection is established.
    pub fn connected(&self) -> io::Result<Option<Endpoint<'static>>> {
        match (self.stream.take_error()?, self.stream.peer_addr()) {
            (Some(error), _) => Err(error),
            (None, Ok(_)) => Ok(Some(self.stream.local_addr()?.into())),
            (None, Err(error)) if error.kind() == ErrorKind::NotConnected => Ok(None),
            (None, Err(error)) => Err(error),
        }
    }

    /// Sets the options for a relay. Until `end_in_order`, dropping the socket resets it: truncated data must not look complete.
    pub fn tune(&self) -> io::Result<()> {
        let socket = SockRef::from(&self.stream);
        socket.set_linger(Some(Duration::ZERO))?;
        self.stream.set_nodelay(true)?;
        #[cfg(target_os = "linux")]
        socket.set_tcp_user_timeout(Some(USER_TIMEOUT))?;
        socket.set_tcp_keepalive(&TcpKeepalive::new().with_time(KEEPALIVE).with_interval(KEEPALIVE_INTERVAL))
    }

    /// From now on, dropping the socket closes it without a reset.
    pub fn end_in_order(&self) {
        let _ = SockRef::from(&self.stream).set_linger(None);
    }

    fn break_off(&mut self) -> usize {
        self.is_broken = true;
        0
    }
}

fn if_ready(outcome: io::Result<usize>) -> Option<io::Result<usize>> {
    match outcome {
        Err(error) if error.kind() == ErrorKind::WouldBlock => None,
        outcome => Some(outcome),
    }
}
