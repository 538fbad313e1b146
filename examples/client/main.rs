//! A SOCKS5 client on blocking sockets: joins stdin and stdout to a connection through a proxy, as `nc` does without one.
//!
//! ```text
//! cargo run --example client -- [--proxy 127.0.0.1:1080] [--user NAME --password PASSWORD] [--optimistic] COMMAND
//!
//!   connect HOST:PORT                              stdin and stdout to a connection
//!   bind HOST:PORT                                 stdin and stdout to a connection from that host
//!   udp [--wait 1] [--fragment N] HOST:PORT        each line of stdin a datagram, each answer a line
//! ```
//!
//! | file | what it shows |
//! |---|---|
//! | `main.rs` | the command line |
//! | `negotiate.rs` | the driver: a socket around [`socks5_sansio::Client`] |
//! | `tunnel.rs` | stdin and stdout at the ends of a connection |
//! | `datagrams.rs` | stdin and stdout at the ends of a relay |

mod datagrams;
mod negotiate;
mod tunnel;

use std::io::{self, Write};
use std::net::TcpStream;
use std::num::NonZeroUsize;
use std::process::ExitCode;
use std::sync::mpsc;
use std::time::Duration;

use clap::{Parser, Subcommand};
use datagrams::Exchange;
use negotiate::Wish;
use socks5_sansio::association::relay_address;
use socks5_sansio::{Endpoint, Request, UserPass};

/// A SOCKS5 client
#[derive(Parser)]
struct Args {
    /// Where the proxy listens
    #[arg(long, default_value = "127.0.0.1:1080", value_name = "HOST:PORT")]
    proxy: String,
    /// A name to give to the proxy
    #[arg(long, value_name = "NAME", requires = "password")]
    user: Option<String>,
    /// The password that goes with the name
    #[arg(long, value_name = "PASSWORD", requires = "user")]
    password: Option<String>,
    /// Say everything at once, without waiting for the proxy's answers: offers one method only, and not every proxy takes it
    #[arg(long)]
    optimistic: bool,
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Join stdin and stdout to a connection to HOST:PORT
    Connect {
        /// Where the connection goes
        #[arg(value_name = "HOST:PORT")]
        destination: String,
    },
    /// Join stdin and stdout to a connection from HOST; from anywhere, with 0.0.0.0:0
    Bind {
        /// Who may connect; the port is up to the proxy
        #[arg(value_name = "HOST:PORT")]
        destination: String,
    },
    /// Send each line of stdin as a datagram to HOST:PORT, and print each answer as a line
    Udp {
        /// Where the datagrams go
        #[arg(value_name = "HOST:PORT")]
        destination: String,
        /// How long to wait for answers when stdin has ended
        #[arg(long, default_value_t = 1, value_name = "SECONDS")]
        wait: u32,
        /// Cut datagrams into fragments of N octets
        #[arg(long, default_value_t = NonZeroUsize::MAX, hide_default_value = true, value_name = "N")]
        fragment: NonZeroUsize,
    },
}

fn main() -> ExitCode {
    match run(Args::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            let _ = writeln!(io::stderr(), "error: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run(args: Args) -> io::Result<()> {
    let credentials = match (&args.user, &args.password) {
        (Some(user), Some(password)) => Some(UserPass::new(user, password).map_err(invalid_input)?),
        _ => None,
    };
    let wish = Wish { credentials, request: args.command.request()? };
    let mut stream = TcpStream::connect(&args.proxy).map_err(|error| {
        io::Error::new(error.kind(), format!("cannot connect to the proxy {}: {error}", args.proxy))
    })?;
    stream.set_nodelay(true)?;
    let client = if args.optimistic { wish.say_all(&mut stream)? } else { wish.offer(&mut stream)? };

    match &args.command {
        Command::Connect { .. } if args.optimistic => tunnel(stream, |stream| wish.converse(stream, client, |_| ())),
        Command::Connect { .. } => {
            wish.converse(&mut stream, client, |_| ())?;
            tunnel(stream, |_| Ok(()))
        }
        Command::Bind { .. } => {
            let mut news = ["listening on", "accepted from"].into_iter();
            wish.converse(&mut stream, client, |reply| {
                let _ = writeln!(io::stderr(), "{} {}", news.next().unwrap_or_default(), reply.bound);
            })?;
            tunnel(stream, |_| Ok(()))
        }
        Command::Udp { destination, wait, fragment } => {
            let proxy = stream.peer_addr()?;
            let mut relay = proxy;
            wish.converse(&mut stream, client, |reply| relay = relay_address(&reply.bound, proxy))?;
            let (destination, wait, fragment) = (destination.clone(), Duration::from_secs((*wait).into()), *fragment);
            Exchange { destination, wait, fragment }.run(&stream, relay)
        }
    }
}

/// Joins stdin and stdout to the connection. What is on stdin goes out at once, what comes in is listened to first.
fn tunnel(mut stream: TcpStream, listen: impl FnOnce(&mut TcpStream) -> io::Result<()>) -> io::Result<()> {
    let (arrived, arrivals) = mpsc::sync_channel(1);
    let sending = tunnel::send_stdin(stream.try_clone()?, arrivals);
    listen(&mut stream)?;
    tunnel::receive(stream, arrived)?;
    sending.join().map_err(|_| io::Error::other("sending broke off"))
}

impl Command {
    fn request(&self) -> io::Result<Request<'_>> {
        let (Self::Connect { destination } | Self::Bind { destination } | Self::Udp { destination, .. }) = self;
        let destination = Endpoint::try_from(destination.as_str()).map_err(invalid_input)?;
        Ok(match self {
            Self::Connect { .. } => Request::connect(destination),
            Self::Bind { .. } => Request::bind(destination),
            Self::Udp { .. } => Request::udp_associate(Endpoint::UNSPECIFIED),
        })
    }
}

fn invalid_input(error: impl std::error::Error + Send + Sync + 'static) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidInput, error)
}
