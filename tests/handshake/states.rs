//! Every state alone, waiting for its message.

use socks5_sansio::client::{
    self, ReceiveAnswers, ReceiveListening, ReceiveReply, ReceiveStatus, Selected, SendRequest,
};
use socks5_sansio::gssapi::{
    self, AgreeToLevel, AnswerToken, ChooseLevel, ContinueContext, ReceiveLevel, ReceiveToken,
};
use socks5_sansio::server::{ChooseMethod, ReceiveOffer, ReceiveRequest, ReceiveUserPass};
use socks5_sansio::socks4::{self, UserId};
use socks5_sansio::{Endpoint, GssapiToken, MethodOffer, Receive, UserPass};

use crate::harness::transport::keeps_the_contract;

const LONG: &[u8] =
    b"\x05\x00\x00\x04\x20\x01\x0D\xB8\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x05\x01\xBB\x05\x00\x00\x01";
const NAME: &[u8] = b"\x05\x00\x00\x03\x02x\xFF\x00\x00\x01\x02\x03";
const NO_NAME: &[u8] = b"\x05\x00\x00\x03\x00\x12\x34\x05\x00\x00\x01\xC0\x00\x02\x07\x12\x34";

const TOO_LONG_NAME: [u8; 300] = {
    let mut request = [b'n'; 300];
    (request[0], request[4], request[5], request[6], request[7], request[8]) = (4, 0, 0, 0, 1, 0);
    request
};

/// Inputs that are valid for one state and malformed for others.
const INPUTS: [&[u8]; 23] = [
    b"\x05\x03\x00\x01\x02\x05\x01",
    b"\x05\x00\x05\x00",
    b"\x05\x02\x01\x00\x05\x00\x00\x01\xC0\x00\x02\x07\x12\x34data",
    b"\x05\x02\x05\x00\x05\x05\x00",
    b"\x05\xFF\x00",
    b"\x01\x05alice\x06s3crets",
    b"\x01\x00\x00\x05",
    b"\x01\x01\x00\x03tokens",
    b"\x01\x02\x00\x01\xFE\x05",
    b"\x01\xFF\x00\x00",
    b"\x05\x05\x00\x01\x00\x00\x00\x00\x00\x00",
    b"\x04\x01\x00\x50\xC0\x00\x02\x01alice\x00\x00",
    b"\x04\x02\x00\x50\x00\x00\x00\x01\x00name\x00\x00",
    b"\x04\x77\x00\x50\x00\x00\x00\xFF\x00\x00name\x00",
    &[4; 300],
    &TOO_LONG_NAME,
    b"\x00\x5A\x12\x34\xC0\x00\x02\x07\x00",
    b"\x04\x5A\x12\x34\xC0\x00\x02\x07\x00",
    b"\x00\x5B\x00\x00",
    b"HTTP/1.1 400 Bad Request",
    LONG,
    NAME,
    NO_NAME,
];

fn choose(offer: &[u8]) -> ChooseMethod {
    ReceiveOffer::new().receive(offer).unwrap().0.1
}

pub(crate) fn receive_user_pass() -> ReceiveUserPass {
    choose(&[5, 1, 2]).user_pass().unwrap().1
}

pub(crate) fn receive_request() -> ReceiveRequest {
    choose(&[5, 1, 0]).no_authentication().unwrap().1
}

pub(crate) fn send_request() -> SendRequest {
    client::anonymous().1.receive(&[5, 0]).unwrap().0
}

pub(crate) fn receive_status() -> ReceiveStatus {
    let credentials = UserPass::new("", "").unwrap();
    let (Selected::UserPass(_, state), _) = client::login(Some(credentials)).1.receive(&[5, 2]).unwrap() else {
        panic!("username and password are selected")
    };
    state
}

pub(crate) fn receive_reply() -> ReceiveReply {
    send_request().connect(Endpoint::UNSPECIFIED).1
}

pub(crate) fn receive_listening() -> ReceiveListening {
    send_request().bind(Endpoint::UNSPECIFIED).1
}

pub(crate) fn receive_answers(credentials: bool) -> ReceiveAnswers<ReceiveListening> {
    let credentials = credentials.then(|| UserPass::new("", "").unwrap());
    client::optimistic(credentials, |permit| permit.bind(Endpoint::UNSPECIFIED)).1
}

pub(crate) const TOKEN: GssapiToken<'_> = GssapiToken::EMPTY;

pub(crate) fn initiate() -> gssapi::SendToken {
    gssapi::offer().1.receive(&[5, 1]).unwrap().0
}

pub(crate) fn client_token() -> ReceiveToken<ContinueContext> {
    initiate().token(TOKEN).1
}

pub(crate) fn server_token() -> ReceiveToken<AnswerToken> {
    choose(&[5, 1, 1]).gssapi().unwrap().1
}

pub(crate) fn continue_context() -> ContinueContext {
    client_token().receive(b"\x01\x01\x00\x00").unwrap().0.1
}

pub(crate) fn answer_token() -> AnswerToken {
    server_token().receive(b"\x01\x01\x00\x00").unwrap().0.1
}

pub(crate) fn client_level() -> ReceiveLevel<AgreeToLevel> {
    continue_context().offer_level(TOKEN).1
}

pub(crate) fn server_level() -> ReceiveLevel<ChooseLevel> {
    answer_token().established(None).1
}

#[test]
fn every_state_keeps_the_contract_of_receive() {
    for input in INPUTS {
        keeps_the_contract(ReceiveOffer::new, input);
        keeps_the_contract(receive_user_pass, input);
        keeps_the_contract(receive_request, input);
        keeps_the_contract(|| client::anonymous().1, input);
        keeps_the_contract(|| client::login(None).1, input);
        keeps_the_contract(|| client::offer(MethodOffer::of(&[0, 0x80])).1, input);
        keeps_the_contract(receive_status, input);
        keeps_the_contract(receive_reply, input);
        keeps_the_contract(receive_listening, input);
        keeps_the_contract(|| receive_answers(false), input);
        keeps_the_contract(|| receive_answers(true), input);
        keeps_the_contract(|| gssapi::offer().1, input);
        keeps_the_contract(client_token, input);
        keeps_the_contract(server_token, input);
        keeps_the_contract(client_level, input);
        keeps_the_contract(server_level, input);
        keeps_the_contract(socks4::ReceiveRequest::new, input);
        keeps_the_contract(|| socks4::connect(Endpoint::UNSPECIFIED, UserId::EMPTY).unwrap().1, input);
        keeps_the_contract(|| socks4::bind(Endpoint::UNSPECIFIED, UserId::EMPTY).unwrap().1, input);
    }
}
