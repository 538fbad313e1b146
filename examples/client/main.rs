//! A SOCKS5 client on blocking sockets: joins stdin and stdout to a connection through a proxy, as `nc` does without one.
//!
//! ```text
//! cargo run --example client -- [--proxy 127.0.0.1:1080] [--user NAME --password PASSWORD] [--optimistic] connect HOST:PORT
//! ```
//!
//! | file | what it shows |
//! |---|---|
//! | `main.rs` | the command line |
//! | `negotiate.rs` | the driver: a socket around [`socks5_sansio::Client`] |
//! | `tunnel.rs` | stdin and stdout at the ends of a connection |

mod negotiate;
mod tunnel;

use std::io::{self, Write};
use std::net::TcpStream;
use std::process::ExitCode;
use std::sync::mpsc;

use clap::{Parser, Subcommand};
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
    /// and a password
    #[arg(long, value_name = "PASSWORD", requires = "user")]
    password: Option<String>,
    /// Say everything at once, without waiting for the proxy's answers
    #[arg(long)]
    optimistic: bool,
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Join stdin and stdout to a connection to HOST:PORT
    Connect {
        #[arg(value_name = "HOST:PORT")]
        destination: String,
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
    let Command::Connect { destination } = &args.command;
    let request = Request::connect(Endpoint::try_from(destination.as_str()).map_err(invalid_input)?);
    let credentials = match (&args.user, &args.password) {
        (Some(user), Some(password)) => Some(UserPass::new(user, password).map_err(invalid_input)?),
        _ => None,
    };
    let mut stream = TcpStream::connect(&args.proxy).map_err(|error| {
        io::Error::new(error.kind(), format!("cannot connect to the proxy {}: {error}", args.proxy))
    })?;
    stream.set_nodelay(true)?;
    let (answered, answer) = mpsc::channel();
    if args.optimistic {
        let client = negotiate::say_all(&mut stream, credentials.as_ref(), &request)?;
        tunnel::send_stdin(stream.try_clone()?, answer);
        negotiate::converse(&mut stream, client, credentials.as_ref(), &request)?;
    } else {
        let client = negotiate::offer(&mut stream, credentials.as_ref())?;
        negotiate::converse(&mut stream, client, credentials.as_ref(), &request)?;
        tunnel::send_stdin(stream.try_clone()?, answer);
    }
    tunnel::receive(stream, answered)
}

fn invalid_input(error: impl std::error::Error + Send + Sync + 'static) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidInput, error)
}
