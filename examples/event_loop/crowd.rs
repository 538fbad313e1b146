//! Many clients at once through the proxy, on blocking sockets, and a target that sends everything back.

use std::io::{self, ErrorKind, Read, Write};
use std::net::{Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream};
use std::thread;
use std::time::Duration;

use socks5_sansio::client::{Client, Step};
use socks5_sansio::{Endpoint, Request};

/// Each takes four descriptors, as all sides are in this process: they fit where 1,024 are allowed.
const AT_ONCE: usize = 200;
const WAVES: usize = 10;
const LEN: usize = 10_000;
/// More than the sockets and the pipe on the way hold together.
const LONG_LEN: usize = 64 << 20;
/// How much is sent right behind the request, before any answer.
const EARLY_LEN: usize = 1_000;
/// What comes so late is lost.
const PATIENCE: Duration = Duration::from_secs(60);

const ANYWHERE: (Ipv4Addr, u16) = (Ipv4Addr::LOCALHOST, 0);

pub fn run(serve: fn(mio::net::TcpListener) -> io::Result<()>) -> io::Result<()> {
    let listener = mio::net::TcpListener::bind(ANYWHERE.into())?;
    let proxy = listener.local_addr()?;
    thread::spawn(move || serve(listener).expect("the proxy serves forever"));

    (0..WAVES).try_for_each(|_| wave(proxy, AT_ONCE, LEN))?;
    wave(proxy, 1, LONG_LEN)?;
    let nobody = TcpListener::bind(ANYWHERE)?.local_addr()?;
    assert_eq!(refusal(proxy, nobody.into()), Some(ErrorKind::ConnectionRefused));
    assert_eq!(refusal(proxy, Endpoint::try_from("a.name:80").unwrap()), Some(ErrorKind::HostUnreachable));

    println!("{} tunnels of {LEN} octets, {AT_ONCE} at once, and one of {LONG_LEN}: all came back", AT_ONCE * WAVES);
    Ok(())
}

/// Asks for all the tunnels before listening to any answer, and has them all open before the first ends.
fn wave(proxy: SocketAddr, at_once: usize, len: usize) -> io::Result<()> {
    let target = TcpListener::bind(ANYWHERE)?;
    let request = Request::connect(target.local_addr()?.into());
    thread::spawn(move || echo(&target, at_once).expect("the target sends all back"));

    let messages: Vec<_> = (0..at_once).map(|number| message(number, len)).collect();
    let asked = messages.iter().map(|message| ask(proxy, &request, &message[..EARLY_LEN]));
    let asked = asked.collect::<io::Result<Vec<_>>>()?;
    let tunnels = asked.into_iter().map(|(stream, client)| listen(stream, client));
    let tunnels = tunnels.collect::<io::Result<Vec<_>>>()?;
    thread::scope(|scope| {
        scope.spawn(|| speak(&tunnels, &messages).expect("the proxy takes all"));
        for (mut tunnel, message) in tunnels.iter().zip(&messages) {
            let mut heard = Vec::new();
            tunnel.read_to_end(&mut heard)?;
            assert!(heard == *message, "{} octets of {len}, or not the same", heard.len());
        }
        Ok(())
    })
}

/// Another for each number, and never the same octets in the same place.
fn message(number: usize, len: usize) -> Vec<u8> {
    (0..len).map(|at| (number + at / 251).to_le_bytes()[0]).collect()
}

/// Says everything in one flight, as `Client::optimistic` can.
fn ask(proxy: SocketAddr, request: &Request<'_>, early: &[u8]) -> io::Result<(TcpStream, Client)> {
    let mut stream = TcpStream::connect(proxy)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.set_write_timeout(Some(PATIENCE))?;
    let mut flight = vec![0; Client::OPTIMISTIC_MAX_LEN];
    let (len, client) = Client::optimistic(None, request, &mut flight)?;
    flight.truncate(len);
    flight.extend_from_slice(early);
    stream.write_all(&flight)?;
    Ok((stream, client))
}

/// Reads to the end of the reply, and not one octet further.
fn listen(mut stream: TcpStream, mut client: Client) -> io::Result<TcpStream> {
    let (mut buffer, mut start, mut end) = ([0; Client::INPUT_MAX_LEN], 0, 0);
    loop {
        let (used, step) = client.read(&buffer[start..end])?;
        let Step::NeedMore(same, missing) = step else { return Ok(stream) };
        stream.read_exact(&mut buffer[end..end + missing.get()])?;
        (client, start, end) = (same, start + used, end + missing.get());
    }
}

/// The rest of each message, then a half-close.
fn speak(tunnels: &[TcpStream], messages: &[Vec<u8>]) -> io::Result<()> {
    tunnels.iter().zip(messages).try_for_each(|(mut tunnel, message)| {
        tunnel.write_all(&message[EARLY_LEN..])?;
        tunnel.shutdown(Shutdown::Write)
    })
}

/// Sends everything back, then half-closes: one connection after another, when all have come.
fn echo(target: &TcpListener, at_once: usize) -> io::Result<()> {
    let connections = (0..at_once).map(|_| target.accept()).collect::<io::Result<Vec<_>>>()?;
    connections.iter().try_for_each(|(stream, _)| {
        io::copy(&mut &*stream, &mut &*stream)?;
        stream.shutdown(Shutdown::Write)
    })
}

fn refusal(proxy: SocketAddr, destination: Endpoint<'_>) -> Option<ErrorKind> {
    let asked = ask(proxy, &Request::connect(destination), &[]);
    asked.and_then(|(stream, client)| listen(stream, client)).err().map(|error| error.kind())
}
