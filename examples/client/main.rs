//! A SOCKS5 client on blocking sockets: joins stdin and stdout to a connection through a proxy, as `nc` does without one.
//!
//! ```text
//! cargo run --example client -- [--proxy 127.0.0.1:1080] [--user NAME --password-file PATH] [--optimistic] [--socks4] COMMAND
//!
//!   connect HOST:PORT                              stdin and stdout to a connection
//!   bind HOST:PORT                                 stdin and stdout to a connection from that host
//!   udp [--wait 1] [--fragment N] HOST:PORT        each line of stdin a datagram, each answer a line
//!   udp --in-tcp hev|gost|uot HOST:PORT            the same inside the connection to the proxy
//! ```
//!
//! | file | what it shows |
//! |---|---|
//! | `main.rs` | a handshake for each command |
//! | `args.rs`, `../credentials.rs` | the command line |
//! | `tunnel.rs` | stdin and stdout at the ends of a connection |
//! | `datagrams.rs` | stdin and stdout at the ends of a relay |
//! | `in_tcp.rs` | the same in frames inside the connection to the proxy |

mod args;
#[path = "../credentials.rs"]
mod credentials;
mod datagrams;
mod in_tcp;
mod tunnel;

use std::io::{self, ErrorKind, Write};
use std::net::{SocketAddr, TcpStream, ToSocketAddrs};
use std::process::ExitCode;

use args::Args;
use datagrams::exchange;
use socks5_sansio::association::relay_address;
use socks5_sansio::blocking::{Deadline, Wire, authenticate};
use socks5_sansio::client::{Answer, SendRequest, optimistic};
use socks5_sansio::socks4::{self, UserId};
use socks5_sansio::{Endpoint, EndpointBuf, Request, UserPass};

fn main() -> ExitCode {
    match args::parse().map_err(io::Error::other).and_then(|args| run(&args)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            let _ = writeln!(io::stderr(), "error: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run(args: &Args) -> io::Result<()> {
    let stream = connect_to_proxy(args).map_err(|error| {
        io::Error::new(error.kind(), format!("cannot connect to the proxy {}: {error}", args.proxy))
    })?;
    stream.set_nodelay(true)?;
    let to = args.destination.as_endpoint();
    match args.command {
        "connect" => connect(&stream, args, to),
        "bind" => bind(&stream, args, to),
        _ => udp(&stream, args, to),
    }
}

/// Connects to the first address of the proxy that answers.
fn connect_to_proxy(args: &Args) -> io::Result<TcpStream> {
    let mut outcome = Err(ErrorKind::NotFound.into());
    for address in args.proxy.to_socket_addrs()? {
        outcome = TcpStream::connect_timeout(&address, args.timeout);
        if outcome.is_ok() {
            break;
        }
    }
    outcome
}

fn connect(stream: &TcpStream, args: &Args, to: Endpoint<'_>) -> io::Result<()> {
    let mut wire = Wire::client(Deadline::new(stream, args.timeout));
    if let Some(user_id) = &args.socks4 {
        let (request, state) = socks4::connect(to.canonical(), UserId::new(user_id)?)?;
        wire.send(&request)?;
        wire.receive(state)?;
        tunnel::run(stream, || Ok(()))
    } else if args.optimistic {
        let credentials = args.credentials.as_ref().map(UserPass::from);
        let (flight, state) = optimistic(credentials, |permit| permit.connect(to));
        wire.send(&flight)?;
        tunnel::run(stream, || Ok(wire.receive(state).map(drop)?)) // stdin is sent at once
    } else {
        request(&mut wire, args, |permit| permit.connect(to))?;
        tunnel::run(stream, || Ok(()))
    }
}

/// The second reply depends on the peer, and has no deadline.
fn bind(stream: &TcpStream, args: &Args, to: Endpoint<'_>) -> io::Result<()> {
    let mut wire = Wire::client(Deadline::new(stream, args.timeout));
    let peer = if let Some(user_id) = &args.socks4 {
        let (request, state) = socks4::bind(to.canonical(), UserId::new(user_id)?)?;
        wire.send(&request)?;
        let (listening, state) = wire.receive(state)?;
        let _ = writeln!(io::stderr(), "listening on {listening}");
        EndpointBuf::from(SocketAddr::from(Wire::client(stream).receive(state)?))
    } else {
        let (listening, state) = request(&mut wire, args, |permit| permit.bind(to))?;
        let _ = writeln!(io::stderr(), "listening on {listening}");
        EndpointBuf::from(Wire::client(stream).receive(state)?)
    };
    let _ = writeln!(io::stderr(), "accepted from {peer}");
    tunnel::run(stream, || Ok(()))
}

fn udp(stream: &TcpStream, args: &Args, to: Endpoint<'_>) -> io::Result<()> {
    let source = Endpoint::unspecified(stream.local_addr()?);
    let mut wire = Wire::client(Deadline::new(stream, args.timeout));
    if let Some(dialect) = args.in_tcp {
        request(&mut wire, args, |permit| dialect.ask(permit, source))?;
        return in_tcp::exchange(stream, wire.into_parts().1, dialect, args);
    }
    let bound = request(&mut wire, args, |permit| permit.udp_associate(source))?;
    exchange(stream, relay_address(bound, stream.peer_addr()?), to, args)
}

/// The handshake, up to the first answer to the request.
fn request<'w, 'a, R: Answer>(
    wire: &'w mut Wire<Deadline<'_>>,
    args: &'a Args,
    ask: impl FnOnce(SendRequest) -> (Request<'a>, R),
) -> io::Result<R::Received<'w>> {
    let credentials = args.credentials.as_ref().map(UserPass::from);
    if args.optimistic {
        let (flight, state) = optimistic(credentials, ask);
        wire.send(&flight)?;
        Ok(wire.receive(state)?)
    } else {
        let (request, state) = ask(authenticate(wire, credentials)?);
        wire.send(&request)?;
        Ok(wire.receive(state)?)
    }
}
