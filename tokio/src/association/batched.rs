//! An association for batches of datagrams.

use std::cell::RefCell;
use std::io::{self, ErrorKind, IoSliceMut};
use std::net::SocketAddr;
use std::num::NonZeroUsize;
use std::task::{Context, Poll, ready};

use socket2::SockRef;
use socks5_sansio::{Encode, UdpHeader};
use tokio::net::{TcpStream, UdpSocket};

use super::{aborted, max_data};
use crate::batch::{BatchSocket, MAX_RECV_SEGMENTS, MAY_FRAGMENT, MESSAGES, Message, SEND_MAX};
use crate::relay::ended;

/// Room for a burst of batches, which the default of Linux (208 KiB) does not have.
const RECV_BUFFER_LEN: usize = 1 << 20;

thread_local! {
    static SEND_BUFFER: RefCell<Vec<u8>> = RefCell::new(vec![0; SEND_MAX]);
}

/// An association for batches of datagrams, for QUIC and other protocols that discover the path MTU.
/// [`Association::into_batched`](super::Association::into_batched) makes one.
///
/// On Linux, with the feature `batch`, a batch is sent or received in one system call, and never in IP fragments. Otherwise each
/// datagram takes one call, and may be sent in IP fragments: see [`may_fragment`](Self::may_fragment).
///
/// The receive buffer of the socket has at least 1 MiB, or as much as the system permits (on Linux, `net.core.rmem_max`).
///
/// The page [`http3`](crate::guide::http3) of the guide has an example.
#[derive(Debug)]
pub struct Batched {
    control: TcpStream,
    socket: BatchSocket,
    relay: SocketAddr,
}

/// Datagrams in one buffer, as [`UdpHeader::runs`] takes them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Received {
    /// The number of bytes in the buffer.
    pub len: usize,
    /// The length of each datagram with its header. The last one may be shorter.
    pub stride: NonZeroUsize,
}

impl Default for Received {
    /// Nothing was received.
    fn default() -> Self {
        Self { len: 0, stride: NonZeroUsize::MIN }
    }
}

impl Batched {
    pub(super) fn new(control: TcpStream, socket: UdpSocket, relay: SocketAddr) -> io::Result<Self> {
        let _ = extend_recv_buffer(&socket); // a short buffer is better than no association
        let socket = BatchSocket::new(socket)?;
        socket.forbid_fragments()?;
        Ok(Self { control, socket, relay })
    }

    /// Receives datagrams with their headers: one message of the system into each buffer. Returns the number of buffers used.
    ///
    /// A message has at most [`max_recv_segments`](Self::max_recv_segments) datagrams and 65,536 bytes; what exceeds the buffer
    /// is lost. Only one task may receive: of several that wait, only the last is woken.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::ConnectionAborted`] if the association has ended, and those of the socket.
    pub fn poll_recv(
        &self,
        cx: &mut Context<'_>,
        buffers: &mut [IoSliceMut<'_>],
        received: &mut [Received],
    ) -> Poll<io::Result<usize>> {
        loop {
            if self.poll_ended(cx).is_ready() {
                return Poll::Ready(Err(aborted()));
            }
            ready!(self.socket.socket.poll_recv_ready(cx))?;
            match self.try_recv(buffers, received) {
                // only the end of the TCP connection ends the association
                Err(error) if matches!(error.kind(), ErrorKind::ConnectionRefused | ErrorKind::WouldBlock) => {}
                outcome => return Poll::Ready(outcome),
            }
        }
    }

    fn try_recv(&self, buffers: &mut [IoSliceMut<'_>], received: &mut [Received]) -> io::Result<usize> {
        let mut messages = [Message::EMPTY; MESSAGES];
        let asked = received.len().min(MESSAGES);
        let count = self.socket.try_recv(buffers, &mut messages[..asked])?;
        for (received, message) in received.iter_mut().zip(messages).take(count) {
            *received = Received { len: message.len, stride: message.stride };
        }
        Ok(count)
    }

    /// Sends data in datagrams of `segment` bytes each, with the header; the last may have less.
    ///
    /// # Errors
    ///
    /// - [`ErrorKind::WouldBlock`]: wait until the socket is [`writable`](Self::writable).
    /// - [`BufferTooSmall`](socks5_sansio::BufferTooSmall) as an I/O error: all datagrams with their headers exceed 65,507 bytes.
    /// - EMSGSIZE: a datagram exceeds the path MTU.
    ///
    /// If only some of the datagrams could be sent, this returns `Ok`, and the others are lost.
    pub fn try_send(&self, header: &UdpHeader<'_>, data: &[u8], segment: NonZeroUsize) -> io::Result<()> {
        let stride = segment.saturating_add(header.encoded_len());
        SEND_BUFFER.with_borrow_mut(|buffer| {
            let len = header.prepend_each(data, segment, buffer)?;
            self.socket.try_send(&buffer[..len], stride, self.relay).map(drop)
        })
    }

    /// Waits until datagrams can be sent.
    ///
    /// # Errors
    ///
    /// As [`UdpSocket::writable`](tokio::net::UdpSocket::writable).
    pub async fn writable(&self) -> io::Result<()> {
        self.socket.socket.writable().await
    }

    /// Waits until the proxy ends the association.
    pub async fn ended(&self) {
        ended(&self.control).await;
    }

    fn poll_ended(&self, cx: &mut Context<'_>) -> Poll<()> {
        while ready!(self.control.poll_read_ready(cx)).is_ok() {
            match self.control.try_read(&mut [0; 64]) {
                Ok(1..) => {}
                Err(error) if error.kind() == ErrorKind::WouldBlock => {}
                Ok(0) | Err(_) => break,
            }
        }
        Poll::Ready(())
    }

    /// The address of the relay.
    #[must_use]
    pub const fn relay_addr(&self) -> SocketAddr {
        self.relay
    }

    /// The address from which datagrams are sent.
    ///
    /// # Errors
    ///
    /// As [`UdpSocket::local_addr`](tokio::net::UdpSocket::local_addr).
    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        self.socket.socket.local_addr()
    }

    /// The most data in a datagram with this header that fits the MTU of the path to the relay, as for
    /// [`Association::max_data`](super::Association::max_data).
    #[must_use]
    pub fn max_data(&self, header: &UdpHeader<'_>, mtu: usize) -> Option<usize> {
        max_data(self.relay, header, mtu)
    }

    /// The most datagrams that are sent in one system call.
    #[must_use]
    pub fn max_send_segments(&self) -> usize {
        self.socket.max_segments(1)
    }

    /// The most datagrams that are received into one buffer.
    #[must_use]
    pub const fn max_recv_segments(&self) -> usize {
        MAX_RECV_SEGMENTS
    }

    /// Whether datagrams that exceed the path MTU may be sent in IP fragments, because this system cannot forbid it.
    #[must_use]
    pub const fn may_fragment(&self) -> bool {
        MAY_FRAGMENT
    }
}

fn extend_recv_buffer(socket: &UdpSocket) -> io::Result<()> {
    let socket = SockRef::from(socket);
    if socket.recv_buffer_size()? < RECV_BUFFER_LEN {
        socket.set_recv_buffer_size(RECV_BUFFER_LEN)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use tokio::net::TcpListener;

    use super::*;

    /// Requests a length of the receive buffer, and returns the one that the system grants.
    fn set_recv_buffer(socket: &UdpSocket, len: usize) -> usize {
        SockRef::from(socket).set_recv_buffer_size(len).unwrap();
        SockRef::from(socket).recv_buffer_size().unwrap()
    }

    #[tokio::test]
    async fn the_receive_buffer_is_extended_and_never_reduced() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        for (before, after) in [(1 << 16, RECV_BUFFER_LEN), (1 << 22, 1 << 22)] {
            let control = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
            let socket = UdpSocket::bind("127.0.0.1:0").await.unwrap();
            let relay = socket.local_addr().unwrap();
            let expected = set_recv_buffer(&socket, after);
            set_recv_buffer(&socket, before);
            let association = Batched::new(control, socket, relay).unwrap();
            assert_eq!(SockRef::from(&association.socket.socket).recv_buffer_size().unwrap(), expected);
        }
    }
}
