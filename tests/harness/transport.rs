//! How bytes arrive: a script, delivered in pieces.

use core::convert::Infallible;
use core::fmt::Debug;
use std::io::{Read, Write};

use socks5_sansio::blocking::{self, Wire};
use socks5_sansio::{Encode, Inbox, Polled, Receive};

use super::choices::Choices;

/// What an application receives from and sends to.
pub trait Transport {
    fn receive<S: Receive>(&mut self, state: S) -> Result<S::Received<'_>, S::Error>;

    /// A message that the application defines, of this length in bytes. `None`: the stream ended before it was complete.
    fn frame(&mut self, len: usize) -> Option<Vec<u8>>;

    fn send(&mut self, message: &(impl Encode + ?Sized));
}

/// The sizes of the pieces, used in rotation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Delivery {
    Whole,
    /// 0 is as many bytes as are missing.
    Pieces([u8; 4]),
}

impl Delivery {
    pub const BYTES: Self = Self::Pieces([1; 4]);
    pub const EXACT: Self = Self::Pieces([0; 4]);

    pub fn choose(choices: &mut Choices<'_>) -> Self {
        Self::Pieces([(); 4].map(|()| choices.byte()))
    }

    /// Whole, byte by byte, exact, and in every size up to 64.
    pub fn every() -> impl Iterator<Item = Self> {
        [Self::Whole, Self::EXACT].into_iter().chain((1..=64).map(|size| Self::Pieces([size; 4])))
    }

    pub fn size(self, turn: usize, missing: usize) -> usize {
        match self {
            Self::Whole => usize::MAX,
            Self::Pieces(sizes) => match sizes[turn % sizes.len()] {
                0 => missing,
                size => size.into(),
            },
        }
    }
}

/// All bytes that the peer sends, and then the end of its stream.
pub struct Script<'s> {
    bytes: &'s [u8],
    delivery: Delivery,
    turn: usize,
    pub arrived: usize,
    pub used: usize,
    pub sent: Vec<u8>,
    /// The number of bytes that had arrived, and what `missing` then returned, unless it was `None`.
    pub missing: Vec<(usize, usize)>,
}

impl<'s> Script<'s> {
    pub fn new(bytes: &'s [u8], delivery: Delivery) -> Self {
        let arrived = if delivery == Delivery::Whole { bytes.len() } else { 0 };
        Self { bytes, delivery, turn: 0, arrived, used: 0, sent: vec![], missing: vec![] }
    }

    /// Delivers the next piece. False at the end of the stream.
    fn more(&mut self, missing: usize) -> bool {
        let left = self.bytes.len() - self.arrived;
        let size = self.delivery.size(self.turn, missing).min(left);
        self.turn += 1;
        self.arrived += size;
        size > 0
    }
}

impl Transport for Script<'_> {
    fn receive<S: Receive>(&mut self, state: S) -> Result<S::Received<'_>, S::Error> {
        while let Some(missing) = state.missing(&self.bytes[self.used..self.arrived]) {
            self.missing.push((self.arrived, missing.get()));
            if !self.more(missing.get()) {
                break;
            }
        }
        match state.receive(&self.bytes[self.used..self.arrived]) {
            Ok((received, used)) => {
                self.used += used;
                assert!(self.used <= self.arrived, "{} bytes used of {}", self.used, self.arrived);
                Ok(received)
            }
            Err(error) => {
                self.sent.extend(S::closing_reply(&error));
                Err(error)
            }
        }
    }

    fn frame(&mut self, len: usize) -> Option<Vec<u8>> {
        while self.used + len > self.arrived {
            if !self.more(self.used + len - self.arrived) {
                return None;
            }
        }
        let frame = self.bytes[self.used..self.used + len].to_vec();
        self.used += len;
        Some(frame)
    }

    fn send(&mut self, message: &(impl Encode + ?Sized)) {
        self.sent.extend(message.to_vec());
    }
}

impl<S: Read + Write> Transport for Wire<S> {
    fn receive<T: Receive>(&mut self, state: T) -> Result<T::Received<'_>, T::Error> {
        self.receive(state).map_err(|error| match error {
            blocking::Error::Peer(error) => error,
            error => panic!("{error}"),
        })
    }

    fn frame(&mut self, len: usize) -> Option<Vec<u8>> {
        self.receive_with(|input| Ok::<_, Infallible>(input.get(..len).map(|frame| (frame.to_vec(), len)))).ok()
    }

    fn send(&mut self, message: &(impl Encode + ?Sized)) {
        self.send(message).unwrap();
    }
}

/// What holds for every state and every input, in a slice and in an [`Inbox`]. `receive` can decide if and only if `missing` is
/// `None`; otherwise, a message needs at least that many more bytes. Once `receive` can decide, more bytes do not change the
/// result. Each call of `make` returns the same state.
pub fn keeps_the_contract<S: Receive<Error: PartialEq>>(make: impl Fn() -> S, input: &[u8])
where
    for<'i> S::Received<'i>: Debug,
{
    let receive = |len: usize| make().receive(&input[..len]).map(|(received, used)| (format!("{received:?}"), used));
    arrives_in_an_inbox(make(), input);
    let (mut shortest, mut decided) = (0, None);
    for len in 0..=input.len() {
        match (make().missing(&input[..len]), &decided) {
            (Some(missing), None) => {
                assert!(len + missing.get() >= shortest, "{shortest} is not the least length: {input:02X?}");
                assert!(receive(len).is_err(), "{len} bytes should not be enough: {input:02X?}");
                shortest = len + missing.get();
            }
            (None, None) => {
                let received = receive(len);
                assert!(received.as_ref().map_or(true, |(_, used)| len >= shortest && *used == len), "{received:?}");
                decided = Some(received);
            }
            (None, Some(decided)) => assert_eq!(&receive(len), decided, "{len} bytes of {input:02X?}"),
            (Some(missing), Some(_)) => panic!("{missing} bytes are missing after {len}, which decided: {input:02X?}"),
        }
    }
}

/// Byte by byte, as in an event loop.
fn arrives_in_an_inbox<S: Receive>(mut state: S, input: &[u8])
where
    for<'i> S::Received<'i>: Debug,
{
    let mut inbox = Inbox::new(vec![]);
    for len in 0..=input.len() {
        inbox.room(len.min(1)).unwrap().copy_from_slice(&input[len.saturating_sub(1)..len]);
        inbox.filled(len.min(1));
        let missing = state.missing(&input[..len]);
        let left = match inbox.poll(state) {
            Ok(Polled::Missing(bytes, same_state)) => {
                assert_eq!(Some(bytes), missing, "after {len} bytes of {input:02X?}");
                state = same_state;
                continue;
            }
            Ok(Polled::Whole(_)) => &[],
            Err(_) => &input[..len],
        };
        assert_eq!((missing, inbox.unread()), (None, left), "after {len} bytes of {input:02X?}");
        return;
    }
}
