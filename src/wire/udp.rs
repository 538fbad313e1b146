//! RFC 1928 section 7: the header in front of every relayed datagram.

use super::endpoint::{Endpoint, endpoint};
use super::leaf::{Parsed, octets};
use super::{Layout, Message, decode_by};
use crate::error::{BufferTooSmall, DecodeError, Invalid};

/// What stands in front of the data in a datagram between client and relay (RFC 1928 section 7).
///
/// ```text
/// +----+------+------+----------+----------+----------+
/// |RSV | FRAG | ATYP | DST.ADDR | DST.PORT |   DATA   |
/// +----+------+------+----------+----------+----------+
/// | 0  |  1   |  1   | Variable |    2     | Variable |
/// +----+------+------+----------+----------+----------+
/// ```
///
/// RSV are two octets, sent as 0000 and ignored on receipt. DATA goes to the end of the datagram. The header has
/// 10 octets with an IPv4 address, 22 with an IPv6 address, and 8 to 262 with a name.
///
/// A datagram is no stream: what is short stays short, so `decode` gives [`Invalid::Truncated`] where the other
/// messages are incomplete. [`split`](Self::split) and [`prepend`](Self::prepend) move no octet of the data.
///
/// ```
/// use socks5_sansio::{Endpoint, UdpHeader};
///
/// let datagram = b"\0\0\0\x01\xC0\0\x02\x01\0\x35query";
/// let (header, data) = UdpHeader::split(datagram)?;
/// assert_eq!(header, UdpHeader::new(Endpoint::try_from("192.0.2.1:53").unwrap()));
/// assert_eq!(data, b"query");
/// # Ok::<(), socks5_sansio::Invalid>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct UdpHeader<'a> {
    /// FRAG: whether the data is whole.
    pub fragment: Fragment,
    /// Where the data goes to on its way from the client, where it came from on its way to the client.
    pub endpoint: Endpoint<'a>,
}

impl<'a> UdpHeader<'a> {
    /// The room to leave in front of data that comes from an IP address: 22 octets, the length of an IPv6 header.
    pub const IP_HEADROOM: usize = 22;

    /// The header of a datagram that is not fragmented.
    ///
    /// ```
    /// use socks5_sansio::{Endpoint, Message, UdpHeader};
    ///
    /// let header = UdpHeader::new(Endpoint::try_from("[2001:db8::1]:53")?);
    /// assert!(header.fragment.is_standalone());
    /// assert_eq!(header.encoded_len(), UdpHeader::IP_HEADROOM);
    /// # Ok::<(), socks5_sansio::ParseEndpointError>(())
    /// ```
    #[must_use]
    pub const fn new(endpoint: Endpoint<'a>) -> Self {
        Self { fragment: Fragment::STANDALONE, endpoint }
    }

    /// Splits a datagram into its header and its data, both in place.
    ///
    /// # Errors
    ///
    /// [`Invalid`], and among it [`Invalid::Truncated`] for a datagram that ends inside its header: drop it.
    ///
    /// ```
    /// use socks5_sansio::{Invalid, UdpHeader};
    ///
    /// assert_eq!(UdpHeader::split(b"\0\0\0\x01\xC0\0\x02"), Err(Invalid::Truncated));
    /// ```
    #[inline]
    pub fn split(datagram: &'a [u8]) -> Result<(Self, &'a [u8]), Invalid> {
        match decode_by(Self::parse, Self::MIN_LEN, datagram) {
            Ok(split) => Ok(split),
            Err(DecodeError::Invalid(invalid)) => Err(invalid),
            Err(DecodeError::Incomplete(_)) => Err(Invalid::Truncated),
        }
    }

    /// Writes the header to the end of `headroom`, so that it stands right in front of what follows in the buffer.
    /// Returns the offset at which the datagram begins.
    ///
    /// # Errors
    ///
    /// [`BufferTooSmall`] where the headroom is shorter than the header; then nothing is written.
    /// [`IP_HEADROOM`](Self::IP_HEADROOM) suffices for IP addresses, [`MAX_LEN`](Message::MAX_LEN) for names too.
    ///
    /// ```
    /// use socks5_sansio::{Endpoint, UdpHeader};
    ///
    /// const HEADROOM: usize = UdpHeader::IP_HEADROOM;
    /// let mut buffer = [0; HEADROOM + 1500];
    /// buffer[HEADROOM..][..6].copy_from_slice(b"answer"); // as `recv_from` does
    ///
    /// let header = UdpHeader::new(Endpoint::try_from("192.0.2.1:53")?);
    /// let start = header.prepend(&mut buffer[..HEADROOM])?;
    /// assert_eq!(buffer[start..HEADROOM + 6], *b"\0\0\0\x01\xC0\0\x02\x01\0\x35answer");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[inline]
    pub fn prepend(&self, headroom: &mut [u8]) -> Result<usize, BufferTooSmall> {
        let needed = self.encoded_len();
        let start = headroom.len().checked_sub(needed).ok_or(BufferTooSmall { needed })?;
        let (_, header) = headroom.split_at_mut(start);
        self.encode(header).map(|_| start)
    }
}

impl<'a> Layout<'a> for UdpHeader<'a> {
    #[inline]
    fn parse(input: &'a [u8]) -> Parsed<'a, Self> {
        let (input, [_, _, frag, atyp]) = octets(input)?;
        endpoint(atyp, input, |endpoint| Self { fragment: Fragment(frag), endpoint })
    }

    #[inline]
    fn in_pieces<R>(&self, lend: impl FnOnce(&[&[u8]]) -> R) -> R {
        self.endpoint.in_pieces_behind([0, 0, self.fragment.0], lend)
    }
}

impl<'a> Message<'a> for UdpHeader<'a> {
    const MIN_LEN: usize = 8;
    const MAX_LEN: usize = 262;

    #[inline]
    fn decode(input: &'a [u8]) -> Result<(Self, usize), DecodeError> {
        let (header, data) = Self::split(input)?;
        Ok((header, input.len() - data.len()))
    }
}

/// FRAG: whether a datagram is whole, and if not, which part of it this is (RFC 1928 section 7).
///
/// 00 stands alone. 1 to 127 is the position in a sequence, and the high bit ends the sequence.
///
/// ```
/// use socks5_sansio::Fragment;
///
/// let last = Fragment(0x83);
/// assert_eq!((last.position(), last.is_last()), (3, true));
/// assert!(Fragment(0).is_standalone());
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Fragment(pub u8);

impl Fragment {
    /// 00: the datagram is whole.
    pub const STANDALONE: Self = Self(0);

    /// The last of a sequence, at this position: 1 to 127.
    pub(crate) const fn last(position: u8) -> Self {
        Self(position | 0x80)
    }

    /// Whether the datagram is whole.
    ///
    /// ```
    /// use socks5_sansio::UdpHeader;
    ///
    /// let (header, _) = UdpHeader::split(b"\0\0\x81\x01\xC0\0\x02\x01\0\x35query")?;
    /// assert!(!header.fragment.is_standalone()); // a sequence of one: without reassembly it is to be dropped
    /// # Ok::<(), socks5_sansio::Invalid>(())
    /// ```
    #[must_use]
    pub const fn is_standalone(self) -> bool {
        self.0 == Self::STANDALONE.0
    }

    /// The position in the sequence, 1 to 127; 0 in a datagram that stands alone, and in the senseless `80`.
    ///
    /// ```
    /// use socks5_sansio::Fragment;
    ///
    /// let positions = [0x00, 0x01, 0x7F, 0x80, 0x81, 0xFF].map(|frag| Fragment(frag).position());
    /// assert_eq!(positions, [0, 1, 127, 0, 1, 127]);
    /// ```
    #[must_use]
    pub const fn position(self) -> u8 {
        self.0 & 0x7F
    }

    /// Whether the high bit is set: no fragment of the sequence comes after this one.
    ///
    /// ```
    /// use socks5_sansio::Fragment;
    ///
    /// let sequence = [0x01, 0x02, 0x83].map(Fragment);
    /// assert_eq!(sequence.map(Fragment::is_last), [false, false, true]);
    /// assert!(!Fragment::STANDALONE.is_last()); // it is in no sequence
    /// ```
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
    fn header_whole_cut_and_followed() {
        let ipv6 = [&[0, 0, 0x7F, 4], [0xAB; 18].as_slice()].concat();
        let name = [&[0, 0, 0x83, 3, 255], [b'x'; 255].as_slice(), &[0, 53]].concat();
        for octets in [IPV4, &ipv6, &name] {
            let (header, data) = UdpHeader::split(octets).unwrap();
            assert!(data.is_empty());
            encodes_to(&header, octets);
            assert_eq!(UdpHeader::decode(octets), Ok((header, octets.len())));
            for cut in 0..octets.len() {
                assert_eq!(UdpHeader::split(&octets[..cut]), Err(Invalid::Truncated));
                assert_eq!(UdpHeader::decode(&octets[..cut]), Err(Invalid::Truncated.into()));
            }
            let followed = [octets, b"data"].concat();
            assert_eq!(UdpHeader::split(&followed), Ok((header, b"data".as_slice())));
        }
    }

    #[test]
    fn prepend_is_all_or_nothing_in_every_headroom() {
        let (header, _) = UdpHeader::split(IPV4).unwrap();
        for room in 0..=IPV4.len() + 2 {
            let mut buffer = [0xA5; 16];
            let (headroom, _) = buffer.split_at_mut(room);
            match header.prepend(headroom) {
                Ok(start) => {
                    assert_eq!((start + IPV4.len(), &headroom[start..]), (room, IPV4));
                    assert!(headroom[..start].iter().all(|&octet| octet == 0xA5));
                }
                Err(BufferTooSmall { needed }) => {
                    assert!(room < IPV4.len() && needed == IPV4.len());
                    assert_eq!(buffer, [0xA5; 16]);
                }
            }
        }
    }

    #[test]
    fn s7_reserved_is_ignored_on_receipt_and_sent_as_zero() {
        let (header, data) = UdpHeader::split(&[1, 2, 0, 1, 192, 0, 2, 1, 0, 53, 0xDD]).unwrap();
        assert_eq!(data, [0xDD]);
        encodes_to(&header, IPV4);
    }

    #[test]
    fn invalid_addresses_are_told_apart_from_short_datagrams() {
        assert_eq!(UdpHeader::split(&[0, 0, 0, 2]), Err(Invalid::AddressType(2)));
        assert_eq!(UdpHeader::split(&[0, 0, 0, 3, 0]), Err(Invalid::EmptyDomain));
    }
}
