//! How it is measured: a call of nothing but the operation, again and again.

use std::hint::black_box;
use std::rc::Rc;
use std::time::{Duration, Instant};

use crate::operations::Operation;

/// Where valgrind finds what is measured.
pub const CALL: &str = "peers::measure::call";

/// A crate, and what it does.
pub struct Peer {
    pub name: &'static str,
    pub cells: Vec<Cell>,
}

/// An operation as a crate does it.
pub struct Cell {
    pub operation: Operation,
    /// What comes of it, in words.
    pub outcome: String,
    /// Does it so many times.
    pub repeat: Box<dyn Fn(u64) -> Duration>,
}

impl Peer {
    pub const fn new(name: &'static str) -> Self {
        Self { name, cells: vec![] }
    }

    /// Adds an operation: how it is done, with the octets that come in and a buffer for those that go out, and how what comes
    /// of it is put into words. Only the former is measured, and dropping what it returns.
    #[must_use]
    pub fn does<T>(
        self,
        operation: Operation,
        work: impl Fn(&'static [u8], &mut Vec<u8>) -> T + 'static,
        outcome: impl Fn(T, &[u8]) -> String,
    ) -> Self {
        self.does_all(&[operation], work, outcome)
    }

    /// The same for operations that differ in nothing but the octets.
    #[must_use]
    pub fn does_all<T>(
        mut self,
        operations: &[Operation],
        work: impl Fn(&'static [u8], &mut Vec<u8>) -> T + 'static,
        outcome: impl Fn(T, &[u8]) -> String,
    ) -> Self {
        let work = Rc::new(work);
        self.cells.extend(operations.iter().map(|&operation| {
            let mut buffer = operation.buffer();
            let outcome = outcome(work(operation.octets, &mut buffer), &buffer);
            let work = Rc::clone(&work);
            let repeat = Box::new(move |calls| repeat(&*work, operation, calls));
            Cell { operation, outcome, repeat }
        }));
        self
    }
}

fn repeat<T>(work: &impl Fn(&'static [u8], &mut Vec<u8>) -> T, operation: Operation, calls: u64) -> Duration {
    let mut buffer = operation.buffer();
    let start = Instant::now();
    for _ in 0..calls {
        call(black_box(work), black_box(operation.octets), black_box(&mut buffer));
    }
    start.elapsed()
}

#[inline(never)]
fn call<T>(work: &impl Fn(&'static [u8], &mut Vec<u8>) -> T, octets: &'static [u8], buffer: &mut Vec<u8>) {
    black_box(&work(octets, buffer));
}
