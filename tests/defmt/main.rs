//! The bytes that are logged. Strings are interned: the log has their numbers, which count up in each thread.

use core::num::NonZeroUsize;

use defmt::Format;
use defmt::export::{fetch_bytes, fetch_string_index, fmt};
use socks5_sansio::{
    Command, DecodeError, Domain, Endpoint, EndpointBuf, Fragment, Invalid, Method, ParseEndpointError,
    ProtectionLevel, ReplyCode, UserPassStatus, ValueError, client, gssapi, server, socks4,
};

fn logged(value: &impl Format) -> Vec<u8> {
    fmt(value);
    fetch_bytes()
}

fn contains(log: &[u8], bytes: &[u8]) -> bool {
    log.windows(bytes.len()).any(|window| window == bytes)
}

/// The length in four bytes, little endian, and the text.
fn text(text: &[u8]) -> Vec<u8> {
    [&u32::try_from(text.len()).unwrap().to_le_bytes(), text].concat()
}

macro_rules! is_a_name_and_an_octet {
    ($($Code:ty),*) => {$(
        for octet in 0..=255 {
            let [begin, name, format] = [0, 1, 2].map(|next| fetch_string_index() + next).map(u16::to_le_bytes);
            assert_eq!(logged(&<$Code>::from(octet)), [&begin[..], &format, &name, &[octet], &[0, 0]].concat());
        }
    )*};
}

#[test]
fn logs_a_code_as_its_name_and_its_octet() {
    is_a_name_and_an_octet!(Command, Method, ProtectionLevel, ReplyCode, socks4::ReplyCode);
    for octet in 0..=255 {
        assert_eq!(logged(&Fragment(octet)).last(), Some(&octet));
        assert_eq!(logged(&UserPassStatus(octet)).last(), Some(&octet));
    }
}

#[test]
fn logs_an_endpoint_as_its_text_and_its_port() {
    for (endpoint, host) in [
        ("example.com:443", text(b"example.com")),
        ("192.0.2.1:443", vec![192, 0, 2, 1]),
        ("[2001:db8::1]:443", [[0x01, 0x20, 0xB8, 0x0D].as_slice(), &[0; 10], &[1, 0]].concat()),
    ] {
        let endpoint: EndpointBuf = endpoint.parse().unwrap();
        for log in [logged(&endpoint), logged(&endpoint.as_endpoint())] {
            assert!(contains(&log, &host), "{endpoint}: {log:02X?}");
            assert!(log.ends_with(&[0xBB, 0x01, 0, 0]), "{endpoint}: {log:02X?}");
        }
        assert!(contains(&logged(&endpoint.as_endpoint().address), &host), "{endpoint}");
    }
}

#[test]
fn logs_a_name_that_is_no_host_name_as_bytes() {
    let name = b"two words\n\xFF";
    assert!(contains(&logged(&Endpoint::from((Domain::new(name).unwrap(), 80))), &text(name)));
}

#[test]
fn logs_an_error_with_its_values() {
    assert!(logged(&Invalid::Version(b'G')).ends_with(b"G"));
    assert!(contains(&logged(&DecodeError::Incomplete(NonZeroUsize::MIN)), &[1, 0, 0, 0]));
    assert!(logged(&ValueError::Domain(0x0102_0304)).ends_with(&[4, 3, 2, 1]));
    assert!(logged(&socks4::RequestError::UserIdTooLong(0x0100)).ends_with(&[0, 1, 0, 0]));
    assert!(logged(&ParseEndpointError::Value(ValueError::Domain(0))).ends_with(&[0; 4]));
    for error in [client::Error::NotOffered(Method(0xAB)), client::Error::Refused(ReplyCode(0xAB))] {
        assert!(contains(&logged(&error), &[0xAB, 0, 0]), "{error}");
    }
    assert!(contains(&logged(&socks4::Error::Refused(socks4::ReplyCode(0xAB))), &[0xAB, 0, 0]));
    assert!(logged(&server::Error::Request(Invalid::AddressType(0xAB))).ends_with(&[0xAB]));
    assert!(logged(&gssapi::Error::Invalid(Invalid::GssapiVersion(0xAB))).ends_with(&[0xAB]));
}
