//! Any octets, decoded as every message there is.

use core::fmt::Debug;
use core::ops::Range;

use socks5_sansio::{
    BufferTooSmall, DecodeError, Endpoint, GssapiMessage, Invalid, Message, MethodOffer, MethodSelection, Reply,
    ReplyCode, Request, UdpHeader, UserPass, UserPassStatus,
};

/// What a buffer holds before anything is written to it.
const FRESH: u8 = 0xA5;

/// A kind of message.
struct Kind {
    max_len: usize,
    /// Where RSV is.
    rsv: Range<usize>,
    /// Gives the octets that the decoded message is encoded to: as many as were used.
    decode: fn(&[u8]) -> Result<Vec<u8>, DecodeError>,
}

const STREAM: [Kind; 8] = [
    Kind { max_len: 257, rsv: 0..0, decode: |octets| encoding(MethodOffer::decode(octets)?) },
    Kind { max_len: 2, rsv: 0..0, decode: |octets| encoding(MethodSelection::decode(octets)?) },
    Kind { max_len: 513, rsv: 0..0, decode: |octets| encoding(UserPass::decode(octets)?) },
    Kind { max_len: 2, rsv: 0..0, decode: |octets| encoding(UserPassStatus::decode(octets)?) },
    Kind { max_len: 65_539, rsv: 0..0, decode: |octets| encoding(GssapiMessage::decode(octets)?) },
    Kind { max_len: 262, rsv: 2..3, decode: |octets| encoding(Request::decode(octets)?) },
    Kind { max_len: 262, rsv: 2..3, decode: |octets| encoding(Reply::decode(octets)?) },
    Kind { max_len: 259, rsv: 0..0, decode: |octets| encoding(Endpoint::decode(octets)?) },
];

const DATAGRAM: Kind = Kind { max_len: 262, rsv: 0..2, decode: |octets| encoding(UdpHeader::decode(octets)?) };

/// Each kind of message is in the octets or is not, soundly.
pub fn decoders(octets: &[u8]) {
    for kind in STREAM {
        match (kind.decode)(octets) {
            Ok(encoded) => is_a_message(&kind, octets, &encoded, |decoded, to_come| match decoded {
                Err(DecodeError::Incomplete(missing)) => assert!(missing.get() <= to_come, "{missing} of {to_come}"),
                other => panic!("the front of a message is {other:?}"),
            }),
            Err(DecodeError::Incomplete(missing)) => is_incomplete(&kind, octets, missing.get()),
            Err(DecodeError::Invalid(invalid)) => is_invalid(&kind, octets, invalid),
        }
    }
    as_a_datagram(octets);
    as_the_code_of_a_reply(octets);
}

/// The message has these octets. In a buffer it is whole or not at all.
fn encoding<'a>((message, used): (impl Message<'a> + Debug, usize)) -> Result<Vec<u8>, DecodeError> {
    let mut out = vec![FRESH; used + 1];
    assert_eq!(message.encoded_len(), used, "{message:?}");
    assert_eq!(message.encode(&mut out[2..]), Err(BufferTooSmall { needed: used }), "{message:?}");
    assert!(out.iter().all(|octet| *octet == FRESH), "{message:?} was written in part");
    assert_eq!(message.encode(&mut out), Ok(used), "{message:?}");
    assert_eq!(out.pop(), Some(FRESH), "{message:?} was written beyond its end");
    Ok(out)
}

/// The octets used are those of the encoded message, which is decoded to the same. What is behind them does not matter,
/// and nothing shorter is a message.
fn is_a_message(
    kind: &Kind,
    octets: &[u8],
    encoded: &[u8],
    is_no_message: impl Fn(Result<Vec<u8>, DecodeError>, usize),
) {
    let used = encoded.len();
    assert!(used <= kind.max_len, "{used} octets are too many");
    let taken = octets.get(..used).expect("no more octets are used than there are");
    let mut cleared = taken.to_vec();
    cleared[kind.rsv.clone()].fill(0);
    assert_eq!(encoded, cleared);
    for same in [taken, encoded] {
        assert_eq!((kind.decode)(same).as_deref(), Ok(encoded));
    }
    for cut in 0..used {
        is_no_message((kind.decode)(&octets[..cut]), used - cut);
    }
}

/// With one octet less than are missing it is no message. Who goes on to read as many as are missing has in the end
/// read a message and no more, and never more than the longest has.
fn is_incomplete(kind: &Kind, octets: &[u8], missing: usize) {
    const FILL: u8 = 1;
    let mut octets = octets.to_vec();
    octets.resize(octets.len() + missing - 1, FILL);
    assert!((kind.decode)(&octets).is_err(), "{missing} are not missing");
    octets.push(FILL);
    loop {
        let read = octets.len();
        assert!(read <= kind.max_len, "{read} octets are too many");
        match (kind.decode)(&octets) {
            Ok(encoded) => return assert_eq!(encoded.len(), read, "read past the message"),
            Err(DecodeError::Incomplete(missing)) => octets.resize(read + missing.get(), FILL),
            Err(DecodeError::Invalid(_)) => return,
        }
    }
}

/// Whatever comes behind. Before it was known, the octets were incomplete.
fn is_invalid(kind: &Kind, octets: &[u8], invalid: Invalid) {
    let followed = [octets, &[1; 300]].concat();
    assert_eq!((kind.decode)(&followed), Err(DecodeError::Invalid(invalid)));
    for cut in 0..octets.len().min(kind.max_len) {
        match (kind.decode)(&octets[..cut]) {
            Err(DecodeError::Incomplete(_)) => {}
            other => assert_eq!(other, Err(DecodeError::Invalid(invalid)), "cut at {cut}"),
        }
    }
}

/// A datagram is not incomplete: one that is too short is truncated. What is behind the header is its data.
fn as_a_datagram(octets: &[u8]) {
    const TRUNCATED: DecodeError = DecodeError::Invalid(Invalid::Truncated);
    match (DATAGRAM.decode)(octets) {
        Ok(encoded) => {
            is_a_message(&DATAGRAM, octets, &encoded, |decoded, _| assert_eq!(decoded, Err(TRUNCATED)));
            is_put_back(octets, &encoded);
        }
        Err(TRUNCATED) => assert!(octets.len() < DATAGRAM.max_len),
        Err(invalid) => {
            assert_ne!(invalid, DecodeError::Incomplete(core::num::NonZeroUsize::MIN));
            let followed = [octets, &[1; 300]].concat();
            assert_eq!((DATAGRAM.decode)(&followed), Err(invalid));
        }
    }
}

/// What is split off is put back in front of the data, where it was.
fn is_put_back(datagram: &[u8], encoded: &[u8]) {
    let (header, data) = UdpHeader::split(datagram).expect("was decoded");
    assert_eq!(data, &datagram[encoded.len()..]);
    let mut headroom = vec![FRESH; encoded.len() + 2];
    assert_eq!(header.prepend(&mut headroom), Ok(2));
    assert_eq!(headroom, [&[FRESH; 2], encoded].concat());
    headroom.fill(FRESH);
    assert_eq!(header.prepend(&mut headroom[3..]), Err(BufferTooSmall { needed: encoded.len() }));
    assert!(headroom.iter().all(|octet| *octet == FRESH), "{header:?} was written in part");
}

fn as_the_code_of_a_reply(octets: &[u8]) {
    match (Reply::peek_code(octets), octets) {
        (Ok(ReplyCode(code)), [5, rep, ..]) => assert_eq!(code, *rep),
        (Err(DecodeError::Incomplete(missing)), [] | [5]) => assert_eq!(missing.get(), 2 - octets.len()),
        (Err(DecodeError::Invalid(Invalid::Version(version))), [first, ..]) if *first != 5 => {
            assert_eq!(version, *first);
        }
        (other, _) => panic!("{other:?}"),
    }
}
