//! The example server as a process.

use std::io::{BufRead, BufReader, Read};
use std::net::{IpAddr, SocketAddr, TcpStream};
use std::path::PathBuf;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};
use std::{env, fs, thread};

use socket2::{Domain, SockAddr, Socket, Type};

/// A failed test ends after this time.
pub const TEST_TIMEOUT: Duration = Duration::from_secs(30);

pub struct Server {
    pub address: SocketAddr,
    process: Child,
}

/// `cargo test` builds the examples of a package before it runs the tests, but not with options such as `--test`.
pub fn program() -> PathBuf {
    let test = env::current_exe().unwrap();
    let program = test.parent().unwrap().parent().unwrap().join("examples/server");
    assert!(program.is_file(), "first run `cargo build --package tokio-socks5-sansio --example server`");
    program
}

impl Server {
    pub fn start(args: &[&str]) -> Self {
        Self::spawn(Command::new(program()).args(args), true)
    }

    /// Starts it by another command, made from the path of the program.
    pub fn start_with(command: impl FnOnce(PathBuf) -> Command) -> Self {
        Self::spawn(&mut command(program()), true)
    }

    /// Starts it with a log that is not read.
    pub fn start_unread() -> Self {
        Self::spawn(&mut Command::new(program()), false)
    }

    fn spawn(command: &mut Command, log_is_read: bool) -> Self {
        if !command.get_args().any(|arg| arg == "--listen") {
            command.args(["--listen", "127.0.0.1:0"]);
        }
        let mut process = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        if log_is_read {
            let mut log = process.stderr.take().unwrap();
            thread::spawn(move || log.read_to_end(&mut Vec::new()));
        }
        let first_line = BufReader::new(process.stdout.as_mut().unwrap()).lines().next().unwrap().unwrap();
        let address = first_line.strip_prefix("listening on ").unwrap().parse().unwrap();
        Self { address, process }
    }

    pub fn connect(&self) -> TcpStream {
        with_timeouts(TcpStream::connect(self.address).unwrap())
    }

    pub fn connect_from(&self, ip: IpAddr) -> TcpStream {
        let socket = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
        socket.bind(&SockAddr::from(SocketAddr::new(ip, 0))).unwrap();
        socket.connect(&self.address.into()).unwrap();
        with_timeouts(socket.into())
    }

    pub fn descriptors(&self) -> usize {
        fs::read_dir(format!("/proc/{}/fd", self.process.id())).unwrap().count()
    }

    /// The number of descriptors that are ends of pipes, also those of its output.
    pub fn pipes(&self) -> usize {
        let descriptors = fs::read_dir(format!("/proc/{}/fd", self.process.id())).unwrap();
        let files = descriptors.filter_map(|descriptor| fs::read_link(descriptor.unwrap().path()).ok());
        files.filter(|file| file.to_string_lossy().starts_with("pipe:")).count()
    }

    pub fn threads(&self) -> usize {
        fs::read_dir(format!("/proc/{}/task", self.process.id())).unwrap().count()
    }

    pub fn terminate(&self) {
        let pid = self.process.id().to_string();
        assert!(Command::new("kill").args(["-TERM", &pid]).status().unwrap().success());
    }

    pub fn wait(&mut self) -> ExitStatus {
        self.process.wait().unwrap()
    }
}

fn with_timeouts(stream: TcpStream) -> TcpStream {
    stream.set_read_timeout(Some(TEST_TIMEOUT)).unwrap();
    stream.set_write_timeout(Some(TEST_TIMEOUT)).unwrap();
    stream
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// Waits until the condition holds.
pub fn eventually(what: &str, condition: impl Fn() -> bool) {
    let started = Instant::now();
    while !condition() {
        assert!(started.elapsed() < TEST_TIMEOUT, "{what}: not within {TEST_TIMEOUT:?}");
        thread::sleep(Duration::from_millis(5));
    }
}
