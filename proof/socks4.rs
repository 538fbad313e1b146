//! SOCKS4: decoders, states and the encoder of replies.

use core::net::{Ipv4Addr, SocketAddrV4};

use socks5_sansio::socks4::{self, Asked, Reply, ReplyCode, Request, UserId};
use socks5_sansio::{Decode, Encode, Endpoint};

use crate::decode::decoded;
use crate::encode::{Value, encoders, written};
use crate::state::{CLOSED, OTHER, TRUNCATED, received, server_error};
use crate::{Bytes, Out, Report, Words};

fn address(report: &mut Report<'_>, address: SocketAddrV4) {
    report.put([u32::from(*address.ip()).into(), address.port().into()]);
}

fn request(report: &mut Report<'_>, input: Bytes, request: &Request<'_>) {
    report.put([request.command().0.into()]);
    report.put(input.position(request.user_id().as_bytes()));
    report.endpoint(input, &request.destination());
}

fn error(report: &mut Report<'_>, error: socks4::Error) {
    use socks4::Error::{Closed, Invalid, Refused, Truncated};
    match error {
        Invalid(invalid) => {
            report.put([7]);
            report.invalid(invalid);
        }
        Refused(code) => report.put([16, code.0.into()]),
        Closed => report.put([CLOSED]),
        Truncated => report.put([TRUNCATED]),
        _ => report.put([OTHER]),
    }
}

#[unsafe(no_mangle)]
pub extern "C" fn socks4_decode_reply(input: Bytes, words: *mut Words) {
    decoded(words, Reply::decode(input.get()), |report, reply| {
        report.put([reply.code.0.into()]);
        address(report, reply.bound);
    });
}

#[unsafe(no_mangle)]
pub extern "C" fn socks4_decode_request(input: Bytes, words: *mut Words) {
    decoded(words, Request::decode(input.get()), |report, message| request(report, input, &message));
}

#[unsafe(no_mangle)]
pub extern "C" fn socks4_server_request(input: Bytes, words: *mut Words) {
    let value = |report: &mut Report<'_>, (message, asked): (Request<'_>, Asked)| {
        report.put([match asked {
            Asked::Connect(_) => 1,
            Asked::Bind(_) => 2,
            Asked::Other(..) => 4,
        }]);
        request(report, input, &message);
    };
    received(socks4::ReceiveRequest::new(), input, words, value, server_error);
}

#[unsafe(no_mangle)]
pub extern "C" fn socks4_client_reply(input: Bytes, words: *mut Words) {
    let Ok((_, state)) = socks4::connect(Endpoint::UNSPECIFIED, UserId::EMPTY) else { return };
    received(state, input, words, address, error);
}

#[unsafe(no_mangle)]
pub extern "C" fn socks4_client_listening(input: Bytes, words: *mut Words) {
    let Ok((_, state)) = socks4::bind(Endpoint::UNSPECIFIED, UserId::EMPTY) else { return };
    received(state, input, words, |report, (bound, _)| address(report, bound), error);
}

pub(crate) fn reply(value: &Value) -> Reply {
    let [_, ip, port] = value.address;
    Reply { code: ReplyCode(value.code as u8), bound: SocketAddrV4::new(Ipv4Addr::from(ip as u32), port as u16) }
}

encoders! {
    socks4_encode_reply(value) => Some(reply(value));
}

/// Encodes a request that was decoded: any that can be made.
#[unsafe(no_mangle)]
pub extern "C" fn socks4_encode_request(input: Bytes, words: *mut Words, out: Out) {
    let Ok((request, _)) = Request::decode(input.get()) else { return };
    written(words, request.encode(out.get()));
}
