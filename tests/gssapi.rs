//! GSSAPI's sub-negotiation in memory. The mechanism here is one that anybody can break: it wraps by turning every bit around.

use socks5_sansio::client::{self, Client};
use socks5_sansio::gssapi::{Acceptor, AcceptorStep, Error, Initiate, Initiator, InitiatorStep};
use socks5_sansio::server::{self, Chosen, Server};
use socks5_sansio::{
    Endpoint, GssapiMessage, GssapiToken, Invalid, Message, Method, MethodOffer, ProtectionLevel, Reply, Request,
    UdpHeader,
};

fn acceptor() -> Acceptor {
    let (_, server::Step::Methods(_, permit)) = Server::new().read(&[5, 1, 1]).unwrap() else { panic!() };
    let Chosen::SubNegotiate(_, negotiation) = permit.choose(&[Method::GSSAPI]) else { panic!() };
    negotiation.gssapi().unwrap()
}

fn initiate() -> Initiate {
    let (_, client) = Client::new(&MethodOffer::of(&[Method::GSSAPI]));
    let (_, client::Step::SubNegotiate(negotiation)) = client.read(&[5, 1]).unwrap() else { panic!() };
    negotiation.gssapi().unwrap()
}

/// A client that has sent its first token.
fn initiator() -> Initiator {
    initiate().token(token(b"token")).1
}

fn token(octets: &[u8]) -> GssapiToken<'_> {
    GssapiToken::new(octets).unwrap()
}

fn frame(message: GssapiMessage<'_>) -> Vec<u8> {
    let mut out = vec![0; message.encoded_len()];
    message.encode(&mut out).unwrap();
    out
}

fn wrap(clear: &[u8]) -> Vec<u8> {
    clear.iter().map(|octet| !octet).collect()
}

/// A frame that comes octet by octet, with the next one behind it.
fn accept(mut acceptor: Acceptor, input: &[u8], len: usize) -> AcceptorStep<'_> {
    for end in 0..len {
        let Ok((0, AcceptorStep::NeedMore(same, missing))) = acceptor.read(&input[..end]) else { panic!("{end}") };
        assert!(missing.get() <= len - end);
        acceptor = same;
    }
    let (used, step) = acceptor.read(input).unwrap();
    assert_eq!(used, len);
    step
}

/// The same for the client.
fn hear(mut initiator: Initiator, input: &[u8], len: usize) -> InitiatorStep<'_> {
    for end in 0..len {
        let Ok((0, InitiatorStep::NeedMore(same, missing))) = initiator.read(&input[..end]) else { panic!("{end}") };
        assert!(missing.get() <= len - end);
        initiator = same;
    }
    let (used, step) = initiator.read(input).unwrap();
    assert_eq!(used, len);
    step
}

fn followed(message: GssapiMessage<'_>) -> (Vec<u8>, usize) {
    let octets = frame(message);
    let len = octets.len();
    ([octets, b"\x01\x01\x00\x03...".to_vec()].concat(), len)
}

// Both sides together.

/// Lets a mechanism that wants so many tokens have its way: the client makes the even ones, the server the odd ones.
fn establish(tokens: usize, level: ProtectionLevel) -> (client::SendRequest, Server) {
    let made = |number: usize| vec![number as u8; 300];
    let (mut acceptor, mut number) = (acceptor(), 0);
    let first = made(0);
    let (message, mut initiator) = initiate().token(token(&first));
    let (mut input, mut len) = followed(message);
    let offer = loop {
        let AcceptorStep::Token(given, permit) = accept(acceptor, &input, len) else { panic!() };
        assert_eq!(given.as_bytes(), made(number));
        number += 1;
        let answer = made(number);
        let (message, next) = match tokens - number {
            0 => permit.established(None),
            1 => permit.established(Some(token(&answer))),
            _ => permit.more(token(&answer)),
        };
        (acceptor, (input, len)) = (next, followed(message));

        let InitiatorStep::Token(given, permit) = hear(initiator, &input, len) else { panic!() };
        assert_eq!(given.as_bytes(), if number < tokens { answer.as_slice() } else { b"" });
        number += 1;
        if number >= tokens {
            break permit.established();
        }
        let answer = made(number);
        let (message, next) = permit.more(token(&answer));
        (initiator, (input, len)) = (next, followed(message));
    };

    let wrapped = wrap(&[level.0]);
    let (message, initiator) = offer.offer(token(&wrapped));
    (input, len) = followed(message);
    let AcceptorStep::Level(offered, permit) = accept(acceptor, &input, len) else { panic!() };
    assert_eq!(wrap(offered.as_bytes()), [level.0]);
    let (message, server) = permit.choose(token(&wrapped));
    let (input, len) = followed(message);
    let InitiatorStep::Level(chosen, permit) = hear(initiator, &input, len) else { panic!() };
    assert_eq!(wrap(chosen.as_bytes()), [level.0]);
    (permit.agree(), server)
}

/// In frames that hold so many octets, whole messages or not.
fn wrapped(clear: &[u8], size: usize) -> Vec<u8> {
    clear.chunks(size).flat_map(|piece| frame(GssapiMessage::Encapsulated(token(&wrap(piece))))).collect()
}

fn unwrapped(mut frames: &[u8]) -> Vec<u8> {
    let mut clear = Vec::new();
    while !frames.is_empty() {
        let (GssapiMessage::Encapsulated(token), used) = GssapiMessage::decode(frames).unwrap() else { panic!() };
        clear.extend(wrap(token.as_bytes()));
        frames = &frames[used..];
    }
    clear
}

#[test]
fn rfc1961_s3_tokens_go_to_and_fro_until_both_sides_are_satisfied() {
    for tokens in 1..=7 {
        for level in [ProtectionLevel::INTEGRITY, ProtectionLevel::CONFIDENTIALITY, ProtectionLevel::SELECTIVE] {
            let (permit, server) = establish(tokens, level);
            let (request, client) = permit.send(&Request::connect(Endpoint::UNSPECIFIED));
            for size in 1..=request.len() {
                assert_eq!(unwrapped(&wrapped(&request, size)), *request);
            }
            let clear = unwrapped(&wrapped(&[&*request, b"early"].concat(), 7));
            let (used, server::Step::Request(_, permit)) = server.read(&clear).unwrap() else { panic!() };
            assert_eq!(&clear[used..], b"early");
            let reply = permit.reply(&Reply::succeeded(Endpoint::UNSPECIFIED));
            let clear = unwrapped(&wrapped(&[&*reply, b"data"].concat(), 4));
            let (used, client::Step::Reply(..)) = client.read(&clear).unwrap() else { panic!() };
            assert_eq!(&clear[used..], b"data");
        }
    }
}

#[test]
fn rfc1961_s5_a_datagram_is_wrapped_with_its_header() {
    let mut datagram = [0; 10 + 4];
    datagram[10..].copy_from_slice(b"data");
    UdpHeader::new(Endpoint::UNSPECIFIED).prepend(&mut datagram[..10]).unwrap();
    let clear = unwrapped(&wrapped(&datagram, datagram.len()));
    assert_eq!(UdpHeader::split(&clear), Ok((UdpHeader::new(Endpoint::UNSPECIFIED), b"data".as_slice())));
}

#[test]
fn the_longest_token_is_taken_and_given() {
    let longest = vec![0xDD; 65_535];
    let octets = frame(GssapiMessage::Authentication(token(&longest)));
    assert_eq!(octets.len(), 65_539);
    let (_, AcceptorStep::NeedMore(acceptor, missing)) = acceptor().read(&octets[..4]).unwrap() else { panic!() };
    assert_eq!(missing.get(), 65_535);
    let (used, AcceptorStep::Token(given, permit)) = acceptor.read(&octets).unwrap() else { panic!() };
    assert_eq!((used, given.as_bytes()), (octets.len(), longest.as_slice()));
    let (message, _) = permit.more(given);
    assert_eq!(frame(message), octets);
    let (used, InitiatorStep::Token(given, _)) = initiator().read(&octets).unwrap() else { panic!() };
    assert_eq!((used, given.as_bytes()), (octets.len(), longest.as_slice()));
}

#[test]
fn other_methods_have_other_rules() {
    let (_, server::Step::Methods(_, permit)) = Server::new().read(&[5, 1, 0x80]).unwrap() else { panic!() };
    let Chosen::SubNegotiate(_, negotiation) = permit.choose(&[Method(0x80)]) else { panic!() };
    assert_eq!(negotiation.gssapi().unwrap_err().method(), Method(0x80));

    let (_, client) = Client::new(&MethodOffer::of(&[Method(0x80)]));
    let (_, client::Step::SubNegotiate(negotiation)) = client.read(&[5, 0x80]).unwrap() else { panic!() };
    assert_eq!(negotiation.gssapi().unwrap_err().method(), Method(0x80));
}

// Every script of either side: what is sent to it, right and wrong, and what it decides, judged by a table.

const FRAMES: [&[u8]; 7] = [
    b"\x01\x01\x00\x03abc",
    b"\x01\x01\x00\x00",
    b"\x01\x02\x00\x01\xFE",
    b"\x01\x03\x00\x02hi",
    b"\x01\xFF",
    b"\x05\x01\x00\x00",
    b"\x01\x04\x00\x00",
];
const TOKENS: [usize; 2] = [0, 1];
const LEVEL: usize = 2;
/// How many frames one side hears at most.
const DEPTH: usize = 4;

/// Why it is over, if this frame is not due: 1 for a token, 2 for a level.
fn verdict(due: u8, frame: usize) -> Option<Error> {
    match frame {
        0 | 1 if due == 1 => None,
        LEVEL if due == 2 => None,
        0 | 1 => Some(Error::OutOfOrder(1)),
        LEVEL => Some(Error::OutOfOrder(2)),
        3 => Some(Error::OutOfOrder(3)),
        4 => Some(Error::Aborted),
        5 => Some(Error::Invalid(Invalid::GssapiVersion(5))),
        _ => Some(Error::Invalid(Invalid::GssapiMessageType(4))),
    }
}

fn parting(error: Error) -> &'static [u8] {
    if error == Error::Aborted { b"" } else { b"\x01\xFF" }
}

/// What was heard before, and whether the library was satisfied with the last of it. As moments cannot be copied, each script
/// begins anew.
fn scripts() -> impl Iterator<Item = (Vec<usize>, bool)> {
    let heard = (0..DEPTH).flat_map(|len| {
        (0..TOKENS.len().pow(len as u32)).map(move |number| (0..len).map(|at| TOKENS[number >> at & 1]).collect())
    });
    heard
        .flat_map(|heard: Vec<_>| [(heard.clone(), false), (heard, true)])
        .filter(|(heard, satisfied)| !satisfied || !heard.is_empty())
}

#[test]
fn every_script_of_the_server() {
    for (heard, satisfied) in scripts() {
        for (last, octets) in FRAMES.iter().enumerate() {
            for cut in 0..=octets.len() {
                let mut server = acceptor();
                for (at, &frame) in heard.iter().enumerate() {
                    let AcceptorStep::Token(_, permit) = accept(server, FRAMES[frame], FRAMES[frame].len()) else {
                        panic!()
                    };
                    (_, server) = match satisfied && at + 1 == heard.len() {
                        true => permit.established(None),
                        false => permit.more(token(b"more")),
                    };
                }
                let due = if satisfied { 2 } else { 1 };
                match (server.read(&octets[..cut]), verdict(due, last)) {
                    (Ok((0, AcceptorStep::NeedMore(server, _))), _) if cut < octets.len() => {
                        let expected = if cut == 0 { Error::Closed } else { Error::Truncated };
                        assert_eq!(server.end(&octets[..cut]), expected);
                    }
                    (Ok((used, AcceptorStep::Token(..))), None) => assert_eq!((used, due), (cut, 1)),
                    (Ok((used, AcceptorStep::Level(..))), None) => assert_eq!((used, due), (cut, 2)),
                    (Err(error), Some(expected)) => {
                        assert_eq!((error, error.parting()), (expected, parting(expected)));
                    }
                    (outcome, expected) => panic!("{heard:?} {last} {cut}: {outcome:?}, not {expected:?}"),
                }
            }
        }
    }
}

#[test]
fn every_script_of_the_client() {
    for (heard, satisfied) in scripts() {
        for (last, octets) in FRAMES.iter().enumerate() {
            for cut in 0..=octets.len() {
                let mut client = initiator();
                for (at, &frame) in heard.iter().enumerate() {
                    let InitiatorStep::Token(_, permit) = hear(client, FRAMES[frame], FRAMES[frame].len()) else {
                        panic!()
                    };
                    (_, client) = match satisfied && at + 1 == heard.len() {
                        true => permit.established().offer(token(b"\xFE")),
                        false => permit.more(token(b"more")),
                    };
                }
                let due = if satisfied { 2 } else { 1 };
                match (client.read(&octets[..cut]), verdict(due, last)) {
                    (Ok((0, InitiatorStep::NeedMore(client, _))), _) if cut < octets.len() => {
                        let expected = if cut == 0 { Error::Closed } else { Error::Truncated };
                        assert_eq!(client.end(&octets[..cut]), expected);
                    }
                    (Ok((used, InitiatorStep::Token(..))), None) => assert_eq!((used, due), (cut, 1)),
                    (Ok((used, InitiatorStep::Level(..))), None) => assert_eq!((used, due), (cut, 2)),
                    (Err(error), Some(expected)) => {
                        assert_eq!((error, error.parting()), (expected, parting(expected)));
                    }
                    (outcome, expected) => panic!("{heard:?} {last} {cut}: {outcome:?}, not {expected:?}"),
                }
            }
        }
    }
}

#[test]
fn rfc1961_s3_8_either_side_can_give_up_at_any_moment() {
    const ABORT: &[u8] = &[1, 0xFF];
    let given = |message| assert_eq!(frame(message), ABORT);
    let level = b"\x01\x02\x00\x01\xFE";
    let some = b"\x01\x01\x00\x01t";

    given(initiate().abort());
    let proceed = || {
        let (_, InitiatorStep::Token(_, permit)) = initiator().read(some).unwrap() else { panic!() };
        permit
    };
    given(proceed().abort());
    given(proceed().established().abort());
    let (_, offered) = proceed().established().offer(token(b"\xFE"));
    let (_, InitiatorStep::Level(_, permit)) = offered.read(level).unwrap() else { panic!() };
    given(permit.abort());

    let judge = || {
        let (_, AcceptorStep::Token(_, permit)) = acceptor().read(some).unwrap() else { panic!() };
        permit
    };
    given(judge().abort());
    let (_, established) = judge().established(None);
    let (_, AcceptorStep::Level(_, permit)) = established.read(level).unwrap() else { panic!() };
    given(permit.abort());

    assert_eq!(initiator().end(ABORT), Error::Aborted);
    assert_eq!(acceptor().end(ABORT), Error::Aborted);
}
