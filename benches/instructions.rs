//! How many instructions each operation takes, how many its floor takes, and whether the ratio is within its limit:
//! `cargo bench --bench instructions`. It needs valgrind. The counts are the same on every run, whatever else the machine does.

mod callgrind;
mod cases;
mod floor;

use std::process::ExitCode;
use std::{env, io};

use callgrind::Calls;
use cases::{Case, codec, negotiate};

const ONCE: &str = "all-once";

fn main() -> io::Result<ExitCode> {
    if env::args().any(|arg| arg == ONCE) {
        for case in all() {
            (case.ours)();
            (case.floor)();
        }
        return Ok(ExitCode::SUCCESS);
    }
    let profile = callgrind::profile(ONCE)?;
    println!("| operation | instructions | floor | ratio | limit |\n|---|---:|---:|---:|---:|");
    let mut within = true;
    for case in all() {
        (case.compare)();
        let (ours, floor) = (count(&profile, case, "ours"), count(&profile, case, "floor"));
        let (ratio, limit) = (ours / floor, case.limit);
        println!("| {} | {ours} | {floor} | {ratio:.2} | {limit} |", case.name);
        within &= ratio <= limit;
    }
    if !within {
        eprintln!("error: not all ratios are within their limits");
    }
    Ok(if within { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn all() -> impl Iterator<Item = &'static Case> {
    codec::all().chain(negotiate::all())
}

fn count(profile: &[Calls], case: &Case, side: &str) -> f64 {
    let (caller, callee) = (format!("::{}::run_{side}", case.name), format!("::{side}"));
    let calls = profile.iter().find(|calls| calls.caller.ends_with(&caller) && calls.callee.ends_with(&callee));
    calls.unwrap_or_else(|| panic!("{caller} was not called")).instructions as f64
}
