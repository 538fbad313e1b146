//! Where an application sits: behind its inbox, until its conversation is over.

use crate::inbox::{Delivery, Inbox};
use crate::menu::{Decided, Due};

pub(crate) trait Application {
    /// A moment of the conversation at which octets are needed.
    type Moment;
    type Error: Copy;

    /// Looks at what is unread. Tells how much of it was used.
    fn turn(&mut self, now: Self::Moment, unread: &[u8], decided: Decided<'_>) -> Result<(usize, Next<Self>), Due>;

    /// The other's stream is at its end, and so much of it is left.
    fn end(&mut self, now: Self::Moment, unread: &[u8]) -> Over<Self::Error>;
}

pub(crate) enum Next<A: Application + ?Sized> {
    ReadOn(A::Moment),
    NeedMore(A::Moment, usize),
    Over(Over<A::Error>),
}

/// How it ended for one side.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Over<E> {
    Granted,
    Refused,
    /// The stream ended where the wire was the application's.
    Left,
    Error(E),
}

pub(crate) struct Seat<'m, A: Application> {
    pub(crate) application: A,
    pub(crate) inbox: Inbox,
    pub(crate) over: Option<Over<A::Error>>,
    decided: Decided<'m>,
    /// Nothing when it is over: then there is nothing left to read with.
    now: Option<A::Moment>,
}

impl<'m, A: Application> Seat<'m, A> {
    pub(crate) fn new(application: A, first: A::Moment, decided: Decided<'m>, delivery: Delivery) -> Self {
        Self { application, inbox: Inbox::new(delivery), over: None, decided, now: Some(first) }
    }

    /// Goes on until it is over, or more octets are needed than there are.
    pub(crate) fn go_on(&mut self) -> Result<(), Due> {
        while let Some(now) = self.now.take() {
            let (used, next) = self.application.turn(now, self.inbox.unread(), self.decided)?;
            self.inbox.use_up(used);
            let (now, more) = match next {
                Next::ReadOn(now) => (now, true),
                Next::NeedMore(now, missing) => (now, self.inbox.more(missing)),
                Next::Over(over) => return self.close(over),
            };
            self.now = Some(now);
            if !more {
                break;
            }
        }
        Ok(())
    }

    fn close(&mut self, over: Over<A::Error>) -> Result<(), Due> {
        self.over = Some(over);
        Ok(())
    }

    /// Hears all this, and then the end of the stream.
    pub(crate) fn hear(&mut self, octets: &[u8]) -> Result<(), Due> {
        self.inbox.put(octets);
        self.go_on()?;
        if let Some(now) = self.now.take() {
            self.over = Some(self.application.end(now, self.inbox.end()));
        }
        Ok(())
    }
}
