//! A proxy in one thread, without a runtime: for each connection, a small enum of states between two turns of the loop.
//!
//! ```text
//! cargo run -p socks5-sansio-event-loop                      thousands of connections through it, and a line about them
//! cargo run -p socks5-sansio-event-loop -- 127.0.0.1:1080    a proxy, until it is stopped
//! ```
//!
//! It connects to addresses only, as a resolver would block. Deadlines are left out as well: they are a heap beside the
//! connections, and the timeout of `poll`.
//!
//! | file | what it shows |
//! |---|---|
//! | `main.rs` | the loop, and the states of a connection |
//! | `pipe.rs` | bytes from one socket to another, as far as both are ready |
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
use socks5_sansio::server::{Asked, INPUT_MAX_LEN, ReceiveOffer, ReceiveRequest, Respond};
use socks5_sansio::{Endpoint, Polled, ReplyCode};

struct Connection {
    client: TcpStream,
    state: State,
    /// From the client. After the request, its unread bytes are for the target.
    up: Pipe,
    /// To the client: messages, then the bytes of the target.
    down: Pipe,
}

enum State {
    Offer(ReceiveOffer),
    Request(ReceiveRequest),
    /// The connection to the target is not established yet.
    Connecting(TcpStream, Respond),
    Relaying(TcpStream),
    /// After a refusal. Closing with unread input would reset the connection, and the client might not see the refusal.
    Closing,
}

/// Beside the sockets, the protocol needs one word at most.
const _: () = assert!(size_of::<State>() <= size_of::<TcpStream>() + size_of::<usize>());
const _: () = assert!(INPUT_MAX_LEN <= pipe::MAX_LEN);

fn main() -> io::Result<()> {
    if let Some(address) = std::env::args().nth(1) {
        let listener = TcpListener::bind(address.parse().map_err(io::Error::other)?)?;
        println!("listening on {}", listener.local_addr()?);
        return serve(listener);
    }
    crowd::run(serve)?;
    println!("between turns, a connection has {} bytes and its unsent data", size_of::<Connection>());
    Ok(())
}

fn serve(mut listener: TcpListener) -> io::Result<()> {
    // A connection's two sockets share its token. No token is used twice.
    let mut tokens = (0..).map(Token);
    let mut connections = HashMap::new();
    // A connection that has moved may have more to do without another event. The others have their turns in between.
    let mut busy = BTreeSet::new();
    let (mut events, mut buffer) = (Events::with_capacity(1024), [0; pipe::MAX_LEN]);
    let mut poll = Poll::new()?;
    poll.registry().register(&mut listener, Token(usize::MAX), Interest::READABLE)?;
    loop {
        match poll.poll(&mut events, (!busy.is_empty()).then_some(Duration::ZERO)) {
            Err(error) if error.kind() != ErrorKind::Interrupted => return Err(error),
            _ => busy.extend(events.iter().map(|event| event.token())),
        }
        // At every turn: there is no second event for a connection that failed for want of a descriptor.
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
        let state = State::Offer(ReceiveOffer::new());
        Ok(Self { client, state, up: Pipe::default(), down: Pipe::default() })
    }

    /// Does once what can be done without waiting. Returns whether there was anything.
    fn turn(&mut self, registry: &Registry, token: Token, buffer: &mut [u8]) -> io::Result<bool> {
        let mut moved = self.up.fill(&self.client, buffer)?;
        match replace(&mut self.state, State::Closing) {
            State::Offer(state) => moved |= self.receive_offer(state)?,
            State::Request(state) => moved |= self.receive_request(state, |to| connect(to, registry, token))?,
            State::Connecting(target, permit) => moved |= self.reply(target, permit)?,
            State::Relaying(target) => {
                moved |= self.up.drain(&target)? | self.down.fill(&target, buffer)?;
                self.state = State::Relaying(target);
            }
            State::Closing => {
                self.up.discard();
                self.down.ended = true;
            }
        }
        Ok(self.down.drain(&self.client)? | moved)
    }

    fn receive_offer(&mut self, state: ReceiveOffer) -> io::Result<bool> {
        self.state = match self.up.inbox.poll(state) {
            Ok(Polled::Missing(_, state)) => return self.wait(State::Offer(state)),
            Ok(Polled::Whole((_, permit))) => match permit.no_authentication() {
                Ok((selection, state)) => {
                    self.down.put(&selection)?;
                    State::Request(state)
                }
                Err(permit) => {
                    self.down.put(&permit.refuse())?;
                    State::Closing
                }
            },
            Err(error) => {
                self.down.put(error.closing_reply())?;
                State::Closing
            }
        };
        Ok(true)
    }

    fn receive_request(
        &mut self,
        state: ReceiveRequest,
        connect: impl FnOnce(Endpoint<'_>) -> io::Result<TcpStream>,
    ) -> io::Result<bool> {
        self.state = match self.up.inbox.poll(state) {
            Ok(Polled::Missing(_, state)) => return self.wait(State::Request(state)),
            Ok(Polled::Whole((destination, Asked::Connect(permit)))) => match connect(destination) {
                Ok(target) => State::Connecting(target, permit),
                Err(error) => {
                    self.down.put(&permit.refuse(&error))?;
                    State::Closing
                }
            },
            Ok(Polled::Whole((_, asked))) => {
                self.down.put(&asked.refuse(ReplyCode::COMMAND_NOT_SUPPORTED))?;
                State::Closing
            }
            Err(error) => {
                self.down.put(error.closing_reply())?;
                State::Closing
            }
        };
        Ok(true)
    }

    /// For more input, unless there will be none.
    fn wait(&mut self, state: State) -> io::Result<bool> {
        self.state = state;
        if self.up.ended { Err(ErrorKind::UnexpectedEof.into()) } else { Ok(false) }
    }

    /// Replies once the connection to the target is established, or has failed.
    fn reply(&mut self, target: TcpStream, permit: Respond) -> io::Result<bool> {
        match is_connected(&target) {
            Ok(false) => {
                self.state = State::Connecting(target, permit);
                return Ok(false);
            }
            Ok(true) => {
                self.down.put(&permit.succeed(target.local_addr()?.into()))?;
                self.state = State::Relaying(target);
            }
            Err(error) => self.down.put(&permit.refuse(&error))?,
        }
        Ok(true)
    }

    fn is_over(&self) -> bool {
        match self.state {
            State::Offer(_) | State::Request(_) | State::Connecting(..) => false,
            State::Relaying(_) => self.up.passed_on && self.down.passed_on,
            State::Closing => self.up.ended && self.down.passed_on,
        }
    }

    /// Resets both connections: after an orderly end, the data would seem complete.
    fn break_off(self) {
        let target = match &self.state {
            State::Connecting(target, _) | State::Relaying(target) => Some(target),
            State::Offer(_) | State::Request(_) | State::Closing => None,
        };
        for stream in [Some(&self.client), target].into_iter().flatten() {
            let _ = SockRef::from(stream).set_linger(Some(Duration::ZERO));
        }
    }
}

fn connect(destination: Endpoint<'_>, registry: &Registry, token: Token) -> io::Result<TcpStream> {
    let address = destination.canonical().to_socket_addr().ok_or(ErrorKind::HostUnreachable)?;
    let mut target = TcpStream::connect(address)?;
    registry.register(&mut target, token, Interest::READABLE | Interest::WRITABLE)?;
    Ok(target)
}

fn is_connected(target: &TcpStream) -> io::Result<bool> {
    match (target.take_error()?, target.peer_addr()) {
        (Some(error), _) => Err(error),
        (None, Ok(_)) => Ok(true),
        (None, Err(error)) if error.kind() == ErrorKind::NotConnected => Ok(false),
        (None, Err(error)) => Err(error),
    }
}
