//! A client alone, for its size: its input is constant.

#![no_std]
#![no_main]

use core::hint::black_box;

use bare::{Sent, Wire};
use socks5_sansio::client::{self, Selected};
use socks5_sansio::{Endpoint, UserPass};

bare::program!(client);

fn client() -> u32 {
    let input = b"\x05\x02\x01\0\x05\0\0\x01\xC0\0\x02\x01\x12\x34";
    let expected = b"\x05\x02\0\x02\x01\x05alice\x06s3cret\x05\x01\0\x03\x0Bexample.com\x01\xBB";
    let Ok(credentials) = UserPass::new("alice", "s3cret") else { return 1 };
    let Ok(destination) = Endpoint::try_from(("example.com", 443)) else { return 1 };
    let mut sent = Sent::nothing();
    let wire = Wire { input: black_box(input.as_slice()), sent: &mut sent };
    let bound = connect(wire, black_box(credentials), black_box(destination));
    u32::from(bound.map(|bound| bound.port) != Some(0x1234) || sent.bytes() != black_box(expected.as_slice()))
}

/// A whole client. Returns the bound address.
fn connect<'i>(mut wire: Wire<'i, '_>, credentials: UserPass<'_>, destination: Endpoint<'_>) -> Option<Endpoint<'i>> {
    let (offer, state) = client::login(Some(credentials));
    wire.send(&offer)?;
    let permit = match wire.receive(state)? {
        Selected::Request(permit) => permit,
        Selected::UserPass(credentials, state) => {
            wire.send(&credentials)?;
            wire.receive(state)?
        }
    };
    let (request, state) = permit.connect(destination);
    wire.send(&request)?;
    wire.receive(state)
}
