//! The frames of gost: UDP in the TCP connection after command F3.

use super::code::Command;
use super::endpoint::Endpoint;
use super::frame::{DATA_MAX_LEN, Frame, data, len_octets, sendable};
use super::leaf::{Parsed, be_u16, byte};
use super::message::{Parse, Pieces};
use crate::error::ValueError;

/// A datagram in a frame of gost: the header of RFC 1928 section 7, with the length of the data in place of RSV.
///
/// ```text
/// +-----+------+------+----------+----------+----------+
/// | RSV | FRAG | ATYP | DST.ADDR | DST.PORT |   DATA   |
/// +-----+------+------+----------+----------+----------+
/// |  2  |  1   |  1   | Variable |    2     |   RSV    |
/// +-----+------+------+----------+----------+----------+
/// ```
///
/// ```
/// use socks5_sansio::udp_in_tcp::GostDatagram;
/// use socks5_sansio::{Decode, Encode};
///
/// let datagram = GostDatagram::new("192.0.2.1:53".try_into()?, b"query");
/// let frame = datagram.frame()?.to_vec();
/// assert_eq!(frame, b"\x00\x05\xFF\x01\xC0\x00\x02\x01\x00\x35query");
/// assert_eq!(GostDatagram::decode(&frame)?, (datagram, 15));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct GostDatagram<'a> {
    /// FRAG: FF or 00, depending on the version of gost. It has no meaning, and is always sent as FF.
    pub frag: u8,
    /// The destination of the data on its way from the client, and its source on its way to the client.
    pub endpoint: Endpoint<'a>,
    /// DATA.
    pub data: &'a [u8],
}

const FRAG: u8 = 0xFF;

impl<'a> GostDatagram<'a> {
    /// The length of the longest frame in bytes.
    pub const MAX_LEN: usize = 3 + Endpoint::MAX_LEN + DATA_MAX_LEN;

    /// F3: the command that requests this dialect. DST is the address for the proxy to listen on, unless its port is 0. BND of the
    /// reply is the address of the proxy's UDP socket; the client does not use it.
    pub const COMMAND: Command = Command(0xF3);

    /// A datagram with FRAG FF.
    #[must_use]
    pub const fn new(endpoint: Endpoint<'a>, data: &'a [u8]) -> Self {
        Self { frag: FRAG, endpoint, data }
    }

    /// The frame to send.
    ///
    /// # Errors
    ///
    /// [`ValueError::Data`] if the data is empty, which some receivers read as "up to the end of the stream", or has over 65,535
    /// bytes.
    pub fn frame(self) -> Result<Frame<Self>, ValueError> {
        sendable(self.data, 1).map(|()| Frame(self))
    }
}

impl<'a> Parse<'a> for GostDatagram<'a> {
    #[inline(always)]
    fn parse(input: &'a [u8]) -> Parsed<'a, Self> {
        let (input, rsv) = be_u16::<5>(input)?;
        let (input, frag) = byte::<4>(input)?;
        let (input, endpoint) = Endpoint::parse(input)?;
        let (input, data) = data(rsv, input)?;
        Ok((input, Self { frag, endpoint, data }))
    }
}

impl Pieces for Frame<GostDatagram<'_>> {
    #[inline(always)]
    fn pieces(&self, write: &mut impl FnMut(&[u8])) {
        let Self(GostDatagram { frag: _, endpoint, data }) = self;
        let [high, low] = len_octets(data);
        write(&[high, low, FRAG]);
        endpoint.pieces(write);
        write(data);
    }
}
