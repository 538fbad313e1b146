//! UDP ASSOCIATE: each datagram, with its header, is in its own frame.
//!
//! Only wrapping and unwrapping is done here. The companion's relay does everything else: it listens at a loopback address, and
//! its only client is a socket of this association.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};

use socks5_sansio::EndpointBuf;
use socks5_sansio::association::PeerFilter;
use tokio::io::{copy, sink};
use tokio::net::{TcpListener, TcpStream, UdpSocket};
use tokio::{join, select};
use tokio_socks5_sansio::lookup::Resolve;
use tokio_socks5_sansio::relay::{Relayed, keep_alive};
use tokio_socks5_sansio::udp::{Relay, Relays};

use crate::protection::Protection;
use crate::stream::Stream;

const BUFFER_LEN: usize = 65_536;
const LOOPBACK: (Ipv4Addr, u16) = (Ipv4Addr::LOCALHOST, 0);

/// A relay whose client sends and receives frames.
pub struct Association<R> {
    frames: Frames,
    relay: Relay<R>,
    /// Given to the relay in place of the client's TCP connection. Dropping the listener ends it.
    control: TcpStream,
    listener: TcpListener,
}

impl<R: Resolve> Association<R> {
    /// Opens an association for the client at the other end of a TCP connection; `destination` is the one of its request.
    pub async fn open(
        relays: &Relays<R>,
        client: &TcpStream,
        destination: &EndpointBuf,
        protection: Protection,
    ) -> io::Result<Self> {
        let listener = TcpListener::bind(LOOPBACK).await?;
        let control = TcpStream::connect(listener.local_addr()?).await?;
        let inside = UdpSocket::bind(LOOPBACK).await?;
        let relay = relays.open(&control, inside.local_addr()?.into())?; // admits this socket alone
        inside.connect(relay.local_addr()?).await?;
        let mut local = client.local_addr()?;
        local.set_port(0);
        let outside = UdpSocket::bind(local).await?;
        let filter = PeerFilter::new(client.peer_addr()?, destination.as_endpoint());
        Ok(Self { frames: Frames { outside, inside, filter, protection }, relay, control, listener })
    }

    /// Where the client is to send its datagrams.
    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        self.frames.outside.local_addr()
    }

    /// Relays until the client's TCP connection ends.
    pub async fn run(self, mut client: Stream<'_>) -> Relayed {
        let Self { mut frames, relay, control, listener } = self;
        let _ = keep_alive(client.socket()); // an association without keepalive is better than none
        let mut sink = sink();
        let until_the_end = async {
            select! {
                _ = copy(&mut client, &mut sink) => {}
                () = frames.relay() => {}
            }
            drop(listener);
        };
        join!(relay.run(&control), until_the_end).0
    }
}

/// The sockets and the wrapping between the client and the relay. What cannot be relayed is dropped.
struct Frames {
    outside: UdpSocket,
    inside: UdpSocket,
    filter: PeerFilter,
    protection: Protection,
}

impl Frames {
    async fn relay(&mut self) {
        let (mut up, mut down) = (vec![0; BUFFER_LEN], vec![0; BUFFER_LEN]);
        loop {
            let _ = select! {
                Ok((len, from)) = self.outside.recv_from(&mut up) => self.relay_up(&up[..len], from).await,
                Ok(len) = self.inside.recv(&mut down) => self.relay_down(&down[..len]).await,
                else => Ok(()),
            };
        }
    }

    /// The first frame that can be unwrapped settles the client's port.
    async fn relay_up(&mut self, datagram: &[u8], from: SocketAddr) -> io::Result<()> {
        let clear = self.protection.unwrap_datagram(datagram)?;
        if self.filter.admit(from) {
            self.inside.send(&clear).await?;
        }
        Ok(())
    }

    async fn relay_down(&self, datagram: &[u8]) -> io::Result<()> {
        if let Some(client) = self.filter.client() {
            self.outside.send_to(&self.protection.wrap(datagram)?, client).await?;
        }
        Ok(())
    }
}
