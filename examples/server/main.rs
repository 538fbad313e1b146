//! A SOCKS5 proxy server on tokio: its own policy, and the parts of `tokio-socks5-sansio`.

mod args;
mod connection;
#[path = "../credentials.rs"]
mod credentials;
mod destinations;
mod log;

use std::io::{self, Write};
use std::process;

use args::Args;
use connection::Server;
use tokio::signal::unix::{SignalKind, signal};
use tokio_socks5_sansio::limits::raise_descriptor_limit;
use tokio_socks5_sansio::serve::{listen, serve};

#[tokio::main]
async fn main() {
    let outcome = match args::parse() {
        Ok(args) => run(args).await,
        Err(error) => Err(io::Error::other(error)),
    };
    if let Err(error) = &outcome {
        log::line(format_args!("error: {error}"));
    }
    log::finish();
    process::exit(outcome.is_err().into()); // does not wait for look-ups
}

async fn run(args: Args) -> io::Result<()> {
    let _ = raise_descriptor_limit(); // if it fails, there are fewer places
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
    let failed = |error: io::Error| log::line(format_args!("accept: {error}"));
    serve(listener, stop, grace, |stream, client| server.handle(stream, client), failed).await;
    Ok(())
}
