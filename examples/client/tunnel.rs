//! stdin and stdout at the ends of a connection.

use std::io::{self, Read, Write};
use std::net::{Shutdown, TcpStream};
use std::sync::mpsc::{Receiver, Sender};
use std::thread;
use std::time::Duration;

/// Some proxies close both ways as soon as one ends: this long an answer may take before the way to it is half-closed.
const ANSWER_TIME: Duration = Duration::from_secs(1);

/// Carries stdin to the connection in the background. Where stdin ends, half-closes it: as soon as something has come
/// back, which the dropping of the sender tells, or after a while.
pub fn send_stdin(mut stream: TcpStream, answered: Receiver<()>) {
    thread::spawn(move || {
        // A connection that no longer takes octets is for the receiving side to report.
        let _ = io::copy(&mut io::stdin().lock(), &mut stream);
        let _ = answered.recv_timeout(ANSWER_TIME);
        let _ = stream.shutdown(Shutdown::Write);
    });
}

/// Carries the connection to stdout until its end, each part as it comes.
pub fn receive(mut stream: TcpStream, answered: Sender<()>) -> io::Result<()> {
    let mut stdout = io::stdout().lock();
    let mut buffer = [0; 16 * 1024];
    let mut waiting = Some(answered);
    loop {
        let len = stream.read(&mut buffer)?;
        if len == 0 {
            return Ok(());
        }
        waiting.take();
        stdout.write_all(&buffer[..len])?;
        stdout.flush()?;
    }
}
