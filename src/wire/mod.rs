//! Bytes to messages and back. This layer knows every byte, and nothing about the order of messages.

#[cfg(feature = "arbitrary")]
mod arbitrary;
mod code;
#[cfg(feature = "defmt")]
mod defmt;
mod domain;
mod endpoint;
mod endpoint_buf;
mod frame;
mod gost;
mod gssapi;
mod hev;
mod leaf;
mod message;
mod method;
mod reply;
mod request;
mod runs;
#[cfg(feature = "serde")]
mod serde;
pub(crate) mod socks4;
#[cfg(test)]
mod testing;
mod text;
mod udp;
mod uot;
mod user_pass;
mod user_pass_buf;

pub use self::code::{Command, Method, ProtectionLevel, ReplyCode};
pub use self::domain::Domain;
pub use self::endpoint::{Address, Endpoint, Target};
pub use self::endpoint_buf::EndpointBuf;
pub use self::frame::Frame;
pub use self::gost::GostDatagram;
pub(crate) use self::gssapi::ABORT;
pub use self::gssapi::{GssapiMessage, GssapiToken};
pub use self::hev::HevDatagram;
pub(crate) use self::message::Pieces;
pub use self::message::{Decode, Encode};
pub(crate) use self::method::MethodSet;
pub use self::method::{MethodOffer, MethodSelection};
pub use self::reply::Reply;
pub(crate) use self::reply::encoded_failure;
pub use self::request::Request;
pub use self::runs::{Run, Runs};
pub use self::udp::{Fragment, UdpHeader};
pub use self::uot::{UotConnectDatagram, UotDatagram, UotRequest, UotVersion};
pub use self::user_pass::{UserPass, UserPassStatus};
pub use self::user_pass_buf::UserPassBuf;

/// The first octet of every message of RFC 1928.
pub(crate) const SOCKS5_VERSION: u8 = leaf::SOCKS5.0;
