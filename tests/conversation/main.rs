//! Both sides of the conversation: with each other in memory, and each against scripted octets.

mod cases;
mod choice;
mod duties;
mod ends;
mod frames;
mod malformed;
mod moments;
mod optimistic;
mod refusals;
mod sides;
mod together;
mod wire;
