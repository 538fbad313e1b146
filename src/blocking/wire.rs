//! A stream with the buffers of a handshake.

use core::{error, fmt};
use std::io::{self, ErrorKind, Read, Write};
use std::vec::Vec;

use crate::inbox::Inbox;
use crate::receive::Receive;
use crate::server;
use crate::wire::{Encode, GssapiMessage};

/// A stream with the buffers of a handshake.
pub struct Wire<S> {
    stream: S,
    inbox: Inbox<Vec<u8>>,
    outbox: Vec<u8>,
    /// The minimum room for a read.
    read_ahead: usize,
}

/// An error of the stream, or of the peer.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error<E: error::Error + 'static> {
    /// The stream failed.
    #[error(transparent)]
    Io(#[from] io::Error),
    /// The peer refused, sent a malformed message, or closed the connection. [`Wire::receive`] has sent the closing reply, unless
    /// the stream failed; [`Wire::receive_with`] has sent nothing.
    #[error(transparent)]
    Peer(E),
}

impl<E: error::Error + Into<io::Error>> From<Error<E>> for io::Error {
    fn from(error: Error<E>) -> Self {
        match error {
            Error::Io(error) => error,
            Error::Peer(error) => error.into(),
        }
    }
}

impl<S: Read + Write> Wire<S> {
    /// The wire of a client. It reads exactly the bytes that are missing, so that the application's data stays in the stream.
    pub const fn client(stream: S) -> Self {
        Self::new(stream, 0)
    }

    /// The wire of a server. It reads what is available; data after the handshake is in the inbox of
    /// [`into_parts`](Self::into_parts).
    pub const fn server(stream: S) -> Self {
        Self::new(stream, server::INPUT_MAX_LEN)
    }

    /// The wire of a server that has already read the first bytes, for example to detect the protocol.
    pub const fn from_parts(stream: S, inbox: Inbox<Vec<u8>>) -> Self {
        Self { stream, inbox, outbox: Vec::new(), read_ahead: server::INPUT_MAX_LEN }
    }

    const fn new(stream: S, read_ahead: usize) -> Self {
        Self { stream, inbox: Inbox::new(Vec::new()), outbox: Vec::new(), read_ahead }
    }

    /// Receives the message that the state waits for. Sends the closing reply if the message is malformed.
    ///
    /// # Errors
    ///
    /// [`Error`]: close the stream.
    pub fn receive<T: Receive>(&mut self, state: T) -> Result<T::Received<'_>, Error<T::Error>> {
        while let Some(missing) = state.missing(self.inbox.unread()) {
            if self.read(missing.get())? == 0 {
                break; // `receive` returns the error for it
            }
        }
        match self.inbox.receive(state) {
            Ok(received) => Ok(received),
            Err(error) => {
                // report the peer's error, even if the closing reply could not be sent
                let _ = send(&mut self.stream, &mut self.outbox, T::closing_reply(&error));
                Err(Error::Peer(error))
            }
        }
    }

    /// Receives a message of the caller's own sub-negotiation: `parse` returns it and its length in bytes, or `None` if more input
    /// is needed. The wire of a client reads byte by byte here.
    ///
    /// ```
    /// use core::convert::Infallible;
    /// use std::io::Cursor;
    ///
    /// use socks5_sansio::blocking::Wire;
    ///
    /// let mut wire = Wire::server(Cursor::new(b"hello\n\x05\x01".to_vec()));
    /// let line = wire.receive_with(|input| {
    ///     let end = input.iter().position(|&byte| byte == b'\n');
    ///     Ok::<_, Infallible>(end.map(|end| (input[..end].to_vec(), end + 1)))
    /// })?;
    /// assert_eq!(line, b"hello");
    /// assert_eq!(wire.into_parts().1.unread(), [5, 1]);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// [`Error::Peer`] with the error of `parse`: send what the sub-negotiation demands, then close. [`Error::Io`] for the stream's
    /// errors, of kind [`UnexpectedEof`](ErrorKind::UnexpectedEof) at its end, and `InvalidData` if 65,539 bytes hold no message.
    pub fn receive_with<T, E: error::Error>(
        &mut self,
        mut parse: impl FnMut(&[u8]) -> Result<Option<(T, usize)>, E>,
    ) -> Result<T, Error<E>> {
        loop {
            let unread = self.inbox.unread();
            if let Some((message, used)) = parse(unread).map_err(Error::Peer)? {
                self.inbox.consume(used);
                return Ok(message);
            }
            if unread.len() >= GssapiMessage::MAX_LEN {
                return Err(Error::Io(ErrorKind::InvalidData.into()));
            }
            if self.read(1)? == 0 {
                return Err(Error::Io(ErrorKind::UnexpectedEof.into()));
            }
        }
    }

    /// Returns the number of bytes read; 0 is the end of the stream.
    fn read(&mut self, missing: usize) -> io::Result<usize> {
        let room = self.inbox.room(missing.max(self.read_ahead)).map_err(io::Error::from);
        let len = room.and_then(|room| read(&mut self.stream, room));
        len.inspect(|len| self.inbox.filled(*len))
    }

    /// Sends a message in one write.
    ///
    /// # Errors
    ///
    /// Those of the stream.
    pub fn send(&mut self, message: &(impl Encode + ?Sized)) -> io::Result<()> {
        send(&mut self.stream, &mut self.outbox, message)
    }

    /// Returns the stream, and the unread input: the first application data.
    pub fn into_parts(self) -> (S, Inbox<Vec<u8>>) {
        (self.stream, self.inbox)
    }

    /// Returns the stream alone. The unread input is dropped: see [`unread`](Self::unread).
    pub fn into_stream(self) -> S {
        self.stream
    }

    /// The unread input.
    pub fn unread(&self) -> &[u8] {
        self.inbox.unread()
    }

    /// The stream.
    pub const fn stream(&self) -> &S {
        &self.stream
    }
}

fn read(stream: &mut impl Read, room: &mut [u8]) -> io::Result<usize> {
    loop {
        match stream.read(room) {
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            outcome => return outcome,
        }
    }
}

/// Encodes the message into the outbox, and writes it in one call: some peers close the connection if a read returns half a
/// message.
fn send<S: Read + Write>(stream: &mut S, outbox: &mut Vec<u8>, message: &(impl Encode + ?Sized)) -> io::Result<()> {
    outbox.clear();
    message.pieces(&mut |piece| outbox.extend_from_slice(piece));
    stream.write_all(outbox)?;
    stream.flush()
}

/// Shows no bytes: there may be a password among them.
impl<S: fmt::Debug> fmt::Debug for Wire<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Wire").field("stream", &self.stream).field("inbox", &self.inbox).finish_non_exhaustive()
    }
}
