//! Datagrams inside the client's TCP connection: the relay of a server for the dialects of [`socks5_sansio::udp_in_tcp`].

mod frames;

use std::future::poll_fn;
use std::io;
use std::net::SocketAddr;
use std::num::NonZeroUsize;

use socks5_sansio::association::bound_address;
use socks5_sansio::either::{Asked, Respond};
use socks5_sansio::udp_in_tcp::{GostDatagram, HevDatagram, UotVersion};
use socks5_sansio::{DecodeError, Endpoint, EndpointBuf, Inbox};
use tokio::net::TcpStream;
use tokio::task::yield_now;

use self::frames::{Frames, put};
use crate::batch::{Batch, Message, with_batch};
use crate::limits::Place;
use crate::lookup::Resolve;
use crate::relay::{Relayed, Side, keep_alive, unless_would_block};
use crate::udp::{Outside, Relays};

/// The least room for a read. It bounds the inbox, as no frame has more than 65,797 bytes.
const READ_LEN: usize = 16 * 1024;
/// The most frames or messages of one direction before the other gets its turn.
const BATCH: usize = 64;
/// With this many bytes of frames in the outbox, no more answers are received: the system drops them.
const OUTBOX_LEN: usize = 64 * 1024;

/// The dialect in which a client asked for datagrams inside its TCP connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Dialect {
    /// Command 05 of hev-socks5.
    Hev,
    /// Command F3 of gost.
    Gost,
    /// CONNECT to the name of a version of UDP over TCP.
    Uot(UotVersion),
}

impl Dialect {
    /// The dialect that a request asks for, and the permit to answer it.
    ///
    /// ```
    /// use socks5_sansio::udp_in_tcp::UotVersion;
    /// use socks5_sansio::{Receive, socks4};
    /// use tokio_socks5_sansio::udp_in_tcp::Dialect;
    ///
    /// let input = b"\x04\x01\0\0\0\0\0\x01\0sp.v2.udp-over-tcp.arpa\0";
    /// let ((request, asked), _) = socks4::ReceiveRequest::new().receive(input)?;
    /// let Ok((dialect, _permit)) = Dialect::of(asked, request.destination()) else { panic!("another request") };
    /// assert_eq!(dialect, Dialect::Uot(UotVersion::V2));
    /// # Ok::<(), socks5_sansio::server::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// The request, if it asks for something else. Command F3 with a port is something else too: it asks for a listener there.
    pub fn of(asked: impl Into<Asked>, destination: Endpoint<'_>) -> Result<(Self, Respond), Asked> {
        match (asked.into(), UotVersion::of(destination)) {
            (Asked::Connect(permit), Some(version)) => Ok((Self::Uot(version), permit)),
            (Asked::Other(HevDatagram::COMMAND, permit @ Respond::Socks5(_)), _) => Ok((Self::Hev, permit)),
            (Asked::Other(GostDatagram::COMMAND, permit @ Respond::Socks5(_)), _) if destination.port == 0 => {
                Ok((Self::Gost, permit))
            }
            (asked, _) => Err(asked),
        }
    }
}

impl<R: Resolve> Relays<R> {
    /// Opens a relay for datagrams inside a client's TCP connection. Like any other relay, it takes a place of the limit.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::ResourceBusy`](io::ErrorKind::ResourceBusy) beyond the limit, and the error of the system if a socket cannot be
    /// opened.
    pub fn open_in_tcp(&self, control: &TcpStream, dialect: Dialect) -> io::Result<Relay<R>> {
        let (place, outside) = self.outside(control.peer_addr()?.ip())?;
        Ok(Relay {
            control_local: control.local_addr()?,
            outside,
            frames: Frames::of(dialect),
            inbox: Inbox::new(Vec::new()),
            outbox: Inbox::new(Vec::new()),
            down: 0,
            _place: place,
        })
    }
}

/// The relay of one association whose datagrams are frames in the client's TCP connection. A datagram that cannot be relayed is
/// dropped, as by [`udp::Relay`](crate::udp::Relay), and so are answers while the client does not read. A malformed frame ends the
/// association, because the start of the next frame is not known.
///
/// An idle relay has no buffer. For a client that does not read, at most 130 KiB of frames wait; an incomplete
/// frame of the client takes at most 65 KiB.
///
/// A vanished host is noticed as by [`relay`](crate::relay::relay). On Linux, a client that reads nothing for two minutes while
/// there are answers for it counts as vanished.
#[derive(Debug)]
pub struct Relay<R> {
    control_local: SocketAddr,
    outside: Outside<R>,
    frames: Frames,
    inbox: Inbox<Vec<u8>>,
    outbox: Inbox<Vec<u8>>,
    down: u64,
    _place: Place,
}

impl<R: Resolve> Relay<R> {
    /// The bound address of the reply, which clients do not use: the address by which the client reached the server, and the port
    /// from which the datagrams are sent.
    ///
    /// # Errors
    ///
    /// As [`UdpSocket::local_addr`](tokio::net::UdpSocket::local_addr).
    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        Ok(bound_address(self.outside.own.local_addr()?, self.control_local))
    }

    /// Relays until the client's TCP connection ends. Send the reply first; `early` is what the client sent with its request.
    pub async fn run(mut self, control: &TcpStream, early: &[u8]) -> Relayed {
        let _ = keep_alive(control); // a relay without keepalive is better than none
        let outcome = self.exchange(control, early).await;
        Relayed { up: self.outside.sent, down: self.down, reset: outcome.err().map(|error| (Side::Client, error)) }
    }

    /// Returns at the end of the stream.
    async fn exchange(&mut self, control: &TcpStream, early: &[u8]) -> io::Result<()> {
        put(&mut self.inbox, early)?;
        self.outside.ready().await;
        loop {
            let missing = with_batch(|batch| self.send_frames(batch))?;
            release(&mut self.inbox);
            release(&mut self.outbox);
            let (has_more, has_answers) = (missing.is_none(), !self.outbox.unread().is_empty());
            tokio::select! {
                () = yield_now(), if has_more => {}
                readable = poll_fn(|cx| control.poll_read_ready(cx)), if !has_more => {
                    readable?;
                    if self.read(control, missing)? == Some(0) {
                        return Ok(());
                    }
                }
                writable = poll_fn(|cx| control.poll_write_ready(cx)), if has_answers => {
                    writable?;
                    self.write(control)?;
                }
                Ok(()) = self.outside.own.socket.receivable(), if !has_answers => self.receive_answers(),
                Some(Ok((name, address))) = self.outside.pending.join_next() => {
                    with_batch(|batch| self.found(batch, &name, address));
                }
            }
        }
    }

    /// Sends the datagrams of some frames. Returns how many bytes are missing in the next one, or `None` if there may be more.
    fn send_frames(&mut self, batch: &mut Batch) -> io::Result<Option<NonZeroUsize>> {
        let outcome = self.decode_frames(batch);
        self.outside.finish(batch);
        outcome
    }

    fn decode_frames(&mut self, batch: &mut Batch) -> io::Result<Option<NonZeroUsize>> {
        for _ in 0..BATCH {
            match self.frames.decode(self.inbox.unread()) {
                Ok((datagram, used)) => {
                    datagram.into_iter().for_each(|(to, data)| self.outside.send(batch, to, [data]));
                    self.inbox.consume(used);
                }
                Err(DecodeError::Incomplete(missing)) => return Ok(Some(missing)),
                Err(malformed @ DecodeError::Invalid(_)) => return Err(malformed.into()),
            }
        }
        Ok(None)
    }

    fn read(&mut self, control: &TcpStream, missing: Option<NonZeroUsize>) -> io::Result<Option<usize>> {
        let len = missing.map_or(READ_LEN, |missing| READ_LEN.max(missing.get()));
        let read = unless_would_block(control.try_read(self.inbox.room(len)?))?;
        self.inbox.filled(read.unwrap_or(0));
        Ok(read)
    }

    fn write(&mut self, control: &TcpStream) -> io::Result<()> {
        let written = unless_would_block(control.try_write(self.outbox.unread()))?;
        self.outbox.consume(written.unwrap_or(0));
        Ok(())
    }

    /// Appends answers to the outbox, one message at a time, so that the outbox is bounded.
    fn receive_answers(&mut self) {
        let Self { outside, frames, outbox, down, .. } = self;
        for _ in 0..BATCH {
            let is_full = outbox.unread().len() >= OUTBOX_LEN;
            let has_received = !is_full
                && outside.own.socket.receive(1, |from, datagrams, stride| {
                    for data in Message::datagrams(stride, datagrams) {
                        if frames.encode(from, data, outbox).is_ok() {
                            *down += data.len() as u64;
                        }
                    }
                });
            if !has_received {
                return;
            }
        }
    }

    /// With ISCONNECT, replaces the name of the destination by the address found first, so that its answers are recognized.
    fn found(&mut self, batch: &mut Batch, name: &EndpointBuf, address: Option<SocketAddr>) {
        self.outside.found(batch, name, address);
        if let (Frames::UotConnect(destination), Some(address)) = (&mut self.frames, address) {
            **destination = Endpoint::from(address).into();
        }
    }
}

/// Frees the memory of an empty buffer.
fn release(buffer: &mut Inbox<Vec<u8>>) {
    if buffer.unread().is_empty() {
        *buffer = Inbox::new(Vec::new());
    }
}
