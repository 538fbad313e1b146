//! The properties of the harness, with bytes that proptest generates; and properties of values.

mod harness;

use core::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV4, SocketAddrV6};

use harness::decoders::{KINDS, Kind, decoders};
use harness::{fragments, frames, messages, runs, states, text, values};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::{Index, select};
use socks5_sansio::{Address, Domain, Endpoint, EndpointBuf, ParseEndpointError, UserPass, UserPassBuf, ValueError};

proptest! {
    #[test]
    fn any_bytes_are_decoded_as_the_rfcs_specify(bytes in message()) {
        decoders(&bytes);
    }

    #[test]
    fn messages_are_encoded_and_decoded(bytes in choices()) {
        messages::messages(&bytes);
    }

    #[test]
    fn values_are_encoded_and_decoded(kind in any::<u8>(), bytes in choices()) {
        values::values(&[&[kind], &*bytes].concat());
    }

    #[test]
    fn frames_of_udp_in_tcp_are_decoded_and_encoded(bytes in prop_oneof![message(), choices()]) {
        frames::frames(&bytes);
    }

    #[test]
    fn runs_are_the_datagrams_of_a_buffer(bytes in prop_oneof![datagrams(), choices()]) {
        runs::runs(&bytes);
    }

    #[test]
    fn both_sides_of_socks4_receive_any_bytes_as_its_notes_specify(decisions in any::<u8>(), bytes in socks4()) {
        states::socks4(&[&[decisions], &*bytes].concat());
    }

    #[test]
    fn fragments_are_queued_as_the_model_expects(bytes in choices()) {
        fragments::reassembly(&bytes);
    }

    #[test]
    fn reassembles_what_was_fragmented(bytes in choices()) {
        fragments::fragments(&bytes);
    }

    #[test]
    fn text_is_parsed_and_displayed(text in prop_oneof![endpoint_text(), host(), any::<String>()]) {
        text::endpoint_text(text.as_bytes());
    }

    #[test]
    fn names_of_any_bytes_are_displayed(name in vec(any::<u8>(), 1..=255)) {
        text::endpoint_text(&name);
    }

    #[test]
    fn every_spelling_of_an_address_has_the_same_canonical_form(ip in ip(), port in any::<u16>()) {
        for spelling in spellings(ip) {
            let named = Endpoint::from((Domain::new(&spelling).unwrap(), port));
            prop_assert_eq!(named.canonical(), Endpoint::from((ip.to_canonical(), port)), "{}", spelling);
        }
    }

    #[test]
    fn every_conversion_of_an_address_is_the_same_endpoint(ip in ip(), port in any::<u16>()) {
        let endpoint = Endpoint { address: Address::from(ip), port };
        let (addr, owned) = (SocketAddr::new(ip, port), EndpointBuf::from(endpoint));
        let (host, text) = (ip.to_string(), addr.to_string());
        prop_assert_eq!([Ok(addr.into()), Ok((ip, port).into()), Ok((&owned).into()), (&*text).try_into(), (&*host, port).try_into()], [Ok(endpoint); 5]);
        prop_assert_eq!([Ok(addr.into()), text.parse(), (&*host, port).try_into()], [(); 3].map(|()| Ok(owned.clone())));
        match ip {
            IpAddr::V4(ip) => {
                prop_assert_eq!(Endpoint::from((ip, port)), endpoint);
                prop_assert_eq!(Endpoint::from(SocketAddrV4::new(ip, port)), endpoint);
            }
            IpAddr::V6(ip) => {
                prop_assert_eq!(Endpoint::from((ip, port)), endpoint);
                prop_assert_eq!(Endpoint::from(SocketAddrV6::new(ip, port, 1, 2)), endpoint);
            }
        }
        let none = Endpoint::unspecified(addr);
        prop_assert_eq!((none.port, none.address.ip().map(|none| (none.is_unspecified(), none.is_ipv4()))), (0, Some((true, ip.is_ipv4()))));
    }

    #[test]
    fn passwords_are_never_shown(username in "[a-z]{0,255}", password in "[#~^$@]{1,255}") {
        let credentials = UserPass::new(&username, &password).unwrap();
        for shown in [format!("{credentials:?}"), format!("{credentials:#?}"), format!("{:?}", UserPassBuf::from(credentials))] {
            prop_assert!(!shown.contains(&password[..1]), "{}", shown);
        }
    }
}

/// By search: every continuation of every prefix, over the bytes that make a difference.
#[test]
fn missing_is_the_least_that_completes_some_message() {
    for kind in KINDS.iter().filter(|kind| kind.is_of_a_stream()) {
        completes(kind, &mut vec![]);
    }
}

/// The least number of bytes that complete a message, if it is in reach.
fn completes(kind: &Kind, prefix: &mut Vec<u8>) -> Option<usize> {
    const REACH: usize = 7;
    if kind.is_whole(prefix) {
        return Some(0);
    }
    let mut shortest = None;
    let further: &[u8] = if prefix.len() < REACH { &[0, 1, 2, 3, 5, 0xFF] } else { &[] };
    for next in further {
        prefix.push(*next);
        let further = completes(kind, prefix).map(|further| further + 1);
        shortest = shortest.into_iter().chain(further).min();
        prefix.pop();
    }
    match (kind.missing(prefix), shortest) {
        (Some(missing), Some(shortest)) => assert_eq!(missing, shortest, "after {prefix:02X?}"),
        (Some(missing), None) => assert!(missing > REACH - prefix.len(), "{missing} after {prefix:02X?}"),
        (None, None) => {}
        // an empty name, which is malformed as soon as its length has arrived
        (None, Some(_)) => assert!(prefix.windows(2).any(|pair| pair == [3, 0]), "after {prefix:02X?}"),
    }
    shortest
}

#[test]
fn constructors_reject_strings_of_invalid_length() {
    let long = [b'x'; 300];
    for len in [0, 1, 127, 128, 255, 256, 300] {
        let bytes = &long[..len];
        assert_eq!(Domain::new(bytes).err(), (!(1..=255).contains(&len)).then_some(ValueError::Domain(len)));
        assert_eq!(UserPass::new(bytes, "").err(), (len > 255).then_some(ValueError::Username(len)));
        assert_eq!(UserPassBuf::new("", bytes).err(), (len > 255).then_some(ValueError::Password(len)));
        let text = str::from_utf8(bytes).unwrap();
        let error = match len {
            0 => Some(ParseEndpointError::Host),
            1..=255 => None,
            _ => Some(ParseEndpointError::Value(ValueError::Domain(len))),
        };
        assert_eq!(Endpoint::try_from((text, 80)).err(), error);
    }
}

/// Messages, damaged and followed by others; and noise.
fn message() -> impl Strategy<Value = Vec<u8>> {
    let byte = || prop_oneof![select(vec![0, 1, 2, 3, 4, 5, 127, 128, 254, 255]), any::<u8>()];
    let head = select(vec![
        &[5][..],
        &[1],
        &[0, 0, 0],
        &[5, 1, 0],
        &[5, 0, 0],
        &[5, 1, 0, 3],
        &[5, 0, 0, 3],
        &[1, 1],
        &[1, 3],
    ]);
    let rest = vec(byte(), 0..40).prop_flat_map(|rest| (Just(rest), vec(any::<u8>(), 0..=520)));
    (head, rest, any::<bool>(), any::<Index>(), byte()).prop_map(|(head, (front, back), damaged, at, byte)| {
        let mut bytes = [head, &front, &back].concat();
        if damaged {
            let at = at.index(bytes.len());
            bytes[at] = byte;
        }
        bytes
    })
}

/// Datagrams of one length, with a few headers, after a byte that is this length minus 1.
fn datagrams() -> impl Strategy<Value = Vec<u8>> {
    let header = select(vec![
        &b"\0\0\0\x01\xC0\0\x02\x01\0\x35"[..],
        b"\0\0\0\x03\x05a.xyz\0\x35",
        b"\0\0\x01\x01\xC0\0\x02\x01\0\x35",
    ]);
    let datagram = (header, vec(any::<u8>(), 0..20)).prop_map(|(header, data)| [header, &data].concat());
    (0_u8..20, vec((datagram, 1_usize..5), 0..8)).prop_map(|(stride, datagrams)| {
        let repeated = datagrams.into_iter().flat_map(|(mut datagram, count)| {
            datagram.resize(usize::from(stride) + 1, b'x');
            vec![datagram; count]
        });
        repeated.fold(vec![stride], |bytes, datagram| [bytes, datagram].concat())
    })
}

fn socks4() -> impl Strategy<Value = Vec<u8>> {
    let head = select(vec![
        &b"\x04\x01\x00\x50\x00\x00\x00\x01"[..],
        &b"\x04\x02\x00\x50\xC0\x00\x02\x01"[..],
        &[0, 0x5A],
        &[4, 0x5A],
        &[],
    ]);
    let string = || vec(prop_oneof![Just(b'x'), any::<u8>()], 0..300);
    (head, string(), string()).prop_map(|(head, user_id, name)| [head, &user_id, &[0], &name, &[0]].concat())
}

fn choices() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![vec(any::<u8>(), 0..300), vec(0_u8..9, 0..300)]
}

fn ip() -> BoxedStrategy<IpAddr> {
    prop_oneof![
        any::<Ipv4Addr>().prop_map(IpAddr::from),
        any::<Ipv6Addr>().prop_map(IpAddr::from),
        any::<Ipv4Addr>().prop_map(|ip| ip.to_ipv6_mapped().into()),
    ]
    .boxed()
}

fn spellings(ip: IpAddr) -> Vec<String> {
    match ip {
        IpAddr::V4(ip) => vec![ip.to_string(), ip.to_ipv6_mapped().to_string(), format!("[{}]", ip.to_ipv6_mapped())],
        IpAddr::V6(ip) => {
            let segments = ip.segments().map(|segment| format!("{segment:X}")).join(":");
            vec![ip.to_string(), format!("[{ip}]"), segments]
        }
    }
}

fn host() -> BoxedStrategy<String> {
    prop_oneof![
        ip().prop_map(|ip| ip.to_string()),
        ip().prop_map(|ip| format!("[{ip}]")),
        "[a-z][a-z0-9.-]{0,260}",
        "[\\[\\]:%a-f0-9. ü\u{0}]{0,12}",
        Just("[fe80::1%eth0]".to_owned()),
    ]
    .boxed()
}

fn endpoint_text() -> impl Strategy<Value = String> {
    let port = prop_oneof![any::<u16>().prop_map(|port| port.to_string()), "[0-9+ -]{0,6}"];
    (host(), port).prop_map(|(host, port)| format!("{host}:{port}"))
}
