//! The example server, byte by byte.

use std::io::{ErrorKind, Read, Write};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, Shutdown, SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::process::Command as Program;
use std::time::Duration;

use socket2::SockRef;

use socks5_sansio::{Address, Command, Decode, DecodeError, Domain, Endpoint, Reply, ReplyCode, Request, UserPass};

use crate::support::{
    Server, closed_port, connect, echo, echo_at_the_end, encoded, example, peer_address, program, read_all,
    read_exactly, run, serve, skip, text, until,
};

const DATA: &[u8; 27] = b"twenty-seven bytes of data.";

fn request(command: Command, destination: impl Into<Endpoint<'static>>) -> Vec<u8> {
    encoded(Request { command, destination: destination.into() })
}

fn connect_to_name(name: &'static [u8], port: u16) -> Vec<u8> {
    request(Command::CONNECT, (Domain::new(name).unwrap(), port))
}

/// Sends everything at once. Returns the reply, and what follows it up to the end of the stream.
fn reply_to(server: &Server, request: &[u8]) -> Vec<u8> {
    let mut stream = connect(server.address);
    stream.write_all(&[&[5, 1, 0], request].concat()).unwrap();
    assert_eq!(read_exactly(&stream), [5, 0]);
    let mut reply = Vec::new();
    while let Err(DecodeError::Incomplete(missing)) = Reply::decode(&reply) {
        let before = reply.len();
        (&stream).take(missing.get() as u64).read_to_end(&mut reply).unwrap();
        assert!(reply.len() > before, "{reply:?} is truncated");
    }
    stream.shutdown(Shutdown::Write).unwrap(); // before the reply, this would mean that the client has left
    [reply, read_all(&stream)].concat()
}

fn code_for(server: &Server, request: &[u8]) -> ReplyCode {
    let reply = reply_to(server, request);
    let (reply, used) = Reply::decode(&reply).unwrap_or_else(|error| panic!("{reply:?}: {error}"));
    assert_eq!(used, 10, "{reply:?}");
    reply.code
}

#[test]
fn serves_a_client_that_sends_everything_in_one_segment() {
    serves_a_client_that_writes(|mut stream, bytes| stream.write_all(bytes).unwrap());
}

#[test]
fn serves_a_client_that_sends_one_byte_at_a_time() {
    serves_a_client_that_writes(|mut stream, bytes| bytes.chunks(1).for_each(|byte| stream.write_all(byte).unwrap()));
}

fn serves_a_client_that_writes(write: impl Fn(&TcpStream, &[u8])) {
    let server = Server::start(&["--user", "u", "--password", "p"]);
    let target = serve(Ipv4Addr::LOCALHOST, echo_at_the_end);
    let stream = connect(server.address);
    let credentials = encoded(UserPass::new("u", "p").unwrap());
    write(&stream, &[&[5, 1, 2], &*credentials, &*request(Command::CONNECT, target), DATA].concat());
    stream.shutdown(Shutdown::Write).unwrap();

    let answer = read_all(&stream);
    assert_eq!(answer[..4], [5, 2, 1, 0]);
    let (reply, used) = Reply::decode(&answer[4..]).unwrap();
    assert_eq!(reply.code, ReplyCode::SUCCEEDED);
    assert_eq!(text(&answer[4 + used..]), text(DATA));
}

#[test]
fn the_reply_carries_the_address_that_the_target_sees() {
    let server = Server::start(&[]);
    for ip in [IpAddr::from(Ipv4Addr::LOCALHOST), Ipv6Addr::LOCALHOST.into()] {
        let answer = reply_to(&server, &request(Command::CONNECT, serve(ip, peer_address)));
        let (reply, used) = Reply::decode(&answer).unwrap();
        assert_eq!(reply.code, ReplyCode::SUCCEEDED);
        assert_eq!(reply.bound.to_string(), text(&answer[used..]));
    }
}

#[test]
fn literals_sent_as_names_need_no_resolver() {
    let server = Server::start(&[]);
    let v4 = serve(Ipv4Addr::LOCALHOST, peer_address).port();
    let v6 = serve(Ipv6Addr::LOCALHOST, peer_address).port();
    for (name, port) in
        [("127.0.0.1", v4), ("::ffff:127.0.0.1", v4), ("[::ffff:7f00:1]", v4), ("::1", v6), ("[::1]", v6)]
    {
        let answer = reply_to(&server, &connect_to_name(name.as_bytes(), port));
        assert_eq!(answer[..3], [5, 0, 0], "{name}");
    }
}

/// A server in a mount namespace with another `/etc/hosts`.
pub fn server_with_hosts(hosts: &Path, args: &[&str]) -> Option<Server> {
    if text(&run(Program::new("id").arg("-u"), b"").stdout) != "0\n" {
        return skip("only root can give a server its own /etc/hosts");
    }
    let server = example("server");
    let mut command = program("unshare")?;
    command.args(["--mount", "sh", "-c", r#"mount --bind "$0" /etc/hosts && exec "$@""#]).arg(hosts);
    command.arg(server.get_program()).args(server.get_args()).args(["--listen", "127.0.0.1:0"]).args(args);
    Some(Server::from_command(&mut command))
}

#[test]
fn every_address_of_a_name_is_tried() {
    let hosts = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(&hosts, "127.0.0.1 triple.example\n127.0.0.2 triple.example\n127.0.0.3 triple.example\n").unwrap();
    let Some(server) = server_with_hosts(hosts.path(), &[]) else { return };
    for last in 1..=3 {
        let target = serve(Ipv4Addr::new(127, 0, 0, last), echo);
        let answer = reply_to(&server, &connect_to_name(b"triple.example", target.port()));
        assert_eq!(answer[..3], [5, 0, 0], "127.0.0.{last}");
    }
}

#[test]
fn each_failure_has_its_reply_code() {
    let server = Server::start(&[]);
    let closed = closed_port();
    let anywhere = SocketAddr::from((Ipv4Addr::LOCALHOST, 1));
    for (code, request) in [
        (ReplyCode::CONNECTION_REFUSED, request(Command::CONNECT, closed)),
        (ReplyCode::CONNECTION_REFUSED, connect_to_name(b"localhost", closed.port())),
        (ReplyCode::HOST_UNREACHABLE, connect_to_name(b"no-such-name.invalid", 80)),
        (ReplyCode::HOST_UNREACHABLE, connect_to_name(b"localhost\0.example", 80)),
        (ReplyCode::HOST_UNREACHABLE, connect_to_name(b"\xFF\xFE", 80)),
        (ReplyCode::COMMAND_NOT_SUPPORTED, request(Command::RESOLVE, anywhere)),
        (ReplyCode::COMMAND_NOT_SUPPORTED, request(Command(0x77), anywhere)),
        (ReplyCode::ADDRESS_TYPE_NOT_SUPPORTED, vec![5, 1, 0, 2]),
        (ReplyCode::GENERAL_FAILURE, vec![5, 1, 0, 3, 0]),
        (ReplyCode::GENERAL_FAILURE, vec![4]),
    ] {
        assert_eq!(code_for(&server, &request), code, "{request:?}");
    }
}

#[test]
fn refuses_an_empty_name_at_once() {
    let server = Server::start(&[]);
    let mut stream = connect(server.address);
    stream.write_all(&[5, 1, 0, 5, 1, 0, 3, 0, 0, 0x50]).unwrap();
    assert_eq!(read_exactly(&stream), [5, 0]);
    assert_eq!(read_exactly(&stream), [5, 1, 0, 1, 0, 0, 0, 0, 0, 0]);
}

#[test]
fn a_failure_reply_arrives_although_data_was_sent_ahead() {
    let server = Server::start(&[]);
    let refused = [request(Command::CONNECT, closed_port()), vec![0xDD; 100_000]].concat();
    assert_eq!(code_for(&server, &refused), ReplyCode::CONNECTION_REFUSED);
}

#[test]
fn rfc1928_s6_after_a_failure_reply_the_server_closes_even_if_the_client_does_not() {
    let server = Server::start(&[]);
    let mut stream = connect(server.address);
    stream.write_all(&[&[5, 1, 0], &*request(Command::CONNECT, closed_port())].concat()).unwrap();
    assert_eq!(read_all(&stream)[..4], [5, 0, 5, 5]);
    until("the server has closed", || stream.write_all(b"more").is_err());
}

#[test]
fn a_reset_on_one_side_resets_the_other() {
    let server = Server::start(&[]);
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let mut stream = tunnel(&server, listener.local_addr().unwrap());
    let (mut target, _) = listener.accept().unwrap();
    target.write_all(b"half of").unwrap();
    assert_eq!(read_exactly(&stream), *b"half of");
    SockRef::from(&target).set_linger(Some(Duration::ZERO)).unwrap();
    drop(target);
    assert_eq!(stream.read(&mut [0]).unwrap_err().kind(), ErrorKind::ConnectionReset);
}

#[test]
fn other_protocols_and_silence_get_no_answer() {
    let server = Server::start(&[]);
    for sent in [b"GET / HTTP/1.1\r\n\r\n".as_slice(), &[4, 1], &[], &[5]] {
        let mut stream = connect(server.address);
        stream.write_all(sent).unwrap();
        stream.shutdown(Shutdown::Write).unwrap();
        assert_eq!(read_all(&stream), b"", "{sent:?}");
    }
}

#[test]
fn required_methods_and_credentials_are_enforced() {
    let open = Server::start(&[]);
    let closed = Server::start(&["--user", "u", "--password", "p"]);
    let wrong = encoded(UserPass::new("u", "P").unwrap());
    for (server, sent, answer) in [
        (&open, vec![5, 0], vec![5, 0xFF]),
        (&open, vec![5, 1, 3], vec![5, 0xFF]),
        (&open, vec![5, 1, 0xFF], vec![5, 0xFF]),
        (&closed, vec![5, 1, 0], vec![5, 0xFF]),
        (&closed, [&[5, 1, 2], &*wrong, &[5, 1, 0, 1]].concat(), vec![5, 2, 1, 1]),
        (&closed, vec![5, 2, 0, 2, 5], vec![5, 2, 1, 1]),
    ] {
        let mut stream = connect(server.address);
        stream.write_all(&sent).unwrap();
        assert_eq!(read_all(&stream), answer, "{sent:?}");
    }
}

#[test]
fn closes_the_connection_of_a_client_that_never_ends_its_handshake() {
    let server = Server::start(&["--handshake-timeout", "1"]);
    let mut stream = connect(server.address);
    stream.write_all(&[5, 1, 0, 5, 1]).unwrap();
    assert_eq!(read_all(&stream), [5, 0]);
}

#[test]
fn the_client_may_end_first() {
    let server = Server::start(&[]);
    let target = serve(Ipv4Addr::LOCALHOST, echo_at_the_end);
    let mut stream = tunnel(&server, target);
    stream.write_all(DATA).unwrap();
    stream.shutdown(Shutdown::Write).unwrap();
    assert_eq!(read_all(&stream), DATA);
}

#[test]
fn the_target_may_end_first() {
    let server = Server::start(&[]);
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let mut stream = tunnel(&server, listener.local_addr().unwrap());
    let (target, _) = listener.accept().unwrap();
    target.shutdown(Shutdown::Write).unwrap();
    assert_eq!(read_all(&stream), b"");
    stream.write_all(DATA).unwrap();
    stream.shutdown(Shutdown::Write).unwrap();
    assert_eq!(read_all(&target), DATA);
}

fn tunnel(server: &Server, target: SocketAddr) -> TcpStream {
    let mut stream = connect(server.address);
    stream.write_all(&[&[5, 1, 0], &*request(Command::CONNECT, target)].concat()).unwrap();
    assert_eq!(read_exactly(&stream), [5, 0]);
    assert_eq!(read_exactly::<10>(&stream)[..2], [5, 0]);
    stream
}

#[test]
fn relays_100_tunnels_at_once() {
    let server = Server::start(&[]);
    let target = serve(Ipv4Addr::LOCALHOST, echo);
    let mut streams: Vec<_> = (0..100).map(|_| tunnel(&server, target)).collect();
    for (stream, byte) in streams.iter_mut().zip(0..) {
        stream.write_all(&[byte; 3]).unwrap();
    }
    for (stream, byte) in streams.iter_mut().zip(0..) {
        assert_eq!(read_exactly(stream), [byte; 3]);
    }
}

#[test]
fn listens_on_ipv6() {
    let server = Server::listen("[::1]:0", &[]);
    assert!(server.address.is_ipv6());
    let target = serve(Ipv4Addr::LOCALHOST, peer_address);
    assert_eq!(reply_to(&server, &request(Command::CONNECT, target))[..2], [5, 0]);
}

#[test]
fn names_are_escaped_in_the_log() {
    let mut server = Server::start(&[]);
    let name = Endpoint { address: Address::Domain(Domain::new("a\x1B[2J\nb").unwrap()), port: 80 };
    code_for(&server, &encoded(Request::connect(name)));
    let line = server.log_line();
    assert!(line.contains(r"CONNECT (01) a\x1b[2J\nb:80: "), "{line}");
}

#[test]
fn rejects_the_option_user_without_a_password() {
    let output = run(example("server").args(["--user", "u"]), b"");
    assert!(!output.status.success());
}
