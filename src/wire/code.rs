//! Codes of one octet. Open: every value is kept as it is, and the assigned ones have names.

use core::fmt;

/// A newtype over an octet with named constants, whose `Display` and `Debug` show the name and the octet.
macro_rules! open_code {
    ($(#[$docs:meta])* $code:ident else $unknown:literal { $($(#[$doc:meta])* $name:ident = $octet:literal, $text:literal;)* }) => {
        $(#[$docs])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $code(pub u8);

        impl $code {
            $($(#[$doc])* pub const $name: Self = Self($octet);)*

            const fn name(self) -> &'static str {
                match self.0 {
                    $($octet => $text,)*
                    _ => $unknown,
                }
            }
        }

        impl fmt::Display for $code {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{} ({:02X})", self.name(), self.0)
            }
        }

        impl fmt::Debug for $code {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{}({:#04X}, {})", stringify!($code), self.0, self.name())
            }
        }

        /// The name and the octet. The name is interned: the log has only its index.
        #[cfg(feature = "defmt")]
        #[cfg_attr(docsrs, doc(cfg(feature = "defmt")))]
        impl defmt::Format for $code {
            fn format(&self, f: defmt::Formatter<'_>) {
                let name = match self.0 {
                    $($octet => defmt::intern!($text),)*
                    _ => defmt::intern!($unknown),
                };
                defmt::write!(f, "{=istr} ({=u8:02X})", name, self.0);
            }
        }

        impl From<u8> for $code {
            fn from(octet: u8) -> Self {
                Self(octet)
            }
        }

        impl From<$code> for u8 {
            fn from(code: $code) -> Self {
                code.0
            }
        }
    };
}

pub(super) use open_code;

open_code! {
    /// An authentication method (RFC 1928 section 3, and the IANA registry "SOCKS Methods"). 80 to FE are for private use.
    ///
    /// ```
    /// use socks5_sansio::Method;
    ///
    /// assert_eq!(Method::USERNAME_PASSWORD, Method(2));
    /// assert_eq!(Method(2).to_string(), "username/password (02)");
    /// assert_eq!(Method(0x97).to_string(), "unassigned method (97)");
    /// ```
    Method else "unassigned method" {
        /// 00: no authentication required.
        NO_AUTHENTICATION = 0x00, "no authentication";
        /// 01: GSSAPI (RFC 1961).
        GSSAPI = 0x01, "GSSAPI";
        /// 02: username and password (RFC 1929).
        USERNAME_PASSWORD = 0x02, "username/password";
        /// 03: challenge-handshake authentication protocol.
        CHAP = 0x03, "CHAP";
        /// 05: challenge-response authentication method.
        CRAM = 0x05, "CRAM";
        /// 06: secure sockets layer.
        SSL = 0x06, "SSL";
        /// 07: NDS authentication.
        NDS = 0x07, "NDS";
        /// 08: multi-authentication framework.
        MAF = 0x08, "MAF";
        /// 09: JSON parameter block.
        JSON_PARAMETER_BLOCK = 0x09, "JSON parameter block";
        /// FF, in a selection: no offered method is acceptable. It cannot be selected as a method, even if it was offered.
        NO_ACCEPTABLE_METHODS = 0xFF, "no acceptable methods";
    }
}

impl Method {
    /// Whether the method is one of 80 to FE, reserved for private use (RFC 1928 section 3).
    ///
    /// ```
    /// use socks5_sansio::Method;
    ///
    /// assert!(Method(0x80).is_private() && Method(0xFE).is_private());
    /// assert!(!Method::NO_ACCEPTABLE_METHODS.is_private());
    /// ```
    #[must_use]
    pub const fn is_private(self) -> bool {
        matches!(self.0, 0x80..=0xFE)
    }
}

open_code! {
    /// The command of a request (RFC 1928 section 4, and Tor's extensions).
    ///
    /// ```
    /// use socks5_sansio::Command;
    ///
    /// assert_eq!(Command(1), Command::CONNECT);
    /// assert_eq!(Command(0x77).to_string(), "unassigned command (77)");
    /// ```
    Command else "unassigned command" {
        /// 01: connect to the destination.
        CONNECT = 0x01, "CONNECT";
        /// 02: listen for a connection from the destination.
        BIND = 0x02, "BIND";
        /// 03: relay UDP datagrams.
        UDP_ASSOCIATE = 0x03, "UDP ASSOCIATE";
        /// F0: Tor, resolve a name.
        RESOLVE = 0xF0, "RESOLVE";
        /// F1: Tor, resolve an address to a name.
        RESOLVE_PTR = 0xF1, "RESOLVE_PTR";
    }
}

open_code! {
    /// The code of a reply (RFC 1928 section 6, and Tor's extended errors).
    ///
    /// With the feature `std` it converts from `&std::io::Error`, and to `std::io::ErrorKind`.
    ///
    /// ```
    /// use socks5_sansio::ReplyCode;
    ///
    /// assert_eq!(ReplyCode(5).to_string(), "connection refused (05)");
    /// assert_eq!(ReplyCode(0x5D).to_string(), "unassigned reply code (5D)");
    /// ```
    ReplyCode else "unassigned reply code" {
        /// 00: succeeded.
        SUCCEEDED = 0x00, "succeeded";
        /// 01: general SOCKS server failure.
        GENERAL_FAILURE = 0x01, "general failure";
        /// 02: connection not allowed by ruleset.
        NOT_ALLOWED = 0x02, "not allowed by ruleset";
        /// 03: network unreachable.
        NETWORK_UNREACHABLE = 0x03, "network unreachable";
        /// 04: host unreachable.
        HOST_UNREACHABLE = 0x04, "host unreachable";
        /// 05: connection refused.
        CONNECTION_REFUSED = 0x05, "connection refused";
        /// 06: TTL expired.
        TTL_EXPIRED = 0x06, "TTL expired";
        /// 07: command not supported.
        COMMAND_NOT_SUPPORTED = 0x07, "command not supported";
        /// 08: address type not supported.
        ADDRESS_TYPE_NOT_SUPPORTED = 0x08, "address type not supported";
        /// F0: Tor, onion service descriptor cannot be found.
        TOR_DESCRIPTOR_NOT_FOUND = 0xF0, "onion service descriptor not found";
        /// F1: Tor, onion service descriptor is invalid.
        TOR_DESCRIPTOR_INVALID = 0xF1, "onion service descriptor invalid";
        /// F2: Tor, onion service introduction failed.
        TOR_INTRODUCTION_FAILED = 0xF2, "onion service introduction failed";
        /// F3: Tor, onion service rendezvous failed.
        TOR_RENDEZVOUS_FAILED = 0xF3, "onion service rendezvous failed";
        /// F4: Tor, onion service requires client authorization.
        TOR_AUTHORIZATION_MISSING = 0xF4, "onion service client authorization missing";
        /// F5: Tor, onion service rejects the client authorization.
        TOR_AUTHORIZATION_WRONG = 0xF5, "onion service client authorization wrong";
        /// F6: Tor, onion address is invalid.
        TOR_INVALID_ADDRESS = 0xF6, "onion service address invalid";
        /// F7: Tor, onion service introduction timed out.
        TOR_INTRODUCTION_TIMED_OUT = 0xF7, "onion service introduction timed out";
    }
}

open_code! {
    /// The protection of everything after GSSAPI's sub-negotiation (RFC 1961 section 4.2).
    ///
    /// ```
    /// use socks5_sansio::ProtectionLevel;
    ///
    /// assert_eq!(ProtectionLevel(2), ProtectionLevel::CONFIDENTIALITY);
    /// assert_eq!(ProtectionLevel(0x77).to_string(), "unassigned protection level (77)");
    /// ```
    ProtectionLevel else "unassigned protection level" {
        /// 00: nothing is encapsulated. Not in the RFC; some clients support no other.
        CLEAR = 0x00, "clear";
        /// 01: per-message integrity.
        INTEGRITY = 0x01, "integrity";
        /// 02: per-message integrity and confidentiality.
        CONFIDENTIALITY = 0x02, "confidentiality";
        /// 03: integrity always, confidentiality selectively, message by message.
        SELECTIVE = 0x03, "selective";
    }
}

/// The reply code for a failure to connect (RFC 1928 section 6).
///
/// | kind of error | reply |
/// |---|---|
/// | `PermissionDenied` | 02 not allowed by ruleset |
/// | `NetworkUnreachable`, `NetworkDown` | 03 network unreachable |
/// | `HostUnreachable` | 04 host unreachable |
/// | `ConnectionRefused` | 05 connection refused |
/// | `TimedOut` | 06 TTL expired |
/// | `Unsupported` | 07 command not supported |
/// | any other | 01 general failure |
///
/// There is no kind for the errors of a resolver: for a name without an address, send
/// [`HOST_UNREACHABLE`](ReplyCode::HOST_UNREACHABLE).
///
/// ```
/// use std::io;
///
/// use socks5_sansio::ReplyCode;
///
/// let error = io::Error::from(io::ErrorKind::ConnectionRefused);
/// assert_eq!(ReplyCode::from(&error), ReplyCode::CONNECTION_REFUSED);
/// ```
#[cfg(feature = "std")]
#[cfg_attr(docsrs, doc(cfg(feature = "std")))]
impl From<&std::io::Error> for ReplyCode {
    fn from(error: &std::io::Error) -> Self {
        use std::io::ErrorKind;
        match error.kind() {
            ErrorKind::PermissionDenied => Self::NOT_ALLOWED,
            ErrorKind::NetworkUnreachable | ErrorKind::NetworkDown => Self::NETWORK_UNREACHABLE,
            ErrorKind::HostUnreachable => Self::HOST_UNREACHABLE,
            ErrorKind::ConnectionRefused => Self::CONNECTION_REFUSED,
            ErrorKind::TimedOut => Self::TTL_EXPIRED,
            ErrorKind::Unsupported => Self::COMMAND_NOT_SUPPORTED,
            _ => Self::GENERAL_FAILURE,
        }
    }
}

/// The kind of error that a direct connection would have had.
///
/// ```
/// use std::io;
///
/// use socks5_sansio::ReplyCode;
///
/// assert_eq!(io::ErrorKind::from(ReplyCode::NETWORK_UNREACHABLE), io::ErrorKind::NetworkUnreachable);
/// assert_eq!(io::ErrorKind::from(ReplyCode(0x5D)), io::ErrorKind::Other);
/// ```
#[cfg(feature = "std")]
#[cfg_attr(docsrs, doc(cfg(feature = "std")))]
impl From<ReplyCode> for std::io::ErrorKind {
    fn from(code: ReplyCode) -> Self {
        match code {
            ReplyCode::NOT_ALLOWED => Self::PermissionDenied,
            ReplyCode::NETWORK_UNREACHABLE => Self::NetworkUnreachable,
            ReplyCode::HOST_UNREACHABLE => Self::HostUnreachable,
            ReplyCode::CONNECTION_REFUSED => Self::ConnectionRefused,
            ReplyCode::TTL_EXPIRED | ReplyCode::TOR_INTRODUCTION_TIMED_OUT => Self::TimedOut,
            ReplyCode::COMMAND_NOT_SUPPORTED | ReplyCode::ADDRESS_TYPE_NOT_SUPPORTED => Self::Unsupported,
            _ => Self::Other,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::string::ToString;

    use super::*;

    #[test]
    fn keeps_unassigned_codes() {
        for octet in 0..=255 {
            assert_eq!(u8::from(Method::from(octet)), octet);
            assert_eq!(u8::from(Command::from(octet)), octet);
            assert_eq!(u8::from(ReplyCode::from(octet)), octet);
            assert_eq!(u8::from(ProtectionLevel::from(octet)), octet);
        }
    }

    #[test]
    fn shows_the_name_and_the_octet() {
        assert_eq!(Method::GSSAPI.to_string(), "GSSAPI (01)");
        assert_eq!(Method(0x0A).to_string(), "unassigned method (0A)");
        assert_eq!(std::format!("{:?}", ReplyCode(5)), "ReplyCode(0x05, connection refused)");
        assert_eq!(Command::UDP_ASSOCIATE.to_string(), "UDP ASSOCIATE (03)");
        assert_eq!(ProtectionLevel::SELECTIVE.to_string(), "selective (03)");
        assert_eq!(ReplyCode::TOR_INTRODUCTION_TIMED_OUT.to_string(), "onion service introduction timed out (F7)");
    }

    #[test]
    fn private_methods_are_80_to_fe() {
        let private = (0..=255).map(Method).filter(|method| method.is_private());
        assert!(private.eq((0x80..=0xFE).map(Method)));
    }

    #[cfg(feature = "std")]
    #[test]
    fn converts_between_codes_and_kinds_of_io_errors() {
        use std::io::{Error, ErrorKind};
        for (kind, code) in [
            (ErrorKind::PermissionDenied, ReplyCode::NOT_ALLOWED),
            (ErrorKind::NetworkUnreachable, ReplyCode::NETWORK_UNREACHABLE),
            (ErrorKind::HostUnreachable, ReplyCode::HOST_UNREACHABLE),
            (ErrorKind::ConnectionRefused, ReplyCode::CONNECTION_REFUSED),
            (ErrorKind::TimedOut, ReplyCode::TTL_EXPIRED),
            (ErrorKind::Unsupported, ReplyCode::COMMAND_NOT_SUPPORTED),
        ] {
            assert_eq!(ReplyCode::from(&Error::from(kind)), code);
            assert_eq!(ErrorKind::from(code), kind);
        }
        assert_eq!(ReplyCode::from(&Error::from(ErrorKind::NetworkDown)), ReplyCode::NETWORK_UNREACHABLE);
        assert_eq!(ReplyCode::from(&Error::from(ErrorKind::Interrupted)), ReplyCode::GENERAL_FAILURE);
        assert_eq!(ErrorKind::from(ReplyCode::TOR_INTRODUCTION_TIMED_OUT), ErrorKind::TimedOut);
        assert_eq!(ErrorKind::from(ReplyCode::COMMAND_NOT_SUPPORTED), ErrorKind::Unsupported);
        assert_eq!(ErrorKind::from(ReplyCode::ADDRESS_TYPE_NOT_SUPPORTED), ErrorKind::Unsupported);
        assert_eq!(ErrorKind::from(ReplyCode::GENERAL_FAILURE), ErrorKind::Other);
    }
}
