//! Runs cases under criterion, and sums up how their medians compare with their floors'.

use std::path::Path;
use std::time::Duration;
use std::{fs, io};

use criterion::{Criterion, Throughput};

use crate::cases::Case;

pub fn measure(cases: impl Iterator<Item = &'static Case>) -> io::Result<()> {
    let folder = tempfile::tempdir()?;
    let mut criterion = Criterion::default()
        .output_directory(folder.path())
        .warm_up_time(Duration::from_millis(200))
        .measurement_time(Duration::from_secs(1))
        .configure_from_args();
    let mut lines = Vec::new();
    for case in cases {
        (case.compare)();
        let mut group = criterion.benchmark_group(case.name);
        group.throughput(Throughput::Bytes(case.bytes as u64));
        group.bench_function("ours", |bencher| bencher.iter(case.ours));
        group.bench_function("floor", |bencher| bencher.iter(case.floor));
        group.finish();
        let medians = median(folder.path(), case, "ours").zip(median(folder.path(), case, "floor"));
        lines.extend(
            medians.map(|(ours, floor)| format!("| {} | {ours:.1} | {floor:.1} | {:.2} |", case.name, ours / floor)),
        );
    }
    println!("| operation | ns | floor | ratio |\n|---|---:|---:|---:|\n{}", lines.join("\n"));
    Ok(())
}

/// In nanoseconds. `None` if a filter excluded the case.
fn median(folder: &Path, case: &Case, side: &str) -> Option<f64> {
    let estimates = fs::read(folder.join(case.name).join(side).join("new/estimates.json")).ok()?;
    let estimates = serde_json::from_slice::<serde_json::Value>(&estimates).ok()?;
    estimates["median"]["point_estimate"].as_f64()
}
