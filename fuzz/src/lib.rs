//! What the fuzz targets run: the checks that the tests replay, and comparisons with other implementations.

#[path = "../../tests/checks/mod.rs"]
pub mod checks;
#[cfg(feature = "peers")]
pub mod peers;
