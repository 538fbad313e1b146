//! What every program has: subtract its size.

#![no_std]
#![no_main]

bare::program!(nothing);

fn nothing() -> u32 {
    0
}
