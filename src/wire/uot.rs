//! UDP over TCP, versions 1 and 2: its request and its frames.

use super::domain::Domain;
use super::endpoint::{Address, Endpoint, domain, ipv4, ipv6};
use super::frame::{DATA_MAX_LEN, Frame, data, len_octets, sendable};
use super::leaf::{Parsed, Short, be_u16, byte, invalid};
use super::message::{Parse, Pieces};
use crate::error::{Invalid, ValueError};

/// A version of UDP over TCP. It is requested by CONNECT to a reserved name, which is never resolved.
///
/// ```
/// use socks5_sansio::udp_in_tcp::UotVersion;
///
/// let destination = UotVersion::V2.destination();
/// assert_eq!(destination.to_string(), "sp.v2.udp-over-tcp.arpa:0");
/// assert_eq!(UotVersion::of(destination), Some(UotVersion::V2));
/// assert_eq!(UotVersion::of("example.com:0".try_into()?), None);
/// # Ok::<(), socks5_sansio::ParseEndpointError>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum UotVersion {
    /// Frames of [`UotDatagram`] from the start.
    V1,
    /// A [`UotRequest`], then frames of [`UotDatagram`] or [`UotConnectDatagram`].
    V2,
}

const NAME_V1: Domain<'_> = Domain(Short::from_array(b"sp.udp-over-tcp.arpa"));
const NAME_V2: Domain<'_> = Domain(Short::from_array(b"sp.v2.udp-over-tcp.arpa"));

impl UotVersion {
    /// The version that a destination of CONNECT requests: its name is compared byte by byte, and its port is ignored.
    #[must_use]
    pub fn of(destination: Endpoint<'_>) -> Option<Self> {
        match destination.address {
            Address::Domain(name) if name == NAME_V1 => Some(Self::V1),
            Address::Domain(name) if name == NAME_V2 => Some(Self::V2),
            _ => None,
        }
    }

    /// The destination of CONNECT that asks for the version.
    #[must_use]
    pub const fn destination(self) -> Endpoint<'static> {
        let name = match self {
            Self::V1 => NAME_V1,
            Self::V2 => NAME_V2,
        };
        Endpoint { address: Address::Domain(name), port: 0 }
    }
}

/// The request of version 2, before the first frame. Its ATYP values are those of SOCKS5; the frames use others.
///
/// ```text
/// +-----------+------+----------+----------+
/// | ISCONNECT | ATYP | DST.ADDR | DST.PORT |
/// +-----------+------+----------+----------+
/// |     1     |  1   | Variable |    2     |
/// +-----------+------+----------+----------+
/// ```
///
/// ```
/// use socks5_sansio::udp_in_tcp::UotRequest;
/// use socks5_sansio::{Decode, Encode};
///
/// let request = UotRequest { connect: true, destination: "192.0.2.1:53".try_into()? };
/// assert_eq!(request.to_vec(), [1, 1, 192, 0, 2, 1, 0, 53]);
/// assert_eq!(UotRequest::decode(&[7, 1, 192, 0, 2, 1, 0, 53])?, (request, 8));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct UotRequest<'a> {
    /// ISCONNECT: whether all datagrams are to or from `destination`, in [`UotConnectDatagram`]s. Any octet but 00 is true; 01 is
    /// sent.
    pub connect: bool,
    /// DST.ADDR and DST.PORT: the destination of all datagrams if `connect` is true, ignored otherwise.
    pub destination: Endpoint<'a>,
}

impl UotRequest<'_> {
    /// The length of the longest request in bytes.
    pub const MAX_LEN: usize = 1 + Endpoint::MAX_LEN;
}

impl<'a> Parse<'a> for UotRequest<'a> {
    #[inline(always)]
    fn parse(input: &'a [u8]) -> Parsed<'a, Self> {
        let (input, isconnect) = byte::<4>(input)?;
        let (input, destination) = Endpoint::parse(input)?;
        Ok((input, Self { connect: isconnect != 0, destination }))
    }
}

impl Pieces for UotRequest<'_> {
    #[inline(always)]
    fn pieces(&self, write: &mut impl FnMut(&[u8])) {
        write(&[self.connect.into()]);
        self.destination.pieces(write);
    }
}

/// A datagram in a frame of version 1, or of version 2 without ISCONNECT.
///
/// ```text
/// +------+----------+------+-----+----------+
/// | ATYP |   ADDR   | PORT | LEN |   DATA   |
/// +------+----------+------+-----+----------+
/// |  1   | Variable |  2   |  2  |   LEN    |
/// +------+----------+------+-----+----------+
/// ```
///
/// ATYP is 00 for IPv4, 01 for IPv6 and 02 for a domain name.
///
/// ```
/// use socks5_sansio::udp_in_tcp::UotDatagram;
/// use socks5_sansio::{Decode, Encode};
///
/// let datagram = UotDatagram { endpoint: "192.0.2.1:53".try_into()?, data: b"query" };
/// let frame = datagram.frame()?.to_vec();
/// assert_eq!(frame, b"\x00\xC0\x00\x02\x01\x00\x35\x00\x05query");
/// assert_eq!(UotDatagram::decode(&frame)?, (datagram, 14));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct UotDatagram<'a> {
    /// The destination of the data on its way from the client, and its source on its way to the client.
    pub endpoint: Endpoint<'a>,
    /// DATA.
    pub data: &'a [u8],
}

const IPV4: u8 = 0x00;
const IPV6: u8 = 0x01;
const DOMAIN: u8 = 0x02;

impl UotDatagram<'_> {
    /// The length of the longest frame in bytes.
    pub const MAX_LEN: usize = Endpoint::MAX_LEN + 2 + DATA_MAX_LEN;

    /// The frame to send.
    ///
    /// # Errors
    ///
    /// [`ValueError::Data`] if the data has over 65,535 bytes.
    pub fn frame(self) -> Result<Frame<Self>, ValueError> {
        sendable(self.data, 0).map(|()| Frame(self))
    }
}

impl<'a> Parse<'a> for UotDatagram<'a> {
    #[inline(always)]
    fn parse(input: &'a [u8]) -> Parsed<'a, Self> {
        let (input, atyp) = byte::<5>(input)?;
        let (input, endpoint) = match atyp {
            IPV4 => ipv4(input)?,
            IPV6 => ipv6(input)?,
            DOMAIN => domain(input, None)?,
            unknown => return Err(invalid(Invalid::AddressType(unknown))),
        };
        let (input, UotConnectDatagram { data }) = UotConnectDatagram::parse(input)?;
        Ok((input, Self { endpoint, data }))
    }
}

impl Pieces for Frame<UotDatagram<'_>> {
    #[inline(always)]
    fn pieces(&self, write: &mut impl FnMut(&[u8])) {
        let Self(UotDatagram { endpoint, data }) = *self;
        match endpoint.address {
            Address::Ipv4(ip) => {
                write(&[IPV4]);
                write(&ip.octets());
            }
            Address::Domain(Domain(name)) => {
                write(&[DOMAIN, name.len_octet()]);
                write(name.as_bytes());
            }
            Address::Ipv6(ip) => {
                write(&[IPV6]);
                write(&ip.octets());
            }
        }
        write(&endpoint.port.to_be_bytes());
        Frame(UotConnectDatagram { data }).pieces(write);
    }
}

/// A datagram in a frame of version 2 with ISCONNECT: to or from the one destination.
///
/// ```text
/// +-----+----------+
/// | LEN |   DATA   |
/// +-----+----------+
/// |  2  |   LEN    |
/// +-----+----------+
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct UotConnectDatagram<'a> {
    /// DATA.
    pub data: &'a [u8],
}

impl UotConnectDatagram<'_> {
    /// The length of the longest frame in bytes.
    pub const MAX_LEN: usize = 2 + DATA_MAX_LEN;

    /// The frame to send.
    ///
    /// # Errors
    ///
    /// [`ValueError::Data`] if the data has over 65,535 bytes.
    pub fn frame(self) -> Result<Frame<Self>, ValueError> {
        sendable(self.data, 0).map(|()| Frame(self))
    }
}

impl<'a> Parse<'a> for UotConnectDatagram<'a> {
    #[inline(always)]
    fn parse(input: &'a [u8]) -> Parsed<'a, Self> {
        let (input, len) = be_u16::<0>(input)?;
        let (input, data) = data(len, input)?;
        Ok((input, Self { data }))
    }
}

impl Pieces for Frame<UotConnectDatagram<'_>> {
    #[inline(always)]
    fn pieces(&self, write: &mut impl FnMut(&[u8])) {
        let Self(UotConnectDatagram { data }) = self;
        write(&len_octets(data));
        write(data);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::Decode;
    use crate::wire::testing::{encodes_to, round_trip};

    #[test]
    fn requests_round_trip() {
        for connect in [0, 1] {
            round_trip::<UotRequest<'_>>(&[connect, 1, 192, 0, 2, 1, 0, 53]);
            round_trip::<UotRequest<'_>>(&[connect, 3, 1, b'x', 0, 53]);
            round_trip::<UotRequest<'_>>(&[&[connect, 4], [0xAB; 18].as_slice()].concat());
        }
    }

    #[test]
    fn any_isconnect_but_00_is_true() {
        for isconnect in 0..=255 {
            let bytes = [isconnect, 1, 192, 0, 2, 1, 0, 53];
            let (request, _) = UotRequest::decode(&bytes).unwrap();
            assert_eq!(request.connect, isconnect != 0);
            encodes_to(&request, &[u8::from(isconnect != 0), 1, 192, 0, 2, 1, 0, 53]);
        }
    }

    #[test]
    fn address_types_differ_from_those_of_socks5() {
        let ipv6 = [&[1], [0xAB; 16].as_slice(), &[0, 53, 0, 1, b'q']].concat();
        for bytes in [b"\x00\xC0\x00\x02\x01\x00\x35\x00\x01q".as_slice(), b"\x02\x01x\x00\x35\x00\x00", &ipv6] {
            let (datagram, used) = UotDatagram::decode(bytes).unwrap();
            assert_eq!(used, bytes.len());
            encodes_to(&datagram.frame().unwrap(), bytes);
        }
        for atyp in 3..=255 {
            assert_eq!(UotDatagram::decode(&[atyp]), Err(Invalid::AddressType(atyp).into()));
        }
    }

    #[test]
    fn recognizes_a_version_by_its_exact_name_and_any_port() {
        for (destination, version) in [
            ("sp.udp-over-tcp.arpa:0", Some(UotVersion::V1)),
            ("sp.v2.udp-over-tcp.arpa:443", Some(UotVersion::V2)),
            ("sp.v2.udp-over-tcp.arpa.:0", None),
            ("SP.v2.udp-over-tcp.arpa:0", None),
            ("192.0.2.1:0", None),
        ] {
            assert_eq!(UotVersion::of(destination.try_into().unwrap()), version, "{destination}");
        }
        for version in [UotVersion::V1, UotVersion::V2] {
            assert_eq!(UotVersion::of(version.destination()), Some(version));
        }
    }
}
