//! A stream that wraps what is written and unwraps what is read, after the authentication.

use std::io::{self, ErrorKind};
use std::net::Shutdown;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use socket2::SockRef;
use socks5_sansio::{Decode, DecodeError, GssapiMessage, Inbox};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio_socks5_sansio::outbound;

use crate::invalid;
use crate::protection::Protection;

/// The most bytes that are wrapped at once: with what a mechanism adds, far less than the longest frame.
pub const CHUNK: usize = 16 * 1024;

/// A connection, unprotected until [`protect`](Self::protect) is called. It holds at most a frame and a chunk that were received,
/// the data of one frame, and a frame to be sent.
pub struct Stream<'s> {
    tcp: &'s TcpStream,
    protection: Option<Protection>,
    /// Received, and not unwrapped yet.
    frames: Inbox<Vec<u8>>,
    /// Unwrapped, and not read yet.
    clear: Inbox<Vec<u8>>,
    /// Wrapped, and not sent yet.
    outbox: Inbox<Vec<u8>>,
}

impl<'s> Stream<'s> {
    pub fn new(tcp: &'s TcpStream) -> Self {
        let [frames, clear, outbox] = [(); 3].map(|()| Inbox::new(Vec::new()));
        Self { tcp, protection: None, frames, clear, outbox }
    }

    /// Wraps all further output and unwraps all further input, unless the level is `CLEAR`.
    pub fn protect(&mut self, protection: Protection) {
        self.protection = Some(protection).filter(Protection::wraps);
    }

    /// The same connection, to write to while this one is read.
    pub fn writer(&self) -> Self {
        Self { protection: self.protection.clone(), ..Self::new(self.tcp) }
    }

    /// The socket itself.
    pub const fn socket(&self) -> &'s TcpStream {
        self.tcp
    }

    /// Waits for `work` unless the client leaves first: see [`outbound::unless_left`].
    pub async fn unless_left<T>(&mut self, work: impl Future<Output = io::Result<T>>) -> io::Result<T> {
        let mut early = [self.clear.unread(), self.frames.unread()].concat();
        let known = early.len();
        let outcome = outbound::unless_left(self.tcp, &mut early, work).await;
        let inbox = if self.protection.is_some() { &mut self.frames } else { &mut self.clear };
        append(inbox, &early[known..])?;
        outcome
    }

    /// Unwraps the next frame. `false`: the stream has ended before it. The RFC has no frame for the end: a truncation
    /// between two frames is not detected.
    fn poll_frame(&mut self, protection: &Protection, cx: &mut Context<'_>) -> Poll<io::Result<bool>> {
        loop {
            let missing = match GssapiMessage::decode(self.frames.unread()) {
                Ok((message, used)) => {
                    append(&mut self.clear, &protection.unwrap(&message)?)?;
                    self.frames.consume(used);
                    return Poll::Ready(Ok(true));
                }
                Err(DecodeError::Invalid(why)) => return Poll::Ready(Err(invalid(why))),
                Err(DecodeError::Incomplete(missing)) => missing.get(),
            };
            if !ready!(poll_receive(self.tcp, &mut self.frames, missing.max(CHUNK), cx))? {
                let is_truncated = !self.frames.unread().is_empty();
                return Poll::Ready(if is_truncated { Err(ErrorKind::UnexpectedEof.into()) } else { Ok(false) });
            }
        }
    }
}

impl AsyncRead for Stream<'_> {
    /// An unprotected stream receives no more than is asked for: what follows may be frames.
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, out: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        while self.clear.unread().is_empty() {
            let received = match self.protection.clone() {
                Some(protection) => self.poll_frame(&protection, cx),
                None => poll_receive(self.tcp, &mut self.clear, out.remaining(), cx),
            };
            if !ready!(received)? {
                return Poll::Ready(Ok(()));
            }
        }
        let unread = self.clear.unread();
        let len = unread.len().min(out.remaining());
        out.put_slice(&unread[..len]);
        self.clear.consume(len);
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Stream<'_> {
    /// Takes at most a chunk, which the next flush sends.
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        ready!(self.as_mut().poll_flush(cx))?;
        let chunk = &bytes[..bytes.len().min(CHUNK)];
        match &self.protection {
            Some(protection) => {
                let frame = protection.wrap(chunk)?;
                append(&mut self.outbox, &frame)?;
            }
            None => append(&mut self.outbox, chunk)?,
        }
        Poll::Ready(Ok(chunk.len()))
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        while !self.outbox.unread().is_empty() {
            ready!(self.tcp.poll_write_ready(cx))?;
            match self.tcp.try_write(self.outbox.unread()) {
                Ok(len) => self.outbox.consume(len),
                Err(error) if error.kind() == ErrorKind::WouldBlock => {}
                Err(error) => return Poll::Ready(Err(error)),
            }
        }
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(self.as_mut().poll_flush(cx))?;
        Poll::Ready(SockRef::from(self.tcp).shutdown(Shutdown::Write))
    }
}

/// Receives at most `max` bytes. `false`: the stream has ended.
fn poll_receive(
    tcp: &TcpStream,
    inbox: &mut Inbox<Vec<u8>>,
    max: usize,
    cx: &mut Context<'_>,
) -> Poll<io::Result<bool>> {
    loop {
        ready!(tcp.poll_read_ready(cx))?;
        match tcp.try_read(inbox.room(max)?) {
            Ok(len) => {
                inbox.filled(len);
                return Poll::Ready(Ok(len > 0));
            }
            Err(error) if error.kind() == ErrorKind::WouldBlock => {}
            Err(error) => return Poll::Ready(Err(error)),
        }
    }
}

fn append(inbox: &mut Inbox<Vec<u8>>, bytes: &[u8]) -> io::Result<()> {
    inbox.room(bytes.len())?.copy_from_slice(bytes);
    inbox.filled(bytes.len());
    Ok(())
}
