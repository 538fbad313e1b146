//! Futures that are dropped: no byte is lost, and none is sent twice.

use tokio_socks5_sansio::Wire;
use tokio_socks5_sansio::socks5_sansio::server::{Asked, ReceiveOffer};
use tokio_socks5_sansio::socks5_sansio::{Encode, Method, MethodSelection, UserPassStatus};

use crate::stutter::{Stutter, drop_at_every_await, finish, poll_at_most};
use crate::{CREDENTIALS, OFFER, REPLY, REQUEST, alice};

const SELECTION: MethodSelection = MethodSelection { method: Method::USERNAME_PASSWORD };

/// A server's handshake in which a future is dropped at each await point.
#[test]
fn a_handshake_goes_on_after_every_drop() {
    let input = [OFFER, CREDENTIALS, REQUEST, b"early"].concat();
    let mut wire = Wire::server(Stutter::new(&input));

    let state = ReceiveOffer::new();
    drop_at_every_await(async || wire.ready(&state).await).unwrap();
    let (_, permit) = finish(wire.receive(state)).unwrap();
    let (selection, state) = permit.user_pass().unwrap();
    poll_at_most(1, wire.send(&selection));

    drop_at_every_await(async || wire.ready(&state).await).unwrap();
    let (given, permit) = finish(wire.receive(state)).unwrap();
    assert!(given.verify(&alice()));
    let (status, state) = permit.accept();
    poll_at_most(1, wire.send(&status));

    drop_at_every_await(async || wire.ready(&state).await).unwrap();
    let (destination, asked) = finish(wire.receive(state)).unwrap();
    assert_eq!(destination.to_string(), "example.com:443");
    let Asked::Connect(permit) = asked else { panic!("another command") };
    poll_at_most(1, wire.send(&permit.succeed("192.0.2.7:4660".try_into().unwrap())));
    drop_at_every_await(async || wire.flush().await).unwrap();

    assert_eq!(wire.stream().output(), [&[5, 2, 1, 0], REPLY].concat());
    let (stream, inbox) = wire.into_parts();
    assert_eq!([inbox.unread(), &stream.input()].concat(), b"early");
}

#[test]
fn receive_keeps_the_bytes_that_arrived() {
    let mut wire = Wire::client(Stutter::new(OFFER));
    let methods = drop_at_every_await(async || {
        let (offer, _permit) = wire.receive(ReceiveOffer::new()).await.unwrap();
        offer.methods().count()
    });
    assert_eq!(methods, 2);
}

#[test]
fn receive_with_keeps_the_bytes_that_arrived() {
    let mut wire = Wire::client(Stutter::new(b"abcd"));
    let message = drop_at_every_await(async || {
        wire.receive_with(|unread| Ok::<_, std::io::Error>((unread.len() == 3).then(|| (unread.to_vec(), 3)))).await
    });
    assert_eq!(message.unwrap(), b"abc");
    assert_eq!(wire.stream().input(), b"d");
}

/// Sends a message and drops the future after each number of polls; `go_on` is the caller's next call.
fn drop_a_send(mut go_on: impl FnMut(&mut Wire<Stutter>), expected: &[u8]) {
    for polls in 0.. {
        let mut wire = Wire::client(Stutter::new(&[5, 1, 0]));
        let sent = poll_at_most(polls, wire.send(&SELECTION));
        go_on(&mut wire);
        assert_eq!(wire.stream().output(), expected, "after {polls} polls");
        if sent.is_some() {
            assert_eq!(polls, 4, "two bytes and a flush have an await point each");
            return;
        }
    }
}

#[test]
fn the_next_send_continues_a_send_that_was_dropped() {
    let both = (SELECTION, UserPassStatus::SUCCESS).to_vec();
    drop_a_send(|wire| finish(wire.send(&UserPassStatus::SUCCESS)).unwrap(), &both);
}

#[test]
fn flush_continues_a_send_that_was_dropped() {
    drop_a_send(|wire| finish(wire.flush()).unwrap(), &SELECTION.to_vec());
    drop_a_send(|wire| drop_at_every_await(async || wire.flush().await).unwrap(), &SELECTION.to_vec());
}

#[test]
fn receiving_continues_a_send_that_was_dropped() {
    let selection = SELECTION.to_vec();
    drop_a_send(|wire| drop(finish(wire.receive(ReceiveOffer::new())).unwrap()), &selection);
    drop_a_send(|wire| finish(wire.ready(&ReceiveOffer::new())).unwrap(), &selection);
    let parse = |unread: &[u8]| Ok::<_, std::io::Error>(unread.first().map(|_| ((), 1)));
    drop_a_send(|wire| finish(wire.receive_with(parse)).unwrap(), &selection);
}

#[test]
fn a_closing_reply_whose_future_was_dropped_can_be_flushed() {
    for polls in 1.. {
        let mut wire = Wire::client(Stutter::new(&[5, 1, 2, 9]));
        let (_, permit) = finish(wire.receive(ReceiveOffer::new())).unwrap();
        let (_, state) = permit.user_pass().unwrap();
        finish(wire.ready(&state)).unwrap();
        let received = poll_at_most(polls, wire.receive(state)).is_some();
        finish(wire.flush()).unwrap();
        assert_eq!(wire.stream().output(), [1, 1], "after {polls} polls");
        if received {
            return;
        }
    }
}
