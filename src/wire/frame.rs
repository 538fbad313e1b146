//! What the frames of all dialects have in common: data of a length that two octets hold.

use super::leaf::{Parsed, take};
use crate::error::ValueError;

/// A datagram that was checked and can be sent in its dialect.
///
/// Made by the method `frame` of a datagram, such as [`HevDatagram::frame`](super::HevDatagram::frame).
#[must_use = "the frame is to be sent"]
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Frame<D>(pub(super) D);

/// The longest data in bytes.
pub(super) const DATA_MAX_LEN: usize = 65_535;

/// Checks the length of data that is to be sent.
pub(super) const fn sendable(data: &[u8], least: usize) -> Result<(), ValueError> {
    let len = data.len();
    if least <= len && len <= DATA_MAX_LEN { Ok(()) } else { Err(ValueError::Data(len)) }
}

/// The length of data that was checked, in network order.
pub(super) const fn len_octets(data: &[u8]) -> [u8; 2] {
    debug_assert!(data.len() <= DATA_MAX_LEN);
    let [.., high, low] = data.len().to_be_bytes();
    [high, low]
}

#[inline(always)]
pub(super) fn data(len: u16, input: &[u8]) -> Parsed<'_, &[u8]> {
    take::<0>(len.into(), input)
}

#[cfg(test)]
mod tests {
    use crate::udp_in_tcp::{GostDatagram, HevDatagram, UotConnectDatagram, UotDatagram};
    use crate::{Domain, Encode, Endpoint};

    use super::*;

    #[test]
    fn the_longest_frame_has_max_len() {
        let data = &[0; DATA_MAX_LEN];
        let name = [b'a'; 255];
        let endpoint = |len| Endpoint::from((Domain::new(&name[..len]).unwrap(), 1));
        assert_eq!(HevDatagram { endpoint: endpoint(248), data }.frame().unwrap().encoded_len(), HevDatagram::MAX_LEN);
        assert_eq!(GostDatagram::new(endpoint(255), data).frame().unwrap().encoded_len(), GostDatagram::MAX_LEN);
        assert_eq!(UotDatagram { endpoint: endpoint(255), data }.frame().unwrap().encoded_len(), UotDatagram::MAX_LEN);
        assert_eq!(UotConnectDatagram { data }.frame().unwrap().encoded_len(), UotConnectDatagram::MAX_LEN);
    }
}
