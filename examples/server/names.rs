//! Names in datagrams, resolved while the relay goes on.

use std::future;
use std::net::{IpAddr, SocketAddr};

use socks5_sansio::{Address, Endpoint};
use tokio::task::JoinHandle;

use crate::connect::Destination;

/// The last name that was resolved, as the next datagram likely goes there too; and at most one that is being resolved.
#[derive(Default)]
pub struct Names {
    last: Option<(Box<[u8]>, IpAddr)>,
    pending: Option<Pending>,
}

struct Pending {
    name: Box<[u8]>,
    port: u16,
    data: Vec<u8>,
    lookup: JoinHandle<Option<IpAddr>>,
}

impl Names {
    /// Where the data is to go. If that is not known yet, a copy of it waits for [`resolved`](Self::resolved), or it is dropped.
    pub fn target(&mut self, endpoint: Endpoint<'_>, data: &[u8]) -> Option<SocketAddr> {
        let endpoint = endpoint.canonical();
        let Address::Domain(domain) = endpoint.address else { return endpoint.to_socket_addr() };
        match &self.last {
            Some((name, ip)) if **name == *domain.as_bytes() => return Some(SocketAddr::new(*ip, endpoint.port)),
            _ => {}
        }
        if self.pending.is_none() {
            let destination = Destination::from(endpoint);
            let lookup = tokio::spawn(async move { Some(destination.addresses().await.ok()?.first()?.ip()) });
            let (name, data) = (domain.as_bytes().into(), data.to_vec());
            self.pending = Some(Pending { name, port: endpoint.port, data, lookup });
        }
        None
    }

    /// The data that has waited, when it is known where to.
    pub async fn resolved(&mut self) -> (SocketAddr, Vec<u8>) {
        loop {
            let Some(pending) = &mut self.pending else { return future::pending().await };
            let outcome = (&mut pending.lookup).await;
            let Some(Pending { name, port, data, .. }) = self.pending.take() else { continue };
            if let Ok(Some(ip)) = outcome {
                self.last = Some((name, ip));
                return (SocketAddr::new(ip, port), data);
            }
        }
    }
}
