//! The example server's relay, datagram by datagram.

use std::io::{ErrorKind, Write};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, Shutdown, SocketAddr, TcpStream, ToSocketAddrs, UdpSocket};

use socks5_sansio::{Domain, Endpoint, Fragment, Reply, ReplyCode, Request, UdpHeader};

use crate::support::{
    Server, connect, datagram, encoded, read_exactly, read_reply, serve_datagrams, udp_socket, until,
};

const LOCALHOST: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);
const OTHER_HOST: IpAddr = IpAddr::V4(Ipv4Addr::new(127, 0, 0, 2));

/// A client with an association, which ends with its connection.
struct Client {
    control: TcpStream,
    socket: UdpSocket,
    relay: SocketAddr,
}

impl Client {
    fn new(server: &Server) -> Self {
        Self::from_source(server, Endpoint::UNSPECIFIED, udp_socket(server.address.ip()))
    }

    fn from_source(server: &Server, source: Endpoint<'_>, socket: UdpSocket) -> Self {
        let mut control = connect(server.address);
        control.write_all(&[&[5, 1, 0], &*encoded(Request::udp_associate(source))].concat()).unwrap();
        assert_eq!(read_exactly(&control), [5, 0]);
        let relay = read_reply(&control, |reply: Reply<'_>| {
            assert_eq!(reply.code, ReplyCode::SUCCEEDED);
            reply.bound.to_socket_addr().unwrap()
        });
        assert_eq!(relay.ip(), server.address.ip(), "the address at which the client reached the server");
        Self { control, socket, relay }
    }

    fn send(&self, frag: u8, endpoint: impl Into<Endpoint<'static>>, data: &[u8]) {
        send(&self.socket, self.relay, frag, endpoint.into(), data);
    }

    fn receive(&self) -> (SocketAddr, Vec<u8>) {
        let (bytes, from) = datagram(&self.socket);
        assert_eq!(from, self.relay);
        let (header, data) = UdpHeader::split(&bytes).unwrap();
        assert!(header.fragment.is_standalone());
        (header.endpoint.to_socket_addr().unwrap(), data.to_vec())
    }
}

fn send(socket: &UdpSocket, relay: SocketAddr, frag: u8, endpoint: Endpoint<'_>, data: &[u8]) {
    let header = UdpHeader { fragment: Fragment(frag), endpoint };
    socket.send_to(&[&encoded(header), data].concat(), relay).unwrap();
}

#[test]
fn relays_datagrams_both_ways() {
    let v4 = serve_datagrams(Ipv4Addr::LOCALHOST);
    let v6 = serve_datagrams(Ipv6Addr::LOCALHOST);
    let name = |name: &'static str, port| Endpoint::from((Domain::new(name).unwrap(), port));
    for listen in ["127.0.0.1:0", "[::1]:0"] {
        let server = Server::listen(listen, &[]);
        let client = Client::new(&server);
        for (endpoint, from) in [
            (v4.into(), v4),
            (v6.into(), v6),
            (name("127.0.0.1", v4.port()), v4),
            (name("::ffff:127.0.0.1", v4.port()), v4),
            (name("[::1]", v6.port()), v6),
        ] {
            client.send(0, endpoint, b"hello");
            assert_eq!(client.receive(), (from, b"hello".to_vec()), "{listen} {endpoint}");
        }
    }
}

#[test]
fn names_are_resolved() {
    let server = Server::start(&[]);
    let client = Client::new(&server);
    let first = "localhost:0".to_socket_addrs().unwrap().next().unwrap();
    let target = udp_socket(first.ip());
    for data in [b"first".as_slice(), b"again"] {
        let name = Domain::new("localhost").unwrap();
        client.send(0, (name, target.local_addr().unwrap().port()), data);
        assert_eq!(datagram(&target).0, data);
    }
}

#[test]
fn relays_the_longest_and_the_empty_datagram() {
    let server = Server::start(&[]);
    let client = Client::new(&server);
    let target = serve_datagrams(Ipv4Addr::LOCALHOST);
    for len in [0, 1, 1400, 65_507 - 10] {
        let data = vec![0xDD; len];
        client.send(0, target, &data);
        assert_eq!(client.receive(), (target, data));
    }
}

#[test]
fn rfc1928_s7_other_hosts_are_dropped_before_and_after_the_client_has_sent() {
    let server = Server::start(&[]);
    let client = Client::new(&server);
    let target = udp_socket(LOCALHOST);
    let to = target.local_addr().unwrap().into();
    let other_host = udp_socket(OTHER_HOST);
    let neighbour = udp_socket(LOCALHOST);

    send(&other_host, client.relay, 0, to, b"other");
    client.send(0, to, b"first");
    send(&other_host, client.relay, 0, to, b"other");
    send(&neighbour, client.relay, 0, to, b"neighbour");
    client.send(0, to, b"second");
    assert_eq!(datagram(&target).0, b"first");
    assert_eq!(datagram(&target).0, b"second");
}

#[test]
fn admits_only_the_port_of_a_source_with_the_clients_own_address() {
    let server = Server::start(&[]);
    let socket = udp_socket(LOCALHOST);
    let source = socket.local_addr().unwrap().into();
    let target = udp_socket(LOCALHOST);
    let to = target.local_addr().unwrap().into();
    let client = Client::from_source(&server, source, socket);
    send(&udp_socket(LOCALHOST), client.relay, 0, to, b"neighbour");
    client.send(0, to, b"client");
    assert_eq!(datagram(&target).0, b"client");
}

#[test]
fn ignores_a_source_that_is_not_the_client() {
    let server = Server::start(&[]);
    let target = serve_datagrams(Ipv4Addr::LOCALHOST);
    for source in ["8.8.8.8:53", "victim.example:53", "192.168.1.7:40000"] {
        let client = Client::from_source(&server, source.try_into().unwrap(), udp_socket(LOCALHOST));
        client.send(0, target, b"hello");
        assert_eq!(client.receive(), (target, b"hello".to_vec()), "{source}");
    }
}

#[test]
fn malformed_datagrams_are_dropped() {
    let server = Server::start(&[]);
    let client = Client::new(&server);
    let target = udp_socket(LOCALHOST);
    let to = target.local_addr().unwrap();
    let whole = [&encoded(UdpHeader::new(to.into())), b"data".as_slice()].concat();
    for cut in 0..10 {
        client.socket.send_to(&whole[..cut], client.relay).unwrap();
    }
    client.socket.send_to(&[0, 0, 0, 2, 0, 0, 0, 0, 0, 0], client.relay).unwrap();
    client.send(0, (Domain::new("no-such-name.invalid").unwrap(), 1), b"nowhere");
    client.send(0, (Domain::new("127.0.0.1\0.example").unwrap(), to.port()), b"nowhere");
    client.send(0, to, b"data");
    assert_eq!(datagram(&target).0, b"data");
}

#[test]
fn fragments_are_dropped_or_reassembled() {
    for (args, received) in [(&[][..], "whole"), (&["--reassemble"], "fragments")] {
        let server = Server::start(args);
        let client = Client::new(&server);
        let target = udp_socket(LOCALHOST);
        let to = target.local_addr().unwrap();
        for (frag, data) in [(0x01, "frag"), (0x02, "men"), (0x83, "ts"), (0x00, "whole")] {
            client.send(frag, to, data.as_bytes());
        }
        assert_eq!(datagram(&target).0, received.as_bytes());
    }
}

#[test]
fn any_host_may_answer_after_the_client_has_sent() {
    let server = Server::start(&[]);
    let client = Client::new(&server);
    let target = udp_socket(LOCALHOST);
    client.send(0, target.local_addr().unwrap(), b"hello");
    let (_, outside) = datagram(&target);
    let third = udp_socket(OTHER_HOST);
    third.send_to(b"hello from afar", (LOCALHOST, outside.port())).unwrap();
    assert_eq!(client.receive(), (third.local_addr().unwrap(), b"hello from afar".to_vec()));
}

#[test]
fn rfc1928_s6_the_association_ends_with_its_connection() {
    let server = Server::start(&[]);
    let client = Client::new(&server);
    client.control.shutdown(Shutdown::Both).unwrap();
    client.socket.connect(client.relay).unwrap();
    let refused = |error: std::io::Error| error.kind() == ErrorKind::ConnectionRefused;
    until("the relay is closed", || client.socket.send(b"").is_err_and(refused));
}

#[test]
fn data_on_the_tcp_connection_changes_nothing() {
    let server = Server::start(&[]);
    let mut client = Client::new(&server);
    client.control.write_all(b"noise").unwrap();
    let target = serve_datagrams(Ipv4Addr::LOCALHOST);
    client.send(0, target, b"hello");
    assert_eq!(client.receive(), (target, b"hello".to_vec()));
}
