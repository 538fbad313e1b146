//! The benches of socks5-sansio: see README.md.
