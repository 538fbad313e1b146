//! The crate in use, a page for each task. All code on these pages runs when the crate is tested.
//!
//! | task | page |
//! |---|---|
//! | a client or a server on any `Read + Write` | [`blocking`](crate::blocking) |
//! | a server or a client without a runtime, on non-blocking sockets | [`event_loop`] |
//! | SOCKS5, SOCKS4 and HTTP on one port | [`one_port`] |
//! | a client that saves round trips | [`optimistic`] |
//! | a relay of datagrams, and its client | [`udp`] |
//! | a client of Tor, and a server that resolves names as Tor does | [`tor`] |
//! | the addresses of Shadowsocks and Trojan | [`addresses`] |
//! | credentials: comparing, storing and logging them | [`secrets`] |
//!
//! The guide of the crate `tokio-socks5-sansio` has: a whole server, clients over any stream, relays of datagrams, a proxy behind
//! another proxy, TLS, your own authentication methods, limits for servers that are open to the internet, and the code before and
//! after a migration from tokio-socks, fast-socks5, socks5-impl, socks5-proto or tor-socksproto.

macro_rules! pages {
    ($($page:ident)*) => {
        $(#[doc = include_str!(concat!(stringify!($page), ".md"))] pub mod $page {})*
    };
}

pages! { addresses event_loop one_port optimistic secrets tor udp }
