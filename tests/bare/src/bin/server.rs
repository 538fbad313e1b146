//! A server alone, for its size: it hears constant octets.

#![no_std]
#![no_main]

use core::hint::black_box;

use bare::{Said, serve};
use socks5_sansio::{Method, UserPass};

bare::program!(server);

fn server() -> u32 {
    let heard = b"\x05\x02\0\x02\x01\x05alice\x06s3cret\x05\x01\0\x03\x0Bexample.com\x01\xBB";
    let answers = b"\x05\x02\x01\0\x05\0\0\x03\x0Bexample.com\x01\xBB";
    let Ok(credentials) = UserPass::new("alice", "s3cret") else { return 1 };
    let methods = [Method::USERNAME_PASSWORD, Method::NONE].as_slice();
    let mut said = Said::nothing();
    let over = serve(black_box(heard.as_slice()), black_box(methods), black_box(&credentials), &mut said);
    u32::from(over.is_none() || said.octets() != black_box(answers.as_slice()))
}
