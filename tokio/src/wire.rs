//! A stream with the buffers of a handshake.

use std::future::poll_fn;
use std::io::{self, ErrorKind};
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::{error, fmt};

use socks5_sansio::blocking::Error;
use socks5_sansio::{Encode, GssapiMessage, Inbox, Receive, server};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// A stream with the buffers of a handshake: the unread input, and the pending output.
///
/// Every method is cancel safe: bytes that were read stay in the inbox, and bytes that were not written are written by the next
/// call, whichever it is. [`send`](Self::send) queues its message when it is called: do not send the message again if the future is
/// dropped. [`receive`](Self::receive) consumes the state: if its future might be dropped, await [`ready`](Self::ready) first,
/// which borrows the state.
pub struct Wire<S> {
    stream: S,
    inbox: Inbox<Vec<u8>>,
    outbox: Inbox<Vec<u8>>,
    /// The least room for a read, in bytes.
    read_ahead: usize,
}

impl<S: AsyncRead + AsyncWrite + Unpin> Wire<S> {
    /// The wire of a client. It reads exactly the bytes that are missing, so that the application's data stays in the stream.
    pub const fn client(stream: S) -> Self {
        Self::new(stream, 0)
    }

    /// The wire of a server. It reads what there is; data after the handshake is [unread](Self::unread).
    pub const fn server(stream: S) -> Self {
        Self::new(stream, server::INPUT_MAX_LEN)
    }

    /// The wire of a server that has already read the first bytes, for example to detect the protocol.
    pub const fn from_parts(stream: S, inbox: Inbox<Vec<u8>>) -> Self {
        Self { stream, inbox, outbox: Inbox::new(Vec::new()), read_ahead: server::INPUT_MAX_LEN }
    }

    const fn new(stream: S, read_ahead: usize) -> Self {
        Self { stream, inbox: Inbox::new(Vec::new()), outbox: Inbox::new(Vec::new()), read_ahead }
    }

    /// Writes the pending output, then reads until [`receive`](Self::receive) needs no more input, or the stream has ended.
    ///
    /// # Errors
    ///
    /// Those of the stream.
    pub fn ready<T: Receive>(&mut self, state: &T) -> impl Future<Output = io::Result<()>> {
        poll_fn(move |cx| {
            ready!(self.poll_flush(cx))?;
            while let Some(missing) = state.missing(self.inbox.unread()) {
                if ready!(self.poll_read(cx, missing.get()))? == 0 {
                    break; // `receive` returns the error for it
                }
            }
            Poll::Ready(Ok(()))
        })
    }

    /// Receives the message that the state waits for. Sends the closing reply if the message is malformed.
    ///
    /// # Errors
    ///
    /// [`Error`]: close the stream.
    #[expect(clippy::manual_async_fn, reason = "an `async fn` holds the state twice: 40 bytes more in `connect`")]
    pub fn receive<'w, T: Receive>(
        &'w mut self,
        state: T,
    ) -> impl Future<Output = Result<T::Received<'w>, Error<T::Error>>> + use<'w, S, T> {
        async move {
            self.ready(&state).await?;
            match self.inbox.receive(state) {
                Ok(received) => Ok(received),
                Err(error) => {
                    let _ = send(&mut self.stream, &mut self.outbox, T::closing_reply(&error)).await;
                    Err(Error::Peer(error))
                }
            }
        }
    }

    /// Receives a message of the caller's own sub-negotiation: `parse` returns it and its length in bytes, or `None` if more
    /// input is needed. The wire of a client reads byte by byte here.
    ///
    /// # Errors
    ///
    /// [`Error::Peer`] with the error of `parse`: send what the sub-negotiation demands, then close. [`Error::Io`] for the stream's
    /// errors, of kind [`UnexpectedEof`](ErrorKind::UnexpectedEof) at its end, and `InvalidData` if 65,539 bytes hold no message.
    pub async fn receive_with<T, E: error::Error + 'static>(
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
            self.flush().await?;
            if poll_fn(|cx| self.poll_read(cx, 1)).await? == 0 {
                return Err(Error::Io(ErrorKind::UnexpectedEof.into()));
            }
        }
    }

    /// Sends a message. It is encoded at once, so the future does not contain it.
    ///
    /// # Errors
    ///
    /// Those of the stream.
    pub fn send<M: Encode + ?Sized>(&mut self, message: &M) -> impl Future<Output = io::Result<()>> + use<'_, S, M> {
        send(&mut self.stream, &mut self.outbox, message)
    }

    /// Writes the pending output of a [`send`](Self::send) whose future was dropped.
    ///
    /// # Errors
    ///
    /// Those of the stream.
    pub fn flush(&mut self) -> impl Future<Output = io::Result<()>> {
        poll_fn(|cx| self.poll_flush(cx))
    }

    /// The unread input.
    pub fn unread(&self) -> &[u8] {
        self.inbox.unread()
    }

    /// The stream.
    pub const fn stream(&self) -> &S {
        &self.stream
    }

    /// Returns the stream, and the unread input: the first application data. Pending output is lost: see [`flush`](Self::flush).
    pub fn into_parts(self) -> (S, Inbox<Vec<u8>>) {
        (self.stream, self.inbox)
    }

    /// Returns the stream alone. The unread input is dropped: see [`unread`](Self::unread).
    pub fn into_stream(self) -> S {
        self.stream
    }

    fn poll_read(&mut self, cx: &mut Context<'_>, missing: usize) -> Poll<io::Result<usize>> {
        let mut room = ReadBuf::new(self.inbox.room(missing.max(self.read_ahead))?);
        ready!(Pin::new(&mut self.stream).poll_read(cx, &mut room))?;
        let len = room.filled().len();
        self.inbox.filled(len);
        Poll::Ready(Ok(len))
    }

    fn poll_flush(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        poll_flush(&mut self.stream, &mut self.outbox, cx)
    }
}

/// Shows no bytes: there may be a password among them.
impl<S: fmt::Debug> fmt::Debug for Wire<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Wire").field("stream", &self.stream).field("inbox", &self.inbox).finish_non_exhaustive()
    }
}

/// Encodes the message into the outbox, and writes that.
fn send<'w, S: AsyncWrite + Unpin, M: Encode + ?Sized>(
    stream: &'w mut S,
    outbox: &'w mut Inbox<Vec<u8>>,
    message: &M,
) -> impl Future<Output = io::Result<()>> + use<'w, S, M> {
    let len = message.encoded_len();
    let mut encoded = outbox.room(len).and_then(|room| message.encode(room)).map(|len| outbox.filled(len));
    poll_fn(move |cx| {
        std::mem::replace(&mut encoded, Ok(()))?;
        poll_flush(stream, outbox, cx)
    })
}

fn poll_flush<S: AsyncWrite + Unpin>(
    stream: &mut S,
    outbox: &mut Inbox<Vec<u8>>,
    cx: &mut Context<'_>,
) -> Poll<io::Result<()>> {
    while !outbox.unread().is_empty() {
        match ready!(Pin::new(&mut *stream).poll_write(cx, outbox.unread()))? {
            0 => return Poll::Ready(Err(ErrorKind::WriteZero.into())),
            len => outbox.consume(len),
        }
    }
    Pin::new(stream).poll_flush(cx)
}
