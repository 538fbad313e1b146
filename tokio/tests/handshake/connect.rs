//! `connect`: destinations, refusals, and the stream afterwards.

use std::io::{self, ErrorKind};
use std::net::SocketAddr;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt, duplex};
use tokio::time::Sleep;
use tokio_socks5_sansio::socks5_sansio::{
    Endpoint, EndpointBuf, Invalid, Method, ParseEndpointError, ReplyCode, UserPass, UserPassStatus, client,
};
use tokio_socks5_sansio::{ConnectError, Wire, authenticate, connect};

use crate::stutter::Stutter;
use crate::{CREDENTIALS, NO_TIMEOUT, OFFER, REPLY, REQUEST, alice};

/// Runs `connect` with this input. Returns what was sent, the outcome, and what is left in the stream.
async fn outcome(
    input: &[u8],
    credentials: Option<UserPass<'_>>,
) -> (Vec<u8>, Result<EndpointBuf, ConnectError>, Vec<u8>) {
    let mut stream = Stutter::new(input);
    let outcome = connect(&mut stream, "example.com:443", credentials, NO_TIMEOUT).await;
    (stream.output().to_vec(), outcome, stream.input())
}

#[tokio::test]
async fn connects_with_credentials_and_leaves_the_data_in_the_stream() {
    let input = [&[5, 2, 1, 0], REPLY, b"data"].concat();
    let (output, bound, rest) = outcome(&input, Some(alice())).await;
    assert_eq!(output, [OFFER, CREDENTIALS, REQUEST].concat());
    assert_eq!(bound.unwrap().to_string(), "192.0.2.7:4660");
    assert_eq!(rest, b"data");
}

#[tokio::test]
async fn connects_without_credentials() {
    let input = [&[5, 0], REPLY].concat();
    for (credentials, offer) in [(None, [5, 1, 0].as_slice()), (Some(alice()), OFFER)] {
        let (output, bound, _) = outcome(&input, credentials).await;
        assert_eq!(output, [offer, REQUEST].concat());
        assert!(bound.is_ok());
    }
}

#[tokio::test]
async fn destinations_are_text_pairs_and_addresses() {
    let addr = SocketAddr::from(([192, 0, 2, 1], 80));
    let owned: EndpointBuf = "192.0.2.1:80".parse().unwrap();
    let expected = b"\x05\x01\x00\x05\x01\x00\x01\xC0\x00\x02\x01\x00\x50";
    macro_rules! assert_sent {
        ($($to:expr),*) => {$(
            let mut stream = Stutter::new(&[&[5, 0], REPLY].concat());
            connect(&mut stream, $to, None, NO_TIMEOUT).await.unwrap();
            assert_eq!(stream.output(), expected);
        )*};
    }
    assert_sent!("192.0.2.1:80", ("192.0.2.1", 80), addr, Endpoint::from(addr), &owned);
}

#[tokio::test]
async fn a_malformed_destination_is_an_error_before_anything_is_sent() {
    let mut stream = Stutter::new(&[&[5, 0], REPLY].concat());
    let outcome = connect(&mut stream, "example.com", None, NO_TIMEOUT).await;
    assert!(matches!(outcome, Err(ConnectError::Destination(ParseEndpointError::Port))));
    assert_eq!(stream.output(), b"");
}

#[tokio::test]
async fn refusals_of_the_proxy_are_typed() {
    use client::Error::{Closed, Invalid as Malformed, NoAcceptableMethods, NotOffered, Refused, Rejected, Truncated};
    for (input, error, kind) in [
        ([5, 0xFF].as_slice(), NoAcceptableMethods, ErrorKind::PermissionDenied),
        (&[5, 1], NotOffered(Method::GSSAPI), ErrorKind::InvalidData),
        (&[5, 2, 1, 1], Rejected(UserPassStatus::FAILURE), ErrorKind::PermissionDenied),
        (&[5, 0, 5, 5], Refused(ReplyCode::CONNECTION_REFUSED), ErrorKind::ConnectionRefused),
        (&[4, 0], Malformed(Invalid::Version(4)), ErrorKind::InvalidData),
        (&[5, 0], Closed, ErrorKind::UnexpectedEof),
        (&[5, 0, 5, 0, 0, 1], Truncated, ErrorKind::UnexpectedEof),
    ] {
        let (_, outcome, _) = outcome(input, Some(alice())).await;
        let Err(ConnectError::Proxy(found)) = outcome else { panic!("{error} is not returned") };
        assert_eq!(found, error);
        assert_eq!(io::Error::from(ConnectError::Proxy(found)).kind(), kind);
    }
}

#[tokio::test]
async fn bind_receives_two_replies_that_arrive_together() {
    let mut wire = Wire::client(Stutter::new(&[&[5, 0], REPLY, REPLY, b"data"].concat()));
    let (request, state) = authenticate(&mut wire, None).await.unwrap().bind(Endpoint::UNSPECIFIED);
    wire.send(&request).await.unwrap();
    let (listening, state) = wire.receive(state).await.unwrap();
    assert_eq!(listening.to_string(), "192.0.2.7:4660");
    assert_eq!(wire.receive(state).await.unwrap().port, 4660);
    let (stream, inbox) = wire.into_parts();
    assert_eq!((stream.input().as_slice(), inbox.unread()), (b"data".as_slice(), b"".as_slice()));
}

#[tokio::test(start_paused = true)]
async fn the_timeout_is_for_the_whole_handshake() {
    let timeout = Duration::from_secs(10);
    let (mut stream, _proxy_that_reads_nothing) = duplex(1);
    let outcome = connect(&mut stream, "example.com:443", None, timeout).await;
    assert!(matches!(outcome, Err(ConnectError::Io(error)) if error.kind() == ErrorKind::TimedOut));

    let (mut stream, mut proxy) = duplex(100);
    let slow_proxy = tokio::spawn(async move {
        for byte in [&[5, 0], REPLY].concat() {
            tokio::time::sleep(Duration::from_secs(1)).await;
            let _ = proxy.write_all(&[byte]).await;
        }
        let _ = proxy.read_to_end(&mut vec![]).await;
    });
    let outcome = connect(&mut stream, "example.com:443", None, timeout).await;
    assert!(matches!(outcome, Err(ConnectError::Io(error)) if error.kind() == ErrorKind::TimedOut));
    drop(stream);
    slow_proxy.await.unwrap();
}

#[test]
fn the_future_has_at_most_600_bytes_without_the_timer() {
    let (mut stream, _proxy) = duplex(1);
    let size = size_of_val(&connect(&mut stream, "example.com:443", Some(alice()), NO_TIMEOUT)) - size_of::<Sleep>();
    println!("connect: {size} bytes");
    assert!(size <= 600, "{size}");
}
