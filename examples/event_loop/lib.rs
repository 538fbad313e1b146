//! A proxy in one thread, without a runtime. Between two turns of the loop, a connection is a small enum of states and its sockets.
//!
//! | file | what it shows |
//! |---|---|
//! | `proxy.rs` | the loop: events, deadlines, and accepting again after the descriptors ran out |
//! | `connection.rs` | the states of a connection |
//! | `pipe.rs` | a bounded buffer between two sockets |
//! | `peer.rs` | a socket that remembers its end and its failure |
//!
//! A client may send data in every state: what the current state does not receive stays in the pipe to the target, up to its bound,
//! and then in the socket. Names are refused, as a look-up would block: a resolver would start in `connect` in `connection.rs`.

mod connection;
mod peer;
mod pipe;
mod proxy;

use std::time::Duration;

use socks5_sansio::UserPassBuf;

pub use connection::Connection;
pub use proxy::serve;

/// What all connections share.
#[derive(Clone)]
pub struct Config {
    /// If `Some`, clients must send these.
    pub credentials: Option<UserPassBuf>,
    /// The time limit from accepting the client to its request.
    pub handshake: Duration,
    /// The time limit from the request to the reply.
    pub connect: Duration,
    /// The time for the last bytes to arrive before a connection is closed or reset.
    pub linger: Duration,
}

impl Default for Config {
    fn default() -> Self {
        let seconds = Duration::from_secs;
        Self { credentials: None, handshake: seconds(10), connect: seconds(10), linger: seconds(2) }
    }
}
