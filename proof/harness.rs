//! The functions that are proved, callable from C. Each writes its result as words, and the specification is about these words.
//!
//! Unsafe: slices are made from the pointers that the proof passes in. Nothing else is decided here.

#![no_std]

mod batch;
mod decode;
mod either;
mod encode;
#[cfg(feature = "linked")]
mod linked;
mod socks4;
mod state;
mod udp_in_tcp;

use core::panic::PanicInfo;
use core::slice;

use socks5_sansio::{Address, Endpoint, Invalid};

unsafe extern "C" {
    /// Not defined: the proof shows that it is not reached.
    fn panic_reached() -> !;
}

#[panic_handler]
fn panic(_: &PanicInfo<'_>) -> ! {
    unsafe { panic_reached() }
}

/// The bytes at a pointer.
#[derive(Clone, Copy)]
#[repr(C)]
pub struct Bytes {
    start: *const u8,
    len: usize,
}

impl Bytes {
    fn get<'a>(self) -> &'a [u8] {
        unsafe { slice::from_raw_parts(self.start, self.len) }
    }

    /// Where a part of the bytes lies, and its length.
    fn position(self, part: &[u8]) -> [u64; 2] {
        [(part.as_ptr() as u64).wrapping_sub(self.start as u64), part.len() as u64]
    }
}

/// An output buffer.
#[derive(Clone, Copy)]
#[repr(C)]
pub struct Out {
    start: *mut u8,
    len: usize,
}

impl Out {
    fn get<'a>(self) -> &'a mut [u8] {
        unsafe { slice::from_raw_parts_mut(self.start, self.len) }
    }
}

/// What a function returned: words, and zeros after them.
pub type Words = [u64; 16];

/// The next word to be written.
pub struct Report<'w>(slice::IterMut<'w, u64>);

impl Report<'_> {
    fn new(words: *mut Words) -> Self {
        Self(unsafe { (*words).iter_mut() })
    }

    fn put<const N: usize>(&mut self, words: [u64; N]) {
        self.0.by_ref().zip(words).for_each(|(to, word)| *to = word);
    }

    fn endpoint(&mut self, input: Bytes, endpoint: &Endpoint<'_>) {
        let port = u64::from(endpoint.port);
        match endpoint.address {
            Address::Ipv4(ip) => self.put([1, u64::from(u32::from(ip)), port]),
            Address::Ipv6(ip) => self.put([4, (u128::from(ip) >> 64) as u64, u128::from(ip) as u64, port]),
            Address::Domain(name) => {
                let [at, len] = input.position(name.as_bytes());
                self.put([3, at, len, port]);
            }
        }
    }

    fn invalid(&mut self, invalid: Invalid) {
        self.put(match invalid {
            Invalid::Version(byte) => [1, u64::from(byte)],
            Invalid::UserPassVersion(byte) => [2, u64::from(byte)],
            Invalid::GssapiVersion(byte) => [3, u64::from(byte)],
            Invalid::GssapiMessageType(byte) => [4, u64::from(byte)],
            Invalid::AddressType(byte) => [5, u64::from(byte)],
            Invalid::EmptyDomain => [6, 0],
            Invalid::Truncated => [7, 0],
            Invalid::Socks4Version(byte) => [9, u64::from(byte)],
            Invalid::UserIdTooLong => [10, 0],
            Invalid::DomainTooLong => [11, 0],
            Invalid::HeaderLength(byte) => [12, u64::from(byte)],
            _ => [8, 0],
        });
    }
}
