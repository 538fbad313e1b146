//! RFC 1928 section 7: the header of relayed datagrams.

use super::endpoint::Endpoint;
use super::leaf::{Parsed, byte, bytes};
use super::message::{Encode, Parse, Pieces, finish};
use crate::error::{BufferTooSmall, DecodeError, Invalid};

/// The header before the data of a datagram between client and relay (RFC 1928 section 7).
///
/// ```text
/// +----+------+------+----------+----------+----------+
/// |RSV | FRAG | ATYP | DST.ADDR | DST.PORT |   DATA   |
/// +----+------+------+----------+----------+----------+
/// | 2  |  1   |  1   | Variable |    2     | Variable |
/// +----+------+------+----------+----------+----------+
/// ```
///
/// RSV is sent as 0000 and ignored on receipt. DATA extends to the end of the datagram. The header has
/// 10 bytes with an IPv4 address, 22 with an IPv6 address, and 8 to 262 with a domain name.
///
/// It does not implement [`Decode`](super::Decode): a truncated datagram is never completed. [`split`](Self::split) and
/// [`prepend`](Self::prepend) do not move the data.
///
/// ```
/// use socks5_sansio::UdpHeader;
///
/// let datagram = b"\0\0\0\x01\xC0\0\x02\x01\0\x35query";
/// let (header, data) = UdpHeader::split(datagram)?;
/// assert_eq!(header, UdpHeader::new("192.0.2.1:53".try_into()?));
/// assert_eq!(data, b"query");
///
/// const HEADROOM: usize = UdpHeader::IP_HEADROOM;
/// let mut buffer = [0; HEADROOM + 1500];
/// buffer[HEADROOM..][..6].copy_from_slice(b"answer"); // as `recv_from` does
/// let start = header.prepend(&mut buffer[..HEADROOM])?;
/// assert_eq!(buffer[start..HEADROOM + 6], *b"\0\0\0\x01\xC0\0\x02\x01\0\x35answer");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct UdpHeader<'a> {
    /// FRAG: whether the data is whole, or the position of a fragment.
    pub fragment: Fragment,
    /// The destination of the data on its way from the client, and its source on its way to the client.
    pub endpoint: Endpoint<'a>,
}

impl<'a> UdpHeader<'a> {
    /// The length of the longest header in bytes.
    pub const MAX_LEN: usize = 262;

    /// The room to leave before data from an IP address: 22 bytes, the length of a header with an IPv6 address.
    pub const IP_HEADROOM: usize = 22;

    /// The header of a datagram that is not fragmented.
    #[must_use]
    pub const fn new(endpoint: Endpoint<'a>) -> Self {
        Self { fragment: Fragment::STANDALONE, endpoint }
    }

    /// Splits a datagram into its header and its data, in place.
    ///
    /// # Errors
    ///
    /// [`Invalid`]: drop the datagram. [`Invalid::Truncated`] if it ends inside the header.
    #[inline]
    pub fn split(datagram: &'a [u8]) -> Result<(Self, &'a [u8]), Invalid> {
        match finish(Self::parse(datagram)) {
            Ok(split) => Ok(split),
            Err(DecodeError::Invalid(invalid)) => Err(invalid),
            Err(DecodeError::Incomplete(_)) => Err(Invalid::Truncated),
        }
    }

    /// Writes the header to the end of `headroom`, directly before the data that follows in the buffer. Returns the offset
    /// at which the datagram begins.
    ///
    /// # Errors
    ///
    /// [`BufferTooSmall`] if the headroom is shorter than the header; then nothing is written.
    /// [`IP_HEADROOM`](Self::IP_HEADROOM) suffices for IP addresses, [`MAX_LEN`](Self::MAX_LEN) for domain names too.
    #[inline]
    pub fn prepend(&self, headroom: &mut [u8]) -> Result<usize, BufferTooSmall> {
        let needed = self.encoded_len();
        let start = headroom.len().checked_sub(needed).ok_or(BufferTooSmall { needed })?;
        let header = headroom.get_mut(start..).unwrap_or_default();
        self.encode(header).map(|_| start)
    }

    /// The maximum length of the data in a datagram of `datagram_len` bytes. `None` if the header alone is longer.
    ///
    /// ```
    /// use socks5_sansio::UdpHeader;
    ///
    /// const UDP_OVER_IPV4: usize = 1500 - 20 - 8; // at an MTU of 1500
    /// let header = UdpHeader::new("192.0.2.1:443".try_into()?);
    /// assert_eq!(header.max_data(UDP_OVER_IPV4), Some(1462));
    /// assert_eq!(header.max_data(9), None);
    /// # Ok::<(), socks5_sansio::ParseEndpointError>(())
    /// ```
    #[inline]
    #[must_use]
    pub fn max_data(&self, datagram_len: usize) -> Option<usize> {
        datagram_len.checked_sub(self.encoded_len())
    }

    #[inline(always)]
    fn parse(input: &'a [u8]) -> Parsed<'a, Self> {
        let (input, [_, _]) = bytes::<2, 5>(input)?;
        let (input, frag) = byte::<4>(input)?;
        let (input, endpoint) = Endpoint::parse(input)?;
        Ok((input, Self { fragment: Fragment(frag), endpoint }))
    }
}

impl Pieces for UdpHeader<'_> {
    #[inline(always)]
    fn pieces(&self, write: &mut impl FnMut(&[u8])) {
        write(&[0, 0, self.fragment.0]);
        self.endpoint.pieces(write);
    }
}

/// FRAG: the place of a datagram in a sequence of fragments (RFC 1928 section 7).
///
/// 00 is a standalone datagram. 1 to 127 is a position in a sequence; the high bit marks the last fragment of the sequence.
///
/// ```
/// use socks5_sansio::Fragment;
///
/// let last = Fragment(0x83);
/// assert_eq!((last.position(), last.is_last()), (3, true));
/// assert!(Fragment(0).is_standalone());
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Fragment(pub u8);

impl Fragment {
    /// 00: the datagram is not fragmented.
    pub const STANDALONE: Self = Self(0);

    /// The last of a sequence, at this position: 1 to 127.
    pub(crate) const fn last(position: u8) -> Self {
        Self(position | 0x80)
    }

    /// Whether the datagram is not fragmented. A relay that does not reassemble must drop all others.
    #[must_use]
    pub const fn is_standalone(self) -> bool {
        self.0 == Self::STANDALONE.0
    }

    /// The position in the sequence, 1 to 127. 0 in a datagram that stands alone, and in `80`, which is malformed.
    #[must_use]
    pub const fn position(self) -> u8 {
        self.0 & 0x7F
    }

    /// Whether the high bit is set: this is the last fragment of its sequence.
    #[must_use]
    pub const fn is_last(self) -> bool {
        self.0 & 0x80 != 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::testing::encodes_to;

    const IPV4: &[u8] = &[0, 0, 0, 1, 192, 0, 2, 1, 0, 53];

    #[test]
    fn splits_complete_truncated_and_followed_headers() {
        let ipv6 = [&[0, 0, 0x7F, 4], [0xAB; 18].as_slice()].concat();
        let name = [&[0, 0, 0x83, 3, 255], [b'x'; 255].as_slice(), &[0, 53]].concat();
        for bytes in [IPV4, &ipv6, &name] {
            let (header, data) = UdpHeader::split(bytes).unwrap();
            assert!(data.is_empty());
            encodes_to(&header, bytes);
            for cut in 0..bytes.len() {
                assert_eq!(UdpHeader::split(&bytes[..cut]), Err(Invalid::Truncated));
            }
            let followed = [bytes, b"data"].concat();
            assert_eq!(UdpHeader::split(&followed), Ok((header, b"data".as_slice())));
        }
    }

    #[test]
    fn prepends_all_or_nothing() {
        let (header, _) = UdpHeader::split(IPV4).unwrap();
        for room in 0..=IPV4.len() + 2 {
            let mut buffer = [0xA5; 16];
            let (headroom, _) = buffer.split_at_mut(room);
            match header.prepend(headroom) {
                Ok(start) => {
                    assert_eq!((start + IPV4.len(), &headroom[start..]), (room, IPV4));
                    assert!(headroom[..start].iter().all(|&byte| byte == 0xA5));
                }
                Err(BufferTooSmall { needed }) => {
                    assert!(room < IPV4.len() && needed == IPV4.len());
                    assert_eq!(buffer, [0xA5; 16]);
                }
            }
        }
    }

    #[test]
    fn s7_ignores_reserved_on_receipt_and_sends_zero() {
        let (header, data) = UdpHeader::split(&[1, 2, 0, 1, 192, 0, 2, 1, 0, 53, 0xDD]).unwrap();
        assert_eq!(data, [0xDD]);
        encodes_to(&header, IPV4);
    }

    #[test]
    fn distinguishes_malformed_from_truncated() {
        assert_eq!(UdpHeader::split(&[0, 0, 0, 2]), Err(Invalid::AddressType(2)));
        assert_eq!(UdpHeader::split(&[0, 0, 0, 3, 0]), Err(Invalid::EmptyDomain));
    }
}
