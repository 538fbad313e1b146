//! Each deliberate difference has an input that shows it, and the corpus shows no other difference. A name for a difference that
//! does not exist would hide others.
#![cfg(feature = "peers")]

use std::fs;
use std::path::Path;

use socks5_sansio_fuzz::peers::{Decided, PEERS};

type Shown = (Decided, &'static [u8]);

const EMPTY_NAME: &[u8] = b"\x05\x01\0\x03\0\0\x50";
const EMPTY_NAME_IN_REPLY: &[u8] = b"\x05\0\0\x03\0\0\x50";

const SHADOWSOCKS: &[Shown] = &[
    (Decided::VersionAtOnce, b"\x04"),
    (Decided::EmptyName, EMPTY_NAME),
    (Decided::EmptyNameInReply, EMPTY_NAME_IN_REPLY),
    (Decided::NameOfAnyBytes, b"\x05\x01\0\x03\x01\xFF\0\x50"),
    (Decided::UnknownCommand, b"\x05\xF0\0\x01\xC0\0\x02\x01\0\x50"),
    (Decided::EmptyCredentials, b"\x01\0\0"),
    (Decided::StatusVersion, b"\x05\0"),
    (Decided::TruncatedStatus, b"\x01"),
];

const SOCKER: &[Shown] = &[
    (Decided::ReservedIsIgnored, b"\x05\x01\x01\x01\xC0\0\x02\x01\0\x50"),
    (Decided::EmptyName, EMPTY_NAME),
    (Decided::EmptyNameInReply, EMPTY_NAME_IN_REPLY),
    (Decided::StatusVersion, b"\x05\0"),
];

/// The first byte chooses the side, and what a client asks for.
const TOR: &[Shown] = &[
    (Decided::StatusVersion, b"\x11\x05\x02\x05\0"),
    (Decided::Socks4, b"\0\x04"),
    (Decided::EmptyName, b"\0\x05\x01\0\x05\x01\0\x03\0\0\x50"),
    (Decided::EmptyNameInReply, b"\x01\x05\0\x05\0\0\x03\0\0\x50"),
    (Decided::NameOfAnyBytes, b"\0\x05\x01\0\x05\x01\0\x03\x01\xFF\0\x50"),
    (Decided::UnknownCommand, b"\0\x05\x01\0\x05\x02\0\x01\xC0\0\x02\x01\0\x50"),
    (Decided::PortZero, b"\0\x05\x01\0\x05\x01\0\x01\xC0\0\x02\x01\0\0"),
    (Decided::RefusedAtOnce, b"\x01\x05\0\x05\x05"),
];

const SHOWN: [&[Shown]; 3] = [SHADOWSOCKS, SOCKER, TOR];

#[test]
fn each_deliberate_difference_is_shown_by_an_input() {
    for ((name, compare, decided), shown) in PEERS.into_iter().zip(SHOWN) {
        assert_eq!(shown.iter().map(|(decided, _)| *decided).collect::<Vec<_>>(), decided, "{name}");
        for (decided, input) in shown {
            assert!(compare(input).contains(decided), "{name}: {decided:?} {input:02x?}");
        }
    }
}

#[test]
fn finds_no_other_difference_in_the_corpus() {
    for (name, compare, _) in PEERS {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus-seed").join(name);
        for entry in fs::read_dir(folder).unwrap() {
            compare(&fs::read(entry.unwrap().path()).unwrap()); // panics at a difference that is not deliberate
        }
    }
}
