//! libcurl and dante.

use std::env;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::process::{Command, Output};

use tempfile::TempDir;

use crate::pair::{ALL_LEVELS, fetches, server};
use crate::support::{Running, arg, page, program, run, serve, skip, start_on_free_port, text, web};

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
    for granted in [ALL_LEVELS[1], "clear"] {
        let Some(mut server) = server(&["--protection", granted]) else { return };
        let web = serve(Ipv4Addr::LOCALHOST, web);
        for nec in ["0", "1"] {
            let Some(output) = pycurl(server.address, web, nec, None) else { return };
            assert!(output.stdout == page(1000), "{}", text(&output.stderr));
            let line = server.log_line();
            assert!(line.contains(": alice@SOCKS.TEST at clear (00): CONNECT (01) "), "{line}");
        }
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

#[test]
fn libcurl_is_refused_where_all_is_wrapped() {
    let Some(mut server) = server(&[]) else { return };
    let Some(output) = pycurl(server.address, serve(Ipv4Addr::LOCALHOST, web), "0", None) else { return };
    assert!(!output.status.success() && output.stdout.is_empty());
    assert!(server.log_line().ends_with(": no protection level will do\n"));
}

/// Where dante is, built with GSSAPI.
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
  protocol: tcp
  command: connect
  method: gssapi
  gssapi.servicename: rcmd
  gssapi.enctype: LEVEL
}
";

#[test]
fn socksify_fetches_a_page() {
    let folder = tempfile::tempdir().unwrap();
    let web = serve(Ipv4Addr::LOCALHOST, web);
    for (level, at) in
        [("clear", "clear (00)"), ("integrity", "integrity (01)"), ("confidentiality", "confidentiality (02)")]
    {
        let Some(mut server) = server(&ALL_LEVELS) else { return };
        for len in [1000, 1_000_000] {
            let Some(mut socksify) = socksify(&folder, server.address, level) else { return };
            let output =
                run(socksify.args(["curl", "--silent", "--max-time", "60", &format!("http://{web}/{len}")]), b"");
            assert!(output.stdout == page(len), "{level}: {} octets", output.stdout.len());
            let line = server.log_line();
            assert!(line.contains(&format!(": alice@SOCKS.TEST at {at}: CONNECT (01) {web}: ")), "{line}");
        }
    }
}

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

/// What GSSAPI needs is looked for in the first rule, where the request is not known yet.
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
