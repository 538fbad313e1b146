//! The operations, and their input.

use std::hint::black_box;
use std::net::{Ipv4Addr, SocketAddrV4};

/// The destination of clients. The compiler does not know it.
pub fn destination() -> (&'static str, u16) {
    black_box(("www.example.com", 443))
}

/// The username and password that clients send and servers expect.
pub fn credentials() -> (&'static str, &'static str) {
    black_box(("alice", "s3cret"))
}

/// The address in replies, and the source of a datagram. Some peers reply with the port of the request.
pub fn bound() -> SocketAddrV4 {
    black_box(SocketAddrV4::new(Ipv4Addr::new(192, 0, 2, 7), 443))
}

/// The room before a payload for its header.
pub const HEADROOM: usize = 22;
pub const PAYLOAD: [u8; 512] = [0xDA; 512];

/// An operation, and its input. After a message are bytes that do not belong to it.
#[derive(Clone, Copy)]
pub struct Operation {
    pub name: &'static str,
    pub bytes: &'static [u8],
}

pub const DECODE_OFFER: Operation = Operation { name: "decode method offer", bytes: b"\x05\x02\0\x02rest" };
pub const DECODE_USER_PASS: Operation =
    Operation { name: "decode username and password", bytes: b"\x01\x05alice\x06s3cretrest" };
pub const DECODE_REQUEST: [Operation; 3] = [
    Operation { name: "decode request, IPv4", bytes: b"\x05\x01\0\x01\xC0\0\x02\x01\x01\xBBrest" },
    Operation {
        name: "decode request, IPv6",
        bytes: b"\x05\x01\0\x04\x20\x01\x0D\xB8\0\0\0\0\0\0\0\0\0\0\0\x01\x01\xBBrest",
    },
    Operation { name: "decode request, domain", bytes: b"\x05\x01\0\x03\x0Fwww.example.com\x01\xBBrest" },
];
pub const ENCODE_REQUEST: Operation = Operation { name: "encode request, domain", bytes: b"" };
pub const ENCODE_REPLY: Operation = Operation { name: "encode reply, IPv4", bytes: b"" };
pub const SPLIT_DATAGRAM: [Operation; 2] = [
    Operation {
        name: "split UDP datagram, IPv4",
        bytes: &datagram::<{ 10 + 512 }>(b"\0\0\0\x01\xC0\0\x02\x01\x01\xBB"),
    },
    Operation {
        name: "split UDP datagram, domain",
        bytes: &datagram::<{ 22 + 512 }>(b"\0\0\0\x03\x0Fwww.example.com\x01\xBB"),
    },
];
pub const MAKE_DATAGRAM: Operation = Operation { name: "make UDP datagram, IPv4", bytes: &PAYLOAD };
pub const SERVE: Operation =
    Operation { name: "server's handshake", bytes: b"\x05\x01\0\x05\x01\0\x01\xC0\0\x02\x01\x01\xBB" };
pub const SERVE_USER_PASS: Operation = Operation {
    name: "server's handshake, username and password",
    bytes: b"\x05\x02\0\x02\x01\x05alice\x06s3cret\x05\x01\0\x01\xC0\0\x02\x01\x01\xBB",
};
/// The same with a comparison in constant time.
pub const SERVE_USER_PASS_SAFELY: Operation =
    Operation { name: "the same, compared in constant time", ..SERVE_USER_PASS };
pub const CONNECT_USER_PASS: Operation = Operation {
    name: "client's handshake, username and password",
    bytes: b"\x05\x02\x01\0\x05\0\0\x01\xC0\0\x02\x07\x01\xBB",
};

/// The rows of the tables.
pub const ALL: [Operation; 14] = [
    DECODE_OFFER,
    DECODE_USER_PASS,
    DECODE_REQUEST[0],
    DECODE_REQUEST[1],
    DECODE_REQUEST[2],
    ENCODE_REQUEST,
    ENCODE_REPLY,
    SPLIT_DATAGRAM[0],
    SPLIT_DATAGRAM[1],
    MAKE_DATAGRAM,
    SERVE,
    SERVE_USER_PASS,
    SERVE_USER_PASS_SAFELY,
    CONNECT_USER_PASS,
];

const fn datagram<const LEN: usize>(header: &[u8]) -> [u8; LEN] {
    let mut datagram = [0; LEN];
    let (front, after) = datagram.split_at_mut(header.len());
    front.copy_from_slice(header);
    after.copy_from_slice(&PAYLOAD);
    datagram
}

impl Operation {
    /// A buffer for the output: 1024 bytes, with a payload as it was received. Operations that append clear it first.
    pub fn buffer(self) -> Vec<u8> {
        let mut buffer = [vec![0; HEADROOM], PAYLOAD.to_vec()].concat();
        buffer.resize(1024, 0);
        buffer
    }
}
