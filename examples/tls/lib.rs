//! The page on TLS of the guide of `tokio-socks5-sansio`: `cargo test` runs its code. It is not tested with the crate, because
//! rustls takes longer to build than all the rest.
#![doc = include_str!("../../tokio/src/guide/tls.md")]
