//! Clients that others wrote, through the example server.

use std::io::BufRead;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket};
use std::process::{Output, Stdio};
use std::thread;

use crate::support::{
    Running, Server, closed_port, datagram, echo, page, program, run, serve, serve_datagrams, skip, text, udp_socket,
    web,
};

/// curl's "cannot complete the SOCKS handshake".
const CURL_PROXY: i32 = 97;

pub fn curl(proxy: &str, url: &str) -> Option<Output> {
    let mut curl = program("curl")?;
    Some(run(curl.args(["--silent", "--show-error", "--max-time", "60", "--proxy", proxy, url]), b""))
}

fn fetches(proxy: &str, url: &str, len: usize) {
    let Some(output) = curl(proxy, url) else { return };
    assert!(output.status.success(), "{proxy} {url}: {}", text(&output.stderr));
    assert!(output.stdout == page(len), "{proxy} {url}: {} bytes", output.stdout.len());
}

fn is_refused(proxy: &str, url: &str, error: &str) {
    let Some(output) = curl(proxy, url) else { return };
    assert_eq!(output.status.code(), Some(CURL_PROXY), "{proxy} {url}");
    assert!(text(&output.stderr).contains(error), "{}", text(&output.stderr));
}

#[test]
fn curl_fetches_a_page() {
    let server = Server::start(&[]);
    let (v4, v6) = (serve(Ipv4Addr::LOCALHOST, web), serve(Ipv6Addr::LOCALHOST, web));
    for scheme in ["socks5", "socks5h"] {
        let proxy = format!("{scheme}://{}", server.address);
        fetches(&proxy, &format!("http://localhost:{}/1000", v4.port()), 1000);
        fetches(&proxy, &format!("http://{v4}/1000"), 1000);
        fetches(&proxy, &format!("http://{v6}/1000"), 1000);
    }
}

#[test]
fn curl_fetches_50_mib() {
    let server = Server::start(&[]);
    let web = serve(Ipv4Addr::LOCALHOST, web);
    let len = 50 << 20;
    fetches(&format!("socks5h://{}", server.address), &format!("http://localhost:{}/{len}", web.port()), len);
}

#[test]
fn curl_logs_in_with_credentials() {
    let server = Server::start(&["--user", "u", "--password", "p"]);
    let url = format!("http://{}/10", serve(Ipv4Addr::LOCALHOST, web));
    fetches(&format!("socks5h://u:p@{}", server.address), &url, 10);
    is_refused(&format!("socks5h://u:P@{}", server.address), &url, "User was rejected");
    is_refused(&format!("socks5h://{}", server.address), &url, "No authentication method was acceptable");
}

#[test]
fn curl_reports_the_reply_code() {
    let server = Server::start(&[]);
    let proxy = format!("socks5h://{}", server.address);
    is_refused(&proxy, &format!("http://{}/", closed_port()), "(5)");
    is_refused(&proxy, "http://no-such-name.invalid/", "(4)");
}

#[test]
fn the_command_that_the_server_prints_works() {
    let server = Server::start(&[]);
    let url = format!("http://{}/10", serve(Ipv4Addr::LOCALHOST, web));
    let command = server.hint.strip_prefix("try: curl ").unwrap().replace("http://example.com/", &url);
    let Some(mut curl) = program("curl") else { return };
    assert_eq!(run(curl.arg("--silent").args(command.split(' ')), b"").stdout, page(10));
}

/// Runs a script with a Python that has the module, if there is one.
fn python(module: &str, script: &str, args: &[&str]) -> Option<Output> {
    for python in ["/usr/bin/python3", "python3"] {
        let output = run(program(python)?.args(["-c", script]).args(args), b"");
        if !text(&output.stderr).contains(&format!("No module named '{module}'")) {
            return Some(output);
        }
    }
    skip(&format!("Python's {module} is not installed"))
}

pub fn pysocks(version: &str, args: &[&str]) -> Option<Output> {
    python("socks", include_str!("pysocks.py"), &[&[version], args].concat())
}

/// Runs a client that sends hello to each host at the target's port, without credentials and with them.
fn echoes_hello(run: impl Fn(&[&str]) -> Option<Output>, command: &str, hosts: &[&str], target: SocketAddr) {
    let open = Server::start(&[]);
    let closed = Server::start(&["--user", "u", "--password", "p"]);
    let port = target.port().to_string();
    for host in hosts {
        for (server, credentials) in [(&open, &[][..]), (&closed, &["u", "p"])] {
            let proxy = server.address.port().to_string();
            let args = [&["127.0.0.1", &proxy, command, host, &port], credentials].concat();
            let Some(output) = run(&args) else { return };
            assert_eq!((text(&output.stdout), text(&output.stderr)), ("hello\n", ""), "{args:?}");
        }
    }
}

#[test]
fn pysocks_connects() {
    echoes_hello(|args| pysocks("5", args), "connect", &["127.0.0.1", "localhost"], serve(Ipv4Addr::LOCALHOST, echo));
}

#[test]
fn pysocks_exchanges_datagrams() {
    echoes_hello(|args| pysocks("5", args), "udp", &["127.0.0.1"], serve_datagrams(Ipv4Addr::LOCALHOST));
}

const SCRIPT: &str = include_str!("node_socks.js");

/// Runs the script with Node, if `NODE_PATH` has the package `socks`.
pub fn node(version: &str, args: &[&str]) -> Option<Output> {
    let output = run(program("node")?.args(["-e", SCRIPT, "--", version]).args(args), b"");
    if text(&output.stderr).contains("Cannot find module 'socks'") {
        return skip("Node's socks is not installed");
    }
    Some(output)
}

#[test]
fn node_connects() {
    echoes_hello(|args| node("5", args), "connect", &["127.0.0.1", "localhost"], serve(Ipv4Addr::LOCALHOST, echo));
}

#[test]
fn node_exchanges_datagrams() {
    echoes_hello(|args| node("5", args), "associate", &["127.0.0.1"], serve_datagrams(Ipv4Addr::LOCALHOST));
}

#[test]
fn node_accepts_a_peer() {
    echoes_hello(|args| node("5", args), "bind", &["127.0.0.1", "0.0.0.0"], SocketAddr::from((Ipv4Addr::LOCALHOST, 0)));
}

fn qt(args: &[&str]) -> Option<Output> {
    python("PyQt6", include_str!("qt.py"), args)
}

#[test]
fn qt_connects() {
    echoes_hello(qt, "connect", &["127.0.0.1", "localhost"], serve(Ipv4Addr::LOCALHOST, echo));
}

#[test]
fn qt_exchanges_datagrams() {
    echoes_hello(qt, "udp", &["127.0.0.1"], serve_datagrams(Ipv4Addr::LOCALHOST));
}

#[test]
fn qt_accepts_a_peer() {
    echoes_hello(qt, "bind", &["0.0.0.0"], SocketAddr::from((Ipv4Addr::LOCALHOST, 0)));
}

#[test]
fn qt_goes_through_the_server() {
    let mut server = Server::start(&[]);
    let (proxy, target) = (server.address.port().to_string(), serve_datagrams(Ipv4Addr::LOCALHOST).port().to_string());
    for (command, host, port, logged) in [
        ("udp", "127.0.0.1", &*target, [" UDP ASSOCIATE ", ": 5 bytes up, 5 down"]),
        ("bind", "0.0.0.0", "0", [" BIND ", ": 0 bytes up, 5 down"]),
    ] {
        let Some(output) = qt(&["127.0.0.1", &proxy, command, host, port]) else { return };
        assert_eq!(text(&output.stdout), "hello\n", "{}", text(&output.stderr));
        let line = server.log_line();
        assert!(logged.iter().all(|part| line.contains(part)), "{line}");
    }
}

/// A BitTorrent tracker (BEP 15) with one peer.
fn tracker() -> SocketAddr {
    let socket = udp_socket(Ipv4Addr::LOCALHOST.into());
    let address = socket.local_addr().unwrap();
    socket.set_read_timeout(None).unwrap();
    thread::spawn(move || {
        loop {
            answer_announce(&socket);
        }
    });
    address
}

/// Answers with the action and the transaction of the request, then the connection's number or the peers.
fn answer_announce(tracker: &UdpSocket) {
    const ANNOUNCE: [u8; 4] = [0, 0, 0, 1];
    let (request, from) = datagram(tracker);
    let Some(head) = request.get(8..16) else { return };
    let peers = [&1800_u32.to_be_bytes()[..], &[0; 7], &[1, 192, 0, 2, 1, 0x1a, 0xe1]].concat();
    let body = if head.starts_with(&ANNOUNCE) { &*peers } else { b"12345678" };
    tracker.send_to(&[head, body].concat(), from).unwrap();
}

#[test]
fn libtorrent_announces_to_a_udp_tracker() {
    for (options, credentials) in [(&[][..], &[][..]), (&["--user", "u", "--password", "p"], &["u", "p"])] {
        let mut server = Server::start(options);
        let (proxy, tracker) = (server.address.port().to_string(), tracker().port().to_string());
        let args = [&[&*proxy, &tracker], credentials].concat();
        let Some(output) = python("libtorrent", include_str!("libtorrent_announce.py"), &args) else { return };
        assert_eq!(text(&output.stdout), "1 peers\n", "{}", text(&output.stderr));
        let line = server.log_line();
        assert!(line.contains(" UDP ASSOCIATE ") && line.ends_with(" down\n"), "{line}");
        assert!(!line.ends_with(": 0 bytes up, 0 down\n"), "{line}");
    }
}

/// Without keys. The peer returns every packet, so that each ping is answered with a ping.
#[test]
fn openvpn_reaches_its_peer() {
    let mut server = Server::start(&[]);
    let (proxy, peer) = (server.address.port().to_string(), serve_datagrams(Ipv4Addr::LOCALHOST).port().to_string());
    let Some(mut openvpn) = program("openvpn") else { return };
    openvpn.args(["--dev", "null", "--proto", "udp", "--nobind", "--remote", "127.0.0.1", &peer]);
    openvpn.args(["--socks-proxy", "127.0.0.1", &proxy, "--cipher", "none", "--auth", "none"]);
    openvpn.args(["--ping", "1", "--ping-exit", "30"]).stdin(Stdio::null());
    let (openvpn, lines) = Running::with_stdout(&mut openvpn);
    assert!(lines.lines().any(|line| line.unwrap().contains("Initialization Sequence Completed")));
    drop(openvpn);
    let line = server.log_line();
    assert!(line.contains(" UDP ASSOCIATE ") && line.contains(" bytes up, "), "{line}");
    assert!(!line.contains(" 0 bytes up") && !line.contains(", 0 down"), "{line}");
}
