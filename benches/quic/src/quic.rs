//! A QUIC server with a self-signed certificate, and downloads from it.

use std::error::Error;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::{Duration, Instant};

use quinn::crypto::rustls::{QuicClientConfig, QuicServerConfig};
use quinn::{ClientConfig, Endpoint, Incoming, MtuDiscoveryConfig, ServerConfig, TransportConfig};
use rustls::RootCertStore;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};

pub type Result<T> = std::result::Result<T, Box<dyn Error + Send + Sync>>;

pub const MTU: u16 = 1500;
/// The most data of a UDP datagram over IPv4.
pub const PAYLOAD: u16 = MTU - 20 - 8;
const NAME: &str = "localhost";
const BLOCK: &[u8] = &[0; 64 * 1024];

pub struct Server {
    pub address: SocketAddr,
    certificate: CertificateDer<'static>,
}

pub struct Download {
    pub seconds: f64,
    pub datagrams: u64,
}

impl Server {
    /// Serves in a task. A client sends a number on a stream, and receives that many bytes.
    pub fn start() -> Result<Self> {
        let made = rcgen::generate_simple_self_signed([NAME.to_owned()])?;
        let certificate = made.cert.der().clone();
        let key = PrivateKeyDer::Pkcs8(made.signing_key.serialize_der().into());
        let tls = rustls::ServerConfig::builder().with_no_client_auth();
        let tls = tls.with_single_cert(vec![certificate.clone()], key)?;
        let mut config = ServerConfig::with_crypto(Arc::new(QuicServerConfig::try_from(tls)?));
        config.transport_config(transport(PAYLOAD)?);
        let endpoint = Endpoint::server(config, (Ipv4Addr::LOCALHOST, 0).into())?;
        let address = endpoint.local_addr()?;
        tokio::spawn(async move {
            while let Some(incoming) = endpoint.accept().await {
                tokio::spawn(serve(incoming));
            }
        });
        Ok(Self { address, certificate })
    }

    /// Downloads over a new connection, and sends at most this payload in a datagram.
    pub async fn download(&self, endpoint: &Endpoint, to: SocketAddr, payload: u16, len: u64) -> Result<Download> {
        let connection = endpoint.connect_with(self.client(payload)?, to, NAME)?.await?;
        let start = Instant::now();
        let (mut send, mut receive) = connection.open_bi().await?;
        send.write_all(&len.to_be_bytes()).await?;
        send.finish()?;
        let mut received = 0;
        while let Some(chunk) = receive.read_chunk(1 << 20, true).await? {
            received += chunk.bytes.len() as u64;
        }
        let download =
            Download { seconds: start.elapsed().as_secs_f64(), datagrams: connection.stats().udp_rx.datagrams };
        connection.close(0u8.into(), b"");
        endpoint.wait_idle().await;
        if received == len { Ok(download) } else { Err(format!("{received} of {len} bytes").into()) }
    }

    fn client(&self, payload: u16) -> Result<ClientConfig> {
        let mut roots = RootCertStore::empty();
        roots.add(self.certificate.clone())?;
        let tls = rustls::ClientConfig::builder().with_root_certificates(roots).with_no_client_auth();
        let mut config = ClientConfig::new(Arc::new(QuicClientConfig::try_from(tls)?));
        config.transport_config(transport(payload)?);
        Ok(config)
    }
}

async fn serve(incoming: Incoming) -> Result<()> {
    let connection = incoming.await?;
    let (mut send, mut receive) = connection.accept_bi().await?;
    let mut left = u64::from_be_bytes(receive.read_to_end(8).await?.as_slice().try_into()?);
    while left > 0 {
        let block = &BLOCK[..BLOCK.len().min(usize::try_from(left)?)];
        send.write_all(block).await?;
        left -= block.len() as u64;
    }
    send.finish()?;
    connection.closed().await;
    Ok(())
}

fn transport(payload: u16) -> Result<Arc<TransportConfig>> {
    let mut discovery = MtuDiscoveryConfig::default();
    discovery.upper_bound(payload);
    let mut transport = TransportConfig::default();
    transport.mtu_discovery_config(Some(discovery)).max_idle_timeout(Some(Duration::from_secs(10).try_into()?));
    Ok(Arc::new(transport))
}
