//! Each of the decided differences is found in the corpus: a name for a difference that does not exist would hide others.
#![cfg(feature = "peers")]

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use socks5_sansio_fuzz::peers::{Decided, PEERS};

#[test]
fn finds_each_decided_difference_in_the_corpus() {
    for (name, compare, decided) in PEERS {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus-seed").join(name);
        let mut found: BTreeMap<Decided, usize> = decided.iter().map(|decided| (*decided, 0)).collect();
        for entry in fs::read_dir(folder).unwrap() {
            let differences = compare(&fs::read(entry.unwrap().path()).unwrap());
            differences.into_iter().for_each(|decided| *found.get_mut(&decided).unwrap() += 1);
        }
        println!("{name}: {found:?}");
        assert!(found.values().all(|times| *times > 0), "{name}: {found:?}");
    }
}
