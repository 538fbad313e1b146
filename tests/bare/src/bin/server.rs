//! A server alone, for its size: its input is constant.

#![no_std]
#![no_main]

use core::hint::black_box;

use bare::{Sent, Wire, serve};
use socks5_sansio::UserPass;

bare::program!(server);

fn server() -> u32 {
    let input = b"\x05\x02\0\x02\x01\x05alice\x06s3cret\x05\x01\0\x03\x0Bexample.com\x01\xBB";
    let expected = b"\x05\x02\x01\0\x05\0\0\x03\x0Bexample.com\x01\xBB";
    let Ok(credentials) = UserPass::new("alice", "s3cret") else { return 1 };
    let mut sent = Sent::nothing();
    let wire = Wire { input: black_box(input.as_slice()), sent: &mut sent };
    let served = serve(wire, black_box(Some(())), black_box(&credentials));
    u32::from(served.is_none() || sent.bytes() != black_box(expected.as_slice()))
}
