//! The frames of hev-socks5: UDP in the TCP connection after command 05.

use super::code::Command;
use super::endpoint::{Address, Endpoint};
use super::frame::{DATA_MAX_LEN, Frame, data, len_octets, sendable};
use super::leaf::{Parsed, be_u16, byte, invalid};
use super::message::{Encode, Parse, Pieces};
use crate::error::{Invalid, ValueError};

/// A datagram in a frame of hev-socks5.
///
/// ```text
/// +--------+--------+------+----------+----------+----------+
/// | DATLEN | HDRLEN | ATYP | DST.ADDR | DST.PORT |   DATA   |
/// +--------+--------+------+----------+----------+----------+
/// |   2    |   1    |  1   | Variable |    2     |  DATLEN  |
/// +--------+--------+------+----------+----------+----------+
/// ```
///
/// HDRLEN counts everything before DATA. Any other value is malformed: readers that rely on HDRLEN would find other data than
/// readers that rely on ATYP.
///
/// ```
/// use socks5_sansio::udp_in_tcp::HevDatagram;
/// use socks5_sansio::{Decode, Encode};
///
/// let datagram = HevDatagram { endpoint: "192.0.2.1:53".try_into()?, data: b"query" };
/// let frame = datagram.frame()?.to_vec();
/// assert_eq!(frame, b"\x00\x05\x0A\x01\xC0\x00\x02\x01\x00\x35query");
/// assert_eq!(HevDatagram::decode(&frame)?, (datagram, 15));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct HevDatagram<'a> {
    /// The destination of the data on its way from the client, and its source on its way to the client.
    pub endpoint: Endpoint<'a>,
    /// DATA.
    pub data: &'a [u8],
}

/// DATLEN and HDRLEN.
const LENGTHS: usize = 3;
/// HDRLEN is at most 255, and counts 7 octets besides the name.
const DOMAIN_MAX_LEN: usize = 248;

impl<'a> HevDatagram<'a> {
    /// The length of the longest frame in bytes.
    pub const MAX_LEN: usize = u8::MAX as usize + DATA_MAX_LEN;

    /// 05: the command that requests this dialect. DST is unspecified, and BND of the reply repeats it. Neither has a meaning.
    pub const COMMAND: Command = Command(0x05);

    /// The frame to send.
    ///
    /// # Errors
    ///
    /// [`ValueError::Data`] if the data is empty, which ends the association with the server of hev-socks5, or has over 65,535
    /// bytes.
    /// [`ValueError::HevDomain`] for a name over 248 bytes, for which HDRLEN is too small.
    pub const fn frame(self) -> Result<Frame<Self>, ValueError> {
        match (sendable(self.data, 1), self.endpoint.address) {
            (Err(error), _) => Err(error),
            (_, Address::Domain(name)) if name.as_bytes().len() > DOMAIN_MAX_LEN => {
                Err(ValueError::HevDomain(name.as_bytes().len()))
            }
            _ => Ok(Frame(self)),
        }
    }
}

impl<'a> Parse<'a> for HevDatagram<'a> {
    #[inline(always)]
    fn parse(input: &'a [u8]) -> Parsed<'a, Self> {
        let (input, datlen) = be_u16::<5>(input)?;
        let (input, hdrlen) = byte::<4>(input)?;
        let (input, endpoint) = Endpoint::parse(input)?;
        if usize::from(hdrlen) != LENGTHS + endpoint.encoded_len() {
            return Err(invalid(Invalid::HeaderLength(hdrlen)));
        }
        let (input, data) = data(datlen, input)?;
        Ok((input, Self { endpoint, data }))
    }
}

impl Pieces for Frame<HevDatagram<'_>> {
    #[inline(always)]
    fn pieces(&self, write: &mut impl FnMut(&[u8])) {
        let Self(HevDatagram { endpoint, data }) = self;
        let [high, low] = len_octets(data);
        let header_len = LENGTHS.saturating_add(endpoint.encoded_len());
        debug_assert!(header_len <= 255, "checked when the frame was made");
        let [.., hdrlen] = header_len.to_be_bytes();
        write(&[high, low, hdrlen]);
        endpoint.pieces(write);
        write(data);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::testing::encodes_to;
    use crate::wire::{Decode, Domain};

    #[test]
    fn a_name_has_at_most_248_bytes() {
        let name = [b'n'; 255];
        for len in [1, 127, 128, 248, 249, 255] {
            let endpoint = Endpoint::from((Domain::new(&name[..len]).unwrap(), 53));
            let frame = HevDatagram { endpoint, data: b"q" }.frame();
            match u8::try_from(7 + len) {
                Ok(hdrlen) => {
                    let name_len = hdrlen - 7;
                    encodes_to(&frame.unwrap(), &[&[0, 1, hdrlen, 3, name_len], &name[..len], b"\x00\x35q"].concat());
                }
                Err(_) => assert_eq!(frame, Err(ValueError::HevDomain(len))),
            }
        }
    }

    #[test]
    fn rejects_every_other_header_length() {
        for hdrlen in (0..=255).filter(|hdrlen| *hdrlen != 10) {
            let frame = [0, 1, hdrlen, 1, 192, 0, 2, 1, 0, 53];
            assert_eq!(HevDatagram::decode(&frame), Err(Invalid::HeaderLength(hdrlen).into()));
        }
    }

    #[test]
    fn an_empty_datagram_is_received_and_not_sent() {
        let (datagram, used) = HevDatagram::decode(&[0, 0, 10, 1, 192, 0, 2, 1, 0, 53]).unwrap();
        assert_eq!((datagram.data, used), (b"".as_slice(), 10));
        assert_eq!(datagram.frame(), Err(ValueError::Data(0)));
    }
}
