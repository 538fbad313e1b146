//! A [`quinn::AsyncUdpSocket`] on an association.

use std::cell::RefCell;
use std::fmt::{self, Debug, Formatter};
use std::io::{self, ErrorKind, IoSliceMut, Write};
use std::net::{Ipv6Addr, SocketAddr};
use std::num::NonZeroUsize;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use quinn::udp::{RecvMeta, Transmit};
use quinn::{AsyncUdpSocket, Endpoint, EndpointConfig, TokioRuntime, UdpPoller};
use tokio::net::TcpStream;
use tokio_socks5_sansio::association::{Association, Batched, Received};
use tokio_socks5_sansio::socks5_sansio::{self as socks5, EndpointBuf, UdpHeader, UserPass};
use tokio_socks5_sansio::{Wire, authenticate};

/// The least payload of QUIC (RFC 9000 section 14).
const MIN_PAYLOAD: u16 = 1200;
/// The length of the longest message in bytes.
const MESSAGE_LEN: usize = 65_536;
/// The maximum number of messages received at once.
const MESSAGES: usize = 8;
/// The discard prefix (RFC 6666): the address that quinn gets for a destination that has only a name.
const DISCARD: Ipv6Addr = Ipv6Addr::new(0x100, 0, 0, 0, 0, 0, 0, 0);

thread_local! {
    static BUFFER: RefCell<Vec<u8>> = RefCell::new(vec![0; MESSAGES * MESSAGE_LEN]);
}

/// An association for one destination. A received datagram has the address of its source, and not the name to which the client
/// sent, so one association could not distinguish several names.
#[derive(Debug)]
pub struct ProxiedSocket {
    association: Batched,
    destination: EndpointBuf,
}

impl ProxiedSocket {
    /// Asks the proxy for an association. A name is sent as it is, and the proxy resolves it.
    pub async fn open(
        proxy: SocketAddr,
        credentials: Option<UserPass<'_>>,
        destination: EndpointBuf,
    ) -> io::Result<Arc<Self>> {
        let stream = TcpStream::connect(proxy).await?;
        let source = socks5::Endpoint::unspecified(stream.local_addr()?);
        let mut wire = Wire::client(stream);
        let (request, state) = authenticate(&mut wire, credentials).await?.udp_associate(source);
        wire.send(&request).await?;
        let bound = EndpointBuf::from(wire.receive(state).await?);
        let association = Association::new(wire.into_stream(), bound.as_endpoint()).await?.into_batched()?;
        Ok(Arc::new(Self { association, destination: destination.as_endpoint().canonical().into() }))
    }

    /// A QUIC endpoint for clients, on a path to the proxy with this MTU. It limits the payloads from the destination, which does
    /// not know of the proxy's headers; [`max_payload`](Self::max_payload) limits those to the destination.
    pub fn endpoint(self: &Arc<Self>, mtu: u16) -> io::Result<Endpoint> {
        let longest = UdpHeader::new((Ipv6Addr::UNSPECIFIED, 0).into());
        let answer = self.association.max_data(&longest, mtu.into());
        let mut config = EndpointConfig::default();
        config.max_udp_payload_size(payload(answer)?).map_err(io::Error::other)?;
        Endpoint::new_with_abstract_socket(config, None, Arc::<Self>::clone(self), Arc::new(TokioRuntime))
    }

    /// The length of the longest payload to the destination: an upper bound for quinn's MTU discovery.
    pub fn max_payload(&self, mtu: u16) -> io::Result<u16> {
        payload(self.association.max_data(&self.header(), mtu.into()))
    }

    /// The address for [`Endpoint::connect`], of a destination that may have only a name.
    pub fn destination(&self) -> SocketAddr {
        let endpoint = self.destination.as_endpoint();
        match endpoint.to_socket_addr() {
            Some(SocketAddr::V4(address)) => (address.ip().to_ipv6_mapped(), address.port()).into(),
            Some(address) => address,
            None => (DISCARD, endpoint.port).into(),
        }
    }

    /// Waits until the proxy ends the association.
    pub async fn ended(&self) {
        self.association.ended().await;
    }

    fn header(&self) -> UdpHeader<'_> {
        UdpHeader::new(self.destination.as_endpoint())
    }
}

fn payload(max_data: Option<usize>) -> io::Result<u16> {
    let payload = max_data.and_then(|max| max.min(65_527).try_into().ok()).filter(|max| *max >= MIN_PAYLOAD);
    payload.ok_or_else(|| io::Error::new(ErrorKind::InvalidInput, "the path's MTU is too small for QUIC"))
}

impl AsyncUdpSocket for ProxiedSocket {
    fn create_io_poller(self: Arc<Self>) -> Pin<Box<dyn UdpPoller>> {
        Box::pin(Poller { socket: self, writable: None })
    }

    /// A packet that cannot be sent is lost, for example an MTU probe that exceeds the path's MTU. QUIC handles the loss.
    fn try_send(&self, transmit: &Transmit<'_>) -> io::Result<()> {
        let segment = NonZeroUsize::new(transmit.segment_size.unwrap_or(transmit.contents.len()));
        match self.association.try_send(&self.header(), transmit.contents, segment.unwrap_or(NonZeroUsize::MIN)) {
            Err(error) if error.kind() == ErrorKind::WouldBlock => Err(error),
            Ok(()) | Err(_) => Ok(()),
        }
    }

    /// Receives from any source: QUIC identifies its peer by other means, and the address of a name is not known.
    fn poll_recv(
        &self,
        cx: &mut Context<'_>,
        buffers: &mut [IoSliceMut<'_>],
        metas: &mut [RecvMeta],
    ) -> Poll<io::Result<usize>> {
        let mut received = [Received::default(); MESSAGES];
        BUFFER.with_borrow_mut(|buffer| {
            loop {
                let mut messages: Vec<_> = buffer.chunks_mut(MESSAGE_LEN).map(IoSliceMut::new).collect();
                messages.truncate(buffers.len());
                let count = ready!(self.association.poll_recv(cx, &mut messages, &mut received))?;
                let runs = messages.iter().zip(&received).take(count).filter_map(|(message, it)| only_run(message, it));
                let mut filled = 0;
                for ((data, buffer), meta) in runs.zip(&mut *buffers).zip(&mut *metas) {
                    let (len, stride) = copy(data, buffer);
                    *meta = RecvMeta { addr: self.destination(), len, stride, ecn: None, dst_ip: None };
                    filled += 1;
                }
                if filled > 0 {
                    return Poll::Ready(Ok(filled));
                }
            }
        })
    }

    /// Returns an unspecified IPv6 address: quinn then accepts destinations of both families.
    fn local_addr(&self) -> io::Result<SocketAddr> {
        Ok((Ipv6Addr::UNSPECIFIED, self.association.local_addr()?.port()).into())
    }

    fn max_transmit_segments(&self) -> usize {
        self.association.max_send_segments()
    }

    /// quinn's buffers have room for this many payloads.
    fn max_receive_segments(&self) -> usize {
        self.association.max_recv_segments().max(2)
    }

    fn may_fragment(&self) -> bool {
        self.association.may_fragment()
    }
}

/// The data of the first unfragmented run of a message. A message has several runs only if several hosts send to the relay.
fn only_run<'m>(message: &'m [u8], received: &Received) -> Option<impl Iterator<Item = &'m [u8]> + use<'m>> {
    let mut runs = UdpHeader::runs(message.get(..received.len)?, received.stride).flatten();
    runs.find(|run| run.header().fragment.is_standalone()).map(|run| run.data())
}

/// Copies segments one after another, as far as there is room. Returns the number of bytes, and the length of the first segment.
fn copy<'d>(data: impl Iterator<Item = &'d [u8]>, mut room: &mut [u8]) -> (usize, usize) {
    let (mut len, mut stride) = (0, 0);
    for segment in data {
        if segment.len() > room.len() || room.write_all(segment).is_err() {
            break;
        }
        len += segment.len();
        stride = stride.max(segment.len());
    }
    (len, stride)
}

/// Many tasks may wait to send, each by a future of its own.
struct Poller {
    socket: Arc<ProxiedSocket>,
    writable: Option<Pin<Box<dyn Future<Output = io::Result<()>> + Send + Sync>>>,
}

impl UdpPoller for Poller {
    fn poll_writable(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let Self { socket, writable } = self.get_mut();
        let waiting = writable.get_or_insert_with(|| {
            let socket = Arc::clone(socket);
            Box::pin(async move { socket.association.writable().await })
        });
        let outcome = ready!(waiting.as_mut().poll(cx));
        *writable = None;
        Poll::Ready(outcome)
    }
}

impl Debug for Poller {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.debug_struct("Poller").finish_non_exhaustive()
    }
}
