//! What a client may send to the server that is malformed, out of order, replayed or broken off: the server logs why,
//! and nothing hangs. Unusual but valid messages are accepted.

use std::io::{ErrorKind, Read, Write};
use std::net::{Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream};

use libgssapi::context::ClientCtx;
use socks5_sansio::{Encode, Endpoint, Request};

use crate::by_hand::{ABORT, AUTHENTICATION, DATA, LEVEL, Side, frame, greeted};
use crate::pair::{ALL_LEVELS, server};
use crate::support::{Server, connect, echo, read_all, read_exactly, serve};

/// The server sends this closing reply, closes, and logs why.
fn is_refused(server: &mut Server, stream: TcpStream, closing_reply: &[u8], why: &str) {
    assert_eq!(read_all(&stream), closing_reply, "{why}");
    drop(stream);
    let line = server.log_line();
    assert!(line.contains(why), "{why}: {line}");
}

#[test]
fn refuses_malformed_and_unexpected_frames_before_a_context() {
    let Some(mut server) = server(&[]) else { return };
    let longest = frame(AUTHENTICATION, &[0x60; 65_535]);
    let cases: &[(&[u8], &[u8], &str)] = &[
        (&ABORT, &[], "the peer aborted"),
        (&[5, 1, 0, 1], &ABORT, "malformed frame: "),
        (&[1, 4, 0, 0], &ABORT, "malformed frame: "),
        (&frame(LEVEL, &[1]), &ABORT, "gssapi message type 0x02 is out of order"),
        (&frame(DATA, b"data"), &ABORT, "gssapi message type 0x03 is out of order"),
        (&frame(AUTHENTICATION, b"not a token"), &ABORT, "Unspecified GSS failure"),
        (&longest, &ABORT, "Invalid token was supplied"),
        (&longest[..65_538], &[], "the peer closed the connection in the middle of a frame"),
        (&[1], &[], "the peer closed the connection in the middle of a frame"),
        (&[], &[], "the peer closed the connection during the handshake"),
    ];
    for (bytes, closing_reply, why) in cases {
        let mut stream = greeted(&server);
        stream.write_all(bytes).unwrap();
        stream.shutdown(Shutdown::Write).unwrap();
        is_refused(&mut server, stream, closing_reply, why);
    }
}

#[test]
fn refuses_a_client_without_gssapi() {
    let Some(mut server) = server(&[]) else { return };
    let mut stream = connect(server.address);
    stream.write_all(&[5, 2, 0, 2]).unwrap();
    is_refused(&mut server, stream, &[5, 0xFF], "no GSSAPI offered");
}

#[test]
fn ends_the_connection_of_a_client_that_stops() {
    let Some(mut server) = server(&["--handshake-timeout", "1"]) else { return };
    let longest = frame(AUTHENTICATION, &[0x60; 65_535]);
    for bytes in [&[], &longest[..65_538]] {
        let mut stream = greeted(&server);
        stream.write_all(bytes).unwrap();
        is_refused(&mut server, stream, &[], "timed out");
    }
    let client = Side::established(&server);
    is_refused(&mut server, client.stream, &[], "timed out");
    let client = Side::agreed(&server);
    is_refused(&mut server, client.stream, &[], "alice@SOCKS.TEST at confidentiality (02): timed out");
}

#[test]
fn refuses_malformed_and_unexpected_frames_after_a_context() {
    let Some(mut server) = server(&[]) else { return };
    let cases: &[(&[u8], &[u8], &str)] = &[
        (&ABORT, &[], "the peer aborted"),
        (&[1], &[], "the peer closed the connection in the middle of a frame"),
        (&frame(AUTHENTICATION, b"one more"), &ABORT, "gssapi message type 0x01 is out of order"),
        (&frame(DATA, b"data"), &ABORT, "gssapi message type 0x03 is out of order"),
        (&frame(LEVEL, &[]), &ABORT, "A required input parameter could not be read"),
        (&frame(LEVEL, b"not wrapped"), &ABORT, "Invalid token was supplied"),
        (&frame(LEVEL, &[0x05; 65_535]), &ABORT, "Invalid token was supplied"),
    ];
    for (bytes, closing_reply, why) in cases {
        let mut client = Side::established(&server);
        client.stream.write_all(bytes).unwrap();
        client.stream.shutdown(Shutdown::Write).unwrap();
        is_refused(&mut server, client.stream, closing_reply, why);
    }
}

#[test]
fn refuses_a_malformed_level_and_grants_the_strongest_for_an_unknown_one() {
    let Some(mut refusing) = server(&[]) else { return };
    for bytes in [&[][..], &[1, 1]] {
        let mut client = Side::established(&refusing);
        client.send_level(bytes);
        is_refused(&mut refusing, client.stream, &ABORT, "a protection level is one byte");
    }
    for unknown in [0, 3, 77] {
        let mut client = Side::established(&refusing);
        client.send_level(&[unknown]);
        assert_eq!(client.unwrap(LEVEL), [2], "the strongest");
    }
}

#[test]
fn accepts_a_context_of_three_tokens() {
    let Some(server) = server(&[]) else { return };
    let mut client = Side::established_by_three(&server);
    client.send_level(&[2]);
    assert_eq!(client.unwrap(LEVEL), [2]);
}

#[test]
fn refuses_a_token_after_the_context_is_established() {
    let Some(mut server) = server(&[]) else { return };
    let mut client = Side::established_by_three(&server);
    client.send(AUTHENTICATION, b"a fourth");
    is_refused(&mut server, client.stream, &ABORT, "gssapi message type 0x01 is out of order");
}

#[test]
fn accepts_levels_that_are_not_wrapped() {
    let Some(server) = server(&ALL_LEVELS) else { return };
    for level in 0..=2 {
        let mut client = Side::established(&server);
        client.send(LEVEL, &[level]);
        assert_eq!(client.receive(LEVEL), [level]);
    }
}

fn request(target: SocketAddr) -> Vec<u8> {
    Request::connect(Endpoint::from(target)).to_vec()
}

/// A client that is connected to this target.
fn connected(server: &Server, target: SocketAddr) -> Side<ClientCtx> {
    let mut client = Side::agreed(server);
    let bytes = client.wrap(&request(target));
    client.stream.write_all(&bytes).unwrap();
    assert_eq!(client.unwrap(DATA)[..4], [5, 0, 0, 1]);
    client
}

#[test]
fn refuses_other_frames_in_place_of_the_request() {
    let Some(mut server) = server(&[]) else { return };
    let request = request(SocketAddr::from((Ipv4Addr::LOCALHOST, 1)));
    let cases: &[(&[u8], &str)] = &[
        (&ABORT, "Abort instead of a frame of data"),
        (&frame(LEVEL, &[1]), "instead of a frame of data"),
        (&request, "version"),
        (&[1, 3, 0], "unexpected end of file"),
        (&frame(DATA, &request), "a frame is refused"),
        (&frame(DATA, &[0x05; 65_535]), "a frame is refused"),
        (&[], "the client closed the connection during the handshake"),
    ];
    for (bytes, why) in cases {
        let mut client = Side::agreed(&server);
        client.stream.write_all(bytes).unwrap();
        client.stream.shutdown(Shutdown::Write).unwrap();
        is_refused(&mut server, client.stream, &[], why);
    }
}

#[test]
fn a_malformed_request_is_answered() {
    let Some(mut server) = server(&[]) else { return };
    let mut client = Side::agreed(&server);
    let bytes = client.wrap(&[5, 1, 0, 7, 0, 0, 0, 0, 0, 0]);
    client.stream.write_all(&bytes).unwrap();
    assert_eq!(client.unwrap(DATA)[..2], [5, 8]);
    is_refused(&mut server, client.stream, &[], "malformed request: ");
}

#[test]
fn frames_need_not_be_whole_messages() {
    let Some(server) = server(&[]) else { return };
    let mut client = Side::agreed(&server);
    let request = request(serve(Ipv4Addr::LOCALHOST, echo));
    for byte in [&request[..], b"hello"].concat() {
        let bytes = [client.wrap(&[]), client.wrap(&[byte])].concat();
        client.stream.write_all(&bytes).unwrap();
    }
    assert_eq!(client.unwrap(DATA)[..4], [5, 0, 0, 1]);
    let mut answer = Vec::new();
    while answer.len() < 5 {
        answer.extend(client.unwrap(DATA));
    }
    assert_eq!(answer, b"hello");
}

/// After a first hello, the server refuses what the client sends next, and resets both connections.
fn resets(next: impl FnOnce(&mut Side<ClientCtx>, &[u8]) -> Vec<u8>, why: &str) {
    let Some(mut server) = server(&[]) else { return };
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let mut client = connected(&server, listener.local_addr().unwrap());
    let (mut target, _) = listener.accept().unwrap();
    let hello = client.wrap(b"hello");
    client.stream.write_all(&hello).unwrap();
    assert_eq!(read_exactly(&target), *b"hello");
    let bytes = next(&mut client, &hello);
    client.stream.write_all(&bytes).unwrap();
    for stream in [&mut target, &mut client.stream] {
        assert_eq!(stream.read(&mut [0]).unwrap_err().kind(), ErrorKind::ConnectionReset, "{why}");
    }
    let line = server.log_line();
    assert!(line.contains(&format!(": a frame is refused: {why}")), "{why}: {line}");
}

#[test]
fn refuses_a_replayed_frame() {
    resets(|_, hello| hello.to_vec(), "The token was a duplicate of an earlier token");
}

#[test]
fn refuses_a_frame_after_a_missing_one() {
    resets(
        |client, _| (client.wrap(b"lost"), client.wrap(b"hello")).1,
        "An expected per-message token was not received",
    );
}

#[test]
fn refuses_a_changed_frame() {
    resets(
        |client, _| {
            let mut bytes = client.wrap(b"hello");
            *bytes.last_mut().unwrap() ^= 1;
            bytes
        },
        "A token had an invalid Message Integrity Check",
    );
}

#[test]
fn resets_the_tunnel_after_an_abort() {
    let Some(mut server) = server(&[]) else { return };
    let mut client = connected(&server, serve(Ipv4Addr::LOCALHOST, echo));
    client.stream.write_all(&ABORT).unwrap();
    assert_eq!(client.stream.read(&mut [0]).unwrap_err().kind(), ErrorKind::ConnectionReset);
    assert!(server.log_line().contains("Abort instead of a frame of data"));
}
