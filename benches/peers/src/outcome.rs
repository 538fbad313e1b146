//! The results of operations, as text that is the same for all crates.

use std::fmt::{Debug, Display};

pub fn methods(methods: impl IntoIterator<Item: Into<u8>>, used: usize) -> String {
    let methods = methods.into_iter().map(Into::into).collect::<Vec<u8>>();
    format!("the methods {methods:?} in {used} bytes")
}

pub fn credentials(username: impl AsRef<[u8]>, password: impl AsRef<[u8]>, used: usize) -> String {
    format!("{} with {} in {used} bytes", username.as_ref().escape_ascii(), password.as_ref().escape_ascii())
}

/// A request or reply, by its CMD or REP.
pub fn endpoint(byte: u8, endpoint: impl Display, used: usize) -> String {
    format!("{byte} for {endpoint} in {used} bytes")
}

/// A datagram, by its FRAG.
pub fn datagram(frag: u8, endpoint: impl Display, payload: impl AsRef<[u8]>) -> String {
    format!("fragment {frag} for {endpoint}: {:02x?}", payload.as_ref())
}

pub fn bytes(bytes: &[u8]) -> String {
    format!("{bytes:02x?}")
}

/// A whole handshake: the address in the last message received, and everything that was sent.
pub fn handshake<E: Debug>(received: Result<impl Display, E>, sent: &[u8]) -> String {
    format!("{} after {sent:02x?}", received.unwrap_or_else(|error| panic!("{error:?}")))
}
