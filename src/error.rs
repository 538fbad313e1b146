//! What can go wrong with a message, sorted by whose fault it is.
//!
//! | culprit | error |
//! |---|---|
//! | nobody: the rest has not arrived yet | [`DecodeError::Incomplete`] |
//! | the peer: these octets are not SOCKS5 | [`Invalid`] |
//! | the caller: a value that no message can carry | [`ValueError`], [`ParseEndpointError`] |
//! | the caller: a buffer with too little room | [`BufferTooSmall`] |
//!
//! What can go wrong with a conversation is in [`server::Error`](crate::server::Error) and
//! [`client::Error`](crate::client::Error). All of them are `Copy`, and none allocates.

use core::num::NonZeroUsize;

use thiserror::Error;

/// Why [`decode`](crate::wire::Message::decode) gave no message.
///
/// ```
/// use socks5_sansio::{DecodeError, Invalid, Message, MethodSelection};
///
/// let Err(DecodeError::Incomplete(missing)) = MethodSelection::decode(&[5]) else { panic!() };
/// assert_eq!(missing.get(), 1);
/// assert_eq!(MethodSelection::decode(b"H"), Err(DecodeError::Invalid(Invalid::Version(b'H'))));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Error)]
pub enum DecodeError {
    /// The message goes on behind the input, by at least this many octets.
    ///
    /// A reader that reads exactly as many as it is told never reads past the message.
    #[error("at least {0} more octets are needed")]
    Incomplete(NonZeroUsize),
    /// No octets that could follow would make it a message.
    #[error(transparent)]
    Invalid(#[from] Invalid),
}

/// The peer's octets are not what the RFC allows.
///
/// ```
/// use socks5_sansio::Invalid;
///
/// assert_eq!(Invalid::Version(4).to_string(), "protocol version 0x04 is not 0x05");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Error)]
#[non_exhaustive]
pub enum Invalid {
    /// The first octet is not 05 (RFC 1928 sections 3, 4 and 6). 04 is SOCKS4; a letter is likely HTTP.
    #[error("protocol version {0:#04x} is not 0x05")]
    Version(u8),
    /// The first octet of a username/password message is not 01 (RFC 1929 section 2).
    #[error("username/password version {0:#04x} is not 0x01")]
    UserPassVersion(u8),
    /// The first octet of a GSSAPI message is not 01 (RFC 1961 section 3.4).
    #[error("gssapi version {0:#04x} is not 0x01")]
    GssapiVersion(u8),
    /// A GSSAPI message type other than 01, 02, 03 and FF (RFC 1961 sections 3 to 5).
    #[error("gssapi message type {0:#04x} is not known")]
    GssapiMessageType(u8),
    /// An ATYP other than 01, 03 and 04 (RFC 1928 section 5): where the address ends cannot be known.
    #[error("address type {0:#04x} is not known")]
    AddressType(u8),
    /// A domain name of length 0 (RFC 1928 section 5).
    #[error("the domain name is empty")]
    EmptyDomain,
    /// A datagram that ends inside its header (RFC 1928 section 7). A datagram has no rest to wait for.
    #[error("the datagram ends inside its header")]
    Truncated,
}

/// A value that does not fit the length octets of its field. Carries the length it has.
///
/// ```
/// use socks5_sansio::{Domain, ValueError};
///
/// assert_eq!(Domain::new(&[b'a'; 300]), Err(ValueError::Domain(300)));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Error)]
#[non_exhaustive]
pub enum ValueError {
    /// A domain name not of 1 to 255 octets (RFC 1928 section 5).
    #[error("a domain name has 1 to 255 octets, not {0}")]
    Domain(usize),
    /// More methods than 255 (RFC 1928 section 3).
    #[error("an offer has at most 255 methods, not {0}")]
    Methods(usize),
    /// A username of more than 255 octets (RFC 1929 section 2).
    #[error("a username has at most 255 octets, not {0}")]
    Username(usize),
    /// A password of more than 255 octets (RFC 1929 section 2).
    #[error("a password has at most 255 octets, not {0}")]
    Password(usize),
    /// A GSSAPI token of more than 65,535 octets (RFC 1961 section 3.4).
    #[error("a gssapi token has at most 65535 octets, not {0}")]
    Token(usize),
    /// Data that would be cut into more than 127 fragments (RFC 1928 section 7).
    #[error("a datagram has at most 127 fragments, not {0}")]
    Fragments(usize),
}

/// The text is not `HOST:PORT`.
///
/// ```
/// use socks5_sansio::{Endpoint, ParseEndpointError};
///
/// assert_eq!(Endpoint::try_from("example.com"), Err(ParseEndpointError::Port));
/// assert_eq!(Endpoint::try_from("[fe80::1%eth0]:22"), Err(ParseEndpointError::ZoneId));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Error)]
#[non_exhaustive]
pub enum ParseEndpointError {
    /// There is no `:PORT` at the end, or it is not a decimal number of 0 to 65535.
    #[error("expected HOST:PORT with a port of 0 to 65535")]
    Port,
    /// The host is empty, has spaces or control characters, or is a malformed or unbracketed IPv6 address.
    #[error("expected a name, an IPv4 address or an IPv6 address in brackets before the port")]
    Host,
    /// An IPv6 address with a zone id (`%eth0`): it means nothing on another machine.
    #[error("an IPv6 zone id means nothing to a proxy")]
    ZoneId,
    /// A name of more than 255 octets.
    #[error(transparent)]
    Value(#[from] ValueError),
}

/// The caller's mistakes are `InvalidInput`.
#[cfg(feature = "std")]
macro_rules! invalid_input {
    ($($error:ident)*) => {
        $(#[cfg_attr(docsrs, doc(cfg(feature = "std")))]
        impl From<$error> for std::io::Error {
            fn from(error: $error) -> Self {
                Self::new(std::io::ErrorKind::InvalidInput, error)
            }
        })*
    };
}

#[cfg(feature = "std")]
invalid_input! { ValueError ParseEndpointError BufferTooSmall }

/// The buffer cannot hold the message. Nothing was written.
///
/// ```
/// use socks5_sansio::{BufferTooSmall, Message, Method, MethodSelection};
///
/// let selection = MethodSelection { method: Method::NONE };
/// assert_eq!(selection.encode(&mut [0; 1]), Err(BufferTooSmall { needed: 2 }));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Error)]
#[error("the buffer has room for less than the {needed} octets needed")]
pub struct BufferTooSmall {
    /// The length of the message in octets.
    pub needed: usize,
}

#[cfg(all(test, feature = "std"))]
mod tests {
    use std::io::{self, ErrorKind};

    use super::*;

    #[test]
    fn the_callers_mistakes_are_invalid_input() {
        for error in [
            io::Error::from(ValueError::Domain(300)),
            io::Error::from(ParseEndpointError::Port),
            io::Error::from(BufferTooSmall { needed: 2 }),
        ] {
            assert_eq!(error.kind(), ErrorKind::InvalidInput);
        }
    }
}
