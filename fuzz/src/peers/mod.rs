//! The same octets for this crate and for another implementation. Where both differ, the difference was decided and has a
//! name here; any other is a finding.

use core::fmt::Debug;
use core::net::IpAddr;
use core::ops::Range;

use socks5_sansio::{
    Address, DecodeError, Endpoint, Invalid, Message, MethodOffer, MethodSelection, Reply, Request, UdpHeader,
    UserPass, UserPassStatus,
};

mod shadowsocks;
mod socker;
mod tor;

pub use self::shadowsocks::shadowsocks;
pub use self::socker::socker;
pub use self::tor::tor;

/// A comparison, which gives the differences that it has met.
type Comparison = fn(&[u8]) -> Vec<Decided>;

/// The comparisons, by the names of their fuzz targets, and all the differences that there are.
pub const PEERS: [(&str, Comparison, &[Decided]); 3] = [
    ("peer_shadowsocks", shadowsocks, &shadowsocks::DECIDED),
    ("peer_socker", socker, &socker::DECIDED),
    ("peer_tor", tor, &tor::DECIDED),
];

/// A difference that was decided. What "they" do is what one of the others does, or several.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Decided {
    /// We refuse a first octet that is no version at once, they when there are as many octets as they read at once.
    VersionAtOnce,
    /// We leave SOCKS4 to others, they speak it.
    Socks4,
    /// We ignore what is in RSV, they refuse all but 00.
    ReservedIsIgnored,
    /// We refuse a name without octets, they take it.
    EmptyName,
    /// We take names of any octets, they want UTF-8, or no NUL.
    NameOfAnyOctets,
    /// We leave it to the application which commands it knows, they refuse those that they do not know.
    CommandOfAnyOctet,
    /// We take port 0 as it is, they refuse to connect to it.
    PortZero,
    /// We take usernames and passwords without octets, they refuse them.
    EmptyCredentials,
    /// We miss the second octet of a verdict, they take 00 for it.
    VerdictCutShort,
    /// We know from two octets that a reply is a refusal, they want all of it, and an address that they understand.
    RefusedAtOnce,
}

/// What comes of octets.
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
    Octets(Vec<u8>),
    Octet(u8),
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

/// A verdict, and the octets that the message is encoded to.
type Decoded = (Verdict, Vec<u8>);

/// Compares what comes of the octets as each kind of message, RSV as it is and RSV 00. Gives the differences.
fn compare(
    octets: &[u8],
    theirs: impl Fn(Kind, &[u8]) -> Decoded,
    explains: impl Fn(Decided, &Difference<'_>) -> bool,
    decided: &[Decided],
) -> Vec<Decided> {
    let mut found = vec![];
    for kind in Kind::ALL {
        let mut cleared = octets.to_vec();
        cleared.iter_mut().take(kind.reserved().end).skip(kind.reserved().start).for_each(|octet| *octet = 0);
        for octets in [octets, &cleared] {
            let (ours, theirs) = (ours(kind, octets), theirs(kind, octets));
            if ours != theirs {
                let difference = Difference { kind, octets, ours: &ours.0, theirs: &theirs.0 };
                found.push(reason(&difference, &explains, decided));
            }
        }
    }
    found
}

#[derive(Debug)]
struct Difference<'a> {
    kind: Kind,
    octets: &'a [u8],
    ours: &'a Verdict,
    theirs: &'a Verdict,
}

fn reason<D: Debug>(difference: &D, explains: impl Fn(Decided, &D) -> bool, decided: &[Decided]) -> Decided {
    let reason = decided.iter().find(|decided| explains(**decided, difference));
    *reason.unwrap_or_else(|| panic!("nobody decided this: {difference:02x?}"))
}

impl Verdict {
    fn name(&self) -> Option<&[u8]> {
        match self {
            Self::Message { fields: Fields::Endpoint(_, Host::Name(name), _), .. } => Some(name),
            _ => None,
        }
    }
}

impl Fields {
    fn endpoint(octet: u8, endpoint: Endpoint<'_>) -> Self {
        let host = match endpoint.address {
            Address::Ipv4(ip) => Host::Ip(ip.into()),
            Address::Domain(name) => Host::Name(name.as_bytes().to_vec()),
            Address::Ipv6(ip) => Host::Ip(ip.into()),
        };
        Self::Endpoint(octet, host, endpoint.port)
    }
}

fn ours(kind: Kind, octets: &[u8]) -> Decoded {
    match kind {
        Kind::Offer => {
            decoded(MethodOffer::decode(octets), |offer| Fields::Octets(offer.methods().map(u8::from).collect()))
        }
        Kind::Selection => decoded(MethodSelection::decode(octets), |it| Fields::Octet(it.method.0)),
        Kind::Credentials => decoded(UserPass::decode(octets), |said| {
            Fields::Credentials(said.username().to_vec(), said.password().to_vec())
        }),
        Kind::Status => decoded(UserPassStatus::decode(octets), |status| Fields::Octet(status.0)),
        Kind::Request => decoded(Request::decode(octets), |it| Fields::endpoint(it.command.0, it.destination)),
        Kind::Reply => decoded(Reply::decode(octets), |it| Fields::endpoint(it.code.0, it.bound)),
        Kind::Datagram => decoded(UdpHeader::decode(octets), |it| Fields::endpoint(it.fragment.0, it.endpoint)),
    }
}

fn decoded<'a, M: Message<'a>>(decoded: Result<(M, usize), DecodeError>, fields: impl FnOnce(&M) -> Fields) -> Decoded {
    match decoded {
        Ok((message, used)) => {
            let mut out = vec![0; message.encoded_len()];
            message.encode(&mut out).expect("has room");
            (Verdict::Message { fields: fields(&message), used }, out)
        }
        Err(DecodeError::Incomplete(_) | DecodeError::Invalid(Invalid::Truncated)) => (Verdict::Incomplete, vec![]),
        Err(DecodeError::Invalid(_)) => (Verdict::Invalid, vec![]),
    }
}
