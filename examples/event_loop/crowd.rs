//! Many clients at once through the proxy, on blocking sockets, and a target that sends everything back.

use std::io::{self, ErrorKind, Read, Write};
use std::net::{Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream};
use std::thread;
use std::time::Duration;

use socks5_sansio::blocking::Wire;
use socks5_sansio::client::{ReceiveAnswers, ReceiveReply, optimistic};
use socks5_sansio::{Encode, Endpoint};

/// Each tunnel takes four descriptors, as all sides are in this process: a limit of 1,024 suffices.
const AT_ONCE: usize = 200;
const WAVES: usize = 10;
const LEN: usize = 10_000;
/// More than the sockets and the pipe between them hold together.
const LONG_LEN: usize = 64 << 20;
/// The length of the data sent with the request, before any answer.
const EARLY_LEN: usize = 1_000;
/// A test of the loop fails after this time.
const TEST_TIMEOUT: Duration = Duration::from_secs(60);

const ANYWHERE: (Ipv4Addr, u16) = (Ipv4Addr::LOCALHOST, 0);

pub fn run(serve: fn(mio::net::TcpListener) -> io::Result<()>) -> io::Result<()> {
    let listener = mio::net::TcpListener::bind(ANYWHERE.into())?;
    let proxy = listener.local_addr()?;
    thread::spawn(move || serve(listener).expect("the proxy serves forever"));

    (0..WAVES).try_for_each(|_| wave(proxy, AT_ONCE, LEN))?;
    wave(proxy, 1, LONG_LEN)?;
    let closed = TcpListener::bind(ANYWHERE)?.local_addr()?; // bound, and closed again
    assert_eq!(refusal(proxy, closed.into()), Some(ErrorKind::ConnectionRefused));
    assert_eq!(refusal(proxy, Endpoint::try_from("a.name:80").unwrap()), Some(ErrorKind::HostUnreachable));

    println!("{} tunnels of {LEN} bytes, {AT_ONCE} at once, and one of {LONG_LEN}: all were returned", AT_ONCE * WAVES);
    Ok(())
}

/// Sends all requests before receiving any answer, and opens all tunnels before the first ends.
fn wave(proxy: SocketAddr, at_once: usize, len: usize) -> io::Result<()> {
    let target = TcpListener::bind(ANYWHERE)?;
    let destination = target.local_addr()?;
    thread::spawn(move || echo(&target, at_once).expect("the target sends all back"));

    let messages: Vec<_> = (0..at_once).map(|number| message(number, len)).collect();
    let asked = messages.iter().map(|message| ask(proxy, destination.into(), &message[..EARLY_LEN]));
    let asked = asked.collect::<io::Result<Vec<_>>>()?;
    let tunnels = asked.into_iter().map(receive);
    let tunnels = tunnels.collect::<io::Result<Vec<_>>>()?;
    thread::scope(|scope| {
        scope.spawn(|| send_rest(&tunnels, &messages).expect("the proxy takes all"));
        for (mut tunnel, message) in tunnels.iter().zip(&messages) {
            let mut received = Vec::new();
            tunnel.read_to_end(&mut received)?;
            assert!(received == *message, "{} bytes of {len}, or other bytes", received.len());
        }
        Ok(())
    })
}

/// Different for each number and at each position.
fn message(number: usize, len: usize) -> Vec<u8> {
    (0..len).map(|at| (number + at / 251).to_le_bytes()[0]).collect()
}

type Waiting = (Wire<TcpStream>, ReceiveAnswers<ReceiveReply>);

/// Sends everything in one write.
fn ask(proxy: SocketAddr, destination: Endpoint<'_>, early: &[u8]) -> io::Result<Waiting> {
    let mut stream = TcpStream::connect(proxy)?;
    stream.set_read_timeout(Some(TEST_TIMEOUT))?;
    stream.set_write_timeout(Some(TEST_TIMEOUT))?;
    let (flight, state) = optimistic(None, |permit| permit.connect(destination));
    stream.write_all(&[&flight.to_vec(), early].concat())?;
    Ok((Wire::client(stream), state))
}

/// Reads to the end of the reply, and not one byte further.
fn receive((mut wire, state): Waiting) -> io::Result<TcpStream> {
    wire.receive(state)?;
    Ok(wire.into_stream())
}

/// The rest of each message, then a half-close.
fn send_rest(tunnels: &[TcpStream], messages: &[Vec<u8>]) -> io::Result<()> {
    tunnels.iter().zip(messages).try_for_each(|(mut tunnel, message)| {
        tunnel.write_all(&message[EARLY_LEN..])?;
        tunnel.shutdown(Shutdown::Write)
    })
}

/// Accepts all connections. Then, one after another, sends everything back and half-closes.
fn echo(target: &TcpListener, at_once: usize) -> io::Result<()> {
    let connections = (0..at_once).map(|_| target.accept()).collect::<io::Result<Vec<_>>>()?;
    connections.iter().try_for_each(|(stream, _)| {
        io::copy(&mut &*stream, &mut &*stream)?;
        stream.shutdown(Shutdown::Write)
    })
}

fn refusal(proxy: SocketAddr, destination: Endpoint<'_>) -> Option<ErrorKind> {
    ask(proxy, destination, &[]).and_then(receive).err().map(|error| error.kind())
}
