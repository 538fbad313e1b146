//! The server's states and permits.
//!
//! ```text
//!  ReceiveOffer
//!    -> (MethodOffer, ChooseMethod) -- no_authentication --------------------------------> ReceiveRequest
//!                                   -- login -------> Login::{Anonymous(_, ReceiveRequest), UserPass(ReceiveUserPass)}
//!                                   -- user_pass ---> ReceiveUserPass
//!                                        -> (UserPass, VerifyUserPass) -- accept --------> ReceiveRequest
//!                                                                      -- reject, then close
//!                                   -- gssapi ------> gssapi::ReceiveToken ... ----------> ReceiveRequest
//!                                   -- sub_negotiate --> SubNegotiation -- authenticated --> ReceiveRequest
//!                                   -- refuse, then close
//!  ReceiveRequest
//!    -> (Endpoint, Asked::{Connect, UdpAssociate, Other}(Respond)) -- succeed; refuse, then close
//!       (Endpoint, Asked::Bind(Listen)) -- listening --> Respond;  refuse, then close
//! ```
//!
//! A move returns the message to send, and the next state if there is one. A move out of order does not compile:
//!
//! ```compile_fail,E0599
//! # use socks5_sansio::server::ReceiveOffer;
//! let (selection, state) = ReceiveOffer::new().no_authentication(); // no offer was received
//! ```
//!
//! ```compile_fail,E0382
//! # use socks5_sansio::server::VerifyUserPass;
//! fn accept_after_reject(permit: VerifyUserPass) {
//!     let status = permit.reject();
//!     let (status, state) = permit.accept(); // the permit is used up
//! }
//! ```

use core::num::NonZeroUsize;

use crate::error::Invalid;
use crate::receive::{Ended, Receive, missing, receive, sealed::Sealed};
use crate::wire::socks4::REJECTED;
use crate::wire::{
    Command, Decode, Endpoint, Method, MethodOffer, MethodSelection, MethodSet, Reply, ReplyCode, Request, UserPass,
    UserPassStatus, encoded_failure,
};

/// The total length in bytes of the longest messages of a handshake with username and password: 1,032.
pub const INPUT_MAX_LEN: usize = MethodOffer::MAX_LEN + UserPass::MAX_LEN + Request::MAX_LEN;

/// The first state: waits for the method offer (RFC 1928 section 3).
///
/// ```
/// use socks5_sansio::server::{Asked, ReceiveOffer};
/// use socks5_sansio::{Encode, Receive, UserPass};
///
/// let expected = UserPass::new("alice", "s3cret")?;
/// let ((_offer, permit), _) = ReceiveOffer::new().receive(&[5, 2, 0, 2])?;
/// let Ok((selection, state)) = permit.user_pass() else { panic!("not offered") };
/// assert_eq!(selection.to_vec(), [5, 2]);
///
/// let ((given, permit), _) = state.receive(b"\x01\x05alice\x06s3cret")?;
/// assert!(given.verify(&expected));
/// let (status, state) = permit.accept();
/// assert_eq!(status.to_vec(), [1, 0]);
///
/// let ((destination, asked), _) = state.receive(b"\x05\x01\x00\x03\x0Bexample.com\x01\xBB")?;
/// assert_eq!(destination.to_string(), "example.com:443");
/// let Asked::Connect(permit) = asked else { panic!("another command") };
/// let reply = permit.succeed("192.0.2.7:4660".try_into()?); // the local address of the connection
/// assert_eq!(reply.to_vec(), [5, 0, 0, 1, 192, 0, 2, 7, 0x12, 0x34]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[must_use]
#[derive(Debug)]
pub struct ReceiveOffer(());

/// Waits for the credentials (RFC 1929 section 2).
#[must_use]
#[derive(Debug)]
pub struct ReceiveUserPass(());

/// Waits for the request (RFC 1928 section 4).
#[must_use]
#[derive(Debug)]
pub struct ReceiveRequest(());

impl ReceiveOffer {
    /// The state in which every handshake begins.
    #[expect(clippy::new_without_default, reason = "with a default, `mem::take` would restart a handshake halfway")]
    pub const fn new() -> Self {
        Self(())
    }
}

impl Sealed for ReceiveOffer {}
impl Receive for ReceiveOffer {
    type Received<'i> = (MethodOffer<'i>, ChooseMethod);
    type Error = Error;

    #[inline]
    fn missing(&self, input: &[u8]) -> Option<NonZeroUsize> {
        missing::<MethodOffer<'_>>(input)
    }

    #[inline]
    fn receive(self, input: &[u8]) -> Result<(Self::Received<'_>, usize), Error> {
        receive_first(input, Error::Offer).map(|(offer, used)| ((offer, ChooseMethod(MethodSet::from(offer))), used))
    }

    fn closing_reply(error: &Error) -> &'static [u8] {
        error.closing_reply()
    }
}

/// Receives the first message of a handshake. If the stream ended before its first byte, the error is [`Error::Silent`].
#[inline]
pub(crate) fn receive_first<'i, M: Decode<'i>>(
    input: &'i [u8],
    malformed: fn(Invalid) -> Error,
) -> Result<(M, usize), Error> {
    receive(input, malformed).map_err(|error| if error == Error::Closed { Error::Silent } else { error })
}

impl Sealed for ReceiveUserPass {}
impl Receive for ReceiveUserPass {
    type Received<'i> = (UserPass<'i>, VerifyUserPass);
    type Error = Error;

    #[inline]
    fn missing(&self, input: &[u8]) -> Option<NonZeroUsize> {
        missing::<UserPass<'_>>(input)
    }

    #[inline]
    fn receive(self, input: &[u8]) -> Result<(Self::Received<'_>, usize), Error> {
        receive(input, Error::UserPass).map(|(given, used)| ((given, VerifyUserPass(())), used))
    }

    fn closing_reply(error: &Error) -> &'static [u8] {
        error.closing_reply()
    }
}

impl Sealed for ReceiveRequest {}
impl Receive for ReceiveRequest {
    type Received<'i> = (Endpoint<'i>, Asked);
    type Error = Error;

    #[inline]
    fn missing(&self, input: &[u8]) -> Option<NonZeroUsize> {
        missing::<Request<'_>>(input)
    }

    #[inline]
    fn receive(self, input: &[u8]) -> Result<(Self::Received<'_>, usize), Error> {
        receive(input, Error::Request).map(|(Request { command, destination }, used)| {
            let asked = match command {
                Command::CONNECT => Asked::Connect(Respond(())),
                Command::BIND => Asked::Bind(Listen(())),
                Command::UDP_ASSOCIATE => Asked::UdpAssociate(Respond(())),
                other => Asked::Other(other, Respond(())),
            };
            ((destination, asked), used)
        })
    }

    fn closing_reply(error: &Error) -> &'static [u8] {
        error.closing_reply()
    }
}

/// The permit to choose one of the methods that were offered (RFC 1928 section 3).
///
/// If the client did not offer the method, a move returns the permit as its error, so that another method can be tried.
///
/// ```
/// use socks5_sansio::server::{Error, ReceiveOffer};
/// use socks5_sansio::{Encode, Receive};
///
/// let ((_offer, permit), _) = ReceiveOffer::new().receive(&[5, 1, 1])?; // GSSAPI alone
/// let Err(permit) = permit.no_authentication() else { panic!("was not offered") };
/// let Err(permit) = permit.user_pass() else { panic!("was not offered") };
/// assert_eq!(permit.refuse().to_vec(), [5, 0xFF]);
/// # Ok::<(), Error>(())
/// ```
#[must_use]
#[derive(Debug)]
pub struct ChooseMethod(MethodSet);

/// The authentication that was selected: the result of [`ChooseMethod::login`].
#[must_use]
#[derive(Debug)]
pub enum Login<U> {
    /// Without credentials, as this user.
    Anonymous(U, ReceiveRequest),
    /// With credentials, which are received next.
    UserPass(ReceiveUserPass),
}

impl ChooseMethod {
    /// Selects [`Method::NO_AUTHENTICATION`].
    ///
    /// # Errors
    ///
    /// The permit, if the method was not offered.
    #[inline]
    pub fn no_authentication(self) -> Result<(MethodSelection, ReceiveRequest), Self> {
        self.select(Method::NO_AUTHENTICATION, ReceiveRequest(()))
    }

    /// Selects username and password.
    ///
    /// # Errors
    ///
    /// The permit, if the method was not offered.
    #[inline]
    pub fn user_pass(self) -> Result<(MethodSelection, ReceiveUserPass), Self> {
        self.select(Method::USERNAME_PASSWORD, ReceiveUserPass(()))
    }

    /// Selects username and password or, if `anonymous` is `Some`, no authentication. `anonymous` is the user for a client without
    /// credentials. If both are possible, `prefer_user_pass` decides: some clients offer username and password but have no
    /// credentials.
    ///
    /// # Errors
    ///
    /// The permit, if neither is possible.
    #[inline]
    pub fn login<U>(self, anonymous: Option<U>, prefer_user_pass: bool) -> Result<(MethodSelection, Login<U>), Self> {
        let user_pass = |(selection, state)| (selection, Login::UserPass(state));
        match anonymous {
            None => self.user_pass().map(user_pass),
            Some(user) if prefer_user_pass => self.user_pass().map(user_pass).or_else(|permit| permit.anonymous(user)),
            Some(user) => self.anonymous(user).or_else(|permit| permit.user_pass().map(user_pass)),
        }
    }

    #[inline]
    fn anonymous<U>(self, user: U) -> Result<(MethodSelection, Login<U>), Self> {
        self.no_authentication().map(|(selection, state)| (selection, Login::Anonymous(user, state)))
    }

    /// Selects a method whose sub-negotiation the caller performs.
    ///
    /// # Errors
    ///
    /// The permit, if the method was not offered, or if it is [`Method::NO_AUTHENTICATION`], [`Method::USERNAME_PASSWORD`] or
    /// [`Method::NO_ACCEPTABLE_METHODS`].
    #[inline]
    pub fn sub_negotiate(self, method: Method) -> Result<(MethodSelection, SubNegotiation), Self> {
        match method {
            Method::NO_AUTHENTICATION | Method::USERNAME_PASSWORD | Method::NO_ACCEPTABLE_METHODS => Err(self),
            method => self.select(method, SubNegotiation(method)),
        }
    }

    /// Refuses all methods offered. Send the selection, then close.
    #[inline]
    #[must_use = "the message is to be sent"]
    pub fn refuse(self) -> MethodSelection {
        MethodSelection { method: Method::NO_ACCEPTABLE_METHODS }
    }

    #[inline]
    fn select<T>(self, method: Method, next: T) -> Result<(MethodSelection, T), Self> {
        // RFC 1928 section 3: the server selects from one of the methods given in METHODS
        if self.0.contains(method) { Ok((MethodSelection { method }, next)) } else { Err(self) }
    }
}

/// The permit to accept or reject the credentials (RFC 1929 section 2).
#[must_use]
#[derive(Debug)]
pub struct VerifyUserPass(());

impl VerifyUserPass {
    /// Accepts the credentials.
    #[inline]
    pub fn accept(self) -> (UserPassStatus, ReceiveRequest) {
        (UserPassStatus::SUCCESS, ReceiveRequest(()))
    }

    /// Rejects the credentials. Send the status, then close.
    #[inline]
    #[must_use = "the message is to be sent"]
    pub fn reject(self) -> UserPassStatus {
        UserPassStatus::FAILURE
    }
}

/// A sub-negotiation whose messages are the caller's: the caller owns the stream until
/// [`authenticated`](Self::authenticated) is called.
#[must_use]
#[derive(Debug)]
pub struct SubNegotiation(Method);

impl SubNegotiation {
    /// The method that was selected.
    #[must_use]
    pub const fn method(&self) -> Method {
        self.0
    }

    /// Ends the sub-negotiation: the client is authenticated.
    pub const fn authenticated(self) -> ReceiveRequest {
        ReceiveRequest(())
    }
}

/// The command of a request, with the permit to answer it.
#[must_use]
#[derive(Debug)]
pub enum Asked {
    /// CONNECT: connect to the endpoint.
    Connect(Respond),
    /// BIND: listen for a connection from the endpoint.
    Bind(Listen),
    /// UDP ASSOCIATE: relay the datagrams that the client intends to send from the endpoint.
    UdpAssociate(Respond),
    /// Any other command.
    Other(Command, Respond),
}

impl Asked {
    /// Refuses the request, whatever its command, with [`Reply::failed`]. Send the reply, then close.
    #[inline]
    #[must_use = "the message is to be sent"]
    pub fn refuse(self, code: impl Into<ReplyCode>) -> Reply<'static> {
        Reply::failed(code.into())
    }

    /// The command.
    #[must_use]
    pub const fn command(&self) -> Command {
        match self {
            Self::Connect(_) => Command::CONNECT,
            Self::Bind(_) => Command::BIND,
            Self::UdpAssociate(_) => Command::UDP_ASSOCIATE,
            Self::Other(command, _) => *command,
        }
    }
}

/// The permit for the last reply (RFC 1928 section 6).
#[must_use]
#[derive(Debug)]
pub struct Respond(());

impl Respond {
    /// Reports success. `bound` depends on the command: see [`Reply::bound`]. After CONNECT and BIND the stream carries
    /// the application's data.
    #[inline]
    #[must_use = "the message is to be sent"]
    pub fn succeed(self, bound: Endpoint<'_>) -> Reply<'_> {
        Reply::succeeded(bound)
    }

    /// Reports failure with a code, or with the code for an `&io::Error`. Send the reply, then close within 10 seconds of the
    /// failure (RFC 1928 section 6).
    #[inline]
    #[must_use = "the message is to be sent"]
    pub fn refuse(self, code: impl Into<ReplyCode>) -> Reply<'static> {
        Reply::failed(code.into())
    }
}

/// The permit for the first of the two replies to BIND (RFC 1928 section 6).
///
/// ```
/// # use socks5_sansio::server::ReceiveOffer;
/// use socks5_sansio::server::Asked;
/// use socks5_sansio::{Encode, Receive};
///
/// # let ((_, permit), _) = ReceiveOffer::new().receive(&[5, 1, 0])?;
/// # let Ok((_, state)) = permit.no_authentication() else { panic!() };
/// let ((_peer, asked), _) = state.receive(&[5, 2, 0, 1, 192, 0, 2, 1, 0, 80])?;
/// let Asked::Bind(permit) = asked else { panic!("another command") };
/// let (first, permit) = permit.listening("198.51.100.7:4660".try_into()?);
/// assert_eq!(first.to_vec(), [5, 0, 0, 1, 198, 51, 100, 7, 0x12, 0x34]);
///
/// let second = permit.succeed("192.0.2.1:50000".try_into()?); // the peer has connected
/// assert_eq!(second.to_vec(), [5, 0, 0, 1, 192, 0, 2, 1, 0xC3, 0x50]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[must_use]
#[derive(Debug)]
pub struct Listen(());

impl Listen {
    /// Reports that the server listens on `bound`. Send the second reply when the peer has connected, or on failure.
    #[inline]
    pub fn listening(self, bound: Endpoint<'_>) -> (Reply<'_>, Respond) {
        (Reply::succeeded(bound), Respond(()))
    }

    /// Reports that the server does not listen. Send the reply, then close.
    #[inline]
    #[must_use = "the message is to be sent"]
    pub fn refuse(self, code: impl Into<ReplyCode>) -> Reply<'static> {
        Reply::failed(code.into())
    }
}

/// An error caused by the client. It ends the handshake.
///
/// ```
/// use socks5_sansio::server::{Error, ReceiveOffer};
/// use socks5_sansio::{Invalid, Receive};
///
/// let error = ReceiveOffer::new().receive(b"GET / HTTP/1.1").unwrap_err();
/// assert_eq!(error, Error::Offer(Invalid::Version(b'G'))); // nothing was consumed: another protocol can be tried
/// let error = Error::Request(Invalid::AddressType(9));
/// assert_eq!(error.closing_reply(), [5, 8, 0, 1, 0, 0, 0, 0, 0, 0]);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, thiserror::Error)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum Error {
    /// The method offer is malformed. [`Invalid::Version`] has the first byte, by which other protocols can be recognized.
    #[error("malformed method offer: {0}")]
    Offer(Invalid),
    /// The credentials are malformed.
    #[error("malformed credentials: {0}")]
    UserPass(Invalid),
    /// The request is malformed.
    #[error("malformed request: {0}")]
    Request(Invalid),
    /// The SOCKS4 request is malformed: see [`socks4`](crate::socks4).
    #[error("malformed socks4 request: {0}")]
    Socks4(Invalid),
    /// The client closed the connection without sending anything, as port scanners and health checks do.
    #[error("the client sent nothing")]
    Silent,
    /// The client closed the connection between two messages.
    #[error("the client closed the connection during the handshake")]
    Closed,
    /// The client closed the connection in the middle of a message.
    #[error("the client closed the connection in the middle of a message")]
    Truncated,
}

const MALFORMED_CREDENTIALS: [u8; 2] = UserPassStatus::FAILURE.encoded();
const MALFORMED_REQUEST: [u8; 10] = encoded_failure(ReplyCode::GENERAL_FAILURE);
const UNKNOWN_ADDRESS_TYPE: [u8; 10] = encoded_failure(ReplyCode::ADDRESS_TYPE_NOT_SUPPORTED);

impl Error {
    /// The bytes to send before closing: none, 2, 8 or 10.
    #[must_use]
    pub const fn closing_reply(&self) -> &'static [u8] {
        match self {
            Self::Request(Invalid::AddressType(_)) => &UNKNOWN_ADDRESS_TYPE,
            Self::Request(_) => &MALFORMED_REQUEST,
            Self::UserPass(_) => &MALFORMED_CREDENTIALS,
            Self::Socks4(Invalid::Socks4Version(_)) => &[], // another protocol
            Self::Socks4(_) => &REJECTED,
            Self::Offer(_) | Self::Silent | Self::Closed | Self::Truncated => &[],
        }
    }
}

impl Ended for Error {
    const CLOSED: Self = Self::Closed;
    const TRUNCATED: Self = Self::Truncated;
}

/// A malformed message is `InvalidData`, an end of stream `UnexpectedEof`.
#[cfg(feature = "std")]
#[cfg_attr(docsrs, doc(cfg(feature = "std")))]
impl From<Error> for std::io::Error {
    fn from(error: Error) -> Self {
        let kind = match error {
            Error::Offer(_) | Error::UserPass(_) | Error::Request(_) | Error::Socks4(_) => {
                std::io::ErrorKind::InvalidData
            }
            Error::Silent | Error::Closed | Error::Truncated => std::io::ErrorKind::UnexpectedEof,
        };
        Self::new(kind, error)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_longest_input_is_the_sum_of_the_longest_messages() {
        assert_eq!(INPUT_MAX_LEN, 1_032);
    }

    #[cfg(feature = "std")]
    #[test]
    fn converts_each_error_to_an_io_error_kind() {
        use std::io::{self, ErrorKind};
        for error in [Error::Offer, Error::UserPass, Error::Request, Error::Socks4] {
            assert_eq!(io::Error::from(error(Invalid::Version(4))).kind(), ErrorKind::InvalidData);
        }
        for error in [Error::Silent, Error::Closed, Error::Truncated] {
            assert_eq!(io::Error::from(error).kind(), ErrorKind::UnexpectedEof);
        }
    }
}
