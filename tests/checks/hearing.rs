//! How a side comes by what the other says: cut into pieces.

use core::fmt::Debug;

use super::choices::Choices;
use super::sides::{End, Heard, Log, Side};

/// The sizes of the pieces, over and over.
#[derive(Clone, Copy, Debug)]
pub(super) enum Cut {
    Whole,
    Octets,
    /// As many octets as are missing.
    Exactly,
    /// These sizes. 0 is as many as are missing.
    Sizes([u8; 4]),
}

impl Cut {
    pub(super) fn choose(choices: &mut Choices<'_>) -> Self {
        Self::Sizes([(); 4].map(|()| choices.octet()))
    }

    fn size(self, turn: usize, missing: usize) -> usize {
        match self {
            Self::Whole => usize::MAX,
            Self::Octets => 1,
            Self::Exactly => missing,
            Self::Sizes(sizes) => match sizes[turn % sizes.len()] {
                0 => missing,
                size => size.into(),
            },
        }
    }
}

/// One side's ear: how far it is in what the other side says.
pub(super) struct Ear {
    cut: Cut,
    turn: usize,
    /// How much has come.
    here: usize,
    used: usize,
    /// How much is missing of a message.
    missing: usize,
    /// Before that much has come, there is no message: so it was said.
    due: usize,
    pub(super) over: bool,
}

impl Ear {
    pub(super) fn new(cut: Cut) -> Self {
        Self { cut, turn: 0, here: 0, used: 0, missing: 0, due: 0, over: false }
    }

    /// The side hears what has come, up to a message that is not whole.
    pub(super) fn hear(&mut self, side: &mut impl Side, said: &[u8]) {
        const MOST_MESSAGES: usize = 8;
        let come = &said[..self.here];
        assert!((0..MOST_MESSAGES).any(|_| !self.hear_once(side, come)), "the conversation has no end");
    }

    /// Whether it can go on without more octets.
    fn hear_once(&mut self, side: &mut impl Side, come: &[u8]) -> bool {
        let heard = side.hear(&come[self.used..]);
        self.over = side.log().end.is_some();
        match heard {
            Heard::Over => false,
            Heard::Missing { used, missing } => {
                assert!(missing > 0);
                self.used += used;
                (self.missing, self.due) = (missing, self.here + missing);
                assert!(self.used <= self.here, "{used} octets used, and there are not as many");
                false
            }
            Heard::Used(used) => {
                self.used += used;
                assert!(self.used <= self.here, "{used} octets used, and there are not as many");
                assert!(self.used >= self.due, "the message misses fewer octets than was said");
                !self.over
            }
        }
    }

    /// The next piece comes. False when there is none.
    pub(super) fn more(&mut self, said: &[u8]) -> bool {
        let size = self.cut.size(self.turn, self.missing).min(said.len() - self.here);
        self.turn += 1;
        self.here += size;
        size > 0
    }

    /// What is behind the last message.
    pub(super) fn rest<'s>(&self, said: &'s [u8]) -> &'s [u8] {
        &said[self.used..]
    }
}

/// How it went for a side that has heard all of this.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Outcome<E> {
    pub(super) log: Log<E>,
    /// How many octets were used. In an error nobody counts them.
    pub(super) used: Option<usize>,
}

impl<E> Outcome<E> {
    pub(super) fn new(log: Log<E>, used: usize) -> Self {
        let used = (!matches!(log.end, Some(End::Error(_)))).then_some(used);
        Self { log, used }
    }
}

pub(super) fn hears<S: Side>(mut side: S, said: &[u8], cut: Cut) -> Outcome<S::Error> {
    let mut ear = Ear::new(cut);
    loop {
        ear.hear(&mut side, said);
        if !ear.over && !ear.more(said) {
            side.end(ear.rest(said));
            ear.over = true;
        }
        if ear.over {
            return Outcome::new(side.log().clone(), ear.used);
        }
    }
}
