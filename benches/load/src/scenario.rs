//! The loads, and what is measured during each.

use std::io;
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use crate::client::{Client, Stop, Tunnel, Unresponsive};
use crate::probe::{Waits, during};
use crate::server::{Server, Usage};

const THREADS: u8 = 4;
/// Connections before the usage of an idle server is taken: its threads, and what it allocates once, exist by then.
const WARM_UP: usize = 50;
/// The time in which a server handles what was sent to it, or what was closed.
const SETTLE: Duration = Duration::from_secs(1);
/// The time in which the other client's waits are measured while nothing else changes.
const HOLD: Duration = Duration::from_secs(2);
/// The number of tunnels that uses up `FEW_DESCRIPTORS`, unless the server closes the descriptors of those that have ended.
const CLOSED: usize = 508;
const FEW_DESCRIPTORS: &str = "1024";
const RELAYED: [u8; 1024] = [b'x'; 1024];

#[derive(Clone, Copy)]
pub enum Scenario {
    Stopped { at: Stop, clients: usize },
    Idle { tunnels: usize },
    Closed { tunnels: usize },
    Flood { time: Duration },
    Churn { time: Duration },
}

pub struct Measure {
    pub name: &'static str,
    pub value: String,
}

impl Scenario {
    pub fn all(clients: usize, tunnels: usize, flood: Duration, churn: Duration) -> Vec<(String, Self)> {
        let states = [
            ("connected", Stop::Connected),
            ("after the offer", Stop::AfterOffer),
            ("in the credentials", Stop::InCredentials),
            ("in the request", Stop::InRequest),
            ("BIND, listening", Stop::Listening),
            ("CONNECT, no answer", Stop::Connecting),
        ];
        let stopped = states.map(|(name, at)| (format!("{clients} clients: {name}"), Self::Stopped { at, clients }));
        let others = [
            (format!("{tunnels} idle tunnels"), Self::Idle { tunnels }),
            (format!("{CLOSED} tunnels closed, {FEW_DESCRIPTORS} descriptors"), Self::Closed { tunnels: CLOSED }),
            (format!("flood of {} s", flood.as_secs()), Self::Flood { time: flood }),
            (format!("churn of {} s", churn.as_secs()), Self::Churn { time: churn }),
        ];
        stopped.into_iter().chain(others).collect()
    }

    /// Starts the server, and loads it.
    pub fn run(self, program: &Path) -> io::Result<Vec<Measure>> {
        let has_user = matches!(self, Self::Stopped { at: Stop::InCredentials, .. });
        let descriptors = matches!(self, Self::Closed { .. }).then_some(FEW_DESCRIPTORS);
        let server = Server::start(program, has_user, descriptors)?;
        let local = Client::local(&server)?;
        for _ in 0..WARM_UP {
            local.open()?;
        }
        thread::sleep(SETTLE);
        match self {
            Self::Stopped { at, clients } => stopped(&server, at, clients),
            Self::Idle { tunnels } => hold(&server, tunnels, Client::open),
            Self::Closed { tunnels } => closed(&server, tunnels),
            Self::Flood { time } => flood(&server, time),
            Self::Churn { time } => churn(&server, time),
        }
    }
}

fn stopped(server: &Server, at: Stop, clients: usize) -> io::Result<Vec<Measure>> {
    let unresponsive = Unresponsive::new()?;
    let address = unresponsive.address()?;
    hold(server, clients, |client| client.stop(at, address))
}

/// Opens as many as the server lets it, up to `target`, and holds them.
fn hold<T: Send>(
    server: &Server,
    target: usize,
    open: impl Fn(&Client) -> io::Result<T> + Sync,
) -> io::Result<Vec<Measure>> {
    let idle = server.usage()?;
    let each = target / usize::from(THREADS);
    let load = || {
        let held = in_threads(server, |client| Ok((0..each).map_while(|_| open(client).ok()).collect::<Vec<_>>()))?;
        thread::sleep(SETTLE);
        let usage = server.usage()?;
        thread::sleep(HOLD);
        Ok((held, usage))
    };
    let ((held, usage), waits) = during(server, load)?;
    let count = held.iter().map(Vec::len).sum::<usize>();
    drop(held);
    thread::sleep(SETTLE);
    let left = server.usage()?;
    let mut measures = vec![measure("held", count.to_string())];
    measures.extend(memory(idle, usage, count));
    measures.extend(others(&waits));
    measures.push(measure("1 s after the end: MiB, descriptors", format!("{}, {}", mib(left), left.descriptors)));
    Ok(measures)
}

/// One client half-closes and resets each tunnel, while the targets stay open. Then another client connects.
fn closed(server: &Server, tunnels: usize) -> io::Result<Vec<Measure>> {
    let client = Client::new(server, 0)?;
    let opened = (0..tunnels).map_while(|_| client.open().ok());
    let targets = opened.map(Tunnel::reset).collect::<io::Result<Vec<_>>>()?;
    let start = Instant::now();
    let wait = match Client::local(server)?.open() {
        Ok(_) => format!("{:.1}", start.elapsed().as_secs_f64() * 1e3),
        Err(_) => "not served".to_owned(),
    };
    thread::sleep(SETTLE);
    Ok(vec![
        measure("opened and closed", targets.len().to_string()),
        measure("wait of another client, ms", wait),
        measure("descriptors 1 s later", server.usage()?.descriptors.to_string()),
    ])
}

fn flood(server: &Server, time: Duration) -> io::Result<Vec<Measure>> {
    let idle = server.usage()?;
    let end = Instant::now() + time;
    let load = || {
        let tunnels = in_threads(server, |client| count_until(end, || client.open().map(drop)))?;
        Ok((total(&tunnels), server.usage()?))
    };
    let (((opened, failed), usage), waits) = during(server, load)?;
    let mut measures = vec![measure("connections, failed", format!("{opened}, {failed}"))];
    measures.extend([measure("MiB idle, at the end", format!("{}, {}", mib(idle), mib(usage)))]);
    measures.extend(others(&waits));
    Ok(measures)
}

fn churn(server: &Server, time: Duration) -> io::Result<Vec<Measure>> {
    let end = Instant::now() + time;
    let load = || {
        thread::scope(|scope| {
            let samples = scope.spawn(|| sample_until(server, end));
            let tunnels = in_threads(server, |client| count_until(end, || client.open()?.echo(&RELAYED)))?;
            let samples = samples.join().map_err(|_| io::Error::other("the sampling panicked"))??;
            Ok((total(&tunnels), samples))
        })
    };
    let (((relayed, failed), samples), waits) = during(server, load)?;
    let quarters = [1, 2, 3, 4].map(|quarter| samples[(samples.len() - 1) * quarter / 4]);
    let memory = samples.iter().take(1).chain(&quarters).map(|usage| mib(*usage)).collect::<Vec<_>>();
    let mut measures = vec![measure("tunnels, failed", format!("{relayed}, {failed}"))];
    measures.push(measure("MiB from start to end", memory.join(", ")));
    measures.extend(others(&waits));
    thread::sleep(SETTLE);
    measures.push(measure("descriptors 1 s after the end", server.usage()?.descriptors.to_string()));
    Ok(measures)
}

/// A client for each thread, with its own addresses.
fn in_threads<T: Send>(server: &Server, run: impl Fn(&Client) -> io::Result<T> + Sync) -> io::Result<Vec<T>> {
    thread::scope(|scope| {
        let run = &run;
        let threads = (0..THREADS).map(|number| scope.spawn(move || run(&Client::new(server, number)?)));
        let threads = threads.collect::<Vec<_>>();
        threads.into_iter().map(|thread| thread.join().map_err(|_| io::Error::other("a thread panicked"))?).collect()
    })
}

/// How often it succeeded and failed.
fn count_until(end: Instant, run: impl Fn() -> io::Result<()>) -> io::Result<(usize, usize)> {
    let (mut succeeded, mut failed) = (0, 0);
    while Instant::now() < end {
        match run() {
            Ok(()) => succeeded += 1,
            Err(_) => failed += 1,
        }
    }
    Ok((succeeded, failed))
}

fn total(counts: &[(usize, usize)]) -> (usize, usize) {
    counts.iter().fold((0, 0), |(succeeded, failed), count| (succeeded + count.0, failed + count.1))
}

/// What the server holds, each second. There is at least one sample.
fn sample_until(server: &Server, end: Instant) -> io::Result<Vec<Usage>> {
    let mut samples = Vec::new();
    loop {
        thread::sleep(SETTLE);
        samples.push(server.usage()?);
        if Instant::now() + SETTLE > end {
            return Ok(samples);
        }
    }
}

fn memory(idle: Usage, usage: Usage, count: usize) -> [Measure; 3] {
    let grown = usage.resident_kib.saturating_sub(idle.resident_kib);
    let each = if count == 0 { "-".to_owned() } else { format!("{:.2}", grown as f64 / count as f64) };
    [
        measure("MiB (idle)", format!("{} ({})", mib(usage), mib(idle))),
        measure("KiB for each", each),
        measure("descriptors (idle)", format!("{} ({})", usage.descriptors, idle.descriptors)),
    ]
}

fn others(waits: &Waits) -> [Measure; 2] {
    [
        measure("others' wait, ms: p50 / p99 / max", waits.milliseconds()),
        measure("others that failed", format!("{} of {}", waits.failed, waits.count())),
    ]
}

const fn measure(name: &'static str, value: String) -> Measure {
    Measure { name, value }
}

fn mib(usage: Usage) -> String {
    format!("{:.1}", usage.resident_kib as f64 / 1024.0)
}
