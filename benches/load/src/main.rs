//! Puts the same loads on two server programs, and prints what each took. Linux only: the measures are from /proc.

mod client;
mod probe;
mod scenario;
mod server;

use std::error::Error;
use std::io;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use lexopt::prelude::*;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use scenario::{Measure, Scenario};

const HELP: &str = "\
socks5-sansio-load [OPTIONS] OLD NEW: loads two SOCKS5 servers, and prints a table

Options:
  --stopped NUMBER   The clients stopped in each state [default: 2000]
  --tunnels NUMBER   The idle tunnels [default: 9000]
  --flood SECONDS    The time of the flood [default: 8]
  --churn SECONDS    The time of the churn [default: 60]
  --only TEXT        Only the scenarios with this text in their name
  --help             Print this";

struct Args {
    programs: [PathBuf; 2],
    only: String,
    scenarios: Vec<(String, Scenario)>,
}

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run() -> Result<(), Box<dyn Error>> {
    let Some(Args { programs: [old, new], only, scenarios }) = parse()? else { return Ok(()) };
    println!("{} descriptors a process\n", raise_descriptor_limit()?);
    println!("| scenario | measure | old | new |\n|---|---|---:|---:|");
    for (name, scenario) in scenarios.iter().filter(|(name, _)| name.contains(&only)) {
        eprintln!("{name} ...");
        let (before, after) = (scenario.run(&old)?, scenario.run(&new)?);
        for (old, new) in before.iter().zip(&after) {
            let Measure { name: measure, value } = old;
            println!("| {name} | {measure} | {value} | {} |", new.value);
        }
    }
    Ok(())
}

/// The arguments, or `None` if the help was printed.
fn parse() -> Result<Option<Args>, lexopt::Error> {
    let (mut stopped, mut tunnels, mut flood, mut churn) = (2_000, 9_000, 8, 60);
    let (mut programs, mut only) = (Vec::new(), String::new());
    let mut parser = lexopt::Parser::from_env();
    while let Some(arg) = parser.next()? {
        match arg {
            Long("stopped") => stopped = parser.value()?.parse()?,
            Long("tunnels") => tunnels = parser.value()?.parse()?,
            Long("flood") => flood = parser.value()?.parse()?,
            Long("churn") => churn = parser.value()?.parse()?,
            Long("only") => only = parser.value()?.string()?,
            Long("help") | Short('h') => {
                println!("{HELP}");
                return Ok(None);
            }
            Value(program) => programs.push(PathBuf::from(program)),
            other => return Err(other.unexpected()),
        }
    }
    let programs = programs.try_into().map_err(|_| "two programs are needed: the old and the new server")?;
    let [flood, churn] = [flood, churn].map(Duration::from_secs);
    Ok(Some(Args { programs, only, scenarios: Scenario::all(stopped, tunnels, flood, churn) }))
}

/// Raises the soft limit to the hard limit, and returns it. The servers inherit it.
fn raise_descriptor_limit() -> io::Result<u64> {
    let Rlimit { maximum, .. } = getrlimit(Resource::Nofile);
    setrlimit(Resource::Nofile, Rlimit { current: maximum, maximum })?;
    Ok(maximum.unwrap_or(u64::MAX))
}
