//! ATYP, address and port: the crate's endpoints spelt by hand.

use socks5_sansio::{Address, Domain, Endpoint};

pub(crate) const UNSPECIFIED: &[u8] = b"\x01\x00\x00\x00\x00\x00\x00";
pub(crate) const IPV4: &[u8] = b"\x01\xC0\x00\x02\x07\x12\x34";
pub(crate) const IPV6: &[u8] = b"\x04\x20\x01\x0D\xB8\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x05\x01\xBB";
pub(crate) const NAME: &[u8] = b"\x03\x02x\xFF\x00\x00";
pub(crate) const LONGEST_NAME: &[u8] = &longest_name();

const fn longest_name() -> [u8; 259] {
    let mut place = [b'n'; 259];
    (place[0], place[1], place[257], place[258]) = (3, 255, 0xFF, 0xFF);
    place
}

pub(crate) fn endpoint(place: &[u8]) -> Endpoint<'_> {
    let (address, port) = place.split_last_chunk::<2>().unwrap();
    let address = match address {
        [1, ip @ ..] => Address::Ipv4(<[u8; 4]>::try_from(ip).unwrap().into()),
        [3, _, name @ ..] => Address::Domain(Domain::new(name).unwrap()),
        [4, ip @ ..] => Address::Ipv6(<[u8; 16]>::try_from(ip).unwrap().into()),
        _ => panic!("{place:?} is no place"),
    };
    Endpoint { address, port: u16::from_be_bytes(*port) }
}

pub(crate) fn place(endpoint: &Endpoint<'_>) -> Vec<u8> {
    let address = match endpoint.address {
        Address::Ipv4(ip) => [[1].as_slice(), &ip.octets()].concat(),
        Address::Domain(name) => [&[3, u8::try_from(name.as_bytes().len()).unwrap()], name.as_bytes()].concat(),
        Address::Ipv6(ip) => [[4].as_slice(), &ip.octets()].concat(),
    };
    [&*address, &endpoint.port.to_be_bytes()].concat()
}
