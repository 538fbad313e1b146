//! The known answers in `vectors.jsonl` and, for SOCKS4 and UDP in TCP, in `vectors4.jsonl`: each message is decoded and encoded.

use core::fmt::Debug;
use core::net::IpAddr;
use core::str;
use std::panic;

use serde_json::{Map, Value, json};
use socks5_sansio::server::{Error, ReceiveOffer};
use socks5_sansio::socks4;
use socks5_sansio::udp_in_tcp::{Frame, GostDatagram, HevDatagram, UotConnectDatagram, UotDatagram, UotRequest};
use socks5_sansio::{
    Address, Decode, DecodeError, Encode, Endpoint, GssapiMessage, Invalid, MethodOffer, MethodSelection, Receive,
    Reply, Request, UdpHeader, UserPass, UserPassStatus, ValueError,
};

const VECTORS: [(&str, usize); 2] = [(include_str!("vectors.jsonl"), 99), (include_str!("vectors4.jsonl"), 72)];

/// Nothing, or what is wrong.
type Verdict = Result<(), String>;

#[test]
fn every_vector_has_the_expected_result() {
    for (vectors, count) in VECTORS {
        let verdicts: Vec<_> = vectors.lines().enumerate().map(|(index, line)| vector(index + 1, line)).collect();
        let wrong: Vec<_> = verdicts.iter().filter_map(|verdict| verdict.as_ref().err()).map(String::as_str).collect();
        assert!(wrong.is_empty(), "{} vectors failed:\n{}", wrong.len(), wrong.join("\n"));
        assert_eq!(verdicts.len(), count);
    }
}

fn vector(number: usize, line: &str) -> Verdict {
    let vector = serde_json::from_str(line).map_err(|error| format!("line {number}: {error}"))?;
    let name = text(&vector, "name").map_err(|why| format!("line {number}: {why}"))?;
    let verdict = panic::catch_unwind(|| answer(&vector)).unwrap_or_else(|_| Err("panicked".to_owned()));
    verdict.map_err(|why| format!("{name}: {why}"))
}

fn answer(vector: &Value) -> Verdict {
    known_keys(vector, &["name", "direction", "message", "hex", "expected", "source", "provenance", "note"])?;
    let bytes = unhex(text(vector, "hex")?)?;
    let expected = field(vector, "expected")?;
    match (text(vector, "message")?, field(expected, "ok")?) {
        ("first_byte", Value::Bool(true)) => first_byte(expected, &bytes),
        ("stream", Value::Bool(true)) => stream(expected, &bytes),
        (kind, Value::Bool(true)) => {
            known_keys(expected, &["ok", "fields", "consumed"])?;
            message(kind, expected, &bytes).map(drop)
        }
        (kind, Value::Bool(false)) => {
            known_keys(expected, &["ok", "error"])?;
            refusal(kind, text(expected, "error")?, &bytes)
        }
        (_, ok) => Err(format!("ok is {ok}")),
    }
}

/// The first byte identifies the protocol.
fn first_byte(expected: &Value, bytes: &[u8]) -> Verdict {
    known_keys(expected, &["ok", "fields", "consumed"])?;
    let (protocol, used) = match ReceiveOffer::new().receive(bytes) {
        Err(Error::Truncated) => ("socks5", 0),
        Err(Error::Offer(Invalid::Version(4))) => ("socks4", 0),
        Err(Error::Offer(Invalid::Version(other))) if bytes.first() == Some(&other) => ("not_socks", 0),
        other => return Err(format!("the server returns {other:?}")),
    };
    same("fields", &json!({ "protocol": protocol }), field(expected, "fields")?)?;
    same("consumed", &json!(used), field(expected, "consumed")?)
}

/// Messages one after another, and bytes that belong to none of them.
fn stream(expected: &Value, bytes: &[u8]) -> Verdict {
    known_keys(expected, &["ok", "sequence", "consumed", "rest_hex"])?;
    let sequence = field(expected, "sequence")?.as_array().ok_or("the sequence is not an array")?;
    let mut rest = bytes;
    for (index, step) in sequence.iter().enumerate() {
        known_keys(step, &["message", "fields", "consumed"])?;
        rest = message(text(step, "message")?, step, rest).map_err(|why| format!("message {index}: {why}"))?;
    }
    same("consumed", &json!(bytes.len() - rest.len()), field(expected, "consumed")?)?;
    same("rest", &json!(hex(rest)), expected.get("rest_hex").unwrap_or(&json!("")))
}

/// Checks that the bytes begin with the expected message: decoded, encoded again, cut, and followed by other bytes. Returns the
/// bytes after it.
fn message<'a>(kind: &str, expected: &Value, bytes: &'a [u8]) -> Result<&'a [u8], String> {
    let decoded = decode(kind, bytes)?.map_err(|error| format!("is rejected: {error:?}"))?;
    same("fields", &decoded.fields, &respelled(field(expected, "fields")?)?)?;
    same("consumed", &json!(decoded.used), field(expected, "consumed")?)?;

    let (message, rest) = bytes.split_at_checked(decoded.used).ok_or("more bytes used than there are")?;
    same("encoded", hex(&decoded.encoded), hex(&sent(kind, message)?))?;

    let (header, _) = message.split_at_checked(decoded.header).ok_or("has a header longer than itself")?;
    cut_short(kind, header)?;
    followed(kind, message, &decoded)?;
    Ok(rest)
}

/// No prefix of a message decodes, and none reports more missing bytes than are left.
fn cut_short(kind: &str, message: &[u8]) -> Verdict {
    for cut in 0..message.len() {
        let (front, rest) = message.split_at(cut);
        match (kind, decode(kind, front)?) {
            ("udp", Err(DecodeError::Invalid(Invalid::Truncated))) => {}
            (kind, Err(DecodeError::Incomplete(missing))) if kind != "udp" && missing.get() <= rest.len() => {}
            (_, other) => return Err(format!("cut {} bytes before its end: {other:?}", rest.len())),
        }
    }
    Ok(())
}

/// Bytes after a message do not change it; bytes after a UDP header are its data.
fn followed(kind: &str, message: &[u8], alone: &Decoded) -> Verdict {
    const AFTER: &[u8] = b"\x05\x01\x00\xFF after";
    let mut expected = alone.clone();
    if kind == "udp" {
        expected.used += AFTER.len();
        expected.encoded.extend(AFTER);
        expected.fields["data_hex"] = json!(text(&alone.fields, "data_hex")?.to_owned() + &hex(AFTER));
    }
    same("followed by other bytes", decode(kind, &[message, AFTER].concat())?, Ok(expected))
}

/// The bytes are rejected with the expected error; unless that is a lack of input, further bytes do not change it.
fn refusal(kind: &str, expected: &str, bytes: &[u8]) -> Verdict {
    let error = match decode(kind, bytes)? {
        Err(error) => error,
        Ok(decoded) => return Err(format!("decodes, but should be {expected}: {decoded:?}")),
    };
    same("error", error_name(kind, bytes, error)?, expected)?;
    match error {
        DecodeError::Incomplete(_) | DecodeError::Invalid(Invalid::Truncated) => Ok(()),
        DecodeError::Invalid(_) => {
            same("followed by other bytes", decode(kind, &[bytes, &[1; 300]].concat())?, Err(error))
        }
    }
}

/// The name of the error in the vectors. The error must have the byte of the input that is wrong.
fn error_name(kind: &str, bytes: &[u8], error: DecodeError) -> Result<&'static str, String> {
    let shown = |byte, index| bytes.get(index) == Some(&byte);
    match (kind, error) {
        ("udp", DecodeError::Invalid(Invalid::Truncated)) => Ok("truncated"),
        ("greeting" | "method_reply" | "request" | "reply", DecodeError::Invalid(Invalid::Version(byte)))
        | ("userpass_request" | "userpass_reply", DecodeError::Invalid(Invalid::UserPassVersion(byte)))
        | ("gssapi", DecodeError::Invalid(Invalid::GssapiVersion(byte)))
            if shown(byte, 0) =>
        {
            Ok("bad_version")
        }
        ("socks4_request" | "socks4_reply", DecodeError::Invalid(Invalid::Socks4Version(byte))) if shown(byte, 0) => {
            Ok("bad_version")
        }
        ("socks4_request", DecodeError::Invalid(Invalid::UserIdTooLong)) => Ok("userid_too_long"),
        ("socks4_request", DecodeError::Invalid(Invalid::DomainTooLong)) => Ok("domain_too_long"),
        ("hev_datagram", DecodeError::Invalid(Invalid::HeaderLength(byte))) if shown(byte, 2) => Ok("header_length"),
        ("gssapi", DecodeError::Invalid(Invalid::GssapiMessageType(byte))) if shown(byte, 1) => Ok("unknown_mtyp"),
        (kind, DecodeError::Invalid(Invalid::AddressType(byte))) if shown(byte, atyp_at(kind)) => Ok("unknown_atyp"),
        (
            "request" | "reply" | "udp" | "socks4_request" | "uot_datagram",
            DecodeError::Invalid(Invalid::EmptyDomain),
        ) => Ok("empty_domain"),
        (kind, DecodeError::Incomplete(_)) if kind != "udp" => Ok("incomplete"),
        _ => Err(format!("not an error that the vectors name for a {kind}: {error:?}")),
    }
}

fn atyp_at(kind: &str) -> usize {
    match kind {
        "uot_datagram" => 0,
        "uot_request" => 1,
        _ => 3,
    }
}

/// A message, with the vectors' names for its fields.
#[derive(Clone, Debug, PartialEq)]
struct Decoded {
    fields: Value,
    /// The length of the shortest prefix that decodes: everything except the data after a UDP header.
    header: usize,
    used: usize,
    encoded: Vec<u8>,
}

fn decode(kind: &str, bytes: &[u8]) -> Result<Result<Decoded, DecodeError>, String> {
    match kind {
        "greeting" => decode_as(bytes, offer_fields),
        "method_reply" => decode_as(bytes, selection_fields),
        "userpass_request" => decode_as(bytes, user_pass_fields),
        "userpass_reply" => decode_as(bytes, status_fields),
        "gssapi" => decode_as(bytes, gssapi_fields),
        "request" => decode_as(bytes, request_fields).map(|decoded| decoded.map(|it| it.with_reserved(bytes))),
        "reply" => decode_as(bytes, reply_fields).map(|decoded| decoded.map(|it| it.with_reserved(bytes))),
        "udp" => decode_datagram(bytes),
        "socks4_request" => {
            decode_as(bytes, socks4_request_fields).map(|decoded| decoded.map(|it| it.with_marker(bytes)))
        }
        "socks4_reply" => decode_as(bytes, socks4_reply_fields).map(|decoded| decoded.map(|it| it.with_version(bytes))),
        "uot_request" => decode_as(bytes, uot_request_fields),
        "hev_datagram" => Ok(HevDatagram::decode(bytes).map(|(it, used)| {
            let fields = json!({ "addr": endpoint_fields(&it.endpoint), "data_hex": hex(it.data) });
            framed(fields, bytes, used, it.frame())
        })),
        "gost_datagram" => Ok(GostDatagram::decode(bytes).map(|(it, used)| {
            let addr = endpoint_fields(&it.endpoint);
            framed(json!({ "frag": it.frag, "addr": addr, "data_hex": hex(it.data) }), bytes, used, it.frame())
        })),
        "uot_datagram" => Ok(UotDatagram::decode(bytes).map(|(it, used)| {
            let mut addr = endpoint_fields(&it.endpoint);
            addr["atyp"] = json!(bytes[0]);
            framed(json!({ "addr": addr, "data_hex": hex(it.data) }), bytes, used, it.frame())
        })),
        "uot_connect_datagram" => Ok(UotConnectDatagram::decode(bytes)
            .map(|(it, used)| framed(json!({ "data_hex": hex(it.data) }), bytes, used, it.frame()))),
        unknown => Err(format!("a message that this test does not know: {unknown}")),
    }
}

fn encoded(message: &impl Encode) -> Vec<u8> {
    let mut bytes = vec![0; message.encoded_len()];
    message.encode(&mut bytes).unwrap();
    bytes
}

fn decode_as<'a, M: Decode<'a> + Encode>(
    bytes: &'a [u8],
    fields: fn(&M) -> Value,
) -> Result<Result<Decoded, DecodeError>, String> {
    let (message, used) = match M::decode(bytes) {
        Ok(decoded) => decoded,
        Err(error) => return Ok(Err(error)),
    };
    Ok(Ok(Decoded { fields: fields(&message), header: used, used, encoded: encoded(&message) }))
}

/// Two formats cannot send an empty datagram: the bytes that it was decoded from then stand for its encoding.
fn framed<D>(fields: Value, bytes: &[u8], used: usize, frame: Result<Frame<D>, ValueError>) -> Decoded
where
    Frame<D>: Encode,
{
    let encoded = match frame {
        Ok(frame) => encoded(&frame),
        Err(error) => {
            assert_eq!((error, &fields["data_hex"]), (ValueError::Data(0), &json!("")));
            bytes[..used].to_vec()
        }
    };
    Decoded { fields, header: used, used, encoded }
}

fn decode_datagram(bytes: &[u8]) -> Result<Result<Decoded, DecodeError>, String> {
    let (header, data) = match UdpHeader::split(bytes) {
        Ok(split) => split,
        Err(invalid) => return Ok(Err(invalid.into())),
    };
    let mut fields = udp_fields(&header);
    fields["data_hex"] = json!(hex(data));
    let encoded = [&*encoded(&header), data].concat();
    Ok(Ok(Decoded { fields, header: bytes.len() - data.len(), used: bytes.len(), encoded }))
}

impl Decoded {
    /// Adds the last byte of DSTIP if it announces a name: the decoded request does not keep it.
    fn with_marker(mut self, bytes: &[u8]) -> Self {
        if self.fields.pointer("/addr/domain_hex").is_some() {
            self.fields["addr"]["marker"] = json!(format!("0.0.0.{}", bytes[7]));
        }
        self
    }

    fn with_version(mut self, bytes: &[u8]) -> Self {
        self.fields["vn"] = json!(bytes[0]);
        self
    }

    /// The vectors list an RSV other than 00 as ignored: it must not be encoded again.
    fn with_reserved(mut self, bytes: &[u8]) -> Self {
        match (bytes.get(2), self.encoded.get(2)) {
            (Some(&received), Some(0)) if received != 0 => self.fields["rsv_ignored"] = json!(received),
            _ => {}
        }
        self
    }
}

/// The message as this crate sends it: RSV is 00, a status has version 01, an empty name in a reply is 0.0.0.0, 0.0.0.1 announces a
/// name, a reply of SOCKS4 has version 00, and gost's FRAG is FF.
fn sent(kind: &str, message: &[u8]) -> Result<Vec<u8>, String> {
    let mut sent = message.to_vec();
    let reserved = match kind {
        "request" | "reply" => 2..3,
        "udp" => 0..2,
        _ => 0..0,
    };
    sent.get_mut(reserved).ok_or("is too short to have an RSV")?.fill(0);
    match (kind, &mut *sent) {
        ("userpass_reply", [version, ..]) => *version = 1,
        ("socks4_request", [_, _, _, _, 0, 0, 0, last @ 1..=255, ..]) => *last = 1,
        ("socks4_reply", [version, ..]) => *version = 0,
        ("gost_datagram", [high, low, frag, ..]) if (*high, *low) != (0, 0) => *frag = 0xFF,
        ("reply", [_, _, _, 3, 0, ..]) => drop(sent.splice(3..5, [1, 0, 0, 0, 0])),
        _ => {}
    }
    Ok(sent)
}

fn offer_fields(offer: &MethodOffer<'_>) -> Value {
    json!({ "methods": offer.methods().map(u8::from).collect::<Vec<_>>() })
}

fn selection_fields(selection: &MethodSelection) -> Value {
    json!({ "method": selection.method.0 })
}

fn user_pass_fields(credentials: &UserPass<'_>) -> Value {
    json!({ "username_hex": hex(credentials.username()), "password_hex": hex(credentials.password()) })
}

fn status_fields(status: &UserPassStatus) -> Value {
    json!({ "status": status.0, "success": status.is_success() })
}

fn gssapi_fields(message: &GssapiMessage<'_>) -> Value {
    let (mtyp, token) = match message {
        GssapiMessage::Authentication(token) => (1, token.as_bytes()),
        GssapiMessage::ProtectionLevel(token) => (2, token.as_bytes()),
        GssapiMessage::Encapsulated(token) => (3, token.as_bytes()),
        GssapiMessage::Abort => return json!({ "mtyp": 0xFF }),
    };
    json!({ "mtyp": mtyp, "len": token.len(), "token_hex": hex(token) })
}

fn request_fields(request: &Request<'_>) -> Value {
    json!({ "command": request.command.0, "addr": endpoint_fields(&request.destination) })
}

fn reply_fields(reply: &Reply<'_>) -> Value {
    json!({ "rep": reply.code.0, "addr": endpoint_fields(&reply.bound) })
}

fn socks4_request_fields(request: &socks4::Request<'_>) -> Value {
    let mut addr = endpoint_fields(&request.destination());
    addr.as_object_mut().unwrap().remove("atyp");
    json!({ "command": request.command().0, "addr": addr, "userid_hex": hex(request.user_id().as_bytes()) })
}

fn socks4_reply_fields(reply: &socks4::Reply) -> Value {
    let addr = json!({ "ip": reply.bound.ip().to_string(), "port": reply.bound.port() });
    json!({ "code": reply.code.0, "granted": reply.code == socks4::ReplyCode::GRANTED, "addr": addr })
}

fn uot_request_fields(request: &UotRequest<'_>) -> Value {
    json!({ "connect": request.connect, "addr": endpoint_fields(&request.destination) })
}

fn udp_fields(header: &UdpHeader<'_>) -> Value {
    let fragment = header.fragment;
    let mut fields = json!({ "frag": fragment.0, "addr": endpoint_fields(&header.endpoint) });
    if !fragment.is_standalone() {
        fields["fragment"] = json!({ "position": fragment.position(), "end_of_sequence": fragment.is_last() });
        fields["action_without_reassembly"] = json!("drop");
    }
    fields
}

fn endpoint_fields(endpoint: &Endpoint<'_>) -> Value {
    let port = endpoint.port;
    match endpoint.address {
        Address::Ipv4(ip) => json!({ "atyp": 1, "ip": ip.to_string(), "port": port }),
        Address::Ipv6(ip) => json!({ "atyp": 4, "ip": ip.to_string(), "port": port }),
        Address::Domain(name) => {
            let mut fields = json!({ "atyp": 3, "domain_hex": hex(name.as_bytes()), "port": port });
            if let Ok(text) = str::from_utf8(name.as_bytes()) {
                fields["domain"] = json!(text);
            }
            fields
        }
    }
}

/// The vectors spell an address `::ffff:102:304` that Rust spells `::ffff:1.2.3.4`.
fn respelled(fields: &Value) -> Result<Value, String> {
    let mut fields = fields.clone();
    if let Some(ip) = fields.pointer_mut("/addr/ip") {
        let parsed = ip.as_str().and_then(|ip| ip.parse::<IpAddr>().ok()).ok_or("not an IP address")?;
        *ip = json!(parsed.to_string());
    }
    Ok(fields)
}

fn known_keys(value: &Value, known: &[&str]) -> Verdict {
    match object(value)?.keys().find(|key| !known.contains(&key.as_str())) {
        Some(unknown) => Err(format!("a key that this test does not know: {unknown}")),
        None => Ok(()),
    }
}

fn object(value: &Value) -> Result<&Map<String, Value>, String> {
    value.as_object().ok_or_else(|| format!("not an object: {value}"))
}

fn field<'v>(value: &'v Value, key: &str) -> Result<&'v Value, String> {
    value.get(key).ok_or_else(|| format!("there is no {key}"))
}

fn text<'v>(value: &'v Value, key: &str) -> Result<&'v str, String> {
    field(value, key)?.as_str().ok_or_else(|| format!("{key} is not a string"))
}

fn same<T: PartialEq<U> + Debug, U: Debug>(what: &str, found: T, expected: U) -> Verdict {
    if found == expected { Ok(()) } else { Err(format!("{what}: found {found:?}, expected {expected:?}")) }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn unhex(digits: &str) -> Result<Vec<u8>, String> {
    let pairs = digits.as_bytes().chunks(2).map(|pair| str::from_utf8(pair).unwrap_or_default());
    let bytes = pairs.map(|pair| u8::from_str_radix(pair, 16).ok().filter(|_| pair.len() == 2));
    bytes.collect::<Option<_>>().ok_or_else(|| format!("not hexadecimal bytes: {digits}"))
}
