//! Any bytes, decoded as every frame of UDP in TCP; and frames of any datagram. The oracle is the length of a frame by the figures.

use socks5_sansio::udp_in_tcp::{GostDatagram, HevDatagram, UotConnectDatagram, UotDatagram, UotRequest};
use socks5_sansio::{Decode, DecodeError, Encode, Endpoint, Invalid, ValueError};

use super::applications::endpoint_bytes;
use super::choices::Choices;
use super::decoders::encoded;

/// The ends of those parts of a frame whose lengths are known so far. Data, if there is any, is the last part.
type Ends = Result<Vec<usize>, Invalid>;

/// What is decoded: the data, and the number of bytes used.
type Decoded = Result<(Vec<u8>, usize), DecodeError>;

/// A kind of frame.
struct Kind {
    ends: fn(&[u8]) -> Ends,
    decode: fn(&[u8]) -> Decoded,
}

#[rustfmt::skip]
const KINDS: [Kind; 5] = [
    Kind { ends: hev, decode: |bytes| HevDatagram::decode(bytes).map(|(it, used)| (it.data.to_vec(), used)) },
    Kind { ends: gost, decode: |bytes| GostDatagram::decode(bytes).map(|(it, used)| (it.data.to_vec(), used)) },
    Kind { ends: uot, decode: |bytes| UotDatagram::decode(bytes).map(|(it, used)| (it.data.to_vec(), used)) },
    Kind { ends: uot_connect, decode: |bytes| UotConnectDatagram::decode(bytes).map(|(it, used)| (it.data.to_vec(), used)) },
    Kind { ends: uot_request, decode: |bytes| UotRequest::decode(bytes).map(|(_, used)| (vec![], used)) },
];

/// The length of ATYP, address and port.
fn address(bytes: &[u8], [ipv4, name, ipv6]: [u8; 3]) -> Result<Option<usize>, Invalid> {
    match bytes {
        [atyp, ..] if *atyp == ipv4 => Ok(Some(7)),
        [atyp, ..] if *atyp == ipv6 => Ok(Some(19)),
        [atyp, 0, ..] if *atyp == name => Err(Invalid::EmptyDomain),
        [atyp, len, ..] if *atyp == name => Ok(Some(4 + usize::from(*len))),
        [atyp, ..] if *atyp != name => Err(Invalid::AddressType(*atyp)),
        _ => Ok(None),
    }
}

const SOCKS5: [u8; 3] = [1, 3, 4];

fn after(bytes: &[u8], at: usize) -> &[u8] {
    bytes.get(at..).unwrap_or_default()
}

fn length(bytes: &[u8], at: usize) -> Option<usize> {
    after(bytes, at).first_chunk().map(|len| u16::from_be_bytes(*len).into())
}

fn gost(bytes: &[u8]) -> Ends {
    let (data, address) = (length(bytes, 0), address(after(bytes, 3), SOCKS5)?);
    Ok(data.zip(address).map_or(vec![], |(data, address)| vec![3 + address, 3 + address + data]))
}

fn hev(bytes: &[u8]) -> Ends {
    match &*gost(bytes)? {
        // a wrong HDRLEN is known once the address has arrived
        [header, _] if *header <= bytes.len() && usize::from(bytes[2]) != *header => {
            Err(Invalid::HeaderLength(bytes[2]))
        }
        ends => Ok(ends.to_vec()),
    }
}

fn uot(bytes: &[u8]) -> Ends {
    let Some(address) = address(bytes, [0, 2, 1])? else { return Ok(vec![]) };
    let data = length(bytes, address).map(|data| address + 2 + data);
    Ok([address, address + 2].into_iter().chain(data).collect())
}

fn uot_connect(bytes: &[u8]) -> Ends {
    Ok([2].into_iter().chain(length(bytes, 0).map(|data| 2 + data)).collect())
}

fn uot_request(bytes: &[u8]) -> Ends {
    let end = address(after(bytes, 1), SOCKS5)?.map(|address| 1 + address);
    Ok(end.map_or(vec![], |end| vec![end, end]))
}

/// Every prefix is a frame, malformed, or part of a frame; and a datagram made of the bytes is sent and received.
pub fn frames(bytes: &[u8]) {
    for kind in &KINDS {
        (0..=bytes.len()).for_each(|len| decodes(kind, &bytes[..len]));
    }
    let mut choices = Choices::new(bytes);
    let (destination, data) = (choices.endpoint(), choices.string(66_000));
    sends(destination.as_endpoint(), &data, choices.byte());
}

fn decodes(kind: &Kind, bytes: &[u8]) {
    let ends = match (kind.ends)(bytes) {
        Ok(ends) => ends,
        Err(invalid) => return assert_eq!((kind.decode)(bytes), Err(invalid.into()), "{bytes:02X?}"),
    };
    match ((kind.decode)(bytes), ends.iter().find(|end| **end > bytes.len()), &*ends) {
        (Err(DecodeError::Incomplete(missing)), Some(end), _) => {
            assert_eq!(bytes.len() + missing.get(), *end, "{bytes:02X?}");
        }
        // the length of the address is not known yet
        (Err(DecodeError::Incomplete(missing)), None, []) => {
            assert!(missing.get() <= 7, "{missing} after {bytes:02X?}")
        }
        (Ok((data, used)), None, [.., start, end]) => assert_eq!((&*data, used), (&bytes[*start..*end], *end)),
        (decoded, ..) => panic!("{decoded:?}, and not {ends:?}, of {bytes:02X?}"),
    }
}

/// A datagram that was sent is received, whatever follows it. One that the format does not allow, or that other programs
/// reject, cannot be sent.
macro_rules! round_trip {
    ($Datagram:ident, $datagram:expr, $error:expr) => {
        let (datagram, error): (_, Option<ValueError>) = ($datagram, $error);
        match datagram.frame() {
            Ok(frame) => {
                let bytes = encoded(&frame);
                assert_eq!((error, bytes.len() <= $Datagram::MAX_LEN), (None, true), "{datagram:?}");
                assert_eq!($Datagram::decode(&[&*bytes, b"after"].concat()), Ok((datagram, bytes.len())));
            }
            Err(found) => assert_eq!(Some(found), error),
        }
    };
}

fn sends(endpoint: Endpoint<'_>, data: &[u8], byte: u8) {
    let too_long = (data.len() > 65_535).then_some(ValueError::Data(data.len()));
    let unsendable = too_long.or(data.is_empty().then_some(ValueError::Data(0)));
    let name = endpoint_bytes(endpoint).len() - 4;
    let long_name = (endpoint_bytes(endpoint)[0] == 3 && name > 248).then_some(ValueError::HevDomain(name));
    round_trip!(HevDatagram, HevDatagram { endpoint, data }, unsendable.or(long_name));
    round_trip!(GostDatagram, GostDatagram::new(endpoint, data), unsendable);
    round_trip!(UotDatagram, UotDatagram { endpoint, data }, too_long);
    round_trip!(UotConnectDatagram, UotConnectDatagram { data }, too_long);
    let request = UotRequest { connect: byte & 1 == 1, destination: endpoint };
    let bytes = encoded(&request);
    assert_eq!(UotRequest::decode(&bytes), Ok((request, request.encoded_len())));
    assert!(bytes.len() <= UotRequest::MAX_LEN);
}
