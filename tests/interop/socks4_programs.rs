//! Programs with SOCKS4 and 4a, through the example server.

use std::io::Write;
use std::net::{Ipv4Addr, Shutdown, SocketAddr, TcpStream};
use std::process::Output;

use crate::programs::{curl, node, pysocks};
use crate::socks4::{CREDENTIALS_REQUIRED, is_untouched, untouched};
use crate::support::{Server, program, read_all, read_exactly, run, serve, text};

/// Sends hello to the port of the host through the proxy, with the USERID `u`, and prints the answer.
struct Client {
    run: fn(proxy: SocketAddr, host: &str, port: &str) -> Option<Output>,
    /// Whether the name is resolved by the proxy: SOCKS4a.
    sends_names: bool,
    /// What it prints when it is refused.
    refusal: &'static str,
}

const CLIENTS: [Client; 9] = [
    Client { run: |proxy, host, port| gopher("socks4", proxy, host, port), sends_names: false, refusal: "(91)" },
    Client { run: |proxy, host, port| gopher("socks4a", proxy, host, port), sends_names: true, refusal: "(91)" },
    Client { run: |proxy, host, port| ncat("local", proxy, host, port), sends_names: false, refusal: NCAT_REFUSAL },
    Client { run: |proxy, host, port| ncat("remote", proxy, host, port), sends_names: true, refusal: NCAT_REFUSAL },
    Client { run: |proxy, host, port| python("4", proxy, host, port), sends_names: false, refusal: "0x5b" },
    Client { run: |proxy, host, port| python("4a", proxy, host, port), sends_names: true, refusal: "0x5b" },
    Client {
        run: |proxy, host, port| connect_proxy("local", proxy, host, port),
        sends_names: false,
        refusal: CONNECT_PROXY_REFUSAL,
    },
    Client {
        run: |proxy, host, port| connect_proxy("remote", proxy, host, port),
        sends_names: true,
        refusal: CONNECT_PROXY_REFUSAL,
    },
    Client { run: |proxy, host, port| socks("connect", proxy, host, port), sends_names: true, refusal: NODE_REFUSAL },
];

const CONNECT_PROXY_REFUSAL: &str = "error response: 91";
const NCAT_REFUSAL: &str = "Proxy connection failed";
const NODE_REFUSAL: &str = "Socks4 Proxy rejected connection";

const JAVA: Client = Client { run: java, sends_names: false, refusal: "SOCKS request rejected" };

/// curl sends what follows the gopher type `0`.
fn gopher(scheme: &str, proxy: SocketAddr, host: &str, port: &str) -> Option<Output> {
    curl(&format!("{scheme}://u@{proxy}"), &format!("gopher://{host}:{port}/0hello"))
}

fn ncat(resolver: &str, proxy: SocketAddr, host: &str, port: &str) -> Option<Output> {
    let mut ncat = program("ncat")?;
    ncat.args(["--proxy-type", "socks4", "--proxy-auth", "u", "--proxy-dns", resolver, "--proxy", &proxy.to_string()]);
    Some(run(ncat.args([host, port]), b"hello"))
}

fn python(version: &str, proxy: SocketAddr, host: &str, port: &str) -> Option<Output> {
    pysocks(version, &["127.0.0.1", &proxy.port().to_string(), "connect", host, port, "u", ""])
}

fn connect_proxy(resolver: &str, proxy: SocketAddr, host: &str, port: &str) -> Option<Output> {
    let mut connect = program("connect-proxy")?;
    Some(run(connect.args(["-4", "-R", resolver, "-S", &format!("u@{proxy}"), host, port]), b"hello"))
}

fn socks(command: &str, proxy: SocketAddr, host: &str, port: &str) -> Option<Output> {
    node("4", &["127.0.0.1", &proxy.port().to_string(), command, host, port, "u"])
}

fn java(proxy: SocketAddr, host: &str, port: &str) -> Option<Output> {
    let mut java = program("java")?;
    let port_of_proxy = format!("-DsocksProxyPort={}", proxy.port());
    java.args(["-DsocksProxyHost=127.0.0.1", &port_of_proxy, "-DsocksProxyVersion=4", "-DsocksNonProxyHosts="]);
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/Hello.java");
    Some(run(java.args(["-Duser.name=u", script, host, port]), b""))
}

/// Returns the hello, and closes when the client has.
fn answer(mut stream: TcpStream) {
    let hello = read_exactly::<5>(&stream);
    stream.write_all(&hello).unwrap();
    stream.shutdown(Shutdown::Write).unwrap();
    read_all(stream);
}

fn connect(clients: &[Client]) {
    let mut server = Server::start(&[]);
    let port = serve(Ipv4Addr::LOCALHOST, answer).port().to_string();
    for (client, host) in with_hosts(clients) {
        let Some(output) = (client.run)(server.address, host, &port) else { continue };
        assert_eq!(text(&output.stdout).trim_end(), "hello", "{}", text(&output.stderr));
        let (line, sent) = (server.log_line(), if client.sends_names { host } else { "127.0.0.1" });
        assert!(line.contains(&format!(" CONNECT (01) {sent}:{port}: ")), "{line}");
    }
}

fn are_refused(clients: &[Client]) {
    let mut server = Server::start(&["--user", "u", "--password", "p"]);
    let target = untouched();
    let port = target.local_addr().unwrap().port().to_string();
    for (client, host) in with_hosts(clients) {
        let Some(output) = (client.run)(server.address, host, &port) else { continue };
        let error = text(&output.stderr);
        assert!(!output.status.success() && output.stdout.is_empty() && error.contains(client.refusal), "{error}");
        let line = server.log_line();
        assert!(line.ends_with(CREDENTIALS_REQUIRED), "{line}");
    }
    assert!(is_untouched(&target));
}

fn with_hosts(clients: &[Client]) -> impl Iterator<Item = (&Client, &str)> {
    clients.iter().flat_map(|client| [(client, "127.0.0.1"), (client, "localhost")])
}

#[test]
fn programs_connect() {
    connect(&CLIENTS);
}

#[test]
fn programs_are_refused_if_credentials_are_required() {
    are_refused(&CLIENTS);
}

#[test]
#[ignore = "a Java runtime takes 180 MB"]
fn java_connects_and_is_refused_if_credentials_are_required() {
    connect(&[JAVA]);
    are_refused(&[JAVA]);
}

#[test]
fn node_accepts_a_peer() {
    let mut open = Server::start(&[]);
    let mut closed = Server::start(&["--user", "u", "--password", "p"]);
    for peer in ["127.0.0.1", "0.0.0.0"] {
        let Some(output) = socks("bind", open.address, peer, "0") else { return };
        assert_eq!(text(&output.stdout), "hello\n", "{}", text(&output.stderr));
        let line = open.log_line();
        assert!(line.contains(&format!(" BIND (02) {peer}:0: ")), "{line}");

        let Some(output) = socks("bind", closed.address, peer, "0") else { return };
        assert!(text(&output.stderr).contains(NODE_REFUSAL), "{}", text(&output.stderr));
        let line = closed.log_line();
        assert!(line.ends_with(CREDENTIALS_REQUIRED), "{line}");
    }
}
