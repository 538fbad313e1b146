//! States: how many bytes are missing, and what `receive` returns or which error with which closing reply. `receive` is called
//! whatever is missing, as it is at the end of a stream.

use socks5_sansio::client::{self, SendRequest};
use socks5_sansio::gssapi;
use socks5_sansio::server::{self, Asked, ChooseMethod, Login, ReceiveOffer, ReceiveRequest, ReceiveUserPass};
use socks5_sansio::{Endpoint, GssapiToken, Method, MethodOffer, Receive, ReplyCode, UserPass};

use crate::{Bytes, Report, Words};

pub(crate) fn received<S: Receive>(
    state: S,
    input: Bytes,
    words: *mut Words,
    value: impl for<'i> FnOnce(&mut Report<'_>, S::Received<'i>),
    error: impl FnOnce(&mut Report<'_>, S::Error),
) {
    let mut report = Report::new(words);
    report.put([state.missing(input.get()).map_or(0, |missing| missing.get() as u64)]);
    match state.receive(input.get()) {
        Ok((received, used)) => {
            report.put([0, used as u64]);
            value(&mut report, received);
        }
        Err(failed) => {
            let closing = S::closing_reply(&failed);
            let number = closing.iter().fold(0, |number: u128, byte| number << 8 | u128::from(*byte));
            report.put([1, closing.len() as u64, (number >> 64) as u64, number as u64]);
            error(&mut report, failed);
        }
    }
}

const SILENT: u64 = 10;
pub(crate) const CLOSED: u64 = 11;
pub(crate) const TRUNCATED: u64 = 12;
pub(crate) const OTHER: u64 = 99;

pub(crate) fn server_error(report: &mut Report<'_>, error: server::Error) {
    use server::Error::{Closed, Offer, Request, Silent, Socks4, Truncated, UserPass};
    let mut malformed = |message: u64, invalid| {
        report.put([message]);
        report.invalid(invalid);
    };
    match error {
        Offer(invalid) => malformed(1, invalid),
        UserPass(invalid) => malformed(2, invalid),
        Request(invalid) => malformed(3, invalid),
        Socks4(invalid) => malformed(6, invalid),
        Silent => report.put([SILENT]),
        Closed => report.put([CLOSED]),
        Truncated => report.put([TRUNCATED]),
        _ => report.put([OTHER]),
    }
}

fn client_error(report: &mut Report<'_>, error: client::Error) {
    use client::Error::{Closed, Invalid, NoAcceptableMethods, NotOffered, Refused, Rejected, Truncated};
    match error {
        Invalid(invalid) => {
            report.put([4]);
            report.invalid(invalid);
        }
        NoAcceptableMethods => report.put([13]),
        NotOffered(method) => report.put([14, method.0.into()]),
        Rejected(status) => report.put([15, status.0.into()]),
        Refused(code) => report.put([16, code.0.into()]),
        Closed => report.put([CLOSED]),
        Truncated => report.put([TRUNCATED]),
        _ => report.put([OTHER]),
    }
}

fn gssapi_error(report: &mut Report<'_>, error: gssapi::Error) {
    use gssapi::Error::{Aborted, Closed, Invalid, OutOfOrder, Truncated};
    match error {
        Invalid(invalid) => {
            report.put([5]);
            report.invalid(invalid);
        }
        OutOfOrder(message_type) => report.put([17, message_type.into()]),
        Aborted => report.put([18]),
        Closed => report.put([CLOSED]),
        Truncated => report.put([TRUNCATED]),
        _ => report.put([OTHER]),
    }
}

/// The permit that follows an offer. If the offer is a constant, the image has no code for a malformed one.
fn permit(offer: &[u8]) -> Option<ChooseMethod> {
    ReceiveOffer::new().receive(offer).ok().map(|((_, permit), _)| permit)
}

pub(crate) fn receive_request_state() -> Option<ReceiveRequest> {
    permit(&[5, 1, 0])?.no_authentication().ok().map(|(_, state)| state)
}

fn receive_user_pass_state() -> Option<ReceiveUserPass> {
    permit(&[5, 1, 2])?.user_pass().ok().map(|(_, state)| state)
}

#[unsafe(no_mangle)]
pub extern "C" fn server_offer(input: Bytes, words: *mut Words) {
    received(
        ReceiveOffer::new(),
        input,
        words,
        |report, (offer, _)| report.put([offer.methods().size_hint().0 as u64]),
        server_error,
    );
}

/// Whether the move with the number `call` succeeds: for `method`, or for the method that the move implies.
#[unsafe(no_mangle)]
pub extern "C" fn server_choose_method(input: Bytes, words: *mut Words, method: u8, call: u64) {
    let mut report = Report::new(words);
    let Some(permit) = permit(input.get()) else { return report.put([2]) };
    let selected = match call {
        0 => permit.no_authentication().map(|(selection, _)| (selection, 0)),
        1 => permit.user_pass().map(|(selection, _)| (selection, 1)),
        2 => {
            permit.sub_negotiate(Method(method)).map(|(selection, next)| (selection, 256 + u64::from(next.method().0)))
        }
        3 => permit.gssapi().map(|(selection, _)| (selection, 2)),
        4 => login(permit, None, true),
        5 => login(permit, Some(()), true),
        6 => login(permit, Some(()), false),
        _ => Ok((permit.refuse(), 3)),
    };
    match selected {
        Ok((selection, next)) => report.put([0, selection.method.0.into(), next]),
        Err(_) => report.put([1]),
    }
}

fn login(
    permit: ChooseMethod,
    anonymous: Option<()>,
    prefer: bool,
) -> Result<(socks5_sansio::MethodSelection, u64), ChooseMethod> {
    permit.login(anonymous, prefer).map(|(selection, login)| match login {
        Login::Anonymous((), _) => (selection, 0),
        Login::UserPass(_) => (selection, 1),
    })
}

#[unsafe(no_mangle)]
pub extern "C" fn server_user_pass(input: Bytes, words: *mut Words) {
    let Some(state) = receive_user_pass_state() else { return };
    let value = |report: &mut Report<'_>, (given, _): (UserPass<'_>, _)| {
        report.put(input.position(given.username()));
        report.put(input.position(given.password()));
    };
    received(state, input, words, value, server_error);
}

#[unsafe(no_mangle)]
pub extern "C" fn server_request(input: Bytes, words: *mut Words) {
    let Some(state) = receive_request_state() else { return };
    let value = |report: &mut Report<'_>, (destination, asked): (Endpoint<'_>, Asked)| {
        report.put([asked.command().0.into()]);
        report.put([match asked {
            Asked::Connect(_) => 1,
            Asked::Bind(_) => 2,
            Asked::UdpAssociate(_) => 3,
            Asked::Other(..) => 4,
        }]);
        report.endpoint(input, &destination);
    };
    received(state, input, words, value, server_error);
}

#[unsafe(no_mangle)]
pub extern "C" fn client_no_authentication(input: Bytes, words: *mut Words) {
    received(client::anonymous().1, input, words, |_, _| {}, client_error);
}

/// Without credentials, or with those given.
#[unsafe(no_mangle)]
pub extern "C" fn client_selection(input: Bytes, words: *mut Words, with_credentials: u64, username: Bytes) {
    let credentials = match with_credentials {
        0 => None,
        _ => UserPass::new(username.get(), "").ok(),
    };
    let value = |report: &mut Report<'_>, selected: client::Selected<'_>| match selected {
        client::Selected::Request(_) => report.put([0]),
        client::Selected::UserPass(credentials, _) => {
            report.put([1]);
            report.put(username.position(credentials.username()));
        }
    };
    received(client::login(credentials).1, input, words, value, client_error);
}

#[unsafe(no_mangle)]
pub extern "C" fn client_method(input: Bytes, words: *mut Words, offered: Bytes) {
    let Ok(offer) = MethodOffer::new(offered.get()) else { return };
    let value = |report: &mut Report<'_>, selected| match selected {
        client::SelectedMethod::Request(_) => report.put([0]),
        client::SelectedMethod::UserPass(_) => report.put([1]),
        client::SelectedMethod::SubNegotiate(next) => {
            report.put([2, next.method().0.into()]);
            report.put([next.gssapi().is_ok().into()]);
        }
    };
    received(client::offer(offer).1, input, words, value, client_error);
}

fn send_request() -> Option<SendRequest> {
    client::anonymous().1.receive(&[5, 0]).ok().map(|(permit, _)| permit)
}

#[unsafe(no_mangle)]
pub extern "C" fn client_status(input: Bytes, words: *mut Words) {
    let credentials = UserPass::new("", "").ok();
    let Ok((client::Selected::UserPass(_, state), _)) = client::login(credentials).1.receive(&[5, 2]) else { return };
    received(state, input, words, |_, _| {}, client_error);
}

#[unsafe(no_mangle)]
pub extern "C" fn client_reply(input: Bytes, words: *mut Words) {
    let Some(permit) = send_request() else { return };
    let (_, state) = permit.connect(Endpoint::UNSPECIFIED);
    received(state, input, words, |report, bound: Endpoint<'_>| report.endpoint(input, &bound), client_error);
}

#[unsafe(no_mangle)]
pub extern "C" fn client_listening(input: Bytes, words: *mut Words) {
    let Some(permit) = send_request() else { return };
    let (_, state) = permit.bind(Endpoint::UNSPECIFIED);
    received(state, input, words, |report, (bound, _)| report.endpoint(input, &bound), client_error);
}

#[unsafe(no_mangle)]
pub extern "C" fn client_answers(input: Bytes, words: *mut Words, with_credentials: u64) {
    let credentials = match with_credentials {
        0 => None,
        _ => UserPass::new("", "").ok(),
    };
    let (_, state) = client::optimistic(credentials, |permit| permit.connect(Endpoint::UNSPECIFIED));
    received(state, input, words, |report, bound: Endpoint<'_>| report.endpoint(input, &bound), client_error);
}

#[unsafe(no_mangle)]
pub extern "C" fn client_answers_to_bind(input: Bytes, words: *mut Words, with_credentials: u64) {
    let credentials = match with_credentials {
        0 => None,
        _ => UserPass::new("", "").ok(),
    };
    let (_, state) = client::optimistic(credentials, |permit| permit.bind(Endpoint::UNSPECIFIED));
    received(state, input, words, |report, (bound, _)| report.endpoint(input, &bound), client_error);
}

/// The reply code that an error of [`client_answers`] is passed on with.
#[unsafe(no_mangle)]
pub extern "C" fn client_reply_code(input: Bytes, words: *mut Words) {
    let credentials = UserPass::new("", "").ok();
    let (_, state) = client::optimistic(credentials, |permit| permit.connect(Endpoint::UNSPECIFIED));
    if let Err(error) = state.receive(input.get()) {
        Report::new(words).put([1, ReplyCode::from(error).0.into()]);
    }
}

#[unsafe(no_mangle)]
pub extern "C" fn gssapi_selection(input: Bytes, words: *mut Words) {
    received(gssapi::offer().1, input, words, |_, _| {}, client_error);
}

fn send_token() -> Option<gssapi::SendToken> {
    gssapi::offer().1.receive(&[5, 1]).ok().map(|(permit, _)| permit)
}

fn token<P>(input: Bytes) -> impl FnOnce(&mut Report<'_>, (GssapiToken<'_>, P)) {
    move |report, (token, _)| report.put(input.position(token.as_bytes()))
}

#[unsafe(no_mangle)]
pub extern "C" fn gssapi_client_token(input: Bytes, words: *mut Words) {
    let Some(permit) = send_token() else { return };
    received(permit.token(GssapiToken::EMPTY).1, input, words, token(input), gssapi_error);
}

#[unsafe(no_mangle)]
pub extern "C" fn gssapi_client_level(input: Bytes, words: *mut Words) {
    let Some(permit) = send_token() else { return };
    let Ok(((_, permit), _)) = permit.token(GssapiToken::EMPTY).1.receive(&[1, 1, 0, 0]) else { return };
    received(permit.offer_level(GssapiToken::EMPTY).1, input, words, token(input), gssapi_error);
}

#[unsafe(no_mangle)]
pub extern "C" fn gssapi_server_token(input: Bytes, words: *mut Words) {
    let Some(Ok((_, state))) = permit(&[5, 1, 1]).map(ChooseMethod::gssapi) else { return };
    received(state, input, words, token(input), gssapi_error);
}

#[unsafe(no_mangle)]
pub extern "C" fn gssapi_server_level(input: Bytes, words: *mut Words) {
    let Some(Ok((_, state))) = permit(&[5, 1, 1]).map(ChooseMethod::gssapi) else { return };
    let Ok(((_, permit), _)) = state.receive(&[1, 1, 0, 0]) else { return };
    received(permit.established(None).1, input, words, token(input), gssapi_error);
}
