//! Connections on behalf of clients that leave, look-ups by resolvers that do not answer, and limits.

mod unanswered;

use std::future::pending;
use std::io::{self, ErrorKind};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Notify;
use tokio::time::timeout;
use tokio_socks5_sansio::limits::Limit;
use tokio_socks5_sansio::lookup::{Lookups, Resolve, System};
use tokio_socks5_sansio::outbound::{Binding, connect, is_own, unless_left};
use tokio_socks5_sansio::socks5_sansio::association::{Scope, scope};
use tokio_socks5_sansio::socks5_sansio::{Domain, Endpoint};
use unanswered::unanswered;

const TEST_TIMEOUT: Duration = Duration::from_secs(30);
const CLIENT: IpAddr = IpAddr::V4(Ipv4Addr::new(192, 0, 2, 1));

async fn pair() -> (TcpStream, TcpStream) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let near = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
    (near, listener.accept().await.unwrap().0)
}

/// Waits for work that never ends. Returns the error that ends the wait.
async fn endless_work(server: &TcpStream, early: &mut Vec<u8>) -> io::Error {
    let outcome = timeout(TEST_TIMEOUT, unless_left::<()>(server, early, pending())).await;
    outcome.expect("the work ends").unwrap_err()
}

#[tokio::test]
async fn ends_the_work_when_the_client_closes_having_sent_nothing() {
    let (client, server) = pair().await;
    drop(client);
    assert_eq!(endless_work(&server, &mut vec![]).await.kind(), ErrorKind::ConnectionAborted);
}

#[tokio::test]
async fn ends_the_work_when_the_client_resets() {
    for early in [b"".as_slice(), b"early"] {
        let (mut client, server) = pair().await;
        client.write_all(early).await.unwrap();
        client.set_zero_linger().unwrap();
        drop(client);
        assert_eq!(endless_work(&server, &mut vec![]).await.kind(), ErrorKind::ConnectionAborted, "{early:?}");
    }
}

#[tokio::test]
async fn an_end_after_early_data_is_a_half_close() {
    let (mut client, server) = pair().await;
    client.write_all(b"early").await.unwrap();
    client.shutdown().await.unwrap();
    let mut early = b"very ".to_vec();
    let work = async {
        let mut received = [0];
        while server.peek(&mut received).await? > 0 {
            tokio::task::yield_now().await;
        }
        Ok("done") // after the end of the stream has arrived
    };
    assert_eq!(timeout(TEST_TIMEOUT, unless_left(&server, &mut early, work)).await.unwrap().unwrap(), "done");
    assert_eq!(early, b"very early");
}

#[tokio::test]
async fn keeps_at_most_64_kib_of_early_data() {
    let (mut client, server) = pair().await;
    let sender = tokio::spawn(async move {
        let _ = client.write_all(&[7; 200_000]).await;
        client
    });
    let mut early = Vec::new();
    let work = async {
        timeout(Duration::from_millis(300), pending::<()>()).await.unwrap_err();
        Ok(())
    };
    unless_left(&server, &mut early, work).await.unwrap();
    assert!((1..=65_536).contains(&early.len()), "{}", early.len());
    sender.abort();
}

#[tokio::test]
async fn connects_to_the_first_address_that_answers() {
    let dead = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let listening = listener.local_addr().unwrap();
    let stream = connect(&[dead, listening], TEST_TIMEOUT, TEST_TIMEOUT).await.unwrap();
    assert_eq!(stream.peer_addr().unwrap(), listening);
    connect(&[listening], Duration::MAX, Duration::MAX).await.unwrap();
    assert_eq!(connect(&[dead], TEST_TIMEOUT, TEST_TIMEOUT).await.unwrap_err().kind(), ErrorKind::ConnectionRefused);
    assert_eq!(connect(&[], TEST_TIMEOUT, TEST_TIMEOUT).await.unwrap_err().kind(), ErrorKind::HostUnreachable);
}

#[tokio::test]
async fn the_deadline_covers_all_addresses() {
    let (_listener, _queue, address) = unanswered();
    let all = Duration::from_millis(50);
    let error = connect(&[address; 1000], TEST_TIMEOUT, all).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::TimedOut);
    let error = connect(&[address; 3], Duration::from_millis(1), TEST_TIMEOUT).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::TimedOut, "of each attempt");
}

#[tokio::test]
async fn bind_listens_at_the_address_that_faces_the_peer() {
    let control = SocketAddr::from(([127, 0, 0, 1], 1080));
    for (expected, local) in [
        (vec![IpAddr::from(Ipv4Addr::LOCALHOST)], IpAddr::from(Ipv4Addr::LOCALHOST)),
        (vec![Ipv6Addr::LOCALHOST.into()], Ipv6Addr::LOCALHOST.into()),
        (vec![Ipv4Addr::UNSPECIFIED.into()], Ipv4Addr::LOCALHOST.into()),
        (vec![], Ipv4Addr::LOCALHOST.into()),
    ] {
        let binding = Binding::listen(expected.clone(), control).await.unwrap();
        assert_eq!(binding.local_addr().unwrap().ip(), local, "{expected:?}");
    }
}

#[tokio::test]
async fn bind_accepts_the_expected_peer_and_closes_others() {
    let binding = Binding::listen(vec![Ipv4Addr::new(127, 0, 0, 2).into()], "127.0.0.1:1080".parse().unwrap());
    let binding = binding.await.unwrap();
    let address = binding.local_addr().unwrap();
    let mut other_host = TcpStream::connect(address).await.unwrap();
    let peer = tokio::net::TcpSocket::new_v4().unwrap();
    peer.bind("127.0.0.2:0".parse().unwrap()).unwrap();
    let peer = peer.connect(address).await.unwrap();
    let (_, from) = timeout(TEST_TIMEOUT, binding.accept()).await.unwrap().unwrap();
    assert_eq!(from, peer.local_addr().unwrap());
    assert!(!matches!(other_host.read(&mut [0]).await, Ok(1..)));
}

/// Answers a look-up each time that it is notified.
struct Silent(Arc<Notify>);

impl Resolve for Silent {
    async fn resolve(&self, _host: &str, port: u16) -> io::Result<Vec<SocketAddr>> {
        self.0.notified().await;
        Ok(vec![(Ipv4Addr::LOCALHOST, port).into()])
    }
}

#[tokio::test(start_paused = true)]
async fn a_silent_name_server_fails_names_and_delays_nothing_else() {
    let answers = Arc::new(Notify::new());
    let lookups = Lookups::new(Silent(Arc::clone(&answers)), Limit::new(2, 2), Duration::from_secs(5));
    let name = Endpoint::try_from("example.com:80").unwrap();
    for _ in 0..2 {
        assert_eq!(lookups.addresses(CLIENT, name).await.unwrap_err().kind(), ErrorKind::HostUnreachable);
    }
    // both are still under way, and hold their places
    assert_eq!(lookups.addresses(CLIENT, name).await.unwrap_err().kind(), ErrorKind::ResourceBusy);
    let literals = ["192.0.2.7", "[::1]"].map(|literal| Endpoint::from((Domain::new(literal).unwrap(), 80)));
    for literal in literals {
        assert_eq!(lookups.addresses(CLIENT, literal).await.unwrap(), [literal.canonical().to_socket_addr().unwrap()]);
    }
    answers.notify_waiters(); // they end now
    tokio::task::yield_now().await;
    answers.notify_one();
    assert_eq!(lookups.addresses(CLIENT, name).await.unwrap(), ["127.0.0.1:80".parse().unwrap()]);
}

/// Resolves this name and no other.
struct Hosts(&'static str);

impl Resolve for Hosts {
    async fn resolve(&self, host: &str, port: u16) -> io::Result<Vec<SocketAddr>> {
        if host == self.0 { Ok(vec![([192, 0, 2, 7], port).into()]) } else { Ok(vec![]) }
    }
}

#[tokio::test]
async fn resolves_host_names_and_nothing_else() {
    let lookups = Lookups::new(Hosts("example.com"), Limit::new(1, 1), TEST_TIMEOUT);
    let look_up = async |name: &str| {
        let endpoint = Endpoint::from((Domain::new(name).unwrap(), 80));
        lookups.addresses(CLIENT, endpoint).await.map_err(|error| error.kind())
    };
    assert_eq!(look_up("example.com").await.unwrap(), ["192.0.2.7:80".parse().unwrap()]);
    for name in ["localhost", "LOCALHOST.", "a.localhost"] {
        assert!(look_up(name).await.unwrap().iter().all(|address| address.ip().is_loopback()), "{name}");
    }
    for name in ["other.example", "fe80::1%1", "a b", "a\0b", "[127.0.0.1]", "a:b"] {
        assert_eq!(look_up(name).await, Err(ErrorKind::HostUnreachable), "{name}");
    }
    let by_system = Lookups::new(System, Limit::new(1, 1), TEST_TIMEOUT);
    let invalid = by_system.addresses(CLIENT, ("name.invalid", 80).try_into().unwrap()).await;
    assert_eq!(invalid.unwrap_err().kind(), ErrorKind::HostUnreachable);
}

/// Resolves every name to a global address and one of a private network, and allows only the first.
struct OnlyGlobal;

impl Resolve for OnlyGlobal {
    async fn resolve(&self, host: &str, port: u16) -> io::Result<Vec<SocketAddr>> {
        let all = [([10, 0, 0, 1], port).into(), ([8, 8, 8, 8], port).into()];
        Ok(if host == "intranet.example" { all[..1].to_vec() } else { all.to_vec() })
    }

    fn allows(&self, destination: SocketAddr) -> bool {
        scope(destination.ip()) == Scope::Global
    }
}

#[tokio::test]
async fn returns_only_addresses_that_the_resolver_allows() {
    let lookups = Lookups::new(OnlyGlobal, Limit::new(1, 1), TEST_TIMEOUT);
    let look_up = async |destination: &str| {
        let addresses = lookups.addresses(CLIENT, destination.try_into().unwrap()).await;
        addresses.map_err(|error| error.kind())
    };
    for destination in ["example.com:80", "8.8.8.8:80", "[::ffff:8.8.8.8]:80"] {
        assert_eq!(look_up(destination).await.unwrap(), ["8.8.8.8:80".parse().unwrap()], "{destination}");
    }
    for destination in ["intranet.example:80", "10.0.0.1:80", "localhost:80", "[::ffff:10.0.0.1]:80", "0.0.0.0:80"] {
        assert_eq!(look_up(destination).await, Err(ErrorKind::PermissionDenied), "{destination}");
    }
}

#[test]
fn limits_count_in_total_and_for_each_client() {
    let other: IpAddr = "198.51.100.1".parse().unwrap();
    let limit = Limit::new(3, 2);
    let places = [limit.take(CLIENT).unwrap(), limit.take(CLIENT).unwrap()];
    let mapped = "::ffff:192.0.2.1".parse().unwrap();
    assert!(limit.take(CLIENT).is_none() && limit.take(mapped).is_none());
    let third = limit.take(other).unwrap();
    assert!(limit.take(other).is_none(), "the total is reached");
    drop(places);
    assert!(limit.take(CLIENT).is_some());
    drop(third);
    let loopback = Ipv4Addr::LOCALHOST.into();
    let _two = [limit.take(loopback), limit.take(loopback)].map(Option::unwrap);
    assert!(limit.take(loopback).is_none());
    #[cfg(unix)]
    let by_descriptors = Limit::of_descriptors(usize::MAX / 2);
    #[cfg(unix)]
    assert!(by_descriptors.take(CLIENT).is_none(), "no process may have as many descriptors");
}

#[test]
fn knows_its_own_listener_in_every_form() {
    for (address, listening, expected) in [
        ("127.0.0.1:1080", "127.0.0.1:1080", true),
        ("[::ffff:127.0.0.1]:1080", "127.0.0.1:1080", true),
        ("0.0.0.0:1080", "127.0.0.1:1080", true),
        ("127.0.0.1:1080", "0.0.0.0:1080", true),
        ("127.9.9.9:1080", "[::]:1080", true),
        ("[::1]:1080", "[::]:1080", true),
        ("127.0.0.1:1081", "127.0.0.1:1080", false),
        ("127.0.0.2:1080", "127.0.0.1:1080", false),
        ("192.0.2.1:1080", "0.0.0.0:1080", false),
    ] {
        let (address, listening) = (address.parse().unwrap(), listening.parse().unwrap());
        assert_eq!(is_own(address, listening), expected, "{address} at {listening}");
    }
}
