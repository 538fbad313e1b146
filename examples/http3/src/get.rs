//! A GET by HTTP/3.

use std::error::Error;
use std::future::poll_fn;
use std::io::{self, ErrorKind};
use std::sync::Arc;

use bytes::Buf;
use http::{Request, StatusCode, Uri};
use quinn::crypto::rustls::QuicClientConfig;
use quinn::{ClientConfig, Connection, MtuDiscoveryConfig, TransportConfig};
use rustls::RootCertStore;

use crate::ProxiedSocket;

/// The MTU of Ethernet. QUIC discovers a smaller one.
const MTU: u16 = 1500;

type Outcome<T> = Result<T, Box<dyn Error + Send + Sync>>;

/// The answer of the server.
#[derive(Debug)]
pub struct Response {
    pub status: StatusCode,
    pub body: Vec<u8>,
}

/// Requests a page of the socket's destination, whose certificate must be issued by one of these roots.
///
/// If the proxy ends the association, the error is `ConnectionAborted`; quinn would only report that its driver has ended.
pub async fn get(socket: &Arc<ProxiedSocket>, uri: &Uri, roots: RootCertStore) -> Outcome<Response> {
    tokio::select! {
        biased;
        () = socket.ended() => Err(io::Error::new(ErrorKind::ConnectionAborted, "the proxy ended the association").into()),
        response = connect_and_get(socket, uri, roots) => response,
    }
}

async fn connect_and_get(socket: &Arc<ProxiedSocket>, uri: &Uri, roots: RootCertStore) -> Outcome<Response> {
    let host = uri.host().ok_or("the URI has no host")?.trim_matches(['[', ']']);
    let endpoint = socket.endpoint(MTU)?;
    let config = client_config(roots, socket.max_payload(MTU)?)?;
    let connection = endpoint.connect_with(config, socket.destination(), host)?.await?;
    let response = request(connection.clone(), uri).await?;
    connection.close(0x100_u32.into(), b""); // H3_NO_ERROR
    endpoint.wait_idle().await;
    Ok(response)
}

fn client_config(roots: RootCertStore, max_payload: u16) -> Outcome<ClientConfig> {
    let mut tls = rustls::ClientConfig::builder().with_root_certificates(roots).with_no_client_auth();
    tls.alpn_protocols = vec![b"h3".to_vec()];
    let mut discovery = MtuDiscoveryConfig::default();
    discovery.upper_bound(max_payload);
    let mut transport = TransportConfig::default();
    transport.mtu_discovery_config(Some(discovery));
    let mut config = ClientConfig::new(Arc::new(QuicClientConfig::try_from(tls)?));
    config.transport_config(Arc::new(transport));
    Ok(config)
}

async fn request(connection: Connection, uri: &Uri) -> Outcome<Response> {
    let (mut driver, mut requests) = h3::client::new(h3_quinn::Connection::new(connection)).await?;
    let exchange = async {
        let mut stream = requests.send_request(Request::get(uri).body(())?).await?;
        stream.finish().await?;
        let status = stream.recv_response().await?.status();
        let mut body = Vec::new();
        while let Some(mut chunk) = stream.recv_data().await? {
            body.extend_from_slice(&chunk.copy_to_bytes(chunk.remaining()));
        }
        Ok(Response { status, body })
    };
    tokio::select! {
        response = exchange => response,
        error = poll_fn(|cx| driver.poll_close(cx)) => Err(error.into()),
    }
}
