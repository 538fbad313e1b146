//! A SOCKS5 server on tokio.
//!
//! ```text
//! cargo run --example server -- [--listen 127.0.0.1:1080] [--user NAME --password PASSWORD]
//!                               [--handshake-timeout 10] [--reassemble]
//! ```
//!
//! | file | what it shows |
//! |---|---|
//! | `main.rs` | listening, and the life of one connection |
//! | `negotiate.rs` | the driver: a socket around [`socks5_sansio::Server`] |
//! | `connect.rs` | CONNECT: names to addresses to a connection, and its error to a reply |
//! | `bind.rs` | BIND: two replies, and who is let in |
//! | `associate.rs` | UDP ASSOCIATE: datagrams to and fro without moving their payload |
//! | `names.rs` | names in datagrams, resolved while the relay goes on |
//! | `relay.rs` | octets to and fro, and how a connection ends |

mod associate;
mod bind;
mod connect;
mod names;
mod negotiate;
mod relay;

use std::io::{self, ErrorKind, Write};
use std::net::SocketAddr;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use associate::associate;
use bind::bind;
use clap::Parser;
use connect::connect;
use negotiate::{Asked, Permit, negotiate};
use relay::{hang_up, relay};
use socket2::SockRef;
use socks5_sansio::{Command, ReplyCode, UserPass};
use tokio::io::AsyncWriteExt;
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::time::{sleep, timeout};

/// A SOCKS5 proxy server
#[derive(Parser)]
struct Args {
    /// Where to listen; port 0 lets the system choose one
    #[arg(long, default_value = "127.0.0.1:1080", value_name = "ADDRESS:PORT")]
    listen: SocketAddr,
    /// Admit only clients that give this name
    #[arg(long, value_name = "NAME", requires = "password")]
    user: Option<String>,
    /// The password that goes with the name
    #[arg(long, value_name = "PASSWORD", requires = "user")]
    password: Option<String>,
    /// How long a client may take to say what it wants
    #[arg(long, default_value_t = 10, value_name = "SECONDS", value_parser = clap::value_parser!(u64).range(1..))]
    handshake_timeout: u64,
    /// Put fragments of datagrams together instead of dropping them
    #[arg(long)]
    reassemble: bool,
}

impl Args {
    fn credentials(&self) -> io::Result<Option<UserPass<'_>>> {
        let (Some(user), Some(password)) = (&self.user, &self.password) else { return Ok(None) };
        UserPass::new(user, password).map(Some).map_err(io::Error::other)
    }
}

const BACKLOG: u32 = 1024;
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

#[tokio::main]
async fn main() -> ExitCode {
    match run(Args::parse()).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            log(&format!("error: {error}"));
            ExitCode::FAILURE
        }
    }
}

async fn run(args: Args) -> io::Result<()> {
    args.credentials()?;
    let listener = listen(args.listen)
        .map_err(|error| io::Error::new(error.kind(), format!("cannot listen on {}: {error}", args.listen)))?;
    announce(listener.local_addr()?, args.user.as_deref());
    let args = Arc::new(args);
    loop {
        match listener.accept().await {
            Ok((stream, client)) => {
                let args = Arc::clone(&args);
                tokio::spawn(async move { serve(stream, client, &args).await });
            }
            Err(error) => {
                log(&format!("accept: {error}"));
                sleep(ACCEPT_PAUSE).await;
            }
        }
    }
}

fn listen(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = if address.is_ipv4() { TcpSocket::new_v4() } else { TcpSocket::new_v6() }?;
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    socket.listen(BACKLOG)
}

fn announce(address: SocketAddr, user: Option<&str>) {
    let user = user.map(|user| format!(" --proxy-user {user}")).unwrap_or_default();
    let mut stdout = io::stdout();
    let _ = writeln!(stdout, "listening on {address}\ntry: curl --proxy socks5h://{address}{user} http://example.com/");
    let _ = stdout.flush();
}

/// In one write, so that lines do not mix.
fn log(line: &str) {
    let _ = io::stderr().write_all(format!("{line}\n").as_bytes());
}

/// One connection, from its first octet to the line about it.
async fn serve(mut stream: TcpStream, client: SocketAddr, args: &Args) {
    let line = match ask(&mut stream, args).await {
        Ok(asked) => {
            let subject = format!("{} {}", asked.command, asked.destination);
            match fulfil(stream, asked, args).await {
                Ok((up, down)) => format!("{subject}: {up} octets up, {down} down"),
                Err(error) => format!("{subject}: {error}"),
            }
        }
        Err(error) => {
            hang_up(stream).await;
            error.to_string()
        }
    };
    log(&format!("{client}: {line}"));
}

async fn ask(stream: &mut TcpStream, args: &Args) -> io::Result<Asked> {
    stream.set_nodelay(true)?;
    SockRef::from(&*stream).set_keepalive(true)?;
    let limit = Duration::from_secs(args.handshake_timeout);
    let asked = timeout(limit, negotiate(stream, args.credentials()?)).await;
    asked.unwrap_or_else(|_| Err(io::Error::new(ErrorKind::TimedOut, "it did not say in time what it wants")))
}

/// Does what was asked. Returns the number of octets carried to the target and back.
async fn fulfil(mut stream: TcpStream, asked: Asked, args: &Args) -> io::Result<(u64, u64)> {
    let target = match (asked.command, asked.permit) {
        (Command::CONNECT, Permit::Respond(permit)) => connect(&mut stream, permit, &asked.destination).await,
        (_, Permit::Listen(permit)) => bind(&mut stream, permit, &asked.destination).await,
        (Command::UDP_ASSOCIATE, Permit::Respond(permit)) => {
            return associate(stream, permit, asked.destination.port, args.reassemble).await;
        }
        (_, Permit::Respond(permit)) => {
            stream.write_all(&permit.refuse(ReplyCode::COMMAND_NOT_SUPPORTED)).await?;
            Err(ErrorKind::Unsupported.into())
        }
    };
    match target {
        Ok(target) => relay(stream, target, &asked.early).await,
        Err(error) => {
            hang_up(stream).await;
            Err(error)
        }
    }
}
