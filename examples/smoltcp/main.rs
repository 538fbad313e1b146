//! Client and server on two TCP/IP stacks in user space, with a cable in memory between them: no socket of the operating system,
//! and no allocation for the handshake.
//!
//! ```text
//! cargo run -p socks5-sansio-smoltcp
//! ```
//!
//! An inbox over an array takes from the stack exactly what a message still lacks, so that the application's data stays there.
//!
//! | file | what it shows |
//! |---|---|
//! | `main.rs` | the states of both sides, and an echo at the end of the tunnel |
//! | `host.rs` | a stack with one connection, and the cable |

mod host;

use std::error::Error;
use std::io;

use host::{Cable, Host};
use smoltcp::socket::tcp::Socket;
use smoltcp::time::Instant;
use socks5_sansio::client::{self, ReceiveReply, ReceiveSelection, ReceiveStatus, Selected, SendRequest};
use socks5_sansio::server::{self, Asked, INPUT_MAX_LEN, ReceiveOffer, ReceiveRequest, ReceiveUserPass};
use socks5_sansio::{Encode, Endpoint, Inbox, Polled, Receive, ReplyCode, UserPass};

const DESTINATION: &str = "echo.example:7";
/// Sent through the tunnel: more than the buffers hold.
const DATA: &[u8] = include_bytes!("main.rs");

type Outcome<T> = Result<T, Box<dyn Error>>;

fn main() -> Outcome<()> {
    let cable = Cable::default();
    let (mut input, mut output, mut storage) = ([0; INPUT_MAX_LEN], [0; INPUT_MAX_LEN], host::STORAGE);
    let mut near = Host::new(1, cable.one_end(), &mut input, &mut output, &mut storage);
    let (mut input, mut output, mut storage) = ([0; INPUT_MAX_LEN], [0; INPUT_MAX_LEN], host::STORAGE);
    let mut far = Host::new(2, cable.other_end(), &mut input, &mut output, &mut storage);
    far.socket().listen(1080)?;
    near.connect(2, 1080)?;

    let credentials = UserPass::new("alice", "a password that does not fit into a packet")?;
    let (mut client, mut server) = (Client::new(credentials), Server::new(credentials));
    let mut clock = 0..60_000; // in milliseconds of simulated time
    while near.socket().is_open() || far.socket().is_open() {
        let now = Instant::from_millis(clock.next().ok_or("not done within a minute")?);
        client.turn(near.turn(now))?;
        server.turn(far.turn(now))?;
    }
    assert_eq!((client.sent, client.received), (DATA.len(), DATA.len()));
    println!("{} bytes to {DESTINATION} and back, in {} packets without a socket", DATA.len(), cable.carried());
    Ok(())
}

/// One end of a handshake.
struct Wire {
    inbox: Inbox<[u8; UserPass::MAX_LEN]>,
}

impl Wire {
    const fn new() -> Self {
        Self { inbox: Inbox::new([0; UserPass::MAX_LEN]) }
    }

    /// Takes from the stack what the message still lacks, as far as it has arrived.
    fn poll<S: Receive>(&mut self, socket: &mut Socket<'_>, state: S) -> Outcome<Polled<S::Received<'_>, S>> {
        while let (Some(missing), true) = (state.missing(self.inbox.unread()), socket.can_recv()) {
            let len = socket.recv_slice(self.inbox.room(missing.get())?)?;
            self.inbox.filled(len);
        }
        let polled = self.inbox.poll(state);
        if let Err(error) = &polled {
            socket.send_slice(S::closing_reply(error))?;
        }
        Ok(polled?)
    }
}

/// Sends a whole message: the stack has room for everything that is sent in a handshake.
fn send(socket: &mut Socket<'_>, message: &impl Encode) -> Outcome<()> {
    let mut encoded = [0; UserPass::MAX_LEN];
    let len = message.encode(&mut encoded)?;
    assert_eq!(socket.send_slice(&encoded[..len])?, len);
    Ok(())
}

struct Client<'c> {
    credentials: UserPass<'c>,
    wire: Wire,
    state: ClientState<'c>,
    sent: usize,
    received: usize,
}

enum ClientState<'c> {
    Connecting,
    Selection(ReceiveSelection<'c>),
    Status(ReceiveStatus),
    Reply(ReceiveReply),
    Tunnel,
    Closed,
}

impl<'c> Client<'c> {
    fn new(credentials: UserPass<'c>) -> Self {
        Self { credentials, wire: Wire::new(), state: ClientState::Connecting, sent: 0, received: 0 }
    }

    fn turn(&mut self, socket: &mut Socket<'_>) -> Outcome<()> {
        self.state = match std::mem::replace(&mut self.state, ClientState::Closed) {
            ClientState::Connecting if socket.may_send() => {
                let (offer, state) = client::login(Some(self.credentials));
                send(socket, &offer)?;
                ClientState::Selection(state)
            }
            ClientState::Selection(state) => match self.wire.poll(socket, state)? {
                Polled::Missing(_, state) => ClientState::Selection(state),
                Polled::Whole(Selected::Request(permit)) => request(socket, permit)?,
                Polled::Whole(Selected::UserPass(credentials, state)) => {
                    send(socket, &credentials)?;
                    ClientState::Status(state)
                }
            },
            ClientState::Status(state) => match self.wire.poll(socket, state)? {
                Polled::Missing(_, state) => ClientState::Status(state),
                Polled::Whole(permit) => request(socket, permit)?,
            },
            ClientState::Reply(state) => {
                self.send_data(socket)?; // before the server has replied
                match self.wire.poll(socket, state)? {
                    Polled::Missing(_, state) => ClientState::Reply(state),
                    Polled::Whole(_bound) => ClientState::Tunnel,
                }
            }
            ClientState::Tunnel => {
                self.send_data(socket)?;
                self.receive_data(socket)?;
                ClientState::Tunnel
            }
            waiting @ (ClientState::Connecting | ClientState::Closed) => waiting,
        };
        Ok(())
    }

    /// Sends as much as there is room for, and closes after the last byte.
    fn send_data(&mut self, socket: &mut Socket<'_>) -> Outcome<()> {
        if self.sent == DATA.len() {
            socket.close();
        } else {
            self.sent += socket.send_slice(&DATA[self.sent..])?;
        }
        Ok(())
    }

    fn receive_data(&mut self, socket: &mut Socket<'_>) -> Outcome<()> {
        while socket.can_recv() {
            let expected = &DATA[self.received..];
            self.received += socket.recv(|data| {
                assert!(expected.starts_with(data));
                (data.len(), data.len())
            })?;
        }
        Ok(())
    }
}

fn request<'c>(socket: &mut Socket<'_>, permit: SendRequest) -> Outcome<ClientState<'c>> {
    let (request, state) = permit.connect(DESTINATION.try_into()?);
    send(socket, &request)?;
    Ok(ClientState::Reply(state))
}

/// A server that connects to nothing: it is the destination itself.
struct Server<'c> {
    expected: UserPass<'c>,
    wire: Wire,
    state: ServerState,
}

enum ServerState {
    Offer(ReceiveOffer),
    UserPass(ReceiveUserPass),
    Request(ReceiveRequest),
    Echo,
    Refused,
}

impl<'c> Server<'c> {
    fn new(expected: UserPass<'c>) -> Self {
        Self { expected, wire: Wire::new(), state: ServerState::Offer(ReceiveOffer::new()) }
    }

    fn turn(&mut self, socket: &mut Socket<'_>) -> Outcome<()> {
        self.state = match std::mem::replace(&mut self.state, ServerState::Refused) {
            ServerState::Offer(state) => match self.wire.poll(socket, state)? {
                Polled::Missing(_, state) => ServerState::Offer(state),
                Polled::Whole((_, permit)) => choose(socket, permit)?,
            },
            ServerState::UserPass(state) => match self.wire.poll(socket, state)? {
                Polled::Missing(_, state) => ServerState::UserPass(state),
                Polled::Whole((given, permit)) if given.verify(&self.expected) => {
                    let (status, state) = permit.accept();
                    send(socket, &status)?;
                    ServerState::Request(state)
                }
                Polled::Whole((_, permit)) => refuse(socket, &permit.reject())?,
            },
            ServerState::Request(state) => match self.wire.poll(socket, state)? {
                Polled::Missing(_, state) => ServerState::Request(state),
                Polled::Whole((to, Asked::Connect(permit))) if to == DESTINATION.try_into()? => {
                    send(socket, &permit.succeed(Endpoint::UNSPECIFIED))?;
                    ServerState::Echo
                }
                Polled::Whole((_, asked)) => refuse(socket, &asked.refuse(ReplyCode::HOST_UNREACHABLE))?,
            },
            ServerState::Echo => {
                echo(socket)?;
                ServerState::Echo
            }
            ServerState::Refused => {
                socket.close();
                ServerState::Refused
            }
        };
        Ok(())
    }
}

fn choose(socket: &mut Socket<'_>, permit: server::ChooseMethod) -> Outcome<ServerState> {
    match permit.user_pass() {
        Ok((selection, state)) => {
            send(socket, &selection)?;
            Ok(ServerState::UserPass(state))
        }
        Err(permit) => refuse(socket, &permit.refuse()),
    }
}

fn refuse(socket: &mut Socket<'_>, message: &impl Encode) -> Outcome<ServerState> {
    send(socket, message)?;
    Ok(ServerState::Refused)
}

/// Sends back what was received, as far as there is room, and closes after the last byte.
fn echo(socket: &mut Socket<'_>) -> io::Result<()> {
    let mut piece = [0; 128];
    let room = piece.len().min(socket.send_capacity() - socket.send_queue());
    match socket.recv_slice(&mut piece[..room]) {
        Ok(len) => socket.send_slice(&piece[..len]).map(drop).map_err(io::Error::other),
        Err(_) => {
            socket.close();
            Ok(())
        }
    }
}
