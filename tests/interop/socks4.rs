//! SOCKS4 and 4a through the example server, byte by byte.

use std::io::{ErrorKind, Write};
use std::net::{Ipv4Addr, Ipv6Addr, Shutdown, SocketAddr, SocketAddrV4, TcpListener, TcpStream};
use std::process::Command as Program;
use std::{fs, thread};

use socks5_sansio::socks4::{Reply, ReplyCode, Request, UserId};
use socks5_sansio::{Command, Decode, Domain, Endpoint};

use crate::bytes::server_with_hosts;
use crate::support::{
    Server, closed_port, connect, echo_at_the_end, encoded, peer_address, read_all, read_exactly, run, serve, text,
    until,
};

const DATA: &[u8; 27] = b"twenty-seven bytes of data.";
const REJECTED: [u8; 8] = [0, 0x5B, 0, 0, 0, 0, 0, 0];
/// What the server logs if it requires credentials: without the destination, which it has not read.
pub const CREDENTIALS_REQUIRED: &str = ": credentials are required, and socks4 has none\n";

fn request<'a>(command: Command, destination: impl Into<Endpoint<'a>>) -> Vec<u8> {
    encoded(Request::new(command, destination.into(), UserId::EMPTY).unwrap())
}

fn connect_to<'a>(destination: impl Into<Endpoint<'a>>) -> Vec<u8> {
    request(Command::CONNECT, destination)
}

fn by_name(name: &str, port: u16) -> Endpoint<'_> {
    (Domain::new(name).unwrap(), port).into()
}

/// CONNECT to the loopback address with a USERID of `user_id` bytes: by a name of `name` bytes, or by address if `name` is 0.
fn long(port: u16, user_id: usize, name: usize) -> Vec<u8> {
    let (port, user_id) = (port.to_be_bytes(), vec![b'u'; user_id]);
    let name_and_nul = format!("{}.localhost\0", "n".repeat(name.saturating_sub(".localhost".len())));
    match name {
        0 => [&[4, 1], &port[..], &[127, 0, 0, 1], &user_id, &[0]].concat(),
        _ => [&[4, 1], &port[..], &[0, 0, 0, 1], &user_id, &[0], name_and_nul.as_bytes()].concat(),
    }
}

fn send(server: &Server, bytes: &[u8]) -> TcpStream {
    let mut stream = connect(server.address);
    stream.write_all(bytes).unwrap();
    stream
}

fn granted(stream: &TcpStream) -> SocketAddrV4 {
    let reply = read_exactly::<8>(stream);
    let (reply, _) = Reply::decode(&reply).unwrap();
    assert_eq!(reply.code, ReplyCode::GRANTED);
    reply.bound
}

/// A target that must see no connection.
pub fn untouched() -> TcpListener {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    listener.set_nonblocking(true).unwrap();
    listener
}

pub fn is_untouched(listener: &TcpListener) -> bool {
    listener.accept().is_err_and(|error| error.kind() == ErrorKind::WouldBlock)
}

#[test]
fn tunnels_whatever_is_sent_after_the_request() {
    let server = Server::start(&[]);
    let target = serve(Ipv4Addr::LOCALHOST, echo_at_the_end);
    for request in
        [connect_to(target), connect_to(by_name("name.localhost", target.port())), long(target.port(), 9, 19)]
    {
        let bytes = [&*request, DATA].concat();
        let cuts = (0..=request.len() + 1).map(|at| bytes.split_at(at)).map(|(head, tail)| vec![head, tail]);
        for parts in cuts.chain([bytes.chunks(1).collect()]) {
            let mut stream = connect(server.address);
            parts.iter().for_each(|part| stream.write_all(part).unwrap());
            stream.shutdown(Shutdown::Write).unwrap();
            granted(&stream);
            assert_eq!(text(&read_all(&stream)), text(DATA), "{parts:?}");
        }
    }
}

#[test]
fn a_userid_and_a_name_of_255_bytes_are_granted_and_longer_ones_reach_no_target() {
    let (server, closed) = (Server::start(&[]), Server::start(&["--user", "u", "--password", "p"]));
    let target = untouched();
    let lengths = [255, 256, 100_000];
    for (user_id, name) in lengths.into_iter().flat_map(|len| [(len, 0), (0, len), (len, 255), (255, len)]) {
        let request = long(target.local_addr().unwrap().port(), user_id, name);
        assert_eq!(read_all(send(&closed, &request)), REJECTED, "{user_id} {name}");
        let stream = send(&server, &[&*request, DATA].concat());
        if user_id.max(name) > 255 {
            assert_eq!(read_all(&stream), REJECTED, "{user_id} {name}");
            assert!(is_untouched(&target), "{user_id} {name}");
        } else {
            granted(&stream);
            stream.shutdown(Shutdown::Write).unwrap();
            let (peer, _) = target.accept().unwrap();
            peer.set_nonblocking(false).unwrap();
            assert_eq!(text(&read_all(peer)), text(DATA), "{user_id} {name}");
            assert_eq!(read_all(stream), b"");
        }
    }
}

#[test]
fn closes_the_connection_of_a_client_that_never_ends_its_request() {
    let server = Server::start(&["--handshake-timeout", "1"]);
    let address = &[4, 1, 0, 80, 127, 0, 0, 1][..];
    let name = &[4, 1, 0, 80, 0, 0, 0, 1, b'u', 0];
    let streams = [
        (&address[..1], 0, &b""[..]),
        (address, 0, b""),
        (address, 255, b""),
        (address, 256, &REJECTED),
        (address, 100_000, &REJECTED),
        (name, 0, b""),
        (name, 255, b""),
        (name, 256, &REJECTED),
        (name, 100_000, &REJECTED),
    ]
    .map(|(head, len, answer)| (send(&server, &[head, &vec![b'x'; len]].concat()), len, answer));
    for (stream, len, answer) in streams {
        assert_eq!(read_all(stream), answer, "{len}");
    }
}

#[test]
fn all_failures_have_one_code() {
    let server = Server::start(&[]);
    let (closed, anywhere) = (closed_port(), SocketAddr::from((Ipv4Addr::LOCALHOST, 1)));
    for request in [
        connect_to(closed),
        connect_to(by_name("localhost", closed.port())),
        connect_to(by_name("no-such-name.invalid", 80)),
        connect_to(by_name(r"\", 80)),
        connect_to(SocketAddr::from((Ipv4Addr::LOCALHOST, 0))),
        connect_to(server.address),
        request(Command::BIND, by_name("no-such-name.invalid", 0)),
        request(Command::UDP_ASSOCIATE, anywhere),
        request(Command::RESOLVE, by_name("localhost", 0)),
        request(Command(0x77), anywhere),
        b"\x04\x01\x00\x50\x00\x00\x00\x01\x00\x00".to_vec(), // an empty name
    ] {
        assert_eq!(read_all(send(&server, &request)), REJECTED, "{request:?}");
    }
}

#[test]
fn the_reply_has_the_address_that_the_target_sees_and_zeros_for_ipv6() {
    for listen in ["127.0.0.1:0", "[::1]:0"] {
        let server = Server::listen(listen, &[]);
        let (v4, v6) = (serve(Ipv4Addr::LOCALHOST, peer_address), serve(Ipv6Addr::LOCALHOST, peer_address).port());
        let destinations = [(v4.into(), true), (by_name("127.0.0.1", v4.port()), true), (by_name("[::1]", v6), false)];
        for (destination, is_ipv4) in destinations {
            let stream = send(&server, &connect_to(destination));
            let bound = granted(&stream);
            let seen = text(&read_all(stream)).to_owned();
            let expected = if is_ipv4 { seen } else { "0.0.0.0:0".to_owned() };
            assert_eq!(bound.to_string(), expected, "{destination}");
        }
    }
}

#[test]
fn bind_has_two_replies_and_then_a_tunnel() {
    for (listen, destination) in [
        ("127.0.0.1:0", "127.0.0.1:20"),
        ("127.0.0.1:0", "0.0.0.0:0"),
        ("127.0.0.1:0", "localhost:0"),
        ("[::]:0", "0.0.0.0:0"),
    ] {
        let server = Server::listen(listen, &["--open"]);
        let mut stream = connect((Ipv4Addr::LOCALHOST, server.address.port()).into());
        let request = request(Command::BIND, Endpoint::try_from(destination).unwrap());
        stream.write_all(&[&*request, b"early "].concat()).unwrap();
        let listening = granted(&stream);
        assert_eq!(*listening.ip(), Ipv4Addr::LOCALHOST, "the address at which the client reached the server");

        let mut peer = connect(listening.into());
        assert_eq!(SocketAddr::from(granted(&stream)), peer.local_addr().unwrap(), "the peer");
        stream.write_all(b"data").unwrap();
        stream.shutdown(Shutdown::Write).unwrap();
        assert_eq!(read_all(&peer), b"early data");
        peer.write_all(b"answer").unwrap();
        drop(peer);
        assert_eq!(read_all(&stream), b"answer");
    }
}

#[test]
fn bind_is_refused_if_the_server_listens_on_ipv6_only() {
    let server = Server::listen("[::1]:0", &[]);
    for destination in [Endpoint::UNSPECIFIED, by_name("::1", 0)] {
        assert_eq!(read_all(send(&server, &request(Command::BIND, destination))), REJECTED, "{destination}");
    }
}

#[test]
fn refuses_every_request_if_credentials_are_required() {
    let mut server = Server::start(&["--user", "u", "--password", "p"]);
    let listener = untouched();
    let target = Endpoint::from(listener.local_addr().unwrap());
    let name = by_name("localhost", target.port);
    for command in [Command::CONNECT, Command::BIND, Command::UDP_ASSOCIATE, Command::RESOLVE, Command(0)] {
        for destination in [target, name] {
            for user_id in ["", "u", "u:p"] {
                let request = Request::new(command, destination, UserId::new(user_id).unwrap()).unwrap();
                assert_eq!(read_all(send(&server, &[&encoded(request)[..], DATA].concat())), REJECTED, "{request:?}");
                let line = server.log_line();
                assert!(line.ends_with(CREDENTIALS_REQUIRED), "{line}");
            }
        }
    }
    assert!(is_untouched(&listener));
}

/// `/etc/hosts` is a pipe, which cannot be written to before a look-up reads it.
#[test]
fn resolves_no_name_if_credentials_are_required() {
    let folder = tempfile::tempdir().unwrap();
    let hosts = folder.path().join("hosts");
    assert!(run(Program::new("mkfifo").arg(&hosts), b"").status.success());
    let Some(mut closed) = server_with_hosts(&hosts, &["--user", "u", "--password", "p"]) else { return };
    let Some(open) = server_with_hosts(&hosts, &[]) else { return };
    let writer = thread::spawn(|| fs::write(hosts, "").unwrap());

    let request = connect_to(by_name("name.example", 80));
    assert_eq!(read_all(send(&closed, &request)), REJECTED);
    let line = closed.log_line();
    assert!(line.ends_with(CREDENTIALS_REQUIRED) && !writer.is_finished(), "{line}");

    let _stream = send(&open, &request);
    until("the name is looked up", || writer.is_finished());
}
