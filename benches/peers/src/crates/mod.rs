//! One file a crate: the operations as its documentation shows them.

use std::pin::pin;
use std::task::{Context, Poll, Waker};

use tokio::io::Join;

use crate::measure::Peer;

mod async_socks5;
mod companion;
mod fast_socks5;
mod ours;
mod rama_socks5;
mod shadowsocks;
mod socker;
mod socks5_protocol;
mod socks_lib;
mod tokio_socks;
mod tor_socksproto;

/// The columns of the tables. The results of all must equal those of the first.
pub fn all() -> Vec<Peer> {
    vec![
        ours::peer(),
        companion::peer(),
        tor_socksproto::peer(),
        socker::peer(),
        shadowsocks::peer(),
        rama_socks5::peer(),
        fast_socks5::peer(),
        socks_lib::peer(),
        socks5_protocol::peer(),
        async_socks5::peer(),
        tokio_socks::peer(),
    ]
}

/// The result of a future that never waits: its input is there.
fn now<T>(future: impl Future<Output = T>) -> T {
    match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(value) => value,
        Poll::Pending => panic!("waits for input that is there"),
    }
}

/// Reads from a slice as from a stream, and counts the bytes used.
fn read<T>(bytes: &'static [u8], read: impl FnOnce(&mut &'static [u8]) -> T) -> (T, usize) {
    let mut rest = bytes;
    let value = read(&mut rest);
    (value, bytes.len() - rest.len())
}

/// A connection in memory: reads take from the bytes, and writes are appended to the buffer.
fn connection<'a>(bytes: &'static [u8], buffer: &'a mut Vec<u8>) -> Join<&'static [u8], &'a mut Vec<u8>> {
    buffer.clear();
    tokio::io::join(bytes, buffer)
}
