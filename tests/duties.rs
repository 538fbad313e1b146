//! Keeps `duties.md` true: every duty has a row, and every row names a test or a sentence that is there.

use std::fs;
use std::path::Path;

const TABLE: &str = include_str!("duties.md");

/// How many of each there are in the RFCs. Counted in their texts: "MUST" and its kin as they stand there, a small "must" where
/// it binds an implementation, and what is said without either.
const COUNTS: [(&str, usize); 8] = [
    ("1928 MUST", 15),
    ("1928 SHOULD", 1),
    ("1928 MAY", 1),
    ("1928 must", 4),
    ("1928 says", 7),
    ("1929 MUST", 1),
    ("1929 says", 2),
    ("1961 says", 9),
];

struct Row {
    duty: &'static str,
    shown_by: Vec<&'static str>,
}

fn rows() -> impl Iterator<Item = Row> {
    TABLE.lines().filter_map(|line| line.strip_prefix("| 1")).map(|line| {
        let cells: Vec<_> = line.strip_suffix(" |").unwrap().split(" | ").collect();
        let [duty, _clause, _done, shown_by] = cells[..] else { panic!("not four cells: {line}") };
        Row { duty, shown_by: shown_by.split('`').skip(1).step_by(2).collect() }
    })
}

#[test]
fn every_duty_has_its_row() {
    let expected = COUNTS.iter().flat_map(|(kind, count)| (1..=*count).map(move |number| format!("{kind} {number}")));
    let found = rows().map(|row| format!("1{}", row.duty));
    assert_eq!(found.collect::<Vec<_>>(), expected.collect::<Vec<_>>());
}

#[test]
fn every_row_is_shown_by_something_that_is_there() {
    for Row { duty, shown_by } in rows() {
        assert!(!shown_by.is_empty(), "1{duty} is shown by nothing");
        for evidence in shown_by {
            let (file, what) = evidence.split_once(": ").unwrap();
            let is_there = match what.strip_prefix('"') {
                Some(sentence) => has_sentence(file, sentence.strip_suffix('"').unwrap()),
                None => has_test(file, what),
            };
            assert!(is_there, "1{duty}: {evidence}");
        }
    }
}

fn read(file: &str) -> String {
    fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(file)).unwrap()
}

/// The name right behind a `#[test]`.
fn has_test(file: &str, name: &str) -> bool {
    let tests = read(file);
    let mut tests = tests.split("#[test]").skip(1);
    tests.any(|test| test.trim_start().starts_with(&format!("fn {name}(")))
}

/// Wherever the lines are broken.
fn has_sentence(file: &str, sentence: &str) -> bool {
    let words =
        |text: &str| text.replace("///", "").replace("//!", "").split_whitespace().collect::<Vec<_>>().join(" ");
    words(&read(file)).contains(sentence)
}

#[test]
fn what_is_not_there_is_not_found() {
    assert!(has_test("tests/duties.rs", "what_is_not_there_is_not_found"));
    assert!(!has_test("tests/duties.rs", "has_test"));
    assert!(!has_test("tests/duties.rs", "what_is_not"));
    assert!(!has_sentence("README.md", "No such sentence."));
}
