//! BIND through the example server, by hand-written bytes.

use std::io::Write;
use std::net::{Ipv4Addr, Shutdown, SocketAddr, TcpStream};

use socks5_sansio::{Domain, Endpoint, ReplyCode, Request};

use crate::support::{Server, connect, connect_from, encoded, read_all, read_exactly, read_reply};

const OTHER_HOST: Ipv4Addr = Ipv4Addr::new(127, 0, 0, 2);

fn bind<'a>(server: &Server, destination: impl Into<Endpoint<'a>>, early: &[u8]) -> TcpStream {
    let mut stream = connect(server.address);
    stream.write_all(&[&[5, 1, 0], &*encoded(Request::bind(destination.into())), early].concat()).unwrap();
    assert_eq!(read_exactly(&stream), [5, 0]);
    stream
}

fn bound(stream: &TcpStream) -> SocketAddr {
    read_reply(stream, |reply| {
        assert_eq!(reply.code, ReplyCode::SUCCEEDED);
        reply.bound.to_socket_addr().unwrap()
    })
}

#[test]
fn rfc1928_s6_bind_has_two_replies_and_then_a_tunnel() {
    let destinations = [
        ("127.0.0.1:0", "127.0.0.1:0"),
        ("127.0.0.1:0", "127.0.0.1:20"),
        ("127.0.0.1:0", "0.0.0.0:0"),
        ("127.0.0.1:0", "localhost:0"),
        ("[::1]:0", "[::1]:0"),
        ("[::1]:0", "[::]:0"),
    ];
    for (listen, destination) in destinations {
        let server = Server::listen(listen, &[]);
        let mut stream = bind(&server, Endpoint::try_from(destination).unwrap(), b"early ");
        let listening = bound(&stream);
        assert_eq!(listening.ip(), server.address.ip(), "the address at which the client reached the server");

        let mut peer = connect(listening);
        assert_eq!(bound(&stream), peer.local_addr().unwrap(), "the peer");
        stream.write_all(b"data").unwrap();
        stream.shutdown(Shutdown::Write).unwrap();
        assert_eq!(read_all(&peer), b"early data");
        peer.write_all(b"answer").unwrap();
        drop(peer);
        assert_eq!(read_all(&stream), b"answer");
    }
}

#[test]
fn an_ipv4_client_of_a_dual_stack_server_receives_ipv4_addresses() {
    let server = Server::listen("[::]:0", &["--open"]);
    let mut stream = connect((Ipv4Addr::LOCALHOST, server.address.port()).into());
    stream.write_all(&[&[5, 1, 0], &*encoded(Request::bind(Endpoint::UNSPECIFIED))].concat()).unwrap();
    assert_eq!(read_exactly(&stream), [5, 0]);
    let peer = connect(bound(&stream));
    assert!(peer.local_addr().unwrap().is_ipv4());
    assert_eq!(bound(&stream), peer.local_addr().unwrap());
}

#[test]
fn bind_accepts_only_the_peer_in_the_request() {
    let server = Server::start(&[]);
    let literal = (Domain::new("127.0.0.1").unwrap(), 0).into();
    for destination in [Endpoint::try_from("127.0.0.1:0").unwrap(), literal] {
        let stream = bind(&server, destination, b"");
        let listening = bound(&stream);
        assert_eq!(read_all(connect_from(OTHER_HOST, listening)), b"", "the connection of another host is closed");
        let peer = connect(listening);
        assert_eq!(bound(&stream), peer.local_addr().unwrap());
    }
}

#[test]
fn bind_accepts_any_peer_if_the_request_names_none() {
    let server = Server::start(&[]);
    let stream = bind(&server, Endpoint::UNSPECIFIED, b"");
    let peer = connect_from(OTHER_HOST, bound(&stream));
    assert_eq!(bound(&stream), peer.local_addr().unwrap());
}

#[test]
fn refuses_bind_for_a_name_without_an_address() {
    let server = Server::start(&[]);
    for name in ["no-such-name.invalid", "127.0.0.1\0"] {
        let stream = bind(&server, (Domain::new(name).unwrap(), 0), b"");
        assert_eq!(read_reply(&stream, |reply| reply.code), ReplyCode::HOST_UNREACHABLE);
        assert_eq!(read_all(&stream), b"");
    }
}
