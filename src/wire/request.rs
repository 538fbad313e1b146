//! RFC 1928 section 4: what the client asks for.

use super::code::Command;
use super::endpoint::{Endpoint, endpoint};
use super::leaf::{Parsed, SOCKS5, head};
use super::{Layout, Message};

/// What the client asks for, once authenticated (RFC 1928 section 4).
///
/// ```text
/// +----+-----+-------+------+----------+----------+
/// |VER | CMD |  RSV  | ATYP | DST.ADDR | DST.PORT |
/// +----+-----+-------+------+----------+----------+
/// | 05 |  1  |  00   |  1   | Variable |    2     |
/// +----+-----+-------+------+----------+----------+
/// ```
///
/// RSV is sent as 00 and ignored on receipt: older clients set flags there.
///
/// ```
/// use socks5_sansio::{Command, Message, Request};
///
/// let (request, used) = Request::decode(b"\x05\x01\x00\x03\x0Bexample.com\x00\x50GET /")?;
/// assert_eq!(request.command, Command::CONNECT);
/// assert_eq!(request.destination.to_string(), "example.com:80");
/// assert_eq!(used, 18);
/// # Ok::<(), socks5_sansio::DecodeError>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Request<'a> {
    /// CMD: any octet. A server answers those that it does not know with
    /// [`ReplyCode::COMMAND_NOT_SUPPORTED`](super::ReplyCode::COMMAND_NOT_SUPPORTED).
    pub command: Command,
    /// DST.ADDR and DST.PORT.
    pub destination: Endpoint<'a>,
}

impl<'a> Request<'a> {
    /// A connection to the destination.
    ///
    /// ```
    /// use socks5_sansio::{Endpoint, Message, Request};
    ///
    /// let mut out = [0; 18];
    /// Request::connect(Endpoint::try_from("example.com:443")?).encode(&mut out)?;
    /// assert_eq!(out, *b"\x05\x01\x00\x03\x0Bexample.com\x01\xBB"); // the server resolves the name
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub const fn connect(destination: Endpoint<'a>) -> Self {
        Self { command: Command::CONNECT, destination }
    }

    /// A connection from the destination, which has been connected to before.
    ///
    /// ```
    /// use socks5_sansio::{Endpoint, Message, Request};
    ///
    /// let mut out = [0; 10];
    /// Request::bind(Endpoint::try_from("192.0.2.1:20")?).encode(&mut out)?; // an FTP server's port for data
    /// assert_eq!(out, [5, 2, 0, 1, 192, 0, 2, 1, 0, 20]);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub const fn bind(destination: Endpoint<'a>) -> Self {
        Self { command: Command::BIND, destination }
    }

    /// A relay for datagrams that will come from `source`, or [`Endpoint::UNSPECIFIED`] where that is not known yet.
    ///
    /// ```
    /// use socks5_sansio::{Endpoint, Message, Request};
    ///
    /// let mut out = [0; 10];
    /// Request::udp_associate(Endpoint::UNSPECIFIED).encode(&mut out)?;
    /// assert_eq!(out, [5, 3, 0, 1, 0, 0, 0, 0, 0, 0]);
    /// # Ok::<(), socks5_sansio::BufferTooSmall>(())
    /// ```
    #[must_use]
    pub const fn udp_associate(source: Endpoint<'a>) -> Self {
        Self { command: Command::UDP_ASSOCIATE, destination: source }
    }
}

impl<'a> Layout<'a> for Request<'a> {
    #[inline]
    fn parse(input: &'a [u8]) -> Parsed<'a, Self> {
        let (input, [_ver, cmd, _rsv, atyp]) = head(SOCKS5, input)?;
        endpoint(atyp, input, |destination| Self { command: Command(cmd), destination })
    }

    #[inline]
    fn in_pieces<R>(&self, lend: impl FnOnce(&[&[u8]]) -> R) -> R {
        self.destination.in_pieces_behind([SOCKS5.0, self.command.0, 0], lend)
    }
}

impl<'a> Message<'a> for Request<'a> {
    const MIN_LEN: usize = 8;
    const MAX_LEN: usize = 262;
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::testing::three_ways;

    #[test]
    fn requests_three_ways() {
        for cmd in [1, 2, 3, 0xF0, 0xF1, 0x77] {
            three_ways::<Request<'_>>(&[5, cmd, 0, 1, 192, 0, 2, 1, 0, 80]);
            three_ways::<Request<'_>>(&[&[5, cmd, 0, 4], [0xAB; 18].as_slice()].concat());
            three_ways::<Request<'_>>(&[5, cmd, 0, 3, 1, b'x', 0, 80]);
            three_ways::<Request<'_>>(&[&[5, cmd, 0, 3, 255], [b'x'; 255].as_slice(), &[0, 80]].concat());
        }
    }

    #[test]
    fn s4_reserved_is_ignored_on_receipt_and_sent_as_zero() {
        let (request, _) = Request::decode(&[5, 3, 4, 1, 0, 0, 0, 0, 0, 80]).unwrap();
        assert_eq!(request, Request::udp_associate(Endpoint { port: 80, ..Endpoint::UNSPECIFIED }));
        let mut out = [0xFF; 10];
        request.encode(&mut out).unwrap();
        assert_eq!(out, [5, 3, 0, 1, 0, 0, 0, 0, 0, 80]);
    }
}
