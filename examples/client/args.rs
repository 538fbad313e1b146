//! The command line.

use std::num::{NonZeroU32, NonZeroUsize};
use std::process;
use std::time::Duration;

use lexopt::prelude::*;
use socks5_sansio::{EndpointBuf, UserPassBuf};

use crate::credentials::{credentials, first_line};
use crate::in_tcp::Dialect;

const HELP: &str = "\
A SOCKS5 client

Usage: client [OPTIONS] COMMAND HOST:PORT

  connect               Join stdin and stdout to a connection to HOST:PORT
  bind                  Join stdin and stdout to a connection from HOST; from anywhere, with 0.0.0.0:0
  udp                   Send each line of stdin as a datagram to HOST:PORT, and print each answer as a line

  --proxy HOST:PORT     Where the proxy listens [default: 127.0.0.1:1080]
  --user NAME           The username for the proxy
  --password PASSWORD   The password; others on this machine can see the command line
  --password-file PATH  Read the password from the first line of a file [default: the variable SOCKS5_PASSWORD]
  --optimistic          Send everything without waiting for answers, and offer one method only; not every proxy supports this
  --socks4              Use SOCKS4, and SOCKS4a for names; not with udp, --user or --optimistic
  --userid NAME         With --socks4: the USERID, which proves nothing
  --timeout SECONDS     The time to connect, and again for the handshake; the second reply to bind has no limit [default: 30]
  --wait SECONDS        With udp: the time to wait for answers when stdin has ended [default: 1]
  --fragment N          With udp: cut datagrams into fragments of N bytes
  --in-tcp DIALECT      With udp: send datagrams inside the connection to the proxy, in the frames of hev, gost or uot
  --help                Print this";

const COMMANDS: [&str; 3] = ["connect", "bind", "udp"];

pub struct Args {
    pub proxy: String,
    pub credentials: Option<UserPassBuf>,
    pub optimistic: bool,
    /// The USERID of SOCKS4.
    pub socks4: Option<String>,
    pub timeout: Duration,
    pub wait: Duration,
    pub fragment: NonZeroUsize,
    pub in_tcp: Option<Dialect>,
    /// One of [`COMMANDS`].
    pub command: &'static str,
    pub destination: EndpointBuf,
}

pub fn parse() -> Result<Args, lexopt::Error> {
    let (mut user, mut password, mut optimistic) = (None, None, false);
    let (mut proxy, mut timeout, mut wait, mut fragment) = ("127.0.0.1:1080".to_owned(), 30, 1, NonZeroUsize::MAX);
    let (mut socks4, mut user_id) = (false, None);
    let (mut command, mut destination, mut in_tcp) = (None, None, None);
    let mut parser = lexopt::Parser::from_env();
    while let Some(arg) = parser.next()? {
        match arg {
            Long("proxy") => proxy = parser.value()?.string()?,
            Long("user") => user = Some(parser.value()?.string()?),
            Long("password") => password = Some(parser.value()?.string()?),
            Long("password-file") => password = Some(first_line(&parser.value()?.string()?)?),
            Long("optimistic") => optimistic = true,
            Long("socks4") => socks4 = true,
            Long("userid") => user_id = Some(parser.value()?.string()?),
            Long("timeout") => timeout = parser.value()?.parse::<NonZeroU32>()?.get(),
            Long("wait") => wait = parser.value()?.parse::<u32>()?,
            Long("fragment") => fragment = parser.value()?.parse()?,
            Long("in-tcp") => in_tcp = Some(parser.value()?.parse()?),
            Long("help") | Short('h') => {
                println!("{HELP}");
                process::exit(0);
            }
            Value(name) if command.is_none() => command = COMMANDS.into_iter().find(|known| name == *known),
            Value(value) if destination.is_none() => destination = Some(value.parse()?),
            other => return Err(other.unexpected()),
        }
    }
    let credentials = credentials(user.as_deref(), password)?;
    let command = command.ok_or("no command: expected connect, bind or udp")?;
    let destination = destination.ok_or("no destination: expected HOST:PORT")?;
    if socks4 && (credentials.is_some() || optimistic || command == "udp") || !socks4 && user_id.is_some() {
        return Err("--socks4 is for connect and bind, not with --user or --optimistic; --userid needs --socks4".into());
    }
    if command != "udp" && (in_tcp.is_some() || fragment != NonZeroUsize::MAX) {
        return Err("--fragment and --in-tcp are for udp".into());
    }
    let socks4 = socks4.then(|| user_id.unwrap_or_default());
    let (timeout, wait) = (Duration::from_secs(timeout.into()), Duration::from_secs(wait.into()));
    Ok(Args { proxy, credentials, optimistic, socks4, timeout, wait, fragment, in_tcp, command, destination })
}
