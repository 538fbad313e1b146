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

mod associate;
mod bind;
mod connect;
mod negotiate;

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
use socks5_sansio::{Command, Reply, ReplyCode, UserPass};
use tokio::io::{AsyncWriteExt, copy_bidirectional};
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::time::{sleep, timeout};

/// A SOCKS5 proxy server
#[derive(Parser)]
struct Args {
    /// Where to listen; port 0 lets the system choose one
    #[arg(long, default_value = "127.0.0.1:1080", value_name = "ADDRESS:PORT")]
    listen: SocketAddr,
    /// Let in only who gives this name
    #[arg(long, value_name = "NAME", requires = "password")]
    user: Option<String>,
    /// and this password
    #[arg(long, value_name = "PASSWORD", requires = "user")]
    password: Option<String>,
    /// How long a client may take to say what it wants
    #[arg(long, default_value_t = 10, value_name = "SECONDS")]
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
const HANG_UP_TIMEOUT: Duration = Duration::from_secs(2);
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

#[tokio::main]
async fn main() -> ExitCode {
    match run(Args::parse()).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            log(format_args!("error: {error}"));
            ExitCode::FAILURE
        }
    }
}

async fn run(args: Args) -> io::Result<()> {
    args.credentials()?;
    let listener = listen(args.listen)?;
    announce(listener.local_addr()?, args.user.as_deref());
    let args = Arc::new(args);
    loop {
        match listener.accept().await {
            Ok((stream, client)) => {
                let args = Arc::clone(&args);
                tokio::spawn(async move { serve(stream, client, &args).await });
            }
            Err(error) => {
                log(format_args!("accept: {error}"));
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

fn log(line: std::fmt::Arguments<'_>) {
    let _ = writeln!(io::stderr(), "{line}");
}

/// One connection, from its first octet to the line about it.
async fn serve(mut stream: TcpStream, client: SocketAddr, args: &Args) {
    let line = match ask(&mut stream, args).await {
        Ok(asked) => {
            let subject = format!("{} {}", asked.command, asked.destination);
            match fulfil(&mut stream, asked, args).await {
                Ok((up, down)) => format!("{subject}: {up} octets up, {down} down"),
                Err(error) => format!("{subject}: {error}"),
            }
        }
        Err(error) => error.to_string(),
    };
    log(format_args!("{client}: {line}"));
    hang_up(stream).await;
}

async fn ask(stream: &mut TcpStream, args: &Args) -> io::Result<Asked> {
    let limit = Duration::from_secs(args.handshake_timeout);
    timeout(limit, negotiate(stream, args.credentials()?)).await?
}

/// Does what was asked. Gives the number of octets carried to the target and back.
async fn fulfil(stream: &mut TcpStream, asked: Asked, args: &Args) -> io::Result<(u64, u64)> {
    match (asked.command, asked.permit) {
        (Command::CONNECT, Permit::Respond(permit)) => {
            let target = connect(stream, permit, &asked.destination).await?;
            relay(stream, target, &asked.early).await
        }
        (Command::UDP_ASSOCIATE, Permit::Respond(permit)) => {
            associate(stream, permit, asked.destination.port, args.reassemble).await
        }
        (_, Permit::Listen(permit)) => {
            let peer = bind(stream, permit, &asked.destination).await?;
            relay(stream, peer, &asked.early).await
        }
        (_, Permit::Respond(permit)) => {
            stream.write_all(&permit.reply(&Reply::failed(ReplyCode::COMMAND_NOT_SUPPORTED))).await?;
            Err(ErrorKind::Unsupported.into())
        }
    }
}

async fn relay(stream: &mut TcpStream, mut target: TcpStream, early: &[u8]) -> io::Result<(u64, u64)> {
    stream.set_nodelay(true)?;
    target.set_nodelay(true)?;
    target.write_all(early).await?;
    let (up, down) = copy_bidirectional(stream, &mut target).await?;
    Ok((up + early.len() as u64, down))
}

/// Closes so that the last reply arrives: a socket that is closed with octets unread resets the connection, and the
/// client may never see what was sent before.
async fn hang_up(mut stream: TcpStream) {
    let drained = async {
        stream.shutdown().await?;
        tokio::io::copy(&mut stream, &mut tokio::io::sink()).await
    };
    let _ = timeout(HANG_UP_TIMEOUT, drained).await;
}
