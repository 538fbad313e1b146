//! Any bytes, decoded as every kind of message. The oracle is the length of a message by the figures of the RFCs.

use core::fmt::Debug;
use core::ops::Range;

use socks5_sansio::{
    BufferTooSmall, Decode, DecodeError, Encode, Endpoint, GssapiMessage, Invalid, MethodOffer, MethodSelection, Reply,
    ReplyCode, Request, UdpHeader, UserPass, UserPassStatus,
};

/// The content of a buffer before anything is written to it.
const FRESH: u8 = 0xA5;
const TRUNCATED: DecodeError = DecodeError::Invalid(Invalid::Truncated);

/// A kind of message.
pub struct Kind {
    pub max_len: usize,
    /// The shortest message; an empty name counts as a name.
    shortest: &'static [u8],
    /// The position of RSV.
    rsv: Range<usize>,
    /// The length by the figure, or `None` until enough bytes have arrived to know it.
    length: fn(&[u8]) -> Result<Option<usize>, Invalid>,
    /// Returns the bytes that the decoded message is encoded to, and the number of bytes used.
    decode: fn(&[u8]) -> Decoded,
}

type Decoded = Result<(Vec<u8>, usize), DecodeError>;

const NO_NAME: &[u8] = &[5, 0, 0, 3, 0, 0, 0];

#[rustfmt::skip]
pub const KINDS: [Kind; 9] = [
    Kind { max_len: MethodOffer::MAX_LEN, shortest: &[5, 0], rsv: 0..0, length: offer, decode: |bytes| encoding(MethodOffer::decode(bytes)?) },
    Kind { max_len: MethodSelection::MAX_LEN, shortest: &[5, 0], rsv: 0..0, length: selection, decode: |bytes| encoding(MethodSelection::decode(bytes)?) },
    Kind { max_len: UserPass::MAX_LEN, shortest: &[1, 0, 0], rsv: 0..0, length: user_pass, decode: |bytes| encoding(UserPass::decode(bytes)?) },
    Kind { max_len: UserPassStatus::MAX_LEN, shortest: &[1, 0], rsv: 0..0, length: status, decode: |bytes| encoding(UserPassStatus::decode(bytes)?) },
    Kind { max_len: GssapiMessage::MAX_LEN, shortest: &[1, 0xFF], rsv: 0..0, length: gssapi, decode: |bytes| encoding(GssapiMessage::decode(bytes)?) },
    Kind { max_len: Request::MAX_LEN, shortest: NO_NAME, rsv: 2..3, length: three_and_endpoint, decode: |bytes| encoding(Request::decode(bytes)?) },
    Kind { max_len: Reply::MAX_LEN, shortest: NO_NAME, rsv: 2..3, length: three_and_endpoint, decode: |bytes| encoding(Reply::decode(bytes)?) },
    Kind { max_len: Endpoint::MAX_LEN, shortest: &[3, 0, 0, 0], rsv: 0..0, length: |bytes| endpoint(bytes, 0), decode: |bytes| encoding(Endpoint::decode(bytes)?) },
    Kind { max_len: UdpHeader::MAX_LEN, shortest: NO_NAME, rsv: 0..2, length: |bytes| endpoint(bytes, 3), decode: split },
];
const REPLY: usize = 6;
const DATAGRAM: usize = 8;

fn offer(bytes: &[u8]) -> Result<Option<usize>, Invalid> {
    version(bytes, &[5], Invalid::Version)?;
    Ok(bytes.get(1).map(|count| 2 + usize::from(*count)))
}

fn selection(bytes: &[u8]) -> Result<Option<usize>, Invalid> {
    version(bytes, &[5], Invalid::Version).map(|()| Some(2))
}

fn user_pass(bytes: &[u8]) -> Result<Option<usize>, Invalid> {
    version(bytes, &[1], Invalid::UserPassVersion)?;
    let name = bytes.get(1).map(|len| usize::from(*len));
    Ok(name.and_then(|name| Some(3 + name + usize::from(*bytes.get(2 + name)?))))
}

fn status(bytes: &[u8]) -> Result<Option<usize>, Invalid> {
    version(bytes, &[1, 5], Invalid::UserPassVersion).map(|()| Some(2))
}

fn gssapi(bytes: &[u8]) -> Result<Option<usize>, Invalid> {
    version(bytes, &[1], Invalid::GssapiVersion)?;
    match bytes {
        [_, 0xFF, ..] => Ok(Some(2)),
        [_, 1..=3, high, low, ..] => Ok(Some(4 + usize::from(u16::from_be_bytes([*high, *low])))),
        [] | [_] | [_, 1..=3, ..] => Ok(None),
        [_, mtyp, ..] => Err(Invalid::GssapiMessageType(*mtyp)),
    }
}

fn three_and_endpoint(bytes: &[u8]) -> Result<Option<usize>, Invalid> {
    version(bytes, &[5], Invalid::Version)?;
    endpoint(bytes, 3)
}

fn endpoint(bytes: &[u8], at: usize) -> Result<Option<usize>, Invalid> {
    match bytes.get(at..).unwrap_or_default() {
        [1, ..] => Ok(Some(at + 7)),
        [4, ..] => Ok(Some(at + 19)),
        [3, len, ..] => Ok(Some(at + 4 + usize::from(*len))),
        [] | [3] => Ok(None),
        [atyp, ..] => Err(Invalid::AddressType(*atyp)),
    }
}

fn version(bytes: &[u8], accepted: &[u8], invalid: fn(u8) -> Invalid) -> Result<(), Invalid> {
    match bytes.first() {
        Some(first) if !accepted.contains(first) => Err(invalid(*first)),
        _ => Ok(()),
    }
}

/// Decodes the bytes, and every prefix up to the first that decides, as each kind of message.
pub fn decoders(bytes: &[u8]) {
    for (index, kind) in KINDS.iter().enumerate() {
        let decides = |len: &usize| kind.decides(&bytes[..*len]);
        (0..=bytes.len()).take_while(|len| !decides(len)).for_each(|len| checks(index, &bytes[..len]));
        (0..=bytes.len()).find(decides).into_iter().chain([bytes.len()]).for_each(|len| checks(index, &bytes[..len]));
    }
    peeks(bytes);
}

impl Kind {
    fn decides(&self, bytes: &[u8]) -> bool {
        match (self.length)(bytes) {
            Ok(len) => len.is_some_and(|len| len <= bytes.len()),
            Err(_) => true,
        }
    }

    /// Whether the bytes are one message and no more. An empty name counts as a name.
    pub fn is_whole(&self, bytes: &[u8]) -> bool {
        (self.length)(bytes) == Ok(Some(bytes.len()))
    }

    /// How many bytes `decode` reports as missing, if that is its result.
    pub fn missing(&self, bytes: &[u8]) -> Option<usize> {
        match (self.decode)(bytes) {
            Err(DecodeError::Incomplete(missing)) => Some(missing.get()),
            Ok(_) | Err(_) => None,
        }
    }

    /// Whether the message is sent in a stream, as all are but the header of a datagram.
    pub fn is_of_a_stream(&self) -> bool {
        self.rsv != (0..2)
    }

    /// The length of the shortest message with this prefix, completed from the shortest message of the kind and with zeros.
    fn shortest_with(&self, bytes: &[u8]) -> usize {
        let tail = self.shortest.get(bytes.len()..).unwrap_or_default();
        let completed = [bytes, tail, &[0; 262]].concat();
        (self.length)(&completed).unwrap().unwrap()
    }
}

fn checks(index: usize, bytes: &[u8]) {
    let kind = &KINDS[index];
    let decoded = (kind.decode)(bytes);
    let no_name = kind.shortest.ends_with(&[3, 0, 0, 0])
        && bytes.get(kind.shortest.len() - 4..).is_some_and(|it| it.starts_with(&[3, 0]));
    let expected = match (kind.length)(bytes) {
        Err(invalid) => Err(invalid.into()),
        Ok(Some(_)) if no_name && index != REPLY => Err(Invalid::EmptyDomain.into()),
        Ok(Some(len)) if len <= bytes.len() => Ok((sent(index, &bytes[..len], no_name), len)),
        Ok(_) if index == DATAGRAM => Err(TRUNCATED),
        Ok(_) => Err(DecodeError::Incomplete((kind.shortest_with(bytes) - bytes.len()).try_into().unwrap())),
    };
    assert_eq!(decoded, expected, "kind {index}: {bytes:02X?}");
    assert!(decoded.is_err() || decoded.is_ok_and(|(encoded, _)| encoded.len() <= kind.max_len));
}

/// The message as this crate sends it: RSV is 00, the status has version 01, and an empty name is 0.0.0.0.
fn sent(index: usize, message: &[u8], no_name: bool) -> Vec<u8> {
    let mut sent = message.to_vec();
    sent[KINDS[index].rsv.clone()].fill(0);
    if KINDS[index].shortest == [1, 0] {
        sent[0] = 1;
    }
    if no_name {
        sent.splice(3..5, [1, 0, 0, 0, 0]);
    }
    sent
}

fn encoding((message, used): (impl Encode + Debug, usize)) -> Result<(Vec<u8>, usize), DecodeError> {
    Ok((encoded(&message), used))
}

/// Encodes the message in every way, with the same result: `to_vec`, `put`, and `encode`, which writes nothing to a buffer that is
/// too short.
pub fn encoded(message: &(impl Encode + Debug + ?Sized)) -> Vec<u8> {
    let (bytes, needed) = (message.to_vec(), message.encoded_len());
    let mut appended = vec![FRESH];
    message.put(&mut appended);
    assert_eq!((bytes.len(), &appended[..1], &appended[1..]), (needed, &[FRESH][..], &*bytes), "{message:?}");
    for room in (0..needed).step_by(1 + needed / 32).chain([needed.saturating_sub(1), needed, needed + 1]) {
        let mut out = vec![FRESH; room];
        if room < needed {
            assert_eq!(message.encode(&mut out), Err(BufferTooSmall { needed }), "{message:?}");
            assert!(out.iter().all(|byte| *byte == FRESH), "{message:?} was written in part");
        } else {
            assert_eq!(message.encode(&mut out), Ok(needed), "{message:?}");
            assert_eq!(out, [&*bytes, &vec![FRESH; room - needed]].concat(), "{message:?}");
        }
    }
    bytes
}

/// Splits off the header, and prepends it again.
fn split(datagram: &[u8]) -> Result<(Vec<u8>, usize), DecodeError> {
    let (header, data) = UdpHeader::split(datagram)?;
    let (encoded, used) = (encoded(&header), datagram.len() - data.len());
    assert_eq!(data, &datagram[used..]);
    let mut headroom = vec![FRESH; used + 2];
    assert_eq!(header.prepend(&mut headroom[3..]), Err(BufferTooSmall { needed: used }));
    assert!(headroom.iter().all(|byte| *byte == FRESH), "{header:?} was written in part");
    assert_eq!(header.prepend(&mut headroom), Ok(2));
    assert_eq!(headroom, [&[FRESH; 2], &*encoded].concat());
    Ok((encoded, used))
}

fn peeks(bytes: &[u8]) {
    match (Reply::peek_code(bytes), bytes) {
        (Ok(ReplyCode(code)), [5, rep, ..]) => assert_eq!(code, *rep),
        (Err(DecodeError::Incomplete(missing)), [] | [5]) => assert_eq!(missing.get(), 2 - bytes.len()),
        (Err(DecodeError::Invalid(Invalid::Version(version))), [first, ..]) if *first != 5 => {
            assert_eq!(version, *first)
        }
        (other, _) => panic!("{other:?}"),
    }
}
