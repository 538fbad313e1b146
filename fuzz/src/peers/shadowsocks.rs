//! shadowsocks: messages read from a stream, here from octets that are all there.

use core::pin::pin;
use core::task::{Context, Poll, Waker};
use std::io;

use shadowsocks::relay::socks5::{
    Address, Command, Error, HandshakeRequest, HandshakeResponse, PasswdAuthRequest, PasswdAuthResponse,
    TcpRequestHeader, TcpResponseHeader, UdpAssociateHeader,
};

use super::{Decided, Decoded, Difference, Fields, Host, Kind, Verdict, compare};

/// The differences that there are.
pub(super) const DECIDED: [Decided; 6] = [
    Decided::VersionAtOnce,
    Decided::EmptyName,
    Decided::NameOfAnyOctets,
    Decided::CommandOfAnyOctet,
    Decided::EmptyCredentials,
    Decided::VerdictCutShort,
];

/// As each kind of message, both say the same of the octets.
pub fn shadowsocks(octets: &[u8]) -> Vec<Decided> {
    compare(octets, |kind, octets| now(theirs(kind, octets)), explains, &DECIDED)
}

fn explains(decided: Decided, difference: &Difference<'_>) -> bool {
    let Difference { kind, octets, ours, theirs } = difference;
    let invalid_to_them = **theirs == Verdict::Invalid && **ours != Verdict::Invalid;
    match decided {
        Decided::VersionAtOnce => {
            let head = if matches!(kind, Kind::Offer | Kind::Selection) { 2 } else { 3 };
            let waits = **theirs == Verdict::Incomplete && octets.len() < head;
            waits && **ours == Verdict::Invalid && octets.first() != Some(&5)
        }
        Decided::EmptyName => {
            let empty = **theirs == Verdict::Incomplete || theirs.name() == Some(b"");
            empty && **ours == Verdict::Invalid && octets.get(3..5) == Some(&[3, 0])
        }
        Decided::NameOfAnyOctets => {
            invalid_to_them && ours.name().is_some_and(|name| core::str::from_utf8(name).is_err())
        }
        Decided::CommandOfAnyOctet => {
            invalid_to_them && *kind == Kind::Request && octets.get(1).is_some_and(|command| !(1..=3).contains(command))
        }
        Decided::EmptyCredentials => {
            let password = octets.get(1).and_then(|len| octets.get(2 + usize::from(*len)));
            let empty = octets.get(1) == Some(&0) || password == Some(&0);
            invalid_to_them && *kind == Kind::Credentials && empty
        }
        Decided::VerdictCutShort => {
            *kind == Kind::Status && **ours == Verdict::Incomplete && (octets.is_empty() || **octets == [1])
        }
        _ => false,
    }
}

/// Octets that are all there are not waited for.
fn now<T>(future: impl Future<Output = T>) -> T {
    match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(value) => value,
        Poll::Pending => panic!("waits for octets that are there"),
    }
}

async fn theirs(kind: Kind, octets: &[u8]) -> Decoded {
    let mut rest = octets;
    let read = read(kind, &mut rest).await;
    let used = octets.len() - rest.len();
    match read {
        Ok((fields, out)) => (Verdict::Message { fields, used }, out),
        Err(Error::IoError(error)) if error.kind() == io::ErrorKind::UnexpectedEof => (Verdict::Incomplete, vec![]),
        Err(_) => (Verdict::Invalid, vec![]),
    }
}

/// The fields, and the octets that they are written to.
async fn read(kind: Kind, rest: &mut &[u8]) -> Result<(Fields, Vec<u8>), Error> {
    let mut out = vec![];
    /// Reads and writes one kind.
    macro_rules! there_and_back {
        ($Message:ident) => {{
            let message = $Message::read_from(rest).await?;
            message.write_to(&mut out).await?;
            message
        }};
    }
    let fields = match kind {
        Kind::Offer => Fields::Octets(there_and_back!(HandshakeRequest).methods),
        Kind::Selection => Fields::Octet(there_and_back!(HandshakeResponse).chosen_method),
        Kind::Credentials => {
            let said = there_and_back!(PasswdAuthRequest);
            Fields::Credentials(said.uname, said.passwd)
        }
        Kind::Status => Fields::Octet(there_and_back!(PasswdAuthResponse).status),
        Kind::Request => {
            let request = there_and_back!(TcpRequestHeader);
            endpoint(command(request.command), request.address)
        }
        Kind::Reply => {
            let reply = there_and_back!(TcpResponseHeader);
            endpoint(reply.reply.as_u8(), reply.address)
        }
        Kind::Datagram => {
            let header = there_and_back!(UdpAssociateHeader);
            endpoint(header.frag, header.address)
        }
    };
    Ok((fields, out))
}

const fn command(command: Command) -> u8 {
    match command {
        Command::TcpConnect => 1,
        Command::TcpBind => 2,
        Command::UdpAssociate => 3,
    }
}

fn endpoint(octet: u8, address: Address) -> Fields {
    match address {
        Address::SocketAddress(address) => Fields::Endpoint(octet, Host::Ip(address.ip()), address.port()),
        Address::DomainNameAddress(name, port) => Fields::Endpoint(octet, Host::Name(name.into()), port),
    }
}
