//! This crate and its peers: what they have in common is done on the same octets, checked to come to the same, and measured.
//!
//! `cargo bench` prints the tables of the README, and `./build-times` how long each crate takes to build. `cargo bench` wants valgrind,
//! and with a compiler that is older than a peer asks for, `--ignore-rust-version`.
//!
//! To add a peer: a file in `crates/`, its line in `crates::all`, and the dependency.

pub mod crates;
pub mod measure;
pub mod operations;
pub mod outcome;
