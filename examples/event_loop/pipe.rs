//! Bytes from one socket to another, as far as both are ready.

use std::io::{self, ErrorKind, Read, Write};
use std::net::Shutdown;

use mio::net::TcpStream;
use socks5_sansio::{Encode, Inbox};

/// No more is read until some of it is written.
pub const MAX_LEN: usize = 16 * 1024;

/// Bytes that were received and not sent yet.
pub struct Pipe {
    pub inbox: Inbox<Vec<u8>>,
    /// The sender has closed its direction.
    pub ended: bool,
    /// The receiver has got all bytes, and the end.
    pub passed_on: bool,
}

impl Default for Pipe {
    fn default() -> Self {
        Self { inbox: Inbox::new(Vec::new()), ended: false, passed_on: false }
    }
}

impl Pipe {
    /// Reads once, if there is room. Returns whether anything was received.
    pub fn fill(&mut self, mut from: &TcpStream, buffer: &mut [u8]) -> io::Result<bool> {
        let room = MAX_LEN.saturating_sub(self.inbox.unread().len());
        if self.ended || room == 0 {
            return Ok(false);
        }
        let Some(len) = unless_not_ready(from.read(&mut buffer[..room]))? else { return Ok(false) };
        self.ended = len == 0;
        self.push(&buffer[..len])?;
        Ok(true)
    }

    pub fn put(&mut self, message: &(impl Encode + ?Sized)) -> io::Result<()> {
        self.push(&message.to_vec())
    }

    fn push(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.inbox.room(bytes.len())?.copy_from_slice(bytes);
        self.inbox.filled(bytes.len());
        Ok(())
    }

    /// Writes once, if there is anything; at the end, closes the direction. Returns whether anything was sent.
    pub fn drain(&mut self, mut to: &TcpStream) -> io::Result<bool> {
        if self.inbox.unread().is_empty() {
            let due = self.ended && !self.passed_on;
            self.passed_on = self.ended;
            return if due { to.shutdown(Shutdown::Write).and(Ok(true)) } else { Ok(false) };
        }
        let Some(len) = unless_not_ready(to.write(self.inbox.unread()))? else { return Ok(false) };
        self.inbox.consume(len);
        if self.inbox.unread().is_empty() {
            self.discard();
        }
        Ok(true)
    }

    /// Frees the buffer: an idle connection has none.
    pub fn discard(&mut self) {
        self.inbox = Inbox::new(Vec::new());
    }
}

fn unless_not_ready(outcome: io::Result<usize>) -> io::Result<Option<usize>> {
    match outcome {
        Err(error) if error.kind() == ErrorKind::WouldBlock => Ok(None),
        outcome => outcome.map(Some),
    }
}
