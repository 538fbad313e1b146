#![doc = include_str!("../README.md")]
#![forbid(unsafe_code)]
#![warn(missing_docs, missing_debug_implementations, unreachable_pub)]
#![cfg_attr(docsrs, feature(doc_cfg))]

#[cfg(feature = "net")]
pub mod association;
#[cfg(feature = "net")]
mod batch;
mod client;
mod deadline;
#[cfg(all(any(doc, doctest), feature = "net"))]
pub mod guide;
#[cfg(feature = "net")]
pub mod limits;
#[cfg(feature = "net")]
pub mod lookup;
#[cfg(feature = "net")]
pub mod outbound;
#[cfg(feature = "net")]
pub mod relay;
#[cfg(feature = "net")]
pub mod serve;
mod server;
#[cfg(feature = "net")]
mod tally;
#[cfg(feature = "net")]
pub mod udp;
#[cfg(feature = "net")]
pub mod udp_in_tcp;
mod wire;

pub use socks5_sansio;
pub use socks5_sansio::blocking::{AcceptError, Anyone, ConnectError, Error};

pub use self::client::{authenticate, connect};
pub use self::server::{Admit, Check, accept, accept_either};
pub use self::wire::Wire;
