//! SOCKS5 without the sockets ("sans-IO"): typed messages, and both sides of the conversation, driven by bytes in and bytes
//! out.
//!
//! A SOCKS5 proxy connects on behalf of its clients. A client tells it where to, in a short conversation at the beginning of
//! a connection; after that the connection is the application's:
//!
//! ```text
//!  client                                        server
//!    |  MethodOffer: 05 02 00 02                   |
//!    | ------------------------------------------> |    1. by which method?
//!    |                MethodSelection: 05 02       |       RFC 1928 section 3
//!    | <------------------------------------------ |
//!    |  UserPass: 01 05 alice 06 s3cret            |
//!    | ------------------------------------------> |    2. authentication, if the method has any
//!    |                 UserPassStatus: 01 00       |       RFC 1929, RFC 1961, or the caller's own
//!    | <------------------------------------------ |
//!    |  Request: 05 01 00 03 0B example.com 01 BB  |
//!    | ------------------------------------------> |    3. what for?
//!    |    Reply: 05 00 00 01 C0 00 02 01 12 34     |       RFC 1928 sections 4 and 6
//!    | <------------------------------------------ |
//!    |  application data                           |
//!    | <=========================================> |    the caller's; in datagrams behind a UdpHeader
//! ```
//!
//! [`server`] and [`client`] know the order of messages, [`wire`] knows their octets (bytes), and I/O is the caller's. A
//! conversation is a value that says what it is in the middle of, a *moment*. Its `read` takes what has arrived, and gives
//! back a message and a *permit*: the right to make one of the next moves, once. What a move returns is to be sent:
//!
//! ```
//! use socks5_sansio::server::{Chosen, Server, Step};
//! use socks5_sansio::{Endpoint, Method, Reply};
//!
//! let arrived = b"\x05\x01\x00"; // "I can do without authentication"
//! let (used, Step::Methods(_, permit)) = Server::new().read(arrived)? else { panic!() };
//! let Chosen::Continue(answer, server) = permit.choose(&[Method::NONE]) else { panic!() };
//! assert_eq!((used, &*answer), (3, [5, 0].as_slice())); // "so do"
//!
//! let arrived = b"\x05\x01\x00\x03\x0Bexample.com\x01\xBB"; // "connect me to example.com:443"
//! let (_, Step::Request(request, permit)) = server.read(arrived)? else { panic!() };
//! assert_eq!(request.destination.to_string(), "example.com:443");
//! let answer = permit.reply(&Reply::succeeded(Endpoint::UNSPECIFIED)); // "done", and the rest is the application's
//! # assert_eq!(answer.len(), 10);
//! # Ok::<(), socks5_sansio::server::Error>(())
//! ```
//!
//! - To **talk**, start from [`Server::new`] or [`Client::new`]. The caller owns every buffer; what was not used is still the
//!   caller's.
//! - To **parse or build** a message alone, there is [`Message`]. Messages borrow from the input; one that exists can be encoded.
//! - To **relay datagrams**, [`UdpHeader::split`] and [`UdpHeader::prepend`] work in place.
//! - To **authenticate by Kerberos**, [`gssapi`] keeps the order of what a GSSAPI library makes.
#![cfg_attr(
    all(doc, feature = "std", feature = "bytes"),
    doc = "- To see **how it is put to use**, on tokio, in an event loop, behind another proxy or with Tor, there is the [`guide`]."
)]
//!
//! What comes in is taken tolerantly where that does no harm, what goes out is strict. Unknown methods, commands and reply
//! codes are kept as they are. Nothing here panics, allocates or waits, whatever the octets.
//!
//! # Features
//!
//! - `std` (on by default): the errors of both sides as `std::io::Error`, and `std::io::Error` as [`ReplyCode`].
//! - `bytes` (on by default): [`Message`]`::put`, which appends to a `bytes::BufMut`. Brings in `alloc`.
//!
//! Without them, this is `no_std` and does without `alloc`.

#![no_std]
#![forbid(unsafe_code)]
#![warn(missing_docs, missing_debug_implementations, unreachable_pub)]
#![warn(clippy::alloc_instead_of_core, clippy::std_instead_of_core)]
#![warn(clippy::expect_used, clippy::indexing_slicing, clippy::panic, clippy::unwrap_used)]
#![warn(clippy::cast_possible_truncation)]
#![warn(clippy::missing_errors_doc, clippy::missing_panics_doc, clippy::must_use_candidate)]
#![cfg_attr(docsrs, feature(doc_cfg))]

#[cfg(any(test, feature = "std"))]
extern crate std;

pub mod association;
pub mod client;
pub mod error;
pub mod gssapi;
#[cfg(all(any(doc, doctest), feature = "std", feature = "bytes"))]
pub mod guide;
pub mod reassembly;
pub mod server;
pub mod wire;

#[doc(no_inline)]
pub use self::client::Client;
#[doc(no_inline)]
pub use self::error::{BufferTooSmall, DecodeError, Invalid, ParseEndpointError, ValueError};
#[doc(no_inline)]
pub use self::server::Server;
#[doc(no_inline)]
pub use self::wire::{
    Address, Command, Domain, Endpoint, EndpointBuf, Fragment, GssapiMessage, GssapiToken, Message, Method,
    MethodOffer, MethodSelection, Outgoing, ProtectionLevel, Reply, ReplyCode, Request, UdpHeader, UserPass,
    UserPassStatus,
};

/// The README's code, compiled.
#[cfg(all(doctest, feature = "std"))]
#[doc = include_str!("../README.md")]
struct Readme;
