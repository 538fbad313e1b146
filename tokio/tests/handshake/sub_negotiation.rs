//! Messages of the caller's own sub-negotiation, and GSSAPI's.

use std::convert::Infallible;
use std::io::ErrorKind;

use tokio_socks5_sansio::socks5_sansio::server::ReceiveOffer;
use tokio_socks5_sansio::socks5_sansio::{GssapiMessage, Invalid, Method, gssapi};
use tokio_socks5_sansio::{Error, Wire};

use crate::stutter::{Stutter, finish};

/// A message of one length byte and its content.
fn parse(unread: &[u8]) -> Result<Option<(Vec<u8>, usize)>, Infallible> {
    let Some((&len, rest)) = unread.split_first() else { return Ok(None) };
    Ok(rest.get(..len.into()).map(|content| (content.to_vec(), 1 + content.len())))
}

#[test]
fn receives_custom_messages() {
    for read_to in [Wire::client, Wire::server] {
        let mut wire = read_to(Stutter::new(b"\x03abc\x00\x01d"));
        let contents = [(); 3].map(|()| finish(wire.receive_with(parse)).unwrap());
        assert_eq!(contents, [b"abc".as_slice(), b"", b"d"]);
        let end = finish(wire.receive_with(parse));
        assert!(matches!(end, Err(Error::Io(error)) if error.kind() == ErrorKind::UnexpectedEof));
    }
}

#[test]
fn limits_the_length_of_a_custom_message() {
    let mut wire = Wire::client(Stutter::new(&[0; GssapiMessage::MAX_LEN]));
    let outcome = finish(wire.receive_with(|_| Ok::<Option<((), usize)>, Infallible>(None)));
    assert!(matches!(outcome, Err(Error::Io(error)) if error.kind() == ErrorKind::InvalidData));
}

#[test]
fn returns_the_error_of_the_callers_closure() {
    let mut wire = Wire::client(Stutter::new(&[1]));
    let outcome = finish(wire.receive_with(|_| Err::<Option<((), usize)>, _>(Invalid::Version(1))));
    assert!(matches!(outcome, Err(Error::Peer(Invalid::Version(1)))));
}

#[test]
fn a_malformed_frame_is_aborted() {
    let mut wire = Wire::server(Stutter::new(&[5, 1, 1, 1, 3, 0, 0]));
    let (_, permit) = finish(wire.receive(ReceiveOffer::new())).unwrap();
    let (selection, state) = permit.gssapi().unwrap();
    assert_eq!(selection.method, Method::GSSAPI);
    finish(wire.send(&selection)).unwrap();
    let outcome = finish(wire.receive(state));
    assert!(matches!(outcome, Err(Error::Peer(gssapi::Error::OutOfOrder(3)))));
    assert_eq!(wire.stream().output(), [5, 1, 1, 0xFF]);
}
