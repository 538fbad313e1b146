//! What comes of an operation, in words that are the same for all.

use std::fmt::{Debug, Display};

pub fn methods(methods: impl IntoIterator<Item: Into<u8>>, used: usize) -> String {
    let methods = methods.into_iter().map(Into::into).collect::<Vec<u8>>();
    format!("the methods {methods:?} in {used} octets")
}

pub fn credentials(username: impl AsRef<[u8]>, password: impl AsRef<[u8]>, used: usize) -> String {
    format!("{} with {} in {used} octets", username.as_ref().escape_ascii(), password.as_ref().escape_ascii())
}

/// A request or reply, by its CMD or REP.
pub fn endpoint(octet: u8, endpoint: impl Display, used: usize) -> String {
    format!("{octet} for {endpoint} in {used} octets")
}

/// A datagram, by its FRAG.
pub fn datagram(frag: u8, endpoint: impl Display, payload: impl AsRef<[u8]>) -> String {
    format!("fragment {frag} for {endpoint}: {:02x?}", payload.as_ref())
}

pub fn octets(octets: &[u8]) -> String {
    format!("{octets:02x?}")
}

/// A whole handshake: what the other side said in the end, and what was said to it.
pub fn handshake<E: Debug>(heard: Result<impl Display, E>, said: &[u8]) -> String {
    format!("{} after {said:02x?}", heard.unwrap_or_else(|error| panic!("{error:?}")))
}
