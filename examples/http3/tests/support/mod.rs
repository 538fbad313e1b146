//! An HTTP/3 server, and the proxies in front of it.

pub mod proxies;

use std::error::Error;
use std::sync::Arc;

use bytes::Bytes;
use http::Response;
use quinn::crypto::rustls::QuicServerConfig;
use quinn::{Endpoint, Incoming, ServerConfig};
use rcgen::{CertifiedKey, generate_simple_self_signed};
use rustls::RootCertStore;
use rustls::pki_types::PrivateKeyDer;
use tokio::sync::Notify;

type Outcome<T> = Result<T, Box<dyn Error + Send + Sync>>;

/// Answers `/N` with `N` bytes, and never answers any other path.
pub struct Server {
    pub port: u16,
    /// In DER.
    pub certificate: Vec<u8>,
    /// Notified of a request that is never answered.
    pub unanswered: Arc<Notify>,
}

impl Server {
    pub fn start() -> Self {
        let names = ["localhost", "127.0.0.1", "::1"].map(str::to_owned);
        let CertifiedKey { cert, signing_key } = generate_simple_self_signed(names).unwrap();
        let key = PrivateKeyDer::Pkcs8(signing_key.serialize_der().into());
        let tls = rustls::ServerConfig::builder().with_no_client_auth();
        let mut tls = tls.with_single_cert(vec![cert.der().clone()], key).unwrap();
        tls.alpn_protocols = vec![b"h3".to_vec()];
        let config = ServerConfig::with_crypto(Arc::new(QuicServerConfig::try_from(tls).unwrap()));
        let endpoint = Endpoint::server(config, "[::]:0".parse().unwrap()).unwrap();
        let port = endpoint.local_addr().unwrap().port();
        let server = Self { port, certificate: cert.der().to_vec(), unanswered: Arc::default() };
        tokio::spawn(accept(endpoint, Arc::clone(&server.unanswered)));
        server
    }

    pub fn roots(&self) -> RootCertStore {
        let mut roots = RootCertStore::empty();
        roots.add(self.certificate.clone().into()).unwrap();
        roots
    }
}

async fn accept(endpoint: Endpoint, unanswered: Arc<Notify>) {
    while let Some(incoming) = endpoint.accept().await {
        let unanswered = Arc::clone(&unanswered);
        tokio::spawn(async move {
            let _ = serve(incoming, &unanswered).await; // clients close the connection
        });
    }
}

async fn serve(incoming: Incoming, unanswered: &Notify) -> Outcome<()> {
    let connection = h3_quinn::Connection::new(incoming.await?);
    let mut connection = h3::server::Connection::<_, Bytes>::new(connection).await?;
    while let Some(resolver) = connection.accept().await? {
        let (request, mut stream) = resolver.resolve_request().await?;
        match request.uri().path().trim_start_matches('/').parse() {
            Ok(len) => {
                stream.send_response(Response::new(())).await?;
                stream.send_data(page(len).into()).await?;
                stream.finish().await?;
            }
            Err(_) => {
                unanswered.notify_one();
                std::future::pending::<()>().await;
            }
        }
    }
    Ok(())
}

pub fn page(len: usize) -> Vec<u8> {
    (0..len).map(|index| (index % 251) as u8).collect()
}
