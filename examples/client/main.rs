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
//! | `main.rs` | the command line, and a handshake for each command |
//! | `tunnel.rs` | stdin and stdout at the ends of a connection |
//! | `datagrams.rs` | stdin and stdout at the ends of a relay |

mod datagrams;
mod tunnel;

use std::io::{self, Write};
use std::net::{SocketAddr, TcpStream};
use std::num::NonZeroUsize;
use std::process::ExitCode;
use std::time::Duration;

use clap::{Parser, Subcommand};
use datagrams::Exchange;
use socks5_sansio::association::relay_address;
use socks5_sansio::blocking::{self, Wire, authenticate};
use socks5_sansio::{Endpoint, UserPass, client};

/// A SOCKS5 client
#[derive(Parser)]
struct Args {
    /// Where the proxy listens
    #[arg(long, default_value = "127.0.0.1:1080", value_name = "HOST:PORT")]
    proxy: String,
    /// The username for the proxy
    #[arg(long, value_name = "NAME", requires = "password")]
    user: Option<String>,
    /// The password for the proxy
    #[arg(long, value_name = "PASSWORD", requires = "user")]
    password: Option<String>,
    /// Send everything at once, without waiting for the proxy's answers: offers one method only, and not every proxy takes it
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
        /// The host that may connect; the port is up to the proxy
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
        /// Cut datagrams into fragments of N bytes
        #[arg(long, default_value_t = NonZeroUsize::MAX, hide_default_value = true, value_name = "N")]
        fragment: NonZeroUsize,
    },
}

fn main() -> ExitCode {
    match run(&Args::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            let _ = writeln!(io::stderr(), "error: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run(args: &Args) -> io::Result<()> {
    let (Command::Connect { destination } | Command::Bind { destination } | Command::Udp { destination, .. }) =
        &args.command;
    let destination = Endpoint::try_from(destination.as_str())?;
    let credentials = match (&args.user, &args.password) {
        (Some(user), Some(password)) => Some(UserPass::new(user, password)?),
        _ => None,
    };
    let stream = TcpStream::connect(&args.proxy).map_err(|error| {
        io::Error::new(error.kind(), format!("cannot connect to the proxy {}: {error}", args.proxy))
    })?;
    stream.set_nodelay(true)?;

    match args.command {
        Command::Connect { .. } if args.optimistic => connect_optimistically(stream, destination, credentials),
        Command::Connect { .. } => {
            blocking::connect(&mut &stream, destination, credentials)?;
            tunnel::run(stream, || Ok(()))
        }
        Command::Bind { .. } => {
            bind(&stream, destination, credentials, args.optimistic)?;
            tunnel::run(stream, || Ok(()))
        }
        Command::Udp { wait, fragment, .. } => {
            let relay = associate(&stream, credentials, args.optimistic)?;
            let wait = Duration::from_secs(wait.into());
            Exchange { destination: destination.into(), wait, fragment }.run(&stream, relay)
        }
    }
}

/// Stdin follows the request; the answers are received meanwhile.
fn connect_optimistically(
    stream: TcpStream,
    destination: Endpoint<'_>,
    credentials: Option<UserPass<'_>>,
) -> io::Result<()> {
    let (flight, state) = client::optimistic(credentials, |permit| permit.connect(destination));
    let mut wire = Wire::client(stream.try_clone()?);
    wire.send(&flight)?;
    tunnel::run(stream, || Ok(wire.receive(state).map(drop)?))
}

fn bind(
    stream: &TcpStream,
    destination: Endpoint<'_>,
    credentials: Option<UserPass<'_>>,
    optimistic: bool,
) -> io::Result<()> {
    let mut wire = Wire::client(stream);
    let (listening, state) = if optimistic {
        let (flight, state) = client::optimistic(credentials, |permit| permit.bind(destination));
        wire.send(&flight)?;
        wire.receive(state)?
    } else {
        let (request, state) = authenticate(&mut wire, credentials)?.bind(destination);
        wire.send(&request)?;
        wire.receive(state)?
    };
    let _ = writeln!(io::stderr(), "listening on {listening}");
    let peer = wire.receive(state)?;
    let _ = writeln!(io::stderr(), "accepted from {peer}");
    Ok(())
}

/// Returns the address of the relay.
fn associate(stream: &TcpStream, credentials: Option<UserPass<'_>>, optimistic: bool) -> io::Result<SocketAddr> {
    let source = Endpoint::unspecified(stream.local_addr()?);
    let mut wire = Wire::client(stream);
    let bound = if optimistic {
        let (flight, state) = client::optimistic(credentials, |permit| permit.udp_associate(source));
        wire.send(&flight)?;
        wire.receive(state)?
    } else {
        let (request, state) = authenticate(&mut wire, credentials)?.udp_associate(source);
        wire.send(&request)?;
        wire.receive(state)?
    };
    Ok(relay_address(bound, stream.peer_addr()?))
}
