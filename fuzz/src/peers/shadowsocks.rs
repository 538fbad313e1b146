//! shadowsocks: messages read from a stream, here from a slice, which never waits.

use core::pin::pin;
use core::task::{Context, Poll, Waker};
use std::io;

use shadowsocks::relay::socks5::{
    Address, Command, Error, HandshakeRequest, HandshakeResponse, PasswdAuthRequest, PasswdAuthResponse,
    TcpRequestHeader, TcpResponseHeader, UdpAssociateHeader,
};

use super::{Decided, Decoded, Difference, Fields, Host, Kind, Verdict, compare};

/// The deliberate differences.
pub(super) const DECIDED: [Decided; 8] = [
    Decided::VersionAtOnce,
    Decided::EmptyName,
    Decided::EmptyNameInReply,
    Decided::NameOfAnyBytes,
    Decided::UnknownCommand,
    Decided::EmptyCredentials,
    Decided::StatusVersion,
    Decided::TruncatedStatus,
];

/// Compares how both decode each kind of message.
pub fn shadowsocks(input: &[u8]) -> Vec<Decided> {
    compare(input, |kind, input| now(theirs(kind, input)), explains, &DECIDED)
}

fn explains(decided: Decided, difference: &Difference<'_>) -> bool {
    let Difference { kind, input, ours, theirs } = difference;
    let invalid_to_them = **theirs == Verdict::Invalid && **ours != Verdict::Invalid;
    match decided {
        Decided::VersionAtOnce => {
            let head = if matches!(kind, Kind::Offer | Kind::Selection) { 2 } else { 3 };
            let waits = **theirs == Verdict::Incomplete && input.len() < head;
            waits && **ours == Verdict::Invalid && input.first() != Some(&5)
        }
        Decided::EmptyName => {
            let empty = **theirs == Verdict::Incomplete || theirs.name() == Some(b"");
            empty && **ours == Verdict::Invalid && input.get(3..5) == Some(&[3, 0])
        }
        Decided::EmptyNameInReply => *kind == Kind::Reply && ours.has_unspecified_for_empty_name(theirs),
        Decided::NameOfAnyBytes => {
            invalid_to_them && ours.name().is_some_and(|name| core::str::from_utf8(name).is_err())
        }
        Decided::UnknownCommand => {
            invalid_to_them && *kind == Kind::Request && input.get(1).is_some_and(|command| !(1..=3).contains(command))
        }
        Decided::EmptyCredentials => {
            let password = input.get(1).and_then(|len| input.get(2 + usize::from(*len)));
            let empty = input.get(1) == Some(&0) || password == Some(&0);
            invalid_to_them && *kind == Kind::Credentials && empty
        }
        Decided::StatusVersion => invalid_to_them && *kind == Kind::Status && input.first() == Some(&5),
        Decided::TruncatedStatus => {
            *kind == Kind::Status && **ours == Verdict::Incomplete && (input.is_empty() || **input == [1])
        }
        _ => false,
    }
}

/// The result of a future that never waits.
fn now<T>(future: impl Future<Output = T>) -> T {
    match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(value) => value,
        Poll::Pending => panic!("waits for input that is there"),
    }
}

async fn theirs(kind: Kind, input: &[u8]) -> Decoded {
    let mut rest = input;
    let read = read(kind, &mut rest).await;
    let used = input.len() - rest.len();
    match read {
        Ok((fields, out)) => (Verdict::Message { fields, used }, out),
        Err(Error::IoError(error)) if error.kind() == io::ErrorKind::UnexpectedEof => (Verdict::Incomplete, vec![]),
        Err(_) => (Verdict::Invalid, vec![]),
    }
}

/// The fields, and the message encoded again.
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
        Kind::Offer => Fields::Bytes(there_and_back!(HandshakeRequest).methods),
        Kind::Selection => Fields::Byte(there_and_back!(HandshakeResponse).chosen_method),
        Kind::Credentials => {
            let it = there_and_back!(PasswdAuthRequest);
            Fields::Credentials(it.uname, it.passwd)
        }
        Kind::Status => Fields::Byte(there_and_back!(PasswdAuthResponse).status),
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

fn endpoint(byte: u8, address: Address) -> Fields {
    match address {
        Address::SocketAddress(address) => Fields::Endpoint(byte, Host::Ip(address.ip()), address.port()),
        Address::DomainNameAddress(name, port) => Fields::Endpoint(byte, Host::Name(name.into()), port),
    }
}
