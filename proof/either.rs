//! SOCKS5 and SOCKS4 on one port.

use socks5_sansio::either::{Asked, Protocol, ReceiveProtocol, Reply};
use socks5_sansio::{Encode, Endpoint, ReplyCode, server, socks4};

use crate::encode::{Value, encoders, written};
use crate::socks4::reply;
use crate::state::{receive_request_state, received, server_error};
use crate::{Bytes, Out, Report, Words};

#[unsafe(no_mangle)]
pub extern "C" fn either_protocol(input: Bytes, words: *mut Words) {
    let value = |report: &mut Report<'_>, protocol| {
        report.put([match protocol {
            Protocol::Socks5(_) => 5,
            Protocol::Socks4(_) => 4,
        }]);
    };
    received(ReceiveProtocol::new(), input, words, value, server_error);
}

/// The command, which permit it is, and the protocol of its reply.
fn asked(report: &mut Report<'_>, asked: Asked) {
    report.put([asked.command().0.into()]);
    report.put([match asked {
        Asked::Connect(_) => 1,
        Asked::Bind(_) => 2,
        Asked::UdpAssociate(_) => 3,
        Asked::Other(..) => 4,
    }]);
    report.put([match asked.refuse(ReplyCode::GENERAL_FAILURE) {
        Reply::Socks5(_) => 5,
        Reply::Socks4(_) => 4,
    }]);
}

#[unsafe(no_mangle)]
pub extern "C" fn either_socks5_request(input: Bytes, words: *mut Words) {
    let Some(state) = receive_request_state() else { return };
    let value = |report: &mut Report<'_>, (_, permit): (Endpoint<'_>, server::Asked)| asked(report, permit.into());
    received(state, input, words, value, server_error);
}

#[unsafe(no_mangle)]
pub extern "C" fn either_socks4_request(input: Bytes, words: *mut Words) {
    let value =
        |report: &mut Report<'_>, (_, permit): (socks4::Request<'_>, socks4::Asked)| asked(report, permit.into());
    received(socks4::ReceiveRequest::new(), input, words, value, server_error);
}

fn either_reply(value: &Value) -> Option<Reply<'static>> {
    match value.kind {
        0 => Some(Reply::Socks4(reply(value))),
        _ => value.reply().map(Reply::Socks5),
    }
}

encoders! {
    encode_either_reply(value) => either_reply(value);
}
