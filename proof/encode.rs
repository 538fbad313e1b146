//! Encoders: every value, made from the arguments, into an output of any length.

use core::net::{Ipv4Addr, Ipv6Addr};

use socks5_sansio::{
    Address, BufferTooSmall, Command, Domain, Encode, Endpoint, Fragment, GssapiMessage, GssapiToken, Method,
    MethodOffer, MethodSelection, Reply, ReplyCode, Request, UdpHeader, UserPass, UserPassStatus,
};

use crate::{Bytes, Out, Report, Words};

/// An endpoint of one kind, by ATYP: of an address in `high` and `low`, or of a name; and of a port.
fn endpoint(kind: u64, [high, low, port]: [u64; 3], name: Bytes) -> Option<Endpoint<'static>> {
    let address = match kind {
        1 => Address::Ipv4(Ipv4Addr::from(low as u32)),
        4 => Address::Ipv6(Ipv6Addr::from(u128::from(high) << 64 | u128::from(low))),
        _ => Address::Domain(Domain::new(name.get()).ok()?),
    };
    Some(Endpoint { address, port: port as u16 })
}

pub(crate) fn written(words: *mut Words, result: Result<usize, BufferTooSmall>) {
    Report::new(words).put(match result {
        Ok(len) => [0, len as u64],
        Err(BufferTooSmall { needed }) => [1, needed as u64],
    });
}

/// The arguments of an encoder: a code, the kind and the parts of an endpoint or message, and two strings.
#[repr(C)]
pub struct Value {
    pub(crate) code: u64,
    pub(crate) kind: u64,
    pub(crate) address: [u64; 3],
    strings: [Bytes; 2],
}

impl Value {
    pub(crate) fn endpoint(&self) -> Option<Endpoint<'static>> {
        endpoint(self.kind, self.address, self.strings[0])
    }

    pub(crate) fn reply(&self) -> Option<Reply<'static>> {
        self.endpoint().map(|bound| Reply { code: ReplyCode(self.code as u8), bound })
    }

    pub(crate) fn udp_header(&self) -> Option<UdpHeader<'static>> {
        self.endpoint().map(|endpoint| UdpHeader { fragment: Fragment(self.code as u8), endpoint })
    }

    pub(crate) fn data(&self) -> &'static [u8] {
        self.strings[1].get()
    }
}

macro_rules! encoders {
    ($($name:ident($value:ident) => $message:expr;)*) => {
        $(#[unsafe(no_mangle)]
        pub extern "C" fn $name(value: *const Value, words: *mut Words, out: Out) {
            let $value = unsafe { &*value };
            let Some(message) = $message else { return };
            written(words, message.encode(out.get()));
        })*
    };
}

pub(crate) use encoders;

encoders! {
    encode_method_offer(value) => MethodOffer::new(value.strings[0].get()).ok();
    encode_method_selection(value) => Some(MethodSelection { method: Method(value.code as u8) });
    encode_user_pass(value) => UserPass::new(value.strings[0].get(), value.strings[1].get()).ok();
    encode_user_pass_status(value) => Some(UserPassStatus(value.code as u8));
    encode_request(value) => value.endpoint().map(|destination| Request { command: Command(value.code as u8), destination });
    encode_reply(value) => value.reply();
    encode_udp_header(value) => value.udp_header();
    encode_endpoint(value) => value.endpoint();
    encode_gssapi_message(value) => message(value);
}

fn message(value: &Value) -> Option<GssapiMessage<'static>> {
    let token = GssapiToken::new(value.strings[0].get()).ok()?;
    Some(match value.kind {
        1 => GssapiMessage::Authentication(token),
        2 => GssapiMessage::ProtectionLevel(token),
        3 => GssapiMessage::Encapsulated(token),
        _ => GssapiMessage::Abort,
    })
}

/// The header is written at the end of `out`.
#[unsafe(no_mangle)]
pub extern "C" fn prepend_udp_header(value: *const Value, words: *mut Words, out: Out) {
    let value = unsafe { &*value };
    let Some(header) = value.udp_header() else { return };
    written(words, header.prepend(out.get()));
}
