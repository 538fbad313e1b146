//! tor-socksproto: both sides of the handshake.

mod ours;
mod theirs;

use core::net::IpAddr;

use socks5_sansio::Invalid;

use super::{Decided, Fields, Host, Verdict, reason};

/// The deliberate differences. `StatusVersion` is first: after such a status, one input can show others as well.
pub(super) const DECIDED: [Decided; 8] = [
    Decided::StatusVersion,
    Decided::Socks4,
    Decided::EmptyName,
    Decided::EmptyNameInReply,
    Decided::NameOfAnyBytes,
    Decided::UnknownCommand,
    Decided::PortZero,
    Decided::RefusedAtOnce,
];

/// Compares what both receive and send, as proxies or as clients.
pub fn tor(input: &[u8]) -> Vec<Decided> {
    let difference = match input {
        [shape, input @ ..] if shape & 1 == 0 => as_proxies(*shape, input),
        [shape, input @ ..] => as_clients(&Wish::choose(*shape), input),
        [] => None,
    };
    difference.into_iter().collect()
}

/// A username and a password, if there were any.
type Login = Option<(Vec<u8>, Vec<u8>)>;

/// The result of a handshake.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Outcome {
    sent: Vec<u8>,
    /// The credentials with which the request came.
    login: Login,
    verdict: Verdict,
    /// Why the input is invalid, if that is known.
    invalid: Option<Invalid>,
}

impl Outcome {
    const fn new(verdict: Verdict) -> Self {
        Self { sent: vec![], login: None, verdict, invalid: None }
    }

    fn is_same(&self, other: &Self) -> bool {
        (&self.sent, &self.login, &self.verdict) == (&other.sent, &other.login, &other.verdict)
    }
}

#[derive(Debug)]
struct Difference<'a> {
    input: &'a [u8],
    ours: &'a Outcome,
    theirs: &'a Outcome,
    /// Our outcome with two more bytes of input: they validate a name before its port has arrived.
    ours_with_port: &'a Outcome,
}

fn explains(decided: Decided, difference: &Difference<'_>) -> bool {
    let Difference { input, ours, theirs, ours_with_port } = difference;
    let invalid_to_them = theirs.verdict == Verdict::Invalid;
    match (decided, &ours.verdict) {
        (Decided::Socks4, Verdict::Invalid) => input.first() == Some(&4) && ours.sent.is_empty(),
        (Decided::EmptyName, Verdict::Invalid) => ours.invalid == Some(Invalid::EmptyDomain),
        (Decided::EmptyNameInReply, ours) => ours.has_unspecified_for_empty_name(&theirs.verdict),
        (Decided::NameOfAnyBytes, Verdict::Message { .. } | Verdict::Incomplete) => {
            let name = ours_with_port.verdict.name();
            invalid_to_them && name.is_some_and(|name| name.contains(&0) || core::str::from_utf8(name).is_err())
        }
        (Decided::UnknownCommand, Verdict::Message { fields: Fields::Endpoint(command, ..), .. }) => {
            invalid_to_them && !matches!(command, 0x01 | 0xF0 | 0xF1)
        }
        (Decided::PortZero, Verdict::Message { fields: Fields::Endpoint(0x01, _, 0), .. }) => invalid_to_them,
        (Decided::StatusVersion, _) => {
            let are_clients = theirs.sent.starts_with(&[5, 2, 2, 0]); // the offer
            invalid_to_them && are_clients && input.starts_with(&[5, 2, 5])
        }
        (Decided::RefusedAtOnce, Verdict::Denied(_)) => {
            matches!(theirs.verdict, Verdict::Incomplete | Verdict::Invalid)
        }
        _ => false,
    }
}

/// Both prefer passwords and accept all of them. A request that both receive is answered, and the reply is decoded.
fn as_proxies(code: u8, input: &[u8]) -> Option<Decided> {
    let (ours, (theirs, request)) = (ours::proxy(input), theirs::proxy(input));
    assert!(ours.sent.starts_with(&theirs.sent), "{:02x?} {:02x?}", ours.sent, theirs.sent);
    let both_invalid = ours.verdict == Verdict::Invalid && theirs.verdict == Verdict::Invalid;
    if !ours.is_same(&theirs) && !both_invalid {
        let ours_with_port = ours::proxy(&[input, &[0, 80]].concat());
        let difference = Difference { input, ours: &ours, theirs: &theirs, ours_with_port: &ours_with_port };
        return Some(reason(&difference, explains, &DECIDED));
    }
    if let Some(request) = request {
        theirs::replies_are_decoded(&request, code);
    }
    None
}

/// The request of both clients.
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

/// After a status that they reject, only we send the request.
fn as_clients(wish: &Wish, input: &[u8]) -> Option<Decided> {
    let (ours, theirs) = (ours::client(wish, input), theirs::client(wish, input));
    if ours.is_same(&theirs) {
        return None;
    }
    let ours_with_port = ours::client(wish, &[input, &[0, 80]].concat());
    let difference = Difference { input, ours: &ours, theirs: &theirs, ours_with_port: &ours_with_port };
    let decided = reason(&difference, explains, &DECIDED);
    let same_sent =
        if decided == Decided::StatusVersion { ours.sent.starts_with(&theirs.sent) } else { ours.sent == theirs.sent };
    assert!(same_sent, "{difference:02x?}");
    Some(decided)
}
