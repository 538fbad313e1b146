//! tor-socksproto: both sides of the conversation.

mod ours;
mod theirs;

use core::net::IpAddr;

use socks5_sansio::Invalid;

use super::{Decided, Fields, Host, Verdict, reason};

/// The differences that there are.
pub(super) const DECIDED: [Decided; 6] = [
    Decided::Socks4,
    Decided::EmptyName,
    Decided::NameOfAnyOctets,
    Decided::CommandOfAnyOctet,
    Decided::PortZero,
    Decided::RefusedAtOnce,
];

/// As proxies or as clients, both say the same to the octets, and understand the same.
pub fn tor(octets: &[u8]) -> Vec<Decided> {
    let difference = match octets {
        [shape, octets @ ..] if shape & 1 == 0 => as_proxies(*shape, octets),
        [shape, octets @ ..] => as_clients(&Wish::choose(*shape), octets),
        [] => None,
    };
    difference.into_iter().collect()
}

/// A username and a password, if there were any.
type Login = Option<(Vec<u8>, Vec<u8>)>;

/// How a conversation went.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Talk {
    said: Vec<u8>,
    /// With what credentials a request came.
    login: Login,
    verdict: Verdict,
    /// Why the octets are invalid, where somebody says so.
    invalid: Option<Invalid>,
}

impl Talk {
    const fn new() -> Self {
        Self { said: vec![], login: None, verdict: Verdict::Incomplete, invalid: None }
    }
}

#[derive(Debug)]
struct Difference<'a> {
    octets: &'a [u8],
    ours: &'a Talk,
    theirs: &'a Talk,
    /// What we say when two more octets come: they judge a name before the port is there.
    ours_with_port: &'a Talk,
}

fn explains(decided: Decided, difference: &Difference<'_>) -> bool {
    let Difference { octets, ours, theirs, ours_with_port } = difference;
    let invalid_to_them = theirs.verdict == Verdict::Invalid;
    match (decided, &ours.verdict) {
        (Decided::Socks4, Verdict::Invalid) => octets.first() == Some(&4) && ours.said.is_empty(),
        (Decided::EmptyName, Verdict::Invalid) => ours.invalid == Some(Invalid::EmptyDomain),
        (Decided::NameOfAnyOctets, Verdict::Message { .. } | Verdict::Incomplete) => {
            let name = ours_with_port.verdict.name();
            invalid_to_them && name.is_some_and(|name| name.contains(&0) || core::str::from_utf8(name).is_err())
        }
        (Decided::CommandOfAnyOctet, Verdict::Message { fields: Fields::Endpoint(command, ..), .. }) => {
            invalid_to_them && !matches!(command, 0x01 | 0xF0 | 0xF1)
        }
        (Decided::PortZero, Verdict::Message { fields: Fields::Endpoint(0x01, _, 0), .. }) => invalid_to_them,
        (Decided::RefusedAtOnce, Verdict::Denied(_)) => {
            matches!(theirs.verdict, Verdict::Incomplete | Verdict::Invalid)
        }
        _ => false,
    }
}

/// Both prefer passwords and take all of them. What both understand is answered, and the answer is understood.
fn as_proxies(code: u8, octets: &[u8]) -> Option<Decided> {
    let (ours, (theirs, request)) = (ours::proxy(octets), theirs::proxy(octets));
    assert!(ours.said.starts_with(&theirs.said), "{:02x?} {:02x?}", ours.said, theirs.said);
    let both_invalid = ours.verdict == Verdict::Invalid && theirs.verdict == Verdict::Invalid;
    let same = (&ours.said, &ours.login, &ours.verdict) == (&theirs.said, &theirs.login, &theirs.verdict);
    if !same && !both_invalid {
        let ours_with_port = ours::proxy(&[octets, &[0, 80]].concat());
        let difference = Difference { octets, ours: &ours, theirs: &theirs, ours_with_port: &ours_with_port };
        return Some(reason(&difference, explains, &DECIDED));
    }
    if let Some(request) = request {
        theirs::replies_are_understood(&request, code);
    }
    None
}

/// What both clients ask for.
struct Wish {
    command: u8,
    host: Host,
    login: Login,
}

const PORT: u16 = 443;

impl Wish {
    fn choose(shape: u8) -> Self {
        let host = match shape >> 1 & 3 {
            0 => Host::Ip(IpAddr::from([192, 0, 2, 1])),
            1 => Host::Ip(IpAddr::from([0x2001, 0xDB8, 0, 0, 0, 0, 0, 1])),
            2 => Host::Name(b"example.com".to_vec()),
            _ => Host::Name(vec![b'x'; 255]),
        };
        let login = match shape >> 3 & 3 {
            0 => None,
            1 => Some((vec![], vec![])),
            2 => Some((b"user".to_vec(), b"pass".to_vec())),
            _ => Some((vec![0xFF; 255], vec![0; 255])),
        };
        Self { command: [0x01, 0xF0, 0xF1, 0x01][usize::from(shape >> 5 & 3)], host, login }
    }
}

/// Both say the same, and understand the same.
fn as_clients(wish: &Wish, octets: &[u8]) -> Option<Decided> {
    let (ours, theirs) = (ours::client(wish, octets), theirs::client(wish, octets));
    assert_eq!(ours.said, theirs.said);
    if ours.verdict == theirs.verdict {
        return None;
    }
    let ours_with_port = ours::client(wish, &[octets, &[0, 80]].concat());
    let difference = Difference { octets, ours: &ours, theirs: &theirs, ours_with_port: &ours_with_port };
    Some(reason(&difference, explains, &DECIDED))
}
