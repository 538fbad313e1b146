//! Lines of stdin as datagrams inside the connection to the proxy, and the answers as lines of stdout.

use std::io::{self, ErrorKind, Read, Write};
use std::net::TcpStream;
use std::str::FromStr;
use std::thread;

use socks5_sansio::client::{ReceiveReply, SendRequest};
use socks5_sansio::udp_in_tcp::{GostDatagram, HevDatagram, UotConnectDatagram, UotRequest, UotVersion};
use socks5_sansio::{Decode, DecodeError, Encode, Endpoint, EndpointBuf, Inbox, Request, ValueError};

use crate::args::Args;
use crate::datagrams::{TICK, ended, for_each_line, print, receive_until_done};

/// The minimum room for a read.
const READ_LEN: usize = 16 * 1024;

#[derive(Clone, Copy)]
pub enum Dialect {
    Hev,
    Gost,
    /// UDP over TCP 2, with one destination.
    Uot,
}

impl FromStr for Dialect {
    type Err = &'static str;

    fn from_str(name: &str) -> Result<Self, Self::Err> {
        match name {
            "hev" => Ok(Self::Hev),
            "gost" => Ok(Self::Gost),
            "uot" => Ok(Self::Uot),
            _ => Err("not hev, gost or uot"),
        }
    }
}

impl Dialect {
    /// The request. The bound address of its reply has no meaning.
    pub fn ask(self, permit: SendRequest, unspecified: Endpoint<'_>) -> (Request<'_>, ReceiveReply) {
        match self {
            Self::Hev => permit.other(HevDatagram::COMMAND, unspecified),
            Self::Gost => permit.other(GostDatagram::COMMAND, unspecified),
            Self::Uot => permit.connect(UotVersion::V2.destination()),
        }
    }

    /// What is sent once, before the first frame and in the same write.
    fn prelude(self, destination: Endpoint<'_>) -> Option<UotRequest<'_>> {
        matches!(self, Self::Uot).then_some(UotRequest { connect: true, destination })
    }

    fn frame(self, endpoint: Endpoint<'_>, data: &[u8]) -> Result<Vec<u8>, ValueError> {
        match self {
            Self::Hev => HevDatagram { endpoint, data }.frame().map(|frame| frame.to_vec()),
            Self::Gost => GostDatagram::new(endpoint, data).frame().map(|frame| frame.to_vec()),
            Self::Uot => UotConnectDatagram { data }.frame().map(|frame| frame.to_vec()),
        }
    }

    /// The data of the frame at the front, and the length of the frame.
    fn decode(self, input: &[u8]) -> Result<(&[u8], usize), DecodeError> {
        match self {
            Self::Hev => HevDatagram::decode(input).map(|(datagram, used)| (datagram.data, used)),
            Self::Gost => GostDatagram::decode(input).map(|(datagram, used)| (datagram.data, used)),
            Self::Uot => UotConnectDatagram::decode(input).map(|(datagram, used)| (datagram.data, used)),
        }
    }
}

/// Sends and receives after the reply, until stdin has ended and the time for answers is over.
pub fn exchange(stream: &TcpStream, mut inbox: Inbox<Vec<u8>>, dialect: Dialect, args: &Args) -> io::Result<()> {
    stream.set_read_timeout(Some(TICK))?;
    let (sending_stream, to) = (stream.try_clone()?, args.destination.clone());
    let sending = thread::spawn(move || send_stdin(&sending_stream, &to, dialect));
    receive_until_done(sending, args.wait, || receive(stream, &mut inbox, dialect))
}

fn send_stdin(mut stream: &TcpStream, to: &EndpointBuf, dialect: Dialect) -> io::Result<()> {
    let mut prelude = dialect.prelude(to.as_endpoint());
    for_each_line(|line| stream.write_all(&(prelude.take(), dialect.frame(to.as_endpoint(), line)?).to_vec()))
}

fn receive(mut stream: &TcpStream, inbox: &mut Inbox<Vec<u8>>, dialect: Dialect) -> io::Result<()> {
    let missing = loop {
        match dialect.decode(inbox.unread()) {
            Ok((data, used)) => {
                print(data)?;
                inbox.consume(used);
            }
            Err(DecodeError::Incomplete(missing)) => break missing.get(),
            Err(malformed) => return Err(malformed.into()),
        }
    };
    match stream.read(inbox.room(missing.max(READ_LEN))?) {
        Ok(0) => return Err(ended()),
        Ok(len) => inbox.filled(len),
        Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => {}
        Err(error) => return Err(error),
    }
    Ok(())
}
