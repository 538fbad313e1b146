//! The driver: octets from a socket into [`Server::read`], and what its permits give back to the socket.

use std::io::{self, ErrorKind};

use socks5_sansio::server::{Chosen, Listen, Respond, Server, Step};
use socks5_sansio::{Command, Method, Request, UserPass};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::connect::Destination;

/// A request, and the permit to answer it.
pub struct Asked {
    pub command: Command,
    pub destination: Destination,
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
    let mut buffer = Vec::with_capacity(Server::INPUT_MAX_LEN);
    let mut start = 0;
    let mut server = Server::new();
    loop {
        let (used, step) = match server.read(&buffer[start..]) {
            Ok(step) => step,
            Err(error) => {
                stream.write_all(error.parting()).await?;
                return Err(error.into());
            }
        };
        start += used;
        server = match step {
            Step::NeedMore(server, _) => match stream.read_buf(&mut buffer).await? {
                0 => return Err(server.end(&buffer[start..]).into()),
                _ => server,
            },
            Step::Methods(_, permit) => match permit.choose(&[wanted]) {
                Chosen::Continue(answer, server) => stream.write_all(&answer).await.and(Ok(server))?,
                Chosen::Refused(answer) | Chosen::SubNegotiate(answer, _) => {
                    return refuse(stream, &answer, "it offers no method that will do").await;
                }
            },
            Step::UserPass(given, permit) if expected.is_some_and(|expected| given.verify(&expected)) => {
                let (answer, server) = permit.accept();
                stream.write_all(&answer).await.and(Ok(server))?
            }
            Step::UserPass(_, permit) => {
                return refuse(stream, &permit.reject(), "wrong username or password").await;
            }
            Step::Request(request, permit) => return Ok(asked(request, Permit::Respond(permit), &buffer[start..])),
            Step::Bind(request, permit) => return Ok(asked(request, Permit::Listen(permit), &buffer[start..])),
        };
    }
}

async fn refuse<T>(stream: &mut TcpStream, answer: &[u8], why: &'static str) -> io::Result<T> {
    stream.write_all(answer).await?;
    Err(io::Error::new(ErrorKind::PermissionDenied, why))
}

fn asked(request: Request<'_>, permit: Permit, early: &[u8]) -> Asked {
    Asked { command: request.command, destination: request.destination.into(), permit, early: early.to_vec() }
}
