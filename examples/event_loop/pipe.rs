//! Octets from one socket to another, as far as both are ready.

use std::io::{self, ErrorKind, Read, Write};
use std::net::Shutdown;

use mio::net::TcpStream;

/// No more is read until some of it is written.
pub const MAX_LEN: usize = 16 * 1024;

/// Octets that have come, and are not yet taken.
#[derive(Default)]
pub struct Pipe {
    pub octets: Vec<u8>,
    /// No more will come.
    pub ended: bool,
    /// And the other side has been told so.
    pub passed_on: bool,
}

impl Pipe {
    /// Reads once, if there is room. Returns whether anything came.
    pub fn fill(&mut self, mut from: &TcpStream, buffer: &mut [u8]) -> io::Result<bool> {
        let room = MAX_LEN.saturating_sub(self.octets.len());
        if self.ended || room == 0 {
            return Ok(false);
        }
        let Some(len) = unless_not_ready(from.read(&mut buffer[..room]))? else { return Ok(false) };
        self.ended = len == 0;
        self.octets.extend_from_slice(&buffer[..len]);
        Ok(true)
    }

    /// Writes once, if there is anything; at the end, passes that on. Returns whether anything went.
    pub fn drain(&mut self, mut to: &TcpStream) -> io::Result<bool> {
        if self.octets.is_empty() {
            let due = self.ended && !self.passed_on;
            self.passed_on = self.ended;
            return if due { to.shutdown(Shutdown::Write).and(Ok(true)) } else { Ok(false) };
        }
        let Some(len) = unless_not_ready(to.write(&self.octets))? else { return Ok(false) };
        self.octets.drain(..len);
        if self.octets.is_empty() {
            self.octets = Vec::new(); // an idle connection keeps no buffer
        }
        Ok(true)
    }
}

fn unless_not_ready(outcome: io::Result<usize>) -> io::Result<Option<usize>> {
    match outcome {
        Err(error) if error.kind() == ErrorKind::WouldBlock => Ok(None),
        outcome => outcome.map(Some),
    }
}
