//! Two methods whose sub-negotiation is the caller's: one private, and one in GSSAPI's frames.

use core::num::NonZeroUsize;

use socks5_sansio::{DecodeError, GssapiMessage, Message, Method};

use crate::sides::Event;
use crate::wire::Wire;

/// A method that is private to these tests. A frame is a length octet and its octets.
pub(crate) const PRIVATE: Method = Method(0x80);

/// The frames of a sub-negotiation: what the client asks, what the server answers.
pub(crate) const fn frames(method: Method) -> &'static [(&'static [u8], &'static [u8])] {
    match method {
        PRIVATE => &[(b"\x05hello", b"\x02ok"), (b"\x00", b"\x01!")],
        Method::GSSAPI => {
            &[(b"\x01\x01\x00\x03tok", b"\x01\x01\x00\x00"), (b"\x01\x02\x00\x01\x01", b"\x01\x02\x00\x01\x01")]
        }
        _ => &[],
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Turn {
    Ask,
    Answer,
}

/// `None` at the end of the stream.
pub(crate) async fn negotiate(method: Method, turn: Turn, wire: &mut Wire, events: &mut Vec<Event>) -> Option<()> {
    for (ask, answer) in frames(method) {
        if turn == Turn::Ask {
            wire.send(ask);
        }
        let frame = frame(method, wire).await?;
        events.push(Event::Frame(frame));
        if turn == Turn::Answer {
            wire.send(answer);
        }
    }
    Some(())
}

async fn frame(method: Method, wire: &mut Wire) -> Option<Vec<u8>> {
    loop {
        let missing = match frame_len(method, wire.unread()) {
            Ok(len) => return Some(wire.take(len)),
            Err(DecodeError::Incomplete(missing)) => missing,
            Err(DecodeError::Invalid(invalid)) => panic!("{invalid}"),
        };
        if !wire.more(missing).await {
            return None;
        }
    }
}

fn frame_len(method: Method, input: &[u8]) -> Result<usize, DecodeError> {
    if method == Method::GSSAPI {
        return GssapiMessage::decode(input).map(|(_, used)| used);
    }
    let len = 1 + usize::from(input.first().copied().unwrap_or_default());
    match NonZeroUsize::new(len.saturating_sub(input.len())) {
        Some(missing) => Err(DecodeError::Incomplete(missing)),
        None => Ok(len),
    }
}
