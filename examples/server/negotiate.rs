//! The driver: octets from a socket into [`Server::read`], and what its permits give back to the socket.

use std::io::{self, ErrorKind};

use socks5_sansio::server::{Chosen, Listen, Respond, Server, Step};
use socks5_sansio::{Command, EndpointBuf, Method, Request, UserPass};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// A request, and the permit to answer it.
pub struct Asked {
    pub command: Command,
    pub destination: EndpointBuf,
    pub permit: Permit,
    /// What the client sent behind its request.
    pub early: Vec<u8>,
}

/// How a request can be answered: BIND has two replies.
pub enum Permit {
    Respond(Respond),
    Listen(Listen),
}

/// Listens to the client until it has asked for something. With `expected` credentials, it has to give them first.
pub async fn negotiate(stream: &mut TcpStream, expected: Option<UserPass<'_>>) -> io::Result<Asked> {
    let wanted = if expected.is_some() { Method::USERNAME_PASSWORD } else { Method::NONE };
    let (mut buffer, mut start) = (Vec::with_capacity(Server::INPUT_MAX_LEN), 0);
    let mut server = Server::new();
    let (refusal, why) = loop {
        let (used, step) = match server.read(&buffer[start..]) {
            Ok(step) => step,
            Err(error) => return stream.write_all(error.parting()).await.and(Err(error.into())),
        };
        start += used;
        let (answer, next) = match step {
            Step::NeedMore(same, _) => {
                if stream.read_buf(&mut buffer).await? == 0 {
                    return Err(same.end(&buffer[start..]).into());
                }
                server = same;
                continue;
            }
            Step::Methods(_, permit) => match permit.choose(&[wanted]) {
                Chosen::Continue(answer, next) => (answer, next),
                Chosen::Refused(no) | Chosen::SubNegotiate(no, _) => break (no, "it offers no method that will do"),
            },
            Step::UserPass(given, permit) if expected.is_some_and(|expected| given.verify(&expected)) => {
                permit.accept()
            }
            Step::UserPass(_, permit) => break (permit.reject(), "wrong username or password"),
            Step::Request(request, permit) => return Ok(asked(request, Permit::Respond(permit), &buffer[start..])),
            Step::Bind(request, permit) => return Ok(asked(request, Permit::Listen(permit), &buffer[start..])),
        };
        stream.write_all(&answer).await?;
        server = next;
    };
    stream.write_all(&refusal).await.and(Err(io::Error::new(ErrorKind::PermissionDenied, why)))
}

fn asked(request: Request<'_>, permit: Permit, early: &[u8]) -> Asked {
    Asked { command: request.command, destination: request.destination.into(), permit, early: early.to_vec() }
}
