//! A proxy in one thread, without a runtime: however many connections, each a small enum of moments between two turns.
//!
//! ```text
//! cargo run --example event_loop                      thousands of connections through it, and a line about them
//! cargo run --example event_loop -- 127.0.0.1:1080    a proxy, until it is stopped
//! ```
//!
//! It connects to addresses only: a resolver would block, and is another thread's business. Deadlines are left out as
//! well: they are a heap beside the connections, and the timeout of `poll`.
//!
//! | file | what it shows |
//! |---|---|
//! | `main.rs` | the loop, and a connection's moments |
//! | `pipe.rs` | octets from one socket to another, as far as both are ready |
//! | `crowd.rs` | the clients, and the target of them all |

mod crowd;
mod pipe;

use std::collections::{BTreeSet, HashMap};
use std::io::{self, ErrorKind};
use std::mem::{replace, take};
use std::time::Duration;

use mio::net::{TcpListener, TcpStream};
use mio::{Events, Interest, Poll, Registry, Token};
use pipe::Pipe;
use socket2::SockRef;
use socks5_sansio::server::{Chosen, Respond, Server, Step};
use socks5_sansio::{Command, Method, Reply, ReplyCode, Request};

/// What is kept of a connection between two turns.
struct Connection {
    client: TcpStream,
    moment: Moment,
    /// From the client. What is left behind its request is the target's already.
    up: Pipe,
    /// To the client: answers, then what the target says.
    down: Pipe,
}

enum Moment {
    /// The client says what it wants.
    Negotiating(Server),
    /// The target has not answered yet. The permit tells the client when it has.
    Connecting(TcpStream, Respond),
    Relaying(TcpStream),
    /// After a refusal. What the client sends on is read, else its reset may overtake the answer.
    Leaving,
}

/// What the protocol needs beside the sockets: a word at most.
const _: () = assert!(size_of::<Moment>() <= size_of::<TcpStream>() + size_of::<usize>());
/// A pipe has room for whatever is missing.
const _: () = assert!(Server::INPUT_MAX_LEN <= pipe::MAX_LEN);

fn main() -> io::Result<()> {
    if let Some(address) = std::env::args().nth(1) {
        let listener = TcpListener::bind(address.parse().map_err(io::Error::other)?)?;
        println!("listening on {}", listener.local_addr()?);
        return serve(listener);
    }
    crowd::run(serve)?;
    println!("between turns, a connection is {} octets and what is on its way", size_of::<Connection>());
    Ok(())
}

fn serve(mut listener: TcpListener) -> io::Result<()> {
    // A connection's two sockets share its token. No token is given out twice.
    let mut tokens = (0..).map(Token);
    let mut connections = HashMap::new();
    // Who has moved may have more to do, and no event will say so. The others have their turns in between.
    let mut busy = BTreeSet::new();
    let (mut events, mut buffer) = (Events::with_capacity(1024), [0; pipe::MAX_LEN]);
    let mut poll = Poll::new()?;
    poll.registry().register(&mut listener, Token(usize::MAX), Interest::READABLE)?;
    loop {
        match poll.poll(&mut events, (!busy.is_empty()).then_some(Duration::ZERO)) {
            Err(error) if error.kind() != ErrorKind::Interrupted => return Err(error),
            _ => busy.extend(events.iter().map(|event| event.token())),
        }
        // Whatever the events are: what failed for want of a descriptor is not announced again.
        while let (Ok((client, _)), Some(token)) = (listener.accept(), tokens.next()) {
            connections.insert(token, Connection::new(client, poll.registry(), token)?);
        }
        for token in take(&mut busy) {
            let Some(connection) = connections.get_mut(&token) else { continue };
            match connection.turn(poll.registry(), token, &mut buffer) {
                Ok(_) if connection.is_over() => drop(connections.remove(&token)),
                Ok(true) => _ = busy.insert(token),
                Ok(false) => {}
                Err(_) => drop(connections.remove(&token).map(Connection::break_off)),
            }
        }
    }
}

impl Connection {
    fn new(mut client: TcpStream, registry: &Registry, token: Token) -> io::Result<Self> {
        registry.register(&mut client, token, Interest::READABLE | Interest::WRITABLE)?;
        let moment = Moment::Negotiating(Server::new());
        Ok(Self { client, moment, up: Pipe::default(), down: Pipe::default() })
    }

    /// Does once what can be done without waiting. Returns whether there was anything.
    fn turn(&mut self, registry: &Registry, token: Token, buffer: &mut [u8]) -> io::Result<bool> {
        let mut moved = self.up.fill(&self.client, buffer)?;
        match replace(&mut self.moment, Moment::Leaving) {
            Moment::Negotiating(server) => moved |= self.negotiate(server, |to| connect(to, registry, token))?,
            Moment::Connecting(target, permit) => moved |= self.answer(target, permit)?,
            Moment::Relaying(target) => {
                moved |= self.up.drain(&target)? | self.down.fill(&target, buffer)?;
                self.moment = Moment::Relaying(target);
            }
            Moment::Leaving => {
                self.up.octets.clear();
                self.down.ended = true;
            }
        }
        Ok(self.down.drain(&self.client)? | moved)
    }

    /// Takes the client's next message, if it is whole.
    fn negotiate(
        &mut self,
        server: Server,
        connect: impl FnOnce(&Request<'_>) -> Result<TcpStream, ReplyCode>,
    ) -> io::Result<bool> {
        let (used, step) = match server.read(&self.up.octets) {
            Ok(read) => read,
            Err(error) => return Ok(self.say(error.parting(), Moment::Leaving)),
        };
        let (answer, next) = match step {
            Step::NeedMore(server, _) if self.up.ended => return Err(server.end(&self.up.octets).into()),
            Step::NeedMore(server, _) => {
                self.moment = Moment::Negotiating(server);
                return Ok(false);
            }
            Step::Methods(_, permit) => match permit.choose(&[Method::NONE]) {
                Chosen::Continue(answer, server) => (answer, Moment::Negotiating(server)),
                Chosen::Refused(answer) | Chosen::SubNegotiate(answer, _) => (answer, Moment::Leaving),
            },
            Step::UserPass(_, permit) => (permit.reject(), Moment::Leaving),
            Step::Bind(_, permit) => (permit.refuse(ReplyCode::COMMAND_NOT_SUPPORTED), Moment::Leaving),
            Step::Request(request, permit) => match connect(&request) {
                Ok(target) => {
                    self.up.octets.drain(..used);
                    return Ok(self.say(&[], Moment::Connecting(target, permit)));
                }
                Err(code) => (permit.refuse(code), Moment::Leaving),
            },
        };
        self.up.octets.drain(..used);
        Ok(self.say(&answer, next))
    }

    /// Tells the client how connecting went, if that is known.
    fn answer(&mut self, target: TcpStream, permit: Respond) -> io::Result<bool> {
        Ok(match is_connected(&target) {
            Ok(false) => {
                self.moment = Moment::Connecting(target, permit);
                false
            }
            Ok(true) => {
                let reply = Reply::succeeded(target.local_addr()?.into());
                self.say(&permit.reply(&reply), Moment::Relaying(target))
            }
            Err(error) => self.say(&permit.refuse(ReplyCode::from(&error)), Moment::Leaving),
        })
    }

    fn say(&mut self, answer: &[u8], next: Moment) -> bool {
        self.down.octets.extend_from_slice(answer);
        self.moment = next;
        true
    }

    fn is_over(&self) -> bool {
        match self.moment {
            Moment::Negotiating(_) | Moment::Connecting(..) => false,
            Moment::Relaying(_) => self.up.passed_on && self.down.passed_on,
            Moment::Leaving => self.up.ended && self.down.passed_on,
        }
    }

    /// With a reset to both sides: an orderly end would pass for all there was.
    fn break_off(self) {
        let target = match &self.moment {
            Moment::Connecting(target, _) | Moment::Relaying(target) => Some(target),
            Moment::Negotiating(_) | Moment::Leaving => None,
        };
        for stream in [Some(&self.client), target].into_iter().flatten() {
            let _ = SockRef::from(stream).set_linger(Some(Duration::ZERO));
        }
    }
}

fn connect(request: &Request<'_>, registry: &Registry, token: Token) -> Result<TcpStream, ReplyCode> {
    if request.command != Command::CONNECT {
        return Err(ReplyCode::COMMAND_NOT_SUPPORTED);
    }
    let address = request.destination.canonical().to_socket_addr().ok_or(ReplyCode::HOST_UNREACHABLE)?;
    let connecting = TcpStream::connect(address).and_then(|mut target| {
        registry.register(&mut target, token, Interest::READABLE | Interest::WRITABLE)?;
        Ok(target)
    });
    connecting.map_err(|error| ReplyCode::from(&error))
}

fn is_connected(target: &TcpStream) -> io::Result<bool> {
    match (target.take_error()?, target.peer_addr()) {
        (Some(error), _) => Err(error),
        (None, Ok(_)) => Ok(true),
        (None, Err(error)) if error.kind() == ErrorKind::NotConnected => Ok(false),
        (None, Err(error)) => Err(error),
    }
}
