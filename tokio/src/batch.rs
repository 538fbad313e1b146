//! Many datagrams in one call, where the system can: segmentation offload (GSO, GRO) and `recvmmsg` on Linux. Elsewhere one call
//! each.

#[cfg(all(feature = "batch", target_os = "linux"))]
#[path = "batch/offload.rs"]
mod system;
#[cfg(not(all(feature = "batch", target_os = "linux")))]
#[path = "batch/single.rs"]
mod system;

use std::cell::RefCell;
use std::future::poll_fn;
use std::io::{self, ErrorKind, IoSliceMut};
use std::net::{Ipv4Addr, SocketAddr};
use std::num::NonZeroUsize;

use tokio::net::UdpSocket;

pub(crate) use self::system::{MAX_RECV_SEGMENTS, MAY_FRAGMENT};

/// Messages in one call: each is one datagram, or those that the system has put together.
pub(crate) const MESSAGES: usize = 16;
/// Not shorter than any message.
const MESSAGE_LEN: usize = 65_536;
/// The longest datagram over IPv4, and so the most that is sent in one call.
pub(crate) const SEND_MAX: usize = 65_507;

thread_local! {
    static MESSAGE_BUFFER: RefCell<Vec<u8>> = RefCell::new(vec![0; MESSAGES * MESSAGE_LEN]);
    static BATCH: RefCell<Batch> = RefCell::new(Batch::new());
}

/// Runs a closure with the batch of the thread, which is empty.
pub(crate) fn with_batch<T>(run: impl FnOnce(&mut Batch) -> T) -> T {
    BATCH.with_borrow_mut(|batch| {
        batch.clear(); // it is not empty if a task has panicked
        run(batch)
    })
}

/// Datagrams of one source, in one buffer: each has `stride` bytes, the last may have less.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Message {
    pub(crate) from: SocketAddr,
    pub(crate) len: usize,
    pub(crate) stride: NonZeroUsize,
}

impl Message {
    pub(crate) const EMPTY: Self = Self {
        from: SocketAddr::new(std::net::IpAddr::V4(Ipv4Addr::UNSPECIFIED), 0),
        len: 0,
        stride: NonZeroUsize::MIN,
    };

    /// The datagrams of a buffer. An empty buffer is one empty datagram.
    pub(crate) fn datagrams(stride: NonZeroUsize, bytes: &[u8]) -> impl Iterator<Item = &[u8]> {
        bytes.chunks(stride.get()).chain(bytes.is_empty().then_some(bytes))
    }
}

/// A socket for batches. Datagrams that exceed the path MTU are sent in IP fragments, as by any other socket.
#[derive(Debug)]
pub(crate) struct BatchSocket {
    pub(crate) socket: UdpSocket,
    system: system::System,
}

impl BatchSocket {
    pub(crate) fn new(socket: UdpSocket) -> io::Result<Self> {
        Ok(Self { system: system::System::new(&socket)?, socket })
    }

    /// From now on, what exceeds the path MTU is an error, or lost.
    pub(crate) fn forbid_fragments(&self) -> io::Result<()> {
        system::forbid_fragments(&self.socket)
    }

    /// The most datagrams of this length that are sent in one call.
    pub(crate) fn max_segments(&self, len: usize) -> usize {
        self.system.max_segments(len)
    }

    /// Waits for a datagram. Only one task may wait for each socket: the last one that waits is woken, and no other.
    pub(crate) async fn receivable(&self) -> io::Result<()> {
        poll_fn(|cx| self.socket.poll_recv_ready(cx)).await
    }

    /// Receives as many messages as there are, at most one for each buffer. Returns their number.
    pub(crate) fn try_recv(&self, buffers: &mut [IoSliceMut<'_>], messages: &mut [Message]) -> io::Result<usize> {
        self.system.try_recv(&self.socket, buffers, messages)
    }

    /// Calls `take` with at most `max` messages, each with its source and stride. Returns whether there were any.
    pub(crate) fn receive(&self, max: usize, mut take: impl FnMut(SocketAddr, &[u8], NonZeroUsize)) -> bool {
        MESSAGE_BUFFER.with_borrow_mut(|buffer| {
            let mut parts = buffer.chunks_exact_mut(MESSAGE_LEN);
            let mut slices: [_; MESSAGES] = std::array::from_fn(|_| IoSliceMut::new(parts.next().unwrap_or_default()));
            let mut messages = [Message::EMPTY; MESSAGES];
            let max = max.min(MESSAGES);
            let count = self.try_recv(&mut slices[..max], &mut messages).unwrap_or(0);
            for (message, slice) in messages.iter().zip(&slices).take(count) {
                take(message.from, &slice[..message.len], message.stride);
            }
            count > 0
        })
    }

    /// Sends datagrams of `stride` bytes each, the last may have less: in one call, or one after another if that fails.
    /// Returns how many were sent, unless none was.
    pub(crate) fn try_send(&self, datagrams: &[u8], stride: NonZeroUsize, to: SocketAddr) -> io::Result<usize> {
        let count = Message::datagrams(stride, datagrams).count();
        if count == 1 || count > self.max_segments(stride.get()) {
            return self.try_send_each(datagrams, stride, to);
        }
        match self.system.try_send(&self.socket, datagrams, Some(stride), to) {
            Err(error) if error.kind() != ErrorKind::WouldBlock => {
                let sent = self.try_send_each(datagrams, stride, to)?;
                self.system.refused(stride.get(), &error);
                Ok(sent)
            }
            outcome => outcome.map(|()| count),
        }
    }

    fn try_send_each(&self, datagrams: &[u8], stride: NonZeroUsize, to: SocketAddr) -> io::Result<usize> {
        let mut sent = 0;
        for datagram in Message::datagrams(stride, datagrams) {
            match self.system.try_send(&self.socket, datagram, None, to) {
                Ok(()) => sent += 1,
                Err(error) if sent == 0 => return Err(error),
                Err(_) => break,
            }
        }
        Ok(sent)
    }
}

/// Datagrams to one address, all of one length except the last, which may be shorter: they are sent in one call.
#[derive(Debug)]
pub(crate) struct Batch {
    to: SocketAddr,
    stride: NonZeroUsize,
    header_len: usize,
    datagrams: Vec<u8>,
    /// The number of bytes of data that were sent.
    sent: u64,
}

impl Batch {
    fn new() -> Self {
        Self { to: Message::EMPTY.from, stride: NonZeroUsize::MIN, header_len: 0, datagrams: Vec::new(), sent: 0 }
    }

    /// Appends a datagram. What cannot be sent in one call with it is sent first.
    pub(crate) fn push(&mut self, socket: &BatchSocket, to: SocketAddr, header: &[u8], data: &[u8]) {
        let len = header.len() + data.len();
        if !self.takes(socket, to, header.len(), len) {
            self.flush(socket);
        }
        let stride = NonZeroUsize::new(len);
        if self.datagrams.is_empty() {
            (self.to, self.stride, self.header_len) = (to, stride.unwrap_or(NonZeroUsize::MIN), header.len());
        }
        self.datagrams.extend_from_slice(header);
        self.datagrams.extend_from_slice(data);
        if stride.is_none() {
            self.send(socket); // an empty datagram adds no bytes to the batch, and would be lost
        }
    }

    /// Sends what is left. Returns the number of bytes of data that were sent since the last time.
    pub(crate) fn finish(&mut self, socket: &BatchSocket) -> u64 {
        self.flush(socket);
        std::mem::take(&mut self.sent)
    }

    fn clear(&mut self) {
        self.datagrams.clear();
        self.sent = 0;
    }

    fn takes(&self, socket: &BatchSocket, to: SocketAddr, header_len: usize, len: usize) -> bool {
        let (held, stride) = (self.datagrams.len(), self.stride.get());
        let is_like_these = to == self.to && header_len == self.header_len && (1..=stride).contains(&len);
        let has_room = held + len <= SEND_MAX && held / stride < socket.max_segments(stride);
        held == 0 || is_like_these && has_room && held % stride == 0
    }

    fn flush(&mut self, socket: &BatchSocket) {
        if !self.datagrams.is_empty() {
            self.send(socket);
        }
    }

    /// What cannot be sent at once is dropped.
    fn send(&mut self, socket: &BatchSocket) {
        let sent = socket.try_send(&self.datagrams, self.stride, self.to).unwrap_or(0);
        let data = Message::datagrams(self.stride, &self.datagrams)
            .take(sent)
            .map(|datagram| datagram.len() - self.header_len);
        self.sent += data.sum::<usize>() as u64;
        self.datagrams.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn pair() -> (BatchSocket, BatchSocket, SocketAddr) {
        let [sender, receiver] = [(); 2].map(|()| std::net::UdpSocket::bind("127.0.0.1:0").unwrap());
        let to = receiver.local_addr().unwrap();
        let [sender, receiver] = [sender, receiver].map(|socket| {
            socket.set_nonblocking(true).unwrap();
            BatchSocket::new(UdpSocket::from_std(socket).unwrap()).unwrap()
        });
        sender.socket.writable().await.unwrap();
        (sender, receiver, to)
    }

    /// The lengths of the datagrams of each message.
    async fn received(socket: &BatchSocket) -> Vec<Vec<usize>> {
        socket.receivable().await.unwrap();
        let mut messages = Vec::new();
        while socket.receive(MESSAGES, |_, bytes, stride| {
            messages.push(Message::datagrams(stride, bytes).map(<[u8]>::len).collect());
        }) {}
        messages
    }

    fn push_each(socket: &BatchSocket, to: SocketAddr, lens: &[usize]) -> u64 {
        with_batch(|batch| {
            lens.iter().for_each(|len| batch.push(socket, to, b"header", &vec![0; len - 6]));
            batch.finish(socket)
        })
    }

    #[tokio::test]
    async fn sends_datagrams_of_one_length_as_one_message_if_the_system_can() {
        let (sender, receiver, to) = pair().await;
        assert_eq!(push_each(&sender, to, &[100, 100, 100, 40]), 340 - 4 * 6);
        let expected = match sender.max_segments(100) {
            1 => vec![vec![100], vec![100], vec![100], vec![40]],
            _ => vec![vec![100, 100, 100, 40]],
        };
        assert_eq!(received(&receiver).await, expected);
    }

    #[tokio::test]
    async fn begins_another_message_for_a_longer_datagram_and_after_a_shorter_one() {
        let (sender, receiver, to) = pair().await;
        assert_eq!(push_each(&sender, to, &[50, 50, 60, 60, 7, 60, 6]), 293 - 7 * 6);
        let datagrams = received(&receiver).await;
        assert_eq!(datagrams.concat(), [50, 50, 60, 60, 7, 60, 6]);
        assert_eq!(datagrams.len(), if sender.max_segments(60) == 1 { 7 } else { 3 });
    }

    #[tokio::test]
    async fn splits_batches_that_are_too_long_or_have_too_many_datagrams() {
        let (sender, receiver, to) = pair().await;
        let many = [10; 150];
        assert_eq!(push_each(&sender, to, &many), 150 * 4);
        assert_eq!(received(&receiver).await.concat(), many);
        let long = [30_000; 3];
        assert_eq!(push_each(&sender, to, &long), 3 * (30_000 - 6));
        assert_eq!(received(&receiver).await.concat(), long);
    }

    #[tokio::test]
    async fn sends_one_by_one_what_one_call_cannot_send() {
        let (sender, receiver, to) = pair().await;
        let before = sender.max_segments(10);
        assert_eq!(sender.try_send(&[0; 1000], NonZeroUsize::new(10).unwrap(), to).unwrap(), 100);
        assert_eq!(received(&receiver).await.concat(), [10; 100]);
        assert_eq!(sender.max_segments(10), before);
    }

    #[tokio::test]
    async fn an_unfinished_batch_is_not_sent_with_the_next() {
        let (sender, receiver, to) = pair().await;
        with_batch(|batch| batch.push(&sender, to, b"", b"unfinished"));
        assert_eq!(push_each(&sender, to, &[7]), 1);
        assert_eq!(received(&receiver).await.concat(), [7]);
    }

    #[tokio::test]
    async fn a_refused_batch_is_not_counted_and_does_not_limit_others() {
        let (sender, receiver, to) = pair().await;
        let nowhere = SocketAddr::new(to.ip(), 0);
        let before = sender.max_segments(1);
        assert_eq!(push_each(&sender, nowhere, &[100, 100, 100]), 0);
        assert_eq!(sender.max_segments(usize::MAX - 1), before);
        assert_eq!(push_each(&sender, to, &[100, 100]), 188);
        assert_eq!(received(&receiver).await.concat(), [100, 100]);
    }
}
