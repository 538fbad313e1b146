//! socker: the messages alone.

use socker::socks5::auth::username_password;
use socker::socks5::{Address, ClientGreeting, Request, Response, ServerChoice, UdpDatagram};
use socker::{DecodeError, DecodeStatus, Message};

use super::{Decided, Decoded, Difference, Fields, Host, Kind, Verdict, compare};

/// The deliberate differences.
pub(super) const DECIDED: [Decided; 4] =
    [Decided::ReservedIsIgnored, Decided::EmptyName, Decided::EmptyNameInReply, Decided::StatusVersion];

/// Compares how both decode each kind of message.
pub fn socker(input: &[u8]) -> Vec<Decided> {
    compare(input, theirs, explains, &DECIDED)
}

fn explains(decided: Decided, difference: &Difference<'_>) -> bool {
    let Difference { kind, input, ours, theirs } = difference;
    match decided {
        Decided::ReservedIsIgnored => {
            let reserved = input.iter().take(kind.reserved().end).skip(kind.reserved().start);
            **theirs == Verdict::Invalid && reserved.clone().any(|byte| *byte != 0)
        }
        Decided::EmptyName => {
            let empty = **theirs == Verdict::Incomplete || theirs.name() == Some(b"");
            empty && **ours == Verdict::Invalid && input.get(3..5) == Some(&[3, 0])
        }
        Decided::EmptyNameInReply => *kind == Kind::Reply && ours.has_unspecified_for_empty_name(theirs),
        Decided::StatusVersion => {
            **theirs == Verdict::Invalid
                && **ours != Verdict::Invalid
                && *kind == Kind::Status
                && input.first() == Some(&5)
        }
        _ => false,
    }
}

fn theirs(kind: Kind, input: &[u8]) -> Decoded {
    match kind {
        Kind::Offer => decoded::<ClientGreeting>(input, |offer| {
            Fields::Bytes(offer.methods.iter().map(|method| u8::from(*method)).collect())
        }),
        Kind::Selection => decoded::<ServerChoice>(input, |choice| Fields::Byte(choice.method.into())),
        Kind::Credentials => decoded::<username_password::Request>(input, |it| {
            Fields::Credentials(it.username.to_vec(), it.password.to_vec())
        }),
        Kind::Status => decoded::<username_password::Response>(input, |it| Fields::Byte(it.status)),
        Kind::Request => decoded::<Request>(input, |it| endpoint(it.command.into(), &it.address, it.port)),
        Kind::Reply => decoded::<Response>(input, |it| endpoint(it.reply.into(), &it.address, it.port)),
        Kind::Datagram => datagram(input),
    }
}

fn decoded<M: Message>(input: &[u8], fields: impl FnOnce(&M) -> Fields) -> Decoded {
    with_bytes(M::decode(input), |message, used| {
        let mut out = vec![];
        message.encode(&mut out).expect("was decoded");
        (Verdict::Message { fields: fields(message), used }, out)
    })
}

/// Decodes a datagram, and counts and encodes its header alone.
fn datagram(input: &[u8]) -> Decoded {
    with_bytes(UdpDatagram::decode(input), |datagram, used| {
        assert_eq!(used, input.len());
        let header = UdpDatagram { payload: &[], ..datagram.clone() };
        let mut out = vec![];
        header.encode_into(&mut out).expect("was decoded");
        let fields = endpoint(datagram.fragment, &datagram.address, datagram.port);
        (Verdict::Message { fields, used: used - datagram.payload.len() }, out)
    })
}

fn with_bytes<M>(
    decoded: Result<DecodeStatus<(M, usize)>, DecodeError>,
    verdict: impl FnOnce(&M, usize) -> Decoded,
) -> Decoded {
    match decoded {
        Ok(DecodeStatus::Complete((message, used))) => verdict(&message, used),
        Ok(DecodeStatus::Partial) | Err(DecodeError::Incomplete) => (Verdict::Incomplete, vec![]),
        Err(_) => (Verdict::Invalid, vec![]),
    }
}

fn endpoint(byte: u8, address: &Address, port: u16) -> Fields {
    let host = match address {
        Address::Ipv4(ip) => Host::Ip((*ip).into()),
        Address::Domain(name) => Host::Name(name.to_vec()),
        Address::Ipv6(ip) => Host::Ip((*ip).into()),
    };
    Fields::Endpoint(byte, host, port)
}
