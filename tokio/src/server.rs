//! The server's handshake.

use std::pin::pin;
use std::time::Duration;

use socks5_sansio::blocking::{AcceptError, Anyone};
use socks5_sansio::either::{self, Protocol, ReceiveProtocol};
use socks5_sansio::server::{Asked, Login, ReceiveOffer};
use socks5_sansio::{Endpoint, UserPass, UserPassBuf, socks4};
use tokio::io::{AsyncRead, AsyncWrite};

use crate::Wire;
use crate::deadline::within;

/// The clients that a server admits: [`Anyone`], one user ([`UserPass`], [`UserPassBuf`]), a [`Check`] of credentials, or the
/// caller's own type.
///
/// The trait does not promise that the future of [`user_pass`](Self::user_pass) is `Send`: a task for `tokio::spawn` must use a
/// concrete type, and cannot be generic over `Admit`.
#[allow(async_fn_in_trait, reason = "a closure of `Check` could not promise that its future is `Send`")]
pub trait Admit {
    /// The value that [`accept`] returns for an admitted client: an account, a name, or `()`.
    type User;

    /// The user for clients without credentials, including all SOCKS4 clients. `None` if credentials are required. Called for every
    /// client, before the method is selected.
    fn anonymous(&self) -> Option<Self::User>;

    /// The user with these credentials, or `None` to reject them.
    async fn user_pass(&self, given: UserPass<'_>) -> Option<Self::User>;

    /// Whether to select username and password for a client that offers both methods and would be admitted without credentials:
    /// `true` by default. Some clients (Java, tsocks) offer username and password but have no credentials; with `true` they are
    /// rejected unless [`user_pass`](Self::user_pass) admits what they send.
    fn prefers_user_pass(&self) -> bool {
        true
    }
}

impl Admit for Anyone {
    type User = ();

    fn anonymous(&self) -> Option<()> {
        Some(())
    }

    async fn user_pass(&self, _given: UserPass<'_>) -> Option<()> {
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

    async fn user_pass(&self, given: UserPass<'_>) -> Option<()> {
        given.verify(self).then_some(())
    }
}

impl<A: Admit> Admit for &A {
    type User = A::User;

    fn anonymous(&self) -> Option<A::User> {
        (**self).anonymous()
    }

    async fn user_pass(&self, given: UserPass<'_>) -> Option<A::User> {
        (**self).user_pass(given).await
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

    async fn user_pass(&self, given: UserPass<'_>) -> Option<()> {
        given.verify(&self.as_user_pass()).then_some(())
    }
}

/// Admits a client if an async closure returns a user for its credentials.
///
/// ```
/// use socks5_sansio::UserPass;
/// use tokio_socks5_sansio::{Admit, Check};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let admit = Check::new(async |given| (given.username() == b"alice").then_some("Alice"));
/// assert_eq!(admit.user_pass(UserPass::new("alice", "s3cret")?).await, Some("Alice"));
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Check<F>(F);

impl<F> Check<F> {
    /// A check by an async closure.
    pub const fn new<U>(check: F) -> Self
    where
        F: AsyncFn(UserPass<'_>) -> Option<U>,
    {
        Self(check)
    }
}

impl<F, U> Admit for Check<F>
where
    F: AsyncFn(UserPass<'_>) -> Option<U>,
{
    type User = U;

    fn anonymous(&self) -> Option<U> {
        None
    }

    async fn user_pass(&self, given: UserPass<'_>) -> Option<U> {
        (self.0)(given).await
    }
}

/// Performs the server's handshake up to the request. Returns the user, the destination, and the command with the permit to
/// reply.
///
/// `timeout` is for the whole handshake; [`Duration::MAX`] means no timeout.
///
/// # Errors
///
/// [`AcceptError`]: close the stream. A timeout is an I/O error of kind [`TimedOut`](std::io::ErrorKind::TimedOut).
pub async fn accept<'w, S: AsyncRead + AsyncWrite + Unpin, A: Admit>(
    wire: &'w mut Wire<S>,
    admit: &A,
    timeout: Duration,
) -> Result<(A::User, Endpoint<'w>, Asked), AcceptError> {
    within(timeout, pin!(accept_socks5(wire, ReceiveOffer::new(), admit))).await
}

/// Performs the server's handshake up to the request, in SOCKS5 or SOCKS4 depending on the client's first byte. Returns the same
/// as [`accept`], with permits of either protocol.
///
/// SOCKS4 has no credentials, so its clients are admitted if and only if [`Admit::anonymous`] returns a user. Otherwise they are
/// refused, whatever their USERID is. `timeout` is for the whole handshake, as in [`accept`].
///
/// # Errors
///
/// [`AcceptError`]: close the stream. A timeout is an I/O error of kind [`TimedOut`](std::io::ErrorKind::TimedOut).
pub async fn accept_either<'w, S: AsyncRead + AsyncWrite + Unpin, A: Admit>(
    wire: &'w mut Wire<S>,
    admit: &A,
    timeout: Duration,
) -> Result<(A::User, Endpoint<'w>, either::Asked), AcceptError> {
    let handshake = pin!(async {
        match wire.receive(ReceiveProtocol::new()).await? {
            Protocol::Socks5(state) => {
                let (user, destination, asked) = accept_socks5(wire, state, admit).await?;
                Ok((user, destination, asked.into()))
            }
            Protocol::Socks4(state) => accept_socks4(wire, state, admit).await,
        }
    });
    within(timeout, handshake).await
}

async fn accept_socks4<'w, S: AsyncRead + AsyncWrite + Unpin, A: Admit>(
    wire: &'w mut Wire<S>,
    state: socks4::ReceiveRequest,
    admit: &A,
) -> Result<(A::User, Endpoint<'w>, either::Asked), AcceptError> {
    let Some(user) = admit.anonymous() else {
        let (_, asked) = wire.receive(state).await?;
        let _ = wire.send(&asked.refuse()).await;
        return Err(AcceptError::CredentialsRequired);
    };
    let (request, asked) = wire.receive(state).await?;
    Ok((user, request.destination(), asked.into()))
}

async fn accept_socks5<'w, S: AsyncRead + AsyncWrite + Unpin, A: Admit>(
    wire: &'w mut Wire<S>,
    state: ReceiveOffer,
    admit: &A,
) -> Result<(A::User, Endpoint<'w>, Asked), AcceptError> {
    let (_, permit) = wire.receive(state).await?;
    let (selection, login) = match permit.login(admit.anonymous(), admit.prefers_user_pass()) {
        Ok(selected) => selected,
        Err(permit) => {
            let _ = wire.send(&permit.refuse()).await; // report the refusal, even if it could not be sent
            return Err(AcceptError::NoAcceptableMethods);
        }
    };
    wire.send(&selection).await?;
    let (user, state) = match login {
        Login::Anonymous(user, state) => (user, state),
        Login::UserPass(state) => {
            let (given, permit) = wire.receive(state).await?;
            let Some(user) = admit.user_pass(given).await else {
                let _ = wire.send(&permit.reject()).await;
                return Err(AcceptError::Rejected);
            };
            let (status, state) = permit.accept();
            wire.send(&status).await?;
            (user, state)
        }
    };
    let (destination, asked) = wire.receive(state).await?;
    Ok((user, destination, asked))
}
