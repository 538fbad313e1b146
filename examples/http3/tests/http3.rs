//! HTTP/3 through proxies: the example server, dante and fast-socks5, to an address and to a name.

mod namespace;
mod support;

use std::net::SocketAddr;
use std::time::Duration;

use http::Uri;
use socks5_sansio_http3::{ProxiedSocket, Response, get};
use support::proxies::{dante, example_server, example_server_at, fast_socks5};
use support::{Server, page};
use tokio::time::timeout;
use tokio_socks5_sansio::socks5_sansio::Endpoint;

const TEST_TIMEOUT: Duration = Duration::from_secs(60);

async fn fetch(proxy: SocketAddr, server: &Server, host: &str, path: &str) -> Result<Response, String> {
    let destination = Endpoint::try_from((host, server.port)).unwrap().into();
    let socket = timeout(TEST_TIMEOUT, ProxiedSocket::open(proxy, None, destination)).await.unwrap().unwrap();
    let host = if host.contains(':') { format!("[{host}]") } else { host.to_owned() };
    let uri: Uri = format!("https://{host}:{}/{path}", server.port).parse().unwrap();
    let response = timeout(TEST_TIMEOUT, get(&socket, &uri, server.roots())).await;
    response.unwrap_or_else(|_| panic!("no answer of {uri} through {proxy}")).map_err(|error| error.to_string())
}

async fn pages_arrive(proxy: SocketAddr, hosts: &[&str]) {
    let server = Server::start();
    for host in hosts {
        for len in [0, 5, 1_000_000] {
            let response = fetch(proxy, &server, host, &len.to_string()).await.unwrap();
            assert_eq!(response.status, 200, "{host}");
            assert!(response.body == page(len), "{host}: {} bytes of {len}", response.body.len());
        }
    }
}

#[tokio::test]
async fn pages_arrive_through_the_example_server() {
    pages_arrive(example_server().address, &["127.0.0.1", "::1", "localhost"]).await;
}

#[tokio::test]
async fn pages_arrive_through_dante() {
    let Some(dante) = dante() else { return };
    pages_arrive(dante.address, &["127.0.0.1", "localhost"]).await;
}

#[tokio::test]
async fn pages_arrive_through_fast_socks5() {
    pages_arrive(fast_socks5().await, &["127.0.0.1", "localhost"]).await;
}

#[tokio::test]
async fn two_names_of_one_address_are_two_associations() {
    let (proxy, server) = (example_server(), Server::start());
    let fetch = |host| fetch(proxy.address, &server, host, "100000");
    let (one, two) = tokio::join!(fetch("localhost"), fetch("127.0.0.1"));
    assert!([one, two].into_iter().all(|response| response.unwrap().body == page(100_000)));
}

#[tokio::test]
async fn reports_that_the_proxy_ended_the_association() {
    let (mut proxy, server) = (example_server(), Server::start());
    let (address, unanswered) = (proxy.address, server.unanswered.clone());
    let pending = tokio::spawn(async move { fetch(address, &server, "localhost", "never").await });
    timeout(TEST_TIMEOUT, unanswered.notified()).await.unwrap();
    proxy.kill();
    let error = timeout(TEST_TIMEOUT, pending).await.unwrap().unwrap().unwrap_err();
    assert_eq!(error, "the proxy ended the association");
}

#[tokio::test]
async fn the_program_prints_the_page() {
    let (proxy, server, folder) = (example_server(), Server::start(), tempfile::tempdir().unwrap());
    let certificate = folder.path().join("certificate");
    std::fs::write(&certificate, &server.certificate).unwrap();
    let mut program = tokio::process::Command::new(env!("CARGO_BIN_EXE_socks5-sansio-http3"));
    program.arg(proxy.address.to_string()).arg(certificate).arg(format!("https://localhost:{}/1000", server.port));
    let output = timeout(TEST_TIMEOUT, program.output()).await.unwrap().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    assert_eq!(output.stdout, page(1000));
}

#[tokio::test]
async fn a_path_that_is_too_narrow_for_quic_is_an_error() {
    let proxy = example_server();
    let destination = Endpoint::try_from("localhost:443").unwrap().into();
    let socket = ProxiedSocket::open(proxy.address, None, destination).await.unwrap();
    for mtu in [0, 576, 1200 + 20 + 8 + 7 + 8] {
        assert_eq!(socket.max_payload(mtu).unwrap_err().to_string(), "the path's MTU is too small for QUIC");
        assert!(socket.endpoint(mtu).is_err());
    }
    assert_eq!(socket.max_payload(1500).unwrap(), 1500 - 20 - 8 - 7 - 9);
}

#[tokio::test]
async fn nothing_is_sent_in_ip_fragments_at_an_mtu_of_1500() {
    if !namespace::enter("nothing_is_sent_in_ip_fragments_at_an_mtu_of_1500") {
        return;
    }
    for listen in ["127.0.0.1:0", "[::1]:0"] {
        pages_arrive(example_server_at(listen).address, &["127.0.0.1", "::1", "localhost"]).await;
        assert_eq!(namespace::ip_fragments(), 0, "{listen}");
    }
}
