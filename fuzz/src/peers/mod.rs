//! The same input for this crate and for another implementation. They may differ only in ways that are deliberate and have a name
//! here ([`Decided`]); any other difference is a finding.

use core::fmt::Debug;
use core::net::{IpAddr, Ipv4Addr};
use core::ops::Range;

use socks5_sansio::{
    Address, Decode, DecodeError, Encode, Endpoint, Invalid, MethodOffer, MethodSelection, Reply, Request, UdpHeader,
    UserPass, UserPassStatus,
};

mod shadowsocks;
mod socker;
mod tor;

pub use self::shadowsocks::shadowsocks;
pub use self::socker::socker;
pub use self::tor::tor;

/// A comparison. Returns the deliberate differences found, and panics at any other.
type Comparison = fn(&[u8]) -> Vec<Decided>;

/// The comparisons, by the names of their fuzz targets, each with its deliberate differences.
pub const PEERS: [(&str, Comparison, &[Decided]); 3] = [
    ("peer_shadowsocks", shadowsocks, &shadowsocks::DECIDED),
    ("peer_socker", socker, &socker::DECIDED),
    ("peer_tor", tor, &tor::DECIDED),
];

/// A deliberate difference. "They" are one of the other implementations, or several.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Decided {
    /// We reject another version at its first byte, they after as many bytes as they read at once.
    VersionAtOnce,
    /// Our states for SOCKS5 reject SOCKS4, which has its own states; theirs accept both.
    Socks4,
    /// We ignore RSV, they reject all but 00.
    ReservedIsIgnored,
    /// We reject an empty name in requests and datagrams, they accept it.
    EmptyName,
    /// We decode an empty name in a reply as 0.0.0.0, they as an empty name.
    EmptyNameInReply,
    /// We accept names of any bytes, they require UTF-8, or no NUL.
    NameOfAnyBytes,
    /// We leave unknown commands to the application, they reject them.
    UnknownCommand,
    /// We accept port 0, they refuse to connect to it.
    PortZero,
    /// We accept empty usernames and passwords, they reject them.
    EmptyCredentials,
    /// We accept a status of RFC 1929 with version 05, they reject it.
    StatusVersion,
    /// We wait for the second byte of a status, they take it for 00 if the stream ends.
    TruncatedStatus,
    /// We recognise a refusal by its first two bytes, they need the whole reply, with an address that they accept.
    RefusedAtOnce,
}

/// The result of decoding.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Verdict {
    Message {
        fields: Fields,
        used: usize,
    },
    Incomplete,
    Invalid,
    /// A reply with a code other than 00.
    Denied(u8),
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Fields {
    Bytes(Vec<u8>),
    Byte(u8),
    Credentials(Vec<u8>, Vec<u8>),
    /// CMD, REP or FRAG, and an endpoint.
    Endpoint(u8, Host, u16),
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Host {
    Ip(IpAddr),
    Name(Vec<u8>),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Offer,
    Selection,
    Credentials,
    Status,
    Request,
    Reply,
    Datagram,
}

impl Kind {
    const ALL: [Self; 7] =
        [Self::Offer, Self::Selection, Self::Credentials, Self::Status, Self::Request, Self::Reply, Self::Datagram];

    const fn reserved(self) -> Range<usize> {
        match self {
            Self::Request | Self::Reply => 2..3,
            Self::Datagram => 0..2,
            _ => 0..0,
        }
    }
}

/// A verdict, and the message encoded again.
type Decoded = (Verdict, Vec<u8>);

/// Decodes the input as each kind of message, with RSV as it is and with RSV 00. Returns the differences.
fn compare(
    input: &[u8],
    theirs: impl Fn(Kind, &[u8]) -> Decoded,
    explains: impl Fn(Decided, &Difference<'_>) -> bool,
    decided: &[Decided],
) -> Vec<Decided> {
    let mut found = vec![];
    for kind in Kind::ALL {
        let mut cleared = input.to_vec();
        cleared.iter_mut().take(kind.reserved().end).skip(kind.reserved().start).for_each(|byte| *byte = 0);
        for input in [input, &cleared] {
            let (ours, theirs) = (ours(kind, input), theirs(kind, input));
            if ours != theirs {
                let difference = Difference { kind, input, ours: &ours.0, theirs: &theirs.0 };
                found.push(reason(&difference, &explains, decided));
            }
        }
    }
    found
}

#[derive(Debug)]
struct Difference<'a> {
    kind: Kind,
    input: &'a [u8],
    ours: &'a Verdict,
    theirs: &'a Verdict,
}

fn reason<D: Debug>(difference: &D, explains: impl Fn(Decided, &D) -> bool, decided: &[Decided]) -> Decided {
    let reason = decided.iter().find(|decided| explains(**decided, difference));
    *reason.unwrap_or_else(|| panic!("this difference is not a deliberate one: {difference:02x?}"))
}

impl Verdict {
    /// Whether this is `theirs` with 0.0.0.0 in place of an empty name.
    fn has_unspecified_for_empty_name(&self, theirs: &Self) -> bool {
        match theirs {
            Self::Message { fields: Fields::Endpoint(code, Host::Name(name), port), used } if name.is_empty() => {
                let fields = Fields::Endpoint(*code, Host::Ip(Ipv4Addr::UNSPECIFIED.into()), *port);
                *self == Self::Message { fields, used: *used }
            }
            _ => false,
        }
    }

    fn name(&self) -> Option<&[u8]> {
        match self {
            Self::Message { fields: Fields::Endpoint(_, Host::Name(name), _), .. } => Some(name),
            _ => None,
        }
    }
}

impl Fields {
    fn endpoint(byte: u8, endpoint: Endpoint<'_>) -> Self {
        let host = match endpoint.address {
            Address::Ipv4(ip) => Host::Ip(ip.into()),
            Address::Domain(name) => Host::Name(name.as_bytes().to_vec()),
            Address::Ipv6(ip) => Host::Ip(ip.into()),
        };
        Self::Endpoint(byte, host, endpoint.port)
    }
}

fn ours(kind: Kind, input: &[u8]) -> Decoded {
    match kind {
        Kind::Offer => {
            decoded(MethodOffer::decode(input), |offer| Fields::Bytes(offer.methods().map(u8::from).collect()))
        }
        Kind::Selection => decoded(MethodSelection::decode(input), |it| Fields::Byte(it.method.0)),
        Kind::Credentials => {
            decoded(UserPass::decode(input), |it| Fields::Credentials(it.username().to_vec(), it.password().to_vec()))
        }
        Kind::Status => decoded(UserPassStatus::decode(input), |status| Fields::Byte(status.0)),
        Kind::Request => decoded(Request::decode(input), |it| Fields::endpoint(it.command.0, it.destination)),
        Kind::Reply => decoded(Reply::decode(input), |it| Fields::endpoint(it.code.0, it.bound)),
        Kind::Datagram => decoded(header(input), |it| Fields::endpoint(it.fragment.0, it.endpoint)),
    }
}

fn header(datagram: &[u8]) -> Result<(UdpHeader<'_>, usize), DecodeError> {
    let (header, data) = UdpHeader::split(datagram)?;
    Ok((header, datagram.len() - data.len()))
}

fn decoded<M: Encode>(decoded: Result<(M, usize), DecodeError>, fields: impl FnOnce(&M) -> Fields) -> Decoded {
    match decoded {
        Ok((message, used)) => (Verdict::Message { fields: fields(&message), used }, message.to_vec()),
        Err(DecodeError::Incomplete(_) | DecodeError::Invalid(Invalid::Truncated)) => (Verdict::Incomplete, vec![]),
        Err(DecodeError::Invalid(_)) => (Verdict::Invalid, vec![]),
    }
}
