//! The page on TLS from the guide of `tokio-socks5-sansio`. `cargo test` runs its code here, and not with the crate, because
//! rustls takes longer to build than all the rest.
#![doc = include_str!("../../tokio/src/guide/tls.md")]
