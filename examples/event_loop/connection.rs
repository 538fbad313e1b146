//! The states of a connection.

#[cfg(test)]
#[path = "connection_tests.rs"]
mod tests;

use std::io::{self, ErrorKind};
use std::mem::{discriminant, replace};
use std::time::{Duration, Instant};

use mio::net::TcpStream;
use mio::{Registry, Token};
use socks5_sansio::server::{Asked, ChooseMethod, ReceiveOffer, ReceiveRequest, ReceiveUserPass, Respond};
use socks5_sansio::{Encode, Endpoint, MethodSelection, Polled, ReplyCode, UserPass};

use crate::Config;
use crate::peer::Peer;
use crate::pipe::{MAX_LEN, Pipe};

/// A client, and what is done for it. Dropping a connection closes its sockets; those of a relay are reset.
pub struct Connection {
    client: Peer,
    state: State,
    /// From the client. After the request, its bytes are for the target.
    up: Pipe,
    /// To the client: messages, then the bytes of the target.
    down: Pipe,
    deadline: Option<Instant>,
}

enum State {
    Offer(ReceiveOffer),
    UserPass(ReceiveUserPass),
    Request(ReceiveRequest),
    /// The connection to the target is not established yet. A look-up would have a state like this one: see [`connect`].
    Connecting(Peer, Respond),
    Relaying(Peer),
    /// One side was reset: the other still receives what the reset side had sent.
    Delivering(Peer),
    /// After a refusal. Closing with unread input would reset the connection, and the client might not see the refusal.
    Closing,
}

/// What a connection needs from the loop for a turn.
pub struct Turn<'t> {
    pub config: &'t Config,
    pub registry: &'t Registry,
    pub token: Token,
    pub buffer: &'t mut [u8; MAX_LEN],
}

impl Connection {
    pub(crate) fn new(client: TcpStream, config: &Config, registry: &Registry, token: Token) -> io::Result<Self> {
        let client = Peer::new(client, registry, token)?;
        let (state, deadline) = (State::Offer(ReceiveOffer::new()), after(config.handshake));
        Ok(Self { client, state, up: Pipe::new(), down: Pipe::new(), deadline })
    }

    pub(crate) fn deadline(&self) -> Option<Instant> {
        self.deadline
    }

    /// Does one step of each kind of work, without blocking. Returns whether anything was done; if so, there may be more to do.
    pub(crate) fn turn(&mut self, turn: Turn<'_>) -> io::Result<bool> {
        if self.deadline.is_some_and(|deadline| deadline <= Instant::now()) {
            self.expire(turn.config)?;
        }
        let before = discriminant(&self.state);
        let mut progressed = self.up.fill(&mut self.client, turn.buffer);
        self.state = match replace(&mut self.state, State::Closing) {
            State::Offer(state) => self.receive_offer(state, turn.config)?,
            State::UserPass(state) => self.receive_user_pass(state, turn.config)?,
            State::Request(state) => self.receive_request(state, &turn)?,
            State::Connecting(target, permit) => self.reply(target, permit, turn.config)?,
            State::Relaying(mut target) => {
                progressed |= self.relay(&mut target, turn.buffer);
                self.relaying(target, turn.config)
            }
            State::Delivering(mut target) => {
                progressed |= self.deliver(&mut target, turn.buffer, turn.config);
                State::Delivering(target)
            }
            State::Closing => {
                self.up.discard();
                progressed |= self.down.is_empty() && self.client.close();
                State::Closing
            }
        };
        progressed |= self.down.drain(&mut self.client) | (discriminant(&self.state) != before);
        Ok(progressed || self.notice_resets())
    }

    pub(crate) fn is_over(&self) -> bool {
        match &self.state {
            State::Offer(_) | State::UserPass(_) | State::Request(_) => self.client.is_broken,
            State::Connecting(..) => self.client.is_broken || (self.client.has_ended && self.up.is_empty()),
            State::Relaying(target) => self.client.is_closed && target.is_closed && !self.is_broken(target),
            State::Delivering(target) => self.client.is_broken && target.is_broken,
            State::Closing => self.client.is_broken || (self.client.is_closed && self.client.has_ended),
        }
    }

    /// The deadline has passed: a client that waits for its reply gets one.
    fn expire(&mut self, config: &Config) -> io::Result<()> {
        let timed_out = io::Error::from(ErrorKind::TimedOut);
        self.state = match replace(&mut self.state, State::Closing) {
            State::Connecting(_, permit) => self.refuse(&permit.refuse(&timed_out), config)?,
            _ => return Err(timed_out),
        };
        Ok(())
    }

    fn receive_offer(&mut self, state: ReceiveOffer, config: &Config) -> io::Result<State> {
        match self.up.receive(state, self.client.has_ended) {
            Ok(Polled::Missing(_, state)) => Ok(State::Offer(state)),
            Ok(Polled::Whole((_, permit))) => match choose(permit, config) {
                Ok((selection, next)) => self.down.put(&selection).map(|()| next),
                Err(permit) => self.refuse(&permit.refuse(), config),
            },
            Err(error) => self.refuse(error.closing_reply(), config),
        }
    }

    fn receive_user_pass(&mut self, state: ReceiveUserPass, config: &Config) -> io::Result<State> {
        match self.up.receive(state, self.client.has_ended) {
            Ok(Polled::Missing(_, state)) => Ok(State::UserPass(state)),
            Ok(Polled::Whole((given, permit))) if is_expected(given, config) => {
                let (status, state) = permit.accept();
                self.down.put(&status).map(|()| State::Request(state))
            }
            Ok(Polled::Whole((_, permit))) => self.refuse(&permit.reject(), config),
            Err(error) => self.refuse(error.closing_reply(), config),
        }
    }

    fn receive_request(&mut self, state: ReceiveRequest, turn: &Turn<'_>) -> io::Result<State> {
        match self.up.receive(state, self.client.has_ended) {
            Ok(Polled::Missing(_, state)) => Ok(State::Request(state)),
            Ok(Polled::Whole((destination, Asked::Connect(permit)))) => match connect(destination, turn) {
                Ok(target) => {
                    self.deadline = after(turn.config.connect);
                    Ok(State::Connecting(target, permit))
                }
                Err(error) => self.refuse(&permit.refuse(&error), turn.config),
            },
            Ok(Polled::Whole((_, asked))) => self.refuse(&asked.refuse(ReplyCode::COMMAND_NOT_SUPPORTED), turn.config),
            Err(error) => self.refuse(error.closing_reply(), turn.config),
        }
    }

    /// Replies once the connection to the target is established, or has failed.
    fn reply(&mut self, target: Peer, permit: Respond, config: &Config) -> io::Result<State> {
        match target.connected() {
            Ok(None) => Ok(State::Connecting(target, permit)),
            Ok(Some(bound)) => {
                self.down.put(&permit.succeed(bound))?;
                for peer in [&self.client, &target] {
                    let _ = peer.tune(); // a relay without keepalive is better than none
                }
                self.deadline = None;
                Ok(State::Relaying(target))
            }
            Err(error) => self.refuse(&permit.refuse(&error), config),
        }
    }

    fn refuse(&mut self, message: &(impl Encode + ?Sized), config: &Config) -> io::Result<State> {
        self.down.put(message)?;
        self.deadline = after(config.linger);
        Ok(State::Closing)
    }

    /// Writes to the target and reads from it, once each, and passes half-closes on. `turn` writes to the client and reads from it.
    fn relay(&mut self, target: &mut Peer, buffer: &mut [u8; MAX_LEN]) -> bool {
        let progressed = self.up.drain(target) | self.down.fill(target, buffer);
        if self.is_broken(target) {
            return true;
        }
        let up_ends = self.client.has_ended && self.up.is_empty() && target.close();
        let down_ends = target.has_ended && self.down.is_empty() && self.client.close();
        progressed | up_ends | down_ends
    }

    /// The state after a step of the relay.
    fn relaying(&mut self, target: Peer, config: &Config) -> State {
        if self.is_broken(&target) {
            self.deadline = after(config.linger);
            return State::Delivering(target);
        }
        if self.client.is_closed && target.is_closed {
            self.client.end_in_order();
            target.end_in_order();
        }
        State::Relaying(target)
    }

    /// Writes what the broken side had sent, and discards what the other sends meanwhile. The kernel may still hold written data,
    /// and would discard it on a reset; so the sockets are kept for `linger` after the last write.
    fn deliver(&mut self, target: &mut Peer, buffer: &mut [u8; MAX_LEN], config: &Config) -> bool {
        let (progressed, is_done, last_write) = if target.is_broken {
            self.up.discard();
            let progressed = self.down.fill(target, buffer);
            (progressed, target.has_ended && self.down.is_empty(), self.down.last_write)
        } else {
            let progressed = self.up.drain(target) | self.down.fill(target, buffer);
            self.down.discard();
            (progressed, self.client.has_ended && self.up.is_empty(), self.up.last_write)
        };
        if is_done {
            let done = last_write.map_or_else(Instant::now, |last_write| last_write + config.linger);
            self.deadline = self.deadline.min(Some(done));
        }
        progressed
    }

    fn is_broken(&self, target: &Peer) -> bool {
        self.client.is_broken || target.is_broken
    }

    fn notice_resets(&mut self) -> bool {
        let client = self.client.notice_reset();
        match &mut self.state {
            State::Relaying(target) | State::Delivering(target) => client | target.notice_reset(),
            _ => client,
        }
    }
}

fn after(time: Duration) -> Option<Instant> {
    Instant::now().checked_add(time)
}

fn choose(permit: ChooseMethod, config: &Config) -> Result<(MethodSelection, State), ChooseMethod> {
    match config.credentials {
        Some(_) => permit.user_pass().map(|(selection, state)| (selection, State::UserPass(state))),
        None => permit.no_authentication().map(|(selection, state)| (selection, State::Request(state))),
    }
}

fn is_expected(given: UserPass<'_>, config: &Config) -> bool {
    config.credentials.as_ref().is_some_and(|expected| given.verify(&expected.into()))
}

/// Connects to an address. A name is refused: `ToSocketAddrs` would block all connections until the name server answers.
///
/// A resolver that does not block would start here: with a state `LookingUp(Respond)`, which has a deadline, between `Request` and
/// `Connecting`, and the answers as events, through [`mio::Waker`] if they come from threads. Limit the number of look-ups in
/// progress, in total and for each client: a thread in `getaddrinfo` cannot be stopped.
fn connect(destination: Endpoint<'_>, turn: &Turn<'_>) -> io::Result<Peer> {
    let address = destination.canonical().to_socket_addr().ok_or(ErrorKind::HostUnreachable)?;
    Peer::new(TcpStream::connect(address)?, turn.registry, turn.token)
}
