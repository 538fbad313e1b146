//! Large transfers.

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::task::{JoinHandle, yield_now};
use tokio::time::timeout;

use super::{ALTERNATES, COPIES, Fixture, PIPES, REFUSED, SPLICES, TEST_TIMEOUT, finished, with_each_pool};
use crate::relay::pipes::Pool;

with_each_pool! {
    relays_bulk_both_ways_at_once
    passes_a_half_close_on_after_all_data
    sends_early_data_before_bulk
    relays_what_surrounds_urgent_data
}

/// Pseudorandom bytes, which differ with the seed and do not repeat with the length of any buffer.
pub(super) fn data(len: usize, seed: u64) -> Vec<u8> {
    let mut state = seed;
    let mut next = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 56) as u8
    };
    (0..len).map(|_| next()).collect()
}

/// Sends in pieces of many sizes, and then half-closes.
fn sender<W: AsyncWrite + Unpin + Send + 'static>(mut stream: W, data: Vec<u8>) -> JoinHandle<W> {
    tokio::spawn(async move {
        let mut rest = data.as_slice();
        for len in [1, 700, 65_536, 4096, 300_000, 17].into_iter().cycle() {
            let (piece, after) = rest.split_at(len.min(rest.len()));
            stream.write_all(piece).await.unwrap();
            rest = after;
            if rest.is_empty() {
                break;
            }
            yield_now().await;
        }
        stream.shutdown().await.unwrap();
        stream
    })
}

/// Receives in pieces of many sizes.
fn receiver<R: AsyncRead + Unpin + Send + 'static>(mut stream: R) -> JoinHandle<(R, Vec<u8>)> {
    tokio::spawn(async move {
        let mut received = Vec::new();
        let mut buffer = vec![0; 400_000];
        for len in [3, 1000, 65_536, 400_000].into_iter().cycle() {
            match stream.read(&mut buffer[..len]).await.unwrap() {
                0 => break,
                read => received.extend_from_slice(&buffer[..read]),
            }
            yield_now().await;
        }
        (stream, received)
    })
}

async fn done<T>(task: JoinHandle<T>) -> T {
    timeout(TEST_TIMEOUT, task).await.expect("the task ends").unwrap()
}

async fn relays_bulk_both_ways_at_once(pool: &'static Pool) {
    let (up, down) = (data(9_000_000, 1), data(7_000_000, 2));
    let Fixture { client, target, relay } = Fixture::start(pool, b"").await;
    let ((from_client, to_client), (from_target, to_target)) = (client.into_split(), target.into_split());
    let senders = (sender(to_client, up.clone()), sender(to_target, down.clone()));
    let receivers = (receiver(from_client), receiver(from_target));
    let _open = (done(senders.0).await, done(senders.1).await);
    let (received_down, received_up) = (done(receivers.0).await.1, done(receivers.1).await.1);
    assert!(received_up == up && received_down == down);
    let relayed = finished(relay).await;
    assert!(relayed.reset.is_none(), "{relayed:?}");
    assert_eq!((relayed.up, relayed.down), (9_000_000, 7_000_000));
}

async fn passes_a_half_close_on_after_all_data(pool: &'static Pool) {
    let up = data(6_000_000, 3);
    let Fixture { client, target, relay } = Fixture::start(pool, b"").await;
    let client = done(sender(client, up.clone())).await;
    let (mut target, received) = done(receiver(target)).await;
    assert!(received == up);
    target.write_all(b"answer").await.unwrap();
    drop(target);
    assert_eq!(done(receiver(client)).await.1, b"answer");
    let relayed = finished(relay).await;
    assert!(relayed.reset.is_none(), "{relayed:?}");
    assert_eq!((relayed.up, relayed.down), (6_000_000, 6));
}

async fn sends_early_data_before_bulk(pool: &'static Pool) {
    let (early, up) = (data(300_000, 4), data(3_000_000, 5));
    let Fixture { client, target, relay } = Fixture::start(pool, &early).await;
    let sending = sender(client, up.clone());
    let (target, received) = done(receiver(target)).await;
    assert!(received == [early, up].concat());
    drop((target, done(sending).await));
    assert_eq!(finished(relay).await.up, 3_300_000);
}

/// Urgent data itself is lost, as in any relay that does not ask for it.
async fn relays_what_surrounds_urgent_data(pool: &'static Pool) {
    let (before, after) = (data(200_000, 6), data(200_000, 7));
    let Fixture { mut client, target, relay } = Fixture::start(pool, b"").await;
    let receiving = receiver(target);
    client.write_all(&before).await.unwrap();
    client.writable().await.unwrap();
    assert_eq!(socket2::SockRef::from(&client).send_out_of_band(b"!").unwrap(), 1);
    client.write_all(&after).await.unwrap();
    client.shutdown().await.unwrap();
    let (target, received) = done(receiving).await;
    assert!(received == [before, after].concat());
    drop((client, target));
    finished(relay).await;
}
