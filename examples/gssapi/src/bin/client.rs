//! A SOCKS5 client that authenticates with a Kerberos ticket: joins stdin and stdout to a connection through a proxy.

use std::io::{self, Write};
use std::net::{Shutdown, TcpStream};
use std::process::ExitCode;
use std::thread;
use std::time::Duration;

use clap::Parser;
use socks5_gssapi::initiate::initiate;
use socks5_gssapi::level;
use socks5_gssapi::stream::Stream;
use socks5_sansio::blocking::Wire;
use socks5_sansio::{Endpoint, ProtectionLevel, gssapi};

/// A SOCKS5 client that authenticates by GSSAPI, with the ticket of `kinit`
#[derive(Parser)]
struct Args {
    /// Where the proxy listens
    #[arg(long, default_value = "localhost:1080", value_name = "HOST:PORT")]
    proxy: String,
    /// The service that the proxy is
    #[arg(long, default_value = "rcmd@localhost", value_name = "NAME@HOST")]
    service: String,
    /// How what goes to and fro is protected: integrity or confidentiality; `clear` is not in the RFC
    #[arg(long, default_value = "confidentiality", value_name = "LEVEL", value_parser = level)]
    protection: ProtectionLevel,
    /// How long the proxy may take to connect
    #[arg(long, default_value_t = 30, value_name = "SECONDS", value_parser = clap::value_parser!(u64).range(1..))]
    handshake_timeout: u64,
    /// Where the connection goes
    #[arg(value_name = "HOST:PORT")]
    destination: String,
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
    let destination = Endpoint::try_from(args.destination.as_str())?;
    let tcp = TcpStream::connect(&args.proxy)?;
    let mut stream = Stream::new(tcp, Duration::from_secs(args.handshake_timeout))?;
    connect(&mut stream, args, destination)?;
    tunnel(stream)
}

fn connect(stream: &mut Stream, args: &Args, destination: Endpoint<'_>) -> io::Result<()> {
    let mut wire = Wire::client(&mut *stream);
    let (offer, state) = gssapi::offer();
    wire.send(&offer)?;
    let permit = wire.receive(state)?;
    let (protection, permit) = initiate(&mut wire, permit, &args.service, args.protection)?;
    stream.protect(protection);
    let mut wire = Wire::client(stream);
    let (request, state) = permit.connect(destination);
    wire.send(&request)?;
    wire.receive(state)?;
    Ok(())
}

/// Joins stdin and stdout to the connection, until its end.
fn tunnel(mut stream: Stream) -> io::Result<()> {
    let mut sending = stream.established()?;
    thread::spawn(move || {
        // A connection that no longer takes octets is for the receiving side to report.
        let _ = io::copy(&mut io::stdin().lock(), &mut sending);
        let _ = sending.socket().shutdown(Shutdown::Write);
    });
    let mut stdout = io::stdout().lock();
    io::copy(&mut stream, &mut stdout)?;
    stdout.flush()
}
