//! Each state, with early data in a separate segment. The tests take the turns of one connection; its client and its target are
//! blocking sockets.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream};
use std::thread;

use mio::{Events, Poll};
use socket2::{Domain, SockRef, Socket, Type};
use socks5_sansio::UserPassBuf;

use super::*;

/// A failed test ends after this time.
const TEST_TIMEOUT: Duration = Duration::from_secs(30);
const CLIENT: usize = 0;
const TARGET: usize = 1;
const OFFER: &[u8] = b"\x05\x01\x02";
const CREDENTIALS: &[u8] = b"\x01\x05alice\x06s3cret";

struct Fixture {
    poll: Poll,
    events: Events,
    config: Config,
    connection: Connection,
    client: TcpStream,
}

impl Fixture {
    fn new() -> Self {
        let poll = Poll::new().unwrap();
        let credentials = UserPassBuf::new("alice", "s3cret").unwrap();
        let config = Config { credentials: Some(credentials), ..Config::default() };
        let (client, accepted) = pair();
        accepted.set_nonblocking(true).unwrap();
        let connection =
            Connection::new(mio::net::TcpStream::from_std(accepted), &config, poll.registry(), Token(0)).unwrap();
        Self { poll, events: Events::with_capacity(8), config, connection, client: with_timeouts(client) }
    }

    /// A connection whose client has sent its credentials.
    fn authenticated() -> Self {
        let mut fixture = Self::new();
        fixture.client.write_all(&[OFFER, CREDENTIALS].concat()).unwrap();
        fixture.until("authenticated", |connection| matches!(connection.state, State::Request(_)));
        fixture.expect(b"\x05\x02\x01\x00");
        fixture
    }

    fn connecting(target: SocketAddr) -> Self {
        let mut fixture = Self::authenticated();
        fixture.client.write_all(&request(target)).unwrap();
        fixture.until("connecting", |connection| !matches!(connection.state, State::Request(_)));
        fixture
    }

    /// A connection that relays, with the target's stream.
    fn relaying() -> (Self, TcpStream) {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let mut fixture = Self::connecting(listener.local_addr().unwrap());
        fixture.until("relaying", |connection| matches!(connection.state, State::Relaying(_)));
        fixture.expect_reply(0);
        assert_eq!(fixture.connection.deadline, None);
        (fixture, with_timeouts(listener.accept().unwrap().0))
    }

    /// A connection that relays, with the streams of the client and the target, so that either can be dropped.
    fn with_both_sides() -> (Self, [TcpStream; 2]) {
        let (mut fixture, target) = Self::relaying();
        let client = replace(&mut fixture.client, pair().0);
        (fixture, [client, target])
    }

    /// A connection after a refusal, which the client has received.
    fn closing() -> Self {
        let mut fixture = Self::authenticated();
        fixture.client.write_all(b"\x05\x02\x00\x01\0\0\0\0\0\0").unwrap(); // BIND
        fixture.until("closing", |connection| matches!(connection.state, State::Closing));
        fixture.until("the refusal is sent", |connection| connection.client.is_closed);
        fixture.expect_reply(7);
        fixture
    }

    /// Sends a segment, which stays in the pipe to the target: the state does not change.
    fn send_early(&mut self, bytes: &[u8]) {
        let before = discriminant(&self.connection.state);
        self.client.write_all(bytes).unwrap();
        self.until("the data is received", |connection| connection.up.unread().ends_with(bytes));
        assert_eq!(discriminant(&self.connection.state), before);
    }

    /// Takes turns until the condition holds.
    fn until(&mut self, what: &str, holds: impl Fn(&Connection) -> bool) {
        let started = Instant::now();
        while !holds(&self.connection) {
            assert!(started.elapsed() < TEST_TIMEOUT, "{what}: not within {TEST_TIMEOUT:?}");
            if !self.turn() {
                self.poll.poll(&mut self.events, Some(Duration::from_millis(10))).unwrap();
            }
        }
    }

    fn turn(&mut self) -> bool {
        let (config, registry, buffer) = (&self.config, self.poll.registry(), &mut [0; MAX_LEN]);
        self.connection.turn(Turn { config, registry, token: Token(0), buffer }).unwrap()
    }

    fn until_target(&mut self, what: &str, holds: impl Fn(&Peer) -> bool) {
        self.until(what, |connection| matches!(&connection.state, State::Relaying(target) if holds(target)));
    }

    fn until_received(&mut self, stream: &mut TcpStream, bytes: &[u8]) {
        stream.set_nonblocking(true).unwrap();
        let mut received = vec![0; bytes.len()];
        self.until("the data is received", |_| received_all(stream, bytes.len()));
        stream.set_nonblocking(false).unwrap();
        stream.read_exact(&mut received).unwrap();
        assert_eq!(received, bytes);
    }

    /// Takes turns until the receiver has everything and an orderly end.
    fn until_all_received(mut self, mut receiver: TcpStream, len: usize) {
        let reading = thread::spawn(move || {
            let mut received = Vec::new();
            receiver.read_to_end(&mut received).map(|_| received)
        });
        self.until_over();
        drop(self);
        assert!(reading.join().unwrap().unwrap() == vec![1; len]);
    }

    fn until_over(&mut self) {
        self.until("the connection is over", Connection::is_over);
    }

    fn expect(&mut self, bytes: &[u8]) {
        expect(&mut self.client, bytes);
    }

    fn expect_reply(&mut self, code: u8) {
        let mut reply = [0; 10];
        self.client.read_exact(&mut reply).unwrap();
        assert_eq!(reply[..4], [5, code, 0, 1]);
    }
}

fn pair() -> (TcpStream, TcpStream) {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let client = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    (client, listener.accept().unwrap().0)
}

fn with_timeouts(stream: TcpStream) -> TcpStream {
    stream.set_nodelay(true).unwrap();
    stream.set_read_timeout(Some(TEST_TIMEOUT)).unwrap();
    stream.set_write_timeout(Some(TEST_TIMEOUT)).unwrap();
    stream
}

fn request(target: SocketAddr) -> Vec<u8> {
    let destination = Endpoint::from(target);
    socks5_sansio::Request { command: socks5_sansio::Command::CONNECT, destination }.to_vec()
}

fn received_all(stream: &TcpStream, len: usize) -> bool {
    stream.peek(&mut vec![0; len]).is_ok_and(|received| received == len)
}

fn expect(stream: &mut TcpStream, bytes: &[u8]) {
    let mut received = vec![0; bytes.len()];
    stream.read_exact(&mut received).unwrap();
    assert_eq!(received, bytes);
}

/// The stream of `side`, and the other.
fn by_side([client, target]: [TcpStream; 2], side: usize) -> (TcpStream, TcpStream) {
    if side == CLIENT { (client, target) } else { (target, client) }
}

fn reset(stream: TcpStream) {
    SockRef::from(&stream).set_linger(Some(Duration::ZERO)).unwrap();
}

/// A target that does not answer until a connection is accepted: the queue of its listener is full.
fn unanswered() -> (TcpListener, Vec<Socket>, SocketAddr) {
    let listener = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
    listener.bind(&SocketAddr::from((Ipv4Addr::LOCALHOST, 0)).into()).unwrap();
    listener.listen(0).unwrap();
    let listener = TcpListener::from(listener);
    let address = listener.local_addr().unwrap();
    let queue = (0..4).map(|_| {
        let socket = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
        socket.set_nonblocking(true).unwrap();
        let _ = socket.connect(&address.into());
        socket
    });
    let queue = queue.collect();
    (listener, queue, address)
}

/// Accepts connections until one has the data.
fn accept_with(listener: &TcpListener, bytes: &[u8]) -> TcpStream {
    loop {
        let mut stream = with_timeouts(listener.accept().unwrap().0);
        let mut received = vec![0; bytes.len()];
        if stream.read_exact(&mut received).is_ok() {
            assert_eq!(received, bytes);
            return stream;
        }
    }
}

#[test]
fn keeps_what_arrives_before_the_offer_is_complete() {
    let mut fixture = Fixture::new();
    fixture.send_early(b"\x05");
    fixture.send_early(b"\x01");
    fixture.client.write_all(b"\x02").unwrap();
    fixture.until("the offer is received", |connection| matches!(connection.state, State::UserPass(_)));
    fixture.expect(b"\x05\x02");
}

#[test]
fn keeps_what_arrives_before_the_credentials_are_complete() {
    let mut fixture = Fixture::new();
    fixture.client.write_all(OFFER).unwrap();
    fixture.until("the offer is received", |connection| matches!(connection.state, State::UserPass(_)));
    for byte in &CREDENTIALS[..CREDENTIALS.len() - 1] {
        fixture.send_early(&[*byte]);
    }
    fixture.client.write_all(b"t").unwrap();
    fixture.until("authenticated", |connection| matches!(connection.state, State::Request(_)));
    fixture.expect(b"\x05\x02\x01\x00");
}

#[test]
fn keeps_what_arrives_before_the_request_is_complete() {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let request = request(listener.local_addr().unwrap());
    let mut fixture = Fixture::authenticated();
    for byte in &request[..request.len() - 1] {
        fixture.send_early(&[*byte]);
    }
    fixture.client.write_all(&request[request.len() - 1..]).unwrap();
    fixture.until("relaying", |connection| matches!(connection.state, State::Relaying(_)));
    fixture.expect_reply(0);
}

#[test]
fn keeps_what_arrives_while_connecting() {
    let (listener, queue, address) = unanswered();
    let mut fixture = Fixture::connecting(address);
    fixture.send_early(b"early, ");
    fixture.send_early(b"in two segments");
    drop(queue);
    let accepting = thread::spawn(move || accept_with(&listener, b"early, in two segments"));
    fixture.until("the data is sent", |connection| {
        matches!(connection.state, State::Relaying(_)) && connection.up.is_empty()
    });
    fixture.expect_reply(0);
    accepting.join().unwrap();
}

#[test]
fn stops_reading_a_client_that_sends_too_much_while_connecting() {
    let (_listener, _queue, address) = unanswered();
    let mut fixture = Fixture::connecting(address);
    fixture.client.write_all(&[0; 2 * MAX_LEN]).unwrap();
    fixture.until("the pipe is full", |connection| connection.up.unread().len() == MAX_LEN);
    assert!(!fixture.turn() && matches!(fixture.connection.state, State::Connecting(..)));
    reset(replace(&mut fixture.client, pair().0));
    fixture.until_over(); // although the end cannot be read
}

#[test]
fn stops_connecting_when_the_client_leaves_and_not_when_it_half_closes() {
    let (_listener, _queue, address) = unanswered();
    let mut leaves = Fixture::connecting(address);
    leaves.client.shutdown(Shutdown::Write).unwrap();
    leaves.until_over();

    let mut half_closes = Fixture::connecting(address);
    half_closes.send_early(b"all that there is");
    half_closes.client.shutdown(Shutdown::Write).unwrap();
    half_closes.until("the end is received", |connection| connection.client.has_ended);
    assert!(!half_closes.connection.is_over());
    reset(replace(&mut half_closes.client, pair().0));
    half_closes.until_over();
}

#[test]
fn relays_segments_both_ways_and_passes_each_half_close_on() {
    let (mut fixture, mut target) = Fixture::relaying();
    let mut client = fixture.client.try_clone().unwrap();
    for segment in [b"one".as_slice(), b"two", b"three"] {
        client.write_all(segment).unwrap();
        fixture.until_received(&mut target, segment);
        target.write_all(segment).unwrap();
        fixture.until_received(&mut client, segment);
        assert!(fixture.connection.up.is_empty() && fixture.connection.down.is_empty());
    }
    client.shutdown(Shutdown::Write).unwrap();
    fixture.until_target("has the end", |target| target.is_closed);
    assert_eq!(target.read(&mut [0]).unwrap(), 0);
    target.write_all(b"four").unwrap();
    fixture.until_received(&mut client, b"four");
    drop(target);
    fixture.until_over();
    drop(fixture);
    assert_eq!(client.read(&mut [0]).unwrap(), 0, "an orderly end");
}

#[test]
fn discards_what_arrives_while_closing() {
    let mut fixture = Fixture::closing();
    for _ in 0..3 {
        fixture.client.write_all(&[0; MAX_LEN]).unwrap();
        fixture.until("the pipe is empty", |connection| connection.up.is_empty());
    }
    assert!(!fixture.connection.is_over());
    fixture.client.shutdown(Shutdown::Write).unwrap();
    fixture.until_over();
    drop(fixture.connection);
    assert_eq!(fixture.client.read(&mut [0]).unwrap(), 0, "no reset");
}

#[test]
fn closes_after_an_end_in_the_middle_of_a_message() {
    let mut fixture = Fixture::authenticated();
    fixture.send_early(b"\x05\x01");
    fixture.client.shutdown(Shutdown::Write).unwrap();
    fixture.until_over();
    assert_eq!(fixture.client.read(&mut [0]).unwrap(), 0, "no reply, and no reset");
}

#[test]
fn stops_reading_for_a_slow_receiver_and_ends_after_the_last_byte() {
    for side in [CLIENT, TARGET] {
        let (mut fixture, sides) = Fixture::with_both_sides();
        let (sender, receiver) = by_side(sides, side);
        receiver.shutdown(Shutdown::Write).unwrap();
        let sent = fill(&mut fixture, &sender, MAX_LEN);
        sender.shutdown(Shutdown::Write).unwrap();
        fixture.until_all_received(receiver, sent);
    }
}

#[test]
fn passes_an_end_on_after_what_is_still_in_the_pipe() {
    for side in [CLIENT, TARGET] {
        let (mut fixture, sides) = Fixture::with_both_sides();
        let (sender, receiver) = by_side(sides, side);
        let sent = fill(&mut fixture, &sender, 1);
        sender.shutdown(Shutdown::Write).unwrap();
        while fixture.turn() {}
        assert!(longest_pipe(&fixture.connection) > 0);
        receiver.shutdown(Shutdown::Write).unwrap();
        fixture.until_all_received(receiver, sent);
    }
}

/// Sends until a pipe holds at least `held` bytes and nothing moves. Returns the number of bytes sent.
fn fill(fixture: &mut Fixture, mut sender: &TcpStream, held: usize) -> usize {
    sender.set_nonblocking(true).unwrap();
    let mut sent = 0;
    while longest_pipe(&fixture.connection) < held {
        sent += sender.write(&[1; MAX_LEN / 2]).unwrap_or(0);
        while fixture.turn() {}
    }
    sender.set_nonblocking(false).unwrap();
    sent
}

fn longest_pipe(connection: &Connection) -> usize {
    connection.up.unread().len().max(connection.down.unread().len())
}

#[test]
fn notices_a_reset_of_either_side_before_and_after_either_half_close() {
    for (half_closed, side) in
        [None, Some(CLIENT), Some(TARGET)].into_iter().flat_map(|half| [(half, CLIENT), (half, TARGET)])
    {
        let (mut fixture, sides) = Fixture::with_both_sides();
        fixture.config.linger = 2 * TEST_TIMEOUT;
        fixture.connection.down.last_write = None; // the reply
        if let Some(half_closed) = half_closed {
            sides[half_closed].shutdown(Shutdown::Write).unwrap();
            fixture.until_target("has one end", |target| target.is_closed || target.has_ended);
            assert_eq!((&sides[1 - half_closed]).read(&mut [0]).unwrap(), 0);
        }
        let (broken, mut living) = by_side(sides, side);
        reset(broken);
        fixture.until("one side is broken", |connection| matches!(connection.state, State::Delivering(_)));
        fixture.until("nothing is delivered", |connection| connection.deadline <= Some(Instant::now()));
        drop(fixture);
        assert!(living.write(&[0]).is_err() || living.read(&mut [0]).is_err(), "a reset");
    }
}

#[test]
fn delivers_what_the_reset_side_had_sent_and_then_resets_the_other() {
    for side in [CLIENT, TARGET] {
        let (mut fixture, sides) = Fixture::with_both_sides();
        let (mut broken, mut living) = by_side(sides, side);
        living.write_all(b"unread").unwrap();
        fixture.until_received(&mut broken, b"unre"); // closing with unread data is a reset
        broken.write_all(&[1; 4 * MAX_LEN]).unwrap();
        drop(broken);
        fixture.until("one side is broken", |connection| matches!(connection.state, State::Delivering(_)));
        living.write_all(&[0; MAX_LEN]).unwrap();
        fixture.until_received(&mut living, &[1; 4 * MAX_LEN]);
        while fixture.turn() {}
        assert_eq!(longest_pipe(&fixture.connection), 0, "the rest is discarded");
        fixture.until("all is delivered", |connection| connection.deadline <= Some(Instant::now()));
        drop(fixture);
        assert!(living.read(&mut [0]).is_err(), "no orderly end");
    }
}
