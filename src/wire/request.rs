//! RFC 1928 section 4: the request.

use super::code::Command;
use super::endpoint::Endpoint;
use super::leaf::{Parsed, SOCKS5, byte, version};
use super::message::{Parse, Pieces};

/// A client's request (RFC 1928 section 4).
///
/// ```text
/// +----+-----+-------+------+----------+----------+
/// |VER | CMD |  RSV  | ATYP | DST.ADDR | DST.PORT |
/// +----+-----+-------+------+----------+----------+
/// | 05 |  1  |  00   |  1   | Variable |    2     |
/// +----+-----+-------+------+----------+----------+
/// ```
///
/// RSV is sent as 00 and ignored on receipt: older clients set flags there. A domain name of length 0 is malformed.
///
/// ```
/// use socks5_sansio::{Command, Decode, Request};
///
/// let (request, used) = Request::decode(b"\x05\x01\x00\x03\x0Bexample.com\x00\x50GET /")?;
/// assert_eq!(request.command, Command::CONNECT);
/// assert_eq!(request.destination.to_string(), "example.com:80");
/// assert_eq!(used, 18);
/// # Ok::<(), socks5_sansio::DecodeError>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Request<'a> {
    /// CMD: any octet.
    pub command: Command,
    /// DST.ADDR and DST.PORT.
    pub destination: Endpoint<'a>,
}

impl<'a> Request<'a> {
    /// The length of the longest request in bytes.
    pub const MAX_LEN: usize = 262;

    /// CONNECT: a connection to the destination.
    #[must_use]
    pub const fn connect(destination: Endpoint<'a>) -> Self {
        Self { command: Command::CONNECT, destination }
    }

    /// BIND: a connection from the destination.
    #[must_use]
    pub const fn bind(destination: Endpoint<'a>) -> Self {
        Self { command: Command::BIND, destination }
    }

    /// UDP ASSOCIATE: a relay for the datagrams that the client sends from `source`. Pass [`Endpoint::unspecified`] if the source
    /// is not known yet.
    #[must_use]
    pub const fn udp_associate(source: Endpoint<'a>) -> Self {
        Self { command: Command::UDP_ASSOCIATE, destination: source }
    }
}

impl<'a> Parse<'a> for Request<'a> {
    #[inline(always)]
    fn parse(input: &'a [u8]) -> Parsed<'a, Self> {
        let (input, ()) = version::<6>(SOCKS5, input)?;
        let (input, cmd) = byte::<5>(input)?;
        let (input, _rsv) = byte::<4>(input)?;
        let (input, destination) = Endpoint::parse(input)?;
        Ok((input, Self { command: Command(cmd), destination }))
    }
}

impl Pieces for Request<'_> {
    #[inline(always)]
    fn pieces(&self, write: &mut impl FnMut(&[u8])) {
        write(&[SOCKS5.0, self.command.0, 0]);
        self.destination.pieces(write);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::Decode;
    use crate::wire::testing::{encodes_to, round_trip};

    #[test]
    fn round_trips() {
        for cmd in [1, 2, 3, 0xF0, 0xF1, 0x77] {
            round_trip::<Request<'_>>(&[5, cmd, 0, 1, 192, 0, 2, 1, 0, 80]);
            round_trip::<Request<'_>>(&[&[5, cmd, 0, 4], [0xAB; 18].as_slice()].concat());
            round_trip::<Request<'_>>(&[5, cmd, 0, 3, 1, b'x', 0, 80]);
            round_trip::<Request<'_>>(&[&[5, cmd, 0, 3, 255], [b'x'; 255].as_slice(), &[0, 80]].concat());
        }
    }

    #[test]
    fn s4_ignores_reserved_on_receipt_and_sends_zero() {
        let (request, _) = Request::decode(&[5, 3, 4, 1, 0, 0, 0, 0, 0, 80]).unwrap();
        assert_eq!(request, Request::udp_associate(Endpoint { port: 80, ..Endpoint::UNSPECIFIED }));
        encodes_to(&request, &[5, 3, 0, 1, 0, 0, 0, 0, 0, 80]);
    }
}
