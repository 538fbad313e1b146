//! A bounded buffer between two sockets.

use std::io;
use std::time::Instant;

use socks5_sansio::server::{Error, INPUT_MAX_LEN};
use socks5_sansio::{Encode, Inbox, Polled, Receive};

use crate::peer::Peer;

/// A pipe that holds this much reads no more until some of it is used or written.
pub const MAX_LEN: usize = 16 * 1024;
const _: () = assert!(INPUT_MAX_LEN <= MAX_LEN);

/// Bytes that were received, and are neither used nor sent yet.
pub struct Pipe {
    inbox: Inbox<Vec<u8>>,
    pub last_write: Option<Instant>,
}

impl Pipe {
    pub fn new() -> Self {
        Self { inbox: Inbox::new(Vec::new()), last_write: None }
    }

    pub fn unread(&self) -> &[u8] {
        self.inbox.unread()
    }

    pub fn is_empty(&self) -> bool {
        self.unread().is_empty()
    }

    /// Reads once, if there is room. Returns whether anything was received, or the end.
    pub fn fill(&mut self, from: &mut Peer, buffer: &mut [u8; MAX_LEN]) -> bool {
        let (space, _) = buffer.split_at_mut(MAX_LEN.saturating_sub(self.unread().len()));
        let Some(len) = from.read(space) else { return false };
        from.is_broken |= self.push(&space[..len]).is_err(); // out of memory
        true
    }

    /// Receives the message that the state waits for. After the end of the stream, a message that is not complete is an error.
    pub fn receive<S: Receive<Error = Error>>(
        &mut self,
        state: S,
        has_ended: bool,
    ) -> Result<Polled<S::Received<'_>, S>, Error> {
        if has_ended { self.inbox.receive(state).map(Polled::Whole) } else { self.inbox.poll(state) }
    }

    /// Appends a message to be sent.
    pub fn put(&mut self, message: &(impl Encode + ?Sized)) -> io::Result<()> {
        self.push(&message.to_vec())
    }

    /// Writes once, if there is anything. Returns whether anything was sent, or failed.
    pub fn drain(&mut self, to: &mut Peer) -> bool {
        let Some(len) = to.write(self.unread()) else { return false };
        self.inbox.consume(len);
        self.last_write = Some(Instant::now());
        if self.is_empty() {
            self.discard();
        }
        true
    }

    /// Frees the buffer: an idle connection has none.
    pub fn discard(&mut self) {
        self.inbox = Inbox::new(Vec::new());
    }

    fn push(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.inbox.room(bytes.len())?.copy_from_slice(bytes);
        self.inbox.filled(bytes.len());
        Ok(())
    }
}
