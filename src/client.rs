//! The client's side of the conversation, the mirror image of [`server`](crate::server).
//!
//! ```text
//!  Client::new(offer): send
//!    |  read
//!    +--> Step::UserPass(permit) -- send: send --+
//!    +--> Step::SubNegotiate(permit) ------------+  the wire is yours until `authenticated`
//!    v                                           |  read, or at once
//!  Step::Request(permit) <-----------------------+
//!    |  send: send
//!    |  read
//!    v
//!  Step::Reply(reply, None): the connection is the application's
//!  Step::Reply(reply, Some(client)): BIND owes a second reply; read on
//! ```
//!
//! [`Client::optimistic`] says everything in one flight, and then only reads.
//!
//! Every refusal is an [`Error`]: there is no moment after it.
//!
//! ```compile_fail,E0599
//! # use socks5_sansio::{Client, Method, MethodOffer, Request};
//! fn requests_before_the_method_is_known(request: Request<'_>) {
//!     let (offer, client) = Client::new(&MethodOffer::of(&[Method::NONE]));
//!     let (octets, client) = client.send(&request); // no permit for that yet
//! }
//! ```
//!
//! ```compile_fail,E0308
//! # use socks5_sansio::{Request, client::SendUserPass};
//! fn requests_instead_of_authenticating(permit: SendUserPass, request: Request<'_>) {
//!     let (octets, client) = permit.send(&request); // credentials, or nothing
//! }
//! ```
//!
//! ```compile_fail,E0382
//! # use socks5_sansio::{Request, client::SendRequest};
//! fn requests_twice(permit: SendRequest, request: Request<'_>) {
//!     let (octets, client) = permit.send(&request);
//!     let (octets, client) = permit.send(&request); // the permit is used up
//! }
//! ```

use core::mem;
use core::num::NonZeroUsize;

use crate::error::{BufferTooSmall, DecodeError, Invalid};
use crate::wire::{
    Command, Message, Method, MethodOffer, MethodSelection, MethodSet, Outgoing, Reply, ReplyCode, Request, UserPass,
    UserPassStatus,
};

/// A client that waits for the server's next message.
///
/// Holds no octets: what it has not used stays in the caller's buffer.
///
/// ```
/// use socks5_sansio::client::{Client, Step};
/// use socks5_sansio::{Endpoint, Method, MethodOffer, Request};
///
/// let (offer, client) = Client::new(&MethodOffer::of(&[Method::NONE]));
/// assert_eq!(*offer, [5, 1, 0]);
///
/// let (_, Step::Request(permit)) = client.read(&[5, 0])? else { panic!() };
/// let (request, client) = permit.send(&Request::connect(Endpoint::try_from("192.0.2.1:80").unwrap()));
/// assert_eq!(*request, [5, 1, 0, 1, 192, 0, 2, 1, 0, 80]);
///
/// let input = b"\x05\0\0\x01\0\0\0\0\0\0HTTP/1.1 200 OK";
/// let (used, Step::Reply(reply, None)) = client.read(input)? else { panic!() };
/// assert_eq!(&input[used..], b"HTTP/1.1 200 OK"); // the application's, untouched
/// # Ok::<(), socks5_sansio::client::Error>(())
/// ```
#[must_use = "a conversation that is dropped is over: close the connection"]
#[derive(Debug)]
pub struct Client {
    expects: Expects,
    /// The command of a request that was sent ahead.
    in_flight: Option<Command>,
}

#[derive(Clone, Copy, Debug)]
enum Expects {
    Selection(MethodSet),
    Status,
    Reply(Replies),
}

/// How many replies are still to come: BIND has two (RFC 1928 section 6).
#[derive(Clone, Copy, Debug)]
enum Replies {
    One,
    Two,
}

impl Client {
    /// The most that [`optimistic`](Self::optimistic) writes: an offer, credentials and a request, 778 octets.
    pub const OPTIMISTIC_MAX_LEN: usize = 3 + UserPass::MAX_LEN + Request::MAX_LEN;

    /// The most that a server says before its application data: a selection, a verdict and BIND's two replies, 528 octets.
    ///
    /// A buffer of this size has room for what is missing, whatever has come. (A sub-negotiation of the caller's own is not
    /// counted.)
    pub const INPUT_MAX_LEN: usize = MethodSelection::MAX_LEN + 2 * Reply::MAX_LEN + UserPassStatus::MAX_LEN;

    /// Offers methods: send, then read the server's selection.
    ///
    /// ```
    /// use socks5_sansio::client::{Client, Error};
    /// use socks5_sansio::{Method, MethodOffer};
    ///
    /// let (offer, client) = Client::new(&MethodOffer::of(&[Method::NONE, Method::USERNAME_PASSWORD]));
    /// assert_eq!(*offer, [5, 2, 0, 2]);
    /// assert_eq!(client.read(&[5, 1]).unwrap_err(), Error::NotOffered(Method::GSSAPI)); // the offer is remembered
    /// ```
    #[inline]
    pub fn new(offer: &MethodOffer<'_>) -> (Outgoing, Self) {
        let expects = Expects::Selection(MethodSet::from(offer));
        (Outgoing::new(offer), Self { expects, in_flight: None })
    }

    /// Says everything in one flight: an offer of one method, the credentials for it if there are any, and the request.
    /// Then only reads, until [`Step::Reply`]; no other step comes up.
    ///
    /// Saves a round trip or two. Returns the octets written to the front of `out`; the caller may put application data
    /// right behind them. All of it is lost on a server that refuses, and the credentials go to one that never asked.
    ///
    /// # Errors
    ///
    /// [`BufferTooSmall`] and nothing is written; [`OPTIMISTIC_MAX_LEN`](Self::OPTIMISTIC_MAX_LEN) octets always suffice.
    ///
    /// ```
    /// use socks5_sansio::client::{Client, Step};
    /// use socks5_sansio::{Endpoint, Request, UserPass};
    ///
    /// let request = Request::connect(Endpoint::try_from("example.com:80")?);
    /// let credentials = UserPass::new("u", "p")?;
    /// let mut out = [0; Client::OPTIMISTIC_MAX_LEN];
    /// let (len, client) = Client::optimistic(Some(&credentials), &request, &mut out)?;
    /// assert_eq!(out[..len], *b"\x05\x01\x02\x01\x01u\x01p\x05\x01\0\x03\x0Bexample.com\0\x50");
    ///
    /// let (used, Step::Reply(..)) = client.read(b"\x05\x02\x01\0\x05\0\0\x01\0\0\0\0\0\0")? else { panic!() };
    /// assert_eq!(used, 14);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn optimistic(
        credentials: Option<&UserPass<'_>>,
        request: &Request<'_>,
        out: &mut [u8],
    ) -> Result<(usize, Self), BufferTooSmall> {
        let methods = [if credentials.is_some() { Method::USERNAME_PASSWORD } else { Method::NONE }];
        let offer = MethodOffer::of(&methods);
        let needed = offer.encoded_len() + credentials.map_or(0, Message::encoded_len) + request.encoded_len();
        let mut free = out.get_mut(..needed).ok_or(BufferTooSmall { needed })?;
        append(&mut free, &offer);
        if let Some(credentials) = credentials {
            append(&mut free, credentials);
        }
        append(&mut free, request);
        let expects = Expects::Selection(MethodSet::from(&offer));
        Ok((needed, Self { expects, in_flight: Some(request.command) }))
    }

    /// Reads the server's next message off the front of the input. Returns the number of octets used, and what happened.
    ///
    /// Drop the octets used, whatever the step is. The rest was not looked at: it belongs to the next message, or behind
    /// the last reply to the application.
    ///
    /// # Errors
    ///
    /// [`Error`]: it is over, and the connection must be closed. A refusal is one as soon as it is certain: a failure reply
    /// after two octets, as not every server sends the others.
    ///
    /// ```
    /// use socks5_sansio::client::{Client, Error, Step};
    /// use socks5_sansio::{Endpoint, Method, MethodOffer, ReplyCode, Request};
    ///
    /// let (_, client) = Client::new(&MethodOffer::of(&[Method::NONE]));
    /// let (0, Step::NeedMore(client, missing)) = client.read(&[5])? else { panic!() };
    /// assert_eq!(missing.get(), 1);
    /// let (2, Step::Request(permit)) = client.read(&[5, 0])? else { panic!() };
    /// let (_, client) = permit.send(&Request::connect(Endpoint::try_from("192.0.2.1:80").unwrap()));
    /// assert_eq!(client.read(&[5, 5]).unwrap_err(), Error::Refused(ReplyCode::CONNECTION_REFUSED));
    /// # Ok::<(), socks5_sansio::client::Error>(())
    /// ```
    #[inline]
    pub fn read(mut self, input: &[u8]) -> Result<(usize, Step<'_>), Error> {
        let mut used = 0;
        loop {
            let (octets, turn) = self.turn(input.get(used..).unwrap_or_default())?;
            used += octets;
            match turn {
                Turn::Step(step) => return Ok((used, step)),
                Turn::ReadOn(client) => self = client,
            }
        }
    }

    #[inline]
    const fn requested(command: Command) -> Self {
        let replies = match command {
            Command::BIND => Replies::Two,
            _ => Replies::One,
        };
        Self { expects: Expects::Reply(replies), in_flight: None }
    }

    #[inline]
    fn turn(self, input: &[u8]) -> Result<(usize, Turn<'_>), Error> {
        let in_flight = self.in_flight;
        let turn = match self.expects {
            Expects::Selection(offered) => MethodSelection::decode(input)
                .map(|(MethodSelection { method }, used)| (used, selected(method, offered, in_flight))),
            Expects::Status => UserPassStatus::decode(input).map(|(status, used)| (used, judged(status, in_flight))),
            Expects::Reply(replies) => Reply::peek_code(input).and_then(|code| match code {
                ReplyCode::SUCCEEDED => Reply::decode(input).map(|(reply, used)| (used, Ok(replied(reply, replies)))),
                refused => Ok((0, Err(Error::Refused(refused)))),
            }),
        };
        match turn {
            Ok((used, turn)) => Ok((used, turn?)),
            Err(DecodeError::Incomplete(missing)) => Ok((0, Turn::Step(Step::NeedMore(self, missing)))),
            Err(DecodeError::Invalid(invalid)) => Err(Error::Invalid(invalid)),
        }
    }

    /// The server's stream ended where [`read`](Self::read) wanted more, and these octets of it are left: what that means.
    ///
    /// ```
    /// use socks5_sansio::client::{Client, Error};
    /// use socks5_sansio::{Method, MethodOffer};
    ///
    /// let (_, client) = Client::new(&MethodOffer::of(&[Method::NONE]));
    /// assert_eq!(client.end(&[5]), Error::Truncated);
    /// ```
    #[must_use]
    pub fn end(&self, unread: &[u8]) -> Error {
        let Self { expects, in_flight } = *self;
        match (Self { expects, in_flight }).read(unread) {
            Err(error) => error,
            Ok((used, _)) if used == unread.len() => Error::Closed,
            Ok(_) => Error::Truncated,
        }
    }
}

/// There must be room.
fn append<'a>(free: &mut &mut [u8], message: &impl Message<'a>) {
    let len = message.encode(free).unwrap_or_default();
    *free = mem::take(free).get_mut(len..).unwrap_or_default();
}

/// What came of one message: something for the caller, or in an optimistic flight the next message.
enum Turn<'i> {
    Step(Step<'i>),
    ReadOn(Client),
}

#[inline]
fn selected<'i>(method: Method, offered: MethodSet, in_flight: Option<Command>) -> Result<Turn<'i>, Error> {
    match (method, in_flight) {
        (Method::NO_ACCEPTABLE, _) => Err(Error::NoAcceptableMethod),
        (method, _) if !offered.contains(method) => Err(Error::NotOffered(method)),
        (Method::NONE, _) => Ok(authenticated(in_flight)),
        (Method::USERNAME_PASSWORD, None) => Ok(Turn::Step(Step::UserPass(SendUserPass(())))),
        (Method::USERNAME_PASSWORD, Some(_)) => Ok(Turn::ReadOn(Client { expects: Expects::Status, in_flight })),
        (method, _) => Ok(Turn::Step(Step::SubNegotiate(SubNegotiation(method)))),
    }
}

#[inline]
fn judged<'i>(status: UserPassStatus, in_flight: Option<Command>) -> Result<Turn<'i>, Error> {
    if status.is_success() { Ok(authenticated(in_flight)) } else { Err(Error::Rejected(status.0)) }
}

#[inline]
fn authenticated<'i>(in_flight: Option<Command>) -> Turn<'i> {
    match in_flight {
        Some(command) => Turn::ReadOn(Client::requested(command)),
        None => Turn::Step(Step::Request(SendRequest(()))),
    }
}

#[inline]
fn replied(reply: Reply<'_>, expected: Replies) -> Turn<'_> {
    let owed = match expected {
        Replies::Two => Some(Client { expects: Expects::Reply(Replies::One), in_flight: None }),
        Replies::One => None,
    };
    Turn::Step(Step::Reply(reply, owed))
}

/// What happened: the server's message, or the permit for the only legal next move.
///
/// A step can be looked at before it is used up:
///
/// ```
/// use socks5_sansio::client::{Client, Step};
/// use socks5_sansio::{Method, MethodOffer};
///
/// let told = |step: &Step<'_>| match step {
///     Step::NeedMore(_, missing) => format!("{missing} octets are missing"),
///     Step::UserPass(_permit) => "credentials, please".to_owned(),
///     Step::SubNegotiate(negotiation) => format!("{}, please", negotiation.method()),
///     Step::Request(_permit) => "what for?".to_owned(),
///     Step::Reply(reply, None) => format!("here you are, from {}", reply.bound),
///     Step::Reply(reply, Some(_client)) => format!("listening on {}", reply.bound),
/// };
/// let (_, client) = Client::new(&MethodOffer::of(&[Method::NONE, Method::GSSAPI]));
/// let (_, step) = client.read(&[5, 1])?;
/// assert_eq!(told(&step), "GSSAPI (01), please");
/// # Ok::<(), socks5_sansio::client::Error>(())
/// ```
#[must_use]
#[derive(Debug)]
pub enum Step<'i> {
    /// The message is not whole. Read more octets behind those left over, then ask again.
    ///
    /// At least this many octets are missing: a reader that reads exactly that many never reads past the message.
    NeedMore(Client, NonZeroUsize),
    /// The server wants username and password (RFC 1929).
    UserPass(SendUserPass),
    /// The server selected another of the offered methods: the wire is the caller's.
    SubNegotiate(SubNegotiation),
    /// The server waits for the request.
    Request(SendRequest),
    /// The request succeeded. With a [`Client`], the server owes the second reply of BIND, which tells who has connected.
    Reply(Reply<'i>, Option<Client>),
}

/// The permit to send credentials.
///
/// ```
/// use socks5_sansio::client::{Client, Step};
/// use socks5_sansio::{Method, MethodOffer};
///
/// let offered = || Client::new(&MethodOffer::of(&[Method::NONE, Method::USERNAME_PASSWORD])).1;
/// assert!(matches!(offered().read(&[5, 2])?, (2, Step::UserPass(_permit))));
/// assert!(matches!(offered().read(&[5, 0])?, (2, Step::Request(_)))); // no permit: the server wants no password
/// # Ok::<(), socks5_sansio::client::Error>(())
/// ```
#[must_use = "the server waits for the credentials"]
#[derive(Debug)]
pub struct SendUserPass(());

impl SendUserPass {
    /// Sends the credentials: send, then read the verdict.
    ///
    /// ```
    /// use socks5_sansio::client::{Client, Error, Step};
    /// use socks5_sansio::{Method, MethodOffer, UserPass};
    ///
    /// let (_, client) = Client::new(&MethodOffer::of(&[Method::USERNAME_PASSWORD]));
    /// let (_, Step::UserPass(permit)) = client.read(&[5, 2])? else { panic!() };
    /// let (credentials, client) = permit.send(&UserPass::new("u", "p").unwrap());
    /// assert_eq!(*credentials, *b"\x01\x01u\x01p");
    /// assert_eq!(client.read(&[1, 1]).unwrap_err(), Error::Rejected(1));
    /// # Ok::<(), Error>(())
    /// ```
    #[inline]
    pub fn send(self, credentials: &UserPass<'_>) -> (Outgoing, Client) {
        (Outgoing::new(credentials), Client { expects: Expects::Status, in_flight: None })
    }
}

/// The wire is the caller's, to negotiate by the rules of the method. Those of GSSAPI are in [`gssapi`](Self::gssapi).
///
/// Where the method encapsulates what follows, the caller wraps what is to be sent, and gives clear octets to
/// [`Client::read`].
///
/// ```
/// use socks5_sansio::client::{Client, Step};
/// use socks5_sansio::{GssapiMessage, GssapiToken, Message, Method, MethodOffer};
///
/// let (_, client) = Client::new(&MethodOffer::of(&[Method::GSSAPI]));
/// let (_, Step::SubNegotiate(negotiation)) = client.read(&[5, 1])? else { panic!() };
/// let mut out = [0; 9];
/// GssapiMessage::Authentication(GssapiToken::new(b"token")?).encode(&mut out)?; // from a GSSAPI library
/// assert_eq!(out, *b"\x01\x01\x00\x05token");
/// // ... and so on, until the library is content ...
/// let permit = negotiation.authenticated();
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[must_use = "the server waits for the sub-negotiation"]
#[derive(Debug)]
pub struct SubNegotiation(Method);

impl SubNegotiation {
    /// The method that the server selected.
    ///
    /// ```
    /// use socks5_sansio::client::{Client, Step};
    /// use socks5_sansio::{Method, MethodOffer};
    ///
    /// let (_, client) = Client::new(&MethodOffer::of(&[Method::GSSAPI, Method(0x80)]));
    /// let (_, Step::SubNegotiate(negotiation)) = client.read(&[5, 0x80])? else { panic!() };
    /// assert_eq!(negotiation.method(), Method(0x80)); // of the two, whose rules are to be followed
    /// # Ok::<(), socks5_sansio::client::Error>(())
    /// ```
    #[must_use]
    pub const fn method(&self) -> Method {
        self.0
    }

    /// The server is satisfied: the request may go.
    ///
    /// ```
    /// use socks5_sansio::client::{Client, SendRequest, Step};
    /// use socks5_sansio::{Method, MethodOffer};
    ///
    /// const MINE: Method = Method(0x80);
    /// let (_, client) = Client::new(&MethodOffer::of(&[MINE]));
    /// let (_, Step::SubNegotiate(negotiation)) = client.read(&[5, 0x80])? else { panic!() };
    /// assert_eq!(negotiation.method(), MINE);
    /// // ... octets to and fro ...
    /// let permit: SendRequest = negotiation.authenticated();
    /// # Ok::<(), socks5_sansio::client::Error>(())
    /// ```
    pub const fn authenticated(self) -> SendRequest {
        SendRequest(())
    }
}

/// The permit to send the request.
///
/// ```
/// use socks5_sansio::client::Step;
/// use socks5_sansio::{Endpoint, Request};
///
/// # use socks5_sansio::{Client, Method, MethodOffer, UserPass};
/// # let (_, client) = Client::new(&MethodOffer::of(&[Method::USERNAME_PASSWORD]));
/// # let (_, Step::UserPass(permit)) = client.read(&[5, 2])? else { panic!() };
/// # let (_, client) = permit.send(&UserPass::new("u", "p").unwrap());
/// let (2, Step::Request(permit)) = client.read(&[1, 0])? else { panic!() }; // the credentials are good
/// let (request, _) = permit.send(&Request::udp_associate(Endpoint::UNSPECIFIED));
/// assert_eq!(*request, [5, 3, 0, 1, 0, 0, 0, 0, 0, 0]);
/// # Ok::<(), socks5_sansio::client::Error>(())
/// ```
#[must_use = "the server waits for the request"]
#[derive(Debug)]
pub struct SendRequest(());

impl SendRequest {
    /// Sends the request: send, then read the reply.
    ///
    /// ```
    /// use socks5_sansio::client::Step;
    /// use socks5_sansio::{Endpoint, Request};
    ///
    /// # use socks5_sansio::{Client, Method, MethodOffer};
    /// # let (_, client) = Client::new(&MethodOffer::of(&[Method::NONE]));
    /// # let (_, Step::Request(permit)) = client.read(&[5, 0])? else { panic!() };
    /// let (request, client) = permit.send(&Request::bind(Endpoint::try_from("192.0.2.1:20").unwrap()));
    /// assert_eq!(*request, [5, 2, 0, 1, 192, 0, 2, 1, 0, 20]);
    ///
    /// let input = [5, 0, 0, 1, 192, 0, 2, 7, 0x12, 0x34, 5, 0, 0, 1, 192, 0, 2, 1, 0, 20];
    /// let (used, Step::Reply(listening, Some(client))) = client.read(&input)? else { panic!() };
    /// assert_eq!(listening.bound.to_string(), "192.0.2.7:4660");
    /// let (_, Step::Reply(connected, None)) = client.read(&input[used..])? else { panic!() };
    /// assert_eq!(connected.bound.to_string(), "192.0.2.1:20");
    /// # Ok::<(), socks5_sansio::client::Error>(())
    /// ```
    #[inline]
    pub fn send(self, request: &Request<'_>) -> (Outgoing, Client) {
        (Outgoing::new(request), Client::requested(request.command))
    }
}

/// Why there is no connection.
///
/// ```
/// use socks5_sansio::client::{Client, Error};
/// use socks5_sansio::{Invalid, Method, MethodOffer};
///
/// for (input, expected) in [
///     ([5, 0xFF], Error::NoAcceptableMethod),
///     ([5, 2], Error::NotOffered(Method::USERNAME_PASSWORD)),
///     ([0, 90], Error::Invalid(Invalid::Version(0))), // a SOCKS4 proxy
/// ] {
///     let (_, client) = Client::new(&MethodOffer::of(&[Method::NONE]));
///     assert_eq!(client.read(&input).unwrap_err(), expected);
/// }
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The server's octets are not SOCKS5.
    #[error("the proxy does not speak SOCKS5: {0}")]
    Invalid(Invalid),
    /// The server accepts none of the offered methods (RFC 1928 section 3).
    #[error("the proxy accepts none of the methods offered")]
    NoAcceptableMethod,
    /// The server selected a method that was not offered.
    #[error("the proxy selected a method that was not offered: {0}")]
    NotOffered(Method),
    /// The server rejected the credentials, with this status: 1 to 255 (RFC 1929 section 2).
    #[error("the proxy rejected the credentials: status {0:02X}")]
    Rejected(u8),
    /// The server refused the request, with a code other than 00 (RFC 1928 section 6).
    #[error("the proxy refused: {0}")]
    Refused(ReplyCode),
    /// The server closed the connection between two messages: some answer so instead of refusing.
    #[error("the proxy closed the connection without an answer")]
    Closed,
    /// The server closed the connection in the middle of a message.
    #[error("the proxy closed the connection in the middle of a message")]
    Truncated,
}

/// What a server in front of the proxy tells its own client: a refusal is passed on as it is; that the two proxies do not get on
/// is a [`GENERAL_FAILURE`](ReplyCode::GENERAL_FAILURE).
///
/// ```
/// use socks5_sansio::{ReplyCode, client::Error};
///
/// assert_eq!(ReplyCode::from(Error::Refused(ReplyCode::HOST_UNREACHABLE)), ReplyCode::HOST_UNREACHABLE);
/// assert_eq!(ReplyCode::from(Error::NoAcceptableMethod), ReplyCode::GENERAL_FAILURE);
/// ```
impl From<Error> for ReplyCode {
    fn from(error: Error) -> Self {
        match error {
            Error::Refused(code) => code,
            _ => Self::GENERAL_FAILURE,
        }
    }
}

/// A refusal has the kind that a direct connection would have had.
///
/// ```
/// use std::io;
///
/// use socks5_sansio::{ReplyCode, client::Error};
///
/// let error = io::Error::from(Error::Refused(ReplyCode::CONNECTION_REFUSED));
/// assert_eq!(error.kind(), io::ErrorKind::ConnectionRefused);
/// assert_eq!(error.to_string(), "the proxy refused: connection refused (05)");
/// ```
#[cfg(feature = "std")]
#[cfg_attr(docsrs, doc(cfg(feature = "std")))]
impl From<Error> for std::io::Error {
    fn from(error: Error) -> Self {
        use std::io::ErrorKind;
        let kind = match error {
            Error::Invalid(_) | Error::NotOffered(_) => ErrorKind::InvalidData,
            Error::NoAcceptableMethod | Error::Rejected(_) => ErrorKind::PermissionDenied,
            Error::Refused(code) => code.into(),
            Error::Closed | Error::Truncated => ErrorKind::UnexpectedEof,
        };
        Self::new(kind, error)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::{Domain, Endpoint};

    #[test]
    fn the_longest_flight_fits_exactly() {
        let longest = [b'x'; 255];
        let credentials = UserPass::new(&longest, &longest).unwrap();
        let request = Request::connect(Endpoint::from((Domain::new(&longest).unwrap(), 80)));
        let mut out = [0; Client::OPTIMISTIC_MAX_LEN];
        let (len, _client) = Client::optimistic(Some(&credentials), &request, &mut out).unwrap();
        assert_eq!(len, Client::OPTIMISTIC_MAX_LEN);
        assert_eq!((len, Client::INPUT_MAX_LEN), (778, 528));
    }

    #[test]
    fn a_refusal_is_passed_on_and_all_else_is_a_general_failure() {
        for code in (1..=255).map(ReplyCode) {
            assert_eq!(ReplyCode::from(Error::Refused(code)), code);
        }
        for error in [Error::Invalid(Invalid::Version(4)), Error::NoAcceptableMethod, Error::Rejected(1), Error::Closed]
        {
            assert_eq!(ReplyCode::from(error), ReplyCode::GENERAL_FAILURE);
        }
    }

    #[cfg(feature = "std")]
    #[test]
    fn errors_have_the_kind_of_a_direct_connection() {
        use std::io::{self, ErrorKind};
        for (error, kind) in [
            (Error::Invalid(Invalid::Version(4)), ErrorKind::InvalidData),
            (Error::NotOffered(Method::GSSAPI), ErrorKind::InvalidData),
            (Error::NoAcceptableMethod, ErrorKind::PermissionDenied),
            (Error::Rejected(1), ErrorKind::PermissionDenied),
            (Error::Refused(ReplyCode::HOST_UNREACHABLE), ErrorKind::HostUnreachable),
            (Error::Closed, ErrorKind::UnexpectedEof),
            (Error::Truncated, ErrorKind::UnexpectedEof),
        ] {
            assert_eq!(io::Error::from(error).kind(), kind, "{error}");
        }
    }
}
