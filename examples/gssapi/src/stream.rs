//! A socket that wraps what is written and unwraps what is read, after the authentication (RFC 1961 section 5).
//!
//! It holds at most one frame, 65,539 bytes, and the data of the last one.

use std::io::{self, Cursor, ErrorKind, Read, Write};
use std::net::{Shutdown, TcpStream};
use std::num::NonZeroUsize;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use libgssapi::context::SecurityContext;
use socks5_sansio::{Decode, DecodeError, Encode, GssapiMessage, GssapiToken, ProtectionLevel};

use crate::invalid;

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
        Ok(GssapiMessage::Encapsulated(GssapiToken::new(&wrapped)?).to_vec())
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

/// Unprotected until [`protect`](Self::protect) is called.
pub struct Stream {
    socket: Socket,
    protection: Option<Protection>,
    /// Unwrapped, and not read yet.
    clear: Cursor<Vec<u8>>,
}

impl Stream {
    /// What is read must come within this time, altogether, until [`established`](Self::established).
    pub fn new(tcp: TcpStream, limit: Duration) -> io::Result<Self> {
        tcp.set_nodelay(true)?;
        tcp.set_write_timeout(Some(limit))?;
        let socket = Socket { tcp, deadline: Some(Instant::now() + limit) };
        Ok(Self { socket, protection: None, clear: Cursor::default() })
    }

    /// From now on frames, unless the level is `CLEAR`.
    pub fn protect(&mut self, protection: Protection) {
        self.protection = Some(protection).filter(|protection| protection.level != ProtectionLevel::CLEAR);
    }

    /// No deadline any more. Returns the half to write to.
    pub fn established(&mut self) -> io::Result<Self> {
        self.socket.deadline = None;
        self.socket.tcp.set_read_timeout(None)?;
        self.socket.tcp.set_write_timeout(None)?;
        let socket = Socket { tcp: self.socket.tcp.try_clone()?, deadline: None };
        Ok(Self { socket, protection: self.protection.clone(), clear: Cursor::default() })
    }

    /// The socket itself.
    pub fn socket(&self) -> &TcpStream {
        &self.socket.tcp
    }

    /// Closes so that the last message arrives: a socket that is closed with octets unread resets the connection.
    pub fn hang_up(mut self) {
        let _ = self.socket.tcp.shutdown(Shutdown::Write);
        self.socket.deadline = Some(Instant::now() + HANG_UP_TIMEOUT);
        let _ = io::copy(&mut self.socket, &mut io::sink());
    }
}

impl Read for Stream {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        let Some(protection) = &self.protection else { return self.socket.read(out) };
        loop {
            match self.clear.read(out)? {
                0 if !out.is_empty() => match next_frame(&mut self.socket, protection)? {
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
        let Some(protection) = &self.protection else { return self.socket.tcp.write(octets) };
        let chunk = &octets[..octets.len().min(CHUNK)];
        self.socket.tcp.write_all(&protection.wrap(chunk)?)?;
        Ok(chunk.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// What is in the next frame; nothing if the stream ends before it. The RFC has no frame for the end: if the stream is
/// cut off between two frames, nobody notices.
fn next_frame(socket: &mut Socket, protection: &Protection) -> io::Result<Option<Vec<u8>>> {
    let mut frame = Vec::new();
    loop {
        match GssapiMessage::decode(&frame) {
            Ok((message, _)) => return protection.unwrap(message).map(Some),
            Err(DecodeError::Invalid(why)) => return Err(invalid(why)),
            Err(DecodeError::Incomplete(missing)) => match (fill(socket, missing, &mut frame)?, frame.len()) {
                (true, _) => {}
                (false, 0) => return Ok(None),
                (false, _) => return Err(ErrorKind::UnexpectedEof.into()),
            },
        }
    }
}

/// Reads what is missing, and no octet more. Returns whether all of it came before the stream ended.
fn fill(stream: &mut impl Read, missing: NonZeroUsize, buffer: &mut Vec<u8>) -> io::Result<bool> {
    let read = stream.take(missing.get() as u64).read_to_end(buffer)?;
    Ok(read == missing.get())
}

/// A socket that is read until a deadline.
struct Socket {
    tcp: TcpStream,
    deadline: Option<Instant>,
}

impl Read for Socket {
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
