//! The relay, with faults injected on either side.

mod bulk;
#[cfg(all(feature = "splice", target_os = "linux"))]
mod spliced;

use std::future::poll_fn;
use std::io::ErrorKind;
use std::pin::pin;
use std::task::Poll;
use std::time::Duration;

use socket2::SockRef;
use tokio::io::{AsyncReadExt, AsyncWriteExt, duplex};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;
use tokio::time::timeout;

use super::pipes::Pool;
use super::{PIPE_LEN, PIPES, Relayed, Side, copy, ended, hang_up, relay_with};

/// A failed test ends after this time.
const TEST_TIMEOUT: Duration = Duration::from_secs(30);

async fn pair() -> (TcpStream, TcpStream) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let near = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
    (near, listener.accept().await.unwrap().0)
}

struct Fixture {
    client: TcpStream,
    target: TcpStream,
    relay: JoinHandle<Relayed>,
}

impl Fixture {
    async fn start(pool: &'static Pool, early: &[u8]) -> Self {
        let ((client, from_client), (target, to_target)) = (pair().await, pair().await);
        Self { client, target, relay: tokio::spawn(relay_with(pool, from_client, to_target, early.to_vec())) }
    }
}

async fn finished(relay: JoinHandle<Relayed>) -> Relayed {
    timeout(TEST_TIMEOUT, relay).await.expect("the relay ends").unwrap()
}

fn reset(stream: TcpStream) {
    stream.set_zero_linger().unwrap();
    drop(stream);
}

async fn read_to_end(stream: &mut TcpStream) -> (Vec<u8>, Option<ErrorKind>) {
    let mut data = Vec::new();
    let outcome = timeout(TEST_TIMEOUT, stream.read_to_end(&mut data)).await.expect("the stream ends");
    (data, outcome.err().map(|error| error.kind()))
}

/// The streams of a fixture: the one to break, and the other.
fn by_side(fixture: Fixture, broken: Side) -> (TcpStream, TcpStream, JoinHandle<Relayed>) {
    match broken {
        Side::Client => (fixture.client, fixture.target, fixture.relay),
        Side::Target => (fixture.target, fixture.client, fixture.relay),
    }
}

const SIDES: [Side; 2] = [Side::Client, Side::Target];

static COPIES: Pool = Pool::new(0, PIPE_LEN, 0);
static SPLICES: Pool = Pool::new(256, PIPE_LEN, 0);
/// Pipes hold one page, and are used after 1000 bytes at once.
static ALTERNATES: Pool = Pool::new(256, 4096, 1000);
/// The system has no pipes of this size.
static REFUSED: Pool = Pool::new(256, usize::MAX, 0);

/// Runs each test with each pool. Without the feature `splice`, all of them copy.
macro_rules! with_each_pool {
    ($($test:ident)*) => {
        with_each_pool! { copies: COPIES $($test)* }
        with_each_pool! { splices: SPLICES $($test)* }
        with_each_pool! { alternates: ALTERNATES $($test)* }
        with_each_pool! { copies_what_is_refused: REFUSED $($test)* }
        with_each_pool! { as_in_production: PIPES $($test)* }
    };
    ($name:ident: $pool:ident $($test:ident)*) => {
        mod $name {
            $(#[tokio::test]
            async fn $test() {
                super::$test(&super::$pool).await;
            })*
        }
    };
}
use with_each_pool;

with_each_pool! {
    relays_both_ways_and_passes_each_half_close_on
    passes_a_reset_of_either_side_on_at_once
    notices_a_reset_after_a_half_close
    notices_a_reset_of_the_other_side_after_a_half_close
    delivers_the_answer_of_a_target_that_closes_with_the_upload_unread
    delivers_the_answer_while_the_upload_fails
    resets_a_receiver_that_does_not_read
    relays_more_than_any_buffer_to_a_slow_reader
}

async fn relays_both_ways_and_passes_each_half_close_on(pool: &'static Pool) {
    let mut fixture = Fixture::start(pool, b"early ").await;
    fixture.client.write_all(b"up").await.unwrap();
    fixture.client.shutdown().await.unwrap();
    assert_eq!(read_to_end(&mut fixture.target).await, (b"early up".to_vec(), None));
    fixture.target.write_all(b"down").await.unwrap();
    fixture.target.shutdown().await.unwrap();
    assert_eq!(read_to_end(&mut fixture.client).await, (b"down".to_vec(), None));
    let relayed = finished(fixture.relay).await;
    assert!(relayed.reset.is_none(), "{relayed:?}");
    assert_eq!((relayed.up, relayed.down), (8, 4));
}

async fn passes_a_reset_of_either_side_on_at_once(pool: &'static Pool) {
    for side in SIDES {
        let (broken, mut other, relay) = by_side(Fixture::start(pool, b"").await, side);
        reset(broken);
        assert_eq!(read_to_end(&mut other).await, (vec![], Some(ErrorKind::ConnectionReset)), "{side:?}");
        assert_eq!(finished(relay).await.reset.unwrap().0, side);
    }
}

async fn notices_a_reset_after_a_half_close(pool: &'static Pool) {
    for side in SIDES {
        let (mut broken, mut other, relay) = by_side(Fixture::start(pool, b"").await, side);
        broken.shutdown().await.unwrap();
        assert_eq!(other.read(&mut [0]).await.unwrap(), 0, "the half-close is passed on");
        reset(broken);
        let relayed = finished(relay).await;
        assert_eq!(relayed.reset.unwrap().0, side);
        drop(other);
    }
}

async fn notices_a_reset_of_the_other_side_after_a_half_close(pool: &'static Pool) {
    for side in SIDES {
        let (mut ended, mut broken, relay) = by_side(Fixture::start(pool, b"").await, side);
        ended.shutdown().await.unwrap();
        assert_eq!(broken.read(&mut [0]).await.unwrap(), 0);
        reset(broken);
        assert_eq!(read_to_end(&mut ended).await, (vec![], Some(ErrorKind::ConnectionReset)), "{side:?}");
        assert_eq!(finished(relay).await.reset.unwrap().0, side.other());
    }
}

async fn delivers_the_answer_of_a_target_that_closes_with_the_upload_unread(pool: &'static Pool) {
    let Fixture { mut client, mut target, relay } = Fixture::start(pool, b"").await;
    client.write_all(&[b'u'; 100_000]).await.unwrap();
    target.read_exact(&mut [0; 4096]).await.unwrap();
    target.write_all(&[b'a'; 60_000]).await.unwrap();
    drop(target); // with unread data: the kernel resets the connection
    let (answer, error) = read_to_end(&mut client).await;
    assert_eq!((answer.len(), error), (60_000, Some(ErrorKind::ConnectionReset)), "complete, and then a reset");
    let relayed = finished(relay).await;
    assert_eq!((relayed.reset.unwrap().0, relayed.down), (Side::Target, 60_000));
}

async fn delivers_the_answer_while_the_upload_fails(pool: &'static Pool) {
    let Fixture { client, mut target, relay } = Fixture::start(pool, b"").await;
    let (mut from_relay, mut to_relay) = client.into_split();
    let upload = tokio::spawn(async move {
        loop {
            if let Err(error) = to_relay.write_all(&[b'u'; 4096]).await {
                return error.kind();
            }
        }
    });
    target.read_exact(&mut [0; 4096]).await.unwrap();
    target.write_all(&[b'a'; 60_000]).await.unwrap();
    drop(target);
    let mut answer = Vec::new();
    let _ = timeout(TEST_TIMEOUT, from_relay.read_to_end(&mut answer)).await.unwrap(); // the upload may have had the error
    assert_eq!(answer.len(), 60_000);
    assert!(matches!(
        timeout(TEST_TIMEOUT, upload).await.unwrap().unwrap(),
        ErrorKind::ConnectionReset | ErrorKind::BrokenPipe
    ));
    assert_eq!(finished(relay).await.reset.unwrap().0, Side::Target);
}

async fn resets_a_receiver_that_does_not_read(pool: &'static Pool) {
    let Fixture { client, mut target, relay } = Fixture::start(pool, b"").await;
    SockRef::from(&client).set_recv_buffer_size(4096).unwrap();
    while matches!(timeout(Duration::from_millis(200), target.write_all(&[0; 65_536])).await, Ok(Ok(()))) {}
    reset(target);
    assert!(matches!(finished(relay).await.reset, Some((Side::Target, _))));
    drop(client);
}

async fn relays_more_than_any_buffer_to_a_slow_reader(pool: &'static Pool) {
    const LEN: usize = 8_000_000;
    let Fixture { mut client, mut target, relay } = Fixture::start(pool, b"").await;
    let sender = tokio::spawn(async move {
        let data: Vec<u8> = (0..LEN).map(|at| (at % 251) as u8).collect();
        target.write_all(&data).await.unwrap();
        target.shutdown().await.unwrap();
        target
    });
    let mut received = 0;
    let mut buffer = [0; 10_000];
    while let len @ 1.. = client.read(&mut buffer).await.unwrap() {
        assert!(buffer[..len].iter().zip(received..).all(|(byte, at)| *byte == (at % 251) as u8));
        received += len;
        tokio::task::yield_now().await;
    }
    drop((client, sender.await.unwrap()));
    assert_eq!((received, finished(relay).await.down), (LEN, LEN as u64));
}

#[tokio::test]
async fn hangs_up_so_that_the_refusal_arrives() {
    let (mut client, mut server) = pair().await;
    client.write_all(&[0; 100_000]).await.unwrap();
    server.write_all(b"refused").await.unwrap();
    let hanging_up = tokio::spawn(hang_up(server));
    assert_eq!(read_to_end(&mut client).await, (b"refused".to_vec(), None));
    drop(client);
    timeout(TEST_TIMEOUT, hanging_up).await.unwrap().unwrap();
}

#[tokio::test]
async fn yields_to_other_futures_while_discarding_data() {
    let (mut client, server) = pair().await;
    SockRef::from(&server).set_recv_buffer_size(1_000_000).unwrap();
    client.write_all(&[0; 400_000]).await.unwrap();
    while server.peek(&mut [0; 400_000]).await.unwrap() < 300_000 {}
    let mut ending = pin!(ended(&server));
    assert!(poll_fn(|cx| Poll::Ready(ending.as_mut().poll(cx))).await.is_pending());
    assert!(server.try_read(&mut [0]).is_ok(), "nothing is left");
}

#[tokio::test]
async fn copies_between_any_streams() {
    let ((mut client, mut from_client), (mut target, mut to_target)) = (duplex(16), duplex(16));
    let copying = tokio::spawn(async move { copy(&mut from_client, &mut to_target, b"early ").await });
    client.write_all(b"up").await.unwrap();
    client.shutdown().await.unwrap();
    let mut up = Vec::new();
    target.read_to_end(&mut up).await.unwrap();
    target.write_all(b"down").await.unwrap();
    drop(target);
    let mut down = String::new();
    client.read_to_string(&mut down).await.unwrap();
    assert_eq!((up.as_slice(), down.as_str()), (b"early up".as_slice(), "down"));
    assert_eq!(copying.await.unwrap().unwrap(), (8, 4));
}
