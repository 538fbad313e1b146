//! What the two applications can decide, and what they have decided so far.

use socks5_sansio::Method;

use crate::messages::{Credentials, Told};
use crate::places::UNSPECIFIED;

/// All that can be decided in a test. What is never asked for may be empty.
#[derive(Default)]
pub(crate) struct Menu {
    pub(crate) openings: Vec<Opening>,
    pub(crate) credentials: Vec<Credentials<'static>>,
    pub(crate) requests: Vec<Told>,
    pub(crate) preferences: Vec<Vec<Method>>,
    pub(crate) verdicts: Vec<Verdict>,
    pub(crate) answers: Vec<Answer>,
}

/// What a client says first.
#[derive(Debug)]
pub(crate) enum Opening {
    Offer(Vec<Method>),
    /// Everything at once, and application data.
    Flight {
        credentials: bool,
    },
}

#[derive(Clone, Copy, Debug)]
pub(crate) enum Verdict {
    Accept,
    Reject,
    /// Accepts what is expected.
    Judge,
}

#[derive(Debug)]
pub(crate) struct Answer {
    /// To any request but BIND.
    pub(crate) reply: Told,
    pub(crate) bind: Bind,
}

#[derive(Debug)]
pub(crate) enum Bind {
    Refuse(u8),
    /// The place to listen on, and the second reply.
    Listen(&'static [u8], Told),
}

impl Answer {
    pub(crate) fn to(&self, bind: bool) -> Vec<Told> {
        match &self.bind {
            _ if !bind => vec![self.reply.clone()],
            Bind::Refuse(code) => vec![Told::new(*code, UNSPECIFIED)],
            Bind::Listen(place, second) => vec![Told::new(0, place), second.clone()],
        }
    }
}

#[derive(Clone, Copy)]
enum Question {
    Opening,
    Credentials,
    Request,
    Preference,
    Verdict,
    Answer,
}

const QUESTIONS: usize = 6;

/// Somebody has to decide before the conversation can go on.
#[derive(Clone, Copy)]
pub(crate) struct Due(Question);

#[derive(Clone, Copy)]
pub(crate) struct Decided<'m> {
    menu: &'m Menu,
    taken: [Option<usize>; QUESTIONS],
}

impl<'m> Decided<'m> {
    pub(crate) fn nothing(menu: &'m Menu) -> Self {
        Self { menu, taken: [None; QUESTIONS] }
    }

    /// Every way to decide what is due.
    pub(crate) fn each(self, Due(question): Due) -> impl Iterator<Item = Self> {
        (0..self.menu.options()[question as usize]).map(move |option| {
            let mut decided = self;
            decided.taken[question as usize] = Some(option);
            decided
        })
    }

    /// In how many ways the rest can be decided.
    pub(crate) fn undecided(&self) -> u64 {
        let open = self.menu.options().into_iter().zip(self.taken).filter(|(_, taken)| taken.is_none());
        open.map(|(options, _)| options as u64).product()
    }

    fn taken<T>(&self, question: Question, options: &'m [T]) -> Result<&'m T, Due> {
        self.taken[question as usize].map(|option| &options[option]).ok_or(Due(question))
    }

    pub(crate) fn opening(&self) -> Result<&'m Opening, Due> {
        self.taken(Question::Opening, &self.menu.openings)
    }

    pub(crate) fn credentials(&self) -> Result<Credentials<'static>, Due> {
        self.taken(Question::Credentials, &self.menu.credentials).copied()
    }

    pub(crate) fn request(&self) -> Result<&'m Told, Due> {
        self.taken(Question::Request, &self.menu.requests)
    }

    pub(crate) fn preference(&self) -> Result<&'m [Method], Due> {
        self.taken(Question::Preference, &self.menu.preferences).map(Vec::as_slice)
    }

    pub(crate) fn verdict(&self) -> Result<Verdict, Due> {
        self.taken(Question::Verdict, &self.menu.verdicts).copied()
    }

    pub(crate) fn answer(&self) -> Result<&'m Answer, Due> {
        self.taken(Question::Answer, &self.menu.answers)
    }
}

impl Menu {
    /// How many options each question has: one at least, as nobody need ask.
    pub(crate) fn options(&self) -> [usize; QUESTIONS] {
        [
            self.openings.len(),
            self.credentials.len(),
            self.requests.len(),
            self.preferences.len(),
            self.verdicts.len(),
            self.answers.len(),
        ]
        .map(|options| options.max(1))
    }
}
