//! SOCKS5 with GSSAPI (RFC 1961): what the server and the client of this package share. A separate package, because
//! `libgssapi` needs MIT Kerberos (Debian's `libkrb5-dev` and `libclang-dev`).
//!
//! ```text
//! KRB5_KTNAME=keytab cargo run --bin server -- [--listen 127.0.0.1:1080] [--service NAME@HOST] [--protection LEVELS]
//! kinit; cargo run --bin client -- [--proxy HOST:PORT] [--service NAME@HOST] [--protection LEVEL] HOST:PORT
//! ```
//!
//! | file | what it shows |
//! |---|---|
//! | `accept.rs` | the server's side of the authentication: tokens from and to the library, and the protection level |
//! | `initiate.rs` | the client's side |
//! | `protection.rs` | wrapping and unwrapping, after the authentication |
//! | `stream.rs` | a stream that wraps what is written and unwraps what is read |
//! | `relay.rs` | a relay between such a stream and a target |
//! | `association.rs` | datagrams, each in its own frame |
//! | `bin/server/` | a proxy: CONNECT, BIND and UDP ASSOCIATE, on the parts of `tokio-socks5-sansio` |
//! | `bin/client.rs` | stdin and stdout at the ends of a tunnel |

pub mod accept;
pub mod association;
pub mod initiate;
pub mod protection;
pub mod relay;
pub mod stream;

use std::fmt::Display;
use std::io;

use socks5_sansio::{GssapiMessage, ProtectionLevel};
use tokio_socks5_sansio::Wire;

use crate::stream::Stream;

/// The most tokens of the peer in an authentication. Kerberos needs one each way.
const MAX_TOKENS: usize = 8;

/// The level of that name.
pub fn level(name: &str) -> Result<ProtectionLevel, &'static str> {
    match name {
        "clear" => Ok(ProtectionLevel::CLEAR),
        "integrity" => Ok(ProtectionLevel::INTEGRITY),
        "confidentiality" => Ok(ProtectionLevel::CONFIDENTIALITY),
        _ => Err("clear, integrity or confidentiality"),
    }
}

/// Sends an abort. Returns the reason as an error.
async fn abort<T>(wire: &mut Wire<&mut Stream<'_>>, message: GssapiMessage<'_>, why: impl Display) -> io::Result<T> {
    let error = denied(why);
    let _ = wire.send(&message).await; // the cause is the error to return
    Err(error)
}

fn denied(why: impl Display) -> io::Error {
    io::Error::new(io::ErrorKind::PermissionDenied, why.to_string())
}

fn invalid(why: impl Display) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, why.to_string())
}
