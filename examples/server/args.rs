//! The command line.

use std::net::SocketAddr;
use std::time::Duration;
use std::{env, fs};

use lexopt::prelude::*;
use tokio_socks5_sansio::socks5_sansio::UserPassBuf;

const HELP: &str = "\
A SOCKS5 proxy server

Options:
  --listen ADDRESS:PORT        Where to listen; port 0 lets the system choose one [default: 127.0.0.1:1080]
  --user NAME                  Admit only clients with this username, and its password, from one of:
  --password PASSWORD            the command line, where others on this machine can see it
  --password-file PATH           the first line of a file
                                 the variable SOCKS5_PASSWORD
  --open                       Listen on other than loopback addresses without --user: everybody can use the proxy
  --handshake-timeout SECONDS  The time for a client's handshake [default: 10]
  --reassemble                 Reassemble fragments of datagrams instead of dropping them
  --grace SECONDS              The time for tunnels to end after SIGTERM or SIGINT [default: 5]
  --help                       Print this";

pub struct Args {
    pub listen: SocketAddr,
    pub user: Option<String>,
    pub credentials: Option<UserPassBuf>,
    pub handshake_timeout: Duration,
    pub reassemble: bool,
    pub grace: Duration,
}

/// The arguments, or `None` where the help was printed.
pub fn parse() -> Result<Option<Args>, lexopt::Error> {
    let (mut password, mut open) = (None, false);
    let mut args = Args {
        listen: ([127, 0, 0, 1], 1080).into(),
        user: None,
        credentials: None,
        handshake_timeout: Duration::from_secs(10),
        reassemble: false,
        grace: Duration::from_secs(5),
    };
    let mut parser = lexopt::Parser::from_env();
    while let Some(arg) = parser.next()? {
        match arg {
            Long("listen") => args.listen = parser.value()?.parse()?,
            Long("user") => args.user = Some(parser.value()?.string()?),
            Long("password") => password = Some(parser.value()?.string()?),
            Long("password-file") => password = Some(first_line(&parser.value()?.string()?)?),
            Long("open") => open = true,
            Long("handshake-timeout") => args.handshake_timeout = seconds(&parser.value()?.string()?, 1)?,
            Long("reassemble") => args.reassemble = true,
            Long("grace") => args.grace = seconds(&parser.value()?.string()?, 0)?,
            Long("help") | Short('h') => {
                println!("{HELP}");
                return Ok(None);
            }
            other => return Err(other.unexpected()),
        }
    }
    let password = password.or_else(|| env::var("SOCKS5_PASSWORD").ok());
    args.credentials = match (&args.user, password) {
        (Some(user), Some(password)) => Some(UserPassBuf::new(user, password).map_err(|error| error.to_string())?),
        (Some(_), None) => {
            return Err("--user needs --password, --password-file or the variable SOCKS5_PASSWORD".into());
        }
        (None, _) if open || args.listen.ip().is_loopback() => None,
        (None, _) => return Err(format!("{} is no loopback address: give --user, or --open", args.listen).into()),
    };
    Ok(Some(args))
}

fn first_line(path: &str) -> Result<String, String> {
    let text = fs::read_to_string(path).map_err(|error| format!("{path}: {error}"))?;
    Ok(text.lines().next().unwrap_or_default().to_owned())
}

fn seconds(text: &str, least: u64) -> Result<Duration, String> {
    let seconds = text.parse().ok().filter(|seconds| *seconds >= least);
    seconds.map(Duration::from_secs).ok_or_else(|| format!("{text:?} is not a number of at least {least} seconds"))
}
