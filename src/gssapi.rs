//! GSSAPI's sub-negotiation (RFC 1961): tokens in turn, then the protection level.
//!
//! ```text
//!  client                                            server
//!  offer() -> ReceiveGssapi                          ChooseMethod::gssapi
//!    |                                                 |
//!  SendToken -- token ----------------------------> ReceiveToken
//!                                                      |
//!  ReceiveToken <------------------- more -- (GssapiToken, AnswerToken)
//!    |                                                 |  more: again ReceiveToken
//!  (GssapiToken, ContinueContext)                      |  established
//!    |  more: again ReceiveToken                       v
//!    |  offer_level ------------------------------> ReceiveLevel
//!    v                                                 |
//!  ReceiveLevel <---------------------- choose -- (GssapiToken, ChooseLevel) --> ReceiveRequest
//!    |
//!  (GssapiToken, AgreeToLevel) -- agree --> SendRequest
//! ```
//!
//! The caller's GSSAPI library makes and reads the tokens, wraps and unwraps. The messages are [`GssapiMessage`]s. Either side may
//! [`abort`](AnswerToken::abort) in place of any move.
//!
//! After the sub-negotiation requests, replies and data are wrapped, in frames of type [`GssapiMessage::Encapsulated`]. A frame
//! need not hold a whole message: collect the unwrapped bytes in an [`Inbox`](crate::Inbox), as if they came from a socket. A UDP
//! datagram is wrapped with its header, in one frame.
//!
//! A mechanism may need any number of tokens: limit their number, or the time. No frame marks the end of a stream, so a
//! truncation between two frames is not detected here.
//!
//! ```compile_fail,E0599
//! # use socks5_sansio::{GssapiToken, gssapi::AnswerToken};
//! fn choose_a_level_too_early(permit: AnswerToken, wrapped: GssapiToken<'_>) {
//!     let (message, state) = permit.choose(wrapped); // the context is not established
//! }
//! ```

use core::num::NonZeroUsize;

use crate::error::Invalid;
use crate::receive::{Ended, Receive, missing, receive, sealed::Sealed};
use crate::wire::{ABORT, GssapiMessage, GssapiToken, Method, MethodOffer, MethodSelection};
use crate::{client, server};

/// Offers GSSAPI alone.
///
/// ```
/// use socks5_sansio::{Encode, GssapiToken, Receive, gssapi};
///
/// let (offer, state) = gssapi::offer();
/// assert_eq!(offer.to_vec(), [5, 1, 1]);
///
/// let (permit, _) = state.receive(&[5, 1])?;
/// let (message, state) = permit.token(GssapiToken::new(b"hello")?); // the library's first token
/// assert_eq!(message.to_vec(), b"\x01\x01\x00\x05hello");
///
/// let ((token, permit), _) = state.receive(&[1, 1, 0, 0])?; // the server's context is established
/// assert_eq!(token, GssapiToken::EMPTY);
/// let (message, state) = permit.offer_level(GssapiToken::new(b"[1]")?); // as the library wraps the octet 1
/// assert_eq!(message.to_vec(), b"\x01\x02\x00\x03[1]");
///
/// let ((wrapped, permit), _) = state.receive(b"\x01\x02\x00\x03[1]")?;
/// assert_eq!(wrapped.as_bytes(), b"[1]");
/// let (_request, _state) = permit.agree().connect("192.0.2.1:80".try_into()?); // to be wrapped
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub const fn offer() -> (MethodOffer<'static>, ReceiveGssapi) {
    (MethodOffer::of(&[Method::GSSAPI.0]), ReceiveGssapi(()))
}

impl server::ChooseMethod {
    /// Selects GSSAPI.
    ///
    /// # Errors
    ///
    /// The permit, if the method was not offered.
    ///
    /// ```
    /// use socks5_sansio::server::ReceiveOffer;
    /// use socks5_sansio::{Encode, GssapiToken, Receive};
    ///
    /// let ((_offer, permit), _) = ReceiveOffer::new().receive(&[5, 2, 0, 1])?;
    /// let Ok((selection, state)) = permit.gssapi() else { panic!("not offered") };
    /// assert_eq!(selection.to_vec(), [5, 1]);
    ///
    /// let ((token, permit), _) = state.receive(b"\x01\x01\x00\x05hello")?;
    /// assert_eq!(token.as_bytes(), b"hello"); // for the library, which needs no further token and returns none to send
    /// let (message, state) = permit.established(None);
    /// assert_eq!(message.to_vec(), [1, 1, 0, 0]);
    ///
    /// let ((wrapped, permit), _) = state.receive(b"\x01\x02\x00\x03[1]")?;
    /// assert_eq!(wrapped.as_bytes(), b"[1]");
    /// let (message, _state) = permit.choose(GssapiToken::new(b"[1]")?); // the request is next, wrapped
    /// assert_eq!(message.to_vec(), b"\x01\x02\x00\x03[1]");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn gssapi(self) -> Result<(MethodSelection, ReceiveToken<AnswerToken>), Self> {
        self.sub_negotiate(Method::GSSAPI)
            .map(|(selection, negotiation)| (selection, ReceiveToken(AnswerToken(negotiation))))
    }
}

impl client::SubNegotiation {
    /// The permit to begin GSSAPI's sub-negotiation, if the server selected GSSAPI.
    ///
    /// # Errors
    ///
    /// The sub-negotiation, if the server selected another method.
    pub fn gssapi(self) -> Result<SendToken, Self> {
        if self.method() == Method::GSSAPI { Ok(SendToken(self)) } else { Err(self) }
    }
}

/// Waits for the selection of GSSAPI.
#[must_use]
#[derive(Debug)]
pub struct ReceiveGssapi(());

/// Waits for a token. The permit for the next move is [`ContinueContext`] in a client, [`AnswerToken`] in a server.
#[must_use]
#[derive(Debug)]
pub struct ReceiveToken<P>(P);

/// Waits for the wrapped protection level. The permit for the next move is [`AgreeToLevel`] in a client, [`ChooseLevel`] in a
/// server.
///
/// Some clients send the level unwrapped, as a token of one byte, and expect the answer unwrapped too.
#[must_use]
#[derive(Debug)]
pub struct ReceiveLevel<P>(P);

impl Sealed for ReceiveGssapi {}
impl Receive for ReceiveGssapi {
    type Received<'i> = SendToken;
    type Error = client::Error;

    fn missing(&self, input: &[u8]) -> Option<NonZeroUsize> {
        missing::<MethodSelection>(input)
    }

    fn receive(self, input: &[u8]) -> Result<(SendToken, usize), client::Error> {
        let (method, used) = client::selection(input, |method| method == Method::GSSAPI)?;
        Ok((SendToken(client::SubNegotiation(method)), used))
    }
}

impl<P> Sealed for ReceiveToken<P> {}
impl<P> Receive for ReceiveToken<P> {
    type Received<'i> = (GssapiToken<'i>, P);
    type Error = Error;

    fn missing(&self, input: &[u8]) -> Option<NonZeroUsize> {
        missing::<GssapiMessage<'_>>(input)
    }

    fn receive(self, input: &[u8]) -> Result<((GssapiToken<'_>, P), usize), Error> {
        match receive(input, Error::Invalid)? {
            (GssapiMessage::Authentication(token), used) => Ok(((token, self.0), used)),
            (message, _) => Err(out_of_order(&message)),
        }
    }

    fn closing_reply(error: &Error) -> &'static [u8] {
        error.closing_reply()
    }
}

impl<P> Sealed for ReceiveLevel<P> {}
impl<P> Receive for ReceiveLevel<P> {
    type Received<'i> = (GssapiToken<'i>, P);
    type Error = Error;

    fn missing(&self, input: &[u8]) -> Option<NonZeroUsize> {
        missing::<GssapiMessage<'_>>(input)
    }

    fn receive(self, input: &[u8]) -> Result<((GssapiToken<'_>, P), usize), Error> {
        match receive(input, Error::Invalid)? {
            (GssapiMessage::ProtectionLevel(wrapped), used) => Ok(((wrapped, self.0), used)),
            (message, _) => Err(out_of_order(&message)),
        }
    }

    fn closing_reply(error: &Error) -> &'static [u8] {
        error.closing_reply()
    }
}

fn out_of_order(message: &GssapiMessage<'_>) -> Error {
    match message {
        GssapiMessage::Abort => Error::Aborted,
        message => Error::OutOfOrder(message.message_type()),
    }
}

/// The client's permit to send its first token.
#[must_use]
#[derive(Debug)]
pub struct SendToken(client::SubNegotiation);

/// The client's permit to continue after a token of the server.
#[must_use]
#[derive(Debug)]
pub struct ContinueContext(client::SubNegotiation);

/// The client's permit to agree to the protection level that the server chose.
#[must_use]
#[derive(Debug)]
pub struct AgreeToLevel(client::SubNegotiation);

/// The server's permit to answer a token.
#[must_use]
#[derive(Debug)]
pub struct AnswerToken(server::SubNegotiation);

/// The server's permit to choose a protection level.
#[must_use]
#[derive(Debug)]
pub struct ChooseLevel(server::SubNegotiation);

impl SendToken {
    /// Sends the library's first token.
    pub const fn token(self, token: GssapiToken<'_>) -> (GssapiMessage<'_>, ReceiveToken<ContinueContext>) {
        (GssapiMessage::Authentication(token), ReceiveToken(ContinueContext(self.0)))
    }
}

impl ContinueContext {
    /// Sends another token. The client's context may already be established.
    pub const fn more(self, token: GssapiToken<'_>) -> (GssapiMessage<'_>, ReceiveToken<Self>) {
        (GssapiMessage::Authentication(token), ReceiveToken(self))
    }

    /// Offers a protection level: an octet, wrapped by the library without confidentiality (RFC 1961 section 4.4). Call this when
    /// the context is established and there is no token to send.
    pub const fn offer_level(self, wrapped: GssapiToken<'_>) -> (GssapiMessage<'_>, ReceiveLevel<AgreeToLevel>) {
        (GssapiMessage::ProtectionLevel(wrapped), ReceiveLevel(AgreeToLevel(self.0)))
    }
}

impl AgreeToLevel {
    /// Agrees to the level: the request is next, wrapped. If the level is not acceptable, the client must close (RFC 1961
    /// section 4.4).
    pub const fn agree(self) -> client::SendRequest {
        self.0.authenticated()
    }
}

impl AnswerToken {
    /// Sends a token, and expects another from the client.
    pub const fn more(self, token: GssapiToken<'_>) -> (GssapiMessage<'_>, ReceiveToken<Self>) {
        (GssapiMessage::Authentication(token), ReceiveToken(self))
    }

    /// Reports that the context is established. Sends the library's last token, or an empty one if there is none (RFC 1961
    /// section 3.7).
    pub fn established(self, token: Option<GssapiToken<'_>>) -> (GssapiMessage<'_>, ReceiveLevel<ChooseLevel>) {
        let token = token.unwrap_or(GssapiToken::EMPTY);
        (GssapiMessage::Authentication(token), ReceiveLevel(ChooseLevel(self.0)))
    }
}

impl ChooseLevel {
    /// Sends the level that the server chooses, a wrapped octet. The request is next, wrapped.
    pub const fn choose(self, wrapped: GssapiToken<'_>) -> (GssapiMessage<'_>, server::ReceiveRequest) {
        (GssapiMessage::ProtectionLevel(wrapped), self.0.authenticated())
    }
}

macro_rules! can_abort {
    ($($permit:ident)*) => {
        $(impl $permit {
            /// Aborts. Send the message, then close (RFC 1961 section 3.8).
            pub const fn abort(self) -> GssapiMessage<'static> {
                GssapiMessage::Abort
            }
        })*
    };
}

can_abort! { SendToken ContinueContext AgreeToLevel AnswerToken ChooseLevel }

/// An abort or an error of the peer. It ends the sub-negotiation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, thiserror::Error)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum Error {
    /// The frame is malformed.
    #[error("malformed frame: {0}")]
    Invalid(Invalid),
    /// A well-formed frame is out of order. Holds its message type: 1 to 3.
    #[error("gssapi message type {0:#04x} is out of order")]
    OutOfOrder(u8),
    /// The peer sent an abort (RFC 1961 section 3.8).
    #[error("the peer aborted")]
    Aborted,
    /// The peer closed the connection between two frames.
    #[error("the peer closed the connection during the handshake")]
    Closed,
    /// The peer closed the connection in the middle of a frame.
    #[error("the peer closed the connection in the middle of a frame")]
    Truncated,
}

impl Error {
    /// The bytes to send before closing: the 2 of an abort, or none.
    #[must_use]
    pub const fn closing_reply(&self) -> &'static [u8] {
        match self {
            Self::Invalid(_) | Self::OutOfOrder(_) => &ABORT,
            Self::Aborted | Self::Closed | Self::Truncated => &[],
        }
    }
}

impl Ended for Error {
    const CLOSED: Self = Self::Closed;
    const TRUNCATED: Self = Self::Truncated;
}

/// Malformed frames and frames out of order are `InvalidData`, an abort is `PermissionDenied`, an end of stream `UnexpectedEof`.
#[cfg(feature = "std")]
#[cfg_attr(docsrs, doc(cfg(feature = "std")))]
impl From<Error> for std::io::Error {
    fn from(error: Error) -> Self {
        let kind = match error {
            Error::Invalid(_) | Error::OutOfOrder(_) => std::io::ErrorKind::InvalidData,
            Error::Aborted => std::io::ErrorKind::PermissionDenied,
            Error::Closed | Error::Truncated => std::io::ErrorKind::UnexpectedEof,
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
            (Error::Invalid(Invalid::GssapiVersion(5)), ErrorKind::InvalidData),
            (Error::OutOfOrder(3), ErrorKind::InvalidData),
            (Error::Aborted, ErrorKind::PermissionDenied),
            (Error::Closed, ErrorKind::UnexpectedEof),
            (Error::Truncated, ErrorKind::UnexpectedEof),
        ] {
            assert_eq!(io::Error::from(error).kind(), kind);
        }
    }
}
