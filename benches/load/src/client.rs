//! Clients of the server, each with its own target in the same thread.

use std::cell::Cell;
use std::io::{self, ErrorKind, Read, Write};
use std::net::{Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream};
use std::time::Duration;

use socket2::{Domain, SockRef, Socket, Type};
use socks5_sansio::blocking::connect;
use socks5_sansio::{Address, UserPass};

use crate::server::Server;

/// The time limit of each operation on a socket.
const TIMEOUT: Duration = Duration::from_secs(20);
/// The time after which a target is known not to answer.
const FULL: Duration = Duration::from_millis(200);
/// A source address has some 28,000 ports, and each stays in use for a minute after its connection.
const SOURCES: u8 = 16;

pub struct Client {
    proxy: SocketAddr,
    credentials: Option<UserPass<'static>>,
    target: TcpListener,
    sources: Vec<Ipv4Addr>,
    connections: Cell<usize>,
}

/// Both ends of a connection through the server.
pub struct Tunnel {
    pub client: TcpStream,
    pub target: TcpStream,
}

/// Where a client stops.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Stop {
    Connected,
    AfterOffer,
    InCredentials,
    InRequest,
    Listening,
    Connecting,
}

/// A target that does not answer: its queue of connections is full.
pub struct Unresponsive {
    listener: Socket,
    queued: Vec<TcpStream>,
}

impl Client {
    /// A client with addresses that no other `number` has, and that are not 127.0.0.1.
    pub fn new(server: &Server, number: u8) -> io::Result<Self> {
        Self::with_sources(server, (0..SOURCES).map(|host| Ipv4Addr::new(127, 0, number, 2 + host)).collect())
    }

    /// A client at 127.0.0.1.
    pub fn local(server: &Server) -> io::Result<Self> {
        Self::with_sources(server, vec![Ipv4Addr::LOCALHOST])
    }

    fn with_sources(server: &Server, sources: Vec<Ipv4Addr>) -> io::Result<Self> {
        let target = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
        SockRef::from(&target).set_read_timeout(Some(TIMEOUT))?;
        let (proxy, credentials) = (server.address, server.credentials()?);
        Ok(Self { proxy, credentials, target, sources, connections: Cell::new(0) })
    }

    /// Opens a tunnel to the target. The target accepts only the connection from the address in the reply.
    pub fn open(&self) -> io::Result<Tunnel> {
        let mut client = self.connect()?;
        let bound = connect(&mut client, self.target.local_addr()?, self.credentials)?;
        let (address, port) = (bound.as_endpoint().address, bound.as_endpoint().port);
        loop {
            let (target, from) = self.target.accept()?;
            if Address::from(from.ip()) == address && from.port() == port {
                target.set_read_timeout(Some(TIMEOUT))?;
                return Ok(Tunnel { client, target });
            }
        }
    }

    /// Opens a connection, and stops.
    pub fn stop(&self, at: Stop, unresponsive: SocketAddr) -> io::Result<TcpStream> {
        let mut stream = self.connect()?;
        match at {
            Stop::Connected => {}
            Stop::AfterOffer => offer(&mut stream, 0)?,
            Stop::InCredentials => {
                offer(&mut stream, 2)?;
                stream.write_all(b"\x01\x05al")?;
            }
            Stop::InRequest => {
                offer(&mut stream, 0)?;
                stream.write_all(&[5, 1, 0, 1, 127])?;
            }
            Stop::Listening => {
                offer(&mut stream, 0)?;
                stream.write_all(&[5, 2, 0, 1, 0, 0, 0, 0, 0, 0])?;
                expect(&mut stream, [5, 0, 0, 1])?;
            }
            Stop::Connecting => {
                offer(&mut stream, 0)?;
                let [high, low] = unresponsive.port().to_be_bytes();
                stream.write_all(&[5, 1, 0, 1, 127, 0, 0, 1, high, low])?;
            }
        }
        Ok(stream)
    }

    fn connect(&self) -> io::Result<TcpStream> {
        let number = self.connections.replace(self.connections.get() + 1);
        let source = self.sources[number % self.sources.len()];
        let socket = Socket::new(Domain::IPV4, Type::STREAM, None)?;
        socket.set_tcp_nodelay(true)?;
        socket.bind(&SocketAddr::from((source, 0)).into())?;
        socket.connect_timeout(&self.proxy.into(), TIMEOUT)?;
        socket.set_read_timeout(Some(TIMEOUT))?;
        Ok(socket.into())
    }
}

fn offer(stream: &mut TcpStream, method: u8) -> io::Result<()> {
    stream.write_all(&[5, 1, method])?;
    expect(stream, [5, method])
}

fn expect<const N: usize>(stream: &mut TcpStream, answer: [u8; N]) -> io::Result<()> {
    let mut bytes = [0; N];
    stream.read_exact(&mut bytes)?;
    if bytes == answer { Ok(()) } else { Err(io::Error::new(ErrorKind::InvalidData, format!("received {bytes:?}"))) }
}

impl Tunnel {
    /// Relays the bytes to the target and back.
    pub fn echo(&mut self, bytes: &[u8]) -> io::Result<()> {
        let mut received = vec![0; bytes.len()];
        self.client.write_all(bytes)?;
        self.target.read_exact(&mut received)?;
        self.target.write_all(&received)?;
        self.client.read_exact(&mut received)
    }

    /// Half-closes the client's end, and resets it when the target has noticed. Returns the target's end.
    pub fn reset(mut self) -> io::Result<TcpStream> {
        self.client.shutdown(Shutdown::Write)?;
        self.target.read_to_end(&mut Vec::new())?;
        SockRef::from(&self.client).set_linger(Some(Duration::ZERO))?;
        Ok(self.target)
    }
}

impl Unresponsive {
    pub fn new() -> io::Result<Self> {
        let listener = Socket::new(Domain::IPV4, Type::STREAM, None)?;
        listener.bind(&SocketAddr::from((Ipv4Addr::LOCALHOST, 0)).into())?;
        listener.listen(0)?;
        let mut target = Self { listener, queued: Vec::new() };
        let address = target.address()?;
        while let Ok(stream) = TcpStream::connect_timeout(&address, FULL) {
            target.queued.push(stream);
        }
        Ok(target)
    }

    pub fn address(&self) -> io::Result<SocketAddr> {
        self.listener.local_addr()?.as_socket().ok_or_else(|| ErrorKind::InvalidData.into())
    }
}
