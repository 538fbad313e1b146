//! Every row of `duties.md` names tests that exist.

use std::fs;
use std::path::Path;

#[test]
fn every_duty_is_shown_by_tests_that_exist() {
    let rows = include_str!("duties.md").lines().filter(|line| line.starts_with("| 1") || line.starts_with("| 4"));
    let mut count = 0;
    for row in rows {
        let tests: Vec<_> = row.split('`').skip(1).step_by(2).collect();
        assert!(!tests.is_empty(), "{row}");
        for test in tests {
            let (file, name) = test.split_once(": ").unwrap();
            assert!(has_test(file, name), "{test} does not exist");
        }
        count += 1;
    }
    assert_ne!(count, 0);
}

/// Whether `#[test]` or `#[tokio::test]` stands directly before a function of this name.
fn has_test(file: &str, name: &str) -> bool {
    let text = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests").join(file)).unwrap();
    let mut tests = text.split("test]").skip(1);
    tests.any(|test| test.trim_start().trim_start_matches("async ").starts_with(&format!("fn {name}(")))
}

#[test]
fn a_function_without_a_test_attribute_does_not_count() {
    assert!(has_test("duties.rs", "a_function_without_a_test_attribute_does_not_count"));
    assert!(!has_test("duties.rs", "has_test"));
    assert!(!has_test("duties.rs", "a_function"));
}
