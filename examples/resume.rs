//! A handshake that is dropped and taken up again, as often as a `select!` has something else to do: nothing is lost, and
//! nothing is said twice.
//!
//! ```text
//! cargo run --example resume
//! ```
//!
//! Whoever drops a future drops its local variables. So:
//!
//! - What is known, read or still to be said lives in [`Handshake`], whose futures hold nothing but a borrow of it.
//! - Between a moment that is taken out and the next that is put back, there is no `await`.
//! - What is awaited has done nothing where it did not finish, or has written down how far it came: `read_buf` and
//!   `write_all_buf`, but not `read_exact` and `write_all`.

use std::future::ready;
use std::io::{self, ErrorKind};
use std::mem::replace;

use bytes::{Buf, BytesMut};
use socks5_sansio::client::{self, Client};
use socks5_sansio::server::{Chosen, Respond, Server, Step};
use socks5_sansio::{Endpoint, EndpointBuf, Method, Reply, ReplyCode, Request, UserPass};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, DuplexStream, duplex, split};
use tokio::task::yield_now;
use tokio::{join, select};

/// A server's side of the conversation, and the octets that it is about.
struct Handshake {
    moment: Moment,
    /// What has come and is not used; behind the request, the application's.
    input: BytesMut,
    /// What is not sent.
    output: BytesMut,
}

enum Moment {
    Negotiating(Server),
    /// The last word is in the output, and this is what it is about.
    Failing(io::Error),
    /// The request has been handed out, or the failure.
    Over,
}

/// The destination, which outlives the input, and the permit to answer.
type Asked = (EndpointBuf, Respond);

impl Handshake {
    fn new() -> Self {
        let input = BytesMut::with_capacity(Server::INPUT_MAX_LEN);
        Self { moment: Moment::Negotiating(Server::new()), input, output: BytesMut::new() }
    }

    /// Waits for the request. If this is dropped, the next call goes on where it was.
    async fn request(&mut self, stream: &mut (impl AsyncRead + AsyncWrite + Unpin)) -> io::Result<Asked> {
        loop {
            self.flush(stream).await?;
            match (self.turn(), &self.moment) {
                (Some(outcome), _) => return outcome,
                (None, Moment::Negotiating(server)) if self.output.is_empty() => {
                    if stream.read_buf(&mut self.input).await? == 0 {
                        return Err(server.end(&self.input).into());
                    }
                }
                (None, _) => {}
            }
        }
    }

    /// Sends what is not sent. If this is dropped, the next call goes on where it was.
    async fn flush(&mut self, stream: &mut (impl AsyncWrite + Unpin)) -> io::Result<()> {
        stream.write_all_buf(&mut self.output).await
    }

    fn say(&mut self, octets: &[u8]) {
        self.output.extend_from_slice(octets);
    }

    /// The next message, if it is whole. Where nothing comes of it yet, there is something to send, or more to read.
    fn turn(&mut self) -> Option<io::Result<Asked>> {
        let server = match replace(&mut self.moment, Moment::Over) {
            Moment::Negotiating(server) => server,
            Moment::Failing(why) => return Some(Err(why)),
            Moment::Over => return Some(Err(ErrorKind::NotConnected.into())),
        };
        let (used, step) = match server.read(&self.input) {
            Ok(read) => read,
            Err(error) => {
                self.say(error.parting());
                self.moment = Moment::Failing(error.into());
                return None;
            }
        };
        let (answer, next) = match step {
            Step::NeedMore(server, _) => {
                self.moment = Moment::Negotiating(server);
                return None;
            }
            Step::Methods(_, permit) => match permit.choose(&[Method::USERNAME_PASSWORD]) {
                Chosen::Continue(answer, server) => (answer, Moment::Negotiating(server)),
                Chosen::Refused(answer) | Chosen::SubNegotiate(answer, _) => (answer, Moment::Failing(refused())),
            },
            Step::UserPass(given, permit) if given.verify(&credentials()) => {
                let (answer, server) = permit.accept();
                (answer, Moment::Negotiating(server))
            }
            Step::UserPass(_, permit) => (permit.reject(), Moment::Failing(refused())),
            Step::Bind(_, permit) => (permit.refuse(ReplyCode::COMMAND_NOT_SUPPORTED), Moment::Failing(refused())),
            Step::Request(request, permit) => {
                let destination = request.destination.into();
                self.input.advance(used);
                return Some(Ok((destination, permit)));
            }
        };
        self.input.advance(used);
        self.say(&answer);
        self.moment = next;
        None
    }
}

fn refused() -> io::Error {
    ErrorKind::PermissionDenied.into()
}

fn credentials() -> UserPass<'static> {
    UserPass::new("alice", "s3cret").expect("neither is too long")
}

const DESTINATION: &str = "example.com:80";
const EARLY: &[u8] = b"what the client does not wait to say";
const LATE: &[u8] = b"what it is told in the end";

#[tokio::main(flavor = "current_thread")]
async fn main() -> io::Result<()> {
    let mut dropped = 0;
    for len in 1..=100 {
        dropped += converse(len).await?;
    }
    println!("100 handshakes, whose futures were dropped {dropped} times: every octet came, and once");
    Ok(())
}

/// One conversation through a pipe that takes so many octets at a time. Returns how often a future was dropped.
async fn converse(len: usize) -> io::Result<usize> {
    let (near, mut far) = duplex(len);
    let client = tokio::spawn(speak_and_listen(near));

    let (mut handshake, mut dropped) = (Handshake::new(), 0);
    let (destination, permit) = loop {
        select! {
            biased;
            asked = handshake.request(&mut far) => break asked?,
            () = ready(()) => dropped += 1, // a tick, a message, a signal: whatever comes first
        }
        yield_now().await;
    };
    assert_eq!(destination.to_string(), DESTINATION);
    handshake.say(&permit.reply(&Reply::succeeded(Endpoint::UNSPECIFIED)));
    handshake.say(LATE);
    loop {
        select! {
            biased;
            flushed = handshake.flush(&mut far) => break flushed?,
            () = ready(()) => dropped += 1,
        }
        yield_now().await;
    }

    let mut early = handshake.input.to_vec();
    far.read_to_end(&mut early).await?;
    assert_eq!(early, EARLY);
    drop(far);
    client.await??;
    assert!(dropped > 0);
    Ok(dropped)
}

/// A client that says everything at once, and listens meanwhile.
async fn speak_and_listen(stream: DuplexStream) -> io::Result<()> {
    let request = Request::connect(Endpoint::try_from(DESTINATION)?);
    let mut flight = vec![0; Client::OPTIMISTIC_MAX_LEN];
    let (len, client) = Client::optimistic(Some(&credentials()), &request, &mut flight)?;
    flight.truncate(len);
    flight.extend_from_slice(EARLY);

    let (mut reading, mut writing) = split(stream);
    let mut heard = Vec::new();
    let speaking = async {
        writing.write_all(&flight).await?;
        writing.shutdown().await
    };
    let (spoken, listened) = join!(speaking, reading.read_to_end(&mut heard));
    spoken.and(listened)?;
    assert_eq!(heard[..4], [5, 2, 1, 0]);
    let (used, client::Step::Reply(..)) = client.read(&heard)? else { panic!("{heard:?} is no reply") };
    assert_eq!(&heard[used..], LATE);
    Ok(())
}
