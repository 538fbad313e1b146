//! A side of a conversation as an application would drive it, one message at a time. It notes what happens.

use core::fmt::Debug;
use core::ops::Deref;

use socks5_sansio::Method;

/// What a side takes off the front of what it hears.
#[derive(Debug)]
pub(super) enum Heard {
    /// A message of so many octets.
    Used(usize),
    /// None that is whole. An optimist may have used messages before it.
    Missing { used: usize, missing: usize },
    /// The conversation is over.
    Over,
}

pub(super) trait Side {
    type Error: Copy + Debug + PartialEq;

    fn hear(&mut self, input: &[u8]) -> Heard;
    /// The other side has said all that it will say, and these octets of it are left.
    fn end(&mut self, unread: &[u8]);
    fn log(&self) -> &Log<Self::Error>;
}

/// What has happened to one side.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Log<E> {
    pub(super) events: Vec<Event>,
    /// Everything said, application data included.
    pub(super) said: Vec<u8>,
    pub(super) end: Option<End<E>>,
}

/// Messages are in their octets here.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Event {
    Offer(Vec<u8>),
    Credentials(Vec<u8>),
    Frame(Vec<u8>),
    Request(Vec<u8>),
    AskedForCredentials,
    AskedForFrame(Method),
    AskedForRequest,
    Reply(Vec<u8>),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum End<E> {
    /// The connection is the application's now.
    Open,
    /// The side that tells has refused.
    Refused,
    Error(E),
    /// The other side left in a sub-negotiation.
    Left,
}

impl<E> Log<E> {
    pub(super) fn new() -> Self {
        Self { events: vec![], said: vec![], end: None }
    }

    pub(super) fn say(&mut self, octets: &[u8]) {
        self.said.extend(octets);
    }

    /// Says what a move gives to say, and gives the next moment.
    pub(super) fn make<T>(&mut self, (octets, next): (impl Deref<Target = [u8]>, T)) -> T {
        self.say(&octets);
        next
    }

    /// The last word of a side, and its data if it was a good one.
    pub(super) fn close(&mut self, good: bool, data: &[u8]) {
        self.end = Some(if good { End::Open } else { End::Refused });
        self.say(if good { data } else { b"" });
    }
}

/// The frame of a sub-negotiation, whole, or what is missing of it.
pub(super) fn frame<E>(input: &[u8], len: usize, log: &mut Log<E>) -> Result<Heard, Heard> {
    let whole = input.get(..len).ok_or(Heard::Missing { used: 0, missing: len - input.len().min(len) })?;
    log.events.push(Event::Frame(whole.to_vec()));
    Ok(Heard::Used(len))
}
