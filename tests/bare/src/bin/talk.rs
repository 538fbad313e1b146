//! Client against server, in memory. The exit status is the number of the first conversation that went wrong, or 0.

#![no_std]
#![no_main]

use core::num::NonZeroUsize;
use core::time::Duration;

use bare::{Said, serve};
use socks5_sansio::client::{Client, Step as Answer};
use socks5_sansio::reassembly::{MIN_TIMEOUT, Outcome, Reassembly, fragments};
use socks5_sansio::server::{Chosen, Server, Step};
use socks5_sansio::{Endpoint, Message, Method, MethodOffer, Reply, Request, UdpHeader, UserPass};

bare::program!(talk);

fn talk() -> u32 {
    let conversations = [connect, bind, optimistic, datagram, fragmented];
    (1..).zip(conversations).find(|(_, conversation)| conversation().is_none()).map_or(0, |(number, _)| number)
}

/// Username and password, then CONNECT.
fn connect() -> Option<()> {
    let credentials = UserPass::new("alice", "s3cret").ok()?;
    let destination = Endpoint::try_from("example.com:443").ok()?;

    let (offer, client) = Client::new(&MethodOffer::of(&[Method::NONE, Method::USERNAME_PASSWORD]));
    let (_, Step::Methods(_, permit)) = Server::new().read(&offer).ok()? else { return None };
    let Chosen::Continue(selection, server) = permit.choose(&[Method::USERNAME_PASSWORD]) else { return None };

    let (_, Answer::UserPass(permit)) = client.read(&selection).ok()? else { return None };
    let (octets, client) = permit.send(&credentials);
    let (_, Step::UserPass(given, permit)) = server.read(&octets).ok()? else { return None };
    let (status, server) = given.verify(&credentials).then(|| permit.accept())?;

    let (_, Answer::Request(permit)) = client.read(&status).ok()? else { return None };
    let (octets, client) = permit.send(&Request::connect(destination));
    let (_, Step::Request(request, permit)) = server.read(&octets).ok()? else { return None };
    let asked = request == Request::connect(destination);

    let octets = permit.reply(&Reply::succeeded(Endpoint::UNSPECIFIED));
    let (used, Answer::Reply(_, None)) = client.read(&octets).ok()? else { return None };
    (asked && used == octets.len()).then_some(())
}

/// BIND and its two replies.
fn bind() -> Option<()> {
    let listening = Endpoint::try_from("192.0.2.7:4660").ok()?;
    let peer = Endpoint::try_from("[2001:db8::1]:20").ok()?;

    let (offer, client) = Client::new(&MethodOffer::of(&[Method::NONE]));
    let (_, Step::Methods(_, permit)) = Server::new().read(&offer).ok()? else { return None };
    let Chosen::Continue(selection, server) = permit.choose(&[Method::NONE]) else { return None };

    let (_, Answer::Request(permit)) = client.read(&selection).ok()? else { return None };
    let (octets, client) = permit.send(&Request::bind(peer));
    let (_, Step::Bind(request, permit)) = server.read(&octets).ok()? else { return None };
    let asked = request == Request::bind(peer);

    let (octets, permit) = permit.listening(listening);
    let (_, Answer::Reply(first, Some(client))) = client.read(&octets).ok()? else { return None };
    let octets = permit.reply(&Reply::succeeded(peer));
    let (_, Answer::Reply(second, None)) = client.read(&octets).ok()? else { return None };
    (asked && first.bound == listening && second.bound == peer).then_some(())
}

/// The client's side in one flight, then the server's.
fn optimistic() -> Option<()> {
    let credentials = UserPass::new("alice", "s3cret").ok()?;
    let destination = Endpoint::try_from("example.com:443").ok()?;
    let mut flight = [0; Client::OPTIMISTIC_MAX_LEN];
    let (len, client) = Client::optimistic(Some(&credentials), &Request::connect(destination), &mut flight).ok()?;
    let mut answers = Said::nothing();
    serve(flight.get(..len)?, &[Method::USERNAME_PASSWORD], &credentials, &mut answers)?;
    let (used, Answer::Reply(reply, None)) = client.read(answers.octets()).ok()? else { return None };
    (used == answers.octets().len() && reply == Reply::succeeded(destination)).then_some(())
}

/// A datagram through a relay.
fn datagram() -> Option<()> {
    let mut buffer = [0; UdpHeader::MAX_LEN + 4];
    let (headroom, data) = buffer.split_last_chunk_mut::<4>()?;
    *data = *b"data";
    let header = UdpHeader::new(Endpoint::try_from("[::1]:53").ok()?);
    let start = header.prepend(headroom).ok()?;
    (UdpHeader::split(buffer.get(start..)?) == Ok((header, b"data"))).then_some(())
}

/// A datagram in fragments, put together again.
fn fragmented() -> Option<()> {
    let endpoint = Endpoint::try_from("example.com:53").ok()?;
    let mut queue = Reassembly::new([0; 32], MIN_TIMEOUT);
    let mut whole = false;
    for (header, data) in fragments(endpoint, b"fragments", NonZeroUsize::new(4)?).ok()? {
        whole = queue.push(&header, data, Duration::ZERO) == Outcome::Datagram(b"fragments");
    }
    whole.then_some(())
}
