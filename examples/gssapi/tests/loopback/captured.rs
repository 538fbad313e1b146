//! What is on the wire, as tshark captures it.

use std::collections::HashSet;
use std::io::{BufRead, BufReader};
use std::net::{Ipv4Addr, SocketAddr};
use std::process::Stdio;

use crate::pair::{ALL_LEVELS, fetches, server};
use crate::programs::{Sockd, socksify};
use crate::support::{Running, page, program, read_line, run, serve, text, web};

/// Prints the FIN flag, the source port and the payload of each packet. tshark does not dissect the payload, as the protocols over
/// TCP are disabled.
const FIELDS: &str = "-T fields -e tcp.flags.fin -e tcp.srcport -e tcp.payload --disable-protocol ALL \
                      --enable-protocol eth --enable-protocol ip --enable-protocol tcp";

/// All bytes to and from this port until both sides have ended, in the order of packets.
fn captured(address: SocketAddr, exchange: impl FnOnce()) -> Option<Vec<u8>> {
    let mut tshark = program("tshark")?;
    tshark.args(["-l", "-n", "-i", "lo", "-a", "duration:30", "-f", &format!("tcp port {}", address.port())]);
    let (mut tshark, lines) = Running::with_stdout(tshark.args(FIELDS.split_whitespace()).stderr(Stdio::piped()));
    let mut messages = BufReader::new(tshark.0.stderr.take().unwrap());
    while !read_line(&mut messages).contains("Capture started") {}
    exchange();
    let (mut bytes, mut ended) = (Vec::new(), HashSet::new());
    for line in lines.lines() {
        let line = line.unwrap();
        let [fin, port, payload] = Vec::from_iter(line.split('\t')).try_into().unwrap();
        bytes.extend(payload.as_bytes().chunks(2).map(|hex| u8::from_str_radix(text(hex), 16).unwrap()));
        // Counts the ports and not the FINs: one may be retransmitted.
        if fin == "1" && ended.insert(port.to_owned()) && ended.len() == 2 {
            return Some(bytes);
        }
    }
    panic!("no end was captured");
}

/// Fetches a page through the proxy at this address: on the wire, all of it can be read, or nothing.
fn assert_readable(address: SocketAddr, expected: bool, host: &str, exchange: impl FnOnce()) {
    let Some(bytes) = captured(address, exchange) else { return };
    assert!(bytes.len() > 1000, "{} bytes", bytes.len());
    for secret in [host.as_bytes(), b"GET /1000", b"HTTP/1.1 200", &page(1000)[..64], &page(1000)[900..]] {
        let found = bytes.windows(secret.len()).any(|window| window == secret);
        assert_eq!(found, expected, "{}", String::from_utf8_lossy(secret));
    }
}

/// In lower case, the name is also in the ticket.
const HOST: &str = "LocalHost";

#[test]
fn only_confidentiality_hides_all_data() {
    let Some(server) = server(&ALL_LEVELS) else { return };
    let destination = format!("{HOST}:{}", serve(Ipv4Addr::LOCALHOST, web).port());
    for (level, readable) in [("clear", true), ("integrity", true), ("confidentiality", false)] {
        assert_readable(server.address, readable, HOST, || fetches(server.address, level, &destination, 1000));
    }
}

#[test]
fn only_confidentiality_hides_all_data_with_dantes_server() {
    let Some(sockd) = Sockd::start() else { return };
    let destination = format!("{HOST}:{}", serve(Ipv4Addr::LOCALHOST, web).port());
    for (level, readable) in [("integrity", true), ("confidentiality", false)] {
        assert_readable(sockd.address, readable, HOST, || fetches(sockd.address, level, &destination, 1000));
    }
}

#[test]
fn only_confidentiality_hides_all_data_with_dantes_client() {
    let Some(server) = server(&ALL_LEVELS) else { return };
    let (web, folder) = (serve(Ipv4Addr::LOCALHOST, web), tempfile::tempdir().unwrap());
    for (level, readable) in [("integrity", true), ("confidentiality", false)] {
        let Some(mut socksify) = socksify(&folder, server.address, level) else { return };
        socksify.args(["curl", "--silent", "--max-time", "60", "--header", "Host: no.such.host"]);
        socksify.arg(format!("http://{web}/1000"));
        assert_readable(server.address, readable, "no.such.host", || {
            assert_eq!(run(&mut socksify, b"").stdout, page(1000))
        });
    }
}
