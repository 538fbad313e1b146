//! The blocking driver, over a stream in memory whose reads and writes are cut and interrupted.

use core::convert::Infallible;
use std::io::{self, Cursor, ErrorKind, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::time::Duration;

use socks5_sansio::blocking::{
    AcceptError, Admit, Anyone, Check, ConnectError, Deadline, Error, Wire, accept, accept_either, authenticate,
    connect,
};
use socks5_sansio::server::{self, ReceiveOffer};
use socks5_sansio::{Endpoint, Inbox, Invalid, Method, ParseEndpointError, ReplyCode, UserPass, UserPassBuf, client};

use crate::cases::{self, Case};
use crate::harness::applications::{self, End, Event, endpoint_bytes};
use crate::harness::plan::{Accepts, Answer, IPV4, Plan};
use crate::harness::recogniser::{self, Expected};
use crate::harness::transport::Delivery;

struct Stream<'s> {
    input: &'s [u8],
    delivery: Delivery,
    turn: usize,
    sent: Vec<u8>,
    writes: usize,
    flushes: usize,
    /// How many bytes can be written.
    writable: usize,
    /// What comes after the input, if it is not the end of the stream.
    fault: Option<ErrorKind>,
}

impl<'s> Stream<'s> {
    fn new(input: &'s [u8], delivery: Delivery) -> Self {
        Self { input, delivery, turn: 0, sent: vec![], writes: 0, flushes: 0, writable: usize::MAX, fault: None }
    }
}

impl Read for Stream<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.turn += 1;
        if self.turn % 2 == 0 {
            return Err(ErrorKind::Interrupted.into());
        }
        match self.fault {
            Some(fault) if self.input.is_empty() => Err(fault.into()),
            _ => {
                let size = self.delivery.size(self.turn / 2, buffer.len()).min(buffer.len()).min(self.input.len());
                self.input.read(&mut buffer[..size])
            }
        }
    }
}

impl Write for Stream<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.writes += 1;
        let left = self.writable - self.sent.len();
        self.sent.extend(&bytes[..bytes.len().min(left)]);
        if left == 0 { Err(ErrorKind::BrokenPipe.into()) } else { Ok(bytes.len().min(left)) }
    }

    fn flush(&mut self) -> io::Result<()> {
        self.flushes += 1;
        Ok(())
    }
}

fn deliveries() -> impl Iterator<Item = Delivery> {
    [Delivery::Whole, Delivery::BYTES, Delivery::EXACT, Delivery::Pieces([1, 0, 3, 2])].into_iter()
}

/// The handshake truncated and malformed after each of its bytes, and whole with data after it.
fn scripts(handshake: &[u8]) -> impl Iterator<Item = Vec<u8>> {
    let cut = (0..handshake.len()).map(|len| handshake[..len].to_vec());
    let malformed = (0..handshake.len()).map(|len| [&handshake[..len], b"\x09\xFF\xFF"].concat());
    cut.chain(malformed).chain([[handshake, b"data"].concat()])
}

/// The cases with short messages: to cut the longest at every byte takes too long.
fn cases() -> impl Iterator<Item = Case> {
    cases::all().filter(|case| case.up.len() < 100)
}

#[test]
fn a_wire_sends_and_receives_what_the_states_do() {
    for Case { plan, up, down } in cases() {
        for delivery in deliveries() {
            for script in scripts(&up) {
                let (server, end) = applications::serve(&plan, Wire::server(Stream::new(&script, delivery)));
                as_expected(server, end, &recogniser::serve(&plan, &script), &script);
            }
            for script in scripts(&down) {
                let (client, end) = applications::connect(&plan, Wire::client(Stream::new(&script, delivery)));
                let unread = as_expected(client, end, &recogniser::connect(&plan, &script), &script);
                assert!(end != End::Open || unread.is_empty(), "a client reads nothing past its last message");
            }
        }
    }
}

type Side<'p, 's> = applications::Application<'p, Wire<Stream<'s>>>;

fn as_expected(side: Side<'_, '_>, end: End, expected: &Expected, script: &[u8]) -> Vec<u8> {
    assert_eq!((end, &side.events), (expected.end, &expected.events), "after {script:02X?}");
    assert_eq!(side.transport.stream().sent, expected.sent, "after {script:02X?}");
    let (stream, inbox) = side.transport.into_parts();
    assert_eq!([inbox.unread(), stream.input].concat(), script[expected.used..], "left of {script:02X?}");
    inbox.unread().to_vec()
}

#[test]
fn connect_returns_the_bound_address_or_a_typed_error() {
    let alice = UserPass::new("alice", "s3cret").unwrap();
    let destination = ("192.0.2.1", 80);
    for (credentials, offer) in [(None, [0].as_slice()), (Some(alice), &[0, 2])] {
        let plan = Plan::by(0).with_offer(offer);
        for selected in [b"\x05\x00".as_slice(), b"\x05\x02\x01\x00", b"\x05\x02\x01\x01", b"\x05\xFF", b"\x05\x01"] {
            for reply in [b"\x05\x00\x00\x01\xC0\x00\x02\x07\x12\x34".as_slice(), b"\x05\x05\x00"] {
                for script in scripts(&[selected, reply].concat()) {
                    let expected = recogniser::connect(&plan, &script);
                    let mut stream = Stream::new(&script, Delivery::Pieces([1, 0, 3, 2]));
                    match (connect(&mut stream, destination, credentials), expected.end) {
                        (Ok(bound), End::Open) => {
                            let bound = Event::Bound(endpoint_bytes(bound.as_endpoint()));
                            assert_eq!(Some(&bound), expected.events.last());
                            assert_eq!(stream.input, &script[expected.used..]);
                            assert_eq!([&*stream.sent, &plan.data.0].concat(), expected.sent);
                        }
                        (Err(ConnectError::Proxy(error)), end) => {
                            assert_eq!((End::Client(error), &stream.sent), (end, &expected.sent), "{script:02X?}");
                        }
                        (result, end) => panic!("{result:?} and not {end:?} after {script:02X?}"),
                    }
                }
            }
        }
    }
}

#[test]
fn connect_fails_with_the_kind_of_its_cause() {
    let kind = |result: Result<_, ConnectError>| io::Error::from(result.map(drop).unwrap_err()).kind();
    let mut stream = Stream::new(b"\x05\x00\x05\x05", Delivery::Whole);
    let error = connect(&mut stream, "example.com", None).unwrap_err();
    assert!(matches!(error, ConnectError::Destination(ParseEndpointError::Port)), "{error:?}");
    assert_eq!((io::Error::from(error).kind(), &*stream.sent), (ErrorKind::InvalidInput, b"".as_slice()));
    assert_eq!(kind(connect(&mut stream, "example.com:80", None)), ErrorKind::ConnectionRefused);
    let mut stream = Stream { fault: Some(ErrorKind::TimedOut), ..Stream::new(b"\x05", Delivery::Whole) };
    assert_eq!(kind(connect(&mut stream, "example.com:80", None)), ErrorKind::TimedOut);
    for writable in [0, 2, 3, 5] {
        let mut stream = Stream { writable, ..Stream::new(b"\x05\x00", Delivery::Whole) };
        assert_eq!(kind(connect(&mut stream, "example.com:80", None)), ErrorKind::BrokenPipe, "{writable}");
    }
}

#[test]
fn authenticate_leaves_the_request_to_the_caller() {
    let mut wire = Wire::client(Stream::new(b"\x05\x02\x01\x00", Delivery::Whole));
    let permit = authenticate(&mut wire, Some(UserPass::new("u", "p").unwrap())).unwrap();
    let (request, _state) = permit.udp_associate(Endpoint::UNSPECIFIED);
    wire.send(&request).unwrap();
    let sent = b"\x05\x02\x00\x02\x01\x01u\x01p\x05\x03\x00\x01\x00\x00\x00\x00\x00\x00";
    assert_eq!(wire.stream().sent, sent);
    assert_eq!((wire.stream().writes, wire.stream().flushes), (3, 3), "each message has one write");
    let mut wire = Wire::client(Stream::new(b"\x05\xFF", Delivery::Whole));
    let error = authenticate(&mut wire, None).unwrap_err();
    assert!(matches!(error, Error::Peer(client::Error::NoAcceptableMethods)), "{error:?}");
    assert_eq!(io::Error::from(error).kind(), ErrorKind::PermissionDenied);
}

/// Admits one user, and clients without credentials as "anonymous".
struct Mixed;

impl Admit for Mixed {
    type User = String;

    fn anonymous(&self) -> Option<String> {
        Some("anonymous".into())
    }

    fn user_pass(&self, given: UserPass<'_>) -> Option<String> {
        named(given)
    }
}

fn named(given: UserPass<'_>) -> Option<String> {
    let known = given.verify(&UserPass::new("alice", "s3cret").unwrap());
    known.then(|| String::from_utf8(given.username().to_vec()).unwrap())
}

/// Accepts a client that sends each script, and checks the result against the plan. Every request is refused. `user` returns the
/// method by which this user must have been admitted, or `None` if several are possible.
fn accepts<A: Admit>(admit: &A, plan: &Plan, user: impl Fn(A::User) -> Option<u8>) {
    let plan = plan.clone().with_answer(Answer { listening: None, code: 7, bound: IPV4.to_vec() });
    for offer in [b"\x05\x01\x00".as_slice(), b"\x05\x01\x02", b"\x05\x02\x00\x02", b"\x05\x01\x01", b"\x05\x00"] {
        for login in [b"".as_slice(), b"\x01\x05alice\x06s3cret", b"\x01\x03bob\x06s3cret"] {
            for script in scripts(&[offer, login, b"\x05\x01\x00\x03\x01x\x00\x50"].concat()) {
                let expected = recogniser::serve(&plan, &script);
                let mut wire = Wire::server(Stream::new(&script, Delivery::Pieces([1, 0, 3, 2])));
                let end = match accept(&mut wire, admit) {
                    Ok((admitted, destination, asked)) => {
                        let request = Event::Request(asked.command().0, endpoint_bytes(destination));
                        assert_eq!(Some(&request), expected.events.last());
                        let selected = user(admitted);
                        assert!(selected.is_none_or(|method| expected.sent.starts_with(&[5, method])));
                        wire.send(&asked.refuse(ReplyCode::COMMAND_NOT_SUPPORTED)).unwrap();
                        End::Refused
                    }
                    Err(AcceptError::NoAcceptableMethods) => {
                        assert_eq!(expected.sent, b"\x05\xFF");
                        End::Refused
                    }
                    Err(AcceptError::Rejected) => {
                        assert_eq!(expected.sent, b"\x05\x02\x01\x01");
                        End::Refused
                    }
                    Err(AcceptError::Client(error)) => End::Server(error),
                    Err(error) => panic!("{error}"),
                };
                assert_eq!((end, &wire.stream().sent), (expected.end, &expected.sent), "after {script:02X?}");
            }
        }
    }
}

#[test]
fn accept_admits_what_the_check_admits_and_sends_every_refusal() {
    let alice = UserPass::new("alice", "s3cret").unwrap();
    let only_alice = Plan::by(2);
    accepts(&Anyone, &Plan::by(0).with_preference(&[0, 2]).with_accepts(Accepts::All), |()| None);
    accepts(&alice, &only_alice, |()| Some(2));
    accepts(&UserPassBuf::from(alice), &only_alice, |()| Some(2));
    accepts(&Check::new(named), &only_alice, |user| (user == "alice").then_some(2));
    accepts(&Mixed, &only_alice.with_preference(&[2, 0]), |user| match &*user {
        "alice" => Some(2),
        "anonymous" => Some(0),
        other => panic!("{other}"),
    });
}

/// Accepts a client of either protocol that sends each script, and checks the result against the plan.
fn accepts_either<A: Admit>(admit: &A, plan: &Plan) {
    let plan = plan.clone().with_either().with_answer(Answer { listening: None, code: 7, bound: IPV4.to_vec() });
    for handshake in [
        b"\x04\x01\x00\x50\x00\x00\x00\x01alice\x00x\x00".as_slice(),
        b"\x04\x02\x00\x50\xC0\x00\x02\x07\x00",
        b"\x05\x01\x00\x05\x01\x00\x03\x01x\x00\x50",
        b"\x05\x01\x02\x01\x05alice\x06s3cret\x05\x03\x00\x03\x01x\x00\x50",
    ] {
        for script in scripts(handshake) {
            let expected = recogniser::serve(&plan, &script);
            let mut wire = Wire::server(Stream::new(&script, Delivery::Pieces([1, 0, 3, 2])));
            let end = match accept_either(&mut wire, admit) {
                Ok((_, destination, asked)) => {
                    let request = Event::Request(asked.command().0, endpoint_bytes(destination));
                    assert_eq!(Some(&request), expected.events.last());
                    wire.send(&asked.refuse(ReplyCode::COMMAND_NOT_SUPPORTED)).unwrap();
                    End::Refused
                }
                Err(AcceptError::Client(error)) => End::Server(error),
                Err(AcceptError::CredentialsRequired) => {
                    assert_eq!(expected.sent, b"\x00\x5B\x00\x00\x00\x00\x00\x00");
                    End::Refused
                }
                Err(AcceptError::NoAcceptableMethods | AcceptError::Rejected) => End::Refused,
                Err(error) => panic!("{error}"),
            };
            assert_eq!((end, &wire.stream().sent), (expected.end, &expected.sent), "after {script:02X?}");
        }
    }
}

#[test]
fn accept_either_admits_clients_of_socks4_if_no_credentials_are_required() {
    let alice = UserPass::new("alice", "s3cret").unwrap();
    accepts_either(&Anyone, &Plan::by(0).with_preference(&[0, 2]).with_accepts(Accepts::All));
    accepts_either(&Mixed, &Plan::by(2).with_preference(&[2, 0]));
    accepts_either(&alice, &Plan::by(2));
    accepts_either(&Check::new(named), &Plan::by(2));
}

#[test]
fn accept_does_not_serve_socks4() {
    let mut wire = Wire::server(Stream::new(b"\x04\x01\x00\x50\xC0\x00\x02\x07\x00", Delivery::Whole));
    let error = accept(&mut wire, &Anyone).map(drop).unwrap_err();
    assert!(matches!(error, AcceptError::Client(server::Error::Offer(Invalid::Version(4)))), "{error:?}");
    assert_eq!(wire.stream().sent, b"");
    assert_eq!(wire.unread().len(), 9);
}

#[test]
fn a_refusal_of_socks4_is_reported_even_if_it_cannot_be_sent() {
    let script = b"\x04\x01\x00\x50\xC0\x00\x02\x07\x00";
    let mut wire = Wire::server(Stream { writable: 0, ..Stream::new(script, Delivery::Whole) });
    let error = accept_either(&mut wire, &UserPass::new("alice", "s3cret").unwrap()).map(drop).unwrap_err();
    assert_eq!(io::Error::from(error).kind(), ErrorKind::PermissionDenied);
}

#[test]
fn accept_fails_with_the_kind_of_its_cause() {
    let alice = UserPass::new("alice", "s3cret").unwrap();
    let accepted = |stream| {
        let mut wire = Wire::server(stream);
        accept(&mut wire, &alice).map(drop).unwrap_err()
    };
    let wrong = b"\x05\x01\x02\x01\x01u\x01p";
    for (script, writable, kind) in [
        (b"\x05\x01\x00".as_slice(), usize::MAX, ErrorKind::PermissionDenied),
        (b"\x05\x01\x00", 0, ErrorKind::PermissionDenied), // the refusal is reported, even if it cannot be sent
        (wrong, usize::MAX, ErrorKind::PermissionDenied),
        (wrong, 2, ErrorKind::PermissionDenied),
        (wrong, 1, ErrorKind::BrokenPipe),
        (b"\x05\x01\x02\x01\x05alice\x06s3cret", 3, ErrorKind::BrokenPipe),
        (b"\x05\x01\x02\x09", usize::MAX, ErrorKind::InvalidData),
        (b"\x05\x01\x02\x09", 2, ErrorKind::InvalidData),
        (b"", 0, ErrorKind::UnexpectedEof),
    ] {
        let error = accepted(Stream { writable, ..Stream::new(script, Delivery::Whole) });
        assert_eq!(io::Error::from(error).kind(), kind, "{script:02X?}");
    }
    let error = accepted(Stream { fault: Some(ErrorKind::TimedOut), ..Stream::new(b"\x05", Delivery::Whole) });
    assert!(matches!(error, AcceptError::Io(error) if error.kind() == ErrorKind::TimedOut));
}

#[test]
fn a_failed_read_is_an_error_of_the_stream_and_leaves_the_input() {
    let stream = Stream { fault: Some(ErrorKind::ConnectionReset), ..Stream::new(b"\x05\x02\x00", Delivery::Whole) };
    let mut wire = Wire::server(stream);
    let error = wire.receive(ReceiveOffer::new()).map(drop).unwrap_err();
    assert!(matches!(&error, Error::Io(error) if error.kind() == ErrorKind::ConnectionReset), "{error:?}");
    assert_eq!(io::Error::from(error).kind(), ErrorKind::ConnectionReset);
    assert_eq!(wire.into_parts().1.unread(), b"\x05\x02\x00");
}

#[test]
fn receives_custom_messages_with_a_closure() {
    let line = |input: &[u8]| match input.iter().position(|byte| matches!(byte, b'\n' | b'!')) {
        Some(at) if input[at] == b'!' => Err(server::Error::Closed),
        at => Ok(at.map(|at| (input[..at].to_vec(), at + 1))),
    };
    for delivery in deliveries() {
        let mut wire = Wire::client(Stream::new(b"one\ntwo\n!three", delivery));
        assert_eq!(wire.receive_with(line).unwrap(), b"one");
        assert_eq!(wire.receive_with(line).unwrap(), b"two");
        assert!(matches!(wire.receive_with(line), Err(Error::Peer(server::Error::Closed))));
        let (stream, inbox) = wire.into_parts();
        assert_eq!([inbox.unread(), stream.input].concat(), b"!three");
    }
}

#[test]
fn a_custom_message_is_bounded() {
    let never = |_: &[u8]| Ok::<Option<((), usize)>, Infallible>(None);
    for (len, kind) in [(65_538, ErrorKind::UnexpectedEof), (65_539, ErrorKind::InvalidData)] {
        let bytes = vec![0; len];
        let mut wire = Wire::server(Stream::new(&bytes, Delivery::Whole));
        let Err(Error::Io(error)) = wire.receive_with(never) else { panic!("expected an I/O error") };
        assert_eq!(error.kind(), kind, "{len}");
    }
}

#[test]
fn a_wire_begins_with_bytes_that_were_already_read() {
    let mut inbox = Inbox::new(Vec::new());
    inbox.room(2).unwrap().copy_from_slice(b"\x05\x01");
    inbox.filled(2);
    let mut wire = Wire::from_parts(Cursor::new(b"\x00early".to_vec()), inbox);
    let (offer, _permit) = wire.receive(ReceiveOffer::new()).unwrap();
    assert!(offer.contains(Method::NO_AUTHENTICATION));
    assert_eq!(wire.unread(), b"early");
}

#[test]
fn debug_of_a_wire_shows_no_bytes() {
    let mut wire = Wire::client(Cursor::new(vec![]));
    wire.send(&UserPass::new("alice", "s3cret").unwrap()).unwrap();
    wire.send(&b"more".to_vec()).unwrap();
    wire.send(b"and more").unwrap();
    let stream = wire.into_stream();
    assert!(stream.get_ref().ends_with(b"moreand more"));
    let wire = Wire::from_parts(Cursor::new(vec![]), Inbox::new(b"s3cret".to_vec()));
    assert_eq!(
        format!("{wire:?}"),
        "Wire { stream: Cursor { inner: [], pos: 0 }, inbox: Inbox { unread: 0, capacity: 6 }, .. }"
    );
}

#[test]
fn a_connect_error_converts_to_a_reply_code() {
    let malformed = connect(&mut Cursor::new(vec![]), "no port", None).unwrap_err();
    assert_eq!(ReplyCode::from(&malformed), ReplyCode::GENERAL_FAILURE);
    let io = ConnectError::Io(ErrorKind::ConnectionRefused.into());
    assert_eq!(ReplyCode::from(&io), ReplyCode::CONNECTION_REFUSED);
    let proxy = ConnectError::Proxy(client::Error::Refused(ReplyCode(0xF0)));
    assert_eq!(ReplyCode::from(&proxy), ReplyCode(0xF0));
}

#[test]
fn a_reference_admits_as_its_target_does() {
    let (anyone, alice) = (&Anyone, UserPass::new("alice", "s3cret").unwrap());
    assert_eq!((Admit::anonymous(&anyone), Admit::user_pass(&anyone, alice)), (Some(()), Some(())));
    assert!(!Admit::prefers_user_pass(&anyone) && Admit::prefers_user_pass(&&alice));
}

#[test]
fn receive_with_returns_errors_of_the_stream() {
    struct Broken;
    impl Read for Broken {
        fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
            Err(ErrorKind::ConnectionReset.into())
        }
    }
    impl Write for Broken {
        fn write(&mut self, _: &[u8]) -> io::Result<usize> {
            Err(ErrorKind::BrokenPipe.into())
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }
    let error = Wire::server(Broken).receive_with(|_| Ok::<Option<((), usize)>, io::Error>(None)).unwrap_err();
    assert_eq!(io::Error::from(error).kind(), ErrorKind::ConnectionReset);
}

#[test]
fn credentials_that_cannot_be_sent_are_an_error_of_the_stream() {
    let mut stream = Stream::new(b"\x05\x02", Delivery::Whole);
    stream.writable = b"\x05\x02\x00\x02".len();
    let error = connect(&mut stream, "192.0.2.1:80", UserPass::new("alice", "s3cret").ok()).unwrap_err();
    assert!(matches!(error, ConnectError::Io(_)), "{error:?}");
}

#[test]
fn a_deadline_bounds_all_operations_and_leaves_no_timeout() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let stream = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    let (mut peer, _) = listener.accept().unwrap();
    peer.write_all(b"\x05\x00").unwrap();

    let mut buffer = [0; 1];
    let mut none = Deadline::new(&stream, Duration::MAX);
    none.read_exact(&mut buffer).unwrap();
    none.write_all(b"\x05").unwrap();
    none.flush().unwrap();
    assert_eq!(buffer, [5]);

    let mut passed = Deadline::new(&stream, Duration::ZERO);
    assert_eq!(passed.read(&mut buffer).unwrap_err().kind(), ErrorKind::TimedOut, "although there is a byte");
    assert_eq!(passed.write(b"\x05").unwrap_err().kind(), ErrorKind::TimedOut);
    none.read_exact(&mut buffer).unwrap();
    assert_eq!(buffer, [0]);

    let mut soon = Deadline::new(&stream, Duration::from_millis(1));
    assert_eq!(soon.read(&mut buffer).unwrap_err().kind(), ErrorKind::TimedOut);
    drop(peer);
    assert!(none.write_all(&[0; 1 << 20]).is_err_and(|error| error.kind() != ErrorKind::TimedOut));
    assert_eq!((stream.read_timeout().unwrap(), stream.write_timeout().unwrap()), (None, None));
}
