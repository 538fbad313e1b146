//! How many instructions a call of a function takes, counted by valgrind's callgrind: the same on every run.

use std::io;
use std::process::Command;
use std::{env, fs};

/// Calls of one function by another.
pub struct Calls {
    pub caller: String,
    pub callee: String,
    /// The instructions of one call, including those of its own calls.
    pub instructions: u64,
}

/// Runs this program again under callgrind, with one argument. Functions that were inlined are in the count of their callers.
pub fn profile(argument: &str) -> io::Result<Vec<Calls>> {
    let folder = tempfile::tempdir()?;
    let profile = folder.path().join("callgrind.out");
    let output = Command::new("valgrind")
        .args(["--tool=callgrind", "--compress-strings=no", "--compress-pos=no"])
        .arg(format!("--callgrind-out-file={}", profile.display()))
        .arg(env::current_exe()?)
        .arg(argument)
        .output()?;
    if !output.status.success() {
        return Err(io::Error::other(String::from_utf8_lossy(&output.stderr).into_owned()));
    }
    Ok(calls(&fs::read_to_string(profile)?))
}

/// After `fn=CALLER`, calls have three lines: `cfn=CALLEE`, `calls=COUNT ...`, and a line number with what they took together.
fn calls(profile: &str) -> Vec<Calls> {
    let mut found = Vec::new();
    let mut caller = "";
    let mut lines = profile.lines();
    while let Some(line) = lines.next() {
        if let Some(path) = line.strip_prefix("fn=") {
            caller = path;
        }
        let Some(callee) = line.strip_prefix("cfn=") else { continue };
        let count = lines.next().and_then(|line| line.strip_prefix("calls=")?.split(' ').next()?.parse::<u64>().ok());
        let took = lines.next().and_then(|line| line.rsplit(' ').next()?.parse::<u64>().ok());
        if let (Some(count), Some(took)) = (count, took) {
            found.push(Calls { caller: caller.into(), callee: callee.into(), instructions: took / count });
        }
    }
    found
}
