//! The test that every message passes.

use core::fmt::Debug;
use core::num::NonZeroUsize;
use std::vec;

use super::{Decode, Encode};
use crate::error::{BufferTooSmall, DecodeError};

pub(super) fn incomplete<T>(missing: usize) -> Result<T, DecodeError> {
    Err(DecodeError::Incomplete(NonZeroUsize::new(missing).unwrap()))
}

/// Decodes the message whole, truncated after every byte, and with other bytes after it, and encodes it again.
pub(super) fn round_trip<M: Decode<'static> + Encode + Debug>(bytes: &[u8]) {
    let followed: &'static [u8] = [bytes, b"other bytes"].concat().leak();
    let (bytes, _) = followed.split_at(bytes.len());

    let (message, used) = M::decode(bytes).unwrap();
    assert_eq!(used, bytes.len(), "{message:?}");

    for len in 0..bytes.len() {
        let Err(DecodeError::Incomplete(missing)) = M::decode(&bytes[..len]) else {
            panic!("{message:?} truncated to {len} is not incomplete")
        };
        assert!(missing.get() <= bytes.len() - len, "{message:?} truncated to {len}: {missing} missing");
    }

    let (followed, used) = M::decode(followed).unwrap();
    assert_eq!(used, bytes.len(), "{followed:?}");
    encodes_to(&followed, bytes);
}

/// Encodes the message in every way, and into buffers of every length up to one byte more than it needs.
pub(super) fn encodes_to(message: &impl Encode, bytes: &[u8]) {
    assert_eq!(message.encoded_len(), bytes.len());
    for room in 0..=bytes.len() + 1 {
        let mut out = vec![0xA5; room];
        match message.encode(&mut out) {
            Ok(len) => assert_eq!((&out[..len], &out[len..]), (bytes, &[0xA5][..room - len])),
            Err(BufferTooSmall { needed }) => {
                assert_eq!(needed, bytes.len());
                assert!(room < needed && out.iter().all(|&byte| byte == 0xA5));
            }
        }
    }
    #[cfg(feature = "std")]
    assert_eq!(message.to_vec(), bytes);
    #[cfg(feature = "bytes")]
    {
        let mut out = vec![];
        message.put(&mut out);
        assert_eq!(out, bytes);
    }
}
