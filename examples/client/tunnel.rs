//! stdin and stdout at the ends of a connection.

use std::io::{self, Read, Write};
use std::net::{Shutdown, TcpStream};
use std::thread;

/// Carries stdin to the connection in the background, and half-closes it where stdin ends.
pub fn send_stdin(mut stream: TcpStream) {
    thread::spawn(move || {
        // A connection that no longer takes octets is for the receiving side to report.
        let _ = io::copy(&mut io::stdin().lock(), &mut stream);
        let _ = stream.shutdown(Shutdown::Write);
    });
}

/// Carries the connection to stdout until its end, each part as it comes.
pub fn receive(mut stream: TcpStream) -> io::Result<()> {
    let mut stdout = io::stdout().lock();
    let mut buffer = [0; 16 * 1024];
    loop {
        let len = stream.read(&mut buffer)?;
        if len == 0 {
            return Ok(());
        }
        stdout.write_all(&buffer[..len])?;
        stdout.flush()?;
    }
}
