//! Drivers for blocking streams: [`connect`] for clients, [`accept`] for servers, [`accept_either`] for servers that accept
//! SOCKS4 too, and [`Wire`] for everything else.
//!
//! ```
//! use std::net::{TcpListener, TcpStream};
//! use std::thread;
//!
//! use socks5_sansio::blocking::{Wire, accept, connect};
//! use socks5_sansio::server::Asked;
//! use socks5_sansio::{ReplyCode, UserPass};
//!
//! let listener = TcpListener::bind("127.0.0.1:0")?;
//! let mut stream = TcpStream::connect(listener.local_addr()?)?;
//!
//! let server = thread::spawn(move || -> std::io::Result<()> {
//!     let mut wire = Wire::server(listener.accept()?.0);
//!     let (_, destination, asked) = accept(&mut wire, &UserPass::new("alice", "s3cret")?)?;
//!     assert_eq!(destination.to_string(), "example.com:443");
//!     let reply = match asked {
//!         Asked::Connect(permit) => permit.succeed("192.0.2.7:4660".try_into()?), // the local address of the connection
//!         other => other.refuse(ReplyCode::COMMAND_NOT_SUPPORTED),
//!     };
//!     wire.send(&reply)
//! });
//!
//! let bound = connect(&mut stream, "example.com:443", Some(UserPass::new("alice", "s3cret")?))?;
//! assert_eq!(bound.to_string(), "192.0.2.7:4660");
//! server.join().unwrap()?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! Any stream will do. Give TCP streams a [`Deadline`]; reaching it is an error, and ends the handshake. Before closing a TCP
//! stream after a refusal, discard input until its end or a timeout: closing with unread input resets the connection, and the
//! client may never receive the refusal.

mod client;
mod deadline;
mod server;
mod wire;

pub use self::client::{ConnectError, authenticate, connect};
pub use self::deadline::Deadline;
pub use self::server::{AcceptError, Admit, Anyone, Check, accept, accept_either};
pub use self::wire::{Error, Wire};
