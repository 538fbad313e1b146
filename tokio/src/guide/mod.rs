//! The crate in use, a page for each task. All code on these pages, except that of other crates in [`coming_from`], is compiled and
//! run with the tests; the code of [`tls`] is compiled and run by `examples/tls`.
//!
//! | task | page |
//! |---|---|
//! | a proxy server | [`server`] |
//! | a client over any stream | [`client`] |
//! | TLS between client and proxy | [`tls`] |
//! | datagrams: a server's relay, and a client | [`datagrams`] |
//! | QUIC and HTTP/3 | [`http3`] |
//! | datagrams inside the TCP connection, where UDP is blocked | [`udp_in_tcp`] |
//! | a proxy behind another proxy | [`chaining`] |
//! | users, and authentication methods of your own | [`authentication`] |
//! | bounds on memory, time, connections and destinations | [`limits`] |
//! | coming from another crate: the same code before and after | [`coming_from`] |
//!
//! The guide of the [core](socks5_sansio) is for everything that does not depend on tokio.

macro_rules! pages {
    ($($page:ident)*) => {
        $(#[doc = include_str!(concat!(stringify!($page), ".md"))] pub mod $page {})*
    };
}

pages! { authentication chaining client coming_from datagrams http3 limits server udp_in_tcp }

// rustls takes longer to build than all the rest
#[cfg(not(doctest))]
#[doc = include_str!("tls.md")]
pub mod tls {}
