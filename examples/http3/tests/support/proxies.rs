//! The proxies, over loopback.

use std::env;
use std::io::{BufRead, BufReader};
use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;
use std::thread::sleep;
use std::time::{Duration, Instant};

use fast_socks5::Socks5Command;
use fast_socks5::server::{DnsResolveHelper, Socks5ServerProtocol, run_udp_proxy};
use tempfile::TempDir;

const TEST_TIMEOUT: Duration = Duration::from_secs(30);

/// A program that ends with the test.
pub struct Running {
    pub address: SocketAddr,
    process: Child,
    _folder: Option<TempDir>,
}

impl Running {
    pub fn kill(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.kill();
    }
}

/// The example server of the workspace.
pub fn example_server() -> Running {
    example_server_at("127.0.0.1:0")
}

pub fn example_server_at(listen: &str) -> Running {
    static PROGRAM: OnceLock<PathBuf> = OnceLock::new();
    let mut command = Command::new(PROGRAM.get_or_init(build_example_server));
    let mut process = command.args(["--listen", listen]).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
    let first = BufReader::new(process.stdout.take().unwrap()).lines().next().unwrap().unwrap();
    let address = first.strip_prefix("listening on ").unwrap().parse().unwrap();
    Running { address, process, _folder: None }
}

fn build_example_server() -> PathBuf {
    let test = env::current_exe().unwrap();
    let target = test.ancestors().nth(3).unwrap().join("server");
    let mut build = Command::new(env!("CARGO"));
    build.args(["build", "--quiet", "--package", "tokio-socks5-sansio", "--example", "server", "--target-dir"]);
    let workspace = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    assert!(build.arg(&target).current_dir(workspace).status().unwrap().success());
    target.join("debug/examples/server")
}

/// dante's server. `None`: it is not installed.
pub fn dante() -> Option<Running> {
    let program = ["/usr/sbin/danted", "/usr/local/sbin/sockd"].into_iter().find(|path| Path::new(path).exists());
    let Some(program) = program else {
        assert!(env::var_os("INTEROP_REQUIRED").is_none(), "danted is not installed");
        eprintln!("skipped: danted is not installed");
        return None;
    };
    (0..5).find_map(|_| start_dante(program)) // another program may take the port
}

fn start_dante(program: &str) -> Option<Running> {
    let folder = tempfile::tempdir().unwrap();
    let address = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap().local_addr().unwrap();
    let (configuration, pid) = (folder.path().join("conf"), folder.path().join("pid"));
    std::fs::write(&configuration, DANTE.replace("PORT", &address.port().to_string())).unwrap();
    let mut command = Command::new(program);
    command.arg("-f").arg(configuration).arg("-p").arg(pid).env("TMPDIR", folder.path());
    let process = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    let mut running = Running { address, process, _folder: Some(folder) };
    listens(&mut running).then_some(running)
}

/// Waits until the program listens. Returns `false` if it has ended instead.
fn listens(running: &mut Running) -> bool {
    let started = Instant::now();
    while TcpStream::connect(running.address).is_err() {
        assert!(started.elapsed() < TEST_TIMEOUT, "it does not listen");
        if running.process.try_wait().unwrap().is_some() {
            return false;
        }
        sleep(Duration::from_millis(10));
    }
    true
}

const DANTE: &str = "
logoutput: stderr
internal: 127.0.0.1 port = PORT
external: 127.0.0.1
external: ::1
clientmethod: none
socksmethod: none
user.privileged: root
user.unprivileged: nobody
client pass { from: 0/0 to: 0/0 }
socks pass {
  from: 0/0 to: 0/0
  command: udpassociate udpreply
}
";

/// The server of fast-socks5, in this process.
pub async fn fast_socks5() -> SocketAddr {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(serve(stream, address.ip()));
        }
    });
    address
}

async fn serve(stream: tokio::net::TcpStream, ip: IpAddr) -> fast_socks5::Result<()> {
    let accepted = Socks5ServerProtocol::accept_no_auth(stream).await?.read_command().await?;
    let (proxy, command, destination) = accepted.resolve_dns().await?;
    assert_eq!(command, Socks5Command::UDPAssociate);
    run_udp_proxy(proxy, &destination, None, ip, None).await?;
    Ok(())
}
