//! The examples over loopback: byte by byte, and with programs that others wrote.
//!
//! A test whose program is not installed is skipped with a line on stderr; with `INTEROP_REQUIRED` set, it fails instead.

mod bind;
mod bytes;
mod client;
mod dante;
mod datagrams;
mod programs;
mod sing_box;
mod socks4;
mod socks4_programs;
mod support;
