//! Another client, which connects again and again during a load: the time that each CONNECT takes.

use std::io;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::thread;
use std::time::{Duration, Instant};

use crate::client::Client;
use crate::server::Server;

/// Between two connections.
const PAUSE: Duration = Duration::from_millis(5);

#[derive(Default)]
pub struct Waits {
    sorted: Vec<Duration>,
    pub failed: usize,
}

/// Runs the load, and measures the waits of another client until it returns.
pub fn during<T>(server: &Server, load: impl FnOnce() -> io::Result<T>) -> io::Result<(T, Waits)> {
    let (client, done) = (Client::local(server)?, &AtomicBool::new(false));
    thread::scope(|scope| {
        let probe = scope.spawn(move || measure(&client, done));
        let outcome = load();
        done.store(true, Relaxed);
        let waits = probe.join().map_err(|_| io::Error::other("the probe panicked"))?;
        Ok((outcome?, waits))
    })
}

fn measure(client: &Client, done: &AtomicBool) -> Waits {
    let mut waits = Waits::default();
    while !done.load(Relaxed) {
        let start = Instant::now();
        match client.open() {
            Ok(_) => waits.sorted.push(start.elapsed()),
            Err(_) => waits.failed += 1,
        }
        thread::sleep(PAUSE);
    }
    waits.sorted.sort_unstable();
    waits
}

impl Waits {
    pub fn count(&self) -> usize {
        self.sorted.len() + self.failed
    }

    /// The median, the 99th percentile and the maximum, in milliseconds.
    pub fn milliseconds(&self) -> String {
        let [p50, p99, max] = [50, 99, 100].map(|percent| self.percentile(percent));
        format!("{p50} / {p99} / {max}")
    }

    fn percentile(&self, percent: usize) -> String {
        let rank = (self.sorted.len() * percent).div_ceil(100);
        let wait = rank.checked_sub(1).and_then(|index| self.sorted.get(index));
        wait.map_or_else(|| "-".to_owned(), |wait| format!("{:.1}", wait.as_secs_f64() * 1e3))
    }
}
