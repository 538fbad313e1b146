//! One encoded message, by value: what a conversation hands to its caller to send.

use core::fmt;
use core::ops::Deref;

use super::{Message, UserPass, copy};

/// The octets to send next, all in one write: there are peers that hang up on a message in two segments.
///
/// Derefs to `[u8]`: 2 to 513 octets. `Debug` shows only how many, as there may be a password among them.
///
/// ```
/// use socks5_sansio::{Client, Method, MethodOffer};
///
/// let (outgoing, _client) = Client::new(&MethodOffer::of(&[Method::NONE]));
/// assert_eq!(*outgoing, [5, 1, 0]);
/// assert_eq!(format!("{outgoing:?}"), "Outgoing(3 octets)");
/// ```
#[must_use = "the peer waits for these octets"]
#[derive(Clone)]
pub struct Outgoing(Octets);

/// Most messages are short. They should not cost the clearing of a buffer for the longest.
#[derive(Clone)]
#[expect(clippy::large_enum_variant, reason = "there is no allocator to box the large one with")]
enum Octets {
    Short([u8; SHORT], usize),
    Long([u8; LONG], usize),
}

const SHORT: usize = 22;
const LONG: usize = UserPass::MAX_LEN;

impl Outgoing {
    #[inline]
    pub(crate) fn new<'a, M: Message<'a>>(message: &M) -> Self {
        const { assert!(M::MAX_LEN <= LONG) };
        message.in_pieces(|pieces| {
            let mut short = [0; SHORT];
            if let Ok(len) = copy(pieces, &mut short) {
                return Self(Octets::Short(short, len));
            }
            let mut long = [0; LONG];
            let len = copy(pieces, &mut long).unwrap_or_default();
            Self(Octets::Long(long, len))
        })
    }
}

impl Deref for Outgoing {
    type Target = [u8];

    #[inline]
    fn deref(&self) -> &[u8] {
        match &self.0 {
            Octets::Short(octets, len) => octets.get(..*len),
            Octets::Long(octets, len) => octets.get(..*len),
        }
        .unwrap_or_default()
    }
}

impl AsRef<[u8]> for Outgoing {
    fn as_ref(&self) -> &[u8] {
        self
    }
}

impl fmt::Debug for Outgoing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Outgoing({} octets)", self.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn debug_tells_the_length_and_no_more() {
        let credentials = UserPass::new("alice", "s3cret").unwrap();
        assert_eq!(std::format!("{:?}", Outgoing::new(&credentials)), "Outgoing(14 octets)");
    }

    #[test]
    fn every_length_is_kept() {
        for len in 0..=255 {
            let credentials = UserPass::new(&[b'u'; 255][..len], &[b'p'; 255][..len]).unwrap();
            let mut octets = [0; LONG];
            let encoded = credentials.encode(&mut octets).unwrap();
            let outgoing = Outgoing::new(&credentials);
            assert_eq!((&*outgoing, outgoing.as_ref()), (&octets[..encoded], &octets[..encoded]));
        }
    }
}
