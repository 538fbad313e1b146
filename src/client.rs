//! The client's states and permits.
//!
//! ```text
//!  anonymous() -> (MethodOffer, ReceiveNoAuthentication) -> SendRequest
//!  login(credentials) -> (MethodOffer, ReceiveSelection)
//!    -> Selected::Request(SendRequest)
//!       Selected::UserPass(UserPass, ReceiveStatus) -> SendRequest
//!  offer(methods) -> (MethodOffer, ReceiveMethod)
//!    -> SelectedMethod::Request(SendRequest)
//!       SelectedMethod::UserPass(SendUserPass) -- send --> ReceiveStatus -> SendRequest
//!       SelectedMethod::SubNegotiate(SubNegotiation) -- authenticated --> SendRequest
//!  SendRequest -- connect, udp_associate, other --> (Request, ReceiveReply) -> Endpoint
//!              -- bind ---------------------------> (Request, ReceiveListening) -> (Endpoint, ReceiveReply)
//!  optimistic(credentials, |permit| permit.connect(to)) -> (Flight, ReceiveAnswers<ReceiveReply>) -> Endpoint
//! ```
//!
//! A move returns the message to send and the next state. Every refusal is an [`Error`]. A move out of order does not compile:
//!
//! ```compile_fail,E0599
//! # use socks5_sansio::{Endpoint, client};
//! let (offer, state) = client::anonymous();
//! let (request, state) = state.connect(Endpoint::UNSPECIFIED); // the selection was not received
//! ```
//!
//! ```compile_fail,E0382
//! # use socks5_sansio::{Endpoint, client::SendRequest};
//! fn request_twice(permit: SendRequest) {
//!     let (request, state) = permit.connect(Endpoint::UNSPECIFIED);
//!     let (request, state) = permit.connect(Endpoint::UNSPECIFIED); // the permit is used up
//! }
//! ```

use core::num::NonZeroUsize;

use crate::error::{DecodeError, Invalid};
use crate::receive::{Ended, Receive, missing, receive, sealed::Sealed};
use crate::wire::{
    Command, Endpoint, Method, MethodOffer, MethodSelection, MethodSet, Pieces, Reply, ReplyCode, Request, UserPass,
    UserPassStatus,
};

/// Offers [`Method::NO_AUTHENTICATION`] alone.
#[inline]
pub fn anonymous() -> (MethodOffer<'static>, ReceiveNoAuthentication) {
    (MethodOffer::NO_AUTHENTICATION, ReceiveNoAuthentication(()))
}

/// Offers [`Method::NO_AUTHENTICATION`] and, if there are credentials, username and password.
///
/// ```
/// use socks5_sansio::client::{self, Selected};
/// use socks5_sansio::{Encode, Receive, UserPass};
///
/// let (offer, state) = client::login(Some(UserPass::new("alice", "s3cret")?));
/// assert_eq!(offer.to_vec(), [5, 2, 0, 2]);
///
/// let (Selected::UserPass(credentials, state), _) = state.receive(&[5, 2])? else { panic!("not asked for") };
/// assert_eq!(credentials.to_vec(), b"\x01\x05alice\x06s3cret");
///
/// let (permit, _) = state.receive(&[1, 0])?;
/// let (request, state) = permit.connect("example.com:443".try_into()?);
/// assert_eq!(request.to_vec(), b"\x05\x01\x00\x03\x0Bexample.com\x01\xBB");
///
/// let (bound, _) = state.receive(&[5, 0, 0, 1, 192, 0, 2, 7, 0x12, 0x34])?;
/// assert_eq!(bound.to_string(), "192.0.2.7:4660"); // the proxy's end of the connection
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[inline]
pub fn login(credentials: Option<UserPass<'_>>) -> (MethodOffer<'static>, ReceiveSelection<'_>) {
    let offer = match credentials {
        Some(_) => MethodOffer::NO_AUTHENTICATION_OR_USERNAME_PASSWORD,
        None => MethodOffer::NO_AUTHENTICATION,
    };
    (offer, ReceiveSelection(credentials))
}

/// Offers any methods.
///
/// ```
/// use socks5_sansio::client::{self, SelectedMethod};
/// use socks5_sansio::{Encode, Method, MethodOffer, Receive};
///
/// let (offer, state) = client::offer(MethodOffer::of(&[0x80])); // a private method
/// assert_eq!(offer.to_vec(), [5, 1, 0x80]);
///
/// let (SelectedMethod::SubNegotiate(negotiation), _) = state.receive(&[5, 0x80])? else { panic!("another method") };
/// assert_eq!(negotiation.method(), Method(0x80));
/// let permit = negotiation.authenticated(); // after the caller's own messages
/// let (request, _state) = permit.connect("192.0.2.1:80".try_into()?);
/// assert_eq!(request.to_vec(), [5, 1, 0, 1, 192, 0, 2, 1, 0, 80]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[inline]
pub fn offer(offer: MethodOffer<'_>) -> (MethodOffer<'_>, ReceiveMethod) {
    (offer, ReceiveMethod(MethodSet::from(offer)))
}

/// An offer, credentials and a request, to be sent in one write: at most 778 bytes.
#[must_use]
#[derive(Clone, Copy, Debug)]
pub struct Flight<'a>(MethodOffer<'static>, Option<UserPass<'a>>, Request<'a>);

impl Pieces for Flight<'_> {
    #[inline]
    fn pieces(&self, write: &mut impl FnMut(&[u8])) {
        self.0.pieces(write);
        self.1.pieces(write);
        self.2.pieces(write);
    }
}

/// A state that waits for the reply to a request, and is returned together with the request: [`ReceiveReply`] or
/// [`ReceiveListening`].
pub trait Answer: Receive<Error = Error> {}
impl Answer for ReceiveReply {}
impl Answer for ReceiveListening {}

/// Combines the offer, the credentials and the request, to be sent at once, before any answer. `ask` makes the request from the
/// permit, and returns it with the state that receives the reply.
///
/// Offers only username and password if there are credentials, and only [`Method::NO_AUTHENTICATION`] otherwise.
///
/// ```
/// use socks5_sansio::{Encode, Receive, client};
///
/// let to = "192.0.2.1:80".try_into()?;
/// let (flight, state) = client::optimistic(None, |permit| permit.connect(to));
/// assert_eq!(flight.to_vec(), [5, 1, 0, 5, 1, 0, 1, 192, 0, 2, 1, 0, 80]);
///
/// let (bound, used) = state.receive(&[5, 0, 5, 0, 0, 1, 192, 0, 2, 7, 0x12, 0x34])?;
/// assert_eq!((bound.to_string().as_str(), used), ("192.0.2.7:4660", 12));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[inline]
pub fn optimistic<'a, R: Answer>(
    credentials: Option<UserPass<'a>>,
    ask: impl FnOnce(SendRequest) -> (Request<'a>, R),
) -> (Flight<'a>, ReceiveAnswers<R>) {
    let offer = match credentials {
        Some(_) => MethodOffer::USERNAME_PASSWORD,
        None => MethodOffer::NO_AUTHENTICATION,
    };
    let (request, last) = ask(SendRequest(()));
    (Flight(offer, credentials, request), ReceiveAnswers { user_pass: credentials.is_some(), last })
}

/// Waits for the selection of no authentication (RFC 1928 section 3).
#[must_use]
#[derive(Debug)]
pub struct ReceiveNoAuthentication(());

/// Waits for the selection of one of the methods that [`login`] offers (RFC 1928 section 3).
#[must_use]
#[derive(Debug)]
pub struct ReceiveSelection<'c>(Option<UserPass<'c>>);

/// Waits for the selection of one of the methods that [`offer`] offers (RFC 1928 section 3).
#[must_use]
#[derive(Debug)]
pub struct ReceiveMethod(MethodSet);

/// Waits for the status of the credentials (RFC 1929 section 2).
#[must_use]
#[derive(Debug)]
pub struct ReceiveStatus(());

/// Waits for the last reply (RFC 1928 section 6), and receives its bound address: see [`Reply::bound`].
#[must_use]
#[derive(Debug)]
pub struct ReceiveReply(());

/// Waits for the first of the two replies to BIND (RFC 1928 section 6), and receives the address on which the proxy listens.
#[must_use]
#[derive(Debug)]
pub struct ReceiveListening(());

/// Waits for all answers to a [`Flight`].
#[must_use]
#[derive(Debug)]
pub struct ReceiveAnswers<R> {
    user_pass: bool,
    last: R,
}

/// The method that was selected, of those that [`login`] offers.
#[must_use]
#[derive(Debug)]
pub enum Selected<'c> {
    /// No authentication: the request is next.
    Request(SendRequest),
    /// Username and password: the credentials to send, and the state that waits for their status.
    UserPass(UserPass<'c>, ReceiveStatus),
}

/// The method that was selected, of those that [`offer`] offers.
#[must_use]
#[derive(Debug)]
pub enum SelectedMethod {
    /// No authentication: the request is next.
    Request(SendRequest),
    /// Username and password.
    UserPass(SendUserPass),
    /// Any other method.
    SubNegotiate(SubNegotiation),
}

impl Sealed for ReceiveNoAuthentication {}
impl Receive for ReceiveNoAuthentication {
    type Received<'i> = SendRequest;
    type Error = Error;

    #[inline]
    fn missing(&self, input: &[u8]) -> Option<NonZeroUsize> {
        missing::<MethodSelection>(input)
    }

    #[inline]
    fn receive(self, input: &[u8]) -> Result<(SendRequest, usize), Error> {
        selection(input, |method| method == Method::NO_AUTHENTICATION).map(|(_, used)| (SendRequest(()), used))
    }
}

impl Sealed for ReceiveSelection<'_> {}
impl<'c> Receive for ReceiveSelection<'c> {
    type Received<'i> = Selected<'c>;
    type Error = Error;

    #[inline]
    fn missing(&self, input: &[u8]) -> Option<NonZeroUsize> {
        missing::<MethodSelection>(input)
    }

    #[inline]
    fn receive(self, input: &[u8]) -> Result<(Selected<'c>, usize), Error> {
        let (MethodSelection { method }, used) = receive(input, Error::Invalid)?;
        match (method, self.0) {
            (Method::NO_AUTHENTICATION, _) => Ok((Selected::Request(SendRequest(())), used)),
            (Method::USERNAME_PASSWORD, Some(credentials)) => {
                Ok((Selected::UserPass(credentials, ReceiveStatus(())), used))
            }
            (other, _) => Err(unacceptable(other)),
        }
    }
}

impl Sealed for ReceiveMethod {}
impl Receive for ReceiveMethod {
    type Received<'i> = SelectedMethod;
    type Error = Error;

    #[inline]
    fn missing(&self, input: &[u8]) -> Option<NonZeroUsize> {
        missing::<MethodSelection>(input)
    }

    #[inline]
    fn receive(self, input: &[u8]) -> Result<(SelectedMethod, usize), Error> {
        let (method, used) = selection(input, |method| self.0.contains(method))?;
        let selected = match method {
            Method::NO_AUTHENTICATION => SelectedMethod::Request(SendRequest(())),
            Method::USERNAME_PASSWORD => SelectedMethod::UserPass(SendUserPass(())),
            method => SelectedMethod::SubNegotiate(SubNegotiation(method)),
        };
        Ok((selected, used))
    }
}

#[inline]
pub(crate) fn selection(input: &[u8], offered: impl FnOnce(Method) -> bool) -> Result<(Method, usize), Error> {
    let (MethodSelection { method }, used) = receive(input, Error::Invalid)?;
    // FF is never a method, even if it was offered
    if method != Method::NO_ACCEPTABLE_METHODS && offered(method) {
        Ok((method, used))
    } else {
        Err(unacceptable(method))
    }
}

fn unacceptable(method: Method) -> Error {
    match method {
        // RFC 1928 section 3: none of the methods listed are acceptable, and the client must close the connection
        Method::NO_ACCEPTABLE_METHODS => Error::NoAcceptableMethods,
        method => Error::NotOffered(method),
    }
}

impl Sealed for ReceiveStatus {}
impl Receive for ReceiveStatus {
    type Received<'i> = SendRequest;
    type Error = Error;

    #[inline]
    fn missing(&self, input: &[u8]) -> Option<NonZeroUsize> {
        missing::<UserPassStatus>(input)
    }

    #[inline]
    fn receive(self, input: &[u8]) -> Result<(SendRequest, usize), Error> {
        let (status, used) = receive::<UserPassStatus, _>(input, Error::Invalid)?;
        if status.is_success() { Ok((SendRequest(()), used)) } else { Err(Error::Rejected(status)) }
    }
}

impl Sealed for ReceiveReply {}
impl Receive for ReceiveReply {
    type Received<'i> = Endpoint<'i>;
    type Error = Error;

    #[inline]
    fn missing(&self, input: &[u8]) -> Option<NonZeroUsize> {
        missing_of_reply(input)
    }

    #[inline]
    fn receive(self, input: &[u8]) -> Result<(Endpoint<'_>, usize), Error> {
        receive_bound(input)
    }
}

impl Sealed for ReceiveListening {}
impl Receive for ReceiveListening {
    type Received<'i> = (Endpoint<'i>, ReceiveReply);
    type Error = Error;

    #[inline]
    fn missing(&self, input: &[u8]) -> Option<NonZeroUsize> {
        missing_of_reply(input)
    }

    #[inline]
    fn receive(self, input: &[u8]) -> Result<((Endpoint<'_>, ReceiveReply), usize), Error> {
        receive_bound(input).map(|(bound, used)| ((bound, ReceiveReply(())), used))
    }
}

/// Two bytes are enough for a failure: some servers do not send the rest of the reply.
#[inline]
fn missing_of_reply(input: &[u8]) -> Option<NonZeroUsize> {
    match Reply::peek_code(input) {
        Ok(ReplyCode::SUCCEEDED) => missing::<Reply<'_>>(input),
        Ok(_) | Err(DecodeError::Invalid(_)) => None,
        Err(DecodeError::Incomplete(missing)) => Some(missing),
    }
}

#[inline]
fn receive_bound(input: &[u8]) -> Result<(Endpoint<'_>, usize), Error> {
    match Reply::peek_code(input) {
        Ok(code) if code != ReplyCode::SUCCEEDED => Err(Error::Refused(code)),
        _ => receive(input, Error::Invalid).map(|(Reply { bound, .. }, used)| (bound, used)),
    }
}

impl<R> ReceiveAnswers<R> {
    /// Receives everything before the reply. Returns the number of bytes used.
    #[inline]
    fn receive_permit(&self, input: &[u8]) -> Result<usize, Error> {
        if !self.user_pass {
            return selection(input, |method| method == Method::NO_AUTHENTICATION).map(|(_, used)| used);
        }
        let (_, selection) = selection(input, |method| method == Method::USERNAME_PASSWORD)?;
        let (_, status) = ReceiveStatus(()).receive(after(selection, input))?;
        Ok(selection.saturating_add(status))
    }
}

/// The input after a message of `used` bytes that was received from it.
#[inline]
fn after(used: usize, input: &[u8]) -> &[u8] {
    debug_assert!(used <= input.len(), "a message is a part of the input");
    input.get(used..).unwrap_or_default()
}

impl<R> Sealed for ReceiveAnswers<R> {}
impl<R: Answer> Receive for ReceiveAnswers<R> {
    type Received<'i> = R::Received<'i>;
    type Error = Error;

    #[inline]
    fn missing(&self, input: &[u8]) -> Option<NonZeroUsize> {
        match self.receive_permit(input) {
            Ok(used) => self.last.missing(after(used, input)),
            // a selection and a status have two bytes each
            Err(Error::Closed | Error::Truncated) => NonZeroUsize::new(2 - input.len() % 2),
            Err(_) => None,
        }
    }

    #[inline]
    fn receive(self, input: &[u8]) -> Result<(Self::Received<'_>, usize), Error> {
        let before = self.receive_permit(input)?;
        let (received, used) = self.last.receive(after(before, input))?;
        Ok((received, before.saturating_add(used)))
    }
}

/// The permit to send credentials (RFC 1929 section 2).
#[must_use]
#[derive(Debug)]
pub struct SendUserPass(());

impl SendUserPass {
    /// The credentials to send, and the state that waits for their status.
    #[inline]
    pub fn send(self, credentials: UserPass<'_>) -> (UserPass<'_>, ReceiveStatus) {
        (credentials, ReceiveStatus(()))
    }
}

/// A sub-negotiation whose messages are the caller's: the caller owns the stream until
/// [`authenticated`](Self::authenticated) is called.
#[must_use]
#[derive(Debug)]
pub struct SubNegotiation(pub(crate) Method);

impl SubNegotiation {
    /// The method that was selected.
    #[must_use]
    pub const fn method(&self) -> Method {
        self.0
    }

    /// Ends the sub-negotiation: the server has authenticated the client.
    pub const fn authenticated(self) -> SendRequest {
        SendRequest(())
    }
}

/// The permit to send one request (RFC 1928 section 4).
#[must_use]
#[derive(Debug)]
pub struct SendRequest(());

impl SendRequest {
    /// CONNECT: a connection to the destination. The bound address of the reply is the proxy's end of it.
    #[inline]
    pub fn connect(self, destination: Endpoint<'_>) -> (Request<'_>, ReceiveReply) {
        (Request::connect(destination), ReceiveReply(()))
    }

    /// BIND: a connection from the destination. The bound address of the first reply is the one on which the proxy listens, that of
    /// the second is the address of the peer that connected.
    ///
    /// ```
    /// use socks5_sansio::{Encode, Receive, client};
    ///
    /// # let (_, state) = client::anonymous();
    /// let (permit, _) = state.receive(&[5, 0])?;
    /// let (request, state) = permit.bind("192.0.2.1:80".try_into()?);
    /// assert_eq!(request.to_vec(), [5, 2, 0, 1, 192, 0, 2, 1, 0, 80]);
    ///
    /// let ((listening, state), _) = state.receive(&[5, 0, 0, 1, 198, 51, 100, 7, 0x12, 0x34])?;
    /// assert_eq!(listening.to_string(), "198.51.100.7:4660"); // send it to the peer on another connection
    /// let (peer, _) = state.receive(&[5, 0, 0, 1, 192, 0, 2, 1, 0xC3, 0x50])?;
    /// assert_eq!(peer.to_string(), "192.0.2.1:50000");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[inline]
    pub fn bind(self, destination: Endpoint<'_>) -> (Request<'_>, ReceiveListening) {
        (Request::bind(destination), ReceiveListening(()))
    }

    /// UDP ASSOCIATE: a relay for the datagrams that the client sends from `source`. Pass [`Endpoint::unspecified`] if the source
    /// is not known yet. [`relay_address`](crate::association::relay_address) finds the address of the relay from the reply.
    #[inline]
    pub fn udp_associate(self, source: Endpoint<'_>) -> (Request<'_>, ReceiveReply) {
        (Request::udp_associate(source), ReceiveReply(()))
    }

    /// Any other command that has one reply.
    ///
    /// For BIND, which has two replies, use [`bind`](Self::bind).
    #[inline]
    pub fn other(self, command: Command, destination: Endpoint<'_>) -> (Request<'_>, ReceiveReply) {
        (Request { command, destination }, ReceiveReply(()))
    }
}

/// A refusal or an error of the server. It ends the handshake.
///
/// ```
/// use socks5_sansio::client::{self, Error};
/// use socks5_sansio::{Method, Receive, ReplyCode};
///
/// let (_, state) = client::anonymous();
/// assert_eq!(state.receive(&[5, 2]).unwrap_err(), Error::NotOffered(Method::USERNAME_PASSWORD));
/// let error = Error::Refused(ReplyCode::CONNECTION_REFUSED);
/// assert_eq!(error.to_string(), "the proxy refused the request: connection refused (05)");
/// # #[cfg(feature = "std")]
/// assert_eq!(std::io::Error::from(error).kind(), std::io::ErrorKind::ConnectionRefused);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, thiserror::Error)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum Error {
    /// The server's message is malformed, or the server is not a SOCKS5 server.
    #[error("malformed message from the proxy: {0}")]
    Invalid(Invalid),
    /// The server accepts none of the methods offered (RFC 1928 section 3).
    #[error("the proxy accepts none of the methods offered")]
    NoAcceptableMethods,
    /// The server selected a method that was not offered.
    #[error("the proxy selected a method that was not offered: {0}")]
    NotOffered(Method),
    /// The server rejected the credentials (RFC 1929 section 2).
    #[error("the proxy rejected the credentials with status {:02X}", .0.0)]
    Rejected(UserPassStatus),
    /// The server refused the request, with a code other than 00 (RFC 1928 section 6).
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

/// The code that a proxy sends to its own client if the next proxy failed: a refusal is passed on as it is, any other error is a
/// [`GENERAL_FAILURE`](ReplyCode::GENERAL_FAILURE).
impl From<Error> for ReplyCode {
    fn from(error: Error) -> Self {
        match error {
            Error::Refused(code) => code,
            _ => Self::GENERAL_FAILURE,
        }
    }
}

/// A refused request has the kind of its [`ReplyCode`]. Rejected credentials or methods are `PermissionDenied`, a malformed message
/// or a selection that was not offered is `InvalidData`, and an end of stream is `UnexpectedEof`.
#[cfg(feature = "std")]
#[cfg_attr(docsrs, doc(cfg(feature = "std")))]
impl From<Error> for std::io::Error {
    fn from(error: Error) -> Self {
        use std::io::ErrorKind;
        let kind = match error {
            Error::Invalid(_) | Error::NotOffered(_) => ErrorKind::InvalidData,
            Error::NoAcceptableMethods | Error::Rejected(_) => ErrorKind::PermissionDenied,
            Error::Refused(code) => code.into(),
            Error::Closed | Error::Truncated => ErrorKind::UnexpectedEof,
        };
        Self::new(kind, error)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn passes_refusals_on_and_nothing_else() {
        for code in (1..=255).map(ReplyCode) {
            assert_eq!(ReplyCode::from(Error::Refused(code)), code);
        }
        for error in [Error::Invalid(Invalid::Version(4)), Error::NoAcceptableMethods, Error::Closed] {
            assert_eq!(ReplyCode::from(error), ReplyCode::GENERAL_FAILURE);
        }
    }

    #[cfg(feature = "std")]
    #[test]
    fn converts_each_error_to_an_io_error_kind() {
        use std::io::{self, ErrorKind};
        for (error, kind) in [
            (Error::Invalid(Invalid::Version(4)), ErrorKind::InvalidData),
            (Error::NotOffered(Method::GSSAPI), ErrorKind::InvalidData),
            (Error::NoAcceptableMethods, ErrorKind::PermissionDenied),
            (Error::Rejected(UserPassStatus(1)), ErrorKind::PermissionDenied),
            (Error::Refused(ReplyCode::HOST_UNREACHABLE), ErrorKind::HostUnreachable),
            (Error::Closed, ErrorKind::UnexpectedEof),
            (Error::Truncated, ErrorKind::UnexpectedEof),
        ] {
            assert_eq!(io::Error::from(error).kind(), kind, "{error}");
        }
    }
}
