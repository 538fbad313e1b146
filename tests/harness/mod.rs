//! One harness for the handshake tests, the exhaustive search and the fuzz targets.
//!
//! A [`plan`] has the decisions of a client and a server. Two [`applications`] follow it, over any [`transport`], and log what
//! happens. The [`recogniser`] determines what must happen, and how many bytes of input make that *certain*.
//!
//! A *script* is all that the peer sends, a *delivery* is how it is cut into pieces, and *up* and *down* are the bytes to and from
//! the server. The other modules generate values from *choices*, the bytes of a fuzzer, and compare the crate with an *oracle*, or
//! with a model.

#![allow(dead_code, unreachable_pub, reason = "no target uses all of it")]

pub mod applications;
pub mod choices;
pub mod decoders;
pub mod fragments;
pub mod frames;
pub mod messages;
pub mod plan;
pub mod recogniser;
pub mod runs;
pub mod states;
pub mod text;
pub mod transport;
pub mod values;

/// What a fuzz target runs.
pub type Check = fn(&[u8]);

/// The checks, by the names of their fuzz targets.
pub const TARGETS: [(&str, Check); 14] = [
    ("client", states::client),
    ("handshake", states::handshake),
    ("decoders", decoders::decoders),
    ("endpoint_text", text::endpoint_text),
    ("fragments", fragments::fragments),
    ("frames", frames::frames),
    ("gssapi", states::gssapi),
    ("messages", messages::messages),
    ("reassembly", fragments::reassembly),
    ("runs", runs::runs),
    ("server", states::server),
    ("socks4", states::socks4),
    ("together", states::together),
    ("values", values::values),
];
