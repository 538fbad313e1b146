//! Client and server in a program without std and without an allocator: it links only if neither is needed.
//!
//! `cargo run --release` exits with 0 if the two have understood each other.

#![no_std]
#![no_main]

use core::ffi::c_int;
use core::panic::PanicInfo;

use socks5_sansio::client::{Client, Step as Answer};
use socks5_sansio::server::{Chosen, Server, Step};
use socks5_sansio::{Command, Endpoint, Message, Method, MethodOffer, Reply, Request, UdpHeader, UserPass};

#[link(name = "c")]
unsafe extern "C" {
    safe fn abort() -> !;
}

#[panic_handler]
fn panic(_: &PanicInfo<'_>) -> ! {
    abort()
}

/// The prebuilt `core` names it; nothing here unwinds.
#[unsafe(no_mangle)]
extern "C" fn rust_eh_personality() {}

#[unsafe(no_mangle)]
extern "C" fn main() -> c_int {
    match converse().and_then(|()| datagram()) {
        Some(()) => 0,
        None => 1,
    }
}

fn converse() -> Option<()> {
    let credentials = UserPass::new("alice", "s3cret").ok()?;
    let destination = Endpoint::try_from("example.com:443").ok()?;

    let (offer, client) = Client::new(&MethodOffer::of(&[Method::USERNAME_PASSWORD]));
    let (_, Step::Methods(_, permit)) = Server::new().read(&offer).ok()? else { return None };
    let Chosen::Continue(selection, server) = permit.choose(&[Method::USERNAME_PASSWORD]) else { return None };

    let (_, Answer::UserPass(permit)) = client.read(&selection).ok()? else { return None };
    let (octets, client) = permit.send(&credentials);
    let (_, Step::UserPass(given, permit)) = server.read(&octets).ok()? else { return None };
    let (status, server) = given.verify(&credentials).then(|| permit.accept())?;

    let (_, Answer::Request(permit)) = client.read(&status).ok()? else { return None };
    let (octets, client) = permit.send(&Request::connect(destination));
    let (_, Step::Request(request, permit)) = server.read(&octets).ok()? else { return None };
    let asked = request.command == Command::CONNECT && request.destination == destination;

    let reply = permit.reply(&Reply::succeeded(Endpoint::UNSPECIFIED));
    let (used, Answer::Reply(_, None)) = client.read(&reply).ok()? else { return None };
    (asked && used == reply.len()).then_some(())
}

fn datagram() -> Option<()> {
    let mut buffer = [0; UdpHeader::MAX_LEN + 4];
    let (headroom, data) = buffer.split_last_chunk_mut::<4>()?;
    *data = *b"data";
    let start = UdpHeader::new(Endpoint::try_from("[::1]:53").ok()?).prepend(headroom).ok()?;
    let (header, data) = UdpHeader::split(buffer.get(start..)?).ok()?;
    (header.endpoint.port == 53 && data == b"data").then_some(())
}
