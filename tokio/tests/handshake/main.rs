//! The handshake on tokio: `Wire`, `connect` and `accept`.

mod accept;
mod cancel;
mod connect;
mod spawn;
mod stutter;
mod sub_negotiation;

use std::time::Duration;

use tokio_socks5_sansio::socks5_sansio::UserPass;

/// For handshakes that end by themselves.
const NO_TIMEOUT: Duration = Duration::MAX;

const OFFER: &[u8] = &[5, 2, 0, 2];
const CREDENTIALS: &[u8] = b"\x01\x05alice\x06s3cret";
const REQUEST: &[u8] = b"\x05\x01\x00\x03\x0Bexample.com\x01\xBB";
const REPLY: &[u8] = &[5, 0, 0, 1, 192, 0, 2, 7, 0x12, 0x34];

fn alice() -> UserPass<'static> {
    UserPass::new("alice", "s3cret").unwrap()
}
