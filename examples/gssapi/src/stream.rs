//! A socket that wraps what is written and unwraps what is read, once there is an agreement on it (RFC 1961 section 5).
//!
//! It holds one frame at most, 65,539 octets, and what was in the last one.

use std::fmt::Display;
use std::io::{self, Cursor, ErrorKind, Read, Write};
use std::net::{Shutdown, TcpStream};
use std::num::NonZeroUsize;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use libgssapi::context::SecurityContext;
use socks5_sansio::gssapi::Error;
use socks5_sansio::{DecodeError, GssapiMessage, Message, ProtectionLevel};

use crate::{denied, invalid, token};

/// So many octets are wrapped at once: with what a mechanism adds, far less than fits into a frame.
const CHUNK: usize = 16 * 1024;

const HANG_UP_TIMEOUT: Duration = Duration::from_secs(2);

/// An established security context, which both directions share, and what it is used for.
#[derive(Clone)]
pub struct Protection {
    context: Arc<Mutex<dyn SecurityContext + Send>>,
    pub level: ProtectionLevel,
}

impl Protection {
    pub fn new(context: impl SecurityContext + Send + 'static, level: ProtectionLevel) -> Self {
        Self { context: Arc::new(Mutex::new(context)), level }
    }

    fn context(&self) -> MutexGuard<'_, dyn SecurityContext + Send + 'static> {
        self.context.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// These octets as a frame.
    fn wrap(&self, clear: &[u8]) -> io::Result<Vec<u8>> {
        let confidential = self.level == ProtectionLevel::CONFIDENTIALITY;
        let wrapped = self.context().wrap(confidential, clear).map_err(io::Error::other)?;
        let mut frame = Vec::with_capacity(wrapped.len() + 4);
        GssapiMessage::Encapsulated(token(&wrapped)?).put(&mut frame);
        Ok(frame)
    }

    /// What is in a frame. One that comes twice, too late or too early is an error; whether it was encrypted,
    /// `libgssapi` does not say.
    fn unwrap(&self, message: GssapiMessage<'_>) -> io::Result<Vec<u8>> {
        let GssapiMessage::Encapsulated(token) = message else {
            return Err(invalid(format_args!("{message:?} where a frame of data is due")));
        };
        let clear = self.context().unwrap(token.as_bytes());
        clear.map(|clear| clear.to_vec()).map_err(|error| invalid(format_args!("a frame is refused: {error}")))
    }
}

/// As a socket is at first, and after [`protect`](Self::protect).
pub struct Stream {
    wire: Wire,
    protection: Option<Protection>,
    /// Unwrapped, and not read yet.
    clear: Cursor<Vec<u8>>,
}

impl Stream {
    /// What is read must come within this time, altogether, until [`established`](Self::established).
    pub fn new(tcp: TcpStream, limit: Duration) -> io::Result<Self> {
        tcp.set_nodelay(true)?;
        tcp.set_write_timeout(Some(limit))?;
        let wire = Wire { tcp, deadline: Some(Instant::now() + limit) };
        Ok(Self { wire, protection: None, clear: Cursor::default() })
    }

    /// From now on frames, unless the level is `CLEAR`.
    pub fn protect(&mut self, protection: Protection) {
        self.protection = Some(protection).filter(|protection| protection.level != ProtectionLevel::CLEAR);
    }

    /// A frame, as it is.
    pub fn send(&mut self, message: GssapiMessage<'_>) -> io::Result<()> {
        let mut frame = Vec::new();
        message.put(&mut frame);
        self.wire.tcp.write_all(&frame)
    }

    /// The last frame, and why.
    pub fn part<T>(&mut self, abort: GssapiMessage<'_>, why: impl Display) -> io::Result<T> {
        let _ = self.send(abort);
        Err(denied(why))
    }

    /// What there is to say about an error. The error is what counts.
    pub fn last_words(&mut self, error: Error) -> io::Error {
        let _ = self.wire.tcp.write_all(error.parting());
        error.into()
    }

    /// No deadline any more. Returns the half to write to.
    pub fn established(&mut self) -> io::Result<Self> {
        self.wire.deadline = None;
        self.wire.tcp.set_read_timeout(None)?;
        self.wire.tcp.set_write_timeout(None)?;
        let wire = Wire { tcp: self.wire.tcp.try_clone()?, deadline: None };
        Ok(Self { wire, protection: self.protection.clone(), clear: Cursor::default() })
    }

    /// The socket itself.
    pub fn socket(&self) -> &TcpStream {
        &self.wire.tcp
    }

    /// Closes so that the last message arrives: a socket that is closed with octets unread resets the connection.
    pub fn hang_up(mut self) {
        let _ = self.wire.tcp.shutdown(Shutdown::Write);
        self.wire.deadline = Some(Instant::now() + HANG_UP_TIMEOUT);
        let _ = io::copy(&mut self.wire, &mut io::sink());
    }
}

impl Read for Stream {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        let Some(protection) = &self.protection else { return self.wire.read(out) };
        loop {
            match self.clear.read(out)? {
                0 if !out.is_empty() => match next_frame(&mut self.wire, protection)? {
                    Some(clear) => self.clear = Cursor::new(clear),
                    None => return Ok(0),
                },
                len => return Ok(len),
            }
        }
    }
}

impl Write for Stream {
    fn write(&mut self, octets: &[u8]) -> io::Result<usize> {
        let Some(protection) = &self.protection else { return self.wire.tcp.write(octets) };
        let chunk = &octets[..octets.len().min(CHUNK)];
        self.wire.tcp.write_all(&protection.wrap(chunk)?)?;
        Ok(chunk.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// What is in the next frame; nothing if the stream ends before it. The RFC has no frame for the end: if the stream is
/// cut off between two frames, nobody notices.
fn next_frame(wire: &mut Wire, protection: &Protection) -> io::Result<Option<Vec<u8>>> {
    let mut frame = Vec::new();
    loop {
        match GssapiMessage::decode(&frame) {
            Ok((message, _)) => return protection.unwrap(message).map(Some),
            Err(DecodeError::Invalid(why)) => return Err(invalid(why)),
            Err(DecodeError::Incomplete(missing)) => match (fill(wire, missing, &mut frame)?, frame.len()) {
                (true, _) => {}
                (false, 0) => return Ok(None),
                (false, _) => return Err(ErrorKind::UnexpectedEof.into()),
            },
        }
    }
}

/// Reads what is missing, and no octet more. Returns whether all of it came before the stream ended.
pub fn fill(stream: &mut impl Read, missing: NonZeroUsize, buffer: &mut Vec<u8>) -> io::Result<bool> {
    let read = stream.take(missing.get() as u64).read_to_end(buffer)?;
    Ok(read == missing.get())
}

/// A socket that is read until a deadline.
struct Wire {
    tcp: TcpStream,
    deadline: Option<Instant>,
}

impl Read for Wire {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        if let Some(deadline) = self.deadline {
            let left = deadline.checked_duration_since(Instant::now()).filter(|left| !left.is_zero());
            self.tcp.set_read_timeout(Some(left.ok_or(ErrorKind::TimedOut)?))?;
        }
        self.tcp.read(out).map_err(|error| match error.kind() {
            ErrorKind::WouldBlock => ErrorKind::TimedOut.into(),
            _ => error,
        })
    }
}
