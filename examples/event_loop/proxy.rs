//! The loop: events, deadlines, and accepting again after the descriptors ran out.

use std::collections::{BTreeSet, HashMap};
use std::io::{self, ErrorKind};
use std::mem::take;
use std::ops::Range;
use std::time::{Duration, Instant};

use mio::net::TcpListener;
use mio::{Events, Interest, Poll, Token};

use crate::Config;
use crate::connection::{Connection, Turn};
use crate::pipe::MAX_LEN;

const LISTENER: Token = Token(usize::MAX);
/// The time after which accepting is tried again: descriptors may become free outside this loop, without an event.
const ACCEPT_AGAIN: Duration = Duration::from_millis(100);

/// Serves until `poll` fails.
pub fn serve(mut listener: TcpListener, config: &Config) -> io::Result<()> {
    let poll = Poll::new()?;
    poll.registry().register(&mut listener, LISTENER, Interest::READABLE)?;
    let proxy = Proxy {
        config,
        poll,
        listener,
        is_accepting: false,
        tokens: 0..LISTENER.0,
        connections: HashMap::new(),
        busy: BTreeSet::new(),
        deadlines: BTreeSet::new(),
        buffer: [0; MAX_LEN],
    };
    proxy.run()
}

struct Proxy<'c> {
    config: &'c Config,
    poll: Poll,
    listener: TcpListener,
    /// Clients may be waiting. There is no second event for those that could not be accepted.
    is_accepting: bool,
    /// A connection's two sockets share its token. No token is used twice.
    tokens: Range<usize>,
    connections: HashMap<Token, Connection>,
    /// A connection that made progress may have more to do without another event. The others have their turns in between.
    busy: BTreeSet<Token>,
    deadlines: BTreeSet<(Instant, Token)>,
    buffer: [u8; MAX_LEN],
}

impl Proxy<'_> {
    fn run(mut self) -> io::Result<()> {
        let mut events = Events::with_capacity(1024);
        loop {
            self.wait(&mut events)?;
            for token in take(&mut self.busy) {
                self.turn(token);
            }
            if self.is_accepting {
                self.accept(); // after the turns: they may have released descriptors
            }
        }
    }

    fn wait(&mut self, events: &mut Events) -> io::Result<()> {
        match self.poll.poll(events, self.timeout()) {
            Err(error) if error.kind() != ErrorKind::Interrupted => return Err(error),
            _ => {}
        }
        self.busy.extend(events.iter().map(|event| event.token()));
        self.is_accepting |= self.busy.remove(&LISTENER);
        let now = Instant::now();
        self.busy.extend(self.deadlines.iter().take_while(|(at, _)| *at <= now).map(|(_, token)| token));
        Ok(())
    }

    /// `None`: there is nothing to do without an event.
    fn timeout(&self) -> Option<Duration> {
        let busy = (!self.busy.is_empty()).then_some(Duration::ZERO);
        let accept = self.is_accepting.then_some(ACCEPT_AGAIN);
        let deadline = self.deadlines.first().map(|(at, _)| at.saturating_duration_since(Instant::now()));
        [busy, accept, deadline].into_iter().flatten().min()
    }

    /// Takes a turn of the connection, then drops it if it is over, or keeps it for its next turn.
    fn turn(&mut self, token: Token) {
        let Some(mut connection) = self.connections.remove(&token) else { return };
        if let Some(deadline) = connection.deadline() {
            self.deadlines.remove(&(deadline, token));
        }
        let registry = self.poll.registry();
        match connection.turn(Turn { config: self.config, registry, token, buffer: &mut self.buffer }) {
            Ok(progressed) if !connection.is_over() => {
                if progressed {
                    self.busy.insert(token);
                }
                self.keep(token, connection);
            }
            _ => drop(connection),
        }
    }

    fn accept(&mut self) {
        loop {
            match self.listener.accept() {
                Ok((client, _)) => {
                    let Some(token) = self.tokens.next().map(Token) else { return };
                    if let Ok(connection) = Connection::new(client, self.config, self.poll.registry(), token) {
                        self.keep(token, connection);
                    }
                }
                Err(error) => {
                    self.is_accepting = error.kind() != ErrorKind::WouldBlock;
                    return;
                }
            }
        }
    }

    fn keep(&mut self, token: Token, connection: Connection) {
        self.deadlines.extend(connection.deadline().map(|deadline| (deadline, token)));
        self.connections.insert(token, connection);
    }
}
