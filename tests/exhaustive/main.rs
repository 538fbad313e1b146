//! Every conversation that there can be, as far as its messages and decisions can be listed.
//!
//! One side hears every sequence of the other's messages, right and wrong, whole and cut short at every octet, and takes
//! every decision that it is asked for ([`explore`]). What it says and hears is judged by a [`recogniser`] of RFC 1928 and
//! RFC 1929 that shares no code with the crate. Then both sides talk to each other, whatever they decide ([`joined`]).

mod asking;
mod client;
mod explore;
mod inbox;
mod joined;
mod menu;
mod messages;
mod places;
mod recogniser;
mod seat;
mod server;
mod serving;
