//! Errors, by cause. All of them are `Copy`, and none allocates.

use core::convert::Infallible;
use core::num::NonZeroUsize;

use thiserror::Error;

/// An input that does not begin with a complete message.
///
/// ```
/// use socks5_sansio::{Decode, DecodeError, Invalid, MethodSelection};
///
/// let Err(DecodeError::Incomplete(missing)) = MethodSelection::decode(&[5]) else { panic!() };
/// assert_eq!(missing.get(), 1);
/// assert_eq!(MethodSelection::decode(b"H"), Err(DecodeError::Invalid(Invalid::Version(b'H'))));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Error)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum DecodeError {
    /// More input is needed: at least this many bytes. A reader that reads exactly that many never reads past the message.
    #[error("at least {0} more bytes are needed")]
    Incomplete(NonZeroUsize),
    /// The input is malformed; more input cannot help.
    #[error(transparent)]
    Invalid(#[from] Invalid),
}

/// Malformed input: the fault of the peer.
///
/// ```
/// use socks5_sansio::Invalid;
///
/// assert_eq!(Invalid::Version(4).to_string(), "protocol version 0x04 is not 0x05");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Error)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum Invalid {
    /// The first octet is not 05 (RFC 1928 sections 3, 4 and 6). 04 is SOCKS4; a letter is probably HTTP.
    #[error("protocol version {0:#04x} is not 0x05")]
    Version(u8),
    /// The first octet of a username/password message is not 01 (RFC 1929 section 2).
    #[error("username/password version {0:#04x} is not 0x01")]
    UserPassVersion(u8),
    /// The first octet of a GSSAPI frame is not 01 (RFC 1961 section 3.4).
    #[error("gssapi version {0:#04x} is not 0x01")]
    GssapiVersion(u8),
    /// A GSSAPI message type other than 01, 02, 03 and FF (RFC 1961 sections 3 to 5).
    #[error("gssapi message type {0:#04x} is unassigned")]
    GssapiMessageType(u8),
    /// An ATYP other than 01, 03 and 04 (RFC 1928 section 5). The end of the address cannot be found.
    #[error("address type {0:#04x} is unassigned")]
    AddressType(u8),
    /// A domain name of length 0 (RFC 1928 section 5). A reply may have one: it means that there is no address.
    #[error("the domain name is empty")]
    EmptyDomain,
    /// A datagram that ends inside its header (RFC 1928 section 7).
    #[error("the datagram ends inside its header")]
    Truncated,
    /// The first octet of a SOCKS4 request is not 04, or that of a SOCKS4 reply neither 00 nor 04.
    #[error("{0:#04x} is not the first octet of a socks4 message")]
    Socks4Version(u8),
    /// A SOCKS4 request without a NUL in the first 256 octets of its USERID.
    #[error("the userid has more than 255 bytes")]
    UserIdTooLong,
    /// A SOCKS4a request without a NUL in the first 256 octets of its domain name.
    #[error("the domain name has more than 255 bytes")]
    DomainTooLong,
    /// An HDRLEN that is not the length of the header (hev frames in [`udp_in_tcp`](crate::udp_in_tcp)).
    #[error("header length {0} is not that of the header")]
    HeaderLength(u8),
}

/// A value that is too long or too short for its field: the fault of the caller. Each variant holds the actual length or count.
///
/// ```
/// use socks5_sansio::{Domain, ValueError};
///
/// assert_eq!(Domain::new(&[b'a'; 300]), Err(ValueError::Domain(300)));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Error)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum ValueError {
    /// A domain name that is empty or has more than 255 bytes (RFC 1928 section 5).
    #[error("a domain name has 1 to 255 bytes, not {0}")]
    Domain(usize),
    /// More than 255 methods (RFC 1928 section 3).
    #[error("an offer has at most 255 methods, not {0}")]
    Methods(usize),
    /// A username of more than 255 bytes (RFC 1929 section 2).
    #[error("a username has at most 255 bytes, not {0}")]
    Username(usize),
    /// A password of more than 255 bytes (RFC 1929 section 2).
    #[error("a password has at most 255 bytes, not {0}")]
    Password(usize),
    /// A GSSAPI token of more than 65,535 bytes (RFC 1961 section 3.4).
    #[error("a gssapi token has at most 65535 bytes, not {0}")]
    Token(usize),
    /// Data for more than 127 fragments (RFC 1928 section 7).
    #[error("a datagram has at most 127 fragments, not {0}")]
    Fragments(usize),
    /// Data that a frame in [`udp_in_tcp`](crate::udp_in_tcp) cannot carry: over 65,535 bytes, or none in a dialect without
    /// empty datagrams.
    #[error("a frame of this kind cannot carry {0} bytes of data")]
    Data(usize),
    /// A domain name of more than 248 bytes, for which HDRLEN of a hev frame is too small.
    #[error("a domain name in a hev frame has at most 248 bytes, not {0}")]
    HevDomain(usize),
}

/// A value that a SOCKS4 request cannot carry: the fault of the caller. Nothing is sent.
///
/// ```
/// use socks5_sansio::socks4::{self, RequestError, UserId};
///
/// let error = socks4::connect("[::1]:80".try_into()?, UserId::EMPTY).unwrap_err();
/// assert_eq!(error, RequestError::Ipv6);
/// # Ok::<(), socks5_sansio::ParseEndpointError>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Error)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum RequestError {
    /// A USERID of more than 255 bytes. Holds its length.
    #[error("a userid has at most 255 bytes, not {0}")]
    UserIdTooLong(usize),
    /// A USERID or a domain name that contains a NUL, which would terminate it early.
    #[error("a userid or a domain name must not contain a NUL")]
    Nul,
    /// An IPv6 address. Some servers accept the address as text in a domain name.
    #[error("socks4 has no ipv6 addresses")]
    Ipv6,
    /// An address of 0.0.0.1 to 0.0.0.255, which would announce a domain name.
    #[error("0.0.0.1 to 0.0.0.255 announce a domain name")]
    Marker,
}

/// Text that is not `HOST:PORT`.
///
/// ```
/// use socks5_sansio::{Endpoint, ParseEndpointError};
///
/// assert_eq!(Endpoint::try_from("example.com"), Err(ParseEndpointError::Port));
/// assert_eq!(Endpoint::try_from("[fe80::1%eth0]:22"), Err(ParseEndpointError::ZoneId));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Error)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum ParseEndpointError {
    /// The text does not end in `:PORT` with a decimal number of 0 to 65535.
    #[error("expected HOST:PORT with a port of 0 to 65535")]
    Port,
    /// The host is empty, contains spaces or control characters, or is a malformed or unbracketed IPv6 address.
    #[error("expected a name, an IPv4 address or an IPv6 address in brackets before the port")]
    Host,
    /// An IPv6 address with a zone id (`%eth0`), which has no meaning on another machine.
    #[error("an IPv6 zone id has no meaning to a proxy")]
    ZoneId,
    /// A name of more than 255 bytes.
    #[error(transparent)]
    Value(#[from] ValueError),
}

/// Lets a function take text and addresses alike: converting an address cannot fail.
impl From<Infallible> for ParseEndpointError {
    fn from(never: Infallible) -> Self {
        match never {}
    }
}

/// A buffer that is too small. Nothing was written to it.
///
/// ```
/// use socks5_sansio::{BufferTooSmall, Encode, Method, MethodSelection};
///
/// let selection = MethodSelection { method: Method::GSSAPI };
/// assert_eq!(selection.encode(&mut [0; 1]), Err(BufferTooSmall { needed: 2 }));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Error)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[error("the buffer is too small: {needed} bytes are needed")]
pub struct BufferTooSmall {
    /// The length needed in bytes.
    pub needed: usize,
}

#[cfg(feature = "std")]
mod io {
    use std::io::{Error, ErrorKind};

    use super::{BufferTooSmall, DecodeError, Invalid, ParseEndpointError, RequestError, ValueError};

    /// The errors of the caller are `InvalidInput`, malformed input is `InvalidData`.
    macro_rules! into_io {
        ($($error:ident => $kind:ident,)*) => {
            $(#[cfg_attr(docsrs, doc(cfg(feature = "std")))]
            impl From<$error> for Error {
                fn from(error: $error) -> Self {
                    Self::new(ErrorKind::$kind, error)
                }
            })*
        };
    }

    into_io! {
        Invalid => InvalidData,
        ValueError => InvalidInput,
        ParseEndpointError => InvalidInput,
        RequestError => InvalidInput,
        BufferTooSmall => InvalidInput,
    }

    /// Malformed input is `InvalidData`, truncated input `UnexpectedEof`.
    #[cfg_attr(docsrs, doc(cfg(feature = "std")))]
    impl From<DecodeError> for Error {
        fn from(error: DecodeError) -> Self {
            match error {
                DecodeError::Invalid(invalid) => invalid.into(),
                DecodeError::Incomplete(_) => Self::new(ErrorKind::UnexpectedEof, error),
            }
        }
    }

    #[cfg(test)]
    mod tests {
        use core::num::NonZeroUsize;

        use super::*;

        #[test]
        fn errors_have_a_kind_by_cause() {
            for (error, kind) in [
                (Error::from(ValueError::Domain(300)), ErrorKind::InvalidInput),
                (ParseEndpointError::Port.into(), ErrorKind::InvalidInput),
                (RequestError::Ipv6.into(), ErrorKind::InvalidInput),
                (BufferTooSmall { needed: 2 }.into(), ErrorKind::InvalidInput),
                (Invalid::EmptyDomain.into(), ErrorKind::InvalidData),
                (DecodeError::Invalid(Invalid::EmptyDomain).into(), ErrorKind::InvalidData),
                (DecodeError::Incomplete(NonZeroUsize::MIN).into(), ErrorKind::UnexpectedEof),
            ] {
                assert_eq!(error.kind(), kind, "{error}");
            }
        }
    }
}
