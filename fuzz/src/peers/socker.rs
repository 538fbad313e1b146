//! socker: messages without their order.

use socker::socks5::auth::username_password;
use socker::socks5::{Address, ClientGreeting, Request, Response, ServerChoice, UdpDatagram};
use socker::{DecodeError, DecodeStatus, Message};

use super::{Decided, Decoded, Difference, Fields, Host, Kind, Verdict, compare};

/// The differences that there are.
pub(super) const DECIDED: [Decided; 2] = [Decided::ReservedIsIgnored, Decided::EmptyName];

/// As each kind of message, both say the same of the octets.
pub fn socker(octets: &[u8]) -> Vec<Decided> {
    compare(octets, theirs, explains, &DECIDED)
}

fn explains(decided: Decided, difference: &Difference<'_>) -> bool {
    let Difference { kind, octets, ours, theirs } = difference;
    match decided {
        Decided::ReservedIsIgnored => {
            let reserved = octets.iter().take(kind.reserved().end).skip(kind.reserved().start);
            **theirs == Verdict::Invalid && reserved.clone().any(|octet| *octet != 0)
        }
        Decided::EmptyName => {
            let empty = **theirs == Verdict::Incomplete || theirs.name() == Some(b"");
            empty && **ours == Verdict::Invalid && octets.get(3..5) == Some(&[3, 0])
        }
        _ => false,
    }
}

fn theirs(kind: Kind, octets: &[u8]) -> Decoded {
    match kind {
        Kind::Offer => decoded::<ClientGreeting>(octets, |offer| {
            Fields::Octets(offer.methods.iter().map(|method| u8::from(*method)).collect())
        }),
        Kind::Selection => decoded::<ServerChoice>(octets, |choice| Fields::Octet(choice.method.into())),
        Kind::Credentials => decoded::<username_password::Request>(octets, |said| {
            Fields::Credentials(said.username.to_vec(), said.password.to_vec())
        }),
        Kind::Status => decoded::<username_password::Response>(octets, |it| Fields::Octet(it.status)),
        Kind::Request => decoded::<Request>(octets, |it| endpoint(it.command.into(), &it.address, it.port)),
        Kind::Reply => decoded::<Response>(octets, |it| endpoint(it.reply.into(), &it.address, it.port)),
        Kind::Datagram => datagram(octets),
    }
}

fn decoded<M: Message>(octets: &[u8], fields: impl FnOnce(&M) -> Fields) -> Decoded {
    with_octets(M::decode(octets), |message, used| {
        let mut out = vec![];
        message.encode(&mut out).expect("was decoded");
        (Verdict::Message { fields: fields(message), used }, out)
    })
}

/// The octets used are those of the header, and so are those encoded.
fn datagram(octets: &[u8]) -> Decoded {
    with_octets(UdpDatagram::decode(octets), |datagram, used| {
        assert_eq!(used, octets.len());
        let header = UdpDatagram { payload: &[], ..datagram.clone() };
        let mut out = vec![];
        header.encode_into(&mut out).expect("was decoded");
        let fields = endpoint(datagram.fragment, &datagram.address, datagram.port);
        (Verdict::Message { fields, used: used - datagram.payload.len() }, out)
    })
}

fn with_octets<M>(
    decoded: Result<DecodeStatus<(M, usize)>, DecodeError>,
    verdict: impl FnOnce(&M, usize) -> Decoded,
) -> Decoded {
    match decoded {
        Ok(DecodeStatus::Complete((message, used))) => verdict(&message, used),
        Ok(DecodeStatus::Partial) | Err(DecodeError::Incomplete) => (Verdict::Incomplete, vec![]),
        Err(_) => (Verdict::Invalid, vec![]),
    }
}

fn endpoint(octet: u8, address: &Address, port: u16) -> Fields {
    let host = match address {
        Address::Ipv4(ip) => Host::Ip((*ip).into()),
        Address::Domain(name) => Host::Name(name.to_vec()),
        Address::Ipv6(ip) => Host::Ip((*ip).into()),
    };
    Fields::Endpoint(octet, host, port)
}
