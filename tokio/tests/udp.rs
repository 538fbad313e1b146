//! UDP ASSOCIATE: the relay and a client's association with each other, and with datagrams that cannot be relayed.

mod fixture;

use std::io::ErrorKind;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::atomic::Ordering::SeqCst;
use std::time::Duration;

use fixture::{Fixture, TEST_TIMEOUT, destination, open, receive};
use socket2::SockRef;
use tokio::net::{TcpListener, TcpStream, UdpSocket};
use tokio::time::timeout;
use tokio_socks5_sansio::association::Association;
use tokio_socks5_sansio::relay::relay;
use tokio_socks5_sansio::socks5_sansio::fragment::fragments;
use tokio_socks5_sansio::socks5_sansio::{Encode, Endpoint, UdpHeader};
use tokio_socks5_sansio::udp_in_tcp::Dialect;

#[tokio::test]
async fn relays_both_ways_whatever_the_request_has_as_its_source() {
    for source in ["0.0.0.0:0", "[::]:0", "8.8.8.8:53", "example.com:53", "192.168.1.7:40000"] {
        let fixture = Fixture::start(source, false).await;
        let (socket, address) = destination().await;
        fixture.association.send_to(address, b"query").await.unwrap();
        let (data, from) = receive(&socket).await;
        assert_eq!(data, b"query", "{source}");
        socket.send_to(b"answer", from).await.unwrap();
        let mut buffer = [0; 100];
        let (from, data) = timeout(TEST_TIMEOUT, fixture.association.recv_from(&mut buffer)).await.unwrap().unwrap();
        assert_eq!((from, data), (address.into(), b"answer".as_slice()));
        drop(fixture.association);
        assert_eq!(timeout(TEST_TIMEOUT, fixture.relay).await.unwrap().unwrap().to_string(), "5 bytes up, 6 down");
    }
}

#[tokio::test]
async fn forty_datagrams_to_a_new_name_arrive_in_order_after_one_look_up() {
    let fixture = Fixture::start("0.0.0.0:0", false).await;
    let (socket, address) = destination().await;
    for number in 0..40 {
        fixture.association.send_to(("name.example", address.port()), &[number]).await.unwrap();
    }
    fixture.association.send_to(address, b"known").await.unwrap();
    assert_eq!(receive(&socket).await.0, b"known", "an address does not wait for a name");
    fixture.resolver.answers.notify_one();
    for number in 0..40 {
        assert_eq!(receive(&socket).await.0, [number]);
    }
    assert_eq!(fixture.resolver.asked.load(SeqCst), 1);
}

#[tokio::test]
async fn a_datagram_that_cannot_be_sent_does_not_end_the_association() {
    let fixture = Fixture::start("0.0.0.0:0", false).await;
    let (socket, address) = destination().await;
    for target in ["127.0.0.1:0", "255.255.255.255:9", "0.0.0.0:0", "[fe80::1]:9", "240.0.0.1:9", "[::1]:0"] {
        fixture.association.send_to(target, b"lost").await.unwrap();
    }
    fixture.association.send_to(address, b"query").await.unwrap();
    let (data, from) = receive(&socket).await;
    assert_eq!(data, b"query");
    socket.send_to(&[0; 65_507], from).await.unwrap(); // with a header, longer than any datagram
    socket.send_to(b"answer", from).await.unwrap();
    let mut buffer = vec![0; 70_000];
    let (_, data) = timeout(TEST_TIMEOUT, fixture.association.recv_from(&mut buffer)).await.unwrap().unwrap();
    assert_eq!(data, b"answer");
}

#[tokio::test]
async fn admits_only_the_port_of_the_clients_first_datagram() {
    let fixture = Fixture::start("0.0.0.0:0", false).await;
    let (socket, address) = destination().await;
    fixture.association.send_to(address, b"first").await.unwrap(); // decides the port
    let (_, from_relay) = receive(&socket).await;
    let (other_port, _) = destination().await;
    let header = UdpHeader::new(address.into()).to_vec();
    let relay = fixture.association.relay_addr().unwrap();
    other_port.send_to(&[header.as_slice(), b"other"].concat(), relay).await.unwrap();
    fixture.association.send_to(address, b"second").await.unwrap();
    assert_eq!(receive(&socket).await, (b"second".to_vec(), from_relay));
}

#[tokio::test]
async fn drops_datagrams_to_destinations_that_are_not_allowed() {
    let fixture = Fixture::start("0.0.0.0:0", false).await;
    let (forbidden, address) = destination().await;
    *fixture.resolver.forbidden.lock().unwrap() = Some(address);
    let mapped = SocketAddr::from((Ipv4Addr::LOCALHOST.to_ipv6_mapped(), address.port()));
    for to in [Endpoint::from(address), Endpoint::from(mapped), ("127.0.0.1", address.port()).try_into().unwrap()] {
        fixture.association.send_to(to, b"forbidden").await.unwrap();
    }
    let (allowed, address) = destination().await;
    fixture.association.send_to(address, b"allowed").await.unwrap();
    assert_eq!(receive(&allowed).await.0, b"allowed");
    assert_eq!(forbidden.into_std().unwrap().recv(&mut [0]).unwrap_err().kind(), ErrorKind::WouldBlock);
}

#[tokio::test]
async fn drops_malformed_datagrams() {
    let fixture = Fixture::start("0.0.0.0:0", false).await;
    let (socket, address) = destination().await;
    let sender = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    sender.connect(fixture.association.relay_addr().unwrap()).await.unwrap();
    let header = UdpHeader::new(address.into()).to_vec();
    for len in 0..header.len() {
        sender.send(&header[..len]).await.unwrap();
    }
    for address_type in [0, 2, 0xFF] {
        let mut malformed = header.clone();
        malformed[3] = address_type;
        sender.send(&malformed).await.unwrap();
    }
    sender.send(&[header.as_slice(), b"well-formed"].concat()).await.unwrap();
    assert_eq!(receive(&socket).await.0, b"well-formed");
}

#[tokio::test]
async fn reassembles_fragments_if_the_relay_is_configured_to() {
    let fixture = Fixture::start("0.0.0.0:0", true).await;
    let (socket, address) = destination().await;
    let size = std::num::NonZeroUsize::new(3).unwrap();
    for (header, data) in fragments(Endpoint::from(address), b"fragments", size).unwrap() {
        fixture.association.send_raw(&header, data).await.unwrap();
    }
    assert_eq!(receive(&socket).await.0, b"fragments");
}

#[tokio::test]
async fn two_associations_cannot_feed_each_other() {
    let fixture = Fixture::start("0.0.0.0:0", false).await;
    let (other, _relay) = open(&fixture.relays, "127.0.0.1", "0.0.0.0:0").await;
    let (socket, address) = destination().await;
    other.send_to(address, b"other").await.unwrap();
    let (_, outside_of_other) = receive(&socket).await;
    for own in [other.relay_addr().unwrap(), fixture.association.relay_addr().unwrap(), outside_of_other] {
        fixture.association.send_to(own, &UdpHeader::new(address.into()).to_vec()).await.unwrap();
    }
    fixture.association.send_to(address, b"last").await.unwrap();
    assert_eq!(receive(&socket).await.0, b"last", "nothing went from relay to relay");
}

/// A connection, and another handle of its first end.
async fn observed_pair() -> (TcpStream, std::net::TcpStream, TcpStream) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let near = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap().into_std().unwrap();
    let observer = near.try_clone().unwrap();
    (TcpStream::from_std(near).unwrap(), observer, listener.accept().await.unwrap().0)
}

#[tokio::test]
async fn connections_without_a_time_limit_have_keepalive() {
    let fixture = Fixture::start("0.0.0.0:0", false).await;
    let has_keepalive = |observer| SockRef::from(&observer).keepalive().unwrap();

    let (control, observer, _client) = observed_pair().await;
    let udp = fixture.relays.open(&control, "0.0.0.0:0".try_into().unwrap()).unwrap();
    timeout(Duration::ZERO, udp.run(&control)).await.unwrap_err();
    assert!(has_keepalive(observer), "UDP ASSOCIATE");

    let (control, observer, _client) = observed_pair().await;
    let in_tcp = fixture.relays.open_in_tcp(&control, Dialect::Hev).unwrap();
    timeout(Duration::ZERO, in_tcp.run(&control, &[])).await.unwrap_err();
    assert!(has_keepalive(observer), "UDP in TCP");

    let (client, observer, _client) = observed_pair().await;
    let (target, other_observer, _target) = observed_pair().await;
    timeout(Duration::ZERO, relay(client, target, vec![])).await.unwrap_err();
    assert!(has_keepalive(observer) && has_keepalive(other_observer), "CONNECT and BIND");

    let (client, observer, _proxy) = observed_pair().await;
    let _association = Association::new(client, "127.0.0.1:9".try_into().unwrap()).await.unwrap();
    assert!(has_keepalive(observer), "a client's association");
}

#[tokio::test]
async fn an_association_ends_with_its_connection() {
    let fixture = Fixture::start("0.0.0.0:0", false).await;
    fixture.relay.abort();
    let mut buffer = [0; 100];
    let ended = timeout(TEST_TIMEOUT, fixture.association.recv_from(&mut buffer)).await.unwrap();
    assert_eq!(ended.unwrap_err().kind(), ErrorKind::ConnectionAborted);
}
