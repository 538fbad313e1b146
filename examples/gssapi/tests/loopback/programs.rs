//! libcurl and dante.

use std::env;
use std::io::Write;
use std::net::{Ipv4Addr, Shutdown, SocketAddr};
use std::path::PathBuf;
use std::process::{Command, Output};

use tempfile::TempDir;

use crate::pair::{ALL_LEVELS, fetches, server};
use crate::support::{
    Running, arg, connect, page, program, read_all, read_exactly, read_line, run, serve, serve_datagrams, skip,
    start_on_free_port, text, web,
};

const PYCURL: &str = include_str!("pycurl.py");

/// Fetches a page through libcurl, if there is one with GSSAPI.
fn pycurl(proxy: SocketAddr, web: SocketAddr, nec: &str, ticket: Option<&str>) -> Option<Output> {
    let mut python = program("python3")?;
    python.args(["-c", PYCURL, &format!("socks5h://localhost:{}", proxy.port()), &format!("http://{web}/1000"), nec]);
    python.envs(ticket.map(|ticket| ("KRB5CCNAME", ticket)));
    let output = run(&mut python, b"");
    if text(&output.stderr).contains("No module named 'pycurl'") {
        return skip("pycurl is not installed");
    }
    Some(output)
}

#[test]
fn libcurl_fetches_a_page() {
    let Some(mut server) = server(&["--protection", "clear"]) else { return };
    let web = serve(Ipv4Addr::LOCALHOST, web);
    for nec in ["0", "1"] {
        let Some(output) = pycurl(server.address, web, nec, None) else { return };
        assert!(output.stdout == page(1000), "{}", text(&output.stderr));
        let line = server.log_line();
        assert!(line.contains(": alice@SOCKS.TEST at clear (00): CONNECT (01) "), "{line}");
    }
}

#[test]
fn libcurl_is_refused_without_a_ticket() {
    let Some(mut server) = server(&ALL_LEVELS) else { return };
    let Some(output) = pycurl(server.address, serve(Ipv4Addr::LOCALHOST, web), "0", Some("FILE:/none")) else { return };
    assert!(!output.status.success() && output.stdout.is_empty());
    assert!(text(&output.stderr).contains("No Kerberos credentials available"), "{}", text(&output.stderr));
    assert!(server.log_line().ends_with(": the peer closed the connection during the handshake\n"));
}

/// libcurl asks for confidentiality, but supports only level 0.
#[test]
fn libcurl_is_not_granted_level_0_if_there_is_another() {
    for levels in [&[], ALL_LEVELS.as_slice()] {
        let Some(mut server) = server(levels) else { return };
        let Some(output) = pycurl(server.address, serve(Ipv4Addr::LOCALHOST, web), "0", None) else { return };
        assert!(!output.status.success() && output.stdout.is_empty());
        let line = server.log_line();
        assert!(line.contains(" at confidentiality (02): ") && !line.contains("CONNECT"), "{line}");
    }
}

/// The folder of dante, built with GSSAPI.
fn dante() -> Option<PathBuf> {
    env::var_os("GSSAPI_DANTE").map_or_else(|| skip("there is no dante with GSSAPI"), |folder| Some(folder.into()))
}

/// Runs a program whose connections go through the server.
pub fn socksify(folder: &TempDir, server: SocketAddr, level: &str) -> Option<Command> {
    let dante = dante()?;
    let at = |name: &str| arg(folder.path().join(name));
    let configuration = ROUTES.replace("PORT", &server.port().to_string()).replace("LOG", &at("log"));
    std::fs::write(at("conf"), configuration.replace("LEVEL", level)).unwrap();
    let mut command = Command::new(dante.join("bin/socksify"));
    // Its script looks for the name under which Debian would have installed the library.
    command.env("SOCKS_LIBRARY", "libdsocks.so").env("SOCKS_CONF", at("conf")).env("SOCKS_AUTOADD_LANROUTES", "no");
    Some(command)
}

const ROUTES: &str = "
logoutput: LOG
resolveprotocol: fake
route {
  from: 0.0.0.0/0 to: 0.0.0.0/0 via: 127.0.0.1 port = PORT
  proxyprotocol: socks_v5
  protocol: tcp udp
  command: connect bind bindreply udpassociate udpreply
  method: gssapi
  gssapi.servicename: rcmd
  gssapi.enctype: LEVEL
}
";

const LEVELS: [(&str, &str); 3] =
    [("clear", "clear (00)"), ("integrity", "integrity (01)"), ("confidentiality", "confidentiality (02)")];

#[test]
fn socksify_fetches_a_page() {
    let folder = tempfile::tempdir().unwrap();
    let web = serve(Ipv4Addr::LOCALHOST, web);
    for (level, at) in LEVELS {
        let Some(mut server) = server(&ALL_LEVELS) else { return };
        for len in [1000, 1_000_000] {
            let Some(mut socksify) = socksify(&folder, server.address, level) else { return };
            let output =
                run(socksify.args(["curl", "--silent", "--max-time", "60", &format!("http://{web}/{len}")]), b"");
            assert!(output.stdout == page(len), "{level}: {} bytes", output.stdout.len());
            let line = server.log_line();
            assert!(line.contains(&format!(": alice@SOCKS.TEST at {at}: CONNECT (01) {web}: ")), "{line}");
        }
    }
}

const DATAGRAMS: &str = include_str!("datagrams.py");

#[test]
fn socksify_exchanges_datagrams() {
    let folder = tempfile::tempdir().unwrap();
    let target = serve_datagrams(Ipv4Addr::LOCALHOST);
    let port = target.port().to_string();
    for (level, at) in LEVELS {
        let Some(mut server) = server(&ALL_LEVELS) else { return };
        for len in ["100", "10000"] {
            let Some(mut socksify) = socksify(&folder, server.address, level) else { return };
            let output = run(socksify.args(["python3", "-c", DATAGRAMS, "127.0.0.1", &port, "20", len]), b"");
            let expected = format!("True 127.0.0.1 {port}\n").repeat(20);
            assert_eq!(text(&output.stdout), expected, "{level}: {}", text(&output.stderr));
            let line = server.log_line();
            let counted = format!(": {0} bytes up, {0} down\n", 20 * len.parse::<u32>().unwrap());
            assert!(line.contains(&format!(" at {at}: UDP ASSOCIATE (03) ")) && line.ends_with(&counted), "{line}");
        }
    }
}

#[test]
fn socksify_accepts_a_peer() {
    let folder = tempfile::tempdir().unwrap();
    for (level, at) in LEVELS {
        let Some(mut server) = server(&ALL_LEVELS) else { return };
        let Some(mut socksify) = socksify(&folder, server.address, level) else { return };
        let (mut listening, mut lines) = Running::with_stdout(socksify.args(["python3", "-c", LISTEN]));
        let mut peer = connect(read_line(&mut lines).parse().unwrap());
        assert_eq!(read_exactly(&peer), *b"hello");
        peer.write_all(&page(100_000)).unwrap();
        peer.shutdown(Shutdown::Write).unwrap();
        let echo = read_all(&peer);
        assert!(echo == page(100_000), "{level}: {} bytes, {}", echo.len(), server.log_line());
        assert!(listening.0.wait().unwrap().success());
        let line = server.log_line();
        assert!(line.contains(&format!(" at {at}: BIND (02) ")), "{line}");
    }
}

const LISTEN: &str = include_str!("listen.py");

/// dante's server.
pub struct Sockd {
    _running: Running,
    _folder: TempDir,
    pub address: SocketAddr,
}

impl Sockd {
    pub fn start() -> Option<Self> {
        let program = dante()?.join("sbin/sockd");
        let keytab = env::var("KRB5_KTNAME").ok().or_else(|| skip("there is no realm"))?;
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| arg(folder.path().join(name));
        let (running, address) = start_on_free_port(|port| {
            let configuration = CONFIGURATION.replace("PORT", &port.to_string()).replace("KEYTAB", &keytab);
            std::fs::write(at("conf"), configuration).unwrap();
            let mut command = Command::new(&program);
            command.args(["-f", &at("conf"), "-p", &at("pid")]).env("TMPDIR", folder.path());
            command
        });
        Some(Self { _running: running, _folder: folder, address })
    }
}

/// dante takes the parameters of GSSAPI from the client rule, as there is no request yet.
const CONFIGURATION: &str = "
logoutput: stderr
internal: 127.0.0.1 port = PORT
external: 127.0.0.1
clientmethod: none
socksmethod: gssapi
user.privileged: root
user.unprivileged: root
client pass {
  from: 0/0 to: 0/0
  gssapi.servicename: rcmd
  gssapi.keytab: KEYTAB
  gssapi.enctype: integrity confidentiality
}
socks pass {
  from: 0/0 to: 0/0
  command: connect
}
";

#[test]
fn the_client_fetches_a_page_through_dante() {
    let Some(sockd) = Sockd::start() else { return };
    let port = serve(Ipv4Addr::LOCALHOST, web).port();
    for level in ["integrity", "confidentiality"] {
        for len in [1000, 1_000_000] {
            fetches(sockd.address, level, &format!("127.0.0.1:{port}"), len);
            fetches(sockd.address, level, &format!("localhost:{port}"), len);
        }
    }
}
