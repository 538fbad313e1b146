//! Client and server on two TCP/IP stacks in user space, with a cable in memory between them: no socket of the operating
//! system, and for the negotiation no buffers but those of the stacks.
//!
//! ```text
//! cargo run --example smoltcp
//! ```
//!
//! A stack lends its receive buffer to a closure that says how many octets it used: what `read` does. The rest stays in
//! the stack, an incomplete message until more has come, and the application's octets until the application wants them.
//!
//! The buffers are rings, and lend what lies in one piece. One of `INPUT_MAX_LEN` octets does not wrap around before the
//! negotiation is over.
//!
//! | file | what it shows |
//! |---|---|
//! | `main.rs` | both sides, a moment at a time, and an echo at the end of the tunnel |
//! | `host.rs` | a stack with one connection, and the cable |

mod host;

use host::{Cable, Host};
use smoltcp::socket::tcp::Socket;
use smoltcp::time::Instant;
use socks5_sansio::server::{self, Chosen, Server};
use socks5_sansio::{Client, Endpoint, Method, MethodOffer, Reply, ReplyCode, Request, UserPass, client};

const DESTINATION: &str = "echo.example:7";
/// What goes through the tunnel: more than the buffers hold.
const DATA: &[u8] = include_bytes!("main.rs");

fn main() {
    let cable = Cable::default();
    let (mut input, mut output, mut storage) = ([0; Client::INPUT_MAX_LEN], [0; Server::INPUT_MAX_LEN], host::STORAGE);
    let mut near = Host::new(1, cable.one_end(), &mut input, &mut output, &mut storage);
    let (mut input, mut output, mut storage) = ([0; Server::INPUT_MAX_LEN], [0; Client::INPUT_MAX_LEN], host::STORAGE);
    let mut far = Host::new(2, cable.other_end(), &mut input, &mut output, &mut storage);
    far.socket().listen(1080).expect("the port is free");
    near.connect(2, 1080);

    let (mut caller, mut service) = (Caller::Connecting, Service::Negotiating(Server::new()));
    let mut talk = Talk { said: 0, heard: 0 };
    let mut clock = 0..60_000; // in milliseconds, but nobody waits for them
    while near.socket().is_open() || far.socket().is_open() {
        let now = Instant::from_millis(clock.next().expect("all is said within a minute"));
        caller = caller.turn(near.turn(now), &mut talk);
        service = service.turn(far.turn(now));
    }
    assert_eq!((talk.said, talk.heard), (DATA.len(), DATA.len()));
    println!("{} octets to {DESTINATION} and back, in {} packets without a socket", DATA.len(), cable.carried());
}

/// The client between two turns.
enum Caller {
    Connecting,
    Negotiating(Client),
    Talking,
}

impl Caller {
    fn turn(self, socket: &mut Socket<'_>, talk: &mut Talk) -> Self {
        match self {
            Self::Connecting if socket.may_send() => {
                let (offer, client) = Client::new(&MethodOffer::of(&[Method::NONE, Method::USERNAME_PASSWORD]));
                say(socket, &offer);
                Self::Negotiating(client)
            }
            Self::Negotiating(client) if socket.can_recv() => Self::negotiate(client, socket, talk),
            Self::Talking => {
                talk.say(socket);
                talk.hear(socket);
                Self::Talking
            }
            waiting @ (Self::Connecting | Self::Negotiating(_)) => waiting,
        }
    }

    fn negotiate(client: Client, socket: &mut Socket<'_>, talk: &mut Talk) -> Self {
        let step = socket.recv(|octets| client.read(octets).expect("no refusal"));
        match step.expect("the connection is open") {
            client::Step::NeedMore(client, _) => Self::Negotiating(client),
            client::Step::UserPass(permit) => {
                let (message, client) = permit.send(&credentials());
                say(socket, &message);
                Self::Negotiating(client)
            }
            client::Step::Request(permit) => {
                let (message, client) = permit.send(&request());
                say(socket, &message);
                talk.say(socket); // right behind it, before the server has granted anything
                Self::Negotiating(client)
            }
            client::Step::Reply(..) => Self::Talking,
            client::Step::SubNegotiate(_) => unreachable!("no such method was offered"),
        }
    }
}

/// The server between two turns. It connects to nothing: what is asked for is here.
enum Service {
    Negotiating(Server),
    Echoing,
    Refused,
}

impl Service {
    fn turn(self, socket: &mut Socket<'_>) -> Self {
        match self {
            Self::Negotiating(server) if socket.can_recv() => Self::negotiate(server, socket),
            Self::Echoing => {
                echo(socket);
                Self::Echoing
            }
            Self::Refused => {
                socket.close();
                Self::Refused
            }
            waiting @ Self::Negotiating(_) => waiting,
        }
    }

    fn negotiate(server: Server, socket: &mut Socket<'_>) -> Self {
        let step = socket.recv(|octets| match server.read(octets) {
            Ok((used, step)) => (used, Ok(step)),
            Err(error) => (octets.len(), Err(error)),
        });
        let (answer, next) = match step.expect("the connection is open") {
            Ok(server::Step::NeedMore(server, _)) => return Self::Negotiating(server),
            Ok(server::Step::Methods(_, permit)) => match permit.choose(&[Method::USERNAME_PASSWORD]) {
                Chosen::Continue(answer, server) => (answer, Self::Negotiating(server)),
                Chosen::Refused(answer) | Chosen::SubNegotiate(answer, _) => (answer, Self::Refused),
            },
            Ok(server::Step::UserPass(given, permit)) if given.verify(&credentials()) => {
                let (answer, server) = permit.accept();
                (answer, Self::Negotiating(server))
            }
            Ok(server::Step::UserPass(_, permit)) => (permit.reject(), Self::Refused),
            Ok(server::Step::Request(asked, permit)) if asked == request() => {
                (permit.reply(&Reply::succeeded(Endpoint::UNSPECIFIED)), Self::Echoing)
            }
            Ok(server::Step::Request(_, permit)) => (permit.refuse(ReplyCode::HOST_UNREACHABLE), Self::Refused),
            Ok(server::Step::Bind(_, permit)) => (permit.refuse(ReplyCode::COMMAND_NOT_SUPPORTED), Self::Refused),
            Err(error) => {
                say(socket, error.parting());
                return Self::Refused;
            }
        };
        say(socket, &answer);
        next
    }
}

fn credentials() -> UserPass<'static> {
    UserPass::new("alice", "a password that does not fit into a packet").expect("255 octets would")
}

fn request() -> Request<'static> {
    Request::connect(Endpoint::try_from(DESTINATION).expect("a name and a port"))
}

/// A whole message.
fn say(socket: &mut Socket<'_>, message: &[u8]) {
    assert_eq!(socket.send_slice(message), Ok(message.len()), "there is room for all that is said in a negotiation");
}

/// How far the client has come with the data.
struct Talk {
    said: usize,
    heard: usize,
}

impl Talk {
    /// As much as there is room for, and after the last octet the end.
    fn say(&mut self, socket: &mut Socket<'_>) {
        if self.said < DATA.len() {
            self.said += socket.send_slice(&DATA[self.said..]).expect("the connection is open");
        } else {
            socket.close();
        }
    }

    fn hear(&mut self, socket: &mut Socket<'_>) {
        while socket.can_recv() {
            self.heard += socket
                .recv(|octets| {
                    assert_eq!(octets, &DATA[self.heard..][..octets.len()]);
                    (octets.len(), octets.len())
                })
                .expect("the connection is open");
        }
    }
}

/// Sends back what has come, as far as there is room, and after the last octet the end.
fn echo(socket: &mut Socket<'_>) {
    let mut piece = [0; 128];
    let room = piece.len().min(socket.send_capacity() - socket.send_queue());
    match socket.recv_slice(&mut piece[..room]) {
        Ok(len) => say(socket, &piece[..len]),
        Err(_) => socket.close(),
    }
}
