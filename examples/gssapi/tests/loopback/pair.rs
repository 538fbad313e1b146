//! The example client through the example server: at each level, and with the errors of both.

use std::env;
use std::net::{Ipv4Addr, SocketAddr};
use std::process::{Command, Output};

use crate::support::{Server, closed_port, page, run, serve, skip, text, web};

/// An example server with the realm's keys, if there is a realm.
pub fn server(args: &[&str]) -> Option<Server> {
    if env::var_os("KRB5_KTNAME").is_none() {
        return skip("there is no realm");
    }
    Some(Server::from_command(Command::new(env!("CARGO_BIN_EXE_server")).args(["--listen", "127.0.0.1:0"]).args(args)))
}

pub const ALL_LEVELS: [&str; 2] = ["--protection", "clear,integrity,confidentiality"];

/// The example client, which asks for a page of this length in bytes.
pub fn client(proxy: SocketAddr, args: &[&str], destination: &str, len: usize) -> Output {
    let mut client = Command::new(env!("CARGO_BIN_EXE_client"));
    client.args(["--proxy", &proxy.to_string()]).args(args).arg(destination);
    run(&mut client, format!("GET /{len} HTTP/1.1\r\n\r\n").as_bytes())
}

pub fn fetches(proxy: SocketAddr, level: &str, destination: &str, len: usize) {
    let output = client(proxy, &["--protection", level], destination, len);
    assert_eq!(text(&output.stderr), "", "{level} {destination}");
    assert!(output.status.success() && output.stdout.ends_with(&page(len)), "{level} {destination}");
}

/// The client, without waiting long, ends with this error.
pub fn fails(proxy: SocketAddr, level: &str, destination: &str, error: &str) {
    let output = client(proxy, &["--protection", level, "--handshake-timeout", "1"], destination, 10);
    assert!(text(&output.stderr).starts_with(&format!("error: {error}")), "{}", text(&output.stderr));
    assert_eq!((output.status.code(), output.stdout.as_slice()), (Some(1), [].as_slice()));
}

#[test]
fn fetches_a_page_at_each_level() {
    let Some(mut server) = server(&ALL_LEVELS) else { return };
    let web = serve(Ipv4Addr::LOCALHOST, web);
    for (level, number) in [("clear", "00"), ("integrity", "01"), ("confidentiality", "02")] {
        fetches(server.address, level, &web.to_string(), 1_000_000);
        let line = server.log_line();
        assert!(line.contains(&format!(": alice@SOCKS.TEST at {level} ({number}): CONNECT (01) {web}: ")), "{line}");
    }
}

#[test]
fn the_client_rejects_another_level_than_it_requested() {
    let Some(integrity) = server(&["--protection", "integrity"]) else { return };
    let web = serve(Ipv4Addr::LOCALHOST, web).to_string();
    fails(integrity.address, "clear", &web, "the proxy chose protection level integrity (01)\n");
    fails(integrity.address, "confidentiality", &web, "the proxy chose protection level integrity (01)\n");
    fetches(integrity.address, "integrity", &web, 10);
}

#[test]
fn the_client_fails_without_a_ticket() {
    let Some(mut server) = server(&[]) else { return };
    let mut client = Command::new(env!("CARGO_BIN_EXE_client"));
    client.args(["--proxy", &server.address.to_string(), "localhost:80"]).env("KRB5CCNAME", "FILE:/none");
    let output = run(&mut client, b"");
    assert!(text(&output.stderr).contains("No Kerberos credentials available"), "{}", text(&output.stderr));
    assert!(server.log_line().ends_with(": the peer aborted\n"));
}

#[test]
fn the_server_rejects_a_ticket_for_another_service() {
    let Some(mut server) = server(&["--service", "rcmd@127.0.0.1"]) else { return };
    let web = serve(Ipv4Addr::LOCALHOST, web).to_string();
    fails(server.address, "integrity", &web, "the peer aborted\n");
    assert!(!server.log_line().contains("alice"));
    let output = client(server.address, &["--service", "rcmd@127.0.0.1"], &web, 10);
    assert!(output.stdout.ends_with(&page(10)), "{}", text(&output.stderr));
}

#[test]
fn the_server_does_not_start_without_keys() {
    let Some(_) = server(&[]) else { return };
    let output = run(Command::new(env!("CARGO_BIN_EXE_server")).env("KRB5_KTNAME", "FILE:/none"), b"");
    assert!(text(&output.stderr).starts_with("error: ") && output.status.code() == Some(1), "{}", text(&output.stderr));
}

#[test]
fn a_refusal_is_wrapped_too() {
    let Some(mut server) = server(&[]) else { return };
    for level in ["integrity", "confidentiality"] {
        fails(
            server.address,
            level,
            &closed_port().to_string(),
            "the proxy refused the request: connection refused (05)\n",
        );
        assert!(server.log_line().contains("onnection refused"));
    }
}
