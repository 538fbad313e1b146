//! One call for each datagram.

use std::io::{self, IoSliceMut};
use std::net::SocketAddr;
use std::num::NonZeroUsize;

use tokio::net::UdpSocket;

use super::Message;

/// The most datagrams in one message.
pub(crate) const MAX_RECV_SEGMENTS: usize = 1;
/// Whether datagrams may still be sent in IP fragments after `forbid_fragments`.
pub(crate) const MAY_FRAGMENT: bool = true;

#[derive(Debug)]
pub(super) struct System {
    is_connected: bool,
}

impl System {
    pub(super) fn new(socket: &UdpSocket) -> io::Result<Self> {
        Ok(Self { is_connected: socket.peer_addr().is_ok() })
    }

    pub(super) fn max_segments(&self, _len: usize) -> usize {
        1
    }

    pub(super) fn refused(&self, _len: usize, _error: &io::Error) {}

    pub(super) fn try_recv(
        &self,
        socket: &UdpSocket,
        buffers: &mut [IoSliceMut<'_>],
        messages: &mut [Message],
    ) -> io::Result<usize> {
        let mut count = 0;
        for (buffer, message) in buffers.iter_mut().zip(messages) {
            match socket.try_recv_from(buffer) {
                Ok((len, from)) => {
                    *message = Message { from, len, stride: NonZeroUsize::new(len).unwrap_or(NonZeroUsize::MIN) };
                }
                Err(error) if count == 0 => return Err(error),
                Err(_) => break,
            }
            count += 1;
        }
        Ok(count)
    }

    pub(super) fn try_send(
        &self,
        socket: &UdpSocket,
        datagram: &[u8],
        _stride: Option<NonZeroUsize>,
        to: SocketAddr,
    ) -> io::Result<()> {
        let sent = if self.is_connected { socket.try_send(datagram) } else { socket.try_send_to(datagram, to) };
        sent.map(drop)
    }
}

/// There is no option for it on every system.
pub(super) fn forbid_fragments(_: &UdpSocket) -> io::Result<()> {
    Ok(())
}
