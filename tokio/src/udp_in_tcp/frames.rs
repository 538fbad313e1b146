//! The frames of each dialect.

use std::io::{self, ErrorKind};
use std::net::SocketAddr;

use socks5_sansio::udp_in_tcp::{
    Frame, GostDatagram, HevDatagram, UotConnectDatagram, UotDatagram, UotRequest, UotVersion,
};
use socks5_sansio::{Decode, DecodeError, Encode, Endpoint, EndpointBuf, Inbox, ValueError};

use super::Dialect;

/// The format of the next frame.
#[derive(Debug)]
pub(super) enum Frames {
    Hev,
    Gost,
    Uot,
    /// A [`UotRequest`] is next, and decides between `Uot` and `UotConnect`.
    UotRequest,
    UotConnect(Box<EndpointBuf>),
}

/// A destination, and the data for it.
pub(super) type Datagram<'a> = (Endpoint<'a>, &'a [u8]);

impl Frames {
    pub(super) const fn of(dialect: Dialect) -> Self {
        match dialect {
            Dialect::Hev => Self::Hev,
            Dialect::Gost => Self::Gost,
            Dialect::Uot(UotVersion::V1) => Self::Uot,
            Dialect::Uot(UotVersion::V2) => Self::UotRequest,
        }
    }

    /// Returns the datagram of a frame, and the length of what was decoded. A request has no datagram.
    pub(super) fn decode<'a>(&'a mut self, input: &'a [u8]) -> Result<(Option<Datagram<'a>>, usize), DecodeError> {
        match self {
            Self::Hev => {
                let (HevDatagram { endpoint, data }, used) = HevDatagram::decode(input)?;
                Ok((Some((endpoint, data)), used))
            }
            Self::Gost => {
                let (GostDatagram { endpoint, data, .. }, used) = GostDatagram::decode(input)?;
                Ok((Some((endpoint, data)), used))
            }
            Self::Uot => {
                let (UotDatagram { endpoint, data }, used) = UotDatagram::decode(input)?;
                Ok((Some((endpoint, data)), used))
            }
            Self::UotRequest => {
                let (UotRequest { connect, destination }, used) = UotRequest::decode(input)?;
                *self = if connect { Self::UotConnect(Box::new(destination.into())) } else { Self::Uot };
                Ok((None, used))
            }
            Self::UotConnect(destination) => {
                let (UotConnectDatagram { data }, used) = UotConnectDatagram::decode(input)?;
                Ok((Some((destination.as_endpoint(), data)), used))
            }
        }
    }

    /// Appends the frame of an answer, unless the dialect cannot carry it.
    pub(super) fn encode(&self, from: SocketAddr, data: &[u8], outbox: &mut Inbox<Vec<u8>>) -> io::Result<()> {
        let endpoint = Endpoint::from(from).canonical();
        match self {
            Self::Hev => put_frame(outbox, HevDatagram { endpoint, data }.frame()),
            Self::Gost => put_frame(outbox, GostDatagram::new(endpoint, data).frame()),
            Self::Uot => put_frame(outbox, UotDatagram { endpoint, data }.frame()),
            Self::UotConnect(destination) if destination.as_endpoint().canonical() == endpoint => {
                put_frame(outbox, UotConnectDatagram { data }.frame())
            }
            Self::UotRequest | Self::UotConnect(_) => Err(ErrorKind::PermissionDenied.into()),
        }
    }
}

fn put_frame<D>(outbox: &mut Inbox<Vec<u8>>, frame: Result<Frame<D>, ValueError>) -> io::Result<()>
where
    Frame<D>: Encode,
{
    put(outbox, &frame?)
}

/// Appends a message to a buffer.
pub(super) fn put<M: Encode + ?Sized>(buffer: &mut Inbox<Vec<u8>>, message: &M) -> io::Result<()> {
    let len = message.encode(buffer.room(message.encoded_len())?)?;
    buffer.filled(len);
    Ok(())
}
