//! SOCKS5 with GSSAPI (RFC 1961): what the server and the client of this package share. A package of its own, because
//! `libgssapi` needs MIT Kerberos (Debian's `libkrb5-dev` and `libclang-dev`).
//!
//! ```text
//! KRB5_KTNAME=keytab cargo run --bin server -- [--listen 127.0.0.1:1080] [--service NAME@HOST] [--protection LEVELS]
//! kinit; cargo run --bin client -- [--proxy HOST:PORT] [--service NAME@HOST] [--protection LEVEL] HOST:PORT
//! ```
//!
//! | file | what it shows |
//! |---|---|
//! | `accept.rs` | the server's side of the authentication: tokens from and to the library |
//! | `initiate.rs` | the client's side |
//! | `stream.rs` | a socket that wraps what is written and unwraps what is read, after the authentication |
//! | `bin/server.rs` | a proxy on blocking sockets: CONNECT only |
//! | `bin/client.rs` | stdin and stdout at the ends of a tunnel |

pub mod accept;
pub mod initiate;
pub mod stream;

use std::fmt::Display;
use std::io;

use socks5_sansio::blocking::Wire;
use socks5_sansio::{GssapiMessage, ProtectionLevel};

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

/// Sends an abort. The error says why.
fn abort<T>(wire: &mut Wire<&mut Stream>, message: GssapiMessage<'_>, why: impl Display) -> io::Result<T> {
    let _ = wire.send(&message); // the cause is the error to return
    Err(denied(why))
}

fn denied(why: impl Display) -> io::Error {
    io::Error::new(io::ErrorKind::PermissionDenied, why.to_string())
}

fn invalid(why: impl Display) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, why.to_string())
}
