//! Datagrams inside the TCP connection: the relay with each dialect, with malformed frames, and with a client that does not read.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::time::Duration;

use socket2::SockRef;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpSocket, TcpStream, UdpSocket};
use tokio::task::JoinHandle;
use tokio::time::timeout;
use tokio_socks5_sansio::limits::Limit;
use tokio_socks5_sansio::lookup::{Lookups, Resolve};
use tokio_socks5_sansio::outbound::respond;
use tokio_socks5_sansio::relay::Relayed;
use tokio_socks5_sansio::socks5_sansio::udp_in_tcp::{
    Frame, GostDatagram, HevDatagram, UotConnectDatagram, UotDatagram, UotRequest, UotVersion,
};
use tokio_socks5_sansio::socks5_sansio::{
    Command, Decode, DecodeError, Domain, Encode, Endpoint, EndpointBuf, Reply, ReplyCode, Request, ValueError,
};
use tokio_socks5_sansio::udp::Relays;
use tokio_socks5_sansio::udp_in_tcp::Dialect;
use tokio_socks5_sansio::{Anyone, Wire, accept_either};

const TEST_TIMEOUT: Duration = Duration::from_secs(30);
const DIALECTS: [Kind; 5] = [Kind::Hev, Kind::Gost, Kind::Uot1, Kind::Uot2, Kind::Uot2Connect];

/// Resolves every name to loopback, except `unknown`. Counts the look-ups.
#[derive(Clone, Debug, Default)]
struct Loopback {
    asked: Arc<AtomicUsize>,
}

impl Resolve for Loopback {
    async fn resolve(&self, host: &str, port: u16) -> io::Result<Vec<SocketAddr>> {
        self.asked.fetch_add(1, SeqCst);
        Ok(if host == "unknown" { vec![] } else { vec![(Ipv4Addr::LOCALHOST, port).into()] })
    }
}

/// A dialect; `Uot2Connect` is UDP over TCP 2 with one destination for all frames (ISCONNECT).
#[derive(Clone, Copy, Debug, PartialEq)]
enum Kind {
    Hev,
    Gost,
    Uot1,
    Uot2,
    Uot2Connect,
}

impl Kind {
    fn request(self) -> Request<'static> {
        match self {
            Self::Hev => Request { command: HevDatagram::COMMAND, destination: Endpoint::UNSPECIFIED },
            Self::Gost => Request { command: GostDatagram::COMMAND, destination: Endpoint::UNSPECIFIED },
            Self::Uot1 => Request::connect(UotVersion::V1.destination()),
            Self::Uot2 | Self::Uot2Connect => Request::connect(UotVersion::V2.destination()),
        }
    }

    /// The bytes before the first frame.
    fn prelude(self, to: Endpoint<'_>) -> Vec<u8> {
        let connect = match self {
            Self::Hev | Self::Gost | Self::Uot1 => return Vec::new(),
            Self::Uot2 => false,
            Self::Uot2Connect => true,
        };
        UotRequest { connect, destination: to }.to_vec()
    }

    fn frame(self, endpoint: Endpoint<'_>, data: &[u8]) -> Vec<u8> {
        fn bytes<D>(frame: Result<Frame<D>, ValueError>) -> Vec<u8>
        where
            Frame<D>: Encode,
        {
            frame.unwrap().to_vec()
        }
        match self {
            Self::Hev => bytes(HevDatagram { endpoint, data }.frame()),
            Self::Gost => bytes(GostDatagram::new(endpoint, data).frame()),
            Self::Uot1 | Self::Uot2 => bytes(UotDatagram { endpoint, data }.frame()),
            Self::Uot2Connect => bytes(UotConnectDatagram { data }.frame()),
        }
    }

    fn decode(self, input: &[u8]) -> Result<(Option<EndpointBuf>, Vec<u8>, usize), DecodeError> {
        let (endpoint, data, used) = match self {
            Self::Hev => HevDatagram::decode(input).map(|(d, used)| (Some(d.endpoint), d.data, used))?,
            Self::Gost => GostDatagram::decode(input).map(|(d, used)| (Some(d.endpoint), d.data, used))?,
            Self::Uot1 | Self::Uot2 => UotDatagram::decode(input).map(|(d, used)| (Some(d.endpoint), d.data, used))?,
            Self::Uot2Connect => UotConnectDatagram::decode(input).map(|(d, used)| (None, d.data, used))?,
        };
        Ok((endpoint.map(EndpointBuf::from), data.to_vec(), used))
    }
}

struct Fixture {
    kind: Kind,
    client: TcpStream,
    received: Vec<u8>,
    relay: JoinHandle<Relayed>,
    resolver: Loopback,
}

impl Fixture {
    /// A client whose request was granted; `early` follows the request in the same segment.
    async fn start(kind: Kind, early: &[u8]) -> Self {
        let resolver = Loopback::default();
        let relays =
            Relays::new(Lookups::new(resolver.clone(), Limit::new(8, 8), TEST_TIMEOUT), Limit::new(1, 1), false);
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let socket = TcpSocket::new_v4().unwrap();
        socket.set_recv_buffer_size(16 * 1024).unwrap();
        let mut client = socket.connect(listener.local_addr().unwrap()).await.unwrap();
        let stream = listener.accept().await.unwrap().0;
        SockRef::from(&stream).set_send_buffer_size(16 * 1024).unwrap();
        let relay = tokio::spawn(serve(stream, relays));
        client.write_all(&[&[5, 1, 0], kind.request().to_vec().as_slice(), early].concat()).await.unwrap();
        let mut reply = [0; 12];
        timeout(TEST_TIMEOUT, client.read_exact(&mut reply)).await.expect("a reply").unwrap();
        assert_eq!(Reply::decode(&reply[2..]).unwrap().0.code, ReplyCode::SUCCEEDED, "{kind:?}");
        Self { kind, client, received: Vec::new(), relay, resolver }
    }

    async fn send(&mut self, to: Endpoint<'_>, data: &[u8]) {
        self.client.write_all(&self.kind.frame(to, data)).await.unwrap();
    }

    async fn receive(&mut self) -> (Option<EndpointBuf>, Vec<u8>) {
        loop {
            match self.kind.decode(&self.received) {
                Ok((from, data, used)) => {
                    self.received.drain(..used);
                    return (from, data);
                }
                Err(DecodeError::Incomplete(_)) => {}
                Err(error) => panic!("{:?}: {error}", self.kind),
            }
            let read = timeout(TEST_TIMEOUT, self.client.read_buf(&mut self.received)).await.expect("a frame").unwrap();
            assert_ne!(read, 0, "{:?}: ended", self.kind);
        }
    }

    async fn ended(self) -> Relayed {
        timeout(TEST_TIMEOUT, self.relay).await.expect("an end").unwrap()
    }
}

async fn serve(stream: TcpStream, relays: Relays<Loopback>) -> Relayed {
    let mut wire = Wire::server(stream);
    let ((), destination, asked) = accept_either(&mut wire, &Anyone, TEST_TIMEOUT).await.unwrap();
    let (dialect, permit) = Dialect::of(asked, destination).unwrap();
    let opened = relays.open_in_tcp(wire.stream(), dialect);
    let relay = respond(&mut wire, permit, opened, |relay| relay.local_addr()).await.unwrap();
    relay.run(wire.stream(), wire.unread()).await
}

async fn destination() -> (UdpSocket, SocketAddr) {
    let socket = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    let address = socket.local_addr().unwrap();
    (socket, address)
}

async fn receive(socket: &UdpSocket) -> (Vec<u8>, SocketAddr) {
    let mut buffer = vec![0; 65_536];
    let (len, from) = timeout(TEST_TIMEOUT, socket.recv_from(&mut buffer)).await.expect("a datagram").unwrap();
    (buffer[..len].to_vec(), from)
}

fn is_hev_or_gost(kind: Kind) -> bool {
    matches!(kind, Kind::Hev | Kind::Gost)
}

#[tokio::test]
async fn relays_both_ways_in_each_dialect() {
    for kind in DIALECTS {
        let (socket, address) = destination().await;
        let mut fixture = Fixture::start(kind, &[]).await;
        fixture.client.write_all(&kind.prelude(address.into())).await.unwrap();
        for round in 0..3 {
            fixture.send(address.into(), &[round; 5]).await;
            let (data, from) = receive(&socket).await;
            assert_eq!(data, [round; 5], "{kind:?}");
            socket.send_to(b"answer", from).await.unwrap();
            let source = (kind != Kind::Uot2Connect).then(|| EndpointBuf::from(Endpoint::from(address)));
            assert_eq!(fixture.receive().await, (source, b"answer".to_vec()), "{kind:?}");
        }
        fixture.client.shutdown().await.unwrap();
        assert_eq!(fixture.ended().await.to_string(), "15 bytes up, 18 down", "{kind:?}");
    }
}

#[tokio::test]
async fn relays_frames_that_follow_the_request_at_once_or_byte_by_byte() {
    for kind in DIALECTS {
        let (socket, address) = destination().await;
        let to = Endpoint::from(address);
        let bytes =
            [kind.prelude(to), kind.frame(to, b"one"), kind.frame(to, b"two"), kind.frame(to, b"three")].concat();
        let early = bytes.len() - 2;
        let mut fixture = Fixture::start(kind, &bytes[..early]).await;
        assert_eq!(
            (receive(&socket).await.0, receive(&socket).await.0),
            (b"one".to_vec(), b"two".to_vec()),
            "{kind:?}"
        );
        fixture.client.write_all(&bytes[early..]).await.unwrap();
        assert_eq!(receive(&socket).await.0, b"three", "{kind:?}");

        let mut fixture = Fixture::start(kind, &[]).await;
        for byte in &bytes {
            fixture.client.write_all(&[*byte]).await.unwrap();
        }
        for data in ["one", "two", "three"] {
            assert_eq!(receive(&socket).await.0, data.as_bytes(), "{kind:?}");
        }
    }
}

#[tokio::test]
async fn relays_every_frame_of_a_long_write() {
    for kind in DIALECTS {
        let (socket, address) = destination().await;
        let frames = (0..150).map(|number| kind.frame(address.into(), &[number])).collect::<Vec<_>>().concat();
        let early = [kind.prelude(address.into()), frames].concat();
        let _fixture = Fixture::start(kind, &early).await;
        for number in 0..150 {
            assert_eq!(receive(&socket).await.0, [number], "{kind:?}");
        }
    }
}

#[tokio::test]
async fn a_name_is_looked_up_once_and_its_answers_come_back() {
    for kind in DIALECTS {
        let (socket, address) = destination().await;
        let name = EndpointBuf::from(Endpoint::try_from(("name.example", address.port())).unwrap());
        let mut fixture = Fixture::start(kind, &kind.prelude(name.as_endpoint())).await;
        for number in 0..40 {
            fixture.send(name.as_endpoint(), &[number]).await;
        }
        for number in 0..40 {
            let (data, from) = receive(&socket).await;
            assert_eq!(data, [number], "{kind:?}");
            socket.send_to(&data, from).await.unwrap();
            assert_eq!(fixture.receive().await.1, [number], "{kind:?}");
        }
        assert_eq!(fixture.resolver.asked.load(SeqCst), 1, "{kind:?}");
    }
}

#[tokio::test]
async fn a_datagram_that_cannot_be_sent_is_dropped_alone() {
    for kind in [Kind::Hev, Kind::Gost, Kind::Uot1, Kind::Uot2] {
        let (socket, address) = destination().await;
        let mut fixture = Fixture::start(kind, &kind.prelude(Endpoint::UNSPECIFIED)).await;
        for target in ["127.0.0.1:0", "255.255.255.255:9", "[fe80::1]:9", "unknown:9", "0.0.0.0:0"] {
            fixture.send(target.try_into().unwrap(), b"lost").await;
        }
        fixture.send((Domain::new("two words").unwrap(), 9).into(), b"lost").await;
        fixture.send(address.into(), &[0; 65_535]).await; // no datagram is as long
        fixture.send(address.into(), b"last").await;
        assert_eq!(receive(&socket).await.0, b"last", "{kind:?}");
    }
}

#[tokio::test]
async fn the_longest_datagram_is_relayed_both_ways() {
    for kind in DIALECTS {
        let (socket, address) = destination().await;
        let mut fixture = Fixture::start(kind, &kind.prelude(address.into())).await;
        let data = (0..65_507).map(|at| (at % 251) as u8).collect::<Vec<_>>();
        fixture.send(address.into(), &data).await;
        let (received, from) = receive(&socket).await;
        assert!(received == data, "{kind:?}");
        socket.send_to(&data, from).await.unwrap();
        assert!(fixture.receive().await.1 == data, "{kind:?}");
    }
}

#[tokio::test]
async fn relays_empty_datagrams_but_none_to_clients_of_hev_and_gost() {
    for kind in DIALECTS {
        let (socket, address) = destination().await;
        let mut fixture = Fixture::start(kind, &kind.prelude(address.into())).await;
        let empty = match kind {
            Kind::Hev => [&[0, 0, 10], Endpoint::from(address).to_vec().as_slice()].concat(),
            Kind::Gost => [&[0, 0, 0xFF], Endpoint::from(address).to_vec().as_slice()].concat(),
            Kind::Uot1 | Kind::Uot2 | Kind::Uot2Connect => kind.frame(address.into(), b""),
        };
        fixture.client.write_all(&empty).await.unwrap();
        let (data, from) = receive(&socket).await;
        assert_eq!(data, b"", "{kind:?}");
        socket.send_to(b"", from).await.unwrap();
        socket.send_to(b"last", from).await.unwrap();
        if !is_hev_or_gost(kind) {
            assert_eq!(fixture.receive().await.1, b"", "{kind:?}");
        }
        assert_eq!(fixture.receive().await.1, b"last", "{kind:?}");
    }
}

#[tokio::test]
async fn a_malformed_frame_ends_the_association() {
    for (kind, malformed, error) in [
        (Kind::Hev, b"\0\x01\x0A\x09".as_slice(), "address type 0x09 is unassigned"),
        (Kind::Hev, b"\0\x01\x0B\x01\x7F\0\0\x01\0\x09q", "header length 11 is not that of the header"),
        (Kind::Gost, b"\0\x01\xFF\x03\0\0\x09", "the domain name is empty"),
        (Kind::Uot1, b"\x03", "address type 0x03 is unassigned"),
        (Kind::Uot2, b"\0\x02", "address type 0x02 is unassigned"),
    ] {
        let mut fixture = Fixture::start(kind, &[]).await;
        fixture.client.write_all(malformed).await.unwrap();
        let reset = format!("0 bytes up, 0 down, client reset: {error}");
        assert_eq!(fixture.ended().await.to_string(), reset, "{kind:?}");
    }
}

#[tokio::test]
async fn datagrams_before_a_malformed_frame_are_sent() {
    let (socket, address) = destination().await;
    let bytes = [Kind::Hev.frame(address.into(), b"first"), vec![0, 1, 10, 0xEE]].concat();
    let fixture = Fixture::start(Kind::Hev, &bytes).await;
    assert_eq!(receive(&socket).await.0, b"first");
    assert_eq!(fixture.ended().await.reset.unwrap().1.kind(), io::ErrorKind::InvalidData);
}

#[tokio::test]
async fn a_client_with_one_destination_gets_the_answers_of_that_alone() {
    let (socket, address) = destination().await;
    let (other, _) = destination().await;
    let mut fixture = Fixture::start(Kind::Uot2Connect, &Kind::Uot2Connect.prelude(address.into())).await;
    fixture.send(address.into(), b"query").await;
    let (_, relay) = receive(&socket).await;
    other.send_to(b"other", relay).await.unwrap();
    socket.send_to(b"answer", relay).await.unwrap();
    assert_eq!(fixture.receive().await.1, b"answer");
}

#[tokio::test]
async fn a_client_that_does_not_read_still_sends_and_later_receives_whole_frames() {
    for kind in DIALECTS {
        let (socket, address) = destination().await;
        let mut fixture = Fixture::start(kind, &kind.prelude(address.into())).await;
        fixture.send(address.into(), b"query").await;
        let (_, relay) = receive(&socket).await;
        for number in 0..300_u32 {
            let answer = [number.to_be_bytes().as_slice(), &[0; 60_000]].concat();
            socket.send_to(&answer, relay).await.unwrap();
            fixture.send(address.into(), b"query").await;
            assert_eq!(receive(&socket).await.0, b"query", "{kind:?}: the other direction goes on");
        }
        let mut number_of = async || {
            let (_, data) = fixture.receive().await;
            assert_eq!(data.len(), 60_004, "{kind:?}");
            u32::from_be_bytes(*data.first_chunk().unwrap())
        };
        let mut numbers = vec![number_of().await];
        while numbers.last() != Some(&u32::MAX) {
            socket.send_to(&[&[0xFF; 4], [0; 60_000].as_slice()].concat(), relay).await.unwrap();
            numbers.push(number_of().await);
        }
        assert_eq!(numbers[0], 0, "{kind:?}");
        assert!(numbers.is_sorted(), "{kind:?}: in order");
        assert!(numbers.len() < 50, "{kind:?}: most of what the client did not read is dropped, not {numbers:?}");
    }
}

#[tokio::test]
async fn names_of_udp_over_tcp_are_never_resolved() {
    let resolver = Loopback::default();
    let lookups = Lookups::new(resolver.clone(), Limit::new(8, 8), TEST_TIMEOUT);
    for version in [UotVersion::V1, UotVersion::V2] {
        let found = lookups.addresses(Ipv4Addr::LOCALHOST.into(), version.destination()).await;
        assert_eq!(found.unwrap_err().kind(), io::ErrorKind::HostUnreachable);
    }
    assert_eq!(resolver.asked.load(SeqCst), 0);
}

#[tokio::test]
async fn the_relays_of_a_server_cannot_feed_each_other_and_share_a_limit() {
    let resolver = Loopback::default();
    let relays = Relays::new(Lookups::new(resolver, Limit::new(8, 8), TEST_TIMEOUT), Limit::new(2, 2), false);
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let mut client = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
    let (control, _) = listener.accept().await.unwrap();
    let other = relays.open(&control, Endpoint::UNSPECIFIED).unwrap();
    let relay = relays.open_in_tcp(&control, Dialect::Hev).unwrap();
    assert_eq!(relays.open_in_tcp(&control, Dialect::Hev).unwrap_err().kind(), io::ErrorKind::ResourceBusy);

    let (socket, address) = destination().await;
    for own in [relay.local_addr().unwrap(), other.local_addr().unwrap()] {
        client.write_all(&Kind::Hev.frame(own.into(), b"circle")).await.unwrap();
    }
    client.write_all(&Kind::Hev.frame(address.into(), b"last")).await.unwrap();
    let running = tokio::spawn(async move { relay.run(&control, &[]).await });
    assert_eq!(receive(&socket).await.0, b"last");
    drop(client);
    assert_eq!(running.await.unwrap().to_string(), "4 bytes up, 0 down");
}

#[tokio::test]
async fn a_dialect_is_known_by_command_and_name() {
    let any = "0.0.0.0:0";
    for (command, destination, expected) in [
        (Command::CONNECT, "sp.udp-over-tcp.arpa:0", Some(Dialect::Uot(UotVersion::V1))),
        (Command::CONNECT, "sp.v2.udp-over-tcp.arpa:0", Some(Dialect::Uot(UotVersion::V2))),
        (Command::CONNECT, any, None),
        (Command::BIND, "sp.v2.udp-over-tcp.arpa:0", None),
        (Command(5), "[::]:0", Some(Dialect::Hev)),
        (Command(0xF3), any, Some(Dialect::Gost)),
        (Command(0xF3), "0.0.0.0:4660", None),
        (Command(0xF2), any, None),
    ] {
        let destination = Endpoint::try_from(destination).unwrap();
        let input = [[5, 1, 0].as_slice(), &Request { command, destination }.to_vec()].concat();
        assert_eq!(dialect_of(&input).await, expected, "{command} {destination}");
    }
    assert_eq!(dialect_of(b"\x04\x05\0\0\x7F\0\0\x01\0").await, None); // in SOCKS4, 05 is another command
}

async fn dialect_of(input: &[u8]) -> Option<Dialect> {
    let (mut client, server) = tokio::io::duplex(1024);
    client.write_all(input).await.unwrap();
    let mut wire = Wire::server(server);
    let ((), destination, asked) = accept_either(&mut wire, &Anyone, TEST_TIMEOUT).await.unwrap();
    Dialect::of(asked, destination).ok().map(|(dialect, _)| dialect)
}
