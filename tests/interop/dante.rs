//! dante: the example client through its server, and programs that know nothing of SOCKS through its `socksify`.

use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::process::Command;

use tempfile::TempDir;

use crate::client::{REJECTED, accepts_a_peer, echoes_hello, exchanges_datagrams, fails, targets};
use crate::support::{
    Running, Server, arg, closed_port, connect, page, program, read_line, run, serve, serve_datagrams,
    start_on_free_port, text, web,
};

/// dante's server, at an IPv4 and an IPv6 address.
struct Dante {
    _running: Running,
    _folder: TempDir,
    addresses: [SocketAddr; 2],
}

impl Dante {
    fn start() -> Option<Self> {
        program("danted")?;
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| arg(folder.path().join(name));
        let (running, address) = start_on_free_port(|port| {
            std::fs::write(at("conf"), CONFIGURATION.replace("PORT", &port.to_string())).unwrap();
            let mut command = program("danted").unwrap();
            command.args(["-f", &at("conf"), "-p", &at("pid")]).env("TMPDIR", folder.path());
            command
        });
        let addresses = [address, (Ipv6Addr::LOCALHOST, address.port()).into()];
        Some(Self { _running: running, _folder: folder, addresses })
    }
}

const CONFIGURATION: &str = "
logoutput: stderr
internal: 127.0.0.1 port = PORT
internal: ::1 port = PORT
external: 127.0.0.1
external: ::1
clientmethod: none
socksmethod: none
user.privileged: root
user.unprivileged: nobody
client pass { from: 0/0 to: 0/0 }
socks pass {
  from: 0/0 to: 0/0
  command: connect bind bindreply udpassociate udpreply
}
";

#[test]
fn the_client_connects_through_dante() {
    let Some(dante) = Dante::start() else { return };
    for proxy in dante.addresses {
        for target in targets() {
            echoes_hello(proxy, &[], &target);
        }
        let closed = closed_port().to_string();
        fails(proxy, &[], &closed, "error: the proxy refused the request: connection refused (05)\n");
        echoes_hello(proxy, &["--socks4"], &targets()[0]);
        fails(proxy, &["--socks4"], &closed, REJECTED);
    }
}

#[test]
fn the_client_exchanges_datagrams_through_dante() {
    let Some(dante) = Dante::start() else { return };
    for proxy in dante.addresses {
        for ip in [Ipv4Addr::LOCALHOST.into(), Ipv6Addr::LOCALHOST.into()] {
            exchanges_datagrams(proxy, ip);
        }
    }
}

#[test]
fn the_client_accepts_a_peer_through_dante() {
    let Some(dante) = Dante::start() else { return };
    for proxy in dante.addresses {
        accepts_a_peer(proxy, &[], &format!("{}:0", if proxy.is_ipv6() { "[::1]" } else { "127.0.0.1" }));
        accepts_a_peer(proxy, &["--socks4"], "127.0.0.1:0");
    }
}

/// Runs a program whose connections and datagrams go through the server, loopback included.
fn socksify(protocol: &str, server: &Server, folder: &TempDir) -> Option<Command> {
    let mut command = program("socksify")?;
    let at = |name: &str| arg(folder.path().join(name));
    let configuration = ROUTES
        .replace("PORT", &server.address.port().to_string())
        .replace("LOG", &at("log"))
        .replace("PROTOCOL", protocol);
    std::fs::write(at("conf"), configuration).unwrap();
    command.env("SOCKS_CONF", at("conf")).env("SOCKS_AUTOADD_LANROUTES", "no");
    Some(command)
}

const ROUTES: &str = "
logoutput: LOG
resolveprotocol: fake
route {
  from: 0.0.0.0/0 to: 0.0.0.0/0 via: 127.0.0.1 port = PORT
  proxyprotocol: PROTOCOL
  protocol: tcp udp
  command: connect udpassociate bind bindreply udpreply
  method: none
}
";

#[test]
fn socksify_connects() {
    for protocol in ["socks_v4", "socks_v5"] {
        let mut server = Server::start(&[]);
        let folder = tempfile::tempdir().unwrap();
        let Some(mut socksify) = socksify(protocol, &server, &folder) else { return };
        let url = format!("http://{}/1000", serve(Ipv4Addr::LOCALHOST, web));
        assert_eq!(run(socksify.args(["curl", "--silent", &url]), b"").stdout, page(1000));
        let line = server.log_line();
        assert!(line.contains(" CONNECT "), "{line}");
    }
}

const DATAGRAM: &str = "
import socket, sys
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.settimeout(30)
for _ in range(3):
    s.sendto(b'hello', (sys.argv[1], int(sys.argv[2])))
    data, (ip, port) = s.recvfrom(100)
    print(data.decode(), ip, port)
";

#[test]
fn socksify_exchanges_datagrams() {
    let mut server = Server::start(&[]);
    let folder = tempfile::tempdir().unwrap();
    let Some(mut socksify) = socksify("socks_v5", &server, &folder) else { return };
    let target = serve_datagrams(Ipv4Addr::LOCALHOST);
    let port = target.port().to_string();
    let output = run(socksify.args(["python3", "-c", DATAGRAM, "127.0.0.1", &port]), b"");
    assert_eq!(text(&output.stdout), format!("hello 127.0.0.1 {port}\n").repeat(3), "{}", text(&output.stderr));
    let line = server.log_line();
    assert!(line.contains(" UDP ASSOCIATE ") && line.ends_with(": 15 bytes up, 15 down\n"), "{line}");
}

/// Python's own `accept` calls `accept4`, which `socksify` does not intercept.
const LISTEN: &str = "
import ctypes, os, socket
s = socket.socket()
s.bind(('0.0.0.0', 0))
s.listen(1)
print(*s.getsockname(), sep=':', flush=True)
address, size = ctypes.create_string_buffer(128), ctypes.c_uint32(128)
peer = ctypes.CDLL(None).accept(s.fileno(), address, ctypes.byref(size))
os.write(peer, os.read(peer, 100))
";

#[test]
fn socksify_accepts_a_peer() {
    for protocol in ["socks_v4", "socks_v5"] {
        let mut server = Server::start(&[]);
        let folder = tempfile::tempdir().unwrap();
        let Some(mut socksify) = socksify(protocol, &server, &folder) else { return };
        let (mut listening, mut lines) = Running::with_stdout(socksify.args(["python3", "-c", LISTEN]));
        let address = read_line(&mut lines).parse().unwrap();
        crate::client::sends_hello_and_expects_it_back(connect(address));
        assert!(listening.0.wait().unwrap().success());
        let line = server.log_line();
        assert!(line.contains(" BIND "), "{line}");
    }
}
