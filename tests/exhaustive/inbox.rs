//! What a side has been sent, and how it arrives.

use crate::messages::Stream;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Delivery {
    /// All that was said, at once.
    Whole,
    Octets,
    /// As many octets as are missing, and no more.
    Exact,
}

pub(crate) const DELIVERIES: [Delivery; 3] = [Delivery::Whole, Delivery::Octets, Delivery::Exact];

#[derive(Debug)]
pub(crate) struct Inbox {
    octets: Vec<u8>,
    pub(crate) arrived: usize,
    pub(crate) used: usize,
    delivery: Delivery,
}

impl Inbox {
    pub(crate) fn new(delivery: Delivery) -> Self {
        Self { octets: vec![], arrived: 0, used: 0, delivery }
    }

    pub(crate) fn put(&mut self, octets: &[u8]) {
        self.octets.extend(octets);
        if self.delivery == Delivery::Whole {
            self.arrived = self.octets.len();
        }
    }

    pub(crate) fn unread(&self) -> &[u8] {
        &self.octets[self.used..self.arrived]
    }

    /// All that is unread, arrived or not.
    pub(crate) fn rest(&self) -> &[u8] {
        &self.octets[self.used..]
    }

    pub(crate) fn use_up(&mut self, octets: usize) {
        self.used += octets;
        assert!(self.used <= self.arrived, "more was used than there is");
    }

    /// Lets more octets arrive. False if there are not enough.
    pub(crate) fn more(&mut self, missing: usize) -> bool {
        let there = self.octets.len() - self.arrived;
        let next = match self.delivery {
            Delivery::Whole => 0,
            Delivery::Octets => there.min(1),
            Delivery::Exact if missing <= there => missing,
            Delivery::Exact => 0,
        };
        self.arrived += next;
        next > 0
    }

    /// The stream ends: what is left of it arrives.
    pub(crate) fn end(&mut self) -> &[u8] {
        self.arrived = self.octets.len();
        self.unread()
    }

    /// Nothing was read that did not have to be, and all if the side waited for more.
    pub(crate) fn assert_arrived(&self, stream: &Stream<'_>, waits: bool) {
        match self.delivery {
            _ if waits => assert_eq!(self.arrived, self.octets.len(), "{self:?}"),
            Delivery::Whole => {}
            Delivery::Octets => assert_eq!(self.arrived, stream.certain, "{self:?}"),
            Delivery::Exact => assert!(self.arrived <= stream.certain.max(stream.least), "{self:?}"),
        }
    }
}
