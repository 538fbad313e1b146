//! Lines of stdin as datagrams, and the answers as lines of stdout.

use std::io::{self, BufRead, ErrorKind, Write};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpStream, UdpSocket};
use std::num::NonZeroUsize;
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use socks5_sansio::fragment::fragments;
use socks5_sansio::{Encode, Endpoint, EndpointBuf, UdpHeader};

use crate::args::Args;

/// The interval between checks of the deadline and of the control connection.
pub const TICK: Duration = Duration::from_millis(50);

/// Sends and receives as long as the connection to the proxy lasts, until stdin has ended and the time for answers is over.
pub fn exchange(control: &TcpStream, relay: SocketAddr, to: Endpoint<'_>, args: &Args) -> io::Result<()> {
    let any: IpAddr = if relay.is_ipv4() { Ipv4Addr::UNSPECIFIED.into() } else { Ipv6Addr::UNSPECIFIED.into() };
    let socket = UdpSocket::bind((any, 0))?;
    socket.connect(relay)?;
    socket.set_read_timeout(Some(TICK))?;
    control.set_nonblocking(true)?;

    let (sending_socket, to, fragment) = (socket.try_clone()?, EndpointBuf::from(to), args.fragment);
    let sending = thread::spawn(move || send_stdin(&sending_socket, &to, fragment));
    let mut buffer = vec![0; 65_535];
    receive_until_done(sending, args.wait, || {
        receive(&socket, &mut buffer)?;
        if control.peek(&mut [0]).is_ok_and(|len| len == 0) { Err(ended()) } else { Ok(()) }
    })
}

/// Receives until all is sent, and then for the time `wait`.
pub fn receive_until_done(
    sending: JoinHandle<io::Result<()>>,
    wait: Duration,
    mut receive: impl FnMut() -> io::Result<()>,
) -> io::Result<()> {
    let (mut sending, mut deadline) = (Some(sending), None);
    while deadline.is_none_or(|deadline| Instant::now() < deadline) {
        receive()?;
        if let Some(ended) = sending.take_if(|sending| sending.is_finished()) {
            ended.join().map_err(|_| io::Error::other("the thread that sends has panicked"))??;
            deadline = Some(Instant::now() + wait);
        }
    }
    Ok(())
}

/// Sends each line of stdin.
pub fn for_each_line(mut send: impl FnMut(&[u8]) -> io::Result<()>) -> io::Result<()> {
    io::stdin().lock().split(b'\n').try_for_each(|line| send(&line?))
}

/// Prints an answer as a line.
pub fn print(data: &[u8]) -> io::Result<()> {
    let mut stdout = io::stdout().lock();
    stdout.write_all(&[data, b"\n"].concat())?;
    stdout.flush()
}

pub fn ended() -> io::Error {
    io::Error::new(ErrorKind::UnexpectedEof, "the proxy ended the association")
}

fn send_stdin(socket: &UdpSocket, to: &EndpointBuf, fragment: NonZeroUsize) -> io::Result<()> {
    for_each_line(|line| {
        for (header, part) in fragments(to.as_endpoint(), line, fragment)? {
            socket.send(&[&header.to_vec(), part].concat())?;
        }
        Ok(())
    })
}

fn receive(socket: &UdpSocket, buffer: &mut [u8]) -> io::Result<()> {
    let len = match socket.recv(buffer) {
        Ok(len) => len,
        Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => return Ok(()),
        Err(error) => return Err(error),
    };
    match UdpHeader::split(&buffer[..len]) {
        Ok((header, data)) if header.fragment.is_standalone() => print(data),
        _ => Ok(()),
    }
}
