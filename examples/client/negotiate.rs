//! The driver: octets from a socket into [`Client::read`], and what its permits give back to the socket.
//!
//! It reads as many octets as it is told are missing, and never more: what comes behind the reply stays in the socket.

use std::io::{self, ErrorKind, Read, Write};
use std::net::TcpStream;
use std::num::NonZeroUsize;

use socks5_sansio::client::{Client, Step};
use socks5_sansio::{Method, MethodOffer, Reply, Request, UserPass};

/// What the client wants of the proxy, and what it can show for it.
pub struct Wish<'a> {
    pub credentials: Option<UserPass<'a>>,
    pub request: Request<'a>,
}

impl Wish<'_> {
    /// Offers what it can; the rest is said when the proxy has answered.
    pub fn offer(&self, stream: &mut TcpStream) -> io::Result<Client> {
        let (offer, client) = match self.credentials {
            Some(_) => Client::new(&MethodOffer::of(&[Method::NONE, Method::USERNAME_PASSWORD])),
            None => Client::new(&MethodOffer::of(&[Method::NONE])),
        };
        stream.write_all(&offer)?;
        Ok(client)
    }

    /// Says everything at once.
    pub fn say_all(&self, stream: &mut TcpStream) -> io::Result<Client> {
        let mut flight = [0; Client::OPTIMISTIC_MAX_LEN];
        let (len, client) = Client::optimistic(self.credentials.as_ref(), &self.request, &mut flight)?;
        stream.write_all(&flight[..len])?;
        Ok(client)
    }

    /// Says what is still to be said, and listens until the proxy has given its last reply.
    pub fn converse(
        &self,
        stream: &mut TcpStream,
        mut client: Client,
        mut on_reply: impl FnMut(&Reply<'_>),
    ) -> io::Result<()> {
        let mut buffer = Vec::new();
        let mut start = 0;
        loop {
            let (used, step) = client.read(&buffer[start..])?;
            start += used;
            client = match step {
                Step::NeedMore(client, missing) => match read_exactly(stream, missing, &mut buffer)? {
                    true => client,
                    false => return Err(client.end(&buffer[start..]).into()),
                },
                Step::UserPass(permit) => {
                    let (octets, client) = permit.send(&self.credentials.ok_or(ErrorKind::PermissionDenied)?);
                    stream.write_all(&octets)?;
                    client
                }
                Step::Request(permit) => {
                    let (octets, client) = permit.send(&self.request);
                    stream.write_all(&octets)?;
                    client
                }
                Step::SubNegotiate(_) => return Err(ErrorKind::Unsupported.into()),
                Step::Reply(reply, next) => {
                    on_reply(&reply);
                    match next {
                        Some(client) => client,
                        None => return Ok(()),
                    }
                }
            };
        }
    }
}

/// Whether all of the octets came before the stream ended.
fn read_exactly(stream: &mut TcpStream, missing: NonZeroUsize, buffer: &mut Vec<u8>) -> io::Result<bool> {
    let read = stream.take(missing.get() as u64).read_to_end(buffer)?;
    Ok(read == missing.get())
}
