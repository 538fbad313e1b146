//! This crate and its peers: the operations that they have in common, on the same input. The results are compared, then the costs
//! are measured.
//!
//! `cargo bench` prints the tables of `../README.md`, and `./build-times` the time to build each crate. `cargo bench` requires
//! valgrind, and `--ignore-rust-version` if the compiler is older than a peer allows.
//!
//! To add a peer: a file in `crates/`, its line in `crates::all`, and the dependency.

pub mod crates;
pub mod measure;
pub mod operations;
pub mod outcome;
