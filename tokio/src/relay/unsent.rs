//! What one direction of a relay has received and not sent yet.

use std::io;
use std::mem::take;

use tokio::net::TcpStream;

use super::pipes::Pipe;

pub(super) enum Unsent {
    Bytes(Vec<u8>),
    /// Boxed, as most relays have no pipe.
    Piped(Box<Pipe>),
}

impl Default for Unsent {
    fn default() -> Self {
        Self::Bytes(Vec::new())
    }
}

impl Unsent {
    pub(super) fn is_empty(&self) -> bool {
        match self {
            Self::Bytes(bytes) => bytes.is_empty(),
            Self::Piped(pipe) => pipe.is_empty(),
        }
    }

    /// Sends what the receiver takes at once. Returns the number of bytes.
    pub(super) fn write(&mut self, to: &TcpStream) -> io::Result<usize> {
        match self {
            Self::Bytes(bytes) => {
                let written = to.try_write(bytes)?;
                bytes.drain(..written);
                Ok(written)
            }
            Self::Piped(pipe) => match pipe.drain(to)? {
                Some(drained) => Ok(drained),
                None => {
                    *self = Self::Bytes(pipe.read()?);
                    Ok(0)
                }
            },
        }
    }

    /// Releases the memory, or the pipe, of what was sent.
    pub(super) fn clear(&mut self) {
        if let Self::Piped(pipe) = take(self) {
            pipe.release();
        }
    }
}
