//! The destinations that clients may reach.

use std::io;
use std::net::SocketAddr;

use tokio_socks5_sansio::lookup::{Resolve, System};
use tokio_socks5_sansio::socks5_sansio::association::{Scope, scope};

/// The system's resolver, with a rule.
pub struct Destinations {
    /// Whether only globally reachable addresses are allowed. A public address of this machine is one of them.
    pub global_only: bool,
}

impl Resolve for Destinations {
    async fn resolve(&self, host: &str, port: u16) -> io::Result<Vec<SocketAddr>> {
        System.resolve(host, port).await
    }

    fn allows(&self, destination: SocketAddr) -> bool {
        !self.global_only || scope(destination.ip()) == Scope::Global
    }
}
