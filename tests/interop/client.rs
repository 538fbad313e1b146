//! The example client through the example server, and through proxies that others wrote.

use std::io::Write;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpStream};
use std::path::Path;
use std::process::{Command, Output, Stdio};

use tempfile::TempDir;

use crate::support::{
    Running, Server, arg, closed_port, connect, datagram, echo, example, full_listener, page, program, read_all,
    read_exactly, read_line, run, serve, serve_datagrams, skip, start_on_free_port, text, udp_socket,
};

/// The error for any failure of SOCKS4.
pub const REJECTED: &str = "error: the proxy refused the request: rejected or failed (5B)\n";

fn client(proxy: SocketAddr, options: &[&str], destination: &str) -> Output {
    let mut command = example("client");
    command.args(["--proxy", &proxy.to_string()]).args(options).args(["connect", destination]);
    run(&mut command, b"hello\n")
}

pub fn echoes_hello(proxy: SocketAddr, options: &[&str], destination: &str) {
    let output = client(proxy, options, destination);
    assert_eq!((text(&output.stdout), text(&output.stderr)), ("hello\n", ""), "{options:?} {destination}");
    assert!(output.status.success());
}

pub fn fails(proxy: SocketAddr, options: &[&str], destination: &str, error: &str) {
    let output = client(proxy, options, destination);
    assert_eq!((text(&output.stdout), text(&output.stderr)), ("", error), "{options:?} {destination}");
    assert_eq!(output.status.code(), Some(1));
}

pub fn targets() -> [String; 3] {
    let (v4, v6) = (serve(Ipv4Addr::LOCALHOST, echo), serve(Ipv6Addr::LOCALHOST, echo));
    [v4.to_string(), v6.to_string(), format!("localhost:{}", v4.port())]
}

#[test]
fn times_out_if_the_proxy_accepts_no_connection() {
    let (_sockets, proxy) = full_listener();
    let error = format!("error: cannot connect to the proxy {proxy}: connection timed out\n");
    fails(proxy, &["--timeout", "1"], "192.0.2.1:80", &error);
}

#[test]
fn connects_through_the_example_server() {
    let server = Server::start(&[]);
    for target in targets() {
        echoes_hello(server.address, &[], &target);
        echoes_hello(server.address, &["--optimistic"], &target);
        echoes_hello(server.address, &["--user", "u", "--password", "p"], &target);
    }
}

#[test]
fn connects_through_the_example_server_with_credentials() {
    let server = Server::start(&["--user", "u", "--password", "p"]);
    let good = ["--user", "u", "--password", "p", "--optimistic"];
    let bad = ["--user", "u", "--password", "P", "--optimistic"];
    for target in targets() {
        for options in [&good[..4], &good] {
            echoes_hello(server.address, options, &target);
        }
        for options in [&bad[..4], &bad] {
            fails(server.address, options, &target, "error: the proxy rejected the credentials with status 01\n");
        }
        for options in [&[][..], &["--optimistic"]] {
            fails(server.address, options, &target, "error: the proxy accepts none of the methods offered\n");
        }
    }
}

#[test]
fn refusals_are_reported_in_one_line() {
    let server = Server::start(&[]);
    let closed = closed_port().to_string();
    for options in [&[][..], &["--optimistic"]] {
        fails(server.address, options, &closed, "error: the proxy refused the request: connection refused (05)\n");
        fails(
            server.address,
            options,
            "no-such-name.invalid:80",
            "error: the proxy refused the request: host unreachable (04)\n",
        );
    }
    fails(
        server.address,
        &[],
        "example.com",
        "error: cannot parse argument \"example.com\": expected HOST:PORT with a port of 0 to 65535\n",
    );
}

#[test]
fn connects_through_the_example_server_by_socks4() {
    let server = Server::start(&[]);
    let [v4, v6, name] = targets();
    for options in [&["--socks4"][..], &["--socks4", "--userid", "u"]] {
        echoes_hello(server.address, options, &v4);
        echoes_hello(server.address, options, &name);
    }
    fails(server.address, &["--socks4"], &v6, "error: socks4 has no ipv6 addresses\n");
    fails(server.address, &["--socks4"], &closed_port().to_string(), REJECTED);

    let server = Server::start(&["--user", "u", "--password", "p"]);
    fails(server.address, &["--socks4", "--userid", "u"], &v4, REJECTED);
}

pub fn exchanges_datagrams(proxy: SocketAddr, ip: IpAddr) {
    exchanges_datagrams_with(proxy, &[], &serve_datagrams(ip).to_string());
}

pub fn exchanges_datagrams_with(proxy: SocketAddr, options: &[&str], destination: &str) {
    let mut command = example("client");
    command.args(["--proxy", &proxy.to_string(), "udp", "--wait", "0"]).args(options).arg(destination);
    let (mut client, mut answers) = Running::with_stdout(command.stdin(Stdio::piped()));
    let mut stdin = client.0.stdin.take().unwrap();
    for line in ["hello", "there"] {
        writeln!(stdin, "{line}").unwrap();
        assert_eq!(read_line(&mut answers), line, "{proxy} {options:?} {destination}");
    }
    drop(stdin);
    assert!(client.0.wait().unwrap().success());
}

#[test]
fn exchanges_datagrams_through_the_example_server() {
    for listen in ["127.0.0.1:0", "[::1]:0"] {
        let server = Server::listen(listen, &[]);
        for ip in [Ipv4Addr::LOCALHOST.into(), Ipv6Addr::LOCALHOST.into()] {
            exchanges_datagrams(server.address, ip);
        }
    }
}

#[test]
fn exchanges_datagrams_in_the_connection_in_each_dialect() {
    let open = Server::start(&[]);
    let closed = Server::start(&["--user", "u", "--password", "p"]);
    let v4 = serve_datagrams(Ipv4Addr::LOCALHOST);
    let destinations =
        [v4.to_string(), serve_datagrams(Ipv6Addr::LOCALHOST).to_string(), format!("localhost:{}", v4.port())];
    for dialect in ["hev", "gost", "uot"] {
        for destination in &destinations {
            exchanges_datagrams_with(open.address, &["--in-tcp", dialect], destination);
            let options = ["--in-tcp", dialect, "--user", "u", "--password", "p", "--optimistic"];
            exchanges_datagrams_with(closed.address, &options, destination);
        }
    }
}

#[test]
fn refuses_a_gost_listener_and_bind_to_a_udp_over_tcp_name() {
    let server = Server::start(&[]);
    for (request, reply) in [
        (&[5, 0xF3, 0, 1, 0, 0, 0, 0, 0, 9][..], 7), // asks for a listener
        (b"\x05\x02\0\x03\x17sp.v2.udp-over-tcp.arpa\0\0", 4),
    ] {
        let mut stream = connect(server.address);
        stream.write_all(&[&[5, 1, 0], request].concat()).unwrap();
        let [_, _, version, code] = read_exactly(&stream);
        assert_eq!((version, code), (5, reply), "{request:?}");
    }
}

#[test]
fn a_fragmented_payload_arrives_complete_or_not_at_all() {
    let payload = page(1400).into_iter().map(|byte| byte | 0x80).collect::<Vec<u8>>();
    let lines = [payload.as_slice(), b"\nwhat comes next\n"].concat();
    for (args, arrives) in [(&["--reassemble"][..], &payload), (&[], &b"what comes next".to_vec())] {
        let server = Server::start(args);
        let target = udp_socket(Ipv4Addr::LOCALHOST.into());
        let to = target.local_addr().unwrap().to_string();
        let mut command = example("client");
        command.args(["--proxy", &server.address.to_string(), "udp", "--wait", "0", "--fragment", "500", &to]);
        let mut client = Running(command.stdin(Stdio::piped()).spawn().unwrap());
        client.0.stdin.as_mut().unwrap().write_all(&lines).unwrap();
        assert_eq!(datagram(&target).0, *arrives, "{args:?}");
        drop(client.0.stdin.take());
        assert!(client.0.wait().unwrap().success());
    }
}

#[test]
fn the_end_of_the_association_is_reported() {
    let proxy = serve(Ipv4Addr::LOCALHOST, |mut stream| {
        stream.write_all(&[5, 0, 5, 0, 0, 1, 0, 0, 0, 0, 0, 9]).unwrap();
        read_exactly::<13>(&stream);
    });
    let mut command = example("client");
    command.args(["--proxy", &proxy.to_string(), "udp", "--wait", "60", "127.0.0.1:9"]);
    let output = run(&mut command, b"");
    assert_eq!(text(&output.stderr), "error: the proxy ended the association\n");
    assert_eq!(output.status.code(), Some(1));
}

/// The client's `bind`: a peer connects to the address that it prints, and both send and receive.
pub fn accepts_a_peer(proxy: SocketAddr, options: &[&str], destination: &str) {
    let mut command = example("client");
    command.args(["--proxy", &proxy.to_string()]).args(options).args(["bind", destination]);
    let (mut client, mut news) = Running::with_stderr(command.stdin(Stdio::piped()).stdout(Stdio::piped()));
    let listening = read_line(&mut news);
    let peer = connect(listening.strip_prefix("listening on ").unwrap().parse().unwrap());
    assert_eq!(read_line(&mut news), format!("accepted from {}", peer.local_addr().unwrap()));

    (&peer).write_all(b"from the peer").unwrap();
    client.0.stdin.take().unwrap().write_all(b"from the client").unwrap();
    assert_eq!(text(&read_exactly::<15>(&peer)), "from the client");
    drop(peer);
    assert_eq!(text(&read_all(client.0.stdout.take().unwrap())), "from the peer");
    assert!(client.0.wait().unwrap().success());
}

pub fn sends_hello_and_expects_it_back(mut stream: TcpStream) {
    stream.write_all(b"hello").unwrap();
    assert_eq!(text(&read_exactly::<5>(&stream)), "hello");
}

#[test]
fn accepts_a_peer_through_the_example_server() {
    let server = Server::start(&[]);
    for destination in ["127.0.0.1:0", "0.0.0.0:0", "localhost:0"] {
        accepts_a_peer(server.address, &[], destination);
        accepts_a_peer(server.address, &["--socks4"], destination);
    }
    let server = Server::listen("[::1]:0", &[]);
    accepts_a_peer(server.address, &[], "[::1]:0");
}

#[test]
fn fails_when_the_server_is_not_a_proxy() {
    let web = serve(Ipv4Addr::LOCALHOST, |mut stream| {
        let _: [u8; 3] = read_exactly(&stream);
        let _ = stream.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n");
    });
    let error = "error: malformed message from the proxy: protocol version 0x48 is not 0x05\n";
    fails(web, &[], "example.com:80", error);

    let mute = serve(Ipv4Addr::LOCALHOST, |stream| assert_eq!(read_exactly(&stream), [5, 1, 0]));
    fails(mute, &[], "example.com:80", "error: the proxy closed the connection during the handshake\n");
}

#[test]
fn accepts_a_reply_with_an_empty_name() {
    let proxy = serve(Ipv4Addr::LOCALHOST, |mut stream| {
        let _: [u8; 3] = read_exactly(&stream);
        stream.write_all(&[5, 0]).unwrap();
        let _: [u8; 10] = read_exactly(&stream);
        stream.write_all(&[5, 0, 0, 3, 0, 0, 0]).unwrap();
        echo(stream);
    });
    echoes_hello(proxy, &[], "192.0.2.1:80");
}

#[test]
fn accepts_a_status_with_version_5() {
    let proxy = serve(Ipv4Addr::LOCALHOST, |mut stream| {
        let _: [u8; 4] = read_exactly(&stream);
        stream.write_all(&[5, 2]).unwrap();
        let _: [u8; 5] = read_exactly(&stream);
        stream.write_all(&[5, 0]).unwrap();
        let _: [u8; 10] = read_exactly(&stream);
        stream.write_all(&[5, 0, 0, 1, 0, 0, 0, 0, 0, 0]).unwrap();
        echo(stream);
    });
    echoes_hello(proxy, &["--user", "u", "--password", "p"], "192.0.2.1:80");
}

#[test]
fn connects_through_microsocks() {
    if program("microsocks").is_none() {
        return;
    }
    let (_open, address) = microsocks(&[]);
    for target in targets() {
        echoes_hello(address, &[], &target);
    }
    fails(address, &[], &closed_port().to_string(), "error: the proxy refused the request: connection refused (05)\n");

    let (_closed, address) = microsocks(&["-u", "u", "-P", "p"]);
    for target in targets() {
        echoes_hello(address, &["--user", "u", "--password", "p"], &target);
    }
    let bad = ["--user", "u", "--password", "P"];
    fails(address, &bad, "example.com:80", "error: the proxy rejected the credentials with status 02\n");
}

fn microsocks(args: &[&str]) -> (Running, SocketAddr) {
    start_on_free_port(|port| {
        let mut command = Command::new("microsocks");
        command.args(["-i", "127.0.0.1", "-p", &port.to_string()]).args(args);
        command
    })
}

#[test]
fn connects_through_ssh() {
    let folder = tempfile::tempdir().unwrap();
    let Some((_ssh, address)) = ssh(&folder) else { return };
    for target in targets() {
        echoes_hello(address, &[], &target);
    }
    let [v4, _, name] = targets();
    for target in [v4, name] {
        echoes_hello(address, &["--socks4"], &target);
    }
    let closed = closed_port().to_string();
    for options in [&[][..], &["--socks4"]] {
        fails(address, options, &closed, "error: the proxy closed the connection during the handshake\n");
    }
}

/// `ssh -D` to its own sshd, which is connected by a pipe and does not listen.
fn ssh(folder: &TempDir) -> Option<(Running, SocketAddr)> {
    program("ssh")?;
    program("sshd")?;
    if text(&run(Command::new("id").arg("-u"), b"").stdout) != "0\n" {
        return skip("sshd must be started by root here");
    }
    let folder = folder.path();
    prepare_ssh(folder);
    let at = |name: &str| arg(folder.join(name));
    let sshd = format!(
        "unshare -m sh -c 'mount -t tmpfs -o mode=755 none /run && mkdir -m 755 /run/sshd \
         && exec /usr/sbin/sshd -i -f {} -E {}'",
        at("sshd_config"),
        at("sshd.log"),
    );
    Some(start_on_free_port(|port| {
        let mut command = Command::new("ssh");
        command.args(["-F", "none", "-N", "-D", &format!("127.0.0.1:{port}"), "root@peer"]);
        for option in [
            format!("ProxyCommand={sshd}"),
            format!("IdentityFile={}", at("client_key")),
            format!("UserKnownHostsFile={}", at("known_hosts")),
            "GlobalKnownHostsFile=/dev/null".into(),
            "IdentitiesOnly=yes".into(),
            "IdentityAgent=none".into(),
            "HostKeyAlias=peer".into(),
            "UpdateHostKeys=no".into(),
            "BatchMode=yes".into(),
            "ExitOnForwardFailure=yes".into(),
        ] {
            command.args(["-o", &option]);
        }
        command
    }))
}

fn prepare_ssh(folder: &Path) {
    for key in ["host_key", "client_key"] {
        let path = arg(folder.join(key));
        let made = run(Command::new("ssh-keygen").args(["-q", "-t", "ed25519", "-N", "", "-f", &path]), b"");
        assert!(made.status.success(), "{}", text(&made.stderr));
    }
    let read = |name| std::fs::read_to_string(folder.join(name)).unwrap();
    let write = |name, content: String| std::fs::write(folder.join(name), content).unwrap();
    write("authorized_keys", read("client_key.pub"));
    write("known_hosts", format!("peer {}", read("host_key.pub")));
    let (host_key, authorized_keys) = (arg(folder.join("host_key")), arg(folder.join("authorized_keys")));
    write(
        "sshd_config",
        format!(
            "HostKey {host_key}\nAuthorizedKeysFile {authorized_keys}\nPermitRootLogin prohibit-password\n\
             StrictModes no\nUsePAM no\nPidFile none\nAllowTcpForwarding yes\n"
        ),
    );
}
