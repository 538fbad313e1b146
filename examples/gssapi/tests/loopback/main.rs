//! The server and the client with a real KDC, over loopback: with each other, with other implementations, and with
//! bytes by hand.
//!
//! `.ci/gssapi` sets up the realm and the programs that they need. A test that lacks one is skipped with a line on
//! stderr; with `INTEROP_REQUIRED` set, it fails instead.

mod by_hand;
mod captured;
mod client;
mod commands;
mod pair;
mod programs;
mod server;
#[expect(dead_code)] // shared with the interop tests, which use the rest
#[path = "../../../../tests/interop/support.rs"]
mod support;
