//! Proxies: in a thread of the test, and as a process.

use std::ffi::OsString;
use std::io::{BufRead, BufReader};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};
use std::{fs, thread};

use event_loop_proxy::{Config, serve};
use socket2::{Domain, Socket, Type};

/// A failed test ends after this time.
pub const TEST_TIMEOUT: Duration = Duration::from_secs(30);
const ANYWHERE: (Ipv4Addr, u16) = (Ipv4Addr::LOCALHOST, 0);

/// Starts a proxy, which ends with the test.
pub fn start(config: Config) -> SocketAddr {
    let listener = mio::net::TcpListener::bind(ANYWHERE.into()).unwrap();
    let address = listener.local_addr().unwrap();
    thread::spawn(move || serve(listener, &config).unwrap());
    address
}

pub struct Process {
    pub address: SocketAddr,
    process: Child,
    descriptors: usize,
}

impl Process {
    /// Starts a proxy with a limit of descriptors.
    pub fn start(descriptors: usize) -> Self {
        let script = format!(r#"ulimit -n {descriptors} && exec "$0" "$@""#);
        let mut shell = Command::new("sh");
        shell.args(["-c", &script, env!("CARGO_BIN_EXE_event_loop"), "127.0.0.1:0"]);
        let mut process = shell.stdout(Stdio::piped()).spawn().unwrap();
        let first_line = process.stdout.take().and_then(|output| BufReader::new(output).lines().next());
        let address = first_line.unwrap().unwrap().strip_prefix("listening on ").unwrap().parse().unwrap();
        Self { address, process, descriptors }
    }

    /// The number of free descriptors below the limit. Those above it were inherited.
    pub fn free_descriptors(&self) -> usize {
        let entries = fs::read_dir(format!("/proc/{}/fd", self.process.id())).unwrap();
        let names = entries.map(|entry| entry.unwrap().file_name());
        let within_limit = |name: &OsString| name.to_str().unwrap().parse::<usize>().unwrap() < self.descriptors;
        self.descriptors - names.filter(within_limit).count()
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

pub fn connected(address: SocketAddr) -> TcpStream {
    with_timeouts(TcpStream::connect(address).unwrap())
}

pub fn with_timeouts(stream: TcpStream) -> TcpStream {
    stream.set_nodelay(true).unwrap();
    stream.set_read_timeout(Some(TEST_TIMEOUT)).unwrap();
    stream.set_write_timeout(Some(TEST_TIMEOUT)).unwrap();
    stream
}

pub fn listener() -> (TcpListener, SocketAddr) {
    let listener = TcpListener::bind(ANYWHERE).unwrap();
    let address = listener.local_addr().unwrap();
    (listener, address)
}

/// A target that neither accepts nor refuses: the queue of its listener is full.
pub fn unanswered() -> (Vec<Socket>, SocketAddr) {
    let socket = || Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
    let listener = socket();
    listener.bind(&SocketAddr::from(ANYWHERE).into()).unwrap();
    listener.listen(0).unwrap();
    let address = listener.local_addr().unwrap();
    let queue = (0..4).map(|_| {
        let socket = socket();
        socket.set_nonblocking(true).unwrap();
        let _ = socket.connect(&address);
        socket
    });
    let sockets = [listener].into_iter().chain(queue).collect();
    (sockets, address.as_socket().unwrap())
}

/// Waits until the condition holds.
pub fn eventually(what: &str, mut holds: impl FnMut() -> bool) {
    let started = Instant::now();
    while !holds() {
        assert!(started.elapsed() < TEST_TIMEOUT, "{what}: not within {TEST_TIMEOUT:?}");
        thread::sleep(Duration::from_millis(5));
    }
}
