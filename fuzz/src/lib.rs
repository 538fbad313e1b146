//! What the fuzz targets run: the checks that the tests replay, and comparisons with other implementations.

#[path = "../../tests/harness/mod.rs"]
pub mod harness;
#[cfg(feature = "peers")]
pub mod peers;
