//! Messages that `Arbitrary` makes: each can be encoded, and decodes to an equal message.

use core::fmt::Debug;

use arbitrary::{Arbitrary, Unstructured};
use socks5_sansio::udp_in_tcp::{GostDatagram, HevDatagram, UotConnectDatagram, UotDatagram, UotRequest};
use socks5_sansio::{
    Decode, Endpoint, EndpointBuf, GssapiMessage, MethodOffer, MethodSelection, ProtectionLevel, Reply, Request,
    UdpHeader, UserPass, UserPassBuf, UserPassStatus, ValueError, socks4,
};

use super::decoders::encoded;

/// The value that `Arbitrary` makes of the bytes, unless they are too few or a check fails.
fn made<'a, T: Arbitrary<'a>>(bytes: &'a [u8]) -> Option<T> {
    Unstructured::new(bytes).arbitrary().ok()
}

/// Decodes what was encoded, with other bytes after it.
macro_rules! round_trip {
    ($message:expr, $Message:ty, $bytes:expr) => {
        let bytes = $bytes;
        assert!(bytes.len() <= <$Message>::MAX_LEN);
        assert_eq!(<$Message>::decode(&[&*bytes, b"after"].concat()), Ok(($message, bytes.len())));
    };
}

macro_rules! messages {
    ($bytes:ident: $($Message:ty),*) => {
        $(if let Some(message) = made::<$Message>($bytes) {
            round_trip!(message, $Message, encoded(&message));
        })*
    };
}

macro_rules! datagrams {
    ($bytes:ident: $($Datagram:ty),*) => {
        $(if let Some(datagram) = made::<$Datagram>($bytes) {
            match datagram.frame() {
                Ok(frame) => { round_trip!(datagram, $Datagram, encoded(&frame)); }
                Err(error) => assert!(matches!(error, ValueError::Data(0) | ValueError::HevDomain(249..)), "{datagram:?}"),
            }
        })*
    };
}

/// Every message, made of the same bytes.
pub fn messages(bytes: &[u8]) {
    messages!(bytes: MethodOffer<'_>, MethodSelection, UserPass<'_>, UserPassStatus, GssapiMessage<'_>);
    messages!(bytes: Endpoint<'_>, Request<'_>, Reply<'_>, UotRequest<'_>, socks4::Request<'_>, socks4::Reply);
    datagrams!(bytes: HevDatagram<'_>, GostDatagram<'_>, UotDatagram<'_>, UotConnectDatagram<'_>);
    if let Some(header) = made::<UdpHeader<'_>>(bytes) {
        assert_eq!(UdpHeader::split(&[&*encoded(&header), b"data"].concat()), Ok((header, b"data".as_slice())));
    }
    owned::<EndpointBuf, Endpoint<'_>>(bytes);
    owned::<UserPassBuf, UserPass<'_>>(bytes);
    if let (Some(request), Some(reply)) = (made(bytes), made(bytes)) {
        together(request, reply, bytes);
    }
    let level = made::<ProtectionLevel>(bytes);
    assert_eq!(level, Some(ProtectionLevel(bytes.first().copied().unwrap_or_default())));
}

/// The owned and the borrowed type make the same value of the bytes.
fn owned<'a, O, B>(bytes: &'a [u8])
where
    O: Arbitrary<'a> + From<B> + PartialEq + Debug,
    B: Arbitrary<'a>,
{
    assert_eq!(made::<O>(bytes), made::<B>(bytes).map(O::from));
}

/// Messages that are encoded together are encoded one after another.
fn together(request: Request<'_>, reply: Reply<'_>, bytes: &[u8]) {
    let (first, second) = (encoded(&request), encoded(&reply));
    assert_eq!(encoded(bytes), bytes);
    assert_eq!(encoded(&(request, reply)), [&*first, &second].concat());
    assert_eq!(encoded(&(request, None::<Reply<'_>>, reply)), [&*first, &second].concat());
    assert_eq!(encoded(&(Some(request), reply, request)), [&*first, &second, &first].concat());
}
