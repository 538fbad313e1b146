//! The examples over loopback: by hand-written octets, and with programs that others wrote.
//!
//! What is not installed is skipped with a line that says so; with `INTEROP_REQUIRED` set, it fails instead.

mod bind;
mod client;
mod dante;
mod datagrams;
mod octets;
mod programs;
mod sing_box;
mod socks4;
mod socks4_programs;
mod support;
