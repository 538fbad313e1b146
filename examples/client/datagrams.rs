//! Lines of stdin as datagrams, and the answers as lines of stdout.

use std::io::{self, BufRead, ErrorKind, Write};
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr, TcpStream, UdpSocket};
use std::num::NonZeroUsize;
use std::sync::mpsc::{self, Sender, TryRecvError};
use std::thread;
use std::time::{Duration, Instant};

use socks5_sansio::fragment::fragments;
use socks5_sansio::{Encode, EndpointBuf, UdpHeader};

/// The interval between two looks at the deadline and the control connection.
const TICK: Duration = Duration::from_millis(50);

const MAX_LEN: usize = 65_535;

pub struct Exchange {
    pub destination: EndpointBuf,
    /// The time to wait for answers after the end of stdin.
    pub wait: Duration,
    /// The length of a fragment in bytes.
    pub fragment: NonZeroUsize,
}

impl Exchange {
    /// Sends and receives as long as the connection to the proxy lasts, until stdin has ended and the wait is over.
    pub fn run(self, control: &TcpStream, relay: SocketAddr) -> io::Result<()> {
        let socket = match relay {
            SocketAddr::V4(_) => UdpSocket::bind((Ipv4Addr::UNSPECIFIED, 0))?,
            SocketAddr::V6(_) => UdpSocket::bind((Ipv6Addr::UNSPECIFIED, 0))?,
        };
        socket.connect(relay)?;
        socket.set_read_timeout(Some(TICK))?;
        control.set_nonblocking(true)?;

        let wait = self.wait;
        let sending = socket.try_clone()?;
        let (failure, failures) = mpsc::channel();
        thread::spawn(move || self.send_stdin(&sending, &failure));

        let mut buffer = vec![0; MAX_LEN];
        let mut deadline = None;
        while deadline.is_none_or(|deadline| Instant::now() < deadline) {
            receive(&socket, &mut buffer)?;
            match failures.try_recv() {
                Ok(error) => return Err(error),
                Err(TryRecvError::Disconnected) => _ = deadline.get_or_insert_with(|| Instant::now() + wait),
                Err(TryRecvError::Empty) => {}
            }
            if control.peek(&mut [0]).is_ok_and(|len| len == 0) {
                return Err(io::Error::new(ErrorKind::UnexpectedEof, "the proxy ended the association"));
            }
        }
        Ok(())
    }

    fn send_stdin(&self, socket: &UdpSocket, failure: &Sender<io::Error>) {
        let mut lines = io::stdin().lock().split(b'\n');
        if let Err(error) = lines.try_for_each(|line| self.send(&line?, socket)) {
            let _ = failure.send(error);
        }
    }

    fn send(&self, data: &[u8], socket: &UdpSocket) -> io::Result<()> {
        for (header, part) in fragments(self.destination.as_endpoint(), data, self.fragment)? {
            socket.send(&[&header.to_vec(), part].concat())?;
        }
        Ok(())
    }
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
            stdout.write_all(data)?;
            stdout.write_all(b"\n")?;
            stdout.flush()
        }
        _ => Ok(()),
    }
}
