//! SOCKS5 and SOCKS4 on one port: detection of the client's protocol, and permits that make replies of that protocol.
//!
//! ```text
//!  ReceiveProtocol
//!    -> Protocol::Socks5(server::ReceiveOffer)   ... -> server::Asked --.
//!       Protocol::Socks4(socks4::ReceiveRequest) ... -> socks4::Asked --+--> Asked::{Connect, UdpAssociate, Other}(Respond)
//!                                                                            Asked::Bind(Listen)
//! ```
//!
//! SOCKS4 has no authentication: a server that requires credentials must refuse every SOCKS4 request. The drivers' `accept_either`
//! does so, and admits SOCKS4 clients if and only if it admits clients without credentials.
//!
//! ```
//! use socks5_sansio::either::{Asked, Protocol, ReceiveProtocol};
//! use socks5_sansio::{Encode, Receive};
//!
//! let input = b"\x04\x01\x00\x50\xC0\x00\x02\x01\x00";
//! let (protocol, used) = ReceiveProtocol::new().receive(input)?;
//! assert_eq!(used, 0); // the first byte belongs to the next state
//! let Protocol::Socks4(state) = protocol else { panic!("another protocol") };
//!
//! let ((request, asked), _) = state.receive(input)?;
//! assert_eq!(request.destination().to_string(), "192.0.2.1:80");
//! let Asked::Connect(permit) = asked.into() else { panic!("another command") };
//! assert_eq!(permit.succeed("192.0.2.7:4660".try_into()?).to_vec(), [0, 0x5A, 0x12, 0x34, 192, 0, 2, 7]);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

use core::num::NonZeroUsize;

use crate::error::Invalid;
use crate::receive::{Receive, sealed::Sealed};
use crate::server::{self, Error, ReceiveOffer};
use crate::socks4::{self, ReceiveRequest};
use crate::wire::{self, Command, Endpoint, Pieces, ReplyCode};

/// The protocol of a connection, with its first state.
#[must_use]
#[derive(Debug)]
pub enum Protocol {
    /// SOCKS5.
    Socks5(ReceiveOffer),
    /// SOCKS4 or 4a.
    Socks4(ReceiveRequest),
}

/// The protocol of a connection by its first byte. `None`: neither SOCKS5 nor SOCKS4; a letter is probably HTTP.
///
/// ```
/// use socks5_sansio::either::{Protocol, protocol};
///
/// assert!(matches!(protocol(5), Some(Protocol::Socks5(_))));
/// assert!(matches!(protocol(4), Some(Protocol::Socks4(_))));
/// assert!(protocol(b'G').is_none());
/// ```
#[must_use]
pub const fn protocol(first: u8) -> Option<Protocol> {
    match first {
        wire::SOCKS5_VERSION => Some(Protocol::Socks5(ReceiveOffer::new())),
        wire::socks4::VERSION => Some(Protocol::Socks4(ReceiveRequest::new())),
        _ => None,
    }
}

/// Waits for the first byte, and does not consume it: the returned state receives the message that begins with it.
///
/// For any other protocol the error is [`Error::Offer`] with [`Invalid::Version`], which holds the byte.
#[must_use]
#[derive(Debug)]
pub struct ReceiveProtocol(());

impl ReceiveProtocol {
    /// The state in which every handshake begins.
    #[expect(clippy::new_without_default, reason = "see `ReceiveOffer::new`")]
    pub const fn new() -> Self {
        Self(())
    }
}

impl Sealed for ReceiveProtocol {}
impl Receive for ReceiveProtocol {
    type Received<'i> = Protocol;
    type Error = Error;

    fn missing(&self, input: &[u8]) -> Option<NonZeroUsize> {
        if input.is_empty() { Some(NonZeroUsize::MIN) } else { None }
    }

    fn receive(self, input: &[u8]) -> Result<(Protocol, usize), Error> {
        let first = *input.first().ok_or(Error::Silent)?;
        let protocol = protocol(first).ok_or(Error::Offer(Invalid::Version(first)))?;
        Ok((protocol, 0))
    }
}

/// The command of a request of either protocol, with the permit to answer it.
#[must_use]
#[derive(Debug)]
pub enum Asked {
    /// CONNECT: connect to the endpoint.
    Connect(Respond),
    /// BIND: listen for a connection from the endpoint.
    Bind(Listen),
    /// UDP ASSOCIATE, which SOCKS4 does not have: relay the datagrams that the client intends to send from the endpoint.
    UdpAssociate(Respond),
    /// Any other command.
    Other(Command, Respond),
}

impl Asked {
    /// Refuses the request, whatever its command. Send the reply, then close. In SOCKS4 all failures have one code.
    #[must_use = "the message is to be sent"]
    pub fn refuse(self, code: impl Into<ReplyCode>) -> Reply<'static> {
        match self {
            Self::Connect(permit) | Self::UdpAssociate(permit) | Self::Other(_, permit) => permit.refuse(code),
            Self::Bind(permit) => permit.refuse(code),
        }
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

impl From<server::Asked> for Asked {
    fn from(asked: server::Asked) -> Self {
        match asked {
            server::Asked::Connect(permit) => Self::Connect(permit.into()),
            server::Asked::Bind(permit) => Self::Bind(permit.into()),
            server::Asked::UdpAssociate(permit) => Self::UdpAssociate(permit.into()),
            server::Asked::Other(command, permit) => Self::Other(command, permit.into()),
        }
    }
}

impl From<socks4::Asked> for Asked {
    fn from(asked: socks4::Asked) -> Self {
        match asked {
            socks4::Asked::Connect(permit) => Self::Connect(permit.into()),
            socks4::Asked::Bind(permit) => Self::Bind(permit.into()),
            socks4::Asked::Other(command, permit) => Self::Other(command, permit.into()),
        }
    }
}

/// The permit for the last reply.
#[must_use]
#[derive(Debug)]
pub enum Respond {
    /// For a request of SOCKS5.
    Socks5(server::Respond),
    /// For a request of SOCKS4.
    Socks4(socks4::Respond),
}

impl Respond {
    /// Reports success, as the permit of the protocol does.
    #[must_use = "the message is to be sent"]
    pub fn succeed(self, bound: Endpoint<'_>) -> Reply<'_> {
        match self {
            Self::Socks5(permit) => Reply::Socks5(permit.succeed(bound)),
            Self::Socks4(permit) => Reply::Socks4(permit.succeed(bound)),
        }
    }

    /// Reports failure. Send the reply, then close. In SOCKS4 all failures have one code.
    #[must_use = "the message is to be sent"]
    pub fn refuse(self, code: impl Into<ReplyCode>) -> Reply<'static> {
        match self {
            Self::Socks5(permit) => Reply::Socks5(permit.refuse(code)),
            Self::Socks4(permit) => Reply::Socks4(permit.refuse()),
        }
    }
}

/// The permit for the first of the two replies to BIND.
#[must_use]
#[derive(Debug)]
pub enum Listen {
    /// For a request of SOCKS5.
    Socks5(server::Listen),
    /// For a request of SOCKS4.
    Socks4(socks4::Listen),
}

impl Listen {
    /// Reports that the server listens on `bound`. Send the second reply when the peer has connected, or on failure.
    ///
    /// # Errors
    ///
    /// The permit, if the protocol is SOCKS4 and the address is not IPv4: call [`refuse`](Self::refuse).
    pub fn listening(self, bound: Endpoint<'_>) -> Result<(Reply<'_>, Respond), Self> {
        match self {
            Self::Socks5(permit) => {
                let (reply, permit) = permit.listening(bound);
                Ok((Reply::Socks5(reply), Respond::Socks5(permit)))
            }
            Self::Socks4(permit) => match permit.listening(bound) {
                Ok((reply, permit)) => Ok((Reply::Socks4(reply), Respond::Socks4(permit))),
                Err(permit) => Err(Self::Socks4(permit)),
            },
        }
    }

    /// Reports that the server does not listen. Send the reply, then close. In SOCKS4 all failures have one code.
    #[must_use = "the message is to be sent"]
    pub fn refuse(self, code: impl Into<ReplyCode>) -> Reply<'static> {
        match self {
            Self::Socks5(permit) => Reply::Socks5(permit.refuse(code)),
            Self::Socks4(permit) => Reply::Socks4(permit.refuse()),
        }
    }
}

impl From<server::Respond> for Respond {
    fn from(permit: server::Respond) -> Self {
        Self::Socks5(permit)
    }
}

impl From<socks4::Respond> for Respond {
    fn from(permit: socks4::Respond) -> Self {
        Self::Socks4(permit)
    }
}

impl From<server::Listen> for Listen {
    fn from(permit: server::Listen) -> Self {
        Self::Socks5(permit)
    }
}

impl From<socks4::Listen> for Listen {
    fn from(permit: socks4::Listen) -> Self {
        Self::Socks4(permit)
    }
}

/// A reply of either protocol.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Reply<'a> {
    /// A reply of SOCKS5.
    Socks5(wire::Reply<'a>),
    /// A reply of SOCKS4.
    Socks4(socks4::Reply),
}

impl Pieces for Reply<'_> {
    fn pieces(&self, write: &mut impl FnMut(&[u8])) {
        match self {
            Self::Socks5(reply) => reply.pieces(write),
            Self::Socks4(reply) => reply.pieces(write),
        }
    }
}
