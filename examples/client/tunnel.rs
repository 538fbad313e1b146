//! stdin and stdout at the ends of a connection.

use std::io::{self, Read, Write};
use std::net::{Shutdown, TcpStream};
use std::sync::mpsc::{self, Receiver, SyncSender};
use std::thread;
use std::time::Duration;

/// Some proxies close both directions as soon as one ends. So after the end of stdin, its direction stays open until nothing has
/// been received for this long.
const QUIET: Duration = Duration::from_millis(500);

/// Joins stdin and stdout to the connection. Stdin is sent at once; `handshake` is performed before the rest is received.
pub fn run(stream: TcpStream, handshake: impl FnOnce() -> io::Result<()>) -> io::Result<()> {
    let (arrived, arrivals) = mpsc::sync_channel(1);
    let sending_stream = stream.try_clone()?;
    let sending = thread::spawn(move || send_stdin(sending_stream, &arrivals));
    handshake()?;
    receive(stream, &arrived)?;
    drop(arrived);
    sending.join().map_err(|_| io::Error::other("the thread that sends has panicked"))
}

/// Copies stdin to the connection, then closes that direction.
fn send_stdin(mut stream: TcpStream, arrivals: &Receiver<()>) {
    let _ = io::copy(&mut io::stdin().lock(), &mut stream); // the receiving side reports a broken connection
    while arrivals.recv_timeout(QUIET).is_ok() {}
    let _ = stream.shutdown(Shutdown::Write);
}

/// Copies the connection to stdout until its end, each part as it arrives.
fn receive(mut stream: TcpStream, arrived: &SyncSender<()>) -> io::Result<()> {
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
