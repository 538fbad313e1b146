//! What a server may send to the client that is malformed, out of order, replayed or broken off: the client ends with
//! an error, and does not hang.

use std::io::{self, Write};
use std::net::{Ipv4Addr, Shutdown, TcpStream};

use libgssapi::context::ServerCtx;

use crate::by_hand::{ABORT, AUTHENTICATION, DATA, LEVEL, Side, frame, greet};
use crate::pair::{fails, server};
use crate::support::{read_all, serve};

/// The example client ends with this error if a server handles its connection like this.
fn client_fails(handle: impl Fn(TcpStream) + Copy + Send + 'static, error: &str) {
    fails(serve(Ipv4Addr::LOCALHOST, handle), "confidentiality", "localhost:80", error);
}

#[test]
fn the_client_fails_without_a_valid_token() {
    let Some(_) = server(&[]) else { return };
    let cases = [
        (ABORT.to_vec(), "the peer aborted"),
        (vec![5, 0, 0, 1], "malformed frame: "),
        (frame(LEVEL, &[1]), "gssapi message type 0x02 is out of order"),
        (frame(DATA, b"data"), "gssapi message type 0x03 is out of order"),
        (frame(AUTHENTICATION, b"not a token"), "Invalid token was supplied"),
        (frame(AUTHENTICATION, &[0x60; 65_535]), "Invalid token was supplied"),
        (vec![1, 1, 0xFF], "the peer closed the connection in the middle of a frame"),
        (vec![], "the peer closed the connection during the handshake"),
    ];
    for (bytes, why) in cases {
        let bytes: &'static [u8] = bytes.leak();
        client_fails(move |stream| send_last(&greet(stream), bytes), why);
    }
    client_fails(|stream| drop(read_all(greet(stream))), "timed out");
}

/// Sends the last bytes without a reset, which could overtake them.
fn send_last(mut stream: &TcpStream, bytes: &[u8]) {
    stream.write_all(bytes).unwrap();
    stream.shutdown(Shutdown::Write).unwrap();
    let _ = io::copy(&mut stream, &mut io::sink());
}

#[test]
fn the_client_fails_without_the_requested_level() {
    let Some(_) = server(&[]) else { return };
    client_fails(
        |stream| {
            let mut server = Side::accepted(stream);
            assert_eq!(server.unwrap(LEVEL), [2]);
            send_last(&server.stream, &ABORT);
        },
        "the peer aborted",
    );
    client_fails(
        |stream| {
            let mut server = Side::accepted(stream);
            assert_eq!(server.unwrap(LEVEL), [2]);
            server.send_level(&[1]);
            assert_eq!(read_all(&server.stream), ABORT);
        },
        "the proxy chose protection level integrity (01)\n",
    );
    client_fails(
        |stream| {
            let mut server = Side::accepted(stream);
            server.receive(LEVEL);
            send_last(&server.stream, &frame(LEVEL, b"not wrapped"));
        },
        "",
    );
}

#[test]
fn the_client_fails_without_a_valid_reply() {
    let Some(_) = server(&[]) else { return };
    client_fails(
        |stream| {
            let server = agreed(stream);
            send_last(&server.stream, &ABORT);
        },
        "Abort instead of a frame of data",
    );
    client_fails(
        |stream| {
            let mut server = agreed(stream);
            let reply = server.wrap(&[5]);
            send_last(&server.stream, &[reply.clone(), reply].concat());
        },
        "a frame is refused: The token was a duplicate of an earlier token",
    );
}

/// A server that has the client's request.
fn agreed(stream: TcpStream) -> Side<ServerCtx> {
    let mut server = Side::accepted(stream);
    let level = server.unwrap(LEVEL);
    server.send_level(&level);
    assert_eq!(server.unwrap(DATA)[..2], [5, 1]);
    server
}
