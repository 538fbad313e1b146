//! Futures that are spawned: over any stream that is `Send`, concrete or boxed.

use std::io;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, duplex};
use tokio::task::JoinHandle;
use tokio_socks5_sansio::socks5_sansio::server::Asked;
use tokio_socks5_sansio::socks5_sansio::{EndpointBuf, UserPass};
use tokio_socks5_sansio::{Admit, Anyone, Check, Wire, accept, connect};

use crate::{NO_TIMEOUT, alice};

trait Stream: AsyncRead + AsyncWrite + Unpin + Send + 'static {}
impl<S: AsyncRead + AsyncWrite + Unpin + Send + 'static> Stream for S {}

async fn find_user(given: UserPass<'_>) -> Option<String> {
    tokio::task::yield_now().await;
    given.verify(&alice()).then(|| String::from("Alice"))
}

/// Answers CONNECT and echoes; returns the user.
async fn serve<S: Stream, A: Admit>(stream: S, admit: A) -> io::Result<A::User> {
    let mut wire = Wire::server(stream);
    let (user, destination, asked) = accept(&mut wire, &admit, NO_TIMEOUT).await?;
    let destination = EndpointBuf::from(destination);
    let Asked::Connect(permit) = asked else { return Err(io::ErrorKind::Unsupported.into()) };
    wire.send(&permit.succeed(destination.as_endpoint())).await?;
    let (mut stream, early) = wire.into_parts();
    stream.write_all(early.unread()).await?;
    let (mut from, mut to) = tokio::io::split(stream);
    tokio::io::copy(&mut from, &mut to).await?;
    Ok(user)
}

fn spawn_with_check<S: Stream>(stream: S) -> JoinHandle<io::Result<String>> {
    tokio::spawn(serve(stream, Check::new(async |given| find_user(given).await)))
}

fn spawn_with_user<S: Stream>(stream: S) -> JoinHandle<io::Result<()>> {
    tokio::spawn(serve(stream, alice()))
}

fn spawn_for_anyone<S: Stream>(stream: S) -> JoinHandle<io::Result<()>> {
    tokio::spawn(serve(stream, Anyone))
}

fn spawn_client<S: Stream>(mut stream: S, to: String) -> JoinHandle<io::Result<Vec<u8>>> {
    tokio::spawn(async move {
        let bound = connect(&mut stream, to.as_str(), Some(alice()), NO_TIMEOUT).await?;
        assert_eq!(bound.to_string(), to);
        stream.write_all(b"hello").await?;
        let mut echo = vec![0; 5];
        stream.read_exact(&mut echo).await?;
        Ok(echo)
    })
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn clients_and_servers_are_spawned_over_generic_streams() {
    for _ in 0..20 {
        let (client, server) = duplex(7);
        let (server, client) = (spawn_with_check(server), spawn_client(client, "example.com:443".into()));
        assert_eq!(client.await.unwrap().unwrap(), b"hello");
        assert_eq!(server.await.unwrap().unwrap(), "Alice");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn clients_and_servers_are_spawned_over_boxed_streams() {
    for spawn in [spawn_with_user::<Box<dyn Stream>>, spawn_for_anyone] {
        let (client, server) = duplex(7);
        let (client, server): (Box<dyn Stream>, Box<dyn Stream>) = (Box::new(client), Box::new(server));
        let (server, client) = (spawn(server), spawn_client(client, "192.0.2.1:80".into()));
        assert_eq!(client.await.unwrap().unwrap(), b"hello");
        server.await.unwrap().unwrap();
    }
}
