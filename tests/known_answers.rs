//! The known answers in `vectors.jsonl`, message by message: what the octets mean, and the octets of what is meant.

use core::fmt::Debug;
use core::net::IpAddr;
use core::ops::Range;
use core::str;
use std::panic;

use serde_json::{Map, Value, json};
use socks5_sansio::server::{Error, Step};
use socks5_sansio::{
    Address, DecodeError, Endpoint, GssapiMessage, Invalid, Message, MethodOffer, MethodSelection, Reply, Request,
    Server, UdpHeader, UserPass, UserPassStatus,
};

const VECTORS: &str = include_str!("vectors.jsonl");
const COUNT: usize = 99;

/// Nothing, or what is wrong.
type Verdict = Result<(), String>;

#[test]
fn every_vector_has_its_answer() {
    let verdicts: Vec<_> = VECTORS.lines().enumerate().map(|(index, line)| vector(index + 1, line)).collect();
    let wrong: Vec<_> = verdicts.iter().filter_map(|verdict| verdict.as_ref().err()).map(String::as_str).collect();
    assert!(wrong.is_empty(), "{} vectors failed:\n{}", wrong.len(), wrong.join("\n"));
    assert_eq!(verdicts.len(), COUNT);
}

fn vector(number: usize, line: &str) -> Verdict {
    let vector = serde_json::from_str(line).map_err(|error| format!("line {number}: {error}"))?;
    let name = text(&vector, "name").map_err(|why| format!("line {number}: {why}"))?;
    let verdict = panic::catch_unwind(|| answer(&vector)).unwrap_or_else(|_| Err("panicked".to_owned()));
    verdict.map_err(|why| format!("{name}: {why}"))
}

fn answer(vector: &Value) -> Verdict {
    known_keys(vector, &["name", "direction", "message", "hex", "expected", "source", "provenance", "note"])?;
    let octets = unhex(text(vector, "hex")?)?;
    let expected = field(vector, "expected")?;
    match (text(vector, "message")?, field(expected, "ok")?) {
        ("first_byte", Value::Bool(true)) => first_byte(expected, &octets),
        ("stream", Value::Bool(true)) => stream(expected, &octets),
        (kind, Value::Bool(true)) => {
            known_keys(expected, &["ok", "fields", "consumed"])?;
            let rest = message(kind, expected, &octets)?;
            same("rest", hex(rest), String::new())
        }
        (kind, Value::Bool(false)) => {
            known_keys(expected, &["ok", "error"])?;
            refusal(kind, text(expected, "error")?, &octets)
        }
        (_, ok) => Err(format!("ok is {ok}")),
    }
}

/// What the first octet gives away is seen by the server.
fn first_byte(expected: &Value, octets: &[u8]) -> Verdict {
    known_keys(expected, &["ok", "fields", "consumed"])?;
    let (protocol, used) = match Server::new().read(octets) {
        Ok((used, Step::NeedMore(..))) => ("socks5", used),
        Err(Error::Offer(Invalid::Version(4))) => ("socks4", 0),
        Err(Error::Offer(Invalid::Version(other))) if octets.first() == Some(&other) => ("not_socks", 0),
        other => return Err(format!("the server says {other:?}")),
    };
    same("fields", &json!({ "protocol": protocol }), field(expected, "fields")?)?;
    same("consumed", &json!(used), field(expected, "consumed")?)
}

/// Messages behind each other, and octets that belong to none of them.
fn stream(expected: &Value, octets: &[u8]) -> Verdict {
    known_keys(expected, &["ok", "sequence", "consumed", "rest_hex"])?;
    let sequence = field(expected, "sequence")?.as_array().ok_or("the sequence is no array")?;
    let mut rest = octets;
    for (index, step) in sequence.iter().enumerate() {
        known_keys(step, &["message", "fields", "consumed"])?;
        rest = message(text(step, "message")?, step, rest).map_err(|why| format!("message {index}: {why}"))?;
    }
    same("consumed", &json!(octets.len() - rest.len()), field(expected, "consumed")?)?;
    same("rest", &json!(hex(rest)), expected.get("rest_hex").unwrap_or(&json!("")))
}

/// The message at the front of the octets is the one expected, however it is looked at. Gives what is behind it.
fn message<'a>(kind: &str, expected: &Value, octets: &'a [u8]) -> Result<&'a [u8], String> {
    let decoded = decode(kind, octets)?.map_err(|error| format!("is refused: {error:?}"))?;
    same("fields", &decoded.fields, &respelled(field(expected, "fields")?)?)?;
    same("consumed", &json!(decoded.used), field(expected, "consumed")?)?;

    let (message, rest) = octets.split_at_checked(decoded.used).ok_or("more octets used than there are")?;
    let mut sent = message.to_vec();
    sent.get_mut(reserved(kind)).ok_or("is too short to have an RSV")?.fill(0);
    same("encoded", hex(&decoded.encoded), hex(&sent))?;

    let (header, _) = message.split_at_checked(decoded.header).ok_or("has a header longer than itself")?;
    cut_short(kind, header)?;
    followed(kind, message, &decoded)?;
    Ok(rest)
}

/// None of the beginnings of a message is taken for one, and none asks for more than there is to come.
fn cut_short(kind: &str, message: &[u8]) -> Verdict {
    for cut in 0..message.len() {
        let (front, rest) = message.split_at(cut);
        match (kind, decode(kind, front)?) {
            ("udp", Err(DecodeError::Invalid(Invalid::Truncated))) => {}
            (kind, Err(DecodeError::Incomplete(missing))) if kind != "udp" && missing.get() <= rest.len() => {}
            (_, other) => return Err(format!("cut with {} more to come: {other:?}", rest.len())),
        }
    }
    Ok(())
}

/// What is behind a message does not change it; what is behind a UDP header is its data.
fn followed(kind: &str, message: &[u8], alone: &Decoded) -> Verdict {
    const BEHIND: &[u8] = b"\x05\x01\x00\xFF behind";
    let mut expected = alone.clone();
    if kind == "udp" {
        expected.used += BEHIND.len();
        expected.encoded.extend(BEHIND);
        expected.fields["data_hex"] = json!(text(&alone.fields, "data_hex")?.to_owned() + &hex(BEHIND));
    }
    same("followed by other octets", decode(kind, &[message, BEHIND].concat())?, Ok(expected))
}

/// The octets are refused for the reason expected, and if it is not that more are to come, then more do not help.
fn refusal(kind: &str, expected: &str, octets: &[u8]) -> Verdict {
    let error = match decode(kind, octets)? {
        Err(error) => error,
        Ok(decoded) => return Err(format!("decodes, but should be {expected}: {decoded:?}")),
    };
    same("error", error_name(kind, octets, error)?, expected)?;
    match error {
        DecodeError::Incomplete(_) | DecodeError::Invalid(Invalid::Truncated) => Ok(()),
        DecodeError::Invalid(_) => {
            same("followed by other octets", decode(kind, &[octets, &[1; 300]].concat())?, Err(error))
        }
    }
}

/// The vectors' name for the error, given that it shows the octet that is wrong.
fn error_name(kind: &str, octets: &[u8], error: DecodeError) -> Result<&'static str, String> {
    let shown = |octet, index| octets.get(index) == Some(&octet);
    match (kind, error) {
        ("udp", DecodeError::Invalid(Invalid::Truncated)) => Ok("truncated"),
        ("greeting" | "method_reply" | "request" | "reply", DecodeError::Invalid(Invalid::Version(octet)))
        | ("userpass_request" | "userpass_reply", DecodeError::Invalid(Invalid::UserPassVersion(octet)))
        | ("gssapi", DecodeError::Invalid(Invalid::GssapiVersion(octet)))
            if shown(octet, 0) =>
        {
            Ok("bad_version")
        }
        ("gssapi", DecodeError::Invalid(Invalid::GssapiMessageType(octet))) if shown(octet, 1) => Ok("unknown_mtyp"),
        ("request" | "reply" | "udp", DecodeError::Invalid(Invalid::AddressType(octet))) if shown(octet, 3) => {
            Ok("unknown_atyp")
        }
        ("request" | "reply" | "udp", DecodeError::Invalid(Invalid::EmptyDomain)) => Ok("empty_domain"),
        (kind, DecodeError::Incomplete(_)) if kind != "udp" => Ok("incomplete"),
        _ => Err(format!("no error for this {kind}: {error:?}")),
    }
}

/// A message in the words of the vectors.
#[derive(Clone, Debug, PartialEq)]
struct Decoded {
    fields: Value,
    /// How many octets it takes at least: all but the data of a datagram.
    header: usize,
    used: usize,
    encoded: Vec<u8>,
}

fn decode(kind: &str, octets: &[u8]) -> Result<Result<Decoded, DecodeError>, String> {
    match kind {
        "greeting" => decode_as(octets, offer_fields),
        "method_reply" => decode_as(octets, selection_fields),
        "userpass_request" => decode_as(octets, user_pass_fields),
        "userpass_reply" => decode_as(octets, status_fields),
        "gssapi" => decode_as(octets, gssapi_fields),
        "request" => decode_as(octets, request_fields).map(|decoded| decoded.map(|it| it.with_reserved(octets))),
        "reply" => decode_as(octets, reply_fields).map(|decoded| decoded.map(|it| it.with_reserved(octets))),
        "udp" => decode_datagram(octets),
        unknown => Err(format!("a message that this test does not know: {unknown}")),
    }
}

fn decode_as<'a, M: Message<'a>>(
    octets: &'a [u8],
    fields: fn(&M) -> Value,
) -> Result<Result<Decoded, DecodeError>, String> {
    let (message, used) = match M::decode(octets) {
        Ok(decoded) => decoded,
        Err(error) => return Ok(Err(error)),
    };
    Ok(Ok(Decoded { fields: fields(&message), header: used, used, encoded: encoded(&message)? }))
}

fn decode_datagram(octets: &[u8]) -> Result<Result<Decoded, DecodeError>, String> {
    let by_message = decode_as(octets, udp_fields)?;
    let split = UdpHeader::split(octets).map_err(DecodeError::Invalid);
    let ((header, data), mut decoded) = match (split, by_message) {
        (Ok(split), Ok(decoded)) => (split, decoded),
        (Err(error), Err(same)) if error == same => return Ok(Err(error)),
        (split, decoded) => return Err(format!("split and decode disagree: {split:?}, {decoded:?}")),
    };
    same("split and decode", &udp_fields(&header), &decoded.fields)?;
    same("data", hex(data), octets.get(decoded.used..).map_or_else(String::new, hex))?;
    decoded.fields["data_hex"] = json!(hex(data));
    decoded.used += data.len();
    decoded.encoded.extend(data);
    Ok(Ok(decoded))
}

impl Decoded {
    /// The vectors mention RSV where it is not 00, and have it ignored: so it must not show up in what is encoded.
    fn with_reserved(mut self, octets: &[u8]) -> Self {
        match (octets.get(2), self.encoded.get(2)) {
            (Some(&received), Some(0)) if received != 0 => self.fields["rsv_ignored"] = json!(received),
            _ => {}
        }
        self
    }
}

/// Where RSV is.
fn reserved(kind: &str) -> Range<usize> {
    match kind {
        "request" | "reply" => 2..3,
        "udp" => 0..2,
        _ => 0..0,
    }
}

fn encoded<'a>(message: &impl Message<'a>) -> Result<Vec<u8>, String> {
    let mut out = vec![0xA5; message.encoded_len()];
    let len = message.encode(&mut out).map_err(|error| format!("does not encode: {error}"))?;
    same("encoded length", len, out.len())?;
    Ok(out)
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
        let parsed = ip.as_str().and_then(|ip| ip.parse::<IpAddr>().ok()).ok_or("the IP address is none")?;
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
    value.as_object().ok_or_else(|| format!("no object: {value}"))
}

fn field<'v>(value: &'v Value, key: &str) -> Result<&'v Value, String> {
    value.get(key).ok_or_else(|| format!("there is no {key}"))
}

fn text<'v>(value: &'v Value, key: &str) -> Result<&'v str, String> {
    field(value, key)?.as_str().ok_or_else(|| format!("{key} is no text"))
}

fn same<T: PartialEq<U> + Debug, U: Debug>(what: &str, found: T, expected: U) -> Verdict {
    if found == expected { Ok(()) } else { Err(format!("{what}: found {found:?}, expected {expected:?}")) }
}

fn hex(octets: &[u8]) -> String {
    octets.iter().map(|octet| format!("{octet:02x}")).collect()
}

fn unhex(digits: &str) -> Result<Vec<u8>, String> {
    let pairs = digits.as_bytes().chunks(2).map(|pair| str::from_utf8(pair).unwrap_or_default());
    let octets = pairs.map(|pair| u8::from_str_radix(pair, 16).ok().filter(|_| pair.len() == 2));
    octets.collect::<Option<_>>().ok_or_else(|| format!("no hexadecimal octets: {digits}"))
}
