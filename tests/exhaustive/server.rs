//! The server, against every client.

use socks5_sansio::server::Error;
use socks5_sansio::{Invalid, Method};

use crate::explore::{Explorer, Subject, scripts};
use crate::inbox::Delivery;
use crate::menu::{Answer, Bind, Decided, Due, Menu, Verdict};
use crate::messages::Side::Client;
use crate::messages::{Fault, Stop, Told};
use crate::places::{IPV4, NAME, UNSPECIFIED};
use crate::recogniser::{
    BIND, Conversation, NO_AUTHENTICATION, NONE_ACCEPTABLE, USERNAME_PASSWORD, WELCOME, recognise,
};
use crate::seat::{Over, Seat};
use crate::serving::{EXPECTED, EXPECTED_TOKEN, Serving};

const OFFERS: [&[u8]; 6] =
    [b"\x05\x00", b"\x05\x01\x00", b"\x05\x01\x02", b"\x05\x01\x80", b"\x05\x01\xFF", b"\x05\x03\x80\x02\x00"];
const LOGINS: [&[u8]; 4] = [b"\x01\x01u\x01p", b"\x01\x01u\x01q", b"\x01\x00\x00", &[EXPECTED_TOKEN]];
const REQUESTS: [&[u8]; 5] = [
    b"\x05\x01\x00\x01\xC0\x00\x02\x07\x00\x50",
    b"\x05\x02\x00\x03\x02x\xFF\x00\x14",
    b"\x05\x03\x00\x04\x20\x01\x0D\xB8\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x05\x00\x00",
    b"\x05\x77\x01\x01\xC0\x00\x02\x07\x00\x50",
    b"\x05\xF0\x00\x03\x01x\x00\x00",
];
/// An offer, credentials and a request of other versions, requests without an address, and another protocol.
const MALFORMED: [&[u8]; 6] = [
    b"\x04\x01\x00\x50\xC0\x00\x02\x07\x00",
    b"\x02\x01u\x01p",
    b"\x06\x01\x00\x01\xC0\x00\x02\x07\x00\x50",
    b"\x05\x01\x00\x02\xC0\x00\x02\x07\x00\x50",
    b"\x05\x01\x00\x03\x00\x00\x50",
    b"GET",
];

/// A method, a login and a request.
const LONGEST: u32 = 3;
/// In how many ways one of all these can be cut short.
const CUTS: usize = 88;
/// As counted: with fewer, less would be tried.
const RUNS: u64 = 140_952;

fn menu() -> Menu {
    let preferences = [[].as_slice(), &[0x00], &[0x02], &[0x80], &[0xFF], &[0x80, 0x02, 0x00], &[0x02, 0x00]];
    Menu {
        preferences: preferences.map(|methods| methods.iter().copied().map(Method).collect()).into(),
        verdicts: vec![Verdict::Accept, Verdict::Reject, Verdict::Judge],
        answers: vec![
            Answer { reply: Told::new(0, IPV4), bind: Bind::Listen(NAME, Told::new(0, IPV4)) },
            Answer { reply: Told::new(5, UNSPECIFIED), bind: Bind::Listen(IPV4, Told::new(6, UNSPECIFIED)) },
            Answer { reply: Told::new(1, NAME), bind: Bind::Refuse(2) },
        ],
        ..Menu::default()
    }
}

#[test]
fn against_every_client() {
    let alphabet = [OFFERS.as_slice(), &LOGINS, &REQUESTS, &MALFORMED].concat();
    let explored = Explorer::new(AgainstScripts, &alphabet).explore(&menu(), LONGEST);
    explored.assert_complete("clients", scripts(6 + 4 + 5 + 6, CUTS, LONGEST) * 7 * 3 * 3, RUNS);
}

struct AgainstScripts;

impl Subject for AgainstScripts {
    fn hear(&self, script: &[u8], decided: Decided<'_>, delivery: Delivery) -> Result<bool, Due> {
        let mut server = Serving::seated(decided, delivery);
        server.hear(script)?;
        Ok(judge(script, &server, decided))
    }
}

/// Whether the server did as it must. Tells whether it could hear more.
pub(crate) fn judge(script: &[u8], seat: &Seat<'_, Serving>, decided: Decided<'_>) -> bool {
    let server = &seat.application;
    let (conversation, stop) = recognise(script, &server.said);
    let label = format_args!("{:?} {stop:?}", seat.inbox);
    assert_eq!(seat.over, Some(expected_end(&conversation, stop)), "{label}");
    assert_eq!(server.said, expected_words(&conversation, stop, decided), "{label}");
    assert_eq!((conversation.down.whole, conversation.down.reserved), (server.said.len(), true), "{label}");
    assert_eq!(server.offer.as_deref(), conversation.offer, "{label}");
    let credentials = server.credentials.as_ref().map(|(username, password)| (&**username, &**password));
    assert_eq!((credentials, server.token), (conversation.credentials, conversation.token), "{label}");
    assert_eq!((&server.login, &server.request), (&conversation.login, &conversation.request), "{label}");
    assert_eq!(seat.inbox.used, conversation.up.whole, "{label}");
    let waits = matches!(stop, Stop::Waits(_) | Stop::Cut(_));
    seat.inbox.assert_arrived(&conversation.up, waits);
    waits
}

fn expected_end(conversation: &Conversation<'_>, stop: Stop) -> Over<Error> {
    let ours = matches!(conversation.method, None | Some(NO_AUTHENTICATION | USERNAME_PASSWORD));
    match stop {
        Stop::Granted => Over::Granted,
        Stop::Refused(_) => Over::Refused,
        Stop::Waits(Client) if !ours && conversation.login.is_none() => Over::Left,
        Stop::Waits(Client) if conversation.offer.is_none() => Over::Error(Error::Silent),
        Stop::Waits(Client) => Over::Error(Error::Closed),
        Stop::Cut(Client) => Over::Error(Error::Truncated),
        Stop::Malformed(Client, fault) => Over::Error(match conversation.method {
            None => Error::Offer(invalid(fault)),
            Some(_) if conversation.login.is_none() => Error::UserPass(invalid(fault)),
            Some(_) => Error::Request(invalid(fault)),
        }),
        illegal => panic!("the server said {:02X?}: {illegal:?}", conversation.down),
    }
}

pub(crate) fn invalid(fault: Fault) -> Invalid {
    match fault {
        Fault::Version(octet) => Invalid::Version(octet),
        Fault::LoginVersion(octet) => Invalid::UserPassVersion(octet),
        Fault::AddressType(octet) => Invalid::AddressType(octet),
        Fault::EmptyName => Invalid::EmptyDomain,
        Fault::NotOffered(_) => panic!("{fault:?} is for clients to find"),
    }
}

/// All that the server says if it does as decided, parting words included.
fn expected_words(conversation: &Conversation<'_>, stop: Stop, decided: Decided<'_>) -> Vec<u8> {
    let mut words = vec![];
    if let Some(offer) = conversation.offer {
        words.extend([5, first_acceptable(decided, offer)]);
    }
    if let Some(credentials) = conversation.credentials {
        words.extend([1, u8::from(!accepts(decided, credentials == EXPECTED))]);
    }
    if let Some(token) = conversation.token {
        words.push(if accepts(decided, token == EXPECTED_TOKEN) { WELCOME } else { 0 });
    }
    if let Some(request) = &conversation.request {
        let told = decided.answer().ok().expect("an answer").to(request.code == BIND);
        told.iter().for_each(|told| words.extend([&[5, told.code, 0], &*told.place].concat()));
    }
    if let Stop::Malformed(_, fault) = stop {
        words.extend(parting(conversation, fault));
    }
    words
}

fn first_acceptable(decided: Decided<'_>, offer: &[u8]) -> u8 {
    let preference = decided.preference().ok().expect("a preference").iter().map(|method| method.0);
    let mut acceptable = preference.filter(|method| offer.contains(method) && *method != NONE_ACCEPTABLE);
    acceptable.next().unwrap_or(NONE_ACCEPTABLE)
}

fn accepts(decided: Decided<'_>, as_expected: bool) -> bool {
    match decided.verdict().ok().expect("a verdict") {
        Verdict::Accept => true,
        Verdict::Reject => false,
        Verdict::Judge => as_expected,
    }
}

fn parting(conversation: &Conversation<'_>, fault: Fault) -> &'static [u8] {
    match (conversation.method, &conversation.login) {
        (None, _) => b"",
        (Some(_), None) => b"\x01\x01",
        (Some(_), Some(_)) if matches!(fault, Fault::AddressType(_)) => b"\x05\x08\x00\x01\x00\x00\x00\x00\x00\x00",
        (Some(_), Some(_)) => b"\x05\x01\x00\x01\x00\x00\x00\x00\x00\x00",
    }
}
