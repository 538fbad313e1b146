//! A SOCKS5 client that authenticates with a Kerberos ticket: joins stdin and stdout to a connection through a proxy.

use std::future::pending;
use std::io::{self, Write};
use std::process;
use std::time::Duration;

use clap::Parser;
use socks5_gssapi::initiate::initiate;
use socks5_gssapi::level;
use socks5_gssapi::stream::Stream;
use socks5_sansio::{Endpoint, ProtectionLevel, gssapi};
use tokio::io::{AsyncWriteExt, copy, stdin, stdout};
use tokio::net::TcpStream;
use tokio::select;
use tokio::time::timeout;
use tokio_socks5_sansio::Wire;

/// A SOCKS5 client that authenticates by GSSAPI, with the ticket of `kinit`
#[derive(Parser)]
struct Args {
    /// Where the proxy listens
    #[arg(long, default_value = "localhost:1080", value_name = "HOST:PORT")]
    proxy: String,
    /// The proxy's service, for which a ticket is requested
    #[arg(long, default_value = "rcmd@localhost", value_name = "NAME@HOST")]
    service: String,
    /// How data is protected: integrity or confidentiality; `clear` is not in the RFC
    #[arg(long, default_value = "confidentiality", value_name = "LEVEL", value_parser = level)]
    protection: ProtectionLevel,
    /// The time for the handshake, in which the proxy connects to the destination
    #[arg(long, default_value_t = 30, value_name = "SECONDS", value_parser = clap::value_parser!(u64).range(1..))]
    handshake_timeout: u64,
    /// The destination of the connection
    #[arg(value_name = "HOST:PORT")]
    destination: String,
}

#[tokio::main]
async fn main() {
    let outcome = run(&Args::parse()).await;
    if let Err(error) = &outcome {
        let _ = writeln!(io::stderr(), "error: {error}");
    }
    process::exit(outcome.is_err().into()); // does not wait for stdin
}

async fn run(args: &Args) -> io::Result<()> {
    let destination = Endpoint::try_from(args.destination.as_str())?;
    let tcp = TcpStream::connect(&args.proxy).await?;
    tcp.set_nodelay(true)?;
    let mut stream = Stream::new(&tcp);
    timeout(Duration::from_secs(args.handshake_timeout), connect(&mut stream, args, destination)).await??;
    tunnel(stream).await
}

async fn connect(stream: &mut Stream<'_>, args: &Args, destination: Endpoint<'_>) -> io::Result<()> {
    let mut wire = Wire::client(&mut *stream);
    let (offer, state) = gssapi::offer();
    wire.send(&offer).await?;
    let permit = wire.receive(state).await?;
    let (protection, permit) = initiate(&mut wire, permit, &args.service, args.protection).await?;
    stream.protect(protection);
    let mut wire = Wire::client(stream);
    let (request, state) = permit.connect(destination);
    wire.send(&request).await?;
    wire.receive(state).await?;
    Ok(())
}

/// Joins stdin and stdout to the connection, until its end. Errors of sending are ignored, as receiving returns them, too.
async fn tunnel(mut stream: Stream<'_>) -> io::Result<()> {
    let (mut sender, mut stdout) = (stream.writer(), stdout());
    let sending = async {
        let _ = copy(&mut stdin(), &mut sender).await;
        let _ = sender.shutdown().await;
        pending::<()>().await;
    };
    select! {
        () = sending => Ok(()),
        received = copy(&mut stream, &mut stdout) => received.map(drop),
    }
}
