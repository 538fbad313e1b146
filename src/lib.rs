//! SOCKS5 without the sockets: typed messages, and both sides of the conversation.
#![no_std]
#![forbid(unsafe_code)]
#![warn(missing_docs, missing_debug_implementations, unreachable_pub)]
#![warn(clippy::alloc_instead_of_core, clippy::std_instead_of_core)]
#![warn(clippy::expect_used, clippy::indexing_slicing, clippy::panic)]
#![warn(clippy::missing_errors_doc, clippy::missing_panics_doc)]
#![cfg_attr(docsrs, feature(doc_cfg))]

#[cfg(any(test, feature = "std"))]
extern crate std;

pub mod client;
pub mod error;
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
    Address, Command, Domain, Endpoint, Fragment, GssapiMessage, GssapiToken, Message, Method, MethodOffer,
    MethodSelection, Outgoing, Reply, ReplyCode, Request, UdpHeader, UserPass, UserPassStatus,
};
