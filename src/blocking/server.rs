//! The server's handshake.

use std::io::{self, ErrorKind, Read, Write};

use super::{Error, Wire};
use crate::either::{self, Protocol, ReceiveProtocol};
use crate::server::{self, Asked, Login, ReceiveOffer};
use crate::socks4;
use crate::wire::{Endpoint, UserPass, UserPassBuf};

/// The clients that a server admits: [`Anyone`], one user ([`UserPass`], [`UserPassBuf`]), a [`Check`] of credentials, or the
/// caller's own type.
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
    /// The value that [`accept`] returns for an admitted client: an account, a name, or `()`.
    type User;

    /// The user for clients without credentials, including all SOCKS4 clients. `None` if credentials are required. Called for every
    /// client, before the method is selected.
    fn anonymous(&self) -> Option<Self::User>;

    /// The user with these credentials, or `None` to reject them.
    fn user_pass(&self, given: UserPass<'_>) -> Option<Self::User>;

    /// Whether to select username and password for a client that offers both methods and would be admitted without credentials:
    /// `true` by default. Some clients (Java, tsocks) offer username and password but have no credentials; with `true` they are
    /// rejected unless [`user_pass`](Self::user_pass) admits what they send.
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

/// Admits a client if a closure returns a user for its credentials.
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

/// The error of [`accept`] and [`accept_either`]. The refusal or the closing reply was sent, unless the stream failed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum AcceptError {
    /// The stream failed.
    #[error(transparent)]
    Io(#[from] io::Error),
    /// The client's message is malformed, or the client closed the connection.
    #[error(transparent)]
    Client(server::Error),
    /// The server refused: the client offers no method that the server accepts.
    #[error("the client offers no acceptable method")]
    NoAcceptableMethods,
    /// The server refused: it rejected the client's credentials.
    #[error("the client's credentials are rejected")]
    Rejected,
    /// The server refused: credentials are required, and SOCKS4 has none.
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

/// Performs the server's handshake up to the request, in SOCKS5 or SOCKS4 depending on the client's first byte. Returns the same
/// as [`accept`], with permits of either protocol.
///
/// SOCKS4 has no credentials, so its clients are admitted if and only if [`Admit::anonymous`] returns a user. Otherwise they are
/// refused, whatever their USERID is.
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
            let _ = wire.send(&permit.refuse()); // report the refusal, even if it could not be sent
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
