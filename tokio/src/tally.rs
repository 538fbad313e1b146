//! Counts of the keys that are held: client addresses, or ports.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// How often each key is held, and all of them together.
#[derive(Debug)]
pub(crate) struct Tally<K>(Mutex<Counts<K>>);

#[derive(Debug)]
struct Counts<K> {
    total: usize,
    by_key: HashMap<K, usize>,
}

/// A key that is counted until this is dropped.
#[derive(Debug)]
pub(crate) struct Held<K: Eq + Hash> {
    tally: Arc<Tally<K>>,
    key: K,
}

impl<K> Default for Tally<K> {
    fn default() -> Self {
        Self(Mutex::new(Counts { total: 0, by_key: HashMap::new() }))
    }
}

impl<K: Copy + Eq + Hash> Tally<K> {
    /// Counts a key. Returns the total and the count of this key too, both with it.
    pub(crate) fn hold(self: &Arc<Self>, key: K) -> (Held<K>, usize, usize) {
        let mut counts = self.lock();
        counts.total += 1;
        let total = counts.total;
        let of_key = counts.by_key.entry(key).or_default();
        *of_key += 1;
        (Held { tally: Arc::clone(self), key }, total, *of_key)
    }
}

impl<K: Eq + Hash> Tally<K> {
    pub(crate) fn holds(&self, key: &K) -> bool {
        self.lock().by_key.contains_key(key)
    }
}

impl<K> Tally<K> {
    fn lock(&self) -> MutexGuard<'_, Counts<K>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<K: Eq + Hash> Drop for Held<K> {
    fn drop(&mut self) {
        let mut counts = self.tally.lock();
        counts.total -= 1;
        if let Some(of_key) = counts.by_key.get_mut(&self.key) {
            *of_key -= 1;
            if *of_key == 0 {
                counts.by_key.remove(&self.key);
            }
        }
    }
}
