//! Log lines, in a bounded queue to one thread that writes them: a pipe without a reader delays nothing else.

use std::fmt::Arguments;
use std::io::{self, Write};
use std::sync::LazyLock;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::mpsc::{self, SyncSender};
use std::thread;
use std::time::Duration;

/// A line, or a request to be notified when all lines before it are written.
type Entry = Result<String, SyncSender<()>>;

static QUEUE: LazyLock<SyncSender<Entry>> = LazyLock::new(|| {
    let (queue, entries) = mpsc::sync_channel(1024);
    thread::spawn(move || entries.into_iter().for_each(write));
    queue
});
static DROPPED: AtomicU64 = AtomicU64::new(0);

/// Logs a line to stderr, or drops it if the queue is full.
pub fn line(line: Arguments<'_>) {
    if QUEUE.try_send(Ok(format!("{line}\n"))).is_err() {
        DROPPED.fetch_add(1, Relaxed);
    }
}

/// Waits until all lines are written, but at most a second: the pipe may have no reader.
pub fn finish() {
    let (written, wait) = mpsc::sync_channel(1);
    if QUEUE.try_send(Err(written)).is_ok() {
        let _ = wait.recv_timeout(Duration::from_secs(1));
    }
}

fn write(entry: Entry) {
    let _ = match entry {
        Ok(line) => io::stderr().write_all(line.as_bytes()),
        Err(written) => written.send(()).map_err(io::Error::other),
    };
    let dropped = DROPPED.swap(0, Relaxed);
    if dropped > 0 {
        let _ = writeln!(io::stderr(), "{dropped} lines dropped");
    }
}
