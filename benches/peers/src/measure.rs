//! The measurement: repeated calls of nothing but the operation.

use std::hint::black_box;
use std::rc::Rc;
use std::time::{Duration, Instant};

use crate::operations::Operation;

/// The function whose instructions valgrind counts.
pub const CALL: &str = "peers::measure::call";

/// A crate, and its operations.
pub struct Peer {
    pub name: &'static str,
    pub cells: Vec<Cell>,
}

/// An operation of a crate.
pub struct Cell {
    pub operation: Operation,
    /// The result, as text.
    pub outcome: String,
    /// Repeats it this many times.
    pub repeat: Box<dyn Fn(u64) -> Duration>,
}

impl Peer {
    pub const fn new(name: &'static str) -> Self {
        Self { name, cells: vec![] }
    }

    /// Adds an operation: `work` performs it, with the input and a buffer for the output; `outcome` shows its result as text. Only
    /// `work` is measured, with the drop of what it returns.
    #[must_use]
    pub fn does<T>(
        self,
        operation: Operation,
        work: impl Fn(&'static [u8], &mut Vec<u8>) -> T + 'static,
        outcome: impl Fn(T, &[u8]) -> String,
    ) -> Self {
        self.does_all(&[operation], work, outcome)
    }

    /// The same for operations that differ in nothing but the input.
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
            let outcome = outcome(work(operation.bytes, &mut buffer), &buffer);
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
        call(black_box(work), black_box(operation.bytes), black_box(&mut buffer));
    }
    start.elapsed()
}

#[inline(never)]
fn call<T>(work: &impl Fn(&'static [u8], &mut Vec<u8>) -> T, bytes: &'static [u8], buffer: &mut Vec<u8>) {
    black_box(&work(bytes, buffer));
}
