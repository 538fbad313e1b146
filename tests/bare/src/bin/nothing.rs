//! The code that every program has. Its size is subtracted from theirs.

#![no_std]
#![no_main]

bare::program!(nothing);

fn nothing() -> u32 {
    0
}
