//! The SOCKS4 and 4A notes: request and reply.

use core::fmt;
use core::net::{Ipv4Addr, SocketAddrV4};

use super::code::{Command, open_code};
use super::domain::Domain;
use super::endpoint::{Address, Endpoint};
use super::leaf::{Parsed, Short, Version, be_u16, byte, bytes, invalid, terminated, version};
use super::message::{Parse, Pieces, finish};
use crate::error::{DecodeError, Invalid, RequestError};

pub(crate) const VERSION: u8 = 4;
const SOCKS4: Version = Version(VERSION, Invalid::Socks4Version);
/// VN of a reply. 04 is accepted on receipt.
const REPLY_VERSION: u8 = 0;

/// A client's request.
///
/// ```text
/// +----+----+---------+-------+----------+----+----------+----+
/// | VN | CD | DSTPORT | DSTIP |  USERID  | 00 |   NAME   | 00 |
/// +----+----+---------+-------+----------+----+----------+----+
/// | 04 | 1  |    2    |   4   | 0 to 255 | 1  | 1 to 255 | 1  |    NAME and the last 00 only after a DSTIP of 0.0.0.1 to 0.0.0.255
/// +----+----+---------+-------+----------+----+----------+----+
/// ```
///
/// A DSTIP of 0.0.0.1 to 0.0.0.255 announces a domain name (SOCKS4a); 0.0.0.1 is sent. An empty name is malformed.
///
/// ```
/// use socks5_sansio::socks4::Request;
/// use socks5_sansio::{Command, Decode};
///
/// let (request, used) = Request::decode(b"\x04\x01\x00\x50\x00\x00\x00\x01\x00example.com\x00GET /")?;
/// assert_eq!(request.command(), Command::CONNECT);
/// assert_eq!(request.destination().to_string(), "example.com:80");
/// assert_eq!(used, 21);
/// # Ok::<(), socks5_sansio::DecodeError>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Request<'a> {
    command: Command,
    host: Host<'a>,
    port: u16,
    user_id: UserId<'a>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Host<'a> {
    Ipv4(Ipv4Addr),
    Domain(Domain<'a>),
}

impl<'a> Request<'a> {
    /// The length of the longest request in bytes.
    pub const MAX_LEN: usize = 520;

    /// A request with any command.
    ///
    /// # Errors
    ///
    /// [`RequestError`] for an IPv6 address, for 0.0.0.1 to 0.0.0.255, and for a domain name with a NUL.
    pub fn new(command: Command, destination: Endpoint<'a>, user_id: UserId<'a>) -> Result<Self, RequestError> {
        let host = match destination.address {
            Address::Ipv4(ip) if announces_name(ip) => return Err(RequestError::Marker),
            Address::Ipv4(ip) => Host::Ipv4(ip),
            Address::Domain(name) if name.as_bytes().contains(&0) => return Err(RequestError::Nul),
            Address::Domain(name) => Host::Domain(name),
            Address::Ipv6(_) => return Err(RequestError::Ipv6),
        };
        Ok(Self { command, host, port: destination.port, user_id })
    }

    /// CD: any octet.
    #[must_use]
    pub const fn command(&self) -> Command {
        self.command
    }

    /// DSTIP or NAME, and DSTPORT: an IPv4 address or a domain name. An address literal sent as a name is a name here: see
    /// [`Endpoint::canonical`].
    #[must_use]
    pub const fn destination(&self) -> Endpoint<'a> {
        let address = match self.host {
            Host::Ipv4(ip) => Address::Ipv4(ip),
            Host::Domain(name) => Address::Domain(name),
        };
        Endpoint { address, port: self.port }
    }

    /// USERID.
    #[must_use]
    pub const fn user_id(&self) -> UserId<'a> {
        self.user_id
    }
}

const fn announces_name(ip: Ipv4Addr) -> bool {
    matches!(ip.octets(), [0, 0, 0, 1..=255])
}

impl<'a> Parse<'a> for Request<'a> {
    #[inline(always)]
    fn parse(input: &'a [u8]) -> Parsed<'a, Self> {
        let (input, ()) = version::<8>(SOCKS4, input)?;
        let (input, cd) = byte::<7>(input)?;
        let (input, port) = be_u16::<5>(input)?;
        let (input, ip) = bytes::<4, 1>(input)?;
        let ip = Ipv4Addr::from(ip);
        let (input, user_id, host) = if announces_name(ip) {
            let (input, user_id) = terminated::<1>(Invalid::UserIdTooLong, input)?;
            let (input, name) = terminated::<0>(Invalid::DomainTooLong, input)?;
            let domain = Domain::from_short(name).ok_or(invalid(Invalid::EmptyDomain))?;
            (input, user_id, Host::Domain(domain))
        } else {
            let (input, user_id) = terminated::<0>(Invalid::UserIdTooLong, input)?;
            (input, user_id, Host::Ipv4(ip))
        };
        Ok((input, Self { command: Command(cd), host, port, user_id: UserId(user_id) }))
    }
}

impl Pieces for Request<'_> {
    #[inline(always)]
    fn pieces(&self, write: &mut impl FnMut(&[u8])) {
        let ([high, low], [a, b, c, d]) = (self.port.to_be_bytes(), self.ip().octets());
        write(&[VERSION, self.command.0, high, low, a, b, c, d]);
        write(self.user_id.as_bytes());
        write(&[0]);
        if let Host::Domain(name) = self.host {
            write(name.as_bytes());
            write(&[0]);
        }
    }
}

impl Request<'_> {
    const fn ip(&self) -> Ipv4Addr {
        match self.host {
            Host::Ipv4(ip) => ip,
            Host::Domain(_) => Ipv4Addr::new(0, 0, 0, 1),
        }
    }
}

/// USERID of a request: 0 to 255 bytes of any value but NUL.
///
/// It is an unverified claim of the client: do not use it for access control. `Debug` does not show it, as some clients
/// send a password there.
///
/// ```
/// use socks5_sansio::socks4::{RequestError, UserId};
///
/// let user_id = UserId::new("alice")?;
/// assert_eq!(user_id.as_bytes(), b"alice");
/// assert_eq!(format!("{user_id:?}"), "UserId([redacted])");
/// assert_eq!(UserId::new(&[b'a'; 256]), Err(RequestError::UserIdTooLong(256)));
/// # Ok::<(), RequestError>(())
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct UserId<'a>(Short<'a>);

impl<'a> UserId<'a> {
    /// No USERID.
    pub const EMPTY: Self = Self(Short::from_array(&[]));

    /// A USERID of 0 to 255 bytes.
    ///
    /// # Errors
    ///
    /// [`RequestError::UserIdTooLong`] over 255 bytes, [`RequestError::Nul`] if there is a NUL among them.
    pub fn new<U: AsRef<[u8]> + ?Sized>(user_id: &'a U) -> Result<Self, RequestError> {
        let user_id = user_id.as_ref();
        let short = Short::new(user_id).ok_or(RequestError::UserIdTooLong(user_id.len()))?;
        if user_id.contains(&0) { Err(RequestError::Nul) } else { Ok(Self(short)) }
    }

    /// The bytes, without the NUL after them.
    #[must_use]
    pub const fn as_bytes(&self) -> &'a [u8] {
        self.0.as_bytes()
    }
}

impl fmt::Debug for UserId<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("UserId([redacted])")
    }
}

open_code! {
    /// The code of a SOCKS4 reply. Only [`GRANTED`](Self::GRANTED) is a success.
    ///
    /// ```
    /// use socks5_sansio::socks4::ReplyCode;
    ///
    /// assert_eq!(ReplyCode(0x5B).to_string(), "rejected or failed (5B)");
    /// ```
    ReplyCode else "unassigned reply code" {
        /// 5A: request granted.
        GRANTED = 0x5A, "granted";
        /// 5B: request rejected or failed.
        REJECTED = 0x5B, "rejected or failed";
        /// 5C: rejected, because the server cannot connect to identd on the client.
        NO_IDENTD = 0x5C, "rejected: no identd on the client";
        /// 5D: rejected, because the client and identd report different users.
        IDENTD_MISMATCH = 0x5D, "rejected: identd reports another user";
    }
}

/// A server's reply to a request.
///
/// ```text
/// +----+----+---------+-------+
/// | VN | CD | DSTPORT | DSTIP |
/// +----+----+---------+-------+
/// | 00 | 1  |    2    |   4   |
/// +----+----+---------+-------+
/// ```
///
/// Some servers send 04 as VN; it is accepted on receipt.
///
/// ```
/// use socks5_sansio::Encode;
/// use socks5_sansio::socks4::Reply;
///
/// assert_eq!(Reply::granted("192.0.2.7:4660".parse()?).to_vec(), [0, 0x5A, 0x12, 0x34, 192, 0, 2, 7]);
/// assert_eq!(Reply::REJECTED.to_vec(), [0, 0x5B, 0, 0, 0, 0, 0, 0]);
/// # Ok::<(), std::net::AddrParseError>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Reply {
    /// CD: any octet; 5A is success.
    pub code: ReplyCode,
    /// DSTIP and DSTPORT. To BIND: the address on which the server listens, then that of the peer that connected. After CONNECT the
    /// value depends on the server; most servers send zeros.
    pub bound: SocketAddrV4,
}

const UNSPECIFIED: SocketAddrV4 = SocketAddrV4::new(Ipv4Addr::UNSPECIFIED, 0);

/// [`Reply::REJECTED`], encoded.
pub(crate) const REJECTED: [u8; 8] = [REPLY_VERSION, ReplyCode::REJECTED.0, 0, 0, 0, 0, 0, 0];

impl Reply {
    /// The length of a reply in bytes.
    pub const MAX_LEN: usize = 8;

    /// A refusal or a failure.
    pub const REJECTED: Self = Self { code: ReplyCode::REJECTED, bound: UNSPECIFIED };

    /// A success.
    #[must_use]
    pub const fn granted(bound: SocketAddrV4) -> Self {
        Self { code: ReplyCode::GRANTED, bound }
    }

    /// A success with the IPv4 address of an endpoint, or with zeros if it has none.
    pub(crate) fn granted_at(bound: Endpoint<'_>) -> Self {
        Self::granted(ipv4(bound).unwrap_or(UNSPECIFIED))
    }

    /// Decodes the code of a reply from its first two bytes. Not every server sends the rest of a failure.
    ///
    /// # Errors
    ///
    /// [`DecodeError::Incomplete`] if there are fewer than two bytes, [`DecodeError::Invalid`] if the first is neither 00 nor 04.
    #[inline]
    pub fn peek_code(input: &[u8]) -> Result<ReplyCode, DecodeError> {
        finish(code::<1, 0>(input)).map(|(code, _)| code)
    }
}

/// The IPv4 address of an endpoint, even if it is mapped or sent as a name.
pub(crate) fn ipv4(endpoint: Endpoint<'_>) -> Option<SocketAddrV4> {
    match endpoint.canonical().address {
        Address::Ipv4(ip) => Some(SocketAddrV4::new(ip, endpoint.port)),
        Address::Domain(_) | Address::Ipv6(_) => None,
    }
}

#[inline(always)]
fn code<const AFTER_VN: usize, const AFTER_CD: usize>(input: &[u8]) -> Parsed<'_, ReplyCode> {
    let (input, vn) = byte::<AFTER_VN>(input)?;
    if !matches!(vn, REPLY_VERSION | VERSION) {
        return Err(invalid(Invalid::Socks4Version(vn)));
    }
    let (input, cd) = byte::<AFTER_CD>(input)?;
    Ok((input, ReplyCode(cd)))
}

impl Parse<'_> for Reply {
    #[inline(always)]
    fn parse(input: &[u8]) -> Parsed<'_, Self> {
        let (input, code) = code::<7, 6>(input)?;
        let (input, port) = be_u16::<4>(input)?;
        let (input, ip) = bytes::<4, 0>(input)?;
        Ok((input, Self { code, bound: SocketAddrV4::new(ip.into(), port) }))
    }
}

impl Pieces for Reply {
    #[inline(always)]
    fn pieces(&self, write: &mut impl FnMut(&[u8])) {
        let ([high, low], [a, b, c, d]) = (self.bound.port().to_be_bytes(), self.bound.ip().octets());
        write(&[REPLY_VERSION, self.code.0, high, low, a, b, c, d]);
    }
}

#[cfg(test)]
mod tests {
    use std::format;

    use super::*;
    use crate::wire::Decode;
    use crate::wire::testing::{encodes_to, incomplete, round_trip};

    fn long(ip: [u8; 4], user_id: usize, name: usize) -> std::vec::Vec<u8> {
        let (user_id, name) = (&[b'u'; 256][..user_id], &[b'n'; 256][..name]);
        [&[4, 1, 0, 80], ip.as_slice(), user_id, &[0], name, &[0]].concat()
    }

    #[test]
    fn requests_round_trip() {
        for cd in [1, 2, 0xF0, 0x77] {
            round_trip::<Request<'_>>(&[4, cd, 0, 80, 192, 0, 2, 1, 0]);
            round_trip::<Request<'_>>(b"\x04\x02\x00\x00\x00\x00\x00\x00bob:pw\x00");
            round_trip::<Request<'_>>(b"\x04\x01\x00\x50\x00\x00\x00\x01\x07\x00example.com\x00");
        }
        for len in [1, 127, 128, 255] {
            round_trip::<Request<'_>>(&long([0, 0, 0, 1], len, len));
        }
        assert_eq!(long([0, 0, 0, 1], 255, 255).len(), Request::MAX_LEN);
    }

    #[test]
    fn rejects_a_userid_or_name_without_a_nul_in_its_first_256_bytes() {
        for (ip, missing) in [([0, 0, 0, 1], 2), ([192, 0, 2, 1], 1)] {
            let bytes = long(ip, 256, 1);
            assert_eq!(Request::decode(&bytes[..8 + 255]), incomplete(missing));
            assert_eq!(Request::decode(&bytes[..8 + 256]), Err(Invalid::UserIdTooLong.into()));
        }
        let bytes = long([0, 0, 0, 1], 255, 256);
        assert_eq!(Request::decode(&bytes[..8 + 256 + 255]), incomplete(1));
        assert_eq!(Request::decode(&bytes[..8 + 256 + 256]), Err(Invalid::DomainTooLong.into()));
    }

    #[test]
    fn only_0_0_0_x_announces_a_name() {
        for ip in [[0, 0, 0, 0], [0, 0, 1, 1], [0, 1, 0, 1], [1, 0, 0, 1]] {
            let bytes = long(ip, 0, 1);
            let (request, used) = Request::decode(&bytes).unwrap();
            assert_eq!((request.destination(), used), ((Ipv4Addr::from(ip), 80).into(), 9));
        }
        for last in 1..=255 {
            let bytes = long([0, 0, 0, last], 0, 1);
            let (request, _) = Request::decode(&bytes).unwrap();
            assert_eq!(request.destination(), Endpoint::try_from("n:80").unwrap());
            encodes_to(&request, &long([0, 0, 0, 1], 0, 1));
        }
    }

    #[test]
    fn counts_an_empty_name_as_the_shortest() {
        assert_eq!(Request::decode(&[]), incomplete(9));
        assert_eq!(Request::decode(&[4, 1, 0, 80, 0, 0, 0]), incomplete(2));
        assert_eq!(Request::decode(&[4, 1, 0, 80, 0, 0, 0, 1]), incomplete(2));
        assert_eq!(Request::decode(&[4, 1, 0, 80, 0, 0, 0, 1, 0]), incomplete(1));
        assert_eq!(Request::decode(&[4, 1, 0, 80, 0, 0, 0, 1, 0, 0]), Err(Invalid::EmptyDomain.into()));
    }

    #[test]
    fn a_request_is_checked_when_it_is_made() {
        let make = |destination| Request::new(Command::CONNECT, destination, UserId::EMPTY);
        for last in 0..=255 {
            let made = make((Ipv4Addr::new(0, 0, 0, last), 80).into());
            assert_eq!(made.err(), (last > 0).then_some(RequestError::Marker));
        }
        assert_eq!(make((Domain::new(b"a\0b").unwrap(), 80).into()), Err(RequestError::Nul));
        assert_eq!(make("[::ffff:192.0.2.1]:80".try_into().unwrap()), Err(RequestError::Ipv6));
        assert_eq!(UserId::new(b"a\0b"), Err(RequestError::Nul));
    }

    #[test]
    fn debug_does_not_show_the_userid() {
        let (request, _) = Request::decode(b"\x04\x01\x00\x50\xC0\x00\x02\x01bob:s3cret\x00").unwrap();
        let debug = format!("{request:?}");
        assert!(debug.contains("192.0.2.1") && debug.contains("[redacted]"), "{debug}");
        assert!(!debug.contains("bob") && !debug.contains("98"), "{debug}");
    }

    #[test]
    fn replies_round_trip() {
        (0..=255).for_each(|code| round_trip::<Reply>(&[0, code, 0x12, 0x34, 192, 0, 2, 7]));
        encodes_to(&Reply::REJECTED, &REJECTED);
    }

    #[test]
    fn accepts_a_reply_of_version_4_and_no_other() {
        for vn in 0..=255 {
            let reply = Reply::decode(&[vn, 0x5A, 0, 0, 0, 0, 0, 0]);
            match vn {
                0 | 4 => assert_eq!(reply, Ok((Reply::granted(UNSPECIFIED), 8))),
                _ => assert_eq!(reply, Err(Invalid::Socks4Version(vn).into())),
            }
        }
    }

    #[test]
    fn peeks_the_code_in_two_bytes() {
        assert_eq!(Reply::peek_code(&[]), incomplete(2));
        assert_eq!(Reply::peek_code(&[4]), incomplete(1));
        assert_eq!(Reply::peek_code(&[0, 0x5B]), Ok(ReplyCode::REJECTED));
        assert_eq!(Reply::peek_code(&[5]), Err(Invalid::Socks4Version(5).into()));
    }

    #[test]
    fn sends_the_ipv4_address_of_an_endpoint_or_zeros() {
        for (bound, sent) in [
            ("192.0.2.7:80", "192.0.2.7:80"),
            ("[::ffff:192.0.2.7]:80", "192.0.2.7:80"),
            ("[2001:db8::1]:80", "0.0.0.0:0"),
            ("example.com:80", "0.0.0.0:0"),
        ] {
            let reply = Reply::granted_at(bound.try_into().unwrap());
            assert_eq!(reply, Reply::granted(sent.parse().unwrap()), "{bound}");
        }
    }
}
