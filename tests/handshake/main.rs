//! Handshakes of both sides with each other, and of each side with scripts.
#![cfg(feature = "std")]

mod blocking;
mod cases;
mod choice;
mod duties;
mod gssapi;
#[path = "../harness/mod.rs"]
mod harness;
mod scripts;
mod socks4;
mod states;
