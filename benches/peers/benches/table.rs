//! Checks that all come to the same, measures them, and prints two tables in Markdown.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;
use std::time::Duration;
use std::{env, fs, io};

use criterion::Criterion;
use peers::crates;
use peers::measure::{CALL, Cell, Peer};
use peers::operations::{self, Operation};

#[path = "../../callgrind.rs"]
mod callgrind;

const CALLS: u64 = 1000;

struct Cost {
    instructions: u64,
    allocations: u64,
    nanoseconds: f64,
}

/// By crate and operation.
type Costs = BTreeMap<(&'static str, &'static str), Cost>;

fn main() -> io::Result<()> {
    let peers = crates::all();
    if let Some((_, _, cell)) = cells(&peers).find(|(_, name, _)| env::args().nth(1).as_ref() == Some(name)) {
        (cell.repeat)(CALLS);
        return Ok(());
    }
    all_come_to_the_same(&peers);
    let costs = costs(&peers)?;
    println!("\nInstructions a call, and in brackets allocations:\n");
    table(&peers, &costs, |cost, _| match cost.allocations {
        0 => cost.instructions.to_string(),
        allocations => format!("{} ({allocations})", cost.instructions),
    });
    println!("\nNanoseconds a call, and in brackets as a multiple of the first column's:\n");
    table(&peers, &costs, |cost, first| match cost.nanoseconds / first.nanoseconds {
        1.0 => format!("{:.0}", cost.nanoseconds),
        ratio => format!("{:.0} ({ratio:.1})", cost.nanoseconds),
    });
    Ok(())
}

/// All there is to measure: the crate, a name, and how.
fn cells(peers: &[Peer]) -> impl Iterator<Item = (&'static str, String, &Cell)> {
    let all = peers.iter().flat_map(|peer| peer.cells.iter().map(|cell| (peer.name, cell)));
    all.map(|(peer, cell)| (peer, format!("{peer}, {}", cell.operation.name), cell))
}

fn all_come_to_the_same(peers: &[Peer]) {
    let ours = &peers[0];
    for (_, name, cell) in cells(peers) {
        let expected = ours.cells.iter().find(|ours| ours.operation.name == cell.operation.name);
        assert_eq!(Some(&cell.outcome), expected.map(|ours| &ours.outcome), "{name}");
    }
}

fn costs(peers: &[Peer]) -> io::Result<Costs> {
    let allocations = Command::new(env!("CARGO_BIN_EXE_allocations")).output()?.stdout;
    let allocations = String::from_utf8_lossy(&allocations).into_owned();
    let folder = tempfile::tempdir()?;
    let mut criterion = criterion(folder.path());
    let mut costs = Costs::new();
    for ((peer, name, cell), allocations) in cells(peers).zip(allocations.lines()) {
        criterion.bench_function(&name, |bencher| bencher.iter_custom(|calls| (cell.repeat)(calls)));
        let cost = Cost {
            instructions: instructions(&name)?,
            allocations: allocations.parse().map_err(io::Error::other)?,
            nanoseconds: nanoseconds(&folder.path().join(&name))?,
        };
        costs.insert((peer, cell.operation.name), cost);
    }
    Ok(costs)
}

fn criterion(folder: &Path) -> Criterion {
    Criterion::default()
        .output_directory(folder)
        .warm_up_time(Duration::from_millis(200))
        .measurement_time(Duration::from_secs(1))
        .nresamples(10_000)
}

fn nanoseconds(folder: &Path) -> io::Result<f64> {
    let estimates = fs::read(folder.join("new/estimates.json"))?;
    let estimates = serde_json::from_slice::<serde_json::Value>(&estimates)?;
    estimates["median"]["point_estimate"].as_f64().ok_or_else(|| io::Error::other("no median"))
}

fn instructions(name: &str) -> io::Result<u64> {
    let profile = callgrind::profile(name)?;
    let calls = profile.into_iter().find(|calls| calls.callee.starts_with(CALL));
    calls.map(|calls| calls.instructions).ok_or_else(|| io::Error::other(format!("{CALL} was not called")))
}

/// A row an operation, a column a crate.
fn table(peers: &[Peer], costs: &Costs, text: impl Fn(&Cost, &Cost) -> String) {
    let versions = peers.iter().map(|peer| format!("{} {}", peer.name, version(peer.name)));
    println!("| | {} |", versions.collect::<Vec<_>>().join(" | "));
    println!("|---|{}", "---:|".repeat(peers.len()));
    for Operation { name, .. } in operations::ALL {
        let cost = |peer: &Peer| costs.get(&(peer.name, name));
        let first = cost(&peers[0]);
        let cells =
            peers.iter().map(|peer| cost(peer).zip(first).map_or("–".to_owned(), |(cost, first)| text(cost, first)));
        println!("| {name} | {} |", cells.collect::<Vec<_>>().join(" | "));
    }
}

/// The version of a crate that was built.
fn version(name: &str) -> &'static str {
    let lock = include_str!("../Cargo.lock");
    let package = lock.split("[[package]]").find(|package| package.contains(&format!("\nname = \"{name}\"\n")));
    package.and_then(|package| package.split("version = \"").nth(1)?.split('"').next()).unwrap_or_default()
}
