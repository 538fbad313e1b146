//! Drivers for blocking streams: [`connect`] for clients, [`accept`] for servers, [`accept_either`] for servers of SOCKS4 too, and
//! [`Wire`] for everything else.
//!
//! ```
//! use std::net::{TcpListener, TcpStream};
//! use std::thread;
//!
//! use socks5_sansio::blocking::{Wire, accept, connect};
//! use socks5_sansio::server::Asked;
//! use socks5_sansio::{ReplyCode, UserPass};
//!
//! let listener = TcpListener::bind("127.0.0.1:0")?;
//! let mut stream = TcpStream::connect(listener.local_addr()?)?;
//!
//! let server = thread::spawn(move || -> std::io::Result<()> {
//!     let mut wire = Wire::server(listener.accept()?.0);
//!     let (_, destination, asked) = accept(&mut wire, &UserPass::new("alice", "s3cret")?)?;
//!     assert_eq!(destination.to_string(), "example.com:443");
//!     let reply = match asked {
//!         Asked::Connect(permit) => permit.succeed("192.0.2.7:4660".try_into()?), // the local address of the connection
//!         other => other.refuse(ReplyCode::COMMAND_NOT_SUPPORTED),
//!     };
//!     wire.send(&reply)
//! });
//!
//! let bound = connect(&mut stream, "example.com:443", Some(UserPass::new("alice", "s3cret")?))?;
//! assert_eq!(bound.to_string(), "192.0.2.7:4660");
//! server.join().unwrap()?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! Any stream will do. Give TCP streams a [`Deadline`]; reaching it is an error, and ends the handshake. Before closing a TCP stream after a refusal, read what the client still sends: closing with unread input resets the connection, and
//! the client may never see the refusal.

use core::time::Duration;
use core::{error, fmt};
use std::io::{self, ErrorKind, Read, Write};
use std::net::TcpStream;
use std::time::Instant;
use std::vec::Vec;

use crate::client::{self, Selected, SendRequest};
use crate::either::{self, Protocol, ReceiveProtocol};
use crate::error::ParseEndpointError;
use crate::inbox::Inbox;
use crate::receive::Receive;
use crate::server::{self, Asked, Login, ReceiveOffer};
use crate::socks4;
use crate::wire::{Encode, Endpoint, EndpointBuf, GssapiMessage, ReplyCode, UserPass, UserPassBuf};

/// A stream with the buffers of a handshake.
pub struct Wire<S> {
    stream: S,
    inbox: Inbox<Vec<u8>>,
    outbox: Vec<u8>,
    /// The least room for a read.
    read_ahead: usize,
}

/// An error of the stream, or of the peer.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error<E: error::Error + 'static> {
    /// The stream failed.
    #[error(transparent)]
    Io(#[from] io::Error),
    /// The peer refused, or its message is malformed. The closing reply was sent, unless the stream failed.
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

    /// The wire of a server whose first bytes were read already: to detect the protocol, for example.
    pub const fn from_parts(stream: S, inbox: Inbox<Vec<u8>>) -> Self {
        Self { stream, inbox, outbox: Vec::new(), read_ahead: server::INPUT_MAX_LEN }
    }

    const fn new(stream: S, read_ahead: usize) -> Self {
        Self { stream, inbox: Inbox::new(Vec::new()), outbox: Vec::new(), read_ahead }
    }

    /// Receives the message that the state waits for. Sends the closing reply if it is malformed.
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
                let _ = send(&mut self.stream, &mut self.outbox, T::closing_reply(&error)); // the peer's error is returned
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
    /// [`Error::Peer`] with the error of `parse`: send what its protocol demands, then close. [`Error::Io`] for the stream's errors,
    /// of kind [`UnexpectedEof`](ErrorKind::UnexpectedEof) at its end, and `InvalidData` where 65,539 bytes hold no message.
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
    /// As [`Write::write_all`] and [`Write::flush`].
    pub fn send(&mut self, message: &(impl Encode + ?Sized)) -> io::Result<()> {
        send(&mut self.stream, &mut self.outbox, message)
    }

    /// The stream, and the bytes that were read from it and not used: the application's first data.
    pub fn into_parts(self) -> (S, Inbox<Vec<u8>>) {
        (self.stream, self.inbox)
    }

    /// The stream alone: what was read from it and not used is dropped, see [`unread`](Self::unread).
    pub fn into_stream(self) -> S {
        self.stream
    }

    /// What was read and not used.
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

/// Encodes the message into the outbox, and writes that at once: some peers close the connection after half a message.
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

/// A TCP stream whose reads and writes fail after a deadline, with [`TimedOut`](ErrorKind::TimedOut). A timeout of the socket alone
/// starts anew with each byte, so that a peer can make a handshake last for ever.
///
/// ```
/// use std::io::{self, ErrorKind};
/// use std::net::{TcpListener, TcpStream};
/// use std::time::Duration;
///
/// use socks5_sansio::blocking::{Deadline, connect};
///
/// let silent = TcpListener::bind("127.0.0.1:0")?;
/// let stream = TcpStream::connect(silent.local_addr()?)?;
/// let error = connect(&mut Deadline::new(&stream, Duration::from_millis(10)), "192.0.2.1:80", None).unwrap_err();
/// assert_eq!(io::Error::from(error).kind(), ErrorKind::TimedOut);
/// assert_eq!(stream.read_timeout()?, None); // what uses the stream afterwards has no timeout
/// # Ok::<(), io::Error>(())
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Deadline<'s> {
    stream: &'s TcpStream,
    deadline: Option<Instant>,
}

impl<'s> Deadline<'s> {
    /// A deadline after `timeout` from now; [`Duration::MAX`] is none.
    #[must_use]
    pub fn new(stream: &'s TcpStream, timeout: Duration) -> Self {
        Self { stream, deadline: Instant::now().checked_add(timeout) }
    }

    fn within<T>(
        &self,
        set_timeout: fn(&TcpStream, Option<Duration>) -> io::Result<()>,
        operation: impl FnOnce(&TcpStream) -> io::Result<T>,
    ) -> io::Result<T> {
        let left = self.deadline.map(|deadline| deadline.saturating_duration_since(Instant::now()));
        if left.is_some_and(|left| left.is_zero()) {
            return Err(ErrorKind::TimedOut.into());
        }
        let outcome = set_timeout(self.stream, left).and_then(|()| operation(self.stream));
        let outcome = set_timeout(self.stream, None).and(outcome);
        outcome.map_err(|error| match error.kind() {
            ErrorKind::WouldBlock | ErrorKind::TimedOut => ErrorKind::TimedOut.into(), // depending on the system
            _ => error,
        })
    }
}

impl Read for Deadline<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.within(TcpStream::set_read_timeout, |mut stream| stream.read(buffer))
    }
}

impl Write for Deadline<'_> {
    fn write(&mut self, buffer: &[u8]) -> io::Result<usize> {
        self.within(TcpStream::set_write_timeout, |mut stream| stream.write(buffer))
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// The error of [`connect`].
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ConnectError {
    /// The destination is malformed. Nothing was sent.
    #[error(transparent)]
    Destination(#[from] ParseEndpointError),
    /// The stream failed.
    #[error(transparent)]
    Io(#[from] io::Error),
    /// The proxy refused, or its message is malformed.
    #[error(transparent)]
    Proxy(client::Error),
}

impl From<Error<client::Error>> for ConnectError {
    fn from(error: Error<client::Error>) -> Self {
        match error {
            Error::Io(error) => Self::Io(error),
            Error::Peer(error) => Self::Proxy(error),
        }
    }
}

/// The code that a server sends to its own client if the next proxy failed.
impl From<&ConnectError> for ReplyCode {
    fn from(error: &ConnectError) -> Self {
        match error {
            ConnectError::Destination(_) => Self::GENERAL_FAILURE,
            ConnectError::Io(error) => error.into(),
            ConnectError::Proxy(error) => (*error).into(),
        }
    }
}

impl From<ConnectError> for io::Error {
    fn from(error: ConnectError) -> Self {
        match error {
            ConnectError::Destination(error) => error.into(),
            ConnectError::Io(error) => error,
            ConnectError::Proxy(error) => error.into(),
        }
    }
}

/// Connects to a destination through the proxy at the other end of the stream: `"example.com:443"`, `("example.com", 443)`, a
/// socket address or an [`Endpoint`]. Returns the proxy's end of the connection; the stream is the application's afterwards.
///
/// # Errors
///
/// [`ConnectError`]: close the stream.
pub fn connect<'a, S, T>(stream: &mut S, to: T, credentials: Option<UserPass<'_>>) -> Result<EndpointBuf, ConnectError>
where
    S: Read + Write + ?Sized,
    T: TryInto<Endpoint<'a>, Error: Into<ParseEndpointError>>,
{
    let to = to.try_into().map_err(Into::into)?;
    let mut wire = Wire::client(stream);
    let (request, state) = authenticate(&mut wire, credentials)?.connect(to);
    wire.send(&request)?;
    Ok(wire.receive(state)?.into())
}

/// Performs the client's handshake up to the request: offers no authentication and, if there are credentials, username and
/// password. For any request but CONNECT:
///
/// ```
/// # use std::net::TcpListener;
/// use std::net::TcpStream;
///
/// use socks5_sansio::Endpoint;
/// use socks5_sansio::association::relay_address;
/// use socks5_sansio::blocking::{Wire, authenticate};
///
/// # use socks5_sansio::ReplyCode;
/// # use socks5_sansio::blocking::{Anyone, accept};
/// # use socks5_sansio::server::Asked;
/// # let listener = TcpListener::bind("127.0.0.1:0")?;
/// # let address = listener.local_addr()?;
/// # let server = std::thread::spawn(move || -> std::io::Result<()> {
/// #     let mut wire = Wire::server(listener.accept()?.0);
/// #     let reply = match accept(&mut wire, &Anyone)?.2 {
/// #         Asked::UdpAssociate(permit) => permit.succeed("0.0.0.0:4660".try_into()?),
/// #         other => other.refuse(ReplyCode::COMMAND_NOT_SUPPORTED),
/// #     };
/// #     wire.send(&reply)
/// # });
/// let stream = TcpStream::connect(address)?;
/// let proxy = stream.peer_addr()?;
///
/// let mut wire = Wire::client(stream);
/// let (request, state) = authenticate(&mut wire, None)?.udp_associate(Endpoint::unspecified(proxy));
/// wire.send(&request)?;
/// let relay = relay_address(wire.receive(state)?, proxy);
/// assert_eq!(relay, "127.0.0.1:4660".parse()?); // send datagrams there, and keep the wire
/// # server.join().unwrap()?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
///
/// [`Error`]: close the stream.
pub fn authenticate<S: Read + Write>(
    wire: &mut Wire<S>,
    credentials: Option<UserPass<'_>>,
) -> Result<SendRequest, Error<client::Error>> {
    let (offer, state) = client::login(credentials);
    wire.send(&offer)?;
    match wire.receive(state)? {
        Selected::Request(permit) => Ok(permit),
        Selected::UserPass(credentials, state) => {
            wire.send(&credentials)?;
            wire.receive(state)
        }
    }
}

/// The clients that a server admits: [`Anyone`], one user ([`UserPass`], [`UserPassBuf`]), a [`Check`] of credentials, or a type of
/// the caller's.
///
/// ```
/// use std::io::Cursor;
///
/// use socks5_sansio::UserPass;
/// use socks5_sansio::blocking::{Admit, Wire, accept};
///
/// struct Users;
///
/// impl Admit for Users {
///     type User = &'static str;
///
///     fn anonymous(&self) -> Option<&'static str> {
///         Some("guest")
///     }
///
///     fn user_pass(&self, given: UserPass<'_>) -> Option<&'static str> {
///         UserPass::new("alice", "s3cret").is_ok_and(|alice| given.verify(&alice)).then_some("alice")
///     }
/// }
///
/// let request = b"\x05\x01\x00\x01\xC0\x00\x02\x01\x00\x50";
/// for (login, expected) in [(b"\x05\x01\x00".as_slice(), "guest"), (b"\x05\x01\x02\x01\x05alice\x06s3cret", "alice")] {
///     let mut wire = Wire::server(Cursor::new([login, request].concat()));
///     let (user, destination, _asked) = accept(&mut wire, &Users)?;
///     assert_eq!((user, destination.to_string().as_str()), (expected, "192.0.2.1:80"));
/// }
/// # Ok::<(), socks5_sansio::blocking::AcceptError>(())
/// ```
pub trait Admit {
    /// What [`accept`] returns for an admitted client: an account, a name, or nothing.
    type User;

    /// The user of clients without credentials, which those of SOCKS4 are too. `None`: credentials are required. Called for every
    /// client, before the method is selected.
    fn anonymous(&self) -> Option<Self::User>;

    /// The user with these credentials. `None`: they are rejected.
    fn user_pass(&self, given: UserPass<'_>) -> Option<Self::User>;

    /// Whether to select username and password if the client offers no authentication too, and would be admitted without
    /// credentials. Some clients (Java, tsocks) offer username and password without having any; with `true` they are rejected
    /// unless [`user_pass`](Self::user_pass) admits what they send.
    fn prefers_user_pass(&self) -> bool {
        true
    }
}

/// Admits every client, with any credentials or none.
#[derive(Clone, Copy, Debug)]
pub struct Anyone;

impl Admit for Anyone {
    type User = ();

    fn anonymous(&self) -> Option<()> {
        Some(())
    }

    fn user_pass(&self, _given: UserPass<'_>) -> Option<()> {
        Some(())
    }

    fn prefers_user_pass(&self) -> bool {
        false
    }
}

impl Admit for UserPass<'_> {
    type User = ();

    fn anonymous(&self) -> Option<()> {
        None
    }

    fn user_pass(&self, given: UserPass<'_>) -> Option<()> {
        given.verify(self).then_some(())
    }
}

impl<A: Admit + ?Sized> Admit for &A {
    type User = A::User;

    fn anonymous(&self) -> Option<A::User> {
        (**self).anonymous()
    }

    fn user_pass(&self, given: UserPass<'_>) -> Option<A::User> {
        (**self).user_pass(given)
    }

    fn prefers_user_pass(&self) -> bool {
        (**self).prefers_user_pass()
    }
}

impl Admit for UserPassBuf {
    type User = ();

    fn anonymous(&self) -> Option<()> {
        None
    }

    fn user_pass(&self, given: UserPass<'_>) -> Option<()> {
        self.as_user_pass().user_pass(given)
    }
}

/// Admits the clients for whose credentials a closure returns a user.
///
/// ```
/// use socks5_sansio::UserPass;
/// use socks5_sansio::blocking::{Admit, Check};
///
/// let admit = Check::new(|given| (given.username() == b"alice").then_some("Alice"));
/// assert_eq!(admit.user_pass(UserPass::new("alice", "s3cret")?), Some("Alice"));
/// assert_eq!(admit.anonymous(), None);
/// # Ok::<(), socks5_sansio::ValueError>(())
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Check<F>(F);

impl<F> Check<F> {
    /// A check by a closure.
    pub const fn new<U>(check: F) -> Self
    where
        F: Fn(UserPass<'_>) -> Option<U>,
    {
        Self(check)
    }
}

impl<F, U> Admit for Check<F>
where
    F: Fn(UserPass<'_>) -> Option<U>,
{
    type User = U;

    fn anonymous(&self) -> Option<U> {
        None
    }

    fn user_pass(&self, given: UserPass<'_>) -> Option<U> {
        (self.0)(given)
    }
}

/// The error of [`accept`]. The refusal or the closing reply was sent, unless the stream failed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum AcceptError {
    /// The stream failed.
    #[error(transparent)]
    Io(#[from] io::Error),
    /// The client's message is malformed, or the client closed the connection.
    #[error(transparent)]
    Client(server::Error),
    /// The server refused: the client offers no method that it accepts.
    #[error("the client offers no acceptable method")]
    NoAcceptableMethods,
    /// The server refused: it rejected the client's credentials.
    #[error("the client's credentials are rejected")]
    Rejected,
    /// The server refused: the client speaks SOCKS4, which has no credentials, and they are required.
    #[error("credentials are required, and socks4 has none")]
    CredentialsRequired,
}

impl From<Error<server::Error>> for AcceptError {
    fn from(error: Error<server::Error>) -> Self {
        match error {
            Error::Io(error) => Self::Io(error),
            Error::Peer(error) => Self::Client(error),
        }
    }
}

/// A refusal is `PermissionDenied`.
impl From<AcceptError> for io::Error {
    fn from(error: AcceptError) -> Self {
        match error {
            AcceptError::Io(error) => error,
            AcceptError::Client(error) => error.into(),
            AcceptError::NoAcceptableMethods | AcceptError::Rejected | AcceptError::CredentialsRequired => {
                Self::new(ErrorKind::PermissionDenied, error)
            }
        }
    }
}

/// Performs the server's handshake up to the request. Returns the user, the destination, and the command with the permit to
/// reply.
///
/// # Errors
///
/// [`AcceptError`]: close the stream.
pub fn accept<'w, S: Read + Write, A: Admit + ?Sized>(
    wire: &'w mut Wire<S>,
    admit: &A,
) -> Result<(A::User, Endpoint<'w>, Asked), AcceptError> {
    accept_socks5(wire, ReceiveOffer::new(), admit)
}

/// Performs the server's handshake up to the request, of SOCKS5 or SOCKS4: the client's first byte decides. Returns the same as
/// [`accept`], with permits of either protocol.
///
/// SOCKS4 has no credentials, so its clients are admitted exactly where [`Admit::anonymous`] returns a user. Otherwise they are refused,
/// whatever their USERID is.
///
/// ```
/// use std::io::Cursor;
///
/// use socks5_sansio::UserPass;
/// use socks5_sansio::blocking::{AcceptError, Anyone, Wire, accept_either};
/// use socks5_sansio::either::Asked;
///
/// let request = b"\x04\x01\x01\xBB\x00\x00\x00\x01alice\x00example.com\x00";
/// let mut wire = Wire::server(Cursor::new(request.to_vec()));
/// let ((), destination, asked) = accept_either(&mut wire, &Anyone)?;
/// assert_eq!(destination.to_string(), "example.com:443");
/// assert!(matches!(asked, Asked::Connect(_)));
///
/// let mut wire = Wire::server(Cursor::new(request.to_vec()));
/// let refused = accept_either(&mut wire, &UserPass::new("alice", "s3cret")?);
/// assert!(matches!(refused, Err(AcceptError::CredentialsRequired))); // 00 5B was sent
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
///
/// [`AcceptError`]: close the stream.
pub fn accept_either<'w, S: Read + Write, A: Admit + ?Sized>(
    wire: &'w mut Wire<S>,
    admit: &A,
) -> Result<(A::User, Endpoint<'w>, either::Asked), AcceptError> {
    match wire.receive(ReceiveProtocol::new())? {
        Protocol::Socks5(state) => {
            accept_socks5(wire, state, admit).map(|(user, destination, asked)| (user, destination, asked.into()))
        }
        Protocol::Socks4(state) => accept_socks4(wire, state, admit),
    }
}

fn accept_socks4<'w, S: Read + Write, A: Admit + ?Sized>(
    wire: &'w mut Wire<S>,
    state: socks4::ReceiveRequest,
    admit: &A,
) -> Result<(A::User, Endpoint<'w>, either::Asked), AcceptError> {
    let Some(user) = admit.anonymous() else {
        let (_, asked) = wire.receive(state)?;
        let _ = wire.send(&asked.refuse());
        return Err(AcceptError::CredentialsRequired);
    };
    let (request, asked) = wire.receive(state)?;
    Ok((user, request.destination(), asked.into()))
}

fn accept_socks5<'w, S: Read + Write, A: Admit + ?Sized>(
    wire: &'w mut Wire<S>,
    state: ReceiveOffer,
    admit: &A,
) -> Result<(A::User, Endpoint<'w>, Asked), AcceptError> {
    let (_, permit) = wire.receive(state)?;
    let (selection, login) = match permit.login(admit.anonymous(), admit.prefers_user_pass()) {
        Ok(selected) => selected,
        Err(permit) => {
            let _ = wire.send(&permit.refuse()); // the refusal is the error to return
            return Err(AcceptError::NoAcceptableMethods);
        }
    };
    wire.send(&selection)?;
    let (user, state) = match login {
        Login::Anonymous(user, state) => (user, state),
        Login::UserPass(state) => {
            let (given, permit) = wire.receive(state)?;
            let Some(user) = admit.user_pass(given) else {
                let _ = wire.send(&permit.reject());
                return Err(AcceptError::Rejected);
            };
            let (status, state) = permit.accept();
            wire.send(&status)?;
            (user, state)
        }
    };
    let (destination, asked) = wire.receive(state)?;
    Ok((user, destination, asked))
}
