//! HTTP/3 through a SOCKS5 proxy: a socket for quinn on a UDP association, and a GET.

mod get;
mod socket;

pub use get::{Response, get};
pub use socket::ProxiedSocket;
