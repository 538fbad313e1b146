//! The server's side of the conversation, moment by moment.
//!
//! ```text
//!  Server::new()
//!    |  read
//!    v
//!  Step::Methods(offer, permit) -- choose --> Chosen::Refused: send, then close
//!    |                     |                  Chosen::SubNegotiate: the wire is yours until `authenticated`
//!    |  read               |  read
//!    v                     |
//!  Step::UserPass(credentials, permit) -- reject: send, then close
//!    |  accept, read       |
//!    v                     v
//!  Step::Request(request, permit) -- reply: send, and it is over
//!  Step::Bind(request, permit) -- listening, then reply; or refuse
//! ```
//!
//! [`Server::read`] consumes the moment and gives back the message, borrowed from the input, with a permit: the only
//! legal next moves. A move consumes the permit and gives the octets to send and the next moment. Nothing else
//! compiles: there is no way from rejected credentials to a request.
//!
//! ```compile_fail,E0382
//! # use socks5_sansio::server::Verify;
//! fn goes_on_after_rejecting(verify: Verify) {
//!     let farewell = verify.reject();
//!     let (answer, server) = verify.accept(); // the permit is used up
//! }
//! ```
//!
//! ```compile_fail,E0599
//! # use socks5_sansio::{Reply, server::Step};
//! fn answers_before_the_credentials_are_judged(step: Step<'_>, reply: Reply<'_>) {
//!     if let Step::UserPass(credentials, verify) = step {
//!         let farewell = verify.reply(&reply); // no such move
//!     }
//! }
//! ```
//!
//! ```compile_fail,E0599
//! # use socks5_sansio::server::SubNegotiation;
//! fn reads_the_request_before_the_sub_negotiation_is_over(negotiation: SubNegotiation) {
//!     let step = negotiation.read(&[5, 1, 0]); // no such move
//! }
//! ```
//!
//! ```compile_fail,E0599
//! # use socks5_sansio::{Endpoint, server::Respond};
//! fn listens_for_a_connect(respond: Respond, bound: Endpoint<'_>) {
//!     let (first, second) = respond.listening(bound); // only BIND has two replies
//! }
//! ```
//!
//! ```compile_fail,E0382
//! # use socks5_sansio::Server;
//! fn reads_twice_from_one_moment(server: Server, input: &[u8]) {
//!     let step = server.read(input);
//!     let again = server.read(input); // the moment is past
//! }
//! ```

use core::num::NonZeroUsize;

use crate::error::{DecodeError, Invalid};
use crate::wire::{
    Command, Endpoint, Message, Method, MethodOffer, MethodSelection, Outgoing, Reply, ReplyCode, Request, UserPass,
    UserPassStatus, failed_octets,
};

/// A server that waits for the client's next message.
///
/// Holds no octets: what it has not used stays in the caller's buffer.
///
/// ```
/// use socks5_sansio::server::{Chosen, Server, Step};
/// use socks5_sansio::{Endpoint, Method, Reply};
///
/// let input = b"\x05\x01\x00\x05\x01\x00\x03\x0Bexample.com\x00\x50GET /";
///
/// let (offer_len, Step::Methods(_, permit)) = Server::new().read(input)? else { panic!() };
/// let Chosen::Continue(answer, server) = permit.choose(&[Method::NONE]) else { panic!() };
/// assert_eq!(*answer, [5, 0]);
///
/// let (request_len, Step::Request(request, permit)) = server.read(&input[offer_len..])? else { panic!() };
/// assert_eq!(request.destination.to_string(), "example.com:80");
/// let answer = permit.reply(&Reply::succeeded(Endpoint::UNSPECIFIED));
/// assert_eq!(*answer, [5, 0, 0, 1, 0, 0, 0, 0, 0, 0]);
///
/// assert_eq!(&input[offer_len + request_len..], b"GET /"); // the application's, untouched
/// # Ok::<(), socks5_sansio::server::Error>(())
/// ```
#[must_use = "a conversation that is dropped is over: close the connection"]
#[derive(Debug)]
pub struct Server(Expects);

#[derive(Clone, Copy, Debug)]
enum Expects {
    Offer,
    UserPass,
    Request,
}

impl Server {
    /// The most that a client says before its application data: an offer, credentials and a request, 1,032 octets.
    ///
    /// A buffer of this size has room for what is missing, whatever has come. (A sub-negotiation of the caller's own is not
    /// counted.)
    pub const INPUT_MAX_LEN: usize = MethodOffer::MAX_LEN + UserPass::MAX_LEN + Request::MAX_LEN;

    /// A server to which nothing has been said yet.
    ///
    /// ```
    /// use socks5_sansio::server::{Server, Step};
    ///
    /// let (used, Step::NeedMore(_, missing)) = Server::new().read(&[])? else { panic!() };
    /// assert_eq!((used, missing.get()), (0, 2)); // the client speaks first, and no offer is shorter
    /// # Ok::<(), socks5_sansio::server::Error>(())
    /// ```
    #[inline]
    #[expect(clippy::new_without_default, reason = "taking a default would silently begin the conversation anew")]
    pub const fn new() -> Self {
        Self(Expects::Offer)
    }

    /// Reads the next message off the front of the input. Returns the number of octets used, and what happened.
    ///
    /// Drop the octets used, whatever the step is. The rest was not looked at: it belongs to the next message, or behind
    /// the request to the application.
    ///
    /// # Errors
    ///
    /// [`Error::Offer`], [`Error::UserPass`] or [`Error::Request`] for octets that are no such message. Send
    /// [`Error::parting`], then close.
    ///
    /// ```
    /// use socks5_sansio::Invalid;
    /// use socks5_sansio::server::{Error, Server, Step};
    ///
    /// let (0, Step::NeedMore(server, missing)) = Server::new().read(&[5, 2, 0])? else { panic!() };
    /// assert_eq!(missing.get(), 1);
    /// let (used, Step::Methods(..)) = server.read(&[5, 2, 0, 2, 1, 5])? else { panic!() };
    /// assert_eq!(used, 4); // the credentials have begun to come
    ///
    /// let http = Server::new().read(b"GET / HTTP/1.1").unwrap_err();
    /// assert_eq!(http, Error::Offer(Invalid::Version(b'G')));
    /// # Ok::<(), socks5_sansio::server::Error>(())
    /// ```
    #[inline]
    pub fn read(self, input: &[u8]) -> Result<(usize, Step<'_>), Error> {
        match self.0 {
            Expects::Offer => self.message(input, Error::Offer, |offer| Step::Methods(offer, ChooseMethod(offer))),
            Expects::UserPass => {
                self.message(input, Error::UserPass, |user_pass| Step::UserPass(user_pass, Verify(())))
            }
            Expects::Request => self.message(input, Error::Request, |request: Request<'_>| match request.command {
                Command::BIND => Step::Bind(request, Listen(())),
                _ => Step::Request(request, Respond(())),
            }),
        }
    }

    #[inline]
    fn message<'i, M: Message<'i>>(
        self,
        input: &'i [u8],
        blame: fn(Invalid) -> Error,
        step: impl FnOnce(M) -> Step<'i>,
    ) -> Result<(usize, Step<'i>), Error> {
        match M::decode(input) {
            Ok((message, used)) => Ok((used, step(message))),
            Err(DecodeError::Incomplete(missing)) => Ok((0, Step::NeedMore(self, missing))),
            Err(DecodeError::Invalid(invalid)) => Err(blame(invalid)),
        }
    }

    /// The client's stream ended where [`read`](Self::read) wanted more, and these octets of it are left: what that means.
    ///
    /// ```
    /// use socks5_sansio::Server;
    /// use socks5_sansio::server::Error;
    ///
    /// assert_eq!(Server::new().end(&[]), Error::Silent);
    /// assert_eq!(Server::new().end(&[5, 1]), Error::Truncated);
    /// ```
    #[must_use]
    pub fn end(&self, unread: &[u8]) -> Error {
        let Self(expects) = *self;
        match (Self(expects).read(unread), expects) {
            (Err(error), _) => error,
            (Ok(_), Expects::Offer) if unread.is_empty() => Error::Silent,
            (Ok((used, _)), _) if used == unread.len() => Error::Closed,
            (Ok(_), _) => Error::Truncated,
        }
    }
}

/// What happened: the client's message, and the permit for the only legal next moves.
///
/// A server that shuts down turns the client away at whatever step it is:
///
/// ```
/// use socks5_sansio::server::{Chosen, Server, Step};
/// use socks5_sansio::{Outgoing, ReplyCode};
///
/// fn farewell(step: Step<'_>) -> Option<Outgoing> {
///     match step {
///         Step::NeedMore(..) => None,
///         Step::Methods(_, permit) => match permit.choose(&[]) {
///             Chosen::Refused(answer) => Some(answer),
///             Chosen::Continue(..) | Chosen::SubNegotiate(..) => None, // not without a preference
///         },
///         Step::UserPass(_, permit) => Some(permit.reject()),
///         Step::Request(_, permit) => Some(permit.refuse(ReplyCode::GENERAL_FAILURE)),
///         Step::Bind(_, permit) => Some(permit.refuse(ReplyCode::GENERAL_FAILURE)),
///     }
/// }
///
/// let (_, step) = Server::new().read(&[5, 2, 0, 2])?;
/// assert_eq!(farewell(step).unwrap()[..], [5, 0xFF]);
/// # Ok::<(), socks5_sansio::server::Error>(())
/// ```
#[must_use]
#[derive(Debug)]
pub enum Step<'i> {
    /// The message is not whole. Read more octets behind those left over, then ask again.
    ///
    /// At least this many octets are missing: a reader that reads exactly that many never reads past the message.
    NeedMore(Server, NonZeroUsize),
    /// The client offers methods (RFC 1928 section 3).
    Methods(MethodOffer<'i>, ChooseMethod<'i>),
    /// The client's username and password (RFC 1929 section 2).
    UserPass(UserPass<'i>, Verify),
    /// The client's request (RFC 1928 section 4), any but BIND.
    Request(Request<'i>, Respond),
    /// The client's request is BIND, which has two replies (RFC 1928 section 4).
    Bind(Request<'i>, Listen),
}

/// The permit to choose a method, borrowed from the input as the offer is.
///
/// ```
/// use socks5_sansio::server::{Chosen, Server, Step};
/// use socks5_sansio::Method;
///
/// for preference in [[Method::NONE, Method::USERNAME_PASSWORD], [Method::USERNAME_PASSWORD, Method::NONE]] {
///     let (_, Step::Methods(_, permit)) = Server::new().read(&[5, 2, 0, 2])? else { panic!() };
///     let Chosen::Continue(answer, _) = permit.choose(&preference) else { panic!() };
///     assert_eq!(*answer, [5, preference[0].0]); // the server's order counts, not the client's
/// }
/// # Ok::<(), socks5_sansio::server::Error>(())
/// ```
#[must_use = "the client waits for a method"]
#[derive(Debug)]
pub struct ChooseMethod<'i>(MethodOffer<'i>);

impl ChooseMethod<'_> {
    /// Chooses the first method of `preference` that was offered, and never one that was not (RFC 1928 section 3).
    ///
    /// curl and others offer [`Method::GSSAPI`] without having a ticket: it is best named last.
    ///
    /// ```
    /// use socks5_sansio::server::{Chosen, Server, Step};
    /// use socks5_sansio::Method;
    ///
    /// let (_, Step::Methods(_, permit)) = Server::new().read(&[5, 2, 0, 2])? else { panic!() };
    /// let Chosen::Continue(answer, _) = permit.choose(&[Method::USERNAME_PASSWORD]) else { panic!() };
    /// assert_eq!(*answer, [5, 2]);
    ///
    /// let (_, Step::Methods(_, permit)) = Server::new().read(&[5, 1, 0])? else { panic!() };
    /// let Chosen::Refused(answer) = permit.choose(&[Method::USERNAME_PASSWORD]) else { panic!() };
    /// assert_eq!(*answer, [5, 0xFF]);
    /// # Ok::<(), socks5_sansio::server::Error>(())
    /// ```
    #[inline]
    pub fn choose(self, preference: &[Method]) -> Chosen {
        let acceptable = |method: &&Method| **method != Method::NO_ACCEPTABLE && self.0.contains(**method);
        let method = preference.iter().find(acceptable).copied().unwrap_or(Method::NO_ACCEPTABLE);
        let selection = Outgoing::new(&MethodSelection { method });
        match method {
            Method::NO_ACCEPTABLE => Chosen::Refused(selection),
            Method::NONE => Chosen::Continue(selection, Server(Expects::Request)),
            Method::USERNAME_PASSWORD => Chosen::Continue(selection, Server(Expects::UserPass)),
            method => Chosen::SubNegotiate(selection, SubNegotiation(method)),
        }
    }
}

/// The method that was chosen, and where it leads.
///
/// ```
/// use socks5_sansio::server::{Chosen, Server, Step};
/// use socks5_sansio::Method;
///
/// for (offer, expected) in [([5, 1, 0], "read on"), ([5, 1, 0x80], "negotiate"), ([5, 1, 2], "close")] {
///     let (_, Step::Methods(_, permit)) = Server::new().read(&offer)? else { panic!() };
///     let then = match permit.choose(&[Method::NONE, Method(0x80)]) {
///         Chosen::Continue(_answer, _server) => "read on",
///         Chosen::SubNegotiate(_answer, _negotiation) => "negotiate",
///         Chosen::Refused(_answer) => "close",
///     };
///     assert_eq!(then, expected);
/// }
/// # Ok::<(), socks5_sansio::server::Error>(())
/// ```
#[must_use]
#[derive(Debug)]
pub enum Chosen {
    /// Send, then read the credentials or the request.
    Continue(Outgoing, Server),
    /// Send, then negotiate by the rules of the method.
    SubNegotiate(Outgoing, SubNegotiation),
    /// None of the methods will do. Send, then close.
    Refused(Outgoing),
}

/// The wire is the caller's, to negotiate by the rules of the method. Those of GSSAPI are in [`gssapi`](Self::gssapi).
///
/// Where the method encapsulates what follows, the caller unwraps it and gives clear octets to [`Server::read`].
///
/// ```
/// use socks5_sansio::server::{Chosen, Server, Step};
/// use socks5_sansio::{GssapiMessage, GssapiToken, Message, Method};
///
/// let (_, Step::Methods(_, permit)) = Server::new().read(&[5, 1, 1])? else { panic!() };
/// let Chosen::SubNegotiate(answer, negotiation) = permit.choose(&[Method::GSSAPI]) else { panic!() };
/// assert_eq!(*answer, [5, 1]);
/// let (frame, _) = GssapiMessage::decode(b"\x01\x01\x00\x05token")?;
/// assert_eq!(frame, GssapiMessage::Authentication(GssapiToken::new(b"token")?)); // for a GSSAPI library
/// // ... and so on, until the library is content ...
/// let server = negotiation.authenticated();
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[must_use = "the client waits for the sub-negotiation"]
#[derive(Debug)]
pub struct SubNegotiation(Method);

impl SubNegotiation {
    /// The method that was chosen.
    ///
    /// ```
    /// use socks5_sansio::server::{Chosen, Server, Step};
    /// use socks5_sansio::Method;
    ///
    /// let (_, Step::Methods(_, permit)) = Server::new().read(&[5, 2, 0x80, 0x81])? else { panic!() };
    /// let Chosen::SubNegotiate(answer, negotiation) = permit.choose(&[Method(0x82), Method(0x81)]) else { panic!() };
    /// assert_eq!(negotiation.method(), Method(0x81)); // of several, whose rules are to be followed
    /// assert_eq!(*answer, [5, 0x81]);
    /// # Ok::<(), socks5_sansio::server::Error>(())
    /// ```
    #[must_use]
    pub const fn method(&self) -> Method {
        self.0
    }

    /// The client is who it says: the request may come. To refuse the client, drop this and close.
    ///
    /// ```
    /// use socks5_sansio::server::{Chosen, Server, Step};
    /// use socks5_sansio::Method;
    ///
    /// const MINE: Method = Method(0x80);
    /// let (_, Step::Methods(_, permit)) = Server::new().read(&[5, 1, 0x80])? else { panic!() };
    /// let Chosen::SubNegotiate(_, negotiation) = permit.choose(&[MINE]) else { panic!() };
    /// assert_eq!(negotiation.method(), MINE);
    /// // ... octets to and fro ...
    /// let server: Server = negotiation.authenticated();
    /// # Ok::<(), socks5_sansio::server::Error>(())
    /// ```
    pub const fn authenticated(self) -> Server {
        Server(Expects::Request)
    }
}

/// The permit to judge the credentials: [`UserPass::verify`] compares them.
///
/// ```
/// use socks5_sansio::UserPass;
/// use socks5_sansio::server::Step;
///
/// # use socks5_sansio::server::{Chosen, Server};
/// # use socks5_sansio::Method;
/// # let (_, Step::Methods(_, permit)) = Server::new().read(&[5, 1, 2])? else { panic!() };
/// # let Chosen::Continue(_, server) = permit.choose(&[Method::USERNAME_PASSWORD]) else { panic!() };
/// let (_, Step::UserPass(given, permit)) = server.read(b"\x01\x05alice\x05guess")? else { panic!() };
/// let expected = UserPass::new("alice", "s3cret").unwrap();
/// let answer = if given.verify(&expected) { permit.accept().0 } else { permit.reject() };
/// assert_eq!(*answer, [1, 1]);
/// # Ok::<(), socks5_sansio::server::Error>(())
/// ```
#[must_use = "the client waits for the verdict"]
#[derive(Debug)]
pub struct Verify(());

impl Verify {
    /// The credentials are good: send, then read the request.
    ///
    /// ```
    /// use socks5_sansio::server::Step;
    ///
    /// # use socks5_sansio::server::{Chosen, Server};
    /// # use socks5_sansio::Method;
    /// # let (_, Step::Methods(_, permit)) = Server::new().read(&[5, 1, 2])? else { panic!() };
    /// # let Chosen::Continue(_, server) = permit.choose(&[Method::USERNAME_PASSWORD]) else { panic!() };
    /// let input = b"\x01\x01u\x01p\x05\x01\x00\x01\xC0\x00\x02\x01\x00\x50"; // the request, before it was asked for
    /// let (used, Step::UserPass(_, permit)) = server.read(input)? else { panic!() };
    /// let (answer, server) = permit.accept();
    /// assert_eq!(*answer, [1, 0]);
    /// let (_, Step::Request(request, _)) = server.read(&input[used..])? else { panic!() };
    /// assert_eq!(request.destination.to_string(), "192.0.2.1:80");
    /// # Ok::<(), socks5_sansio::server::Error>(())
    /// ```
    #[inline]
    pub fn accept(self) -> (Outgoing, Server) {
        (Outgoing::new(&UserPassStatus::SUCCESS), Server(Expects::Request))
    }

    /// They are not: send, then close, as the server must (RFC 1929 section 2).
    ///
    /// ```
    /// use socks5_sansio::server::Step;
    ///
    /// # use socks5_sansio::server::{Chosen, Server};
    /// # use socks5_sansio::Method;
    /// # let (_, Step::Methods(_, permit)) = Server::new().read(&[5, 1, 2])? else { panic!() };
    /// # let Chosen::Continue(_, server) = permit.choose(&[Method::USERNAME_PASSWORD]) else { panic!() };
    /// let (_, Step::UserPass(given, permit)) = server.read(b"\x01\x00\x00")? else { panic!() };
    /// assert_eq!(given.username(), b""); // well-formed: whether it will do is the server's to say
    /// assert_eq!(*permit.reject(), [1, 1]);
    /// # Ok::<(), socks5_sansio::server::Error>(())
    /// ```
    #[inline]
    pub fn reject(self) -> Outgoing {
        Outgoing::new(&UserPassStatus::FAILURE)
    }
}

/// The permit to answer a request, or to give the second of BIND's replies.
///
/// ```
/// use socks5_sansio::server::Step;
/// use socks5_sansio::{Command, Endpoint, Reply, ReplyCode};
///
/// # use socks5_sansio::server::{Chosen, Server};
/// # use socks5_sansio::Method;
/// # let (_, Step::Methods(_, permit)) = Server::new().read(&[5, 1, 0])? else { panic!() };
/// # let Chosen::Continue(_, server) = permit.choose(&[Method::NONE]) else { panic!() };
/// let (_, Step::Request(request, permit)) = server.read(&[5, 3, 0, 1, 0, 0, 0, 0, 0, 0])? else { panic!() };
/// let answer = match request.command {
///     Command::UDP_ASSOCIATE => permit.reply(&Reply::succeeded(Endpoint::try_from("192.0.2.7:4660").unwrap())),
///     _ => permit.refuse(ReplyCode::COMMAND_NOT_SUPPORTED),
/// };
/// assert_eq!(*answer, [5, 0, 0, 1, 192, 0, 2, 7, 0x12, 0x34]); // where the relay is
/// # Ok::<(), socks5_sansio::server::Error>(())
/// ```
#[must_use = "the client waits for the reply"]
#[derive(Debug)]
pub struct Respond(());

impl Respond {
    /// The last word. After a success the connection is the application's; after a failure the server must
    /// close it within 10 seconds of finding out (RFC 1928 section 6).
    ///
    /// ```
    /// use core::net::SocketAddr;
    ///
    /// use socks5_sansio::server::Step;
    /// use socks5_sansio::{Endpoint, Reply};
    ///
    /// # use socks5_sansio::server::{Chosen, Server};
    /// # use socks5_sansio::Method;
    /// # let (_, Step::Methods(_, permit)) = Server::new().read(&[5, 1, 0])? else { panic!() };
    /// # let Chosen::Continue(_, server) = permit.choose(&[Method::NONE]) else { panic!() };
    /// let input = b"\x05\x01\x00\x03\x0Bexample.com\x01\xBB";
    /// let (_, Step::Request(_, permit)) = server.read(input)? else { panic!() };
    /// let local = SocketAddr::from(([0x2001, 0xDB8, 0, 0, 0, 0, 0, 7], 4660)); // of the connection to example.com
    /// let answer = permit.reply(&Reply::succeeded(Endpoint::from(local)));
    /// assert_eq!(*answer, *b"\x05\0\0\x04\x20\x01\x0D\xB8\0\0\0\0\0\0\0\0\0\0\0\x07\x12\x34");
    /// # Ok::<(), socks5_sansio::server::Error>(())
    /// ```
    #[inline]
    pub fn reply(self, reply: &Reply<'_>) -> Outgoing {
        Outgoing::new(reply)
    }

    /// The same for a failure, which has no address to tell. Send, then close.
    ///
    /// ```
    /// use socks5_sansio::server::{Chosen, Server, Step};
    /// use socks5_sansio::{Method, ReplyCode};
    ///
    /// let input = [5, 1, 0, 5, 0xF0, 0, 1, 192, 0, 2, 1, 0, 80];
    /// let (used, Step::Methods(_, permit)) = Server::new().read(&input)? else { panic!() };
    /// let Chosen::Continue(_, server) = permit.choose(&[Method::NONE]) else { panic!() };
    /// let (_, Step::Request(_, permit)) = server.read(&input[used..])? else { panic!() };
    /// assert_eq!(*permit.refuse(ReplyCode::COMMAND_NOT_SUPPORTED), [5, 7, 0, 1, 0, 0, 0, 0, 0, 0]);
    /// # Ok::<(), socks5_sansio::server::Error>(())
    /// ```
    #[inline]
    pub fn refuse(self, code: ReplyCode) -> Outgoing {
        Outgoing::new(&Reply::failed(code))
    }
}

/// The permit to answer BIND.
///
/// ```
/// use socks5_sansio::server::Step;
/// use socks5_sansio::{Endpoint, ReplyCode};
///
/// # use socks5_sansio::server::{Chosen, Server};
/// # use socks5_sansio::Method;
/// # let (_, Step::Methods(_, permit)) = Server::new().read(&[5, 1, 0])? else { panic!() };
/// # let Chosen::Continue(_, server) = permit.choose(&[Method::NONE]) else { panic!() };
/// let (_, Step::Bind(_, permit)) = server.read(&[5, 2, 0, 1, 192, 0, 2, 1, 0, 20])? else { panic!() };
/// let (_first, permit) = permit.listening(Endpoint::try_from("192.0.2.7:4660").unwrap());
/// // ... and nobody connects ...
/// assert_eq!(*permit.refuse(ReplyCode::TTL_EXPIRED), [5, 6, 0, 1, 0, 0, 0, 0, 0, 0]);
/// # Ok::<(), socks5_sansio::server::Error>(())
/// ```
#[must_use = "the client waits for the reply"]
#[derive(Debug)]
pub struct Listen(());

impl Listen {
    /// The first reply: the server listens on `bound`. The second is due when the peer has connected, or will not
    /// (RFC 1928 section 6).
    ///
    /// ```
    /// use socks5_sansio::server::{Chosen, Server, Step};
    /// use socks5_sansio::{Endpoint, Method, Reply};
    ///
    /// let input = [5, 1, 0, 5, 2, 0, 1, 192, 0, 2, 1, 0, 20];
    /// let (used, Step::Methods(_, permit)) = Server::new().read(&input)? else { panic!() };
    /// let Chosen::Continue(_, server) = permit.choose(&[Method::NONE]) else { panic!() };
    /// let (_, Step::Bind(_, permit)) = server.read(&input[used..])? else { panic!() };
    ///
    /// let (first, permit) = permit.listening(Endpoint::try_from("192.0.2.7:4660").unwrap());
    /// assert_eq!(*first, [5, 0, 0, 1, 192, 0, 2, 7, 0x12, 0x34]);
    /// let second = permit.reply(&Reply::succeeded(Endpoint::try_from("192.0.2.1:20").unwrap()));
    /// assert_eq!(*second, [5, 0, 0, 1, 192, 0, 2, 1, 0, 20]);
    /// # Ok::<(), socks5_sansio::server::Error>(())
    /// ```
    #[inline]
    pub fn listening(self, bound: Endpoint<'_>) -> (Outgoing, Respond) {
        (Outgoing::new(&Reply::succeeded(bound)), Respond(()))
    }

    /// The server will not listen. Send, then close.
    ///
    /// ```
    /// use socks5_sansio::ReplyCode;
    /// use socks5_sansio::server::Step;
    ///
    /// # use socks5_sansio::server::{Chosen, Server};
    /// # use socks5_sansio::Method;
    /// # let (_, Step::Methods(_, permit)) = Server::new().read(&[5, 1, 0])? else { panic!() };
    /// # let Chosen::Continue(_, server) = permit.choose(&[Method::NONE]) else { panic!() };
    /// let (_, Step::Bind(request, permit)) = server.read(&[5, 2, 0, 1, 0, 0, 0, 0, 0, 0])? else { panic!() };
    /// assert_eq!(request.destination.to_string(), "0.0.0.0:0"); // from anybody
    /// assert_eq!(*permit.refuse(ReplyCode::NOT_ALLOWED), [5, 2, 0, 1, 0, 0, 0, 0, 0, 0]);
    /// # Ok::<(), socks5_sansio::server::Error>(())
    /// ```
    #[inline]
    pub fn refuse(self, code: ReplyCode) -> Outgoing {
        Outgoing::new(&Reply::failed(code))
    }
}

/// Why a conversation with a client ended early. What is still to be said is in [`parting`](Self::parting).
///
/// The octets are still the caller's, to hand to whoever understands them:
///
/// ```
/// use socks5_sansio::Invalid;
/// use socks5_sansio::server::{Error, Server};
///
/// let protocol = |first: &[u8]| match Server::new().read(first) {
///     Ok(_) => "SOCKS5",
///     Err(Error::Offer(Invalid::Version(4))) => "SOCKS4",
///     Err(Error::Offer(Invalid::Version(b'A'..=b'Z'))) => "HTTP",
///     Err(_) => "neither",
/// };
/// assert_eq!([b"\x05\x01", b"\x04\x01", b"GE"].map(|first| protocol(first)), ["SOCKS5", "SOCKS4", "HTTP"]);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The first octets are no offer of methods. [`Invalid::Version`] tells which other protocol it might be.
    #[error("malformed method offer: {0}")]
    Offer(Invalid),
    /// The credentials are malformed.
    #[error("malformed credentials: {0}")]
    UserPass(Invalid),
    /// The request is malformed.
    #[error("malformed request: {0}")]
    Request(Invalid),
    /// The client closed the connection without a word, as port scanners and health checks do.
    #[error("the client said nothing")]
    Silent,
    /// The client closed the connection between two messages.
    #[error("the client left before the negotiation was over")]
    Closed,
    /// The client closed the connection in the middle of a message.
    #[error("the client left in the middle of a message")]
    Truncated,
}

const MALFORMED_CREDENTIALS: [u8; 2] = UserPassStatus::FAILURE.octets();
const MALFORMED_REQUEST: [u8; 10] = failed_octets(ReplyCode::GENERAL_FAILURE);
const UNKNOWN_ADDRESS_TYPE: [u8; 10] = failed_octets(ReplyCode::ADDRESS_TYPE_NOT_SUPPORTED);

impl Error {
    /// The octets to send before closing: 0, 2 or 10.
    ///
    /// ```
    /// use socks5_sansio::Invalid;
    /// use socks5_sansio::server::Error;
    ///
    /// assert_eq!(Error::Request(Invalid::AddressType(9)).parting(), [5, 8, 0, 1, 0, 0, 0, 0, 0, 0]);
    /// assert!(Error::Offer(Invalid::Version(4)).parting().is_empty());
    /// ```
    #[must_use]
    pub const fn parting(&self) -> &'static [u8] {
        match self {
            Self::Request(Invalid::AddressType(_)) => &UNKNOWN_ADDRESS_TYPE,
            Self::Request(_) => &MALFORMED_REQUEST,
            Self::UserPass(_) => &MALFORMED_CREDENTIALS,
            Self::Offer(_) | Self::Silent | Self::Closed | Self::Truncated => &[],
        }
    }
}

/// Malformed messages are `InvalidData`; a stream that ended is `UnexpectedEof`.
#[cfg(feature = "std")]
#[cfg_attr(docsrs, doc(cfg(feature = "std")))]
impl From<Error> for std::io::Error {
    fn from(error: Error) -> Self {
        let kind = match error {
            Error::Offer(_) | Error::UserPass(_) | Error::Request(_) => std::io::ErrorKind::InvalidData,
            Error::Silent | Error::Closed | Error::Truncated => std::io::ErrorKind::UnexpectedEof,
        };
        Self::new(kind, error)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_most_that_a_client_says_is_the_sum_of_its_longest_messages() {
        assert_eq!(Server::INPUT_MAX_LEN, 257 + 513 + 262);
    }

    #[test]
    fn refusals_are_failures_whatever_the_code() {
        for code in (0..=255).map(ReplyCode) {
            let failure = failed_octets(code);
            assert_ne!(failure[1], 0);
            assert_eq!(*Respond(()).refuse(code), failure);
            assert_eq!(*Listen(()).refuse(code), failure);
        }
    }

    #[cfg(feature = "std")]
    #[test]
    fn errors_are_bad_data_or_an_early_end() {
        use std::io::{self, ErrorKind};
        for error in [Error::Offer, Error::UserPass, Error::Request] {
            assert_eq!(io::Error::from(error(Invalid::Version(4))).kind(), ErrorKind::InvalidData);
        }
        for error in [Error::Silent, Error::Closed, Error::Truncated] {
            assert_eq!(io::Error::from(error).kind(), ErrorKind::UnexpectedEof);
        }
    }
}
