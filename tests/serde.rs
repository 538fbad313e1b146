//! The feature `serde`, with serde_json.

use serde_json::{Value, from_str, from_value, json, to_string, to_value};
use socks5_sansio::{
    Command, Domain, Endpoint, EndpointBuf, Fragment, Method, ProtectionLevel, ReplyCode, UserPassStatus, socks4,
};

fn endpoint(text: &str) -> EndpointBuf {
    text.parse().unwrap()
}

#[test]
fn serializes_endpoints_as_text() {
    for text in ["192.0.2.1:80", "[2001:db8::1]:0", "example.com:443", "münchen.example:80", "a\\b\"c:65535"] {
        assert_eq!(to_value(endpoint(text)).unwrap(), json!(text));
        assert_eq!(from_value::<EndpointBuf>(json!(text)).unwrap(), endpoint(text));
        let json = to_string(&endpoint(text)).unwrap();
        assert_eq!(from_str::<EndpointBuf>(&json).unwrap(), endpoint(text), "{json}");
    }
}

#[test]
fn rejects_malformed_endpoints() {
    for (json, error) in [
        (json!("example.com"), "expected HOST:PORT with a port of 0 to 65535"),
        (json!("::1:80"), "expected a name, an IPv4 address or an IPv6 address in brackets before the port"),
        (json!("[fe80::1%eth0]:80"), "an IPv6 zone id has no meaning to a proxy"),
        (json!(["example.com", 80]), "invalid type: sequence, expected HOST:PORT"),
        (json!(80), "invalid type: integer `80`, expected HOST:PORT"),
    ] {
        assert_eq!(from_value::<EndpointBuf>(json).unwrap_err().to_string(), error);
    }
}

#[test]
fn refuses_to_serialize_a_name_that_deserializes_to_another_endpoint() {
    for name in [b"two words".as_slice(), b"\xFF", b"a\0b", b"a:b", b"[::1]", b"::1", b"192.0.2.1"] {
        let endpoint = Endpoint::from((Domain::new(name).unwrap(), 80));
        let error = to_value(EndpointBuf::from(endpoint)).unwrap_err().to_string();
        assert_eq!(error, "the domain name cannot be written as HOST:PORT", "{endpoint}");
    }
    let literal = Endpoint::from((Domain::new("192.0.2.1").unwrap(), 80)).canonical();
    assert_eq!(to_value(EndpointBuf::from(literal)).unwrap(), json!("192.0.2.1:80"));
}

macro_rules! is_a_number {
    ($($Code:ty),*) => {$(
        for octet in 0..=255 {
            let code = <$Code>::from(octet);
            assert_eq!(to_value(code).unwrap(), json!(octet));
            assert_eq!(from_value::<$Code>(json!(octet)).unwrap(), code);
        }
        for other in [json!(256), json!(-1), json!("1"), Value::Null] {
            assert!(from_value::<$Code>(other).is_err());
        }
    )*};
}

#[test]
fn serializes_codes_as_numbers() {
    is_a_number!(Command, Method, ProtectionLevel, ReplyCode, socks4::ReplyCode);
    for octet in 0..=255 {
        assert_eq!(from_value::<Fragment>(to_value(Fragment(octet)).unwrap()).unwrap(), Fragment(octet));
        assert_eq!(from_value::<UserPassStatus>(json!(octet)).unwrap(), UserPassStatus(octet));
    }
}
