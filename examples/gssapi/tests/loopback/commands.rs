//! BIND and UDP ASSOCIATE by hand; tunnels that are reset or left; a log that is not read.

use std::io::{ErrorKind, Read, Write};
use std::net::{Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::time::Duration;

use libgssapi::context::ClientCtx;
use libgssapi::context::SecurityContext;
use socket2::SockRef;
use socks5_sansio::{Command, Decode, Encode, Endpoint, Fragment, Reply, ReplyCode, Request, UdpHeader};

use crate::by_hand::{DATA, Side, frame};
use crate::pair::{fetches, server};
use crate::support::{connect, datagram, read_all, read_exactly, serve, serve_datagrams, udp_socket, web};

const LOCALHOST: Ipv4Addr = Ipv4Addr::LOCALHOST;
const OTHER_HOST: Ipv4Addr = Ipv4Addr::new(127, 0, 0, 2);

fn request(client: &mut Side<ClientCtx>, command: Command, destination: Endpoint<'_>) {
    let bytes = Request { command, destination }.to_vec();
    client.send_data(&bytes);
}

/// The next reply, which is in its own frame.
fn reply(client: &mut Side<ClientCtx>) -> (ReplyCode, SocketAddr) {
    let bytes = client.unwrap(DATA);
    let (reply, used) = Reply::decode(&bytes).unwrap();
    assert_eq!(used, bytes.len());
    (reply.code, reply.bound.to_socket_addr().unwrap())
}

fn succeeded(client: &mut Side<ClientCtx>) -> SocketAddr {
    let (code, bound) = reply(client);
    assert_eq!(code, ReplyCode::SUCCEEDED);
    bound
}

fn reset(stream: TcpStream) {
    SockRef::from(&stream).set_linger(Some(Duration::ZERO)).unwrap();
}

#[test]
fn bind_has_two_wrapped_replies_and_then_a_wrapped_tunnel() {
    let Some(mut server) = server(&[]) else { return };
    let mut client = Side::agreed(&server);
    request(&mut client, Command::BIND, (LOCALHOST, 0).into());
    client.send_data(b"early ");
    let mut peer = connect(succeeded(&mut client));
    assert_eq!(succeeded(&mut client), peer.local_addr().unwrap());
    client.send_data(b"data");
    client.stream.shutdown(Shutdown::Write).unwrap();
    assert_eq!(read_all(&peer), b"early data");
    peer.write_all(b"answer").unwrap();
    drop(peer);
    assert_eq!(client.unwrap(DATA), b"answer");
    assert_eq!(read_all(&client.stream), b"");
    assert!(server.log_line().ends_with(": BIND (02) 127.0.0.1:0: 10 bytes up, 6 down\n"));
}

#[test]
fn bind_ends_with_a_client_that_leaves() {
    let Some(mut server) = server(&[]) else { return };
    let mut client = Side::agreed(&server);
    request(&mut client, Command::BIND, (LOCALHOST, 0).into());
    let listening = succeeded(&mut client);
    drop(client);
    assert!(server.log_line().contains("connection aborted"));
    assert_eq!(TcpStream::connect(listening).unwrap_err().kind(), ErrorKind::ConnectionRefused);
}

/// A client that has an association.
struct Datagrams {
    client: Side<ClientCtx>,
    relay: SocketAddr,
    socket: UdpSocket,
}

impl Datagrams {
    fn of(mut client: Side<ClientCtx>) -> Self {
        request(&mut client, Command::UDP_ASSOCIATE, Endpoint::UNSPECIFIED);
        let relay = succeeded(&mut client);
        Self { client, relay, socket: udp_socket(LOCALHOST.into()) }
    }

    fn wrap(&mut self, header: &UdpHeader<'_>, data: &[u8]) -> Vec<u8> {
        self.client.wrap(&[&header.to_vec(), data].concat())
    }

    fn send(&self, bytes: &[u8]) {
        self.socket.send_to(bytes, self.relay).unwrap();
    }

    /// The next datagram is a frame with this source and this data.
    fn receives(&mut self, source: SocketAddr, data: &[u8]) {
        let (bytes, from) = datagram(&self.socket);
        assert_eq!(from, self.relay);
        assert_eq!(bytes[..4], frame(DATA, &bytes[4..])[..4]);
        let clear = self.client.context.unwrap(&bytes[4..]).unwrap();
        let (header, found) = UdpHeader::split(&clear).unwrap();
        assert_eq!((header.endpoint, found), (source.into(), data));
    }
}

#[test]
fn each_datagram_is_in_its_own_frame() {
    let Some(mut server) = server(&[]) else { return };
    let target = serve_datagrams(LOCALHOST);
    let mut datagrams = Datagrams::of(Side::agreed_without_sequence(&server));
    let name = format!("localhost:{}", target.port());
    for (to, len) in [(Endpoint::from(target), 0), (name.as_str().try_into().unwrap(), 1000), (target.into(), 65_000)] {
        let data = vec![b'x'; len];
        let bytes = datagrams.wrap(&UdpHeader::new(to), &data);
        datagrams.send(&bytes);
        datagrams.receives(target, &data);
    }
    drop(datagrams);
    let line = server.log_line();
    assert!(line.ends_with(": UDP ASSOCIATE (03) 0.0.0.0:0: 66000 bytes up, 66000 down\n"), "{line}");
}

#[test]
fn survives_lost_and_reordered_datagrams() {
    let Some(server) = server(&[]) else { return };
    let target = serve_datagrams(LOCALHOST);
    let mut datagrams = Datagrams::of(Side::agreed_without_sequence(&server));
    let header = UdpHeader::new(target.into());
    let [first, _lost, third, fourth] = [b"1", b"2", b"3", b"4"].map(|data| datagrams.wrap(&header, data));
    for (bytes, data) in [(first, b"1"), (fourth, b"4"), (third, b"3")] {
        datagrams.send(&bytes);
        datagrams.receives(target, data);
    }
}

/// From another host, replayed, changed, two in one, truncated, not wrapped, without a header, fragmented, to port 0, empty.
#[test]
fn drops_invalid_datagrams_and_continues_the_association() {
    let Some(server) = server(&[]) else { return };
    let target = serve_datagrams(LOCALHOST);
    let mut datagrams = Datagrams::of(Side::agreed_without_sequence(&server));
    let header = UdpHeader::new(target.into());
    let other_host = udp_socket(OTHER_HOST.into());
    let bytes = datagrams.wrap(&header, b"from another host");
    other_host.send_to(&bytes, datagrams.relay).unwrap();

    let hello = datagrams.wrap(&header, b"hello");
    datagrams.send(&hello);
    datagrams.receives(target, b"hello");
    let mut changed = datagrams.wrap(&header, b"changed");
    *changed.last_mut().unwrap() ^= 1;
    let two = [datagrams.wrap(&header, b"one"), datagrams.wrap(&header, b"two")].concat();
    let truncated = datagrams.wrap(&header, b"truncated");
    let unwrapped = [&header.to_vec(), &b"not wrapped"[..]].concat();
    let no_header = datagrams.client.wrap(b"no");
    let mut fragment = UdpHeader::new(target.into());
    fragment.fragment = Fragment(1);
    let fragment = datagrams.wrap(&fragment, b"fragment");
    let nowhere = datagrams.wrap(&UdpHeader::new((LOCALHOST, 0).into()), b"port 0");
    for bytes in [&hello, &changed, &two, &truncated[..9].to_vec(), &unwrapped, &no_header, &fragment, &nowhere] {
        datagrams.send(bytes);
    }
    datagrams.send(&[]);
    let bytes = datagrams.wrap(&header, b"still there");
    datagrams.send(&bytes);
    datagrams.receives(target, b"still there");
}

#[test]
fn a_tunnel_needs_the_detection_of_missing_frames() {
    let Some(mut server) = server(&[]) else { return };
    for command in [Command::CONNECT, Command::BIND] {
        let mut client = Side::agreed_without_sequence(&server);
        request(&mut client, command, (LOCALHOST, 9).into());
        assert_eq!(reply(&mut client).0, ReplyCode::NOT_ALLOWED);
        assert_eq!(read_all(&client.stream), b"");
        assert!(server.log_line().ends_with(": the context does not detect missing frames\n"));
    }
}

#[test]
fn other_commands_are_refused() {
    let Some(server) = server(&[]) else { return };
    let mut client = Side::agreed(&server);
    request(&mut client, Command(0xF0), (LOCALHOST, 9).into());
    assert_eq!(reply(&mut client).0, ReplyCode::COMMAND_NOT_SUPPORTED);
}

#[test]
fn a_connection_to_the_server_itself_is_refused() {
    let Some(server) = server(&[]) else { return };
    let mut client = Side::agreed(&server);
    request(&mut client, Command::CONNECT, server.address.into());
    assert_eq!(reply(&mut client).0, ReplyCode::NOT_ALLOWED);
}

/// A client in a tunnel, and the target's end of it.
fn tunnel(server: &crate::support::Server) -> (Side<ClientCtx>, TcpStream) {
    let listener = TcpListener::bind((LOCALHOST, 0)).unwrap();
    let mut client = Side::agreed(server);
    request(&mut client, Command::CONNECT, listener.local_addr().unwrap().into());
    succeeded(&mut client);
    let (target, _) = listener.accept().unwrap();
    (client, target)
}

#[test]
fn a_reset_is_noticed_after_a_half_close() {
    let Some(mut server) = server(&[]) else { return };
    let (client, mut target) = tunnel(&server);
    client.stream.shutdown(Shutdown::Write).unwrap();
    assert_eq!(target.read(&mut [0]).unwrap(), 0);
    reset(client.stream);
    assert!(server.log_line().contains(": 0 bytes up, 0 down, client reset: "));

    let (client, target) = tunnel(&server);
    target.shutdown(Shutdown::Write).unwrap();
    assert_eq!((&client.stream).read(&mut [0]).unwrap(), 0);
    reset(target);
    assert!(server.log_line().contains(": 0 bytes up, 0 down, target reset: "));
}

#[test]
fn an_answer_arrives_although_the_upload_is_reset() {
    let Some(server) = server(&[]) else { return };
    let (mut client, mut target) = tunnel(&server);
    for _ in 0..100 {
        client.send_data(&[b'x'; 10_000]);
    }
    assert_eq!(read_exactly(&target), [b'x'; 100]);
    target.write_all(b"too much").unwrap();
    drop(target); // with data unread: a reset
    assert_eq!(client.unwrap(DATA), b"too much");
    assert_eq!(client.stream.read(&mut [0]).unwrap_err().kind(), ErrorKind::ConnectionReset);
}

#[test]
fn an_unread_log_delays_nothing() {
    let Some(server) = server(&[]) else { return };
    for _ in 0..3000 {
        assert_eq!(read_all(TcpStream::connect(server.address).and_then(ended).unwrap()), b"");
    }
    fetches(server.address, "integrity", &serve(LOCALHOST, web).to_string(), 1000);
}

fn ended(stream: TcpStream) -> std::io::Result<TcpStream> {
    stream.shutdown(Shutdown::Write)?;
    Ok(stream)
}
