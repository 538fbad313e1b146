//! A SOCKS5 proxy that admits only clients with a Kerberos ticket: CONNECT, BIND and UDP ASSOCIATE, wrapped.

mod connection;
#[path = "../../../../server/log.rs"]
mod log;

use std::io::{self, Write};
use std::net::SocketAddr;
use std::process;
use std::time::Duration;

use clap::Parser;
use connection::Server;
use libgssapi::credential::{Cred, CredUsage};
use libgssapi::name::Name;
use libgssapi::oid::GSS_NT_HOSTBASED_SERVICE;
use socks5_gssapi::level;
use socks5_sansio::ProtectionLevel;
use tokio::select;
use tokio::signal::unix::{SignalKind, signal};
use tokio_socks5_sansio::limits::raise_descriptor_limit;
use tokio_socks5_sansio::serve::{listen, serve};

/// A SOCKS5 proxy server that authenticates by GSSAPI; its keys are in KRB5_KTNAME
#[derive(Parser)]
struct Args {
    /// Where to listen; port 0 lets the system choose one
    #[arg(long, default_value = "127.0.0.1:1080", value_name = "ADDRESS:PORT")]
    listen: SocketAddr,
    /// The service that tickets must be for, such as rcmd@proxy.example; by default, any in the keytab
    #[arg(long, value_name = "NAME@HOST")]
    service: Option<String>,
    /// The levels that clients may choose, in any order; `clear`, which protects nothing, is not in the RFC, but libcurl needs it
    /// as the only level
    #[arg(long, default_value = "integrity,confidentiality", value_name = "LEVELS", value_delimiter = ',')]
    #[arg(value_parser = level)]
    protection: Vec<ProtectionLevel>,
    /// The time for a client's handshake
    #[arg(long, default_value_t = 10, value_name = "SECONDS", value_parser = clap::value_parser!(u64).range(1..))]
    handshake_timeout: u64,
    /// The time for tunnels to end after SIGTERM or SIGINT
    #[arg(long, default_value_t = 5, value_name = "SECONDS")]
    grace: u64,
}

#[tokio::main]
async fn main() {
    let outcome = run(Args::parse()).await;
    if let Err(error) = &outcome {
        log::line(format_args!("error: {error}"));
    }
    log::finish();
    process::exit(outcome.is_err().into()); // does not wait for look-ups
}

async fn run(args: Args) -> io::Result<()> {
    let _ = raise_descriptor_limit(); // if it fails, there are fewer places
    let credential = args.credential()?;
    let listener = listen(args.listen)?;
    let address = listener.local_addr()?;
    let (mut terminate, mut interrupt) = (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?);
    let service = args.service.as_deref().unwrap_or("rcmd@localhost");
    let hint = format!("try: client --proxy {address} --service {service} example.com:80");
    let _ = writeln!(io::stdout(), "listening on {address}\n{hint}");

    let stop = async move {
        select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
    };
    let grace = Duration::from_secs(args.grace);
    let timeout = Duration::from_secs(args.handshake_timeout);
    let server = &*Box::leak(Box::new(Server::new(address, credential, args.protection, timeout)));
    let handle = |stream, client| server.handle(stream, client);
    serve(listener, stop, grace, handle, |error| log::line(format_args!("accept: {error}"))).await;
    Ok(())
}

impl Args {
    fn credential(&self) -> io::Result<Cred> {
        let name = self.service.as_ref().map(|name| Name::new(name.as_bytes(), Some(GSS_NT_HOSTBASED_SERVICE)));
        let name = name.transpose().map_err(io::Error::other)?;
        Cred::acquire(name.as_ref(), None, CredUsage::Accept, None).map_err(io::Error::other)
    }
}
