//! Tries every script with every decision.
//!
//! When a conversation is over, nothing that could still be decided or said makes a difference. So a run stands for all
//! cases that differ only in what it did not get to. [`Explored::cases`] adds them up: no case may be missing, and none
//! be there twice.

use crate::inbox::{DELIVERIES, Delivery};
use crate::menu::{Decided, Due, Menu};

pub(crate) trait Subject {
    /// Hears the script and the end of the stream, and checks all that comes of it. Tells whether it could hear more.
    fn hear(&self, script: &[u8], decided: Decided<'_>, delivery: Delivery) -> Result<bool, Due>;
}

pub(crate) struct Explorer<'a, S> {
    subject: S,
    alphabet: &'a [&'a [u8]],
    cuts: Vec<&'a [u8]>,
    explored: Explored,
}

#[derive(Default)]
pub(crate) struct Explored {
    cases: u64,
    runs: u64,
}

/// What may be behind a script.
#[derive(Clone, Copy)]
enum Rest {
    /// It is cut short.
    Nothing,
    /// So many symbols at most.
    Symbols(u32),
}

impl<'a, S: Subject> Explorer<'a, S> {
    pub(crate) fn new(subject: S, alphabet: &'a [&'a [u8]]) -> Self {
        Self { subject, alphabet, cuts: cuts(alphabet), explored: Explored::default() }
    }

    /// Tries all scripts of at most so many symbols.
    pub(crate) fn explore(mut self, menu: &Menu, symbols: u32) -> Explored {
        self.branch(&[], Decided::nothing(menu), Rest::Symbols(symbols));
        self.explored
    }

    fn branch(&mut self, script: &[u8], decided: Decided<'_>, rest: Rest) {
        match (self.hear(script, decided), rest) {
            (Err(due), _) => decided.each(due).for_each(|decided| self.branch(script, decided, rest)),
            (Ok(true), Rest::Symbols(left @ 1..)) => self.go_on(script, decided, left),
            (Ok(false), Rest::Symbols(left)) => self.over(script, decided, left),
            (Ok(_), _) => self.stands_for(1, decided),
        }
    }

    fn go_on(&mut self, script: &[u8], decided: Decided<'_>, left: u32) {
        self.stands_for(1, decided);
        for cut in self.cuts.clone() {
            self.branch(&[script, cut].concat(), decided, Rest::Nothing);
        }
        for symbol in self.alphabet {
            self.branch(&[script, symbol].concat(), decided, Rest::Symbols(left - 1));
        }
    }

    /// Whatever is behind stays there.
    fn over(&mut self, script: &[u8], decided: Decided<'_>, left: u32) {
        self.stands_for(scripts(self.alphabet.len(), self.cuts.len(), left), decided);
        for symbol in self.alphabet {
            let more = self.hear(&[script, symbol].concat(), decided);
            assert!(matches!(more, Ok(false)), "{script:02X?} is over, and {symbol:02X?} changes that");
        }
    }

    fn hear(&mut self, script: &[u8], decided: Decided<'_>) -> Result<bool, Due> {
        let mut more = false;
        for delivery in DELIVERIES {
            more = self.subject.hear(script, decided, delivery)?;
            self.explored.runs += 1;
        }
        Ok(more)
    }

    fn stands_for(&mut self, scripts: u64, decided: Decided<'_>) {
        self.explored.cases += scripts * decided.undecided() * DELIVERIES.len() as u64;
    }
}

impl Explored {
    /// Nothing was left out: neither a case, nor a run that used to be needed for all of them.
    pub(crate) fn assert_complete(&self, name: &str, scripts_and_decisions: u64, runs: u64) {
        println!("{name}: {} cases in {} runs", self.cases, self.runs);
        assert_eq!(self.cases, scripts_and_decisions * DELIVERIES.len() as u64);
        assert_eq!(self.runs, runs);
    }
}

/// How many scripts there are: so many symbols at most, of which the last may be cut short.
pub(crate) fn scripts(symbols: usize, cuts: usize, longest: u32) -> u64 {
    let (symbols, cuts) = (symbols as u64, cuts as u64);
    1 + (0..longest).map(|before| symbols.pow(before) * (symbols + cuts)).sum::<u64>()
}

/// Every way to cut a symbol short.
fn cuts<'a>(alphabet: &[&'a [u8]]) -> Vec<&'a [u8]> {
    let mut cuts: Vec<_> = alphabet.iter().flat_map(|symbol| (1..symbol.len()).map(|len| &symbol[..len])).collect();
    cuts.sort_unstable();
    cuts.dedup();
    cuts.retain(|cut| !alphabet.contains(cut));
    cuts
}
