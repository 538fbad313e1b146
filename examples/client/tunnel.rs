//! stdin and stdout at the ends of a connection.

use std::io::{self, BufRead, Read, Write};
use std::net::{Shutdown, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{self, Receiver, SyncSender};
use std::thread;
use std::time::Duration;

/// Some proxies close both directions as soon as one ends. So after the end of one direction, the other stays open until it has
/// been idle for this long.
const QUIET: Duration = Duration::from_millis(500);

/// Whether data from stdin is being written to the connection.
static IS_SENDING: AtomicBool = AtomicBool::new(false);

/// Joins stdin and stdout to the connection. Stdin is sent at once; `handshake` is performed before the rest is received.
pub fn run(stream: &TcpStream, handshake: impl FnOnce() -> io::Result<()>) -> io::Result<()> {
    // each direction reports what it transfers to the other, which after its own end waits until the reports stop
    let (arrived, arrivals) = mpsc::sync_channel(1);
    let (sent, sends) = mpsc::sync_channel(1);
    let sending_stream = stream.try_clone()?;
    thread::spawn(move || send_stdin(sending_stream, &sent, &arrivals));
    handshake()?;
    receive(stream, &arrived)?;
    drop(arrived);
    while sends.recv_timeout(QUIET).is_ok() || IS_SENDING.load(Ordering::Relaxed) {}
    Ok(()) // stdin may still be open
}

/// Copies stdin to the connection, then closes that direction.
fn send_stdin(mut stream: TcpStream, sent: &SyncSender<()>, arrivals: &Receiver<()>) {
    let mut stdin = io::stdin().lock();
    while let Ok(data @ [_, ..]) = stdin.fill_buf() {
        let len = data.len();
        IS_SENDING.store(true, Ordering::Relaxed);
        let outcome = stream.write_all(data);
        IS_SENDING.store(false, Ordering::Relaxed);
        if outcome.is_err() {
            return; // the receiving side reports it
        }
        stdin.consume(len);
        let _ = sent.try_send(());
    }
    while arrivals.recv_timeout(QUIET).is_ok() {}
    let _ = stream.shutdown(Shutdown::Write);
}

/// Copies the connection to stdout until its end, each part as it arrives.
fn receive(mut stream: &TcpStream, arrived: &SyncSender<()>) -> io::Result<()> {
    let mut stdout = io::stdout().lock();
    let mut buffer = vec![0; 16 * 1024];
    loop {
        let len = stream.read(&mut buffer)?;
        if len == 0 {
            return Ok(());
        }
        let _ = arrived.try_send(());
        stdout.write_all(&buffer[..len])?;
        stdout.flush()?;
    }
}
