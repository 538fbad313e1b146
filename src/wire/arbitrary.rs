//! The feature `arbitrary`: values for fuzz targets and property tests, made by the constructors that check them.

use ::arbitrary::{Arbitrary, Error, Result, Unstructured};

use super::socks4;
use super::{
    Address, Command, Domain, Endpoint, EndpointBuf, Fragment, GostDatagram, GssapiMessage, GssapiToken, HevDatagram,
    Method, MethodOffer, MethodSelection, ProtectionLevel, Reply, ReplyCode, Request, UdpHeader, UotConnectDatagram,
    UotDatagram, UotRequest, UserPass, UserPassBuf, UserPassStatus,
};

/// Implements the trait for types whose fields can have any value.
macro_rules! of_fields {
    ($($Type:ty { $($field:tt),* })*) => {
        $(#[cfg_attr(docsrs, doc(cfg(feature = "arbitrary")))]
        impl<'a> Arbitrary<'a> for $Type {
            fn arbitrary(u: &mut Unstructured<'a>) -> Result<Self> {
                Ok(Self { $($field: u.arbitrary()?),* })
            }
        })*
    };
}

of_fields! {
    Command { 0 }
    Fragment { 0 }
    Method { 0 }
    ProtectionLevel { 0 }
    ReplyCode { 0 }
    UserPassStatus { 0 }
    socks4::ReplyCode { 0 }
    Endpoint<'a> { address, port }
    HevDatagram<'a> { endpoint, data }
    MethodSelection { method }
    Reply<'a> { code, bound }
    Request<'a> { command, destination }
    UdpHeader<'a> { fragment, endpoint }
    UotConnectDatagram<'a> { data }
    UotDatagram<'a> { endpoint, data }
    UotRequest<'a> { connect, destination }
    socks4::Reply { code, bound }
}

/// Implements the trait by a function.
macro_rules! by {
    ($($Type:ty => $value:expr;)*) => {
        $(#[cfg_attr(docsrs, doc(cfg(feature = "arbitrary")))]
        impl<'a> Arbitrary<'a> for $Type {
            fn arbitrary(u: &mut Unstructured<'a>) -> Result<Self> {
                let value: fn(&mut Unstructured<'a>) -> Result<Self> = $value;
                value(u)
            }
        })*
    };
}

by! {
    Address<'a> => |u| Ok(match u.int_in_range(0..=2)? {
        0 => Self::Ipv4(u.arbitrary()?),
        1 => Self::Domain(u.arbitrary()?),
        _ => Self::Ipv6(u.arbitrary()?),
    });
    Domain<'a> => |u| valid(Self::new(short(u)?));
    EndpointBuf => |u| Endpoint::arbitrary(u).map(Self::from);
    GostDatagram<'a> => |u| Ok(Self::new(u.arbitrary()?, u.arbitrary()?));
    GssapiMessage<'a> => |u| Ok(match u.int_in_range(0..=3)? {
        0 => Self::Authentication(u.arbitrary()?),
        1 => Self::ProtectionLevel(u.arbitrary()?),
        2 => Self::Encapsulated(u.arbitrary()?),
        _ => Self::Abort,
    });
    GssapiToken<'a> => |u| valid(Self::new(u.arbitrary()?));
    MethodOffer<'a> => |u| valid(Self::new(short(u)?));
    UserPass<'a> => |u| valid(Self::new(short(u)?, short(u)?));
    UserPassBuf => |u| UserPass::arbitrary(u).map(Self::from);
    socks4::Request<'a> => |u| valid(Self::new(u.arbitrary()?, socks4_destination(u)?, u.arbitrary()?));
    socks4::UserId<'a> => |u| valid(Self::new(short(u)?));
}

/// At most 255 bytes, and no more than are left.
fn short<'a>(u: &mut Unstructured<'a>) -> Result<&'a [u8]> {
    let len = usize::from(u.arbitrary::<u8>()?).min(u.len());
    u.bytes(len)
}

/// SOCKS4 has no IPv6 addresses.
fn socks4_destination<'a>(u: &mut Unstructured<'a>) -> Result<Endpoint<'a>> {
    let address = if u.arbitrary()? { Address::Ipv4(u.arbitrary()?) } else { Address::Domain(u.arbitrary()?) };
    Ok(Endpoint { address, port: u.arbitrary()? })
}

fn valid<T, E>(value: core::result::Result<T, E>) -> Result<T> {
    value.or(Err(Error::IncorrectFormat))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn made<'a, T: Arbitrary<'a>>(bytes: &'a [u8]) -> Result<T> {
        Unstructured::new(bytes).arbitrary()
    }

    macro_rules! are_made {
        ($($Message:ty),*) => {
            $(assert!(made::<$Message>(&[1; 64]).is_ok(), stringify!($Message));)*
        };
    }

    #[test]
    fn makes_every_message_from_enough_bytes() {
        are_made!(MethodOffer<'_>, MethodSelection, UserPass<'_>, UserPassBuf, UserPassStatus, GssapiMessage<'_>);
        are_made!(Endpoint<'_>, EndpointBuf, Request<'_>, Reply<'_>, UdpHeader<'_>, socks4::Request<'_>, socks4::Reply);
        are_made!(HevDatagram<'_>, GostDatagram<'_>, UotRequest<'_>, UotDatagram<'_>, UotConnectDatagram<'_>);
    }

    #[test]
    fn makes_only_what_the_constructors_accept() {
        assert_eq!(made::<Domain<'_>>(&[]).err(), Some(Error::IncorrectFormat));
        assert_eq!(made::<socks4::UserId<'_>>(b"\x03a\0b").err(), Some(Error::IncorrectFormat));
    }
}
