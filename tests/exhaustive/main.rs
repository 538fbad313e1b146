//! Every handshake up to a bound, from lists of messages and of decisions.
//!
//! One side receives every sequence of the other's messages, valid and malformed, whole and truncated at every byte, with every
//! decision that it reads ([`explore`]), and must do what the recogniser of the harness expects. Then both sides run against each
//! other, whatever they decide ([`joined`]).

mod client;
mod explore;
mod gssapi;
#[path = "../harness/mod.rs"]
mod harness;
mod joined;
mod server;
mod socks4;
