//! SOCKS4 and 4a: the states and permits of both sides.
//!
//! ```text
//!  client                                         server
//!  connect -> (Request, ReceiveReply)             ReceiveRequest
//!  bind    -> (Request, ReceiveListening)           -> (Request, Asked::{Connect, Other}(Respond)) -- succeed; refuse, then close
//!  ReceiveListening -> (SocketAddrV4, ReceiveReply)    (Request, Asked::Bind(Listen)) -- listening --> Respond; refuse, then close
//!  ReceiveReply -> SocketAddrV4
//! ```
//!
//! SOCKS4 has no authentication, and a USERID proves nothing: a server that requires credentials [refuses](Asked::refuse) every
//! request, and neither resolves nor connects. No state of SOCKS5 leads to one of SOCKS4. For both protocols on one port, see
//! [`either`](crate::either).
//!
//! A server's input has at most [`Request::MAX_LEN`] bytes, a client's [`Reply::MAX_LEN`] for each reply.
//!
//! ```
//! use socks5_sansio::socks4::{self, Asked, ReceiveRequest, UserId};
//! use socks5_sansio::{Encode, Receive};
//!
//! let (request, client) = socks4::connect("example.com:443".try_into()?, UserId::EMPTY)?;
//! let up = request.to_vec();
//! assert_eq!(up, b"\x04\x01\x01\xBB\x00\x00\x00\x01\x00example.com\x00");
//!
//! let ((request, asked), used) = ReceiveRequest::new().receive(&up)?;
//! assert_eq!((request.destination().to_string().as_str(), used), ("example.com:443", 21));
//! let Asked::Connect(permit) = asked else { panic!("another command") };
//! let down = permit.succeed("192.0.2.7:4660".try_into()?).to_vec(); // the local address of the connection
//! assert_eq!(down, [0, 0x5A, 0x12, 0x34, 192, 0, 2, 7]);
//!
//! let (_bound, used) = client.receive(&down)?;
//! assert_eq!(used, 8); // what follows is the application's
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

use core::net::SocketAddrV4;
use core::num::NonZeroUsize;

pub use crate::error::RequestError;
use crate::error::{DecodeError, Invalid};
use crate::receive::{Ended, Receive, missing, receive, sealed::Sealed};
use crate::server;
use crate::wire::socks4::ipv4;
pub use crate::wire::socks4::{Reply, ReplyCode, Request, UserId};
use crate::wire::{Command, Endpoint};

/// CONNECT: a connection to the destination, an IPv4 address or a domain name.
///
/// ```
/// use std::io::Cursor;
///
/// use socks5_sansio::blocking::Wire;
/// use socks5_sansio::socks4::{self, UserId};
///
/// let stream = Cursor::new(b"\x00\x5A\x00\x00\x00\x00\x00\x00".to_vec());
/// # let stream = Script(stream, vec![]);
/// let mut wire = Wire::client(stream);
/// let (request, state) = socks4::connect("example.com:443".try_into()?, UserId::new("alice")?)?;
/// wire.send(&request)?;
/// wire.receive(state)?; // from here on the stream carries application data
/// # assert_eq!(wire.stream().1, b"\x04\x01\x01\xBB\x00\x00\x00\x01alice\x00example.com\x00");
/// # struct Script(Cursor<Vec<u8>>, Vec<u8>);
/// # impl std::io::Read for Script {
/// #     fn read(&mut self, room: &mut [u8]) -> std::io::Result<usize> { self.0.read(room) }
/// # }
/// # impl std::io::Write for Script {
/// #     fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> { self.1.write(bytes) }
/// #     fn flush(&mut self) -> std::io::Result<()> { Ok(()) }
/// # }
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
///
/// [`RequestError`] for an IPv6 address, for 0.0.0.1 to 0.0.0.255, and for a domain name with a NUL.
pub fn connect<'a>(
    destination: Endpoint<'a>,
    user_id: UserId<'a>,
) -> Result<(Request<'a>, ReceiveReply), RequestError> {
    other(Command::CONNECT, destination, user_id)
}

/// BIND: a connection from the destination.
///
/// # Errors
///
/// [`RequestError`] for an IPv6 address, for 0.0.0.1 to 0.0.0.255, and for a domain name with a NUL.
pub fn bind<'a>(
    destination: Endpoint<'a>,
    user_id: UserId<'a>,
) -> Result<(Request<'a>, ReceiveListening), RequestError> {
    Request::new(Command::BIND, destination, user_id).map(|request| (request, ReceiveListening(())))
}

/// Any other command that has one reply, such as Tor's [`RESOLVE`](Command::RESOLVE). For BIND, which has two, use [`bind`].
///
/// # Errors
///
/// [`RequestError`] for an IPv6 address, for 0.0.0.1 to 0.0.0.255, and for a domain name with a NUL.
pub fn other<'a>(
    command: Command,
    destination: Endpoint<'a>,
    user_id: UserId<'a>,
) -> Result<(Request<'a>, ReceiveReply), RequestError> {
    Request::new(command, destination, user_id).map(|request| (request, ReceiveReply(())))
}

/// The server's state: waits for the request.
#[must_use]
#[derive(Debug)]
pub struct ReceiveRequest(());

/// The client's last state: waits for the reply. After BIND it receives the address of the peer that connected. After CONNECT the
/// address depends on the server, and has no use.
#[must_use]
#[derive(Debug)]
pub struct ReceiveReply(());

/// The client's state after BIND: waits for the first reply. It receives the address on which the proxy listens; 0.0.0.0 stands
/// for the address by which the proxy was reached.
#[must_use]
#[derive(Debug)]
pub struct ReceiveListening(());

impl ReceiveRequest {
    /// The state in which every handshake begins.
    #[expect(clippy::new_without_default, reason = "see `ReceiveOffer::new`")]
    pub const fn new() -> Self {
        Self(())
    }
}

impl Sealed for ReceiveRequest {}
impl Receive for ReceiveRequest {
    type Received<'i> = (Request<'i>, Asked);
    type Error = server::Error;

    #[inline]
    fn missing(&self, input: &[u8]) -> Option<NonZeroUsize> {
        missing::<Request<'_>>(input)
    }

    #[inline]
    fn receive(self, input: &[u8]) -> Result<(Self::Received<'_>, usize), server::Error> {
        server::receive_first(input, server::Error::Socks4)
            .map(|(request, used): (Request<'_>, _)| ((request, Asked::new(request.command())), used))
    }

    fn closing_reply(error: &server::Error) -> &'static [u8] {
        error.closing_reply()
    }
}

impl Sealed for ReceiveReply {}
impl Receive for ReceiveReply {
    type Received<'i> = SocketAddrV4;
    type Error = Error;

    #[inline]
    fn missing(&self, input: &[u8]) -> Option<NonZeroUsize> {
        missing_of_reply(input)
    }

    #[inline]
    fn receive(self, input: &[u8]) -> Result<(SocketAddrV4, usize), Error> {
        receive_bound(input)
    }
}

impl Sealed for ReceiveListening {}
impl Receive for ReceiveListening {
    type Received<'i> = (SocketAddrV4, ReceiveReply);
    type Error = Error;

    #[inline]
    fn missing(&self, input: &[u8]) -> Option<NonZeroUsize> {
        missing_of_reply(input)
    }

    #[inline]
    fn receive(self, input: &[u8]) -> Result<((SocketAddrV4, ReceiveReply), usize), Error> {
        receive_bound(input).map(|(bound, used)| ((bound, ReceiveReply(())), used))
    }
}

/// A failure is decided by two bytes: not every server sends the rest.
#[inline]
fn missing_of_reply(input: &[u8]) -> Option<NonZeroUsize> {
    match Reply::peek_code(input) {
        Ok(ReplyCode::GRANTED) => missing::<Reply>(input),
        Ok(_) | Err(DecodeError::Invalid(_)) => None,
        Err(DecodeError::Incomplete(missing)) => Some(missing),
    }
}

#[inline]
fn receive_bound(input: &[u8]) -> Result<(SocketAddrV4, usize), Error> {
    match Reply::peek_code(input) {
        Ok(code) if code != ReplyCode::GRANTED => Err(Error::Refused(code)),
        _ => receive(input, Error::Invalid).map(|(Reply { bound, .. }, used)| (bound, used)),
    }
}

/// The command of a request, with the permit to answer it.
#[must_use]
#[derive(Debug)]
pub enum Asked {
    /// CONNECT: connect to the destination.
    Connect(Respond),
    /// BIND: listen for a connection from the destination.
    Bind(Listen),
    /// Any other command.
    Other(Command, Respond),
}

impl Asked {
    const fn new(command: Command) -> Self {
        match command {
            Command::CONNECT => Self::Connect(Respond(())),
            Command::BIND => Self::Bind(Listen(())),
            other => Self::Other(other, Respond(())),
        }
    }

    /// Refuses the request, whatever its command. Send the reply, then close.
    #[must_use = "the message is to be sent"]
    pub fn refuse(self) -> Reply {
        Reply::REJECTED
    }

    /// The command.
    #[must_use]
    pub const fn command(&self) -> Command {
        match self {
            Self::Connect(_) => Command::CONNECT,
            Self::Bind(_) => Command::BIND,
            Self::Other(command, _) => *command,
        }
    }
}

/// The server's permit for the last reply.
#[must_use]
#[derive(Debug)]
pub struct Respond(());

impl Respond {
    /// Reports success: to CONNECT with the local address of the connection, to BIND with the peer that connected. An address that
    /// is not IPv4 is sent as zeros. The stream carries the application's data afterwards.
    #[must_use = "the message is to be sent"]
    pub fn succeed(self, bound: Endpoint<'_>) -> Reply {
        Reply::granted_at(bound)
    }

    /// Reports failure. Send the reply, then close.
    #[must_use = "the message is to be sent"]
    pub fn refuse(self) -> Reply {
        Reply::REJECTED
    }
}

/// The server's permit for the first of the two replies to BIND.
///
/// ```
/// use socks5_sansio::socks4::{Asked, ReceiveRequest};
/// use socks5_sansio::{Encode, Receive};
///
/// let ((_request, asked), _) = ReceiveRequest::new().receive(&[4, 2, 0, 80, 192, 0, 2, 1, 0])?;
/// let Asked::Bind(permit) = asked else { panic!("another command") };
/// let Ok((first, permit)) = permit.listening("198.51.100.7:4660".try_into()?) else { panic!("is IPv4") };
/// assert_eq!(first.to_vec(), [0, 0x5A, 0x12, 0x34, 198, 51, 100, 7]);
/// let second = permit.succeed("192.0.2.1:50000".try_into()?); // the peer has connected
/// assert_eq!(second.to_vec(), [0, 0x5A, 0xC3, 0x50, 192, 0, 2, 1]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[must_use]
#[derive(Debug)]
pub struct Listen(());

impl Listen {
    /// Reports that the server listens on `bound`. Send the second reply when the peer has connected, or on failure.
    ///
    /// # Errors
    ///
    /// The permit, if the address is not IPv4: call [`refuse`](Self::refuse).
    pub fn listening(self, bound: Endpoint<'_>) -> Result<(Reply, Respond), Self> {
        ipv4(bound).map(|bound| (Reply::granted(bound), Respond(()))).ok_or(self)
    }

    /// Reports that the server does not listen. Send the reply, then close.
    #[must_use = "the message is to be sent"]
    pub fn refuse(self) -> Reply {
        Reply::REJECTED
    }
}

/// A refusal or an error of the server. It ends the client's handshake. An error caused by a client is a [`server::Error`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, thiserror::Error)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum Error {
    /// The server's message is malformed, or the server is not a SOCKS4 server.
    #[error("malformed message from the proxy: {0}")]
    Invalid(Invalid),
    /// The server refused the request, with a code other than 5A.
    #[error("the proxy refused the request: {0}")]
    Refused(ReplyCode),
    /// The server closed the connection instead of sending the next message; some servers do so in place of a refusal.
    #[error("the proxy closed the connection during the handshake")]
    Closed,
    /// The server closed the connection in the middle of a message.
    #[error("the proxy closed the connection in the middle of a message")]
    Truncated,
}

impl Ended for Error {
    const CLOSED: Self = Self::Closed;
    const TRUNCATED: Self = Self::Truncated;
}

/// A refusal is `PermissionDenied` if its code is about identd, `Other` with any other code.
#[cfg(feature = "std")]
#[cfg_attr(docsrs, doc(cfg(feature = "std")))]
impl From<Error> for std::io::Error {
    fn from(error: Error) -> Self {
        use std::io::ErrorKind;
        let kind = match error {
            Error::Invalid(_) => ErrorKind::InvalidData,
            Error::Refused(ReplyCode::NO_IDENTD | ReplyCode::IDENTD_MISMATCH) => ErrorKind::PermissionDenied,
            Error::Refused(_) => ErrorKind::Other,
            Error::Closed | Error::Truncated => ErrorKind::UnexpectedEof,
        };
        Self::new(kind, error)
    }
}

#[cfg(test)]
mod tests {
    #[cfg(feature = "std")]
    #[test]
    fn errors_are_malformed_data_a_refusal_or_an_early_end() {
        use std::io::{self, ErrorKind};

        use super::*;
        for (error, kind) in [
            (Error::Invalid(Invalid::Socks4Version(5)), ErrorKind::InvalidData),
            (Error::Refused(ReplyCode::REJECTED), ErrorKind::Other),
            (Error::Refused(ReplyCode::NO_IDENTD), ErrorKind::PermissionDenied),
            (Error::Refused(ReplyCode::IDENTD_MISMATCH), ErrorKind::PermissionDenied),
            (Error::Closed, ErrorKind::UnexpectedEof),
            (Error::Truncated, ErrorKind::UnexpectedEof),
        ] {
            assert_eq!(io::Error::from(error).kind(), kind, "{error}");
        }
    }
}
