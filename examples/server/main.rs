//! A SOCKS5 server on tokio.
//!
//! | file | what it shows |
//! |---|---|
//! | `main.rs` | listening, and the life of one connection |
//! | `negotiate.rs` | the driver: a socket around [`socks5_sansio::Server`] |
//! | `connect.rs` | CONNECT and BIND: names to addresses to a connection, and its error to a reply |
//! | `associate.rs` | UDP ASSOCIATE: datagrams to and fro without moving their payload |
//! | `relay.rs` | octets to and fro, and how a connection ends |

mod associate;
mod connect;
mod negotiate;
mod relay;

use std::convert::Infallible;
use std::io::{self, ErrorKind, Write};
use std::net::SocketAddr;
use std::process::ExitCode;
use std::time::Duration;

use associate::Association;
use clap::Parser;
use connect::{answer, bind, connect, within};
use negotiate::{Permit, negotiate};
use relay::{hang_up, relay};
use socks5_sansio::{Command, UserPass};
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::time::sleep;

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
        Ok(Some(UserPass::new(user, password)?))
    }
}

const BACKLOG: u32 = 4096;
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

#[tokio::main]
async fn main() -> ExitCode {
    let Err(error) = run(Box::leak(Args::parse().into())).await;
    log(&format!("error: {error}"));
    ExitCode::FAILURE
}

async fn run(args: &'static Args) -> io::Result<Infallible> {
    args.credentials()?;
    let listener = listen(args.listen)
        .map_err(|error| io::Error::new(error.kind(), format!("cannot listen on {}: {error}", args.listen)))?;
    let address = listener.local_addr()?;
    let user = args.user.iter().map(|user| format!(" --proxy-user {user}")).collect::<String>();
    let hint = format!("try: curl --proxy socks5h://{address}{user} http://example.com/");
    let _ = writeln!(io::stdout(), "listening on {address}\n{hint}");
    // In a task, so that what it spawns begins on the same thread.
    Ok(tokio::spawn(accept(listener, args)).await?)
}

/// Connections take over the socket's options.
fn listen(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = if address.is_ipv4() { TcpSocket::new_v4() } else { TcpSocket::new_v6() }?;
    socket.set_reuseaddr(true)?;
    socket.set_keepalive(true)?;
    socket.set_nodelay(true)?;
    socket.bind(address)?;
    socket.listen(BACKLOG)
}

async fn accept(listener: TcpListener, args: &'static Args) -> Infallible {
    loop {
        match listener.accept().await {
            Ok((stream, client)) => drop(tokio::spawn(serve(stream, client, args))),
            Err(error) => {
                log(&format!("accept: {error}"));
                sleep(ACCEPT_PAUSE).await;
            }
        }
    }
}

/// In one write, so that lines do not mix.
fn log(line: &str) {
    let _ = io::stderr().write_all(format!("{line}\n").as_bytes());
}

/// One connection, from its first octet to the line about it.
async fn serve(mut stream: TcpStream, client: SocketAddr, args: &Args) {
    let mut subject = String::new();
    // In boxes, so that an idle tunnel takes no room for them.
    let outcome = match Box::pin(prepare(&mut stream, args, &mut subject)).await {
        Ok(Ready::Tunnel(target, early)) => relay(stream, target, early).await,
        Ok(Ready::Association(association)) => Ok(Box::pin(association.relay(stream)).await),
        Err(error) => {
            hang_up(stream).await;
            Err(error)
        }
    };
    log(&match outcome {
        Ok((up, down)) => format!("{client}: {subject}{up} octets up, {down} down"),
        Err(error) => format!("{client}: {subject}{error}"),
    });
}

/// What the client has been given.
enum Ready {
    Tunnel(TcpStream, Vec<u8>),
    Association(Box<Association>),
}

/// Listens to what the client wants, and gets it.
async fn prepare(stream: &mut TcpStream, args: &Args, subject: &mut String) -> io::Result<Ready> {
    let limit = Duration::from_secs(args.handshake_timeout);
    let asked = within(limit, negotiate(stream, args.credentials()?)).await?;
    *subject = format!("{} {}: ", asked.command, asked.destination.as_endpoint().canonical());
    let target = match (asked.command, asked.permit) {
        (Command::CONNECT, Permit::Respond(permit)) => connect(stream, permit, &asked.destination).await?,
        (_, Permit::Listen(permit)) => bind(stream, permit, &asked.destination).await?,
        (Command::UDP_ASSOCIATE, Permit::Respond(permit)) => {
            let opened = Association::open(stream, asked.destination.as_endpoint().port, args.reassemble);
            let association = answer(stream, permit, opened, |opened| opened.inside.local_addr()).await?;
            return Ok(Ready::Association(association.into()));
        }
        (_, Permit::Respond(permit)) => {
            answer(stream, permit, Err(ErrorKind::Unsupported.into()), TcpStream::local_addr).await?
        }
    };
    Ok(Ready::Tunnel(target, asked.early))
}
