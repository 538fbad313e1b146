//! Clients that others wrote, through the example server.

use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::process::Output;

use crate::support::{Server, closed_port, echo, page, program, run, serve, serve_datagrams, skip, text, web};

/// curl's "cannot complete the SOCKS handshake".
const CURL_PROXY: i32 = 97;

fn curl(proxy: &str, url: &str) -> Option<Output> {
    let mut curl = program("curl")?;
    Some(run(curl.args(["--silent", "--show-error", "--max-time", "60", "--proxy", proxy, url]), b""))
}

fn fetches(proxy: &str, url: &str, len: usize) {
    let Some(output) = curl(proxy, url) else { return };
    assert!(output.status.success(), "{proxy} {url}: {}", text(&output.stderr));
    assert!(output.stdout == page(len), "{proxy} {url}: {} octets", output.stdout.len());
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
fn curl_with_credentials() {
    let server = Server::start(&["--user", "u", "--password", "p"]);
    let url = format!("http://{}/10", serve(Ipv4Addr::LOCALHOST, web));
    fetches(&format!("socks5h://u:p@{}", server.address), &url, 10);
    is_refused(&format!("socks5h://u:P@{}", server.address), &url, "User was rejected");
    is_refused(&format!("socks5h://{}", server.address), &url, "No authentication method was acceptable");
}

#[test]
fn curl_is_told_why() {
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

const PYTHON: &str = include_str!("pysocks.py");

/// Runs the script with a Python that has PySocks, if there is one.
fn pysocks(args: &[&str]) -> Option<Output> {
    for python in ["/usr/bin/python3", "python3"] {
        let output = run(program(python)?.args(["-c", PYTHON]).args(args), b"");
        if !text(&output.stderr).contains("No module named 'socks'") {
            return Some(output);
        }
    }
    skip("PySocks is not installed")
}

/// Says hello to the target in each way, with and without credentials.
fn says_hello(run: impl Fn(&[&str]) -> Option<Output>, command: &str, hosts: &[&str], target: SocketAddr) {
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
    says_hello(pysocks, "connect", &["127.0.0.1", "localhost"], serve(Ipv4Addr::LOCALHOST, echo));
}

#[test]
fn pysocks_exchanges_datagrams() {
    says_hello(pysocks, "udp", &["127.0.0.1"], serve_datagrams(Ipv4Addr::LOCALHOST));
}

const SCRIPT: &str = include_str!("node_socks.js");

/// Runs the script with Node, if it has `socks`: in `NODE_PATH`.
fn node(args: &[&str]) -> Option<Output> {
    let output = run(program("node")?.args(["-e", SCRIPT, "--"]).args(args), b"");
    if text(&output.stderr).contains("Cannot find module 'socks'") {
        return skip("Node's socks is not installed");
    }
    Some(output)
}

#[test]
fn node_connects() {
    says_hello(node, "connect", &["127.0.0.1", "localhost"], serve(Ipv4Addr::LOCALHOST, echo));
}

#[test]
fn node_exchanges_datagrams() {
    says_hello(node, "associate", &["127.0.0.1"], serve_datagrams(Ipv4Addr::LOCALHOST));
}

#[test]
fn node_accepts_a_peer() {
    says_hello(node, "bind", &["127.0.0.1", "0.0.0.0"], SocketAddr::from((Ipv4Addr::LOCALHOST, 0)));
}
