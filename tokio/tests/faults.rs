//! The example server with faults of its clients and its environment: one test for each.

mod server;
mod unanswered;

use std::io::{ErrorKind, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::process::{Command, Stdio};
use std::time::Duration;
use std::{env, fs, thread};

use server::{Server, eventually};
use socket2::SockRef;
use tokio_socks5_sansio::socks5_sansio::blocking::{Wire, authenticate, connect};
use tokio_socks5_sansio::socks5_sansio::{Domain, Encode, Endpoint, ReplyCode, client};
use unanswered::unanswered;

fn listener() -> (TcpListener, SocketAddr) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    (listener, address)
}

fn reset(stream: TcpStream) {
    SockRef::from(&stream).set_linger(Some(Duration::ZERO)).unwrap();
}

/// What a tunnel relays before the fault.
#[derive(Clone, Copy, Debug)]
enum Before {
    Nothing,
    /// Enough data for the server to splice, if it can.
    Bulk,
}

const BEFORE: [Before; 2] = [Before::Nothing, Before::Bulk];
/// The server keeps as many pipes as directions have spliced at the same time: at most this many in these tests.
const SPARE_PIPES: usize = 4;
/// The most pipes that the server opens.
const MAX_PIPES: usize = if cfg!(all(feature = "splice", target_os = "linux")) { 32 } else { 0 };

/// A tunnel through the server to a target: both ends.
fn tunnel(server: &Server, listener: &TcpListener, before: Before) -> (TcpStream, TcpStream) {
    let mut client = server.connect();
    connect(&mut client, listener.local_addr().unwrap(), None).unwrap();
    let target = listener.accept().unwrap().0;
    if let Before::Bulk = before {
        relay_bulk(&client, &target);
        relay_bulk(&target, &client);
    }
    (client, target)
}

fn relay_bulk(mut from: &TcpStream, mut to: &TcpStream) {
    let sent: Vec<u8> = (0..500_000_u32).flat_map(|at| at.to_le_bytes()).collect();
    let mut received = vec![0; sent.len()];
    thread::scope(|scope| {
        scope.spawn(|| from.write_all(&sent).unwrap());
        to.read_exact(&mut received).unwrap();
    });
    assert!(sent == received);
}

#[test]
fn global_only_refuses_loopback_and_private_destinations_and_bind_for_any_peer() {
    let server = Server::start(&["--global-only"]);
    let (_listener, address) = listener();
    for (name, port) in [("127.0.0.1", address.port()), ("localhost", address.port()), ("::ffff:10.0.0.1", 80)] {
        let destination = Endpoint::from((Domain::new(name).unwrap(), port));
        let error = connect(&mut server.connect(), destination, None).unwrap_err();
        assert_eq!(error.to_string(), client::Error::Refused(ReplyCode::NOT_ALLOWED).to_string(), "{name}");
    }
    let mut wire = Wire::client(server.connect());
    let (request, state) = authenticate(&mut wire, None).unwrap().bind(Endpoint::UNSPECIFIED);
    wire.send(&request).unwrap();
    let error = wire.receive(state).unwrap_err();
    assert_eq!(error.to_string(), client::Error::Refused(ReplyCode::NOT_ALLOWED).to_string());
}

#[test]
fn splices_bulk_with_the_feature() {
    let server = Server::start(&[]);
    let (listener, _) = listener();
    let before = server.pipes();
    let (client, target) = tunnel(&server, &listener, Before::Bulk);
    if MAX_PIPES == 0 {
        assert_eq!(server.pipes(), before);
        return;
    }
    eventually("the server has a pipe", || {
        relay_bulk(&target, &client);
        server.pipes() > before
    });
}

#[test]
fn pipes_of_tunnels_that_are_reset_while_the_client_does_not_read_are_closed() {
    let server = Server::start(&[]);
    let (listener, _) = listener();
    let (before, pipes_before) = (server.descriptors(), server.pipes());
    let tunnels: Vec<_> = (0..8).map(|_| tunnel(&server, &listener, Before::Nothing)).collect();
    thread::scope(|scope| {
        let (mut senders, mut clients) = (Vec::new(), Vec::new());
        for (client, mut target) in tunnels {
            SockRef::from(&client).set_recv_buffer_size(65_536).unwrap();
            clients.push(client);
            senders.push(scope.spawn(move || while target.write_all(&[0; 65_536]).is_ok() {}));
        }
        let used = if MAX_PIPES == 0 { 0 } else { 4 };
        eventually("pipes are in use", || server.pipes() >= pipes_before + used * 2);
        clients.into_iter().for_each(reset);
    });
    eventually("the descriptors are released", || server.descriptors() <= before + SPARE_PIPES * 2);
}

#[test]
fn descriptors_of_reset_tunnels_are_released_whichever_side_half_closed() {
    for before in BEFORE {
        reset_tunnels(before);
    }
}

fn reset_tunnels(before: Before) {
    let server = Server::start(&[]);
    let (listener, _) = listener();
    let at_first = server.descriptors();
    let mut silent = Vec::new();
    for index in 0..30 {
        let (client, target) = tunnel(&server, &listener, before);
        let (half_closed, other) = if index % 2 == 0 { (client, target) } else { (target, client) };
        half_closed.shutdown(Shutdown::Write).unwrap();
        assert_eq!((&other).read(&mut [0]).unwrap(), 0, "the half-close is passed on");
        reset(half_closed);
        silent.push(other);
    }
    let spare = match before {
        Before::Nothing => 0,
        Before::Bulk => SPARE_PIPES * 2,
    };
    eventually("the descriptors are released", || server.descriptors() <= at_first + spare);
}

#[test]
fn a_server_out_of_descriptors_recovers() {
    let server = Server::start_with(|server| {
        let mut shell = Command::new("sh");
        shell.args(["-c", r#"ulimit -n 1024 && exec "$0" "$@""#]).arg(server);
        shell
    });
    let (listener, address) = listener();
    let mut tunnels = Vec::new();
    let _bulk = tunnel(&server, &listener, Before::Bulk);
    for _ in 0..508 {
        let mut client = server.connect();
        match connect(&mut client, address, None) {
            Ok(_) => tunnels.push((client, listener.accept().unwrap().0)),
            Err(error) => drop(error), // beyond the limit
        }
    }
    assert!(tunnels.len() > 250, "{}", tunnels.len());
    for (client, _target) in &tunnels {
        client.shutdown(Shutdown::Write).unwrap();
    }
    let targets: Vec<_> = tunnels.into_iter().map(|(client, target)| (reset(client), target).1).collect();
    eventually("another client is served", || connect(&mut server.connect(), address, None).is_ok());
    drop(targets);
}

#[test]
fn beyond_the_limit_a_client_gets_a_reply_at_once() {
    let descriptors = 100 + MAX_PIPES * 2 + 8; // room for four tunnels, of two each: `limits` spares the rest
    let server = Server::start_with(|server| {
        let mut shell = Command::new("sh");
        shell.args(["-c", &format!(r#"ulimit -n {descriptors} && exec "$0" "$@""#)]).arg(server);
        shell
    });
    let (listener, address) = listener();
    let _tunnels: Vec<_> = (0..2).flat_map(|_| BEFORE).map(|before| tunnel(&server, &listener, before)).collect();
    let mut client = Wire::client(server.connect());
    let (request, state) = authenticate(&mut client, None).unwrap().connect(address.into());
    client.send(&request).unwrap();
    let error = client.receive(state).unwrap_err();
    assert_eq!(error.to_string(), client::Error::Refused(ReplyCode::GENERAL_FAILURE).to_string());
}

#[test]
fn a_log_without_a_reader_delays_no_tunnel() {
    let server = Server::start_unread();
    let (listener, address) = listener();
    let (mut client, mut target) = tunnel(&server, &listener, Before::Bulk);
    for _ in 0..1500 {
        assert_eq!(server.connect().write(b"GET / HTTP/1.1\r\n\r\n").unwrap(), 18); // each is logged
    }
    connect(&mut server.connect(), address, None).unwrap();
    client.write_all(b"under way").unwrap();
    target.read_exact(&mut [0; 9]).unwrap();
}

#[test]
fn bind_ends_when_its_client_leaves() {
    let server = Server::start(&[]);
    let mut wire = Wire::client(server.connect());
    let (request, state) = authenticate(&mut wire, None).unwrap().bind(Endpoint::UNSPECIFIED);
    wire.send(&request).unwrap();
    let (bound, _state) = wire.receive(state).unwrap();
    let bound = bound.to_socket_addr().unwrap();
    drop(wire);
    eventually("the port is closed", || {
        let refused = TcpStream::connect(bound);
        refused.is_err_and(|error| error.kind() == ErrorKind::ConnectionRefused)
    });
}

#[test]
fn bind_listens_in_the_family_of_the_destination() {
    let server = Server::start(&[]);
    let mut wire = Wire::client(server.connect());
    let (request, state) = authenticate(&mut wire, None).unwrap().bind("[::1]:9".try_into().unwrap());
    wire.send(&request).unwrap();
    let (bound, state) = wire.receive(state).unwrap();
    let bound = bound.to_socket_addr().unwrap();
    assert!(bound.is_ipv6() && bound.ip().is_loopback(), "{bound}");
    let peer = TcpStream::connect(bound).unwrap();
    assert_eq!(wire.receive(state).unwrap(), peer.local_addr().unwrap().into());
}

#[test]
fn connect_ends_when_its_client_leaves() {
    let server = Server::start(&[]);
    let (_listener, _queue, address) = unanswered();
    let before = server.descriptors();
    let mut wire = Wire::client(server.connect());
    let (request, _state) = authenticate(&mut wire, None).unwrap().connect(address.into());
    wire.send(&request).unwrap();
    eventually("the server connects", || server.descriptors() > before + 1);
    drop(wire);
    eventually("the descriptors are released", || server.descriptors() == before);
}

#[test]
fn a_connection_to_the_server_itself_is_refused() {
    let server = Server::start(&[]);
    let error = connect(&mut server.connect(), server.address, None).unwrap_err();
    assert_eq!(error.to_string(), client::Error::Refused(ReplyCode::NOT_ALLOWED).to_string());
}

#[test]
fn a_request_with_an_empty_name_is_refused_at_once() {
    let server = Server::start(&[]);
    let mut client = server.connect();
    client.write_all(b"\x05\x01\x00\x05\x01\x00\x03\x00\x00\x50").unwrap();
    let mut replies = Vec::new();
    client.read_to_end(&mut replies).unwrap();
    assert_eq!(replies, b"\x05\x00\x05\x01\x00\x01\0\0\0\0\0\0");
}

/// The reply to a SOCKS4 request: VN and CD.
fn reply_to_socks4(mut client: TcpStream, request: &[u8]) -> [u8; 2] {
    client.write_all(request).unwrap();
    let mut reply = [0; 8];
    client.read_exact(&mut reply).unwrap();
    [reply[0], reply[1]]
}

#[test]
fn socks4_is_refused_if_credentials_are_required() {
    let (listener, address) = listener();
    let connect = [&[4, 1], address.port().to_be_bytes().as_slice(), b"\x7F\x00\x00\x01alice\0"].concat();
    let by_name = [&[4, 1], address.port().to_be_bytes().as_slice(), b"\x00\x00\x00\x01alice\0localhost\0"].concat();

    let closed = Server::start(&["--user", "alice", "--password", "s3cret"]);
    assert_eq!(reply_to_socks4(closed.connect(), &connect), [0, 0x5B]);
    assert_eq!(reply_to_socks4(closed.connect(), &by_name), [0, 0x5B]);
    listener.set_nonblocking(true).unwrap();
    assert_eq!(listener.accept().unwrap_err().kind(), ErrorKind::WouldBlock, "nothing was connected");

    let open = Server::start(&[]);
    assert_eq!(reply_to_socks4(open.connect(), &connect), [0, 0x5A]);
    assert_eq!(reply_to_socks4(open.connect(), &by_name), [0, 0x5A]);
}

#[test]
fn socks4_cannot_bind_if_the_server_has_no_ipv4_address() {
    let bind = b"\x04\x02\x00\x00\x00\x00\x00\x00\0";
    assert_eq!(reply_to_socks4(Server::start(&[]).connect(), bind), [0, 0x5A]);
    assert_eq!(reply_to_socks4(Server::start(&["--listen", "[::1]:0"]).connect(), bind), [0, 0x5B]);
}

#[test]
fn on_sigterm_tunnels_may_end_and_are_reset_after_the_grace_period() {
    for before in BEFORE {
        terminate(before);
    }
}

fn terminate(before: Before) {
    let mut server = Server::start(&["--grace", "1"]);
    let (listener, _) = listener();
    let (client, mut target) = tunnel(&server, &listener, before);
    let (mut cut, _cut_target) = tunnel(&server, &listener, before);
    server.terminate();
    eventually("no more connections", || TcpStream::connect(server.address).is_err());
    (&client).write_all(b"last").unwrap();
    client.shutdown(Shutdown::Write).unwrap();
    let mut received = Vec::new();
    target.read_to_end(&mut received).unwrap();
    assert_eq!(received, b"last", "within the grace");
    let error = cut.read(&mut [0]).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::ConnectionReset, "no orderly end");
    assert!(server.wait().success());
}

#[test]
fn listens_beyond_loopback_only_with_credentials_or_the_option_open() {
    let refused = Command::new(server::program()).args(["--listen", "0.0.0.0:0"]).output().unwrap();
    assert!(!refused.status.success() && String::from_utf8_lossy(&refused.stderr).contains("--open"));
    for allowed in [["--open"].as_slice(), &["--user", "alice", "--password", "s3cret"]] {
        drop(Server::start(&[["--listen", "0.0.0.0:0"].as_slice(), allowed].concat()));
    }
}

/// Runs a test of this file again in new network and mount namespaces. Returns whether the caller is that second run.
fn in_namespaces(test: &str) -> bool {
    const INSIDE: &str = "TEST_IN_NAMESPACES";
    if env::var_os(INSIDE).is_some() {
        return true;
    }
    let may_unshare = Command::new("unshare").args(["--net", "--mount", "true"]).stderr(Stdio::null()).status();
    if !may_unshare.is_ok_and(|status| status.success()) {
        assert!(env::var_os("INTEROP_REQUIRED").is_none(), "no right to make namespaces");
        eprintln!("skipped: no right to make namespaces");
        return false;
    }
    let inside = Command::new("unshare")
        .args(["--net", "--mount", "--"])
        .arg(env::current_exe().unwrap())
        .args(["--exact", test, "--nocapture"])
        .env(INSIDE, "1")
        .status();
    assert!(inside.unwrap().success());
    false
}

fn run(program: &str, args: &[&str]) {
    assert!(Command::new(program).args(args).status().unwrap().success(), "{program} {args:?}");
}

#[test]
fn a_silent_name_server_delays_no_addresses_and_no_other_client() {
    if !in_namespaces("a_silent_name_server_delays_no_addresses_and_no_other_client") {
        return;
    }
    run("ip", &["link", "set", "lo", "up"]);
    let configuration = env::temp_dir().join(format!("resolv.conf.{}", std::process::id()));
    fs::write(&configuration, "nameserver 127.0.0.53\noptions timeout:30 attempts:1\n").unwrap();
    run("mount", &["--bind", configuration.to_str().unwrap(), "/etc/resolv.conf"]);
    let _silent = UdpSocket::bind("127.0.0.53:53").unwrap();
    let server = Server::start(&[]);
    let (_listener, address) = listener();

    for number in 0..3000 {
        let mut flood = server.connect_from([127, 0, 0, 2].into());
        let name = format!("name-{number}.example:80");
        let (flight, _) = client::optimistic(None, |permit| permit.connect(name.as_str().try_into().unwrap()));
        flood.write_all(&flight.to_vec()).unwrap();
    }
    connect(&mut server.connect(), address, None).unwrap();
    connect(&mut server.connect(), ("localhost", address.port()), None).unwrap();
    connect(&mut server.connect_from([127, 0, 0, 2].into()), ("127.0.0.1", address.port()), None).unwrap();
    assert!(server.threads() < 200, "{} threads", server.threads());
    fs::remove_file(configuration).unwrap();
}
