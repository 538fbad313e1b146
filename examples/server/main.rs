//! A SOCKS5 proxy server on tokio: the policy, on the parts of `tokio-socks5-sansio`.

mod args;
mod connection;
mod log;

use std::io::{self, Write};
use std::net::SocketAddr;
use std::process::ExitCode;
use std::time::Duration;

use args::Args;
use connection::Server;
use tokio::net::{TcpListener, TcpSocket};
use tokio::runtime::Runtime;
use tokio::signal::unix::{SignalKind, signal};
use tokio_socks5_sansio::limits::raise_descriptor_limit;
use tokio_socks5_sansio::serve::serve;

const BACKLOG: u32 = 4096;

fn main() -> ExitCode {
    let outcome = match args::parse() {
        Ok(Some(args)) => run(args),
        Ok(None) => Ok(()),
        Err(error) => Err(io::Error::other(error)),
    };
    if let Err(error) = &outcome {
        log::line(format_args!("error: {error}"));
    }
    log::finish();
    if outcome.is_ok() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn run(args: Args) -> io::Result<()> {
    let _ = raise_descriptor_limit(); // there are fewer places without
    let runtime = Runtime::new()?;
    let outcome = runtime.block_on(listen_and_serve(args));
    runtime.shutdown_timeout(Duration::from_secs(1)); // a look-up may not end
    outcome
}

async fn listen_and_serve(args: Args) -> io::Result<()> {
    let listener = listen(args.listen)
        .map_err(|error| io::Error::new(error.kind(), format!("cannot listen on {}: {error}", args.listen)))?;
    let address = listener.local_addr()?;
    let (mut terminate, mut interrupt) = (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?);
    let user = args.user.iter().map(|user| format!(" --proxy-user {user}")).collect::<String>();
    let hint = format!("try: curl --proxy socks5h://{address}{user} http://example.com/");
    let _ = writeln!(io::stdout(), "listening on {address}\n{hint}");

    let stop = async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
    };
    let grace = args.grace;
    let server = &*Box::leak(Box::new(Server::new(args, address)));
    serve(listener, stop, grace, |accepted| server.handle(accepted)).await;
    Ok(())
}

/// Connections inherit the options of the listener.
fn listen(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = if address.is_ipv4() { TcpSocket::new_v4() } else { TcpSocket::new_v6() }?;
    socket.set_reuseaddr(true)?;
    socket.set_nodelay(true)?;
    socket.bind(address)?;
    socket.listen(BACKLOG)
}
