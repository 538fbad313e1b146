//! Tries every script with every decision. A script is a sequence of symbols: the messages, valid and malformed, of an alphabet.
//!
//! After the end of a handshake, the remaining decisions and input make no difference. So a run counts for all cases that differ
//! only in these, and the counts must add up to the number of cases: none is missing, and none is counted twice.

use crate::harness::plan::{Accepts, Answer, Credentials, Decision, Opening, Plan};
use crate::harness::recogniser::Expected;
use crate::harness::transport::Delivery;

pub(crate) const DELIVERIES: [Delivery; 3] = [Delivery::Whole, Delivery::BYTES, Delivery::EXACT];

/// The options for each decision. An empty list is for a decision of the other side.
#[derive(Default)]
pub(crate) struct Menu {
    pub(crate) openings: Vec<Opening>,
    pub(crate) credentials: Vec<Credentials>,
    pub(crate) requests: Vec<(u8, &'static [u8])>,
    pub(crate) preferences: Vec<Vec<u8>>,
    pub(crate) accepts: Vec<Accepts>,
    pub(crate) answers: Vec<Answer>,
}

const DECISIONS: [Decision; 6] = [
    Decision::Opening,
    Decision::Credentials,
    Decision::Request,
    Decision::Preference,
    Decision::Accepts,
    Decision::Answer,
];

impl Menu {
    fn options(&self, decision: Decision) -> usize {
        match decision {
            Decision::Opening => self.openings.len(),
            Decision::Credentials => self.credentials.len(),
            Decision::Request => self.requests.len(),
            Decision::Preference => self.preferences.len(),
            Decision::Accepts => self.accepts.len(),
            Decision::Answer => self.answers.len(),
        }
    }

    fn decide(&self, plan: &Plan, decision: Decision, option: usize) -> Plan {
        let plan = plan.clone();
        match decision {
            Decision::Opening => plan.with_opening(self.openings[option].clone()),
            Decision::Credentials => plan.with_credentials(&self.credentials[option].0, &self.credentials[option].1),
            Decision::Request => plan.with_request(self.requests[option]),
            Decision::Preference => plan.with_preference(&self.preferences[option]),
            Decision::Accepts => plan.with_accepts(self.accepts[option].clone()),
            Decision::Answer => plan.with_answer(self.answers[option].clone()),
        }
    }

    /// How many ways there are to decide everything that is not decided yet.
    fn ways(&self, decided: u8) -> u64 {
        let open = DECISIONS.iter().filter(|decision| decided & **decision as u8 == 0);
        open.map(|decision| self.options(*decision).max(1) as u64).product()
    }
}

/// What a run did.
pub(crate) struct Run {
    /// The bits of the decisions that it read.
    pub(crate) decisions: u8,
    /// The number of bytes that made its end certain. `None`: it waits for more.
    pub(crate) certain: Option<usize>,
}

impl From<Expected> for Run {
    fn from(expected: Expected) -> Self {
        Self { decisions: expected.decisions, certain: (!expected.end.is_early()).then_some(expected.certain) }
    }
}

/// Lets one side receive a script, and checks everything that it does.
type Subject = fn(&Plan, &[u8], Delivery) -> Run;

pub(crate) struct Explorer<'a> {
    subject: Subject,
    menu: Menu,
    alphabet: &'a [&'a [u8]],
    cuts: Vec<&'a [u8]>,
    cases: u64,
    runs: u64,
}

/// What may follow a script.
#[derive(Clone, Copy)]
enum Rest {
    /// It is truncated.
    Nothing,
    /// At most this many symbols.
    Symbols(u32),
}

impl<'a> Explorer<'a> {
    /// Tries all scripts of at most `longest` symbols of the alphabet.
    pub(crate) fn explore(subject: Subject, menu: Menu, plan: &Plan, alphabet: &'a [&'a [u8]], longest: u32) {
        let mut explorer = Self { subject, menu, alphabet, cuts: cuts(alphabet), cases: 0, runs: 0 };
        explorer.branch(&[], plan, 0, Rest::Symbols(longest));
        println!("{} cases in {} runs", explorer.cases, explorer.runs);
        let scripts = scripts(alphabet.len(), explorer.cuts.len(), longest);
        assert_eq!(explorer.cases, scripts * explorer.menu.ways(0) * DELIVERIES.len() as u64);
    }

    /// Runs a script. If the run read a decision that was still open, runs the script again with each option for it.
    fn branch(&mut self, script: &[u8], plan: &Plan, decided: u8, rest: Rest) {
        let run = self.run(script, plan);
        if let Some(decision) = self.undecided(run.decisions & !decided) {
            for option in 0..self.menu.options(decision) {
                let plan = self.menu.decide(plan, decision, option);
                self.branch(script, &plan, decided | decision as u8, rest);
            }
            return;
        }
        match (run.certain, rest) {
            (None, Rest::Symbols(left @ 1..)) => self.go_on(script, plan, decided, left),
            (Some(certain), Rest::Symbols(left)) => self.end(script, plan, decided, left, certain),
            (_, Rest::Nothing) | (None, Rest::Symbols(0)) => self.stands_for(1, decided),
        }
    }

    fn undecided(&self, read: u8) -> Option<Decision> {
        DECISIONS.into_iter().find(|decision| read & *decision as u8 != 0 && self.menu.options(*decision) > 0)
    }

    /// The script's end is not certain: counts it, and continues it with each symbol, whole and truncated.
    fn go_on(&mut self, script: &[u8], plan: &Plan, decided: u8, left: u32) {
        self.stands_for(1, decided);
        for cut in self.cuts.clone() {
            self.branch(&[script, cut].concat(), plan, decided, Rest::Nothing);
        }
        for symbol in self.alphabet {
            self.branch(&[script, symbol].concat(), plan, decided, Rest::Symbols(left - 1));
        }
    }

    /// Input after the end is not read; if it is delivered in pieces, it does not even arrive.
    fn end(&mut self, script: &[u8], plan: &Plan, decided: u8, left: u32, certain: usize) {
        self.stands_for(scripts(self.alphabet.len(), self.cuts.len(), left), decided);
        for symbol in self.alphabet {
            let run = (self.subject)(plan, &[script, symbol].concat(), Delivery::Whole);
            self.runs += 1;
            assert_eq!(run.certain, Some(certain), "{symbol:02X?} changes the end after {script:02X?}");
        }
    }

    fn run(&mut self, script: &[u8], plan: &Plan) -> Run {
        self.runs += DELIVERIES.len() as u64;
        let [_, _, run] = DELIVERIES.map(|delivery| (self.subject)(plan, script, delivery));
        run
    }

    /// Counts the cases of a run: this many scripts, in all deliveries, with every way to decide what is open.
    fn stands_for(&mut self, scripts: u64, decided: u8) {
        self.cases += scripts * self.menu.ways(decided) * DELIVERIES.len() as u64;
    }
}

/// How many scripts there are: at most `longest` symbols, of which the last may be truncated.
fn scripts(symbols: usize, cuts: usize, longest: u32) -> u64 {
    let (symbols, cuts) = (symbols as u64, cuts as u64);
    1 + (0..longest).map(|before| symbols.pow(before) * (symbols + cuts)).sum::<u64>()
}

/// Every way to truncate a symbol.
fn cuts<'a>(alphabet: &[&'a [u8]]) -> Vec<&'a [u8]> {
    let mut cuts: Vec<_> = alphabet.iter().flat_map(|symbol| (1..symbol.len()).map(|len| &symbol[..len])).collect();
    cuts.sort_unstable();
    cuts.dedup();
    cuts.retain(|cut| !alphabet.contains(cut));
    cuts
}
