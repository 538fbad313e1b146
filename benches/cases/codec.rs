//! Messages, one at a time.

use std::hint::black_box;
use std::net::{Ipv4Addr, Ipv6Addr};
use std::num::NonZeroUsize;

use socks5_sansio::{
    Address, Decode, Domain, Encode, Endpoint, GssapiMessage, GssapiToken, Method, MethodOffer, MethodSelection, Reply,
    Request, UdpHeader, UserPass, UserPassStatus,
};

use super::{Case, cases, header, reply, request, same};
use crate::floor::{self, Addressed, Gssapi};

pub fn all() -> impl Iterator<Item = &'static Case> {
    [
        DECODE_SELECTION,
        DECODE_STATUS,
        DECODE_OFFER,
        DECODE,
        SPLIT,
        ENCODE,
        ENCODE_OFFER,
        PREPEND,
        SEGMENTS,
        VERIFY,
        VERIFY_LONGEST,
    ]
    .into_iter()
    .flatten()
}

const OFFER: &[u8] = b"\x05\x03\x00\x01\x02";
const SELECTION: &[u8] = b"\x05\x02";
const USER_PASS: &[u8] = b"\x01\x05alice\x06s3cret";
const STATUS: &[u8] = b"\x01\x00";
const GSSAPI: &[u8] = b"\x01\x01\x00\x20a token of thirty-two bytes ....";
const TOKEN: &[u8] = b"a token of thirty-two bytes ....";
const IPV4: &[u8] = b"\x05\x01\x00\x01\xC0\x00\x02\x01\x00\x50";
const NAME: &[u8] = b"\x05\x01\x00\x03\x0Fwww.example.com\x00\x50";
const IPV6: &[u8] = b"\x05\x01\x00\x04\x20\x01\x0D\xB8\0\0\0\0\0\0\0\0\0\0\0\x01\x00\x50";

type Bytes<'a> = &'a [u8];
type Decoded<T> = (T, usize);

cases! { DECODE_OFFER within 2.2:
    decode_offer(OFFER.len())
        ours(input: &'a [u8] = OFFER) -> Decoded<MethodOffer<'a>> {
            let Ok(decoded) = MethodOffer::decode(input) else { panic!() };
            decoded
        }
        floor(input: &'a [u8] = OFFER) -> Decoded<Bytes<'a>> { floor::offer(input) }
        plain |(offer, used): Decoded<MethodOffer<'_>>| {
            assert!(offer.methods().eq([0, 1, 2].map(Method)));
            (&OFFER[2..], used)
        };
}

cases! { DECODE_SELECTION within 1.5:
    decode_selection(SELECTION.len())
        ours(input: &'a [u8] = SELECTION) -> Decoded<MethodSelection> {
            let Ok(decoded) = MethodSelection::decode(input) else { panic!() };
            decoded
        }
        floor(input: &'a [u8] = SELECTION) -> Decoded<u8> { floor::answer(input) }
        plain |(selection, used): Decoded<MethodSelection>| (selection.method.0, used);
}

// A status may have either of two versions.
cases! { DECODE_STATUS within 2.0:
    decode_status(STATUS.len())
        ours(input: &'a [u8] = STATUS) -> Decoded<UserPassStatus> {
            let Ok(decoded) = UserPassStatus::decode(input) else { panic!() };
            decoded
        }
        floor(input: &'a [u8] = STATUS) -> Decoded<u8> { floor::answer(input) }
        plain |(status, used): Decoded<UserPassStatus>| (status.0, used);
}

cases! { DECODE within 1.7:
    decode_user_pass(USER_PASS.len())
        ours(input: &'a [u8] = USER_PASS) -> Decoded<UserPass<'a>> {
            let Ok(decoded) = UserPass::decode(input) else { panic!() };
            decoded
        }
        floor(input: &'a [u8] = USER_PASS) -> Decoded<(Bytes<'a>, Bytes<'a>)> { floor::user_pass(input) }
        plain |(given, used): Decoded<UserPass<'static>>| ((given.username(), given.password()), used);
    decode_gssapi(GSSAPI.len())
        ours(input: &'a [u8] = GSSAPI) -> Decoded<GssapiMessage<'a>> {
            let Ok(decoded) = GssapiMessage::decode(input) else { panic!() };
            decoded
        }
        floor(input: &'a [u8] = GSSAPI) -> Decoded<Gssapi<'a>> { floor::gssapi(input) }
        plain |(message, used): Decoded<GssapiMessage<'static>>| {
            let GssapiMessage::Authentication(token) = message else { panic!() };
            (Gssapi::Authentication(token.as_bytes()), used)
        };
    decode_request_ipv4(IPV4.len())
        ours(input: &'a [u8] = IPV4) -> Decoded<Request<'a>> {
            let Ok(decoded) = Request::decode(input) else { panic!() };
            decoded
        }
        floor(input: &'a [u8] = IPV4) -> Decoded<Addressed<'a>> { floor::request(input) }
        plain |(decoded, used)| (request(decoded), used);
    decode_request_name(NAME.len())
        ours(input: &'a [u8] = NAME) -> Decoded<Request<'a>> {
            let Ok(decoded) = Request::decode(input) else { panic!() };
            decoded
        }
        floor(input: &'a [u8] = NAME) -> Decoded<Addressed<'a>> { floor::request(input) }
        plain |(decoded, used)| (request(decoded), used);
    decode_request_ipv6(IPV6.len())
        ours(input: &'a [u8] = IPV6) -> Decoded<Request<'a>> {
            let Ok(decoded) = Request::decode(input) else { panic!() };
            decoded
        }
        floor(input: &'a [u8] = IPV6) -> Decoded<Addressed<'a>> { floor::request(input) }
        plain |(decoded, used)| (request(decoded), used);
    decode_reply_ipv4(IPV4.len())
        ours(input: &'a [u8] = IPV4) -> Decoded<Reply<'a>> {
            let Ok(decoded) = Reply::decode(input) else { panic!() };
            decoded
        }
        floor(input: &'a [u8] = IPV4) -> Decoded<Addressed<'a>> { floor::request(input) }
        plain |(decoded, used)| (reply(decoded), used);
    decode_reply_name(NAME.len())
        ours(input: &'a [u8] = NAME) -> Decoded<Reply<'a>> {
            let Ok(decoded) = Reply::decode(input) else { panic!() };
            decoded
        }
        floor(input: &'a [u8] = NAME) -> Decoded<Addressed<'a>> { floor::request(input) }
        plain |(decoded, used)| (reply(decoded), used);
    decode_reply_ipv6(IPV6.len())
        ours(input: &'a [u8] = IPV6) -> Decoded<Reply<'a>> {
            let Ok(decoded) = Reply::decode(input) else { panic!() };
            decoded
        }
        floor(input: &'a [u8] = IPV6) -> Decoded<Addressed<'a>> { floor::request(input) }
        plain |(decoded, used)| (reply(decoded), used);
}

cases! { SPLIT within 1.7:
    split_ipv4(IPV4.len())
        ours(datagram: &'a [u8] = IPV4) -> (UdpHeader<'a>, Bytes<'a>) {
            let Ok(split) = UdpHeader::split(datagram) else { panic!() };
            split
        }
        floor(datagram: &'a [u8] = IPV4) -> (Addressed<'a>, Bytes<'a>) { floor::datagram(datagram) }
        plain |(split, data)| (header(split), data);
    split_name(NAME.len())
        ours(datagram: &'a [u8] = NAME) -> (UdpHeader<'a>, Bytes<'a>) {
            let Ok(split) = UdpHeader::split(datagram) else { panic!() };
            split
        }
        floor(datagram: &'a [u8] = NAME) -> (Addressed<'a>, Bytes<'a>) { floor::datagram(datagram) }
        plain |(split, data)| (header(split), data);
    split_ipv6(IPV6.len())
        ours(datagram: &'a [u8] = IPV6) -> (UdpHeader<'a>, Bytes<'a>) {
            let Ok(split) = UdpHeader::split(datagram) else { panic!() };
            split
        }
        floor(datagram: &'a [u8] = IPV6) -> (Addressed<'a>, Bytes<'a>) { floor::datagram(datagram) }
        plain |(split, data)| (header(split), data);
}

const TO_IPV4: Endpoint<'_> = Endpoint { address: Address::Ipv4(Ipv4Addr::new(192, 0, 2, 1)), port: 80 };
const TO_IPV6: Endpoint<'_> =
    Endpoint { address: Address::Ipv6(Ipv6Addr::new(0x2001, 0xDB8, 0, 0, 0, 0, 0, 1)), port: 80 };

fn to_name() -> Endpoint<'static> {
    Endpoint::from((Domain::new("www.example.com").unwrap(), 80))
}

const FLOOR_IPV4: floor::Endpoint<'_> =
    floor::Endpoint { address: floor::Address::Ipv4(Ipv4Addr::new(192, 0, 2, 1)), port: 80 };
const FLOOR_NAME: floor::Endpoint<'_> =
    floor::Endpoint { address: floor::Address::Domain(b"www.example.com"), port: 80 };
const FLOOR_IPV6: floor::Endpoint<'_> =
    floor::Endpoint { address: floor::Address::Ipv6(Ipv6Addr::new(0x2001, 0xDB8, 0, 0, 0, 0, 0, 1)), port: 80 };

/// Enough for all of these messages.
const ROOM: usize = 64;

cases! { ENCODE within 1.7:
    encode_selection(SELECTION.len())
        ours(
            message: MethodSelection = MethodSelection { method: Method(2) },
            out: &'a mut [u8] = &mut [0; ROOM]
        ) -> &'a [u8] {
            let Ok(len) = message.encode(out) else { panic!() };
            &out[..len]
        }
        floor(message: u8 = 2, out: &'a mut [u8] = &mut [0; ROOM]) -> &'a [u8] {
            let len = floor::encode_answer(5, message, out);
            &out[..len]
        }
        plain same;
    encode_user_pass(USER_PASS.len())
        ours(
            message: &UserPass<'_> = &UserPass::new("alice", "s3cret").unwrap(),
            out: &'a mut [u8] = &mut [0; ROOM]
        ) -> &'a [u8] {
            let Ok(len) = message.encode(out) else { panic!() };
            &out[..len]
        }
        floor(message: (&[u8], &[u8]) = (b"alice", b"s3cret"), out: &'a mut [u8] = &mut [0; ROOM]) -> &'a [u8] {
            let len = floor::encode_user_pass(message, out);
            &out[..len]
        }
        plain same;
    encode_status(STATUS.len())
        ours(message: UserPassStatus = UserPassStatus(0), out: &'a mut [u8] = &mut [0; ROOM]) -> &'a [u8] {
            let Ok(len) = message.encode(out) else { panic!() };
            &out[..len]
        }
        floor(message: u8 = 0, out: &'a mut [u8] = &mut [0; ROOM]) -> &'a [u8] {
            let len = floor::encode_answer(1, message, out);
            &out[..len]
        }
        plain same;
    encode_gssapi(GSSAPI.len())
        ours(
            message: GssapiMessage<'_> = GssapiMessage::Authentication(GssapiToken::new(TOKEN).unwrap()),
            out: &'a mut [u8] = &mut [0; ROOM]
        ) -> &'a [u8] {
            let Ok(len) = message.encode(out) else { panic!() };
            &out[..len]
        }
        floor(message: Gssapi<'_> = Gssapi::Authentication(TOKEN), out: &'a mut [u8] = &mut [0; ROOM]) -> &'a [u8] {
            let len = floor::encode_gssapi(&message, out);
            &out[..len]
        }
        plain same;
    encode_request_ipv4(IPV4.len())
        ours(message: &Request<'_> = &Request::connect(TO_IPV4), out: &'a mut [u8] = &mut [0; ROOM]) -> &'a [u8] {
            let Ok(len) = message.encode(out) else { panic!() };
            &out[..len]
        }
        floor(message: (u8, &floor::Endpoint<'_>) = (1, &FLOOR_IPV4), out: &'a mut [u8] = &mut [0; ROOM]) -> &'a [u8] {
            let len = floor::encode([5, message.0, 0], message.1, out);
            &out[..len]
        }
        plain same;
    encode_request_name(NAME.len())
        ours(message: &Request<'_> = &Request::connect(to_name()), out: &'a mut [u8] = &mut [0; ROOM]) -> &'a [u8] {
            let Ok(len) = message.encode(out) else { panic!() };
            &out[..len]
        }
        floor(message: (u8, &floor::Endpoint<'_>) = (1, &FLOOR_NAME), out: &'a mut [u8] = &mut [0; ROOM]) -> &'a [u8] {
            let len = floor::encode([5, message.0, 0], message.1, out);
            &out[..len]
        }
        plain same;
    encode_request_ipv6(IPV6.len())
        ours(message: &Request<'_> = &Request::connect(TO_IPV6), out: &'a mut [u8] = &mut [0; ROOM]) -> &'a [u8] {
            let Ok(len) = message.encode(out) else { panic!() };
            &out[..len]
        }
        floor(message: (u8, &floor::Endpoint<'_>) = (1, &FLOOR_IPV6), out: &'a mut [u8] = &mut [0; ROOM]) -> &'a [u8] {
            let len = floor::encode([5, message.0, 0], message.1, out);
            &out[..len]
        }
        plain same;
    encode_reply_ipv4(IPV4.len())
        ours(message: &Reply<'_> = &Reply::succeeded(TO_IPV4), out: &'a mut [u8] = &mut [0; ROOM]) -> &'a [u8] {
            let Ok(len) = message.encode(out) else { panic!() };
            &out[..len]
        }
        floor(message: (u8, &floor::Endpoint<'_>) = (0, &FLOOR_IPV4), out: &'a mut [u8] = &mut [0; ROOM]) -> &'a [u8] {
            let len = floor::encode([5, message.0, 0], message.1, out);
            &out[..len]
        }
        plain same;
    encode_reply_name(NAME.len())
        ours(message: &Reply<'_> = &Reply::succeeded(to_name()), out: &'a mut [u8] = &mut [0; ROOM]) -> &'a [u8] {
            let Ok(len) = message.encode(out) else { panic!() };
            &out[..len]
        }
        floor(message: (u8, &floor::Endpoint<'_>) = (0, &FLOOR_NAME), out: &'a mut [u8] = &mut [0; ROOM]) -> &'a [u8] {
            let len = floor::encode([5, message.0, 0], message.1, out);
            &out[..len]
        }
        plain same;
    encode_reply_ipv6(IPV6.len())
        ours(message: &Reply<'_> = &Reply::succeeded(TO_IPV6), out: &'a mut [u8] = &mut [0; ROOM]) -> &'a [u8] {
            let Ok(len) = message.encode(out) else { panic!() };
            &out[..len]
        }
        floor(message: (u8, &floor::Endpoint<'_>) = (0, &FLOOR_IPV6), out: &'a mut [u8] = &mut [0; ROOM]) -> &'a [u8] {
            let len = floor::encode([5, message.0, 0], message.1, out);
            &out[..len]
        }
        plain same;
}

cases! { ENCODE_OFFER within 2.2:
    encode_offer(OFFER.len())
        ours(
            message: MethodOffer<'_> = MethodOffer::of(&[0, 1, 2]),
            out: &'a mut [u8] = &mut [0; ROOM]
        ) -> &'a [u8] {
            let Ok(len) = message.encode(out) else { panic!() };
            &out[..len]
        }
        floor(message: &[u8] = &[0, 1, 2], out: &'a mut [u8] = &mut [0; ROOM]) -> &'a [u8] {
            let len = floor::encode_offer(message, out);
            &out[..len]
        }
        plain same;
}

cases! { PREPEND within 1.7:
    prepend_ipv4(IPV4.len())
        ours(header: &UdpHeader<'a> = &UdpHeader::new(TO_IPV4), headroom: &mut [u8] = &mut [0; ROOM]) -> usize {
            let Ok(start) = header.prepend(headroom) else { panic!() };
            start
        }
        floor(from: &floor::Endpoint<'a> = &FLOOR_IPV4, headroom: &mut [u8] = &mut [0; ROOM]) -> usize {
            floor::prepend(from, headroom)
        }
        plain same;
    prepend_name(NAME.len())
        ours(header: &UdpHeader<'a> = &UdpHeader::new(to_name()), headroom: &mut [u8] = &mut [0; ROOM]) -> usize {
            let Ok(start) = header.prepend(headroom) else { panic!() };
            start
        }
        floor(from: &floor::Endpoint<'a> = &FLOOR_NAME, headroom: &mut [u8] = &mut [0; ROOM]) -> usize {
            floor::prepend(from, headroom)
        }
        plain same;
    prepend_ipv6(IPV6.len())
        ours(header: &UdpHeader<'a> = &UdpHeader::new(TO_IPV6), headroom: &mut [u8] = &mut [0; ROOM]) -> usize {
            let Ok(start) = header.prepend(headroom) else { panic!() };
            start
        }
        floor(from: &floor::Endpoint<'a> = &FLOOR_IPV6, headroom: &mut [u8] = &mut [0; ROOM]) -> usize {
            floor::prepend(from, headroom)
        }
        plain same;
}

const SEGMENT: NonZeroUsize = NonZeroUsize::new(1200).unwrap();
const STRIDE: NonZeroUsize = SEGMENT.saturating_add(IPV4.len());
const SEGMENTS_LEN: usize = 40 * SEGMENT.get();
const DATAGRAMS_LEN: usize = 40 * STRIDE.get();

fn datagrams() -> Vec<u8> {
    let mut datagrams = vec![0; DATAGRAMS_LEN];
    floor::prepend_each(&FLOOR_IPV4, &[0; SEGMENTS_LEN], SEGMENT.get(), &mut datagrams);
    datagrams
}

cases! { SEGMENTS within 1.7:
    prepend_each(SEGMENTS_LEN)
        ours(
            header: &UdpHeader<'_> = &UdpHeader::new(TO_IPV4),
            data: &[u8] = &[0; SEGMENTS_LEN],
            out: &'a mut [u8] = &mut [0; DATAGRAMS_LEN]
        ) -> &'a [u8] {
            let Ok(len) = header.prepend_each(data, SEGMENT, out) else { panic!() };
            &out[..len]
        }
        floor(
            to: &floor::Endpoint<'_> = &FLOOR_IPV4,
            data: &[u8] = &[0; SEGMENTS_LEN],
            out: &'a mut [u8] = &mut [0; DATAGRAMS_LEN]
        ) -> &'a [u8] {
            let len = floor::prepend_each(to, data, SEGMENT.get(), out);
            &out[..len]
        }
        plain same;
    run(DATAGRAMS_LEN)
        ours(datagrams: &[u8] = &datagrams()) -> (usize, usize) {
            let Some(Ok(run)) = UdpHeader::runs(datagrams, STRIDE).next() else { panic!() };
            run.data().fold((0, 0), |(count, len), data| (count + 1, len + data.len()))
        }
        floor(datagrams: &[u8] = &datagrams()) -> (usize, usize) { floor::run(datagrams, STRIDE.get()) }
        plain same;
}

/// Credentials of equal lengths, and the same twice. `==` is the floor: it stops at the first difference.
macro_rules! verify {
    ($table:ident within $limit:literal: $($name:ident($len:literal);)+) => {
        cases! { $table within $limit: $(
            $name(2 * $len)
                ours(
                    given: &UserPass<'_> = &UserPass::new(&[b'x'; $len], &[b'y'; $len]).unwrap(),
                    expected: &UserPass<'_> = &UserPass::new(&[b'x'; $len], &[b'y'; $len]).unwrap()
                ) -> bool {
                    given.verify(expected)
                }
                floor(
                    given: (&[u8], &[u8]) = (&[b'x'; $len], &[b'y'; $len]),
                    expected: (&[u8], &[u8]) = (&[b'x'; $len], &[b'y'; $len])
                ) -> bool {
                    given == expected
                }
                plain same;
        )+ }
    };
}

verify! { VERIFY within 3.0:
    verify_8(8);
    verify_64(64);
}
verify! { VERIFY_LONGEST within 4.0:
    verify_255(255);
}
