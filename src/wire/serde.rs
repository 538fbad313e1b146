//! The feature `serde`: endpoints as text, codes as numbers.

use core::fmt;

use ::serde::de::{Error as DeserializeError, Visitor};
use ::serde::ser::Error as _;
use ::serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::{
    Address, Command, Endpoint, EndpointBuf, Fragment, Method, ProtectionLevel, ReplyCode, UserPassStatus, socks4,
};

macro_rules! as_numbers {
    ($($Code:ty)*) => {
        $(#[cfg_attr(docsrs, doc(cfg(feature = "serde")))]
        impl Serialize for $Code {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                self.0.serialize(serializer)
            }
        }

        #[cfg_attr(docsrs, doc(cfg(feature = "serde")))]
        impl<'de> Deserialize<'de> for $Code {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                u8::deserialize(deserializer).map(Self)
            }
        })*
    };
}

as_numbers! { Command Fragment Method ProtectionLevel ReplyCode UserPassStatus socks4::ReplyCode }

/// As `HOST:PORT`, which is deserialized to an equal endpoint. A name that has no such text is an error: one that is not UTF-8, one
/// that contains spaces, control characters, colons or brackets, and an address literal, which
/// [`canonical`](Endpoint::canonical) turns into an address.
#[cfg_attr(docsrs, doc(cfg(feature = "serde")))]
impl Serialize for EndpointBuf {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let endpoint = self.as_endpoint();
        match endpoint.address {
            Address::Ipv4(_) | Address::Ipv6(_) => serializer.collect_str(&endpoint),
            Address::Domain(name) => match core::str::from_utf8(name.as_bytes()) {
                Ok(host) if Endpoint::try_from((host, endpoint.port)) == Ok(endpoint) => {
                    serializer.collect_str(&format_args!("{host}:{}", endpoint.port))
                }
                _ => Err(S::Error::custom("the domain name cannot be written as HOST:PORT")),
            },
        }
    }
}

/// From `HOST:PORT`, as [`FromStr`](core::str::FromStr).
#[cfg_attr(docsrs, doc(cfg(feature = "serde")))]
impl<'de> Deserialize<'de> for EndpointBuf {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_str(Text)
    }
}

struct Text;

impl Visitor<'_> for Text {
    type Value = EndpointBuf;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("HOST:PORT")
    }

    fn visit_str<E: DeserializeError>(self, text: &str) -> Result<EndpointBuf, E> {
        text.parse().map_err(E::custom)
    }
}
