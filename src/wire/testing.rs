//! The test that every message passes.

use core::fmt::Debug;
use std::vec;

use super::Message;
use crate::error::{BufferTooSmall, DecodeError};

/// Decodes the message whole, cut short at every octet and with other octets behind it,
/// and encodes it into buffers of every size up to one octet more than it needs.
pub(super) fn three_ways<M: Message<'static> + Debug>(octets: &[u8]) {
    let followed: &'static [u8] = [octets, b"what follows"].concat().leak();
    let (octets, _) = followed.split_at(octets.len());

    let (message, used) = M::decode(octets).unwrap();
    assert_eq!(used, octets.len(), "{message:?}");
    assert!((M::MIN_LEN..=M::MAX_LEN).contains(&used), "{message:?}");

    for cut in 0..octets.len() {
        let Err(DecodeError::Incomplete(missing)) = M::decode(&octets[..cut]) else {
            panic!("{message:?} cut at {cut} is not incomplete")
        };
        assert!(missing.get() <= octets.len() - cut, "{message:?} cut at {cut} misses {missing}");
    }

    let (followed, used) = M::decode(followed).unwrap();
    assert_eq!(used, octets.len(), "{followed:?}");
    encodes_to(&followed, octets);
}

/// The message has these octets, whatever way and into whatever buffer it is encoded: all of them, or none.
pub(super) fn encodes_to<'a>(message: &impl Message<'a>, octets: &[u8]) {
    assert_eq!(message.encoded_len(), octets.len());
    for room in 0..=octets.len() + 1 {
        let mut out = vec![0xA5; room];
        match message.encode(&mut out) {
            Ok(len) => assert_eq!((&out[..len], &out[len..]), (octets, &[0xA5][..room - len])),
            Err(BufferTooSmall { needed }) => {
                assert_eq!(needed, octets.len());
                assert!(room < needed && out.iter().all(|&octet| octet == 0xA5));
            }
        }
    }
    #[cfg(feature = "bytes")]
    {
        let mut out = vec![];
        message.put(&mut out);
        assert_eq!(out, octets);
    }
}
