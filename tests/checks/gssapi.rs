//! The sub-negotiation of GSSAPI, on either side.

use socks5_sansio::client::{self, Client};
use socks5_sansio::gssapi::{Acceptor, AcceptorStep, Error, Initiator, InitiatorStep};
use socks5_sansio::server::{self, Chosen, Server};
use socks5_sansio::{GssapiMessage, GssapiToken, Message, Method, MethodOffer};

/// The first octet decides what becomes of each token, a bit each; the others are what the peer sends. However they arrive, both
/// sides hear the same.
pub fn gssapi(octets: &[u8]) {
    let Some((decisions, input)) = octets.split_first() else { return };
    assert_eq!(accept(*decisions, input, input.len()), accept(*decisions, input, 0));
    assert_eq!(initiate(*decisions, input, input.len()), initiate(*decisions, input, 0));
}

#[derive(Debug, PartialEq)]
struct Heard {
    /// The frames that were taken, encoded again.
    frames: Vec<u8>,
    used: usize,
    /// None where the last move leaves nothing to read here.
    end: Option<Error>,
}

impl Heard {
    fn frame(&mut self, used: usize, message: GssapiMessage<'_>) {
        let mut frame = vec![0; used];
        assert_eq!(message.encode(&mut frame), Ok(used));
        self.frames.extend(frame);
        self.used += used;
    }
}

const TOKEN: GssapiToken<'_> = GssapiToken::EMPTY;

/// With so many octets at first, and one more whenever more are needed.
fn accept(mut decisions: u8, input: &[u8], mut arrived: usize) -> Heard {
    let mut heard = Heard { frames: vec![], used: 0, end: None };
    let mut acceptor = acceptor();
    loop {
        match acceptor.read(&input[heard.used..arrived]) {
            Ok((used, AcceptorStep::NeedMore(same, missing))) => {
                assert!(used == 0 && missing.get() <= 65_539);
                if arrived == input.len() {
                    heard.end = Some(same.end(&input[heard.used..]));
                    return heard;
                }
                (acceptor, arrived) = (same, arrived + 1);
            }
            Ok((used, AcceptorStep::Token(token, permit))) => {
                heard.frame(used, GssapiMessage::Authentication(token));
                acceptor = if decisions & 1 == 0 { permit.more(TOKEN).1 } else { permit.established(None).1 };
                decisions >>= 1;
            }
            Ok((used, AcceptorStep::Level(wrapped, permit))) => {
                heard.frame(used, GssapiMessage::ProtectionLevel(wrapped));
                let _ = permit.choose(wrapped);
                return heard;
            }
            Err(error) => {
                heard.end = Some(error);
                return heard;
            }
        }
    }
}

/// The same on the client's side.
fn initiate(mut decisions: u8, input: &[u8], mut arrived: usize) -> Heard {
    let mut heard = Heard { frames: vec![], used: 0, end: None };
    let mut initiator = initiator();
    loop {
        match initiator.read(&input[heard.used..arrived]) {
            Ok((used, InitiatorStep::NeedMore(same, missing))) => {
                assert!(used == 0 && missing.get() <= 65_539);
                if arrived == input.len() {
                    heard.end = Some(same.end(&input[heard.used..]));
                    return heard;
                }
                (initiator, arrived) = (same, arrived + 1);
            }
            Ok((used, InitiatorStep::Token(token, permit))) => {
                heard.frame(used, GssapiMessage::Authentication(token));
                initiator = if decisions & 1 == 0 { permit.more(TOKEN).1 } else { permit.established().offer(TOKEN).1 };
                decisions >>= 1;
            }
            Ok((used, InitiatorStep::Level(wrapped, permit))) => {
                heard.frame(used, GssapiMessage::ProtectionLevel(wrapped));
                let _ = permit.agree();
                return heard;
            }
            Err(error) => {
                heard.end = Some(error);
                return heard;
            }
        }
    }
}

fn acceptor() -> Acceptor {
    let Ok((_, server::Step::Methods(_, permit))) = Server::new().read(&[5, 1, 1]) else { unreachable!() };
    let Chosen::SubNegotiate(_, negotiation) = permit.choose(&[Method::GSSAPI]) else { unreachable!() };
    negotiation.gssapi().expect("that is the method")
}

fn initiator() -> Initiator {
    let (_, client) = Client::new(&MethodOffer::of(&[Method::GSSAPI]));
    let Ok((_, client::Step::SubNegotiate(negotiation))) = client.read(&[5, 1]) else { unreachable!() };
    negotiation.gssapi().expect("that is the method").token(TOKEN).1
}
