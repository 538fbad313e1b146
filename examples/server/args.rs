//! The command line.

use std::net::SocketAddr;
use std::num::NonZeroU32;
use std::process;
use std::time::Duration;

use lexopt::prelude::*;
use socks5_sansio::UserPassBuf;

use crate::credentials::{credentials, first_line};

const HELP: &str = "\
A SOCKS5 proxy server

  --listen ADDRESS:PORT        Where to listen; port 0 lets the system choose one [default: 127.0.0.1:1080]
  --user NAME                  Admit only clients with this username and the password
  --password PASSWORD          The password; others on this machine can see the command line
  --password-file PATH         Read the password from the first line of a file [default: the variable SOCKS5_PASSWORD]
  --open                       Allow a --listen beyond loopback without --user: everybody can use the proxy
  --global-only                Refuse destinations that are not globally reachable, such as loopback and private networks
  --handshake-timeout SECONDS  The time for a client's handshake [default: 10]
  --reassemble                 Reassemble fragments of datagrams instead of dropping them
  --grace SECONDS              The time for tunnels to end after SIGTERM or SIGINT [default: 5]
  --help                       Print this";

pub struct Args {
    pub listen: SocketAddr,
    pub user: Option<String>,
    pub credentials: Option<UserPassBuf>,
    pub global_only: bool,
    pub handshake_timeout: Duration,
    pub reassemble: bool,
    pub grace: Duration,
}

pub fn parse() -> Result<Args, lexopt::Error> {
    let (mut password, mut open) = (None, false);
    let mut args = Args {
        listen: ([127, 0, 0, 1], 1080).into(),
        user: None,
        credentials: None,
        global_only: false,
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
            Long("global-only") => args.global_only = true,
            Long("handshake-timeout") => {
                args.handshake_timeout = Duration::from_secs(parser.value()?.parse::<NonZeroU32>()?.get().into());
            }
            Long("reassemble") => args.reassemble = true,
            Long("grace") => args.grace = Duration::from_secs(parser.value()?.parse::<u32>()?.into()),
            Long("help") | Short('h') => {
                println!("{HELP}");
                process::exit(0);
            }
            other => return Err(other.unexpected()),
        }
    }
    args.credentials = credentials(args.user.as_deref(), password)?;
    if args.credentials.is_none() && !open && !args.listen.ip().is_loopback() {
        return Err(format!("{} is not a loopback address: give --user or --open", args.listen).into());
    }
    Ok(args)
}
