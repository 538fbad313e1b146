//! The proxy as a program.
//!
//! ```text
//! cargo run -p socks5-sansio-event-loop                      thousands of connections through it, and a summary
//! cargo run -p socks5-sansio-event-loop -- 127.0.0.1:1080    a proxy, until it is stopped
//! ```
//!
//! It connects to addresses only, and admits every client: listen on a loopback address.

mod crowd;

use std::io;

use event_loop_proxy::{Config, Connection, serve};
use mio::net::TcpListener;

fn main() -> io::Result<()> {
    if let Some(address) = std::env::args().nth(1) {
        let listener = TcpListener::bind(address.parse().map_err(io::Error::other)?)?;
        println!("listening on {}", listener.local_addr()?);
        return serve(listener, &Config::default());
    }
    crowd::run(|listener| serve(listener, &Config::default()))?;
    println!("between turns, a connection has {} bytes and its unsent data", size_of::<Connection>());
    Ok(())
}
