//! What holds for all octets, one check a fuzz target. `tests/corpus.rs` replays the fuzzers' corpus without a fuzzer.
//!
//! A check panics where something does not hold. What its octets mean is up to it: the octets of a message or of one
//! side of a connection, or the [choices](choices::Choices) from which messages and plans are made.

mod chats;
mod choices;
mod client_side;
mod decoders;
mod gssapi;
mod hearing;
mod model;
mod plan;
mod reassembly;
mod server_side;
mod sides;
mod text;
mod values;

pub use self::chats::{client, conversation, server, together};
pub use self::decoders::decoders;
pub use self::gssapi::gssapi;
pub use self::reassembly::{fragments, reassembly};
pub use self::text::endpoint_text;
pub use self::values::values;

/// What a fuzz target runs.
pub type Check = fn(&[u8]);

/// The checks, by the names of their fuzz targets.
pub const TARGETS: [(&str, Check); 10] = [
    ("client", client),
    ("conversation", conversation),
    ("decoders", decoders),
    ("endpoint_text", endpoint_text),
    ("fragments", fragments),
    ("gssapi", gssapi),
    ("reassembly", reassembly),
    ("server", server),
    ("together", together),
    ("values", values),
];
