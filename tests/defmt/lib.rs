//! The feature `defmt`. What is not secret can be logged:
//!
//! ```
//! fn is_logged<T: defmt::Format>() {}
//! is_logged::<socks5_sansio::EndpointBuf>();
//! ```
//!
//! A secret cannot:
//!
//! ```compile_fail,E0277
//! fn is_logged<T: defmt::Format>() {}
//! is_logged::<socks5_sansio::UserPass<'_>>();
//! ```
//!
//! ```compile_fail,E0277
//! fn is_logged<T: defmt::Format>() {}
//! is_logged::<socks5_sansio::UserPassBuf>();
//! ```
//!
//! ```compile_fail,E0277
//! fn is_logged<T: defmt::Format>() {}
//! is_logged::<socks5_sansio::GssapiToken<'_>>();
//! ```
//!
//! ```compile_fail,E0277
//! fn is_logged<T: defmt::Format>() {}
//! is_logged::<socks5_sansio::socks4::UserId<'_>>();
//! ```
