//! Faults that only splicing can have.

use rustix::fs::{OFlags, fcntl_getfl, fcntl_setfl};
use socket2::SockRef;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::task::{JoinHandle, yield_now};
use tokio::time::timeout;

use super::bulk::data;
use super::{Fixture, Side, TEST_TIMEOUT, finished, pair, read_to_end, reset};
use crate::relay::pipes::Pool;
use crate::relay::{PIPE_LEN, relay_with};

/// More than all buffers of a [`stalled`] relay hold.
const LEN: usize = 8_000_000;
const SOCKET_BUFFER_LEN: usize = 256 * 1024;

/// A pool for one test.
fn pool(limit: usize) -> &'static Pool {
    Box::leak(Box::new(Pool::new(limit, PIPE_LEN, 0)))
}

async fn eventually(what: &str, condition: impl Fn() -> bool) {
    let waiting = async {
        while !condition() {
            yield_now().await;
        }
    };
    timeout(TEST_TIMEOUT, waiting).await.unwrap_or_else(|_| panic!("{what}: not within {TEST_TIMEOUT:?}"));
}

/// Sends until the other side is reset, or all is sent.
fn flood(mut stream: TcpStream, data: Vec<u8>) -> JoinHandle<(TcpStream, std::io::Result<()>)> {
    tokio::spawn(async move {
        let outcome = stream.write_all(&data).await;
        (stream, outcome)
    })
}

/// A relay whose target sends more than all buffers hold, and whose client does not read: its pipe has bytes.
async fn stalled(pool: &'static Pool) -> (TcpStream, JoinHandle<(TcpStream, std::io::Result<()>)>, Relay) {
    let ((client, from_client), (target, to_target)) = (pair().await, pair().await);
    for stream in [&client, &from_client, &target, &to_target] {
        SockRef::from(stream).set_recv_buffer_size(SOCKET_BUFFER_LEN).unwrap();
        SockRef::from(stream).set_send_buffer_size(SOCKET_BUFFER_LEN).unwrap();
    }
    target.set_zero_linger().unwrap();
    let relay = tokio::spawn(relay_with(pool, from_client, to_target, Vec::new()));
    let flooding = flood(target, data(LEN, 1));
    eventually("a pipe has bytes", || pool.counts().0 == 1).await;
    (client, flooding, relay)
}

type Relay = JoinHandle<crate::relay::Relayed>;

#[tokio::test]
async fn an_idle_relay_has_no_pipe() {
    let pool = pool(4);
    let Fixture { mut client, target, relay } = Fixture::start(pool, b"").await;
    let flooding = flood(target, data(LEN, 1));
    let mut received = vec![0; LEN];
    timeout(TEST_TIMEOUT, client.read_exact(&mut received)).await.unwrap().unwrap();
    assert!(received == data(LEN, 1));
    assert_eq!(pool.counts(), (0, 1), "it was spliced");
    drop((client, flooding.await.unwrap()));
    finished(relay).await;
}

#[tokio::test]
async fn a_relay_without_a_pipe_copies() {
    let pool = pool(1);
    let (mut client, flooding, relay) = stalled(pool).await;
    let second = Fixture::start(pool, b"").await;
    let (mut other_client, other_flooding) = (second.client, flood(second.target, data(LEN, 2)));
    let mut received = vec![0; LEN];
    timeout(TEST_TIMEOUT, other_client.read_exact(&mut received)).await.unwrap().unwrap();
    assert!(received == data(LEN, 2));
    assert_eq!(pool.counts(), (1, 0), "the only pipe is that of the first relay");
    timeout(TEST_TIMEOUT, client.read_exact(&mut received)).await.unwrap().unwrap();
    assert!(received == data(LEN, 1));
    assert_eq!(pool.counts(), (0, 1));
    drop((client, other_client, flooding.await.unwrap(), other_flooding.await.unwrap()));
    assert_eq!((finished(relay).await.down, finished(second.relay).await.down), (LEN as u64, LEN as u64));
}

#[tokio::test]
async fn a_dropped_relay_closes_its_pipe() {
    let pool = pool(1);
    let (mut client, flooding, relay) = stalled(pool).await;
    relay.abort();
    assert!(relay.await.unwrap_err().is_cancelled());
    assert_eq!(pool.counts(), (0, 0));
    assert!(read_to_end(&mut client).await.1.is_some(), "a reset");
    assert!(timeout(TEST_TIMEOUT, flooding).await.unwrap().unwrap().1.is_err());

    let Fixture { mut client, target, relay } = Fixture::start(pool, b"").await;
    let flooding = flood(target, data(LEN, 3));
    let mut received = vec![0; LEN];
    timeout(TEST_TIMEOUT, client.read_exact(&mut received)).await.unwrap().unwrap();
    assert!(received == data(LEN, 3), "nothing of the other relay");
    drop((client, flooding.await.unwrap()));
    finished(relay).await;
}

#[tokio::test]
async fn notices_a_receiver_that_stops_and_resets() {
    let pool = pool(1);
    let (client, flooding, relay) = stalled(pool).await;
    reset(client);
    assert_eq!(finished(relay).await.reset.unwrap().0, Side::Client);
    assert!(timeout(TEST_TIMEOUT, flooding).await.unwrap().unwrap().1.is_err());
    assert_eq!(pool.counts(), (0, 0));
}

#[tokio::test]
async fn delivers_what_is_in_the_pipe_after_a_reset_of_the_sender() {
    let pool = pool(1);
    let (mut client, flooding, relay) = stalled(pool).await;
    flooding.abort(); // drops the target's stream, which resets it: the kernel discards what it has not sent
    assert!(flooding.await.is_err());
    let (received, error) = read_to_end(&mut client).await;
    let relayed = finished(relay).await;
    assert!(received == data(LEN, 1)[..received.len()]);
    assert_eq!((received.len() as u64, error.is_some()), (relayed.down, relayed.reset.is_some()));
}

#[tokio::test]
async fn passes_a_half_close_on_after_what_is_in_the_pipe() {
    let pool = pool(1);
    let (mut client, flooding, relay) = stalled(pool).await;
    let ending = tokio::spawn(async move {
        let (mut target, sent) = flooding.await.unwrap();
        sent.unwrap();
        target.shutdown().await.unwrap();
        target
    });
    let (received, error) = read_to_end(&mut client).await;
    assert!(received == data(LEN, 1) && error.is_none());
    let mut target = timeout(TEST_TIMEOUT, ending).await.unwrap().unwrap();
    client.write_all(b"up").await.unwrap();
    drop(client);
    assert_eq!(read_to_end(&mut target).await, (b"up".to_vec(), None));
    let relayed = finished(relay).await;
    assert!(relayed.reset.is_none(), "{relayed:?}");
    assert_eq!((relayed.up, relayed.down, pool.counts()), (2, LEN as u64, (0, 1)));
}

/// The kernel refuses to splice to a descriptor with `O_APPEND`, which makes no difference for writing to a socket.
#[tokio::test]
async fn copies_what_is_in_the_pipe_if_the_kernel_refuses_to_splice() {
    let pool = pool(1);
    let ((mut client, from_client), (target, to_target)) = (pair().await, pair().await);
    fcntl_setfl(&from_client, fcntl_getfl(&from_client).unwrap() | OFlags::APPEND).unwrap();
    let relay = tokio::spawn(relay_with(pool, from_client, to_target, Vec::new()));
    let flooding = flood(target, data(LEN, 1));
    let mut received = vec![0; LEN];
    timeout(TEST_TIMEOUT, client.read_exact(&mut received)).await.unwrap().unwrap();
    assert!(received == data(LEN, 1));
    drop((client, flooding.await.unwrap()));
    assert_eq!(finished(relay).await.down, LEN as u64);
    assert_eq!(pool.counts().0, 0);
}
