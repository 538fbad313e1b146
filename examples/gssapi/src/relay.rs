//! A relay between a client's stream, which may be wrapped, and a target.
//!
//! As the companion's relay for plain TCP: a reset of either side is noticed at once, what it sent before is delivered, and the
//! other side is reset too. A frame that is refused resets both: an orderly end would make truncated data look complete.

use std::io::{self, ErrorKind};
use std::time::Duration;

use socket2::SockRef;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio::{select, try_join};
use tokio_socks5_sansio::relay::{Relayed, Side, keep_alive, reset};

use crate::stream::{CHUNK, Stream};

/// The time for the last bytes to arrive.
const LINGER: Duration = Duration::from_secs(2);

type Failure = (Side, io::Error);

/// Relays bytes both ways until both sides have ended, or one has failed.
pub async fn relay(client: Stream<'_>, target: TcpStream) -> Relayed {
    let (client_socket, to_client) = (client.socket(), client.writer());
    for socket in [client_socket, &target] {
        let _ = tune(socket); // a relay without keepalive is better than none
    }
    let mut up = Direction { from: (Side::Client, client), to: (Side::Target, Stream::new(&target)), bytes: 0 };
    let mut down = Direction { from: (Side::Target, Stream::new(&target)), to: (Side::Client, to_client), bytes: 0 };
    let failure = select! {
        biased;
        error = reset(client_socket) => Some((Side::Client, error)),
        error = reset(&target) => Some((Side::Target, error)),
        ended = async { try_join!(up.run(), down.run()) } => ended.err(),
    };
    match &failure {
        Some((_, error)) if error.kind() == ErrorKind::InvalidData => {}
        Some((Side::Client, _)) => up.deliver(&target).await,
        Some((Side::Target, _)) => down.deliver(client_socket).await,
        None => {
            for socket in [client_socket, &target] {
                let _ = SockRef::from(socket).set_linger(None);
            }
        }
    }
    Relayed { up: up.bytes, down: down.bytes, reset: failure }
}

/// Makes the system reset the connection if it is closed before both sides have ended in order.
fn tune(socket: &TcpStream) -> io::Result<()> {
    SockRef::from(socket).set_linger(Some(Duration::ZERO))?;
    keep_alive(socket)
}

/// One direction.
struct Direction<'s> {
    from: (Side, Stream<'s>),
    to: (Side, Stream<'s>),
    bytes: u64,
}

impl Direction<'_> {
    /// Passes bytes on until the sender has ended, and then the end.
    async fn run(&mut self) -> Result<(), Failure> {
        self.pump().await?;
        let (to, receiver) = &mut self.to;
        receiver.shutdown().await.map_err(|error| (*to, error))
    }

    /// No bytes are lost if the future is dropped.
    async fn pump(&mut self) -> Result<(), Failure> {
        let ((from, sender), (to, receiver)) = (&mut self.from, &mut self.to);
        let mut buffer = vec![0; CHUNK];
        loop {
            receiver.flush().await.map_err(|error| (*to, error))?;
            let len = sender.read(&mut buffer).await.map_err(|error| (*from, error))?;
            if len == 0 {
                return Ok(());
            }
            receiver.write_all(&buffer[..len]).await.map_err(|error| (*to, error))?;
            self.bytes += len as u64;
        }
    }

    /// After a reset of the sender: delivers what it sent before. The kernel may still hold written data, and would throw it away
    /// on a reset; so the receiver gets time to read.
    async fn deliver(&mut self, receiver: &TcpStream) {
        let delivered = async {
            let _ = self.pump().await; // the sender's error is known
            let _ = tokio::io::copy(&mut Stream::new(receiver), &mut tokio::io::sink()).await;
        };
        let _ = timeout(LINGER, delivered).await;
    }
}
