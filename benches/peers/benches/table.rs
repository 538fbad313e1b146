//! Checks that the results are the same, measures each operation, and prints two tables in Markdown.

use std::collections::BTreeMap;
use std::process::Command;
use std::time::Duration;
use std::{env, io};

use peers::crates;
use peers::measure::{CALL, Cell, Peer};
use peers::operations::{self, Operation};

#[expect(dead_code, reason = "the caller is for the other bench")]
#[path = "../../callgrind.rs"]
mod callgrind;

const PROFILED_CALLS: u64 = 1000;
const ROUNDS: usize = 5;
/// How long a cell is repeated in a round.
const PERIOD: Duration = Duration::from_millis(200);

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
        (cell.repeat)(PROFILED_CALLS);
        return Ok(());
    }
    results_are_equal(&peers);
    let costs = costs(&peers)?;
    println!("\nInstructions of a call, and in brackets its allocations:\n");
    table(&peers, &costs, |cost, _| match cost.allocations {
        0 => cost.instructions.to_string(),
        allocations => format!("{} ({allocations})", cost.instructions),
    });
    println!(
        "\nNanoseconds of a call, median of {ROUNDS} interleaved runs, and in brackets as a multiple of the first column's:\n"
    );
    table(&peers, &costs, |cost, first| match cost.nanoseconds / first.nanoseconds {
        1.0 => format!("{:.1}", cost.nanoseconds),
        ratio => format!("{:.1} ({ratio:.2})", cost.nanoseconds),
    });
    Ok(())
}

/// Everything that is measured: the crate, a name, and the operation.
fn cells(peers: &[Peer]) -> impl Iterator<Item = (&'static str, String, &Cell)> {
    let all = peers.iter().flat_map(|peer| peer.cells.iter().map(|cell| (peer.name, cell)));
    all.map(|(peer, cell)| (peer, format!("{peer}, {}", cell.operation.name), cell))
}

fn results_are_equal(peers: &[Peer]) {
    let ours = &peers[0];
    for (_, name, cell) in cells(peers) {
        let expected = ours.cells.iter().find(|ours| ours.operation.name == cell.operation.name);
        assert_eq!(Some(&cell.outcome), expected.map(|ours| &ours.outcome), "{name}");
    }
}

fn costs(peers: &[Peer]) -> io::Result<Costs> {
    let allocations = Command::new(env!("CARGO_BIN_EXE_allocations")).output()?.stdout;
    let allocations = String::from_utf8_lossy(&allocations).into_owned();
    let mut costs = Costs::new();
    let times = times(peers).into_iter();
    for (((peer, name, cell), allocations), nanoseconds) in cells(peers).zip(allocations.lines()).zip(times) {
        let allocations = allocations.parse().map_err(io::Error::other)?;
        let cost = Cost { instructions: instructions(&name)?, allocations, nanoseconds };
        costs.insert((peer, cell.operation.name), cost);
    }
    Ok(costs)
}

/// The nanoseconds of each cell: the median of rounds in which every cell has its turn, row by row.
fn times(peers: &[Peer]) -> Vec<f64> {
    let cells = cells(peers).map(|(_, _, cell)| (cell, calls_in_a_period(cell))).collect::<Vec<_>>();
    let mut by_row = (0..cells.len()).collect::<Vec<_>>();
    by_row.sort_by_key(|&index| operations::ALL.iter().position(|row| row.name == cells[index].0.operation.name));
    let mut times = vec![vec![]; cells.len()];
    for _ in 0..ROUNDS {
        for &index in &by_row {
            let (cell, calls) = cells[index];
            times[index].push((cell.repeat)(calls).as_secs_f64() * 1e9 / calls as f64);
        }
    }
    times.into_iter().map(median).collect()
}

fn calls_in_a_period(cell: &Cell) -> u64 {
    const SAMPLE: u64 = 100_000;
    let sample = (cell.repeat)(SAMPLE);
    (PERIOD.as_secs_f64() / sample.as_secs_f64() * SAMPLE as f64) as u64
}

fn median(mut times: Vec<f64>) -> f64 {
    times.sort_by(f64::total_cmp);
    times[times.len() / 2]
}

fn instructions(name: &str) -> io::Result<u64> {
    let profile = callgrind::profile(name)?;
    let calls = profile.into_iter().find(|calls| calls.callee.starts_with(CALL));
    calls.map(|calls| calls.instructions).ok_or_else(|| io::Error::other(format!("{CALL} was not called")))
}

/// A row for each operation, a column for each crate.
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
