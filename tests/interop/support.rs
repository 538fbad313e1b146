//! Programs that are started and ended, and the servers behind the proxies.

use std::env;
use std::ffi::OsStr;
use std::fs::File;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{IpAddr, Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStderr, ChildStdout, Command, Output, Stdio};
use std::sync::OnceLock;
use std::thread;
use std::time::{Duration, Instant};

use socket2::{Domain, Socket, Type};
use socks5_sansio::{Decode, DecodeError, Encode, Reply};

/// The longest that a test waits for another program.
const TIMEOUT: Duration = Duration::from_secs(30);

/// A program that ends with the test.
pub struct Running(pub Child);

impl Running {
    pub fn with_stdout(command: &mut Command) -> (Self, BufReader<ChildStdout>) {
        let mut child = command.stdout(Stdio::piped()).spawn().unwrap();
        let stdout = child.stdout.take().unwrap();
        (Self(child), BufReader::new(stdout))
    }

    pub fn with_stderr(command: &mut Command) -> (Self, BufReader<ChildStderr>) {
        let mut child = command.stderr(Stdio::piped()).spawn().unwrap();
        let stderr = child.stderr.take().unwrap();
        (Self(child), BufReader::new(stderr))
    }
}

/// The next line, without its end.
pub fn read_line(lines: &mut impl BufRead) -> String {
    lines.lines().next().unwrap().unwrap()
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// An example server, and what it has logged.
pub struct Server {
    pub address: SocketAddr,
    /// The command that it prints for trying it out.
    pub hint: String,
    process: Running,
}

impl Server {
    pub fn start(args: &[&str]) -> Self {
        Self::listen("127.0.0.1:0", args)
    }

    pub fn listen(address: &str, args: &[&str]) -> Self {
        Self::from_command(example("server").args(["--listen", address]).args(args))
    }

    pub fn from_command(command: &mut Command) -> Self {
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let first = lines.next().unwrap().unwrap();
        let address = first.strip_prefix("listening on ").unwrap().parse().unwrap();
        let hint = lines.next().unwrap().unwrap();
        Self { address, hint, process: Running(child) }
    }

    /// The next line that the server logs.
    pub fn log_line(&mut self) -> String {
        let mut line = String::new();
        BufReader::with_capacity(1, self.process.0.stderr.as_mut().unwrap()).read_line(&mut line).unwrap();
        line
    }
}

/// An example of the workspace, built before the first use.
pub fn example(name: &str) -> Command {
    static FOLDER: OnceLock<PathBuf> = OnceLock::new();
    let folder = FOLDER.get_or_init(|| {
        let mut build = Command::new(env!("CARGO"));
        let test = env::current_exe().unwrap();
        let profile = test.ancestors().nth(2).unwrap().to_owned();
        build.args(["build", "--quiet", "--package", "socks5-sansio", "--package", "tokio-socks5-sansio"]);
        build.args(["--example", "client", "--example", "server", "--target-dir"]).arg(profile.parent().unwrap());
        if profile.ends_with("release") {
            build.arg("--release");
        }
        assert!(build.current_dir(env!("CARGO_MANIFEST_DIR")).status().unwrap().success());
        profile.join("examples")
    });
    match env::var("INTEROP_SERVER_UNDER") {
        Ok(tool) if name == "server" => under(&tool, &folder.join(name)),
        _ => Command::new(folder.join(name)),
    }
}

/// The program under a tool such as valgrind, whose command may have options.
fn under(tool: &str, program: &Path) -> Command {
    let mut words = tool.split(' ');
    let mut command = Command::new(words.next().unwrap());
    command.args(words).arg(program);
    command
}

/// A program in PATH or /usr/sbin. If it is missing, the test is skipped: see [`skip`].
pub fn program(name: &str) -> Option<Command> {
    let path = env::var_os("PATH").unwrap_or_default();
    let folders = env::split_paths(&path).chain(["/usr/sbin".into()]);
    let found = folders.map(|folder| folder.join(name)).find(|path| path.is_file());
    match found {
        Some(path) => Some(Command::new(path)),
        None => skip(&format!("{name} is not installed")),
    }
}

/// Reports a skipped test on the real stderr; fails if `INTEROP_REQUIRED` is set.
pub fn skip<T>(why: &str) -> Option<T> {
    assert!(env::var_os("INTEROP_REQUIRED").is_none(), "{why}, but INTEROP_REQUIRED is set");
    let _ = writeln!(io::stderr(), "skipped: {why}");
    None
}

/// Runs a program to its end, with this on its stdin.
pub fn run(command: &mut Command, stdin: &[u8]) -> Output {
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut pipe = child.stdin.take().unwrap();
    let stdin = stdin.to_vec();
    let writer = thread::spawn(move || {
        let _ = pipe.write_all(&stdin);
    });
    let output = child.wait_with_output().unwrap();
    writer.join().unwrap();
    output
}

/// Starts a server that cannot choose its port itself: tries free ones.
pub fn start_on_free_port(mut command: impl FnMut(u16) -> Command) -> (Running, SocketAddr) {
    for _ in 0..5 {
        let address = free_address();
        let mut log = tempfile::tempfile().unwrap();
        let child = command(address.port())
            .stdin(Stdio::null())
            .stdout(log.try_clone().unwrap())
            .stderr(log.try_clone().unwrap())
            .spawn()
            .unwrap();
        let mut running = Running(child);
        if answers(&mut running, address) {
            return (running, address);
        }
        show(&mut log);
    }
    panic!("the program does not start");
}

fn free_address() -> SocketAddr {
    TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap().local_addr().unwrap()
}

fn answers(running: &mut Running, address: SocketAddr) -> bool {
    let (mut connected, mut ended) = (false, false);
    until("the program listens, or has ended", || {
        connected = TcpStream::connect(address).is_ok();
        ended = running.0.try_wait().unwrap().is_some();
        connected || ended
    });
    connected && !ended
}

fn show(log: &mut File) {
    use std::io::Seek;
    let mut text = String::new();
    log.rewind().unwrap();
    log.read_to_string(&mut text).unwrap();
    eprintln!("{text}");
}

/// A connection on which a read fails rather than hangs.
pub fn connect(address: SocketAddr) -> TcpStream {
    let stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(TIMEOUT)).unwrap();
    stream.set_nodelay(true).unwrap();
    stream
}

/// [`connect`] from this address.
pub fn connect_from(ip: Ipv4Addr, address: SocketAddr) -> TcpStream {
    let socket = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
    socket.bind(&SocketAddr::from((ip, 0)).into()).unwrap();
    socket.connect(&address.into()).unwrap();
    socket.set_read_timeout(Some(TIMEOUT)).unwrap();
    socket.into()
}

/// Reads to the end of the stream.
pub fn read_all(mut stream: impl Read) -> Vec<u8> {
    let mut bytes = Vec::new();
    stream.read_to_end(&mut bytes).unwrap();
    bytes
}

/// The next bytes.
pub fn read_exactly<const N: usize>(mut stream: impl Read) -> [u8; N] {
    let mut bytes = [0; N];
    stream.read_exact(&mut bytes).unwrap();
    bytes
}

/// A server in a thread, with another thread for each connection.
pub fn serve(ip: impl Into<IpAddr>, handle: impl Fn(TcpStream) + Copy + Send + 'static) -> SocketAddr {
    let listener = TcpListener::bind((ip.into(), 0)).unwrap();
    let address = listener.local_addr().unwrap();
    thread::spawn(move || {
        for stream in listener.incoming() {
            let stream = stream.unwrap();
            thread::spawn(move || handle(stream));
        }
    });
    address
}

/// Returns all data, and closes after the client.
pub fn echo(stream: TcpStream) {
    let _ = io::copy(&mut &stream, &mut &stream);
    let _ = stream.shutdown(Shutdown::Write);
}

/// Reads all data to the end, and then returns it.
pub fn echo_at_the_end(mut stream: TcpStream) {
    let bytes = read_all(&stream);
    let _ = stream.write_all(&bytes);
}

/// Sends the peer address of the connection.
pub fn peer_address(mut stream: TcpStream) {
    let _ = write!(stream, "{}", stream.peer_addr().unwrap());
}

/// A web server: `/LEN` is a page of LEN bytes.
pub fn web(mut stream: TcpStream) {
    let mut request = BufReader::new(stream.try_clone().unwrap()).lines();
    let Some(Ok(line)) = request.next() else { return };
    while !request.next().unwrap().unwrap().is_empty() {}
    let len = line.split(['/', ' ']).find_map(|word| word.parse().ok()).unwrap();
    let _ = write!(stream, "HTTP/1.1 200 OK\r\nContent-Length: {len}\r\nConnection: close\r\n\r\n");
    let _ = stream.write_all(&page(len));
}

/// A sequence with a period of 251 bytes, changed after each 65,521 bytes (both are primes), so that lost and moved bytes show.
pub fn page(len: usize) -> Vec<u8> {
    (0..len).map(|at| (at % 251) as u8 ^ (at / 65_521) as u8).collect()
}

/// A socket on which a receive fails rather than hangs.
pub fn udp_socket(ip: IpAddr) -> UdpSocket {
    let socket = UdpSocket::bind((ip, 0)).unwrap();
    socket.set_read_timeout(Some(TIMEOUT)).unwrap();
    socket
}

/// The next datagram, and where it came from.
pub fn datagram(socket: &UdpSocket) -> (Vec<u8>, SocketAddr) {
    let mut buffer = vec![0; 65_535];
    let (len, from) = socket.recv_from(&mut buffer).unwrap();
    buffer.truncate(len);
    (buffer, from)
}

/// Returns every datagram, in a thread.
pub fn serve_datagrams(ip: impl Into<IpAddr>) -> SocketAddr {
    let socket = UdpSocket::bind((ip.into(), 0)).unwrap();
    let address = socket.local_addr().unwrap();
    thread::spawn(move || {
        let mut buffer = [0; 65_535];
        loop {
            let (len, from) = socket.recv_from(&mut buffer).unwrap();
            socket.send_to(&buffer[..len], from).unwrap();
        }
    });
    address
}

/// Polls until the condition holds.
pub fn until(what: &str, mut happened: impl FnMut() -> bool) {
    let start = Instant::now();
    while !happened() {
        assert!(start.elapsed() < TIMEOUT, "not in time: {what}");
        thread::sleep(Duration::from_millis(10));
    }
}

pub fn encoded(message: impl Encode) -> Vec<u8> {
    message.to_vec()
}

/// Reads a reply and no byte more.
pub fn read_reply<T>(mut stream: &TcpStream, look: impl FnOnce(Reply<'_>) -> T) -> T {
    let mut bytes = Vec::new();
    loop {
        match Reply::decode(&bytes) {
            Ok((reply, _)) => return look(reply),
            Err(DecodeError::Incomplete(missing)) => {
                let start = bytes.len();
                bytes.resize(start + missing.get(), 0);
                stream.read_exact(&mut bytes[start..]).unwrap();
            }
            Err(error) => panic!("{bytes:?}: {error}"),
        }
    }
}

/// A port without a listener, which stays bound until the tests end.
pub fn closed_port() -> SocketAddr {
    let socket = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
    socket.bind(&SocketAddr::from((Ipv4Addr::LOCALHOST, 0)).into()).unwrap();
    let address = socket.local_addr().unwrap().as_socket().unwrap();
    std::mem::forget(socket);
    address
}

/// A listener whose queue is full, and the connections in it: a new one is neither accepted nor refused.
pub fn full_listener() -> (Vec<Socket>, SocketAddr) {
    let socket = || Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
    let listener = socket();
    listener.bind(&SocketAddr::from((Ipv4Addr::LOCALHOST, 0)).into()).unwrap();
    listener.listen(0).unwrap();
    let address = listener.local_addr().unwrap();
    let queue = (0..4).map(|_| {
        let client = socket();
        client.set_nonblocking(true).unwrap();
        let _ = client.connect(&address);
        client
    });
    (queue.chain([listener]).collect(), address.as_socket().unwrap())
}

pub fn text(bytes: &[u8]) -> &str {
    std::str::from_utf8(bytes).unwrap()
}

pub fn arg(value: impl AsRef<OsStr>) -> String {
    value.as_ref().to_str().unwrap().to_owned()
}
