//! Whole handshakes of either side: one message per read, byte by byte, and over an `Inbox`. Each driver has a buffer, into which
//! every read copies.

use std::hint::black_box;
use std::net::Ipv4Addr;

use socks5_sansio::client::{self, Selected};
use socks5_sansio::server::{Asked, Login, ReceiveOffer};
use socks5_sansio::{Address, Encode, Endpoint, Inbox, Receive, UserPass};

use super::{Case, cases, endpoint};
use crate::floor::{self, Addressed};

pub fn all() -> impl Iterator<Item = &'static Case> {
    [SERVER, SERVER_BYTES, SERVER_INBOX, CLIENT_NEGOTIATED, CLIENT_BYTES, CLIENT_INBOX, CLIENT_OPTIMISTIC]
        .into_iter()
        .flatten()
}

/// What the peer sends, message by message.
type Script = &'static [&'static [u8]];

const TO_IPV4: Script = &[b"\x05\x01\x00", b"\x05\x01\x00\x01\xC0\x00\x02\x01\x00\x50"];
const TO_NAME: Script = &[b"\x05\x01\x00", b"\x05\x01\x00\x03\x0Fwww.example.com\x00\x50"];
const WITH_PASSWORD: Script =
    &[b"\x05\x02\x00\x02", b"\x01\x05alice\x06s3cret", b"\x05\x01\x00\x01\xC0\x00\x02\x01\x00\x50"];
const GRANTED: Script = &[b"\x05\x00", b"\x05\x00\x00\x01\xC0\x00\x02\x07\x12\x34"];
const GRANTED_WITH_PASSWORD: Script = &[b"\x05\x02", b"\x01\x00", b"\x05\x00\x00\x01\xC0\x00\x02\x07\x12\x34"];
const GRANTED_AT_ONCE: Script = &[b"\x05\x02\x01\x00\x05\x00\x00\x01\xC0\x00\x02\x07\x12\x34"];

const fn len(script: Script) -> usize {
    let (mut len, mut message) = (0, 0);
    while message < script.len() {
        len += script[message].len();
        message += 1;
    }
    len
}

/// A stream: each read returns a message, or a byte.
struct Stream {
    script: Script,
    message: usize,
    used: usize,
    by_byte: bool,
}

impl Stream {
    fn messages(script: Script) -> Self {
        Self { script, message: 0, used: 0, by_byte: false }
    }

    fn bytes(script: Script) -> Self {
        Self { by_byte: true, ..Self::messages(script) }
    }

    #[inline(always)]
    fn read(&mut self, room: &mut [u8]) -> usize {
        let message = self.script[self.message];
        let len = if self.by_byte { 1 } else { message.len() };
        room[..len].copy_from_slice(&message[self.used..self.used + len]);
        self.used += len;
        if self.used == message.len() {
            (self.message, self.used) = (self.message + 1, 0);
        }
        len
    }

    fn write(&mut self, bytes: &[u8]) {
        black_box(bytes);
    }
}

/// Enough for all messages here.
const ROOM: usize = 64;

trait Driver {
    fn receive<S: Receive>(&mut self, state: S) -> S::Received<'_>;
    fn send(&mut self, message: &impl Encode);
}

/// A buffer for one message.
struct Plain {
    stream: Stream,
    input: [u8; ROOM],
    output: [u8; ROOM],
}

impl Plain {
    fn new(stream: Stream) -> Self {
        Self { stream, input: [0; ROOM], output: [0; ROOM] }
    }
}

impl Driver for Plain {
    #[inline(always)]
    fn receive<S: Receive>(&mut self, state: S) -> S::Received<'_> {
        let mut len = 0;
        loop {
            len += self.stream.read(&mut self.input[len..]);
            if state.missing(&self.input[..len]).is_none() {
                break;
            }
        }
        let Ok((received, _)) = state.receive(&self.input[..len]) else { panic!() };
        received
    }

    #[inline(always)]
    fn send(&mut self, message: &impl Encode) {
        let Ok(len) = message.encode(&mut self.output) else { panic!() };
        self.stream.write(&self.output[..len]);
    }
}

/// An inbox that reads all there is.
struct Greedy {
    stream: Stream,
    inbox: Inbox<[u8; ROOM]>,
    output: [u8; ROOM],
}

impl Greedy {
    fn new(stream: Stream) -> Self {
        Self { stream, inbox: Inbox::new([0; ROOM]), output: [0; ROOM] }
    }
}

impl Driver for Greedy {
    #[inline(always)]
    fn receive<S: Receive>(&mut self, state: S) -> S::Received<'_> {
        while state.missing(self.inbox.unread()).is_some() {
            let len = self.stream.read(self.inbox.space());
            self.inbox.filled(len);
        }
        let Ok(received) = self.inbox.receive(state) else { panic!() };
        received
    }

    #[inline(always)]
    fn send(&mut self, message: &impl Encode) {
        let Ok(len) = message.encode(&mut self.output) else { panic!() };
        self.stream.write(&self.output[..len]);
    }
}

const BOUND: Endpoint<'_> = Endpoint { address: Address::Ipv4(Ipv4Addr::new(192, 0, 2, 7)), port: 4660 };
const FLOOR_BOUND: floor::Endpoint<'_> =
    floor::Endpoint { address: floor::Address::Ipv4(Ipv4Addr::new(192, 0, 2, 7)), port: 4660 };

/// Returns the port that the client asked for.
#[inline(always)]
fn serve(driver: &mut impl Driver, anonymous: Option<()>) -> u16 {
    let (_, permit) = driver.receive(ReceiveOffer::new());
    let Ok((selection, login)) = permit.login(anonymous, false) else { panic!() };
    driver.send(&selection);
    let state = match login {
        Login::Anonymous((), state) => state,
        Login::UserPass(state) => {
            let (given, permit) = driver.receive(state);
            black_box(given);
            let (status, state) = permit.accept();
            driver.send(&status);
            state
        }
    };
    let (destination, asked) = driver.receive(state);
    let port = black_box(destination).port;
    let Asked::Connect(permit) = asked else { panic!() };
    driver.send(&permit.succeed(BOUND));
    port
}

/// Returns the bound address.
#[inline(always)]
fn connect<'d>(driver: &'d mut impl Driver, credentials: Option<UserPass<'_>>, to: Endpoint<'_>) -> Endpoint<'d> {
    let (offer, state) = client::login(credentials);
    driver.send(&offer);
    let permit = match driver.receive(state) {
        Selected::Request(permit) => permit,
        Selected::UserPass(credentials, state) => {
            driver.send(&credentials);
            driver.receive(state)
        }
    };
    let (request, state) = permit.connect(to);
    driver.send(&request);
    driver.receive(state)
}

#[inline(always)]
fn connect_at_once<'d>(driver: &'d mut impl Driver, credentials: UserPass<'_>, to: Endpoint<'_>) -> Endpoint<'d> {
    let (flight, state) = client::optimistic(Some(credentials), |permit| permit.connect(to));
    driver.send(&flight);
    driver.receive(state)
}

/// Reads a message, and checks whether it is whole only if reads may have `CUT` it.
#[inline(always)]
fn floor_receives<const CUT: bool>(driver: &mut Plain, is_whole: impl Fn(&[u8]) -> bool) -> &[u8] {
    let mut len = driver.stream.read(&mut driver.input);
    while CUT && !is_whole(&driver.input[..len]) {
        len += driver.stream.read(&mut driver.input[len..]);
    }
    &driver.input[..len]
}

#[inline(always)]
fn floor_sends(driver: &mut Plain, encode: impl FnOnce(&mut [u8]) -> usize) {
    let len = encode(&mut driver.output);
    driver.stream.write(&driver.output[..len]);
}

#[inline(always)]
fn floor_serves<const CUT: bool>(driver: &mut Plain, method: u8) -> u16 {
    let (methods, _) = floor::offer(floor_receives::<CUT>(driver, floor::has_offer));
    assert!(methods.contains(&method));
    floor_sends(driver, |out| floor::encode_answer(5, method, out));
    if method == 2 {
        black_box(floor::user_pass(floor_receives::<CUT>(driver, floor::has_user_pass)));
        floor_sends(driver, |out| floor::encode_answer(1, 0, out));
    }
    let (Addressed { byte, endpoint }, _) = floor::request(floor_receives::<CUT>(driver, floor::has_request));
    let port = black_box(endpoint).port;
    assert!(byte == 1);
    floor_sends(driver, |out| floor::encode([5, 0, 0], &FLOOR_BOUND, out));
    port
}

#[inline(always)]
fn floor_connects<'d, const CUT: bool>(
    driver: &'d mut Plain,
    credentials: Option<(&[u8], &[u8])>,
    to: &floor::Endpoint<'_>,
) -> floor::Endpoint<'d> {
    floor_sends(driver, |out| floor::encode_offer(if credentials.is_some() { &[0, 2] } else { &[0] }, out));
    let (method, _) = floor::answer(floor_receives::<CUT>(driver, floor::has_answer));
    if let (2, Some(credentials)) = (method, credentials) {
        floor_sends(driver, |out| floor::encode_user_pass(credentials, out));
        let (status, _) = floor::answer(floor_receives::<CUT>(driver, floor::has_answer));
        assert!(status == 0);
    }
    floor_sends(driver, |out| floor::encode([5, 1, 0], to, out));
    let (Addressed { byte, endpoint }, _) = floor::request(floor_receives::<CUT>(driver, floor::has_request));
    assert!(byte == 0);
    endpoint
}

#[inline(always)]
fn floor_connects_at_once<'d>(
    driver: &'d mut Plain,
    credentials: (&[u8], &[u8]),
    to: &floor::Endpoint<'_>,
) -> floor::Endpoint<'d> {
    floor_sends(driver, |out| {
        let offer = floor::encode_offer(&[2], out);
        let user_pass = floor::encode_user_pass(credentials, &mut out[offer..]);
        offer + user_pass + floor::encode([5, 1, 0], to, &mut out[offer + user_pass..])
    });
    let answers = floor_receives::<false>(driver, |_| true);
    assert!(floor::answer(answers).0 == 2 && floor::answer(&answers[2..]).0 == 0);
    let (Addressed { byte, endpoint }, _) = floor::request(&answers[4..]);
    assert!(byte == 0);
    endpoint
}

const TO: Endpoint<'_> = Endpoint { address: Address::Ipv4(Ipv4Addr::new(192, 0, 2, 1)), port: 80 };
const FLOOR_TO: floor::Endpoint<'_> =
    floor::Endpoint { address: floor::Address::Ipv4(Ipv4Addr::new(192, 0, 2, 1)), port: 80 };

fn alice() -> UserPass<'static> {
    UserPass::new("alice", "s3cret").unwrap()
}

const FLOOR_ALICE: (&[u8], &[u8]) = (b"alice", b"s3cret");

/// The cases of the server: name, script, and whether it asks for credentials.
macro_rules! server {
    ($table:ident within $limit:literal, $driver:ident over $stream:ident, cut $cut:literal: $($name:ident($script:expr, $method:literal);)+) => {
        cases! { $table within $limit: $(
            $name(len($script))
                ours(
                    driver: &mut $driver = &mut $driver::new(Stream::$stream($script)),
                    anonymous: Option<()> = ($method == 0).then_some(())
                ) -> u16 {
                    serve(driver, anonymous)
                }
                floor(driver: &mut Plain = &mut Plain::new(Stream::$stream($script)), method: u8 = $method) -> u16 {
                    floor_serves::<$cut>(driver, method)
                }
                plain super::super::same;
        )+ }
    };
}

server! { SERVER within 1.5, Plain over messages, cut false:
    server_none(TO_IPV4, 0);
    server_name(TO_NAME, 0);
    server_password(WITH_PASSWORD, 2);
}
server! { SERVER_BYTES within 1.3, Plain over bytes, cut true:
    server_none_by_byte(TO_IPV4, 0);
    server_name_by_byte(TO_NAME, 0);
    server_password_by_byte(WITH_PASSWORD, 2);
}
server! { SERVER_INBOX within 1.8, Greedy over messages, cut false:
    server_none_inbox(TO_IPV4, 0);
    server_name_inbox(TO_NAME, 0);
    server_password_inbox(WITH_PASSWORD, 2);
}

/// The cases of the client: name, script, and credentials.
macro_rules! client {
    ($table:ident within $limit:literal, $driver:ident over $stream:ident, cut $cut:literal: $($name:ident($script:expr, $ours:expr, $floor:expr);)+) => {
        cases! { $table within $limit: $(
            $name(len($script))
                ours(
                    driver: &'a mut $driver = &mut $driver::new(Stream::$stream($script)),
                    credentials: Option<UserPass<'_>> = $ours, to: Endpoint<'_> = TO
                ) -> Endpoint<'a> {
                    connect(driver, credentials, to)
                }
                floor(
                    driver: &'a mut Plain = &mut Plain::new(Stream::$stream($script)),
                    credentials: Option<(&[u8], &[u8])> = $floor, to: &floor::Endpoint<'_> = &FLOOR_TO
                ) -> floor::Endpoint<'a> {
                    floor_connects::<$cut>(driver, credentials, to)
                }
                plain endpoint;
        )+ }
    };
}

client! { CLIENT_NEGOTIATED within 1.7, Plain over messages, cut false:
    client_none(GRANTED, None, None);
    client_password(GRANTED_WITH_PASSWORD, Some(alice()), Some(FLOOR_ALICE));
}
client! { CLIENT_BYTES within 1.5, Plain over bytes, cut true:
    client_none_by_byte(GRANTED, None, None);
    client_password_by_byte(GRANTED_WITH_PASSWORD, Some(alice()), Some(FLOOR_ALICE));
}
client! { CLIENT_INBOX within 2.0, Greedy over messages, cut false:
    client_none_inbox(GRANTED, None, None);
    client_password_inbox(GRANTED_WITH_PASSWORD, Some(alice()), Some(FLOOR_ALICE));
}

cases! { CLIENT_OPTIMISTIC within 1.8:
    client_optimistic(len(GRANTED_AT_ONCE))
        ours(
            driver: &'a mut Plain = &mut Plain::new(Stream::messages(GRANTED_AT_ONCE)),
            credentials: UserPass<'_> = alice(), to: Endpoint<'_> = TO
        ) -> Endpoint<'a> {
            connect_at_once(driver, credentials, to)
        }
        floor(
            driver: &'a mut Plain = &mut Plain::new(Stream::messages(GRANTED_AT_ONCE)),
            credentials: (&[u8], &[u8]) = FLOOR_ALICE, to: &floor::Endpoint<'_> = &FLOOR_TO
        ) -> floor::Endpoint<'a> {
            floor_connects_at_once(driver, credentials, to)
        }
        plain endpoint;
}
