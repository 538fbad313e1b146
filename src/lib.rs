//! SOCKS5 without the sockets (sans-IO): typed messages and both sides of the handshake, bytes in and bytes out. Implements
//! RFC 1928, RFC 1929 and RFC 1961.
//!
//! ```text
//!  client                                        server
//!    |  MethodOffer: 05 02 00 02                   |
//!    | ------------------------------------------> |    1. method selection
//!    |                MethodSelection: 05 02       |       RFC 1928 section 3
//!    | <------------------------------------------ |
//!    |  UserPass: 01 05 alice 06 s3cret            |
//!    | ------------------------------------------> |    2. authentication, if the method has any
//!    |                 UserPassStatus: 01 00       |       RFC 1929, RFC 1961, or the caller's own
//!    | <------------------------------------------ |
//!    |  Request: 05 01 00 03 0B example.com 01 BB  |
//!    | ------------------------------------------> |    3. request and reply
//!    |    Reply: 05 00 00 01 C0 00 02 01 12 34     |       RFC 1928 sections 4 and 6
//!    | <------------------------------------------ |
//!    |  application data                           |
//!    | <=========================================> |    unmodified; over UDP, each datagram begins with a UdpHeader
//! ```
//!
//! Five words:
//!
//! - A **message** is a small value that borrows its bytes from the input or from the caller. It is [decoded](Decode) and
//!   [encoded](Encode).
//! - A **state** is one point of the handshake: a type that waits for one message. It is consumed when it [receives](Receive) the
//!   message.
//! - A **permit** comes with the received message. The permit's methods are the legal next moves.
//! - A **move** consumes the permit, and returns the message to send and the next state.
//! - A **driver** runs the states on a stream: [`blocking`] for `Read + Write`, the crate `tokio-socks5-sansio` for tokio, or a
//!   loop in the caller's code around an [`Inbox`].
//!
//! So a move out of order does not compile, and no `match` needs an arm for it. Without a driver:
//!
//! ```
//! use socks5_sansio::server::{Asked, ReceiveOffer};
//! use socks5_sansio::{Encode, Endpoint, Receive};
//!
//! let ((_offer, permit), used) = ReceiveOffer::new().receive(b"\x05\x01\x00")?;
//! let Ok((selection, state)) = permit.no_authentication() else { panic!("not offered") };
//! let mut out = [0; 10];
//! assert_eq!((used, selection.encode(&mut out)?), (3, 2)); // send 05 00
//!
//! let ((destination, asked), _) = state.receive(b"\x05\x01\x00\x03\x0Bexample.com\x01\xBB")?;
//! assert_eq!(destination.to_string(), "example.com:443");
//! let Asked::Connect(permit) = asked else { panic!("another command") };
//! assert_eq!(permit.succeed(Endpoint::UNSPECIFIED).encode(&mut out)?, 10); // send, then relay
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! Start from [`blocking::connect`] and [`blocking::accept`]; without a driver, from [`client::login`] and
//! [`server::ReceiveOffer`]. [`UdpHeader`] splits and makes datagrams without a copy, and [`association`] has the rules of UDP
//! ASSOCIATE. [`socks4`] implements SOCKS4 and 4a, [`either`] both protocols on one port, and [`udp_in_tcp`] datagrams inside
//! the TCP connection; the states of SOCKS5 use none of these modules.
#![cfg_attr(
    all(doc, feature = "std"),
    doc = "The [`guide`] has a page for each task: an event loop, one port for several protocols, datagrams, Tor, and more."
)]
//!
//! Input is accepted tolerantly where that is harmless; output is strict. Unassigned methods, commands and reply codes are kept as
//! they are. No input causes a panic, and messages and states allocate nothing.
//!
//! # Features
//!
//! - `std` (default): [`blocking`], conversions from every error to `std::io::Error` and from `std::io::Error` to [`ReplyCode`],
//!   and [`Encode`]`::to_vec`.
//! - `bytes` (default): [`Encode`]`::put`, which appends to a `bytes::BufMut`. Requires an allocator.
//! - `arbitrary`: `Arbitrary` for messages and their parts, for fuzz targets and property tests. Requires std.
//! - `defmt`: `defmt::Format` for codes, endpoints and errors. Credentials, tokens and USERIDs do not implement it, so they cannot
//!   be logged.
//! - `serde`: [`EndpointBuf`] as its text, and codes as numbers.
//!
//! Without the default features the crate is `no_std` and does not allocate; `defmt` and `serde` do not change that.

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
#[cfg(feature = "std")]
#[cfg_attr(docsrs, doc(cfg(feature = "std")))]
pub mod blocking;
pub mod client;
pub mod either;
mod error;
pub mod fragment;
pub mod gssapi;
#[cfg(all(any(doc, doctest), feature = "std"))]
pub mod guide;
mod inbox;
mod receive;
pub mod server;
pub mod socks4;
pub mod udp_in_tcp;
mod wire;

pub use self::error::{BufferTooSmall, DecodeError, Invalid, ParseEndpointError, ValueError};
pub use self::inbox::{Buffer, Inbox, Polled};
pub use self::receive::Receive;
pub use self::wire::{
    Address, Command, Decode, Domain, Encode, Endpoint, EndpointBuf, Fragment, GssapiMessage, GssapiToken, Method,
    MethodOffer, MethodSelection, ProtectionLevel, Reply, ReplyCode, Request, Run, Runs, Target, UdpHeader, UserPass,
    UserPassBuf, UserPassStatus,
};

/// The README's code, compiled.
#[cfg(all(doctest, feature = "std"))]
#[doc = include_str!("../README.md")]
struct Readme;
