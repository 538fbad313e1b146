//! What is measured: each operation as the crate does it, and by hand (its floor: see README.md). Bad input ends in a panic on both
//! sides.
#![allow(dead_code, reason = "not every bench needs all of it")]

pub mod codec;
pub mod negotiate;

use socks5_sansio::{Address, Endpoint, Reply, Request, UdpHeader};

use crate::floor::{self, Addressed};

/// One operation on one input: as the crate does it, and as its floor does.
pub struct Case {
    pub name: &'static str,
    /// How many bytes it reads or writes.
    pub bytes: usize,
    /// The maximum of its instructions, as a multiple of those of its floor.
    pub limit: f64,
    pub ours: fn(),
    pub floor: fn(),
    /// Panics if the two results differ.
    pub compare: fn(),
}

/// A table of cases, and for each case a module with its functions, which callgrind's profile identifies by their paths.
macro_rules! cases {
    ($table:ident within $limit:literal: $(
        $name:ident($bytes:expr)
        ours($($ours_arg:ident: $ours_type:ty = $ours_input:expr),+) -> $ours_result:ty $ours:block
        floor($($floor_arg:ident: $floor_type:ty = $floor_input:expr),+) -> $floor_result:ty $floor:block
        plain $plain:expr;
    )+) => {
        $(#[allow(clippy::extra_unused_lifetimes, reason = "not every case borrows")]
        mod $name {
            use super::*;

            #[inline(never)]
            fn ours<'a>($($ours_arg: $ours_type),+) -> $ours_result $ours

            #[inline(never)]
            fn floor<'a>($($floor_arg: $floor_type),+) -> $floor_result $floor

            // The name keeps equal functions from being merged into one.
            #[inline(never)]
            pub fn run_ours() {
                black_box((stringify!($name), ours($(black_box($ours_input)),+)));
            }

            #[inline(never)]
            pub fn run_floor() {
                black_box((stringify!($name), floor($(black_box($floor_input)),+)));
            }

            pub fn compare() {
                assert_eq!($plain(ours($($ours_input),+)), floor($($floor_input),+));
            }
        })+

        pub const $table: &[$crate::cases::Case] = &[$($crate::cases::Case {
            name: stringify!($name),
            bytes: $bytes,
            limit: $limit,
            ours: $name::run_ours,
            floor: $name::run_floor,
            compare: $name::compare,
        }),+];
    };
}
use cases;

// Conversions of the crate's results to the floor's types, to compare them.

fn same<T>(result: T) -> T {
    result
}

fn endpoint(endpoint: Endpoint<'_>) -> floor::Endpoint<'_> {
    let address = match endpoint.address {
        Address::Ipv4(ip) => floor::Address::Ipv4(ip),
        Address::Domain(name) => floor::Address::Domain(name.as_bytes()),
        Address::Ipv6(ip) => floor::Address::Ipv6(ip),
    };
    floor::Endpoint { address, port: endpoint.port }
}

fn request(request: Request<'_>) -> Addressed<'_> {
    Addressed { byte: request.command.0, endpoint: endpoint(request.destination) }
}

fn reply(reply: Reply<'_>) -> Addressed<'_> {
    Addressed { byte: reply.code.0, endpoint: endpoint(reply.bound) }
}

fn header(header: UdpHeader<'_>) -> Addressed<'_> {
    Addressed { byte: header.fragment.0, endpoint: endpoint(header.endpoint) }
}
