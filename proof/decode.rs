//! Decoders: the value and its length, or how many bytes are missing, or why the input is malformed.

use socks5_sansio::{
    Decode, DecodeError, Endpoint, GssapiMessage, GssapiToken, Method, MethodOffer, MethodSelection, Reply, Request,
    UdpHeader, UserPass, UserPassStatus,
};

use crate::{Bytes, Report, Words};

pub(crate) fn decoded<T>(
    words: *mut Words,
    result: Result<(T, usize), DecodeError>,
    value: impl FnOnce(&mut Report<'_>, T),
) {
    let mut report = Report::new(words);
    match result {
        Ok((message, used)) => {
            report.put([0, used as u64]);
            value(&mut report, message);
        }
        Err(DecodeError::Incomplete(missing)) => report.put([1, missing.get() as u64]),
        Err(DecodeError::Invalid(invalid)) => {
            report.put([2]);
            report.invalid(invalid);
        }
    }
}

macro_rules! decoders {
    ($($name:ident: $message:ty, $report:ident, $input:ident, $value:ident => $words:expr;)*) => {
        $(#[unsafe(no_mangle)]
        pub extern "C" fn $name($input: Bytes, words: *mut Words) {
            $crate::decode::decoded(words, <$message>::decode($input.get()), |$report, $value| $words);
        })*
    };
}

pub(crate) use decoders;

decoders! {
    decode_method_selection: MethodSelection, report, _input, selection => report.put([selection.method.0.into()]);
    decode_user_pass: UserPass<'_>, report, input, given => {
        report.put(input.position(given.username()));
        report.put(input.position(given.password()));
    };
    decode_user_pass_status: UserPassStatus, report, _input, status => report.put([status.0.into(), status.is_success().into()]);
    decode_request: Request<'_>, report, input, request => {
        report.put([request.command.0.into()]);
        report.endpoint(input, &request.destination);
    };
    decode_reply: Reply<'_>, report, input, reply => {
        report.put([reply.code.0.into()]);
        report.endpoint(input, &reply.bound);
    };
    decode_endpoint: Endpoint<'_>, report, input, endpoint => report.endpoint(input, &endpoint);
    decode_gssapi_message: GssapiMessage<'_>, report, input, message => {
        report.put([message.message_type().into()]);
        if let Some(token) = token(message) {
            report.put(input.position(token.as_bytes()));
        }
    };
}

fn token(message: GssapiMessage<'_>) -> Option<GssapiToken<'_>> {
    match message {
        GssapiMessage::Authentication(token)
        | GssapiMessage::ProtectionLevel(token)
        | GssapiMessage::Encapsulated(token) => Some(token),
        GssapiMessage::Abort => None,
    }
}

/// With the method at one position of the offer.
#[unsafe(no_mangle)]
pub extern "C" fn decode_method_offer(input: Bytes, words: *mut Words, position: usize) {
    decoded(words, MethodOffer::decode(input.get()), |report, offer| {
        report.put([offer.methods().size_hint().0 as u64]);
        report.put([offer.methods().nth(position).map_or(256, |method| method.0.into())]);
    });
}

/// Whether a method is in the offer.
#[unsafe(no_mangle)]
pub extern "C" fn offer_contains(input: Bytes, words: *mut Words, method: u8) {
    decoded(words, MethodOffer::decode(input.get()), |report, offer| {
        report.put([offer.contains(Method(method)).into()])
    });
}

#[unsafe(no_mangle)]
pub extern "C" fn peek_reply_code(input: Bytes, words: *mut Words) {
    decoded(words, Reply::peek_code(input.get()).map(|code| (code, 0)), |report, code| report.put([code.0.into()]));
}

#[unsafe(no_mangle)]
pub extern "C" fn split_udp_header(input: Bytes, words: *mut Words) {
    let mut report = Report::new(words);
    match UdpHeader::split(input.get()) {
        Ok((header, data)) => {
            report.put([0]);
            report.put(input.position(data));
            report.put([header.fragment.0.into()]);
            report.endpoint(input, &header.endpoint);
        }
        Err(invalid) => {
            report.put([2]);
            report.invalid(invalid);
        }
    }
}
