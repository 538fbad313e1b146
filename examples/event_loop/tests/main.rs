//! The loop, with clients that stop sending, and with few descriptors.

mod proxy;

use std::io::{self, ErrorKind, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::thread;
use std::time::Duration;

use event_loop_proxy::Config;
use proxy::{Process, connected, eventually, listener, start, unanswered, with_timeouts};
use socks5_sansio::blocking::connect;
use socks5_sansio::client::Error;
use socks5_sansio::{Command, Encode, Endpoint, ReplyCode, Request, UserPass, UserPassBuf};

const OFFER: &[u8] = b"\x05\x01\x02";
const CREDENTIALS: &[u8] = b"\x01\x05alice\x06s3cret";
const SHORT: Duration = Duration::from_millis(100);

fn request(command: Command, destination: SocketAddr) -> Vec<u8> {
    Request { command, destination: Endpoint::from(destination) }.to_vec()
}

fn with_credentials() -> Config {
    Config { credentials: Some(UserPassBuf::new("alice", "s3cret").unwrap()), ..Config::default() }
}

fn read_to_end(mut stream: &TcpStream) -> (Vec<u8>, Option<ErrorKind>) {
    let mut received = Vec::new();
    let error = stream.read_to_end(&mut received).err().map(|error| error.kind());
    (received, error)
}

/// A tunnel through a proxy without credentials: both ends.
fn tunnel(proxy: SocketAddr) -> (TcpStream, TcpStream) {
    let (listener, target) = listener();
    let mut client = connected(proxy);
    connect(&mut client, target, None).unwrap();
    (client, with_timeouts(listener.accept().unwrap().0))
}

#[test]
fn relays_however_the_bytes_are_segmented() {
    let proxy = start(with_credentials());
    let (listener, target) = listener();
    let script = [OFFER, CREDENTIALS, &request(Command::CONNECT, target), b"early data"].concat();
    for len in (1..=script.len()).chain([1, script.len()]) {
        let mut client = connected(proxy);
        script.chunks(len).for_each(|segment| client.write_all(segment).unwrap());
        client.shutdown(Shutdown::Write).unwrap();
        let mut target = with_timeouts(listener.accept().unwrap().0);
        assert_eq!(read_to_end(&target), (b"early data".to_vec(), None), "segments of {len}");
        target.write_all(b"answer").unwrap();
        drop(target);
        let (received, error) = read_to_end(&client);
        assert_eq!(
            (&received[..4], &received[14..], error),
            (b"\x05\x02\x01\x00".as_slice(), b"answer".as_slice(), None)
        );
    }
}

#[test]
fn rejects_other_credentials_and_flushes_the_reply() {
    let proxy = start(with_credentials());
    let mut client = connected(proxy);
    let error = connect(&mut client, ("127.0.0.1", 9), Some(UserPass::new("alice", "guess").unwrap())).unwrap_err();
    assert_eq!(io::Error::from(error).kind(), ErrorKind::PermissionDenied);

    let mut client = connected(proxy);
    let rejected = [OFFER, b"\x01\x00\x00".as_slice(), &[0; 100_000]].concat();
    client.write_all(&rejected).unwrap();
    client.shutdown(Shutdown::Write).unwrap();
    assert_eq!(read_to_end(&client), (b"\x05\x02\x01\x01".to_vec(), None), "no reset before the status is received");
}

#[test]
fn ends_clients_that_stop_anywhere_in_the_handshake() {
    let proxy = start(Config { handshake: SHORT, ..with_credentials() });
    let script = [OFFER, CREDENTIALS, &request(Command::CONNECT, proxy)].concat();
    let clients: Vec<_> = (0..script.len()).map(|len| (len, connected(proxy))).collect();
    clients.iter().for_each(|(len, client)| (&*client).write_all(&script[..*len]).unwrap());
    for (len, client) in clients {
        let answers = [b"\x05\x02".as_slice(), b"\x01\x00"].concat();
        let expected = if len < OFFER.len() {
            0
        } else if len < OFFER.len() + CREDENTIALS.len() {
            2
        } else {
            4
        };
        assert_eq!(read_to_end(&client), (answers[..expected].to_vec(), None), "after {len} bytes");
    }
}

#[test]
fn refuses_when_connecting_takes_too_long() {
    let proxy = start(Config { connect: SHORT, ..Config::default() });
    let (_sockets, address) = unanswered();
    let error = connect(&mut connected(proxy), address, None).unwrap_err();
    assert_eq!(io::Error::from(error).kind(), ErrorKind::TimedOut);
}

#[test]
fn ends_a_refused_client_that_stays() {
    let proxy = start(Config { linger: SHORT, ..Config::default() });
    let mut client = connected(proxy);
    client.write_all(&[b"\x05\x01\x00".as_slice(), &request(Command::BIND, proxy)].concat()).unwrap();
    let (replies, error) = read_to_end(&client);
    assert_eq!((replies.len(), replies[3], error), (12, 7, None));
    eventually("the connection is closed", || client.write(&[0]).is_err());
}

#[test]
fn resets_a_reader_that_stops_after_the_other_side_was_reset() {
    let proxy = start(Config { linger: SHORT, ..Config::default() });
    let (client, mut target) = tunnel(proxy);
    target.set_write_timeout(Some(SHORT)).unwrap();
    while target.write(&[0; 65_536]).is_ok() {} // more than all buffers hold
    socket2::SockRef::from(&target).set_linger(Some(Duration::ZERO)).unwrap();
    drop(target);
    eventually("the client is reset", || client.take_error().unwrap().is_some());
}

#[test]
fn a_slow_reader_gets_everything_and_delays_no_other_tunnel() {
    const LEN: usize = 8_000_000;
    let proxy = start(Config::default());
    let (mut slow, mut target) = tunnel(proxy);
    let data: Vec<u8> = (0..LEN).map(|at| (at / 7).to_le_bytes()[0]).collect();
    let expected = data.clone();
    let sending = thread::spawn(move || target.write_all(&data));
    let mut received = vec![0; LEN];
    for part in received.chunks_mut(500_000) {
        let (mut client, mut target) = tunnel(proxy);
        client.write_all(b"meanwhile").unwrap();
        target.read_exact(&mut [0; 9]).unwrap();
        slow.read_exact(part).unwrap();
    }
    assert!(received == expected);
    sending.join().unwrap().unwrap();
    assert_eq!(read_to_end(&slow), (vec![], None));
}

/// A client that has received the selection, and sends no more.
fn stopped(proxy: SocketAddr) -> TcpStream {
    let mut client = connected(proxy);
    client.write_all(b"\x05\x01\x00").unwrap();
    let mut selection = [0; 2];
    client.read_exact(&mut selection).unwrap();
    assert_eq!(selection, [5, 0]);
    client
}

/// Connects clients until the proxy has at most `left` free descriptors.
fn use_up(proxy: &Process, left: usize) -> Vec<TcpStream> {
    let mut clients = Vec::new();
    while proxy.free_descriptors() > left {
        clients.push(stopped(proxy.address));
    }
    clients
}

#[test]
fn accepts_a_waiting_client_when_a_descriptor_becomes_free() {
    let proxy = Process::start(24);
    let mut clients = use_up(&proxy, 0);
    let mut waiting = connected(proxy.address);
    waiting.write_all(b"\x05\x01\x00").unwrap();
    clients.pop();
    let mut selection = [0; 2];
    waiting.read_exact(&mut selection).unwrap();
    assert_eq!(selection, [5, 0]);
}

#[test]
fn refuses_a_client_if_no_descriptor_is_left_for_its_target() {
    let proxy = Process::start(24);
    let mut clients = use_up(&proxy, 1);
    let (_listener, target) = listener();
    let error = connect(&mut connected(proxy.address), target, None).unwrap_err();
    assert_eq!(error.to_string(), Error::Refused(ReplyCode::GENERAL_FAILURE).to_string());
    clients.pop();
    eventually("another is served", || connect(&mut connected(proxy.address), target, None).is_ok());
}
