//! Linux: segmentation offload and `recvmmsg`, by `quinn-udp`.

use std::io::{self, ErrorKind, IoSliceMut};
use std::net::{Ipv4Addr, SocketAddr, UdpSocket as StdSocket};
use std::num::NonZeroUsize;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

use nix::errno::Errno;
use nix::sys::socket::setsockopt;
use nix::sys::socket::sockopt::UdpGroSegment;
use quinn_udp::{RecvMeta, Transmit, UdpSocketState};
use tokio::io::Interest;
use tokio::net::UdpSocket;

use super::{MESSAGES, Message};

/// The most datagrams in one message.
pub(crate) const MAX_RECV_SEGMENTS: usize = 64;
/// Whether datagrams may still be sent in IP fragments after `forbid_fragments`.
pub(crate) const MAY_FRAGMENT: bool = false;

/// What the system can do, found out once.
#[derive(Debug)]
struct Offload {
    state: UdpSocketState,
    max_segments: usize,
}

#[derive(Debug)]
pub(super) struct System {
    offload: &'static Offload,
    /// Datagrams of this length and longer are sent one by one: they exceed the path MTU, or the network card cannot segment them.
    refused: AtomicUsize,
}

impl System {
    pub(super) fn new(socket: &UdpSocket) -> io::Result<Self> {
        let offload = offload()?;
        let _ = setsockopt(socket, UdpGroSegment, &true); // before Linux 5.0, each message is one datagram
        Ok(Self { offload, refused: AtomicUsize::new(usize::MAX) })
    }

    pub(super) fn max_segments(&self, len: usize) -> usize {
        if len < self.refused.load(Relaxed) { self.offload.max_segments } else { 1 }
    }

    /// Several datagrams of this length failed in one call, and not one by one.
    pub(super) fn refused(&self, len: usize, error: &io::Error) {
        let is_lasting = |errno| error.raw_os_error() == Some(errno as i32);
        if [Errno::EINVAL, Errno::EIO, Errno::EMSGSIZE].into_iter().any(is_lasting) {
            self.refused.fetch_min(len, Relaxed);
        }
    }

    pub(super) fn try_recv(
        &self,
        socket: &UdpSocket,
        buffers: &mut [IoSliceMut<'_>],
        messages: &mut [Message],
    ) -> io::Result<usize> {
        let mut metas = [RecvMeta::default(); MESSAGES];
        let asked = buffers.len().min(messages.len()).min(MESSAGES);
        let mut count = 0;
        let outcome = socket.try_io(Interest::READABLE, || {
            count = self.offload.state.recv(socket.into(), &mut buffers[..asked], &mut metas)?;
            // fewer than requested: there are no more, and the next call would block
            if count < asked { Err(ErrorKind::WouldBlock.into()) } else { Ok(()) }
        });
        if count == 0 {
            outcome?;
        }
        for (message, meta) in messages.iter_mut().zip(&metas).take(count) {
            let stride = NonZeroUsize::new(meta.stride).unwrap_or(NonZeroUsize::MIN);
            *message = Message { from: meta.addr, len: meta.len, stride };
        }
        Ok(count)
    }

    pub(super) fn try_send(
        &self,
        socket: &UdpSocket,
        contents: &[u8],
        stride: Option<NonZeroUsize>,
        to: SocketAddr,
    ) -> io::Result<()> {
        let segment_size = stride.map(NonZeroUsize::get);
        let transmit = Transmit { destination: to, ecn: None, contents, segment_size, src_ip: None };
        socket.try_io(Interest::WRITABLE, || self.offload.state.try_send(socket.into(), &transmit))
    }
}

/// Sets the options that QUIC needs. One of them is permanent, and then no IPv6 datagram can be sent in fragments.
pub(super) fn forbid_fragments(socket: &UdpSocket) -> io::Result<()> {
    UdpSocketState::new(socket.into()).map(drop)
}

/// Probes the system with a socket that is closed again: it sets options that the relay's sockets must not have.
fn offload() -> io::Result<&'static Offload> {
    static OFFLOAD: OnceLock<Offload> = OnceLock::new();
    match OFFLOAD.get() {
        Some(offload) => Ok(offload),
        None => {
            let state = UdpSocketState::new((&StdSocket::bind((Ipv4Addr::UNSPECIFIED, 0))?).into())?;
            Ok(OFFLOAD.get_or_init(|| Offload { max_segments: state.max_gso_segments(), state }))
        }
    }
}
