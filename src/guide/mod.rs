//! How to put the crate to use. Every page is code that compiles, and nearly all of it runs when the crate is tested.
//!
//! | to write | read |
//! |---|---|
//! | a server, on tokio or any other stream | [`server_on_tokio`] |
//! | a client, over anything that reads and writes | [`client_over_any_stream`] |
//! | either without a runtime: what to keep between two turns of a loop | [`event_loop`] |
//! | one port for SOCKS5, SOCKS4 and HTTP | [`one_port`] |
//! | a proxy that goes through a proxy | [`chaining`] |
//! | a client that saves round trips | [`optimistic`] |
//! | a relay of datagrams, or a client of one | [`datagrams`] |
//! | authentication other than by password | [`authentication`] |
//! | a client for Tor | [`tor`] |
//! | a server with many users | [`secrets`] |
//! | anything that strangers can reach | [`limits`], [`secrets`] |

macro_rules! pages {
    ($($page:ident)*) => {
        $(#[doc = include_str!(concat!(stringify!($page), ".md"))] pub mod $page {})*
    };
}

pages! {
    server_on_tokio client_over_any_stream event_loop one_port chaining optimistic datagrams authentication tor limits secrets
}
