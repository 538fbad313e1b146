//! The client, against every server.

use socks5_sansio::client::Error;
use socks5_sansio::{Method, ReplyCode};

use crate::asking::{Asking, DATA};
use crate::explore::{Explorer, Subject, scripts};
use crate::inbox::Delivery;
use crate::menu::{Decided, Due, Menu, Opening};
use crate::messages::Side::Server;
use crate::messages::{Fault, Refusal, Stop, Told};
use crate::places::{IPV4, IPV6, NAME, UNSPECIFIED};
use crate::recogniser::{
    Conversation, Login, NO_AUTHENTICATION, NONE_ACCEPTABLE, USERNAME_PASSWORD, WELCOME, recognise,
};
use crate::seat::{Over, Seat};
use crate::server::invalid;
use crate::serving::EXPECTED_TOKEN;

const SELECTIONS: [&[u8]; 5] = [b"\x05\x00", b"\x05\x01", b"\x05\x02", b"\x05\x80", b"\x05\xFF"];
const VERDICTS: [&[u8]; 5] = [b"\x01\x00", b"\x01\x01", b"\x01\xFF", &[WELCOME], b"\x00"];
const GRANTED: [&[u8]; 4] = [
    b"\x05\x00\x00\x01\xC0\x00\x02\x07\x12\x34",
    b"\x05\x00\x00\x03\x02x\xFF\x00\x00",
    b"\x05\x00\x00\x04\x20\x01\x0D\xB8\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x05\x01\xBB",
    b"\x05\x00\x01\x01\x00\x00\x00\x00\x00\x00",
];
const REFUSED: [&[u8]; 4] = [
    b"\x05\x05\x00\x01\x00\x00\x00\x00\x00\x00",
    b"\x05\xF4\x00\x03\x01x\x00\x00",
    b"\x05\x02\x00",
    b"\x05\x01\xFF\xFF",
];
/// A selection, a verdict and a reply of other versions, replies without an address, and another protocol.
const MALFORMED: [&[u8]; 6] = [
    b"\x04\x00",
    b"\x02\x00",
    b"\x00\x5A\x12\x34\xC0\x00\x02\x07",
    b"\x05\x00\x00\x02\xC0\x00\x02\x07\x12\x34",
    b"\x05\x00\x00\x03\x00\x12\x34",
    b"HTTP",
];

/// A method, a verdict and the two replies of BIND.
const LONGEST: u32 = 4;
/// In how many ways one of all these can be cut short.
const CUTS: usize = 73;
/// As counted: with fewer, less would be tried.
const RUNS: u64 = 403_812;

fn menu() -> Menu {
    let offers = [[].as_slice(), &[0x00], &[0x02], &[0x80], &[0xFF], &[0x80, 0x02, 0x00]];
    let offers = offers.map(|methods| Opening::Offer(methods.iter().copied().map(Method).collect()));
    let flights = [false, true].map(|credentials| Opening::Flight { credentials });
    Menu {
        openings: offers.into_iter().chain(flights).collect(),
        credentials: vec![(b"u", b"p"), (b"", b"")],
        requests: vec![Told::new(1, IPV4), Told::new(2, NAME), Told::new(3, UNSPECIFIED), Told::new(0x77, IPV6)],
        ..Menu::default()
    }
}

#[test]
fn against_every_server() {
    let alphabet = [SELECTIONS.as_slice(), &VERDICTS, &GRANTED, &REFUSED, &MALFORMED].concat();
    let explored = Explorer::new(AgainstScripts, &alphabet).explore(&menu(), LONGEST);
    explored.assert_complete("servers", scripts(5 + 5 + 4 + 4 + 6, CUTS, LONGEST) * 8 * 2 * 4, RUNS);
}

struct AgainstScripts;

impl Subject for AgainstScripts {
    fn hear(&self, script: &[u8], decided: Decided<'_>, delivery: Delivery) -> Result<bool, Due> {
        let mut client = Asking::seated(decided, delivery)?;
        client.hear(script)?;
        Ok(judge(script, &client, decided))
    }
}

/// Whether the client did as it must. Tells whether it could hear more.
pub(crate) fn judge(script: &[u8], seat: &Seat<'_, Asking>, decided: Decided<'_>) -> bool {
    let client = &seat.application;
    let (conversation, stop) = recognise(&client.said, script);
    let label = format_args!("{:?} {stop:?}", seat.inbox);
    assert_eq!(seat.over, Some(expected_end(&conversation, stop)), "{label}");
    assert_eq!(client.said, expected_words(&conversation, decided), "{label}");
    let flies = matches!(decided.opening(), Ok(Opening::Flight { .. }));
    assert!(flies || conversation.up.whole == client.said.len(), "{label}");
    assert!(conversation.up.reserved, "{label}");
    assert_eq!(client.login, expected_login(&conversation, flies), "{label}");
    let granted = conversation.replies.iter().filter(|reply| reply.code == 0);
    assert!(client.replies.iter().eq(granted), "{label} {:?}", client.replies);
    let waits = matches!(stop, Stop::Waits(_) | Stop::Cut(_));
    assert_used(seat.inbox.used, &conversation, stop, flies);
    seat.inbox.assert_arrived(&conversation.down, waits);
    waits
}

fn expected_end(conversation: &Conversation<'_>, stop: Stop) -> Over<Error> {
    let negotiates = conversation.token.is_some() && conversation.verdict.is_none();
    match stop {
        Stop::Granted => Over::Granted,
        Stop::Waits(Server) if negotiates => Over::Left,
        Stop::Waits(Server) => Over::Error(Error::Closed),
        Stop::Cut(Server) => Over::Error(Error::Truncated),
        Stop::Malformed(Server, Fault::NotOffered(method)) => Over::Error(Error::NotOffered(Method(method))),
        Stop::Malformed(Server, fault) => Over::Error(Error::Invalid(invalid(fault))),
        Stop::Refused(Refusal::Methods) => Over::Error(Error::NoAcceptableMethod),
        Stop::Refused(Refusal::Credentials(status)) => Over::Error(Error::Rejected(status)),
        Stop::Refused(Refusal::Token(_)) => Over::Refused,
        Stop::Refused(Refusal::Request(code)) => Over::Error(Error::Refused(ReplyCode(code))),
        illegal => panic!("the client said {:02X?}: {illegal:?}", conversation.up),
    }
}

fn assert_used(used: usize, conversation: &Conversation<'_>, stop: Stop, flies: bool) {
    let gives_up = match stop {
        Stop::Malformed(..) => true,
        Stop::Refused(refusal) => !matches!(refusal, Refusal::Token(_)),
        Stop::Waits(_) | Stop::Cut(_) | Stop::Granted => false,
    };
    match gives_up {
        false => assert_eq!(used, conversation.down.whole, "{stop:?}"),
        // An error comes without a count, for one message or, in a flight, for several.
        true if flies => assert!(used <= conversation.down.start, "{stop:?}"),
        true => assert_eq!(used, conversation.down.start, "{stop:?}"),
    }
}

/// All that the client says if it does as decided.
fn expected_words(conversation: &Conversation<'_>, decided: Decided<'_>) -> Vec<u8> {
    let Opening::Offer(methods) = opening(decided) else { return flight(decided) };
    let methods: Vec<_> = methods.iter().map(|method| method.0).collect();
    let mut words = offer(&methods);
    match conversation.method {
        None | Some(NO_AUTHENTICATION | NONE_ACCEPTABLE) => {}
        Some(method) if !methods.contains(&method) => {}
        Some(USERNAME_PASSWORD) => words.extend(credentials(decided)),
        Some(_) => words.push(EXPECTED_TOKEN),
    }
    if conversation.login.is_some() {
        words.extend(request(decided));
    }
    words
}

fn flight(decided: Decided<'_>) -> Vec<u8> {
    match opening(decided) {
        Opening::Flight { credentials: true } => {
            [offer(&[USERNAME_PASSWORD]), credentials(decided), request(decided), DATA.to_vec()].concat()
        }
        _ => [offer(&[NO_AUTHENTICATION]), request(decided), DATA.to_vec()].concat(),
    }
}

fn opening(decided: Decided<'_>) -> &Opening {
    decided.opening().ok().expect("an opening")
}

fn offer(methods: &[u8]) -> Vec<u8> {
    [&[5, methods.len().try_into().unwrap()], methods].concat()
}

fn credentials(decided: Decided<'_>) -> Vec<u8> {
    let (username, password) = decided.credentials().ok().expect("credentials");
    let [ulen, plen] = [username, password].map(|string| u8::try_from(string.len()).unwrap());
    [&[1, ulen], username, &[plen], password].concat()
}

fn request(decided: Decided<'_>) -> Vec<u8> {
    let told = decided.request().ok().expect("a request");
    [&[5, told.code, 0], &*told.place].concat()
}

/// Who flies finds out only when the request is granted.
fn expected_login(conversation: &Conversation<'_>, flies: bool) -> Option<Login> {
    let granted = conversation.replies.iter().any(|reply| reply.code == 0);
    conversation.login.clone().filter(|_| granted || !flies)
}
