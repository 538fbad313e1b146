//! stdin and stdout at the ends of a connection.

use std::io::{self, Read, Write};
use std::net::{Shutdown, TcpStream};
use std::sync::mpsc::{Receiver, SyncSender};
use std::thread::{self, JoinHandle};
use std::time::Duration;

/// Some proxies close both ways as soon as one ends. So where stdin ends, its way stays open until nothing has come back
/// for this long.
const QUIET: Duration = Duration::from_millis(500);

/// Carries stdin to the connection in the background, then half-closes it. The other end of `arrivals` tells what comes back.
pub fn send_stdin(mut stream: TcpStream, arrivals: Receiver<()>) -> JoinHandle<()> {
    thread::spawn(move || {
        // A connection that no longer takes octets is for the receiving side to report.
        let _ = io::copy(&mut io::stdin().lock(), &mut stream);
        while arrivals.recv_timeout(QUIET).is_ok() {}
        let _ = stream.shutdown(Shutdown::Write);
    })
}

/// Carries the connection to stdout until its end, each part as it comes.
pub fn receive(mut stream: TcpStream, arrivals: SyncSender<()>) -> io::Result<()> {
    let mut stdout = io::stdout().lock();
    let mut buffer = [0; 16 * 1024];
    loop {
        let len = stream.read(&mut buffer)?;
        if len == 0 {
            return Ok(());
        }
        let _ = arrivals.try_send(());
        stdout.write_all(&buffer[..len])?;
        stdout.flush()?;
    }
}
