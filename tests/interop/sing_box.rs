//! sing-box between the example client and the example server: UDP over TCP, UDP ASSOCIATE, SOCKS4 and 4a.

use std::fs;
use std::net::{Ipv4Addr, SocketAddr};

use tempfile::NamedTempFile;

use crate::client::{echoes_hello, exchanges_datagrams_with};
use crate::support::{Running, Server, echo, program, serve, serve_datagrams, start_on_free_port};

/// A SOCKS server of all versions, which forwards through this outbound.
fn sing_box(outbound: &str) -> Option<(Running, SocketAddr)> {
    program("sing-box")?;
    let configuration = NamedTempFile::new().unwrap();
    Some(start_on_free_port(|port| {
        let text = format!(
            r#"{{
                "dns": {{ "servers": [{{ "type": "local", "tag": "system" }}] }},
                "inbounds": [{{ "type": "socks", "listen": "127.0.0.1", "listen_port": {port} }}],
                "outbounds": [{{ {outbound} }}],
                "route": {{ "default_domain_resolver": "system" }}
            }}"#
        );
        fs::write(&configuration, text).unwrap();
        let mut command = program("sing-box").unwrap();
        command.args(["run", "--config"]).arg(configuration.path());
        command
    }))
}

/// An outbound through this proxy.
fn through(proxy: SocketAddr, options: &str) -> String {
    let port = proxy.port();
    format!(
        r#""type": "socks", "server": "127.0.0.1", "server_port": {port}, "username": "u", "password": "p", {options}"#
    )
}

const HOSTS: [&str; 2] = ["127.0.0.1", "localhost"];

fn forwards_datagrams(args: &[&str], options: &str, request: &str) {
    let mut server = Server::start(args);
    let Some((_running, proxy)) = sing_box(&through(server.address, options)) else { return };
    let port = serve_datagrams(Ipv4Addr::LOCALHOST).port();
    for host in HOSTS {
        exchanges_datagrams_with(proxy, &[], &format!("{host}:{port}"));
        let line = server.log_line();
        assert!(line.contains(request), "{options}: {line}");
    }
}

#[test]
fn sends_datagrams_to_the_example_server() {
    for args in [&[][..], &["--user", "u", "--password", "p"]] {
        let in_tcp = r#""udp_over_tcp": { "enabled": true, "version": 2 }"#;
        forwards_datagrams(args, in_tcp, " CONNECT (01) sp.v2.udp-over-tcp.arpa:0: ");
        let in_tcp = r#""udp_over_tcp": { "enabled": true, "version": 1 }"#;
        forwards_datagrams(args, in_tcp, " CONNECT (01) sp.udp-over-tcp.arpa:0: ");
        forwards_datagrams(args, r#""version": "5""#, " UDP ASSOCIATE (03) ");
    }
}

#[test]
fn connects_to_the_example_server_by_each_version() {
    let port = serve(Ipv4Addr::LOCALHOST, echo).port();
    for version in ["4", "4a", "5"] {
        let mut server = Server::start(&[]);
        let options = format!(r#""version": "{version}""#);
        let Some((_running, proxy)) = sing_box(&through(server.address, &options)) else { return };
        for host in HOSTS {
            echoes_hello(proxy, &[], &format!("{host}:{port}"));
            let (line, sent) = (server.log_line(), if version == "4" { HOSTS[0] } else { host });
            assert!(line.contains(&format!(" CONNECT (01) {sent}:{port}: 6 bytes up, 6 down")), "{version} {line}");
        }
    }
}

#[test]
fn serves_the_example_client() {
    let Some((_running, proxy)) = sing_box(r#""type": "direct""#) else { return };
    let port = serve(Ipv4Addr::LOCALHOST, echo).port();
    let udp_port = serve_datagrams(Ipv4Addr::LOCALHOST).port();
    for host in HOSTS {
        for options in [&["--socks4"][..], &["--socks4", "--userid", "u"], &[]] {
            echoes_hello(proxy, options, &format!("{host}:{port}"));
        }
        for options in [&["--in-tcp", "uot"][..], &[]] {
            exchanges_datagrams_with(proxy, options, &format!("{host}:{udp_port}"));
        }
    }
}
