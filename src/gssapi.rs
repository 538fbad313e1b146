//! GSSAPI's sub-negotiation, moment by moment (RFC 1961): the tokens to and fro, then the protection level.
//!
//! ```text
//!  client                                            server
//!  SubNegotiation::gssapi                            SubNegotiation::gssapi
//!    |                                                 |
//!  Initiate -- token ------------------------------->  | read
//!    |                                                 v
//!    | read                                          AcceptorStep::Token(token, permit)
//!    v                                                 |  more, established
//!  InitiatorStep::Token(token, permit) <-------------- +  until both sides are satisfied
//!    |  more, until established                        |
//!    v                                                 |
//!  OfferLevel -- offer ----------------------------->  | read
//!    |                                                 v
//!    | read                                          AcceptorStep::Level(wrapped, permit)
//!    v                                                 |
//!  InitiatorStep::Level(wrapped, permit) <------------ + choose: the request may come
//!    |
//!    | agree: the request may go
//! ```
//!
//! A GSSAPI library makes and takes the tokens, and wraps and unwraps; this is the order in which they go. The messages are
//! [`GssapiMessage`]s for the caller to encode and to send, as a token may have 65,535 octets. Either side may
//! [`abort`](Judge::abort) at any moment, or hear an abort: [`Error::Aborted`].
//!
//! Afterwards all octets of both sides are wrapped, in frames that are [`GssapiMessage::Encapsulated`]: requests, replies, data, and
//! each datagram with its header in one. A frame need not hold a whole message: what is unwrapped is collected in a buffer, and
//! goes to [`Server::read`] and [`Client::read`](crate::Client::read) as if it came from a socket.
//!
//! How many tokens a mechanism wants is its own business: bound their number, or the time. No frame marks the end of a stream:
//! that one was cut off between two frames is not noticed here.
//!
//! ```compile_fail,E0599
//! # use socks5_sansio::GssapiToken;
//! # use socks5_sansio::gssapi::Judge;
//! fn chooses_a_level_before_there_is_a_context(permit: Judge, wrapped: GssapiToken<'_>) {
//!     let (message, server) = permit.choose(wrapped); // no such move
//! }
//! ```
//!
//! ```compile_fail,E0599
//! # use socks5_sansio::gssapi::OfferLevel;
//! fn sends_a_request_before_a_level_is_agreed(permit: OfferLevel) {
//!     let permit = permit.agree(); // no such move
//! }
//! ```

use core::num::NonZeroUsize;

use crate::error::{DecodeError, Invalid};
use crate::server::Server;
use crate::wire::{ABORT_OCTETS, GssapiMessage, GssapiToken, Message, Method};
use crate::{client, server};

impl client::SubNegotiation {
    /// GSSAPI's rules, if GSSAPI is the method that the server selected.
    ///
    /// # Errors
    ///
    /// The sub-negotiation as it was, if the method is another.
    ///
    /// ```
    /// use socks5_sansio::client::{Client, Step};
    /// use socks5_sansio::{GssapiToken, Message, Method, MethodOffer};
    ///
    /// let (_, client) = Client::new(&MethodOffer::of(&[Method::GSSAPI]));
    /// let (_, Step::SubNegotiate(negotiation)) = client.read(&[5, 1])? else { panic!() };
    /// let Ok(permit) = negotiation.gssapi() else { panic!() };
    ///
    /// let (message, _initiator) = permit.token(GssapiToken::new(b"from the library").unwrap());
    /// let mut out = [0; 20];
    /// message.encode(&mut out).unwrap();
    /// assert_eq!(out, *b"\x01\x01\x00\x10from the library");
    /// # Ok::<(), socks5_sansio::client::Error>(())
    /// ```
    pub fn gssapi(self) -> Result<Initiate, Self> {
        if self.method() == Method::GSSAPI { Ok(Initiate(self)) } else { Err(self) }
    }
}

impl server::SubNegotiation {
    /// GSSAPI's rules, if GSSAPI is the method that was chosen.
    ///
    /// # Errors
    ///
    /// The sub-negotiation as it was, if the method is another.
    ///
    /// ```
    /// use socks5_sansio::gssapi::AcceptorStep;
    /// use socks5_sansio::server::{Chosen, Server, Step};
    /// use socks5_sansio::Method;
    ///
    /// let (_, Step::Methods(_, permit)) = Server::new().read(&[5, 1, 1])? else { panic!() };
    /// let Chosen::SubNegotiate(answer, negotiation) = permit.choose(&[Method::GSSAPI]) else { panic!() };
    /// assert_eq!(*answer, [5, 1]);
    /// let Ok(acceptor) = negotiation.gssapi() else { panic!() };
    ///
    /// let (used, AcceptorStep::Token(token, _)) = acceptor.read(b"\x01\x01\x00\x05token").unwrap() else { panic!() };
    /// assert_eq!((used, token.as_bytes()), (9, b"token".as_slice()));
    /// # Ok::<(), socks5_sansio::server::Error>(())
    /// ```
    pub fn gssapi(self) -> Result<Acceptor, Self> {
        if self.method() == Method::GSSAPI {
            Ok(Acceptor { negotiation: self, expects: Expects::Token })
        } else {
            Err(self)
        }
    }
}

/// The permit to send the client's first token.
///
/// See [`SubNegotiation::gssapi`](client::SubNegotiation::gssapi) for an example.
///
/// ```
/// # use socks5_sansio::{GssapiMessage, gssapi::Initiate};
/// fn has_no_ticket(permit: Initiate) {
///     assert_eq!(permit.abort(), GssapiMessage::Abort); // send, then close
/// }
/// ```
#[must_use = "the server waits for a token"]
#[derive(Debug)]
pub struct Initiate(client::SubNegotiation);

/// The client's side, which waits for the server's next frame: in GSSAPI's words the initiator of the security context.
///
/// ```
/// use socks5_sansio::client::{Client, Step};
/// use socks5_sansio::gssapi::InitiatorStep;
/// use socks5_sansio::{GssapiMessage, GssapiToken, Method, MethodOffer};
///
/// let token = |octets| GssapiToken::new(octets).unwrap(); // made by a GSSAPI library
/// # let (_, client) = Client::new(&MethodOffer::of(&[Method::GSSAPI]));
/// # let (_, Step::SubNegotiate(negotiation)) = client.read(&[5, 1]).unwrap() else { panic!() };
/// # let Ok(permit) = negotiation.gssapi() else { panic!() };
/// let (_, initiator) = permit.token(token(b"one"));
///
/// let (_, InitiatorStep::Token(answer, permit)) = initiator.read(b"\x01\x01\x00\x03two")? else { panic!() };
/// assert_eq!(answer.as_bytes(), b"two");
/// let (message, initiator) = permit.established().offer(token(b"[2]"));
/// assert_eq!(message, GssapiMessage::ProtectionLevel(token(b"[2]")));
///
/// let (_, InitiatorStep::Level(wrapped, permit)) = initiator.read(b"\x01\x02\x00\x03[2]")? else { panic!() };
/// assert_eq!(wrapped.as_bytes(), b"[2]");
/// let permit = permit.agree(); // to send the request, wrapped
/// # Ok::<(), socks5_sansio::gssapi::Error>(())
/// ```
#[must_use = "a conversation that is dropped is over: close the connection"]
#[derive(Debug)]
pub struct Initiator {
    negotiation: client::SubNegotiation,
    expects: Expects,
}

/// What the server sent, and the permit for the only legal next moves.
///
/// ```
/// use socks5_sansio::gssapi::{Error, Initiator, InitiatorStep};
///
/// fn turn(initiator: Initiator, input: &[u8]) -> Result<(), Error> {
///     let (_used, step) = initiator.read(input)?;
///     match step {
///         InitiatorStep::NeedMore(_initiator, _missing) => {} // read on
///         InitiatorStep::Token(_token, _permit) => {}         // to the library: more, or established
///         InitiatorStep::Level(_wrapped, _permit) => {}       // unwrap: agree, or abort
///     }
///     Ok(())
/// }
/// ```
#[must_use]
#[derive(Debug)]
pub enum InitiatorStep<'i> {
    /// The frame is not whole: at least this many octets are missing.
    NeedMore(Initiator, NonZeroUsize),
    /// A token for the library. One of no octets says that the server is ready (RFC 1961 section 3.7).
    Token(GssapiToken<'i>, Proceed),
    /// The wrapped octet with the protection level that the server chooses (RFC 1961 section 4.2).
    Level(GssapiToken<'i>, Agree),
}

/// The permit to go on after the server's token.
///
/// ```
/// use socks5_sansio::gssapi::{Initiator, Proceed};
/// use socks5_sansio::GssapiToken;
///
/// fn proceeds(permit: Proceed, token: GssapiToken<'_>) -> Initiator {
///     let (_message, initiator) = permit.more(token); // send, then read
///     initiator
/// }
/// ```
#[must_use = "the server waits for a token or a protection level"]
#[derive(Debug)]
pub struct Proceed(client::SubNegotiation);

/// The permit to offer a protection level.
///
/// ```
/// use socks5_sansio::gssapi::OfferLevel;
/// use socks5_sansio::{GssapiMessage, GssapiToken, ProtectionLevel};
///
/// fn offers(permit: OfferLevel, wrap: impl Fn(&[u8]) -> Vec<u8>) {
///     let wrapped = wrap(&[ProtectionLevel::CONFIDENTIALITY.0]); // without confidentiality, whatever the level
///     let token = GssapiToken::new(&wrapped).expect("an octet stays short");
///     let (message, _initiator) = permit.offer(token);
///     assert_eq!(message, GssapiMessage::ProtectionLevel(token));
/// }
/// ```
#[must_use = "the server waits for a protection level"]
#[derive(Debug)]
pub struct OfferLevel(client::SubNegotiation);

/// The permit to agree to the level that the server chose.
///
/// ```
/// use socks5_sansio::client::SendRequest;
/// use socks5_sansio::gssapi::Agree;
/// use socks5_sansio::ProtectionLevel;
///
/// fn agrees(permit: Agree, chosen: ProtectionLevel) -> Option<SendRequest> {
///     (chosen == ProtectionLevel::CONFIDENTIALITY).then(|| permit.agree()) // else close
/// }
/// ```
#[must_use = "the server waits for the request"]
#[derive(Debug)]
pub struct Agree(client::SubNegotiation);

/// The server's side, which waits for the client's next frame: in GSSAPI's words the acceptor of the security context.
///
/// ```
/// use socks5_sansio::gssapi::AcceptorStep;
/// use socks5_sansio::server::{Chosen, Server, Step};
/// use socks5_sansio::{GssapiMessage, GssapiToken, Method};
///
/// let token = |octets| GssapiToken::new(octets).unwrap(); // made by a GSSAPI library
/// # let (_, Step::Methods(_, permit)) = Server::new().read(&[5, 1, 1]).unwrap() else { panic!() };
/// # let Chosen::SubNegotiate(_, negotiation) = permit.choose(&[Method::GSSAPI]) else { panic!() };
/// # let Ok(acceptor) = negotiation.gssapi() else { panic!() };
/// let (_, AcceptorStep::Token(_, permit)) = acceptor.read(b"\x01\x01\x00\x03one")? else { panic!() };
/// let (message, acceptor) = permit.established(Some(token(b"two")));
/// assert_eq!(message, GssapiMessage::Authentication(token(b"two")));
///
/// let (_, AcceptorStep::Level(wrapped, permit)) = acceptor.read(b"\x01\x02\x00\x03[2]")? else { panic!() };
/// assert_eq!(wrapped.as_bytes(), b"[2]");
/// let (message, server) = permit.choose(token(b"[2]"));
/// assert_eq!(message, GssapiMessage::ProtectionLevel(token(b"[2]")));
///
/// // What is wrapped in the next frames is the request.
/// let clear = [5, 1, 0, 1, 192, 0, 2, 1, 0, 80];
/// let (_, Step::Request(..)) = server.read(&clear).unwrap() else { panic!() };
/// # Ok::<(), socks5_sansio::gssapi::Error>(())
/// ```
#[must_use = "a conversation that is dropped is over: close the connection"]
#[derive(Debug)]
pub struct Acceptor {
    negotiation: server::SubNegotiation,
    expects: Expects,
}

/// What the client sent, and the permit for the only legal next moves.
///
/// ```
/// use socks5_sansio::gssapi::{Acceptor, AcceptorStep, Error};
///
/// fn turn(acceptor: Acceptor, input: &[u8]) -> Result<(), Error> {
///     let (_used, step) = acceptor.read(input)?;
///     match step {
///         AcceptorStep::NeedMore(_acceptor, _missing) => {} // read on
///         AcceptorStep::Token(_token, _permit) => {}        // to the library: more, or established
///         AcceptorStep::Level(_wrapped, _permit) => {}      // unwrap: choose, or abort
///     }
///     Ok(())
/// }
/// ```
#[must_use]
#[derive(Debug)]
pub enum AcceptorStep<'i> {
    /// The frame is not whole: at least this many octets are missing.
    NeedMore(Acceptor, NonZeroUsize),
    /// A token for the library.
    Token(GssapiToken<'i>, Judge),
    /// The wrapped octet with the protection level that the client offers (RFC 1961 section 4.2). There are clients that send it
    /// unwrapped, as NEC's did: a token of one octet. They want the answer unwrapped, too.
    Level(GssapiToken<'i>, ChooseLevel),
}

/// The permit to answer the client's token.
///
/// ```
/// use socks5_sansio::gssapi::{Acceptor, Judge};
/// use socks5_sansio::{GssapiMessage, GssapiToken};
///
/// /// What the library makes of a token: one to answer, and whether it is satisfied.
/// fn judge<'t>(permit: Judge, answer: Option<GssapiToken<'t>>, satisfied: bool) -> (GssapiMessage<'t>, Acceptor) {
///     match (answer, satisfied) {
///         (answer, true) => permit.established(answer), // with nothing to answer: an empty token, "ready"
///         (Some(answer), false) => permit.more(answer),
///         (None, false) => unreachable!("a library that is not satisfied has something to say"),
///     }
/// }
/// ```
#[must_use = "the client waits for a token"]
#[derive(Debug)]
pub struct Judge(server::SubNegotiation);

/// The permit to choose a protection level.
///
/// ```
/// use socks5_sansio::gssapi::ChooseLevel;
/// use socks5_sansio::{GssapiMessage, GssapiToken, Server};
///
/// fn chooses<'t>(permit: ChooseLevel, wrapped: GssapiToken<'t>) -> (GssapiMessage<'t>, Server) {
///     permit.choose(wrapped) // send, then read the request, unwrapped
/// }
/// ```
#[must_use = "the client waits for a protection level"]
#[derive(Debug)]
pub struct ChooseLevel(server::SubNegotiation);

impl Initiate {
    /// The library's first token: send, then read.
    ///
    /// ```
    /// # use socks5_sansio::{GssapiMessage, GssapiToken, gssapi::{Initiate, Initiator}};
    /// fn initiates(permit: Initiate, token: GssapiToken<'_>) -> Initiator {
    ///     let (message, initiator) = permit.token(token);
    ///     assert_eq!(message, GssapiMessage::Authentication(token));
    ///     initiator
    /// }
    /// ```
    pub const fn token(self, token: GssapiToken<'_>) -> (GssapiMessage<'_>, Initiator) {
        (GssapiMessage::Authentication(token), Initiator { negotiation: self.0, expects: Expects::Token })
    }
}

impl Proceed {
    /// The library has a token for the server, whether it wants another or is satisfied by now: send, then read.
    ///
    /// ```
    /// # use socks5_sansio::{GssapiMessage, GssapiToken, gssapi::{Initiator, Proceed}};
    /// fn proceeds(permit: Proceed, token: GssapiToken<'_>) -> Initiator {
    ///     let (message, initiator) = permit.more(token);
    ///     assert_eq!(message, GssapiMessage::Authentication(token));
    ///     initiator
    /// }
    /// ```
    pub const fn more(self, token: GssapiToken<'_>) -> (GssapiMessage<'_>, Initiator) {
        (GssapiMessage::Authentication(token), Initiator { negotiation: self.0, expects: Expects::Token })
    }

    /// The library is satisfied, and has nothing to send: on to the protection level (RFC 1961 section 3.3).
    ///
    /// ```
    /// # use socks5_sansio::gssapi::{OfferLevel, Proceed};
    /// fn is_satisfied(permit: Proceed) -> OfferLevel {
    ///     permit.established()
    /// }
    /// ```
    pub const fn established(self) -> OfferLevel {
        OfferLevel(self.0)
    }
}

impl OfferLevel {
    /// The wrapped octet of a [`ProtectionLevel`](crate::ProtectionLevel), as the library makes it without confidentiality
    /// (RFC 1961 section 4.4): send, then read.
    ///
    /// ```
    /// # use socks5_sansio::{GssapiMessage, GssapiToken, gssapi::{Initiator, OfferLevel}};
    /// fn offers(permit: OfferLevel, wrapped: GssapiToken<'_>) -> Initiator {
    ///     let (message, initiator) = permit.offer(wrapped);
    ///     assert_eq!(message, GssapiMessage::ProtectionLevel(wrapped));
    ///     initiator
    /// }
    /// ```
    pub const fn offer(self, wrapped: GssapiToken<'_>) -> (GssapiMessage<'_>, Initiator) {
        (GssapiMessage::ProtectionLevel(wrapped), Initiator { negotiation: self.0, expects: Expects::Level })
    }
}

impl Agree {
    /// The level will do: the request may go, wrapped. If it will not, the client must close (RFC 1961 section 4.4).
    ///
    /// ```
    /// # use socks5_sansio::{Endpoint, Request, gssapi::Agree};
    /// fn agrees(permit: Agree) {
    ///     let (clear, _client) = permit.agree().send(&Request::connect(Endpoint::UNSPECIFIED));
    ///     assert_eq!(clear.len(), 10); // to be wrapped
    /// }
    /// ```
    pub const fn agree(self) -> client::SendRequest {
        self.0.authenticated()
    }
}

impl Judge {
    /// The library wants another token: send, then read.
    ///
    /// ```
    /// # use socks5_sansio::{GssapiMessage, GssapiToken, gssapi::{Acceptor, Judge}};
    /// fn wants_more(permit: Judge, token: GssapiToken<'_>) -> Acceptor {
    ///     let (message, acceptor) = permit.more(token);
    ///     assert_eq!(message, GssapiMessage::Authentication(token));
    ///     acceptor
    /// }
    /// ```
    pub const fn more(self, token: GssapiToken<'_>) -> (GssapiMessage<'_>, Acceptor) {
        (GssapiMessage::Authentication(token), Acceptor { negotiation: self.0, expects: Expects::Token })
    }

    /// The library is satisfied: send its last token, or where it has none an empty one, then read the protection level.
    ///
    /// ```
    /// # use socks5_sansio::{GssapiMessage, GssapiToken, gssapi::{Acceptor, Judge}};
    /// fn is_ready(permit: Judge) -> Acceptor {
    ///     let (message, acceptor) = permit.established(None);
    ///     assert_eq!(message, GssapiMessage::Authentication(GssapiToken::EMPTY));
    ///     acceptor
    /// }
    /// ```
    pub fn established(self, token: Option<GssapiToken<'_>>) -> (GssapiMessage<'_>, Acceptor) {
        let token = token.unwrap_or(GssapiToken::EMPTY);
        (GssapiMessage::Authentication(token), Acceptor { negotiation: self.0, expects: Expects::Level })
    }
}

impl ChooseLevel {
    /// The wrapped octet of the level that the server chooses: send, then read the request, unwrapped.
    ///
    /// ```
    /// # use socks5_sansio::{GssapiMessage, GssapiToken, Server, gssapi::ChooseLevel};
    /// fn chooses(permit: ChooseLevel, wrapped: GssapiToken<'_>) -> Server {
    ///     let (message, server) = permit.choose(wrapped);
    ///     assert_eq!(message, GssapiMessage::ProtectionLevel(wrapped));
    ///     server
    /// }
    /// ```
    pub const fn choose(self, wrapped: GssapiToken<'_>) -> (GssapiMessage<'_>, Server) {
        (GssapiMessage::ProtectionLevel(wrapped), self.0.authenticated())
    }
}

/// What every permit can do instead: give up.
macro_rules! permits_to_abort {
    ($($permit:ident)*) => {
        $(impl $permit {
            /// Gives up: send, then close (RFC 1961 section 3.8).
            ///
            /// ```
            #[doc = concat!("# use socks5_sansio::{GssapiMessage, gssapi::", stringify!($permit), "};")]
            #[doc = concat!("fn gives_up(permit: ", stringify!($permit), ") {")]
            ///     assert_eq!(permit.abort(), GssapiMessage::Abort);
            /// }
            /// ```
            pub const fn abort(self) -> GssapiMessage<'static> {
                GssapiMessage::Abort
            }
        })*
    };
}

permits_to_abort! { Initiate Proceed OfferLevel Agree Judge ChooseLevel }

impl Initiator {
    /// Reads the server's next frame off the front of the input. Returns the number of octets used, and what happened.
    ///
    /// # Errors
    ///
    /// [`Error`]: it is over. Send [`Error::parting`], then close.
    ///
    /// ```
    /// # use socks5_sansio::gssapi::{Error, Initiator};
    /// fn hears_that_the_server_gives_up(initiator: Initiator) {
    ///     assert_eq!(initiator.read(&[1, 0xFF]).unwrap_err(), Error::Aborted);
    /// }
    /// ```
    pub fn read(self, input: &[u8]) -> Result<(usize, InitiatorStep<'_>), Error> {
        let Self { negotiation, expects } = self;
        match read(expects, input)? {
            Heard::NeedMore(missing) => Ok((0, InitiatorStep::NeedMore(Self { negotiation, expects }, missing))),
            Heard::Token(used, token) => Ok((used, InitiatorStep::Token(token, Proceed(negotiation)))),
            Heard::Level(used, wrapped) => Ok((used, InitiatorStep::Level(wrapped, Agree(negotiation)))),
        }
    }

    /// The server's stream ended where [`read`](Self::read) wanted more, and these octets of it are left: what that means.
    ///
    /// ```
    /// # use socks5_sansio::gssapi::{Error, Initiator};
    /// fn hears_no_more(initiator: &Initiator) {
    ///     assert_eq!(initiator.end(&[]), Error::Closed);
    ///     assert_eq!(initiator.end(&[1, 1, 0]), Error::Truncated);
    /// }
    /// ```
    #[must_use]
    pub fn end(&self, unread: &[u8]) -> Error {
        end(self.expects, unread)
    }
}

impl Acceptor {
    /// Reads the client's next frame off the front of the input. Returns the number of octets used, and what happened.
    ///
    /// # Errors
    ///
    /// [`Error`]: it is over. Send [`Error::parting`], then close.
    ///
    /// ```
    /// # use socks5_sansio::gssapi::{Acceptor, Error};
    /// fn is_asked_for_a_level_before_there_is_a_context(acceptor: Acceptor) {
    ///     let error = acceptor.read(b"\x01\x02\x00\x03[2]").unwrap_err();
    ///     assert_eq!((error, error.parting()), (Error::OutOfOrder(2), [1, 0xFF].as_slice()));
    /// }
    /// ```
    pub fn read(self, input: &[u8]) -> Result<(usize, AcceptorStep<'_>), Error> {
        let Self { negotiation, expects } = self;
        match read(expects, input)? {
            Heard::NeedMore(missing) => Ok((0, AcceptorStep::NeedMore(Self { negotiation, expects }, missing))),
            Heard::Token(used, token) => Ok((used, AcceptorStep::Token(token, Judge(negotiation)))),
            Heard::Level(used, wrapped) => Ok((used, AcceptorStep::Level(wrapped, ChooseLevel(negotiation)))),
        }
    }

    /// The client's stream ended where [`read`](Self::read) wanted more, and these octets of it are left: what that means.
    ///
    /// ```
    /// # use socks5_sansio::gssapi::{Acceptor, Error};
    /// fn hears_no_more(acceptor: &Acceptor) {
    ///     assert_eq!(acceptor.end(&[]), Error::Closed);
    ///     assert_eq!(acceptor.end(&[1]), Error::Truncated);
    /// }
    /// ```
    #[must_use]
    pub fn end(&self, unread: &[u8]) -> Error {
        end(self.expects, unread)
    }
}

#[derive(Clone, Copy, Debug)]
enum Expects {
    Token,
    Level,
}

enum Heard<'i> {
    NeedMore(NonZeroUsize),
    Token(usize, GssapiToken<'i>),
    Level(usize, GssapiToken<'i>),
}

fn read(expects: Expects, input: &[u8]) -> Result<Heard<'_>, Error> {
    match (GssapiMessage::decode(input), expects) {
        (Ok((GssapiMessage::Authentication(token), used)), Expects::Token) => Ok(Heard::Token(used, token)),
        (Ok((GssapiMessage::ProtectionLevel(wrapped), used)), Expects::Level) => Ok(Heard::Level(used, wrapped)),
        (Ok((GssapiMessage::Abort, _)), _) => Err(Error::Aborted),
        (Ok((message, _)), _) => Err(Error::OutOfOrder(message.message_type())),
        (Err(DecodeError::Incomplete(missing)), _) => Ok(Heard::NeedMore(missing)),
        (Err(DecodeError::Invalid(invalid)), _) => Err(Error::Invalid(invalid)),
    }
}

fn end(expects: Expects, unread: &[u8]) -> Error {
    match read(expects, unread) {
        Err(error) => error,
        Ok(Heard::NeedMore(_)) if !unread.is_empty() => Error::Truncated,
        Ok(_) => Error::Closed,
    }
}

/// Why a sub-negotiation ended early. What is still to be said is in [`parting`](Self::parting).
///
/// ```
/// use socks5_sansio::gssapi::Error;
///
/// assert_eq!(Error::Aborted.to_string(), "the peer gave up");
/// assert_eq!(Error::OutOfOrder(3).to_string(), "gssapi message type 0x03 is not due now");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The octets are no frame.
    #[error("malformed frame: {0}")]
    Invalid(Invalid),
    /// A frame whose type is not due now, with that type: 1 to 3.
    #[error("gssapi message type {0:#04x} is not due now")]
    OutOfOrder(u8),
    /// The peer sent an abort (RFC 1961 section 3.8).
    #[error("the peer gave up")]
    Aborted,
    /// The peer closed the connection between two frames.
    #[error("the peer left before the negotiation was over")]
    Closed,
    /// The peer closed the connection in the middle of a frame.
    #[error("the peer left in the middle of a frame")]
    Truncated,
}

impl Error {
    /// The octets to send before closing: an abort of 2, or none.
    ///
    /// ```
    /// use socks5_sansio::Invalid;
    /// use socks5_sansio::gssapi::Error;
    ///
    /// assert_eq!(Error::Invalid(Invalid::GssapiVersion(5)).parting(), [1, 0xFF]);
    /// assert!(Error::Aborted.parting().is_empty());
    /// ```
    #[must_use]
    pub const fn parting(&self) -> &'static [u8] {
        match self {
            Self::Invalid(_) | Self::OutOfOrder(_) => &ABORT_OCTETS,
            Self::Aborted | Self::Closed | Self::Truncated => &[],
        }
    }
}

/// Malformed and untimely frames are `InvalidData`, an abort is `PermissionDenied`; a stream that ended is `UnexpectedEof`.
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
    fn errors_are_bad_data_a_refusal_or_an_early_end() {
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
