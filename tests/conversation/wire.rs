//! A connection in memory. Its pipes cut what goes through them.

use core::cell::RefCell;
use core::future::poll_fn;
use core::num::NonZeroUsize;
use core::ops::Deref;
use core::pin::pin;
use core::task::{Context, Poll, Waker};
use std::rc::Rc;

/// How a side takes octets off its pipe.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Reading {
    /// Whatever is there, up to so many.
    Chunks(usize),
    /// As many as are missing: waits for all of them, and takes no more.
    Exact,
}

impl Reading {
    pub(crate) const WHOLE: Self = Self::Chunks(usize::MAX);

    pub(crate) fn every() -> impl Iterator<Item = Self> {
        (1..=64).map(Self::Chunks).chain([Self::WHOLE, Self::Exact])
    }
}

#[derive(Default)]
struct Pipe {
    octets: Vec<u8>,
    closed: bool,
}

/// One end of a connection, with the buffer that its owner reads into.
pub(crate) struct Wire {
    pub(crate) buffer: Vec<u8>,
    /// How much of the buffer is used up.
    pub(crate) used: usize,
    pub(crate) sent: Vec<u8>,
    reading: Reading,
    incoming: Rc<RefCell<Pipe>>,
    outgoing: Rc<RefCell<Pipe>>,
}

impl Wire {
    /// The two ends of a connection.
    pub(crate) fn pair(reading: Reading) -> (Self, Self) {
        let (up, down) = <(Rc<_>, Rc<_>)>::default();
        (Self::new(reading, &up, &down), Self::new(reading, &down, &up))
    }

    /// A connection to somebody who has said all this, and left.
    pub(crate) fn scripted(octets: &[u8], reading: Reading) -> Self {
        let wire = Self::new(reading, &Rc::default(), &Rc::default());
        *wire.incoming.borrow_mut() = Pipe { octets: octets.to_vec(), closed: true };
        wire
    }

    fn new(reading: Reading, outgoing: &Rc<RefCell<Pipe>>, incoming: &Rc<RefCell<Pipe>>) -> Self {
        let (outgoing, incoming) = (Rc::clone(outgoing), Rc::clone(incoming));
        Self { buffer: vec![], used: 0, sent: vec![], reading, incoming, outgoing }
    }

    pub(crate) fn unread(&self) -> &[u8] {
        &self.buffer[self.used..]
    }

    pub(crate) fn take(&mut self, len: usize) -> Vec<u8> {
        let taken = self.unread()[..len].to_vec();
        self.used += len;
        taken
    }

    /// Reads on. False at the end of the stream.
    pub(crate) async fn more(&mut self, missing: NonZeroUsize) -> bool {
        poll_fn(|_| self.poll_more(missing.get())).await
    }

    fn poll_more(&mut self, missing: usize) -> Poll<bool> {
        let mut pipe = self.incoming.borrow_mut();
        let (least, most) = match self.reading {
            Reading::Chunks(size) => (1, size),
            Reading::Exact => (missing, missing),
        };
        let whole = pipe.octets.len() >= least;
        if !whole && !pipe.closed {
            return Poll::Pending;
        }
        let len = most.min(pipe.octets.len());
        self.buffer.extend(pipe.octets.drain(..len));
        Poll::Ready(whole)
    }

    /// All that is unread, in the buffer or still in the pipe.
    pub(crate) async fn rest(&mut self) -> Vec<u8> {
        while self.more(NonZeroUsize::MIN).await {}
        self.take(self.unread().len())
    }

    pub(crate) fn send(&mut self, octets: &[u8]) {
        self.sent.extend(octets);
        self.outgoing.borrow_mut().octets.extend(octets);
    }

    /// Sends what a move gives to send, and gives the next moment.
    pub(crate) fn make<T>(&mut self, (octets, next): (impl Deref<Target = [u8]>, T)) -> T {
        self.send(&octets);
        next
    }

    pub(crate) fn close(&self) {
        self.outgoing.borrow_mut().closed = true;
    }
}

/// Lets two sides run until both are done.
pub(crate) fn both<A, B>(one: impl Future<Output = A>, other: impl Future<Output = B>) -> (A, B) {
    const TURNS: usize = 100;
    let (mut one, mut other) = (pin!(one), pin!(other));
    let (mut one_is, mut other_is) = (Poll::Pending, Poll::Pending);
    let mut context = Context::from_waker(Waker::noop());
    for _ in 0..TURNS {
        if one_is.is_pending() {
            one_is = one.as_mut().poll(&mut context);
        }
        if other_is.is_pending() {
            other_is = other.as_mut().poll(&mut context);
        }
        if one_is.is_ready() && other_is.is_ready() {
            break;
        }
    }
    let (Poll::Ready(one), Poll::Ready(other)) = (one_is, other_is) else {
        panic!("each side waits for octets that the other will not send")
    };
    (one, other)
}

pub(crate) fn alone<A>(side: impl Future<Output = A>) -> A {
    both(side, async {}).0
}
