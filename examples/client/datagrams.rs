//! Lines of stdin as datagrams, and the answers as lines of stdout.

use std::io::{self, BufRead, ErrorKind, Write};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpStream, UdpSocket};
use std::num::NonZeroUsize;
use std::thread;
use std::time::{Duration, Instant};

use socks5_sansio::fragment::fragments;
use socks5_sansio::{Encode, Endpoint, EndpointBuf, UdpHeader};

use crate::args::Args;

/// The interval between two looks at the deadline and the control connection.
const TICK: Duration = Duration::from_millis(50);

/// Sends and receives as long as the connection to the proxy lasts, until stdin has ended and the time for answers is over.
pub fn exchange(control: &TcpStream, relay: SocketAddr, to: Endpoint<'_>, args: &Args) -> io::Result<()> {
    let any: IpAddr = if relay.is_ipv4() { Ipv4Addr::UNSPECIFIED.into() } else { Ipv6Addr::UNSPECIFIED.into() };
    let socket = UdpSocket::bind((any, 0))?;
    socket.connect(relay)?;
    socket.set_read_timeout(Some(TICK))?;
    control.set_nonblocking(true)?;

    let (sending_socket, to, fragment) = (socket.try_clone()?, EndpointBuf::from(to), args.fragment);
    let mut sending = Some(thread::spawn(move || send_stdin(&sending_socket, &to, fragment)));
    let mut buffer = vec![0; 65_535];
    let mut deadline = None;
    while deadline.is_none_or(|deadline| Instant::now() < deadline) {
        receive(&socket, &mut buffer)?;
        if let Some(ended) = sending.take_if(|sending| sending.is_finished()) {
            ended.join().map_err(|_| io::Error::other("the thread that sends has panicked"))??;
            deadline = Some(Instant::now() + args.wait);
        }
        if control.peek(&mut [0]).is_ok_and(|len| len == 0) {
            return Err(io::Error::new(ErrorKind::UnexpectedEof, "the proxy ended the association"));
        }
    }
    Ok(())
}

fn send_stdin(socket: &UdpSocket, to: &EndpointBuf, fragment: NonZeroUsize) -> io::Result<()> {
    for line in io::stdin().lock().split(b'\n') {
        for (header, part) in fragments(to.as_endpoint(), &line?, fragment)? {
            socket.send(&[&header.to_vec(), part].concat())?;
        }
    }
    Ok(())
}

fn receive(socket: &UdpSocket, buffer: &mut [u8]) -> io::Result<()> {
    let len = match socket.recv(buffer) {
        Ok(len) => len,
        Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => return Ok(()),
        Err(error) => return Err(error),
    };
    match UdpHeader::split(&buffer[..len]) {
        Ok((header, data)) if header.fragment.is_standalone() => {
            let mut stdout = io::stdout().lock();
            stdout.write_all(&[data, b"\n"].concat())?;
            stdout.flush()
        }
        _ => Ok(()),
    }
}
