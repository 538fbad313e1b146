//! `socks5-sansio-http3 PROXY CERTIFICATE URI`: prints a page, fetched by HTTP/3 through a SOCKS5 proxy.

use std::env::args;
use std::error::Error;
use std::io::{self, Write};
use std::net::SocketAddr;
use std::time::Duration;

use http::Uri;
use rustls::RootCertStore;
use socks5_sansio_http3::{ProxiedSocket, get};
use tokio::time::timeout;
use tokio_socks5_sansio::socks5_sansio::Endpoint;

const TIMEOUT: Duration = Duration::from_secs(30);

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error + Send + Sync>> {
    let args: Vec<String> = args().collect();
    let [_, proxy, certificate, uri] = &*args else {
        return Err("usage: socks5-sansio-http3 PROXY CERTIFICATE URI (the certificate in DER)".into());
    };
    let uri: Uri = uri.parse()?;
    let mut roots = RootCertStore::empty();
    roots.add(std::fs::read(certificate)?.into())?;
    let body = timeout(TIMEOUT, fetch(proxy.parse()?, &uri, roots)).await??;
    Ok(io::stdout().write_all(&body)?)
}

async fn fetch(proxy: SocketAddr, uri: &Uri, roots: RootCertStore) -> Result<Vec<u8>, Box<dyn Error + Send + Sync>> {
    let host = uri.host().ok_or("the URI has no host")?.trim_matches(['[', ']']);
    let destination = Endpoint::try_from((host, uri.port_u16().unwrap_or(443)))?.into();
    let socket = ProxiedSocket::open(proxy, None, destination).await?;
    let response = get(&socket, uri, roots).await?;
    if response.status.is_success() { Ok(response.body) } else { Err(response.status.to_string().into()) }
}
