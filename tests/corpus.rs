//! Replays the corpus of the fuzz targets, without a fuzzer.
#![cfg(feature = "std")]

mod harness;

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::thread;

use harness::{Check, TARGETS};

/// Targets that compare with other implementations. Only the fuzz package has these; `.ci/fuzz` replays their corpus.
const PEERS: &str = "peer_";

fn fuzz() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz")
}

/// The paths in a folder, in order.
fn inside(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    let mut paths: Vec<_> = entries.map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    paths
}

fn names(folder: &str) -> BTreeSet<String> {
    inside(&fuzz().join(folder)).iter().map(|path| path.file_stem().unwrap().to_str().unwrap().to_owned()).collect()
}

/// Shows the file for which a check panicked.
struct Replaying<'a>(&'a Path);

impl Drop for Replaying<'_> {
    fn drop(&mut self) {
        if thread::panicking() {
            eprintln!("while replaying {}", self.0.display());
        }
    }
}

fn replay(name: &str, check: Check) {
    for path in inside(&fuzz().join("corpus-seed").join(name)) {
        let _replaying = Replaying(&path);
        check(&fs::read(&path).unwrap());
    }
}

#[test]
fn every_target_accepts_its_corpus() {
    TARGETS.into_iter().for_each(|(name, check)| replay(name, check));
}

/// libFuzzer begins with the empty input.
#[test]
fn every_target_accepts_empty_input() {
    TARGETS.into_iter().for_each(|(_, check)| check(b""));
}

#[test]
fn every_target_has_a_corpus_and_every_corpus_a_target() {
    let targets = names("fuzz_targets");
    assert_eq!(names("corpus-seed"), targets);
    let here: BTreeSet<_> = TARGETS.into_iter().map(|(name, _)| name.to_owned()).collect();
    let (peers, others): (BTreeSet<_>, _) = targets.into_iter().partition(|name| name.starts_with(PEERS));
    assert_eq!(others, here);
    for name in here.iter().chain(&peers) {
        assert!(!inside(&fuzz().join("corpus-seed").join(name)).is_empty(), "{name}");
    }
}

/// A target that is not in the manifest is not built.
#[test]
fn every_target_is_in_the_manifest() {
    let manifest = fs::read_to_string(fuzz().join("Cargo.toml")).unwrap();
    for name in names("fuzz_targets") {
        assert!(manifest.contains(&format!("path = \"fuzz_targets/{name}.rs\"")), "{name}");
    }
}

const TEXTS: [&str; 24] = [
    "example.com:443",
    "example.com.:0",
    "127.1:80",
    "münchen.example:80",
    "192.0.2.1:65535",
    "[::1]:80",
    "[::ffff:192.0.2.1]:080",
    "::1:80",
    "[::1:80",
    "[192.0.2.1]:80",
    "[fe80::1%eth0]:22",
    "fe80::1%1:80",
    "example.com",
    "example.com:+80",
    "example.com:65536",
    ":80",
    "exam ple.com:80",
    "example.com\r\n:80",
    "good.com\0.evil.com",
    "192.0.2.1",
    "::ffff:192.0.2.1",
    "[::ffff:c000:201]",
    "2001:db8::1",
    "fe80::1%1",
];

/// Writes the known answers, and some text, to the folder of each target that takes such bytes. `.ci/fuzz --grow` starts from
/// them.
#[test]
#[ignore = "writes to fuzz/corpus"]
fn seeds_the_known_answers() {
    let longest = [255, 256].map(|len| "a".repeat(len) + ":80");
    for (index, text) in TEXTS.into_iter().chain(longest.iter().map(String::as_str)).enumerate() {
        seed("endpoint_text", &format!("text_{index}"), text.as_bytes());
    }
    for line in include_str!("vectors.jsonl").lines().chain(include_str!("vectors4.jsonl").lines()) {
        let vector: serde_json::Value = serde_json::from_str(line).unwrap();
        let text = |key: &str| vector[key].as_str().unwrap();
        for (target, before) in takers(text("message"), text("direction")) {
            let bytes = [unhex(before), unhex(text("hex"))].concat();
            seed(target, text("name"), &bytes);
        }
    }
}

fn seed(target: &str, name: &str, bytes: &[u8]) {
    let folder = fuzz().join("corpus").join(target);
    fs::create_dir_all(&folder).unwrap();
    fs::write(folder.join(name), bytes).unwrap();
}

/// The targets that take a message, each with the choices and the bytes before it.
fn takers(message: &str, direction: &str) -> Vec<(&'static str, &'static str)> {
    let alone = [("decoders", ""), ("peer_shadowsocks", ""), ("peer_socker", "")];
    let in_its_order: &[_] = match (message, direction) {
        ("greeting" | "first_byte", _) | ("stream", "c2s") => &[("server", "0200 01030007"), ("peer_tor", "00")],
        ("userpass_request", _) => &[("server", "0100 00000000 050102"), ("peer_tor", "00 050102")],
        ("request", _) => &[("server", "0000 02000500 050100"), ("peer_tor", "02 050100")],
        ("method_reply" | "stream", _) => &[("client", "0200 01030007"), ("peer_tor", "11")],
        ("userpass_reply", _) => &[("client", "0101 00000000 0502"), ("peer_tor", "15 0502")],
        ("socks4_request", _) => &[("socks4", "00"), ("socks4", "02")],
        ("socks4_reply", _) => &[("socks4", "00"), ("socks4", "04")],
        ("hev_datagram" | "gost_datagram" | "uot_request" | "uot_datagram" | "uot_connect_datagram", _) => {
            &[("frames", "")]
        }
        ("reply", _) => &[("client", "0004 02000500 0500"), ("peer_tor", "03 0500")],
        _ => &[],
    };
    [&alone, in_its_order].concat()
}

fn unhex(text: &str) -> Vec<u8> {
    let digits: Vec<_> = text.chars().filter_map(|digit| digit.to_digit(16)).collect();
    digits.chunks_exact(2).map(|pair| u8::try_from(pair[0] << 4 | pair[1]).unwrap()).collect()
}
