//! Client against server, in memory. The exit status is the number of the first handshake that failed, or 0.

#![no_std]
#![no_main]

use core::num::NonZeroUsize;
use core::time::Duration;

use bare::{Sent, Wire, serve};
use socks5_sansio::client::{self, Selected};
use socks5_sansio::either::{self, Protocol, ReceiveProtocol};
use socks5_sansio::fragment::{MIN_TIMEOUT, Outcome, Reassembly, fragments};
use socks5_sansio::server::{Asked, ReceiveOffer};
use socks5_sansio::socks4::{self, UserId};
use socks5_sansio::udp_in_tcp::{GostDatagram, HevDatagram, UotDatagram};
use socks5_sansio::{Decode, Encode, Endpoint, Inbox, Polled, Receive, UdpHeader, UserPass};

bare::program!(handshakes);

fn handshakes() -> u32 {
    let handshakes = [connect, bind, optimistic, datagram, fragmented, socks4, framed];
    (1..).zip(handshakes).find(|(_, handshake)| handshake().is_none()).map_or(0, |(number, _)| number)
}

/// The bytes on their way from one side to the other.
struct Way(Inbox<[u8; 64]>);

impl Way {
    const fn new() -> Self {
        Self(Inbox::new([0; 64]))
    }

    fn send(&mut self, message: &impl Encode) -> Option<()> {
        let len = message.encode(self.0.room(message.encoded_len()).ok()?).ok()?;
        self.0.filled(len);
        Some(())
    }

    /// Receives the one message that was sent, which is whole.
    fn receive<S: Receive>(&mut self, state: S) -> Option<S::Received<'_>> {
        match self.0.poll(state) {
            Ok(Polled::Whole(received)) => Some(received),
            Ok(Polled::Missing(..)) | Err(_) => None,
        }
    }

    fn is_empty(&self) -> bool {
        self.0.unread().is_empty()
    }
}

/// Username and password, then CONNECT.
fn connect() -> Option<()> {
    let (mut up, mut down) = (Way::new(), Way::new());
    let credentials = UserPass::new("alice", "s3cret").ok()?;
    let destination = Endpoint::try_from("example.com:443").ok()?;

    let (offer, client) = client::login(Some(credentials));
    up.send(&offer)?;
    let (_, permit) = up.receive(ReceiveOffer::new())?;
    let (selection, server) = permit.user_pass().ok()?;
    down.send(&selection)?;

    let Selected::UserPass(given, client) = down.receive(client)? else { return None };
    up.send(&given)?;
    let (given, permit) = up.receive(server)?;
    let (status, server) = given.verify(&credentials).then(|| permit.accept())?;
    down.send(&status)?;

    let (request, client) = down.receive(client)?.connect(destination);
    up.send(&request)?;
    let (asked_for, Asked::Connect(permit)) = up.receive(server)? else { return None };
    let asked = asked_for == destination;
    down.send(&permit.succeed(Endpoint::UNSPECIFIED))?;

    let bound = down.receive(client)? == Endpoint::UNSPECIFIED;
    (asked && bound && up.is_empty() && down.is_empty()).then_some(())
}

/// BIND and its two replies.
fn bind() -> Option<()> {
    let (mut up, mut down) = (Way::new(), Way::new());
    let listening = Endpoint::try_from("192.0.2.7:4660").ok()?;
    let peer = Endpoint::try_from("[2001:db8::1]:20").ok()?;

    let (offer, client) = client::anonymous();
    up.send(&offer)?;
    let (_, permit) = up.receive(ReceiveOffer::new())?;
    let (selection, server) = permit.no_authentication().ok()?;
    down.send(&selection)?;

    let (request, client) = down.receive(client)?.bind(peer);
    up.send(&request)?;
    let (asked_for, Asked::Bind(permit)) = up.receive(server)? else { return None };
    let asked = asked_for == peer;

    let (first, permit) = permit.listening(listening);
    down.send(&first)?;
    let (bound, client) = down.receive(client)?;
    let first = bound == listening;
    down.send(&permit.succeed(peer))?;
    let second = down.receive(client)? == peer;
    (asked && first && second && up.is_empty() && down.is_empty()).then_some(())
}

/// Everything that an optimistic client sends, then everything that the server sends.
fn optimistic() -> Option<()> {
    let credentials = UserPass::new("alice", "s3cret").ok()?;
    let destination = Endpoint::try_from("example.com:443").ok()?;
    let (flight, state) = client::optimistic(Some(credentials), |permit| permit.connect(destination));
    let (mut up, mut down) = (Sent::nothing(), Sent::nothing());
    up.send(&flight)?;
    serve(Wire { input: up.bytes(), sent: &mut down }, None, &credentials)?;
    let (bound, used) = state.receive(down.bytes()).ok()?;
    (bound == destination && used == down.bytes().len()).then_some(())
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

/// SOCKS4a, with a server that serves both protocols.
fn socks4() -> Option<()> {
    let (mut up, mut down) = (Way::new(), Way::new());
    let destination = Endpoint::try_from("example.com:443").ok()?;
    let (request, client) = socks4::connect(destination, UserId::new("alice").ok()?).ok()?;
    up.send(&request)?;
    let Protocol::Socks4(server) = up.receive(ReceiveProtocol::new())? else { return None };
    let (request, asked) = up.receive(server)?;
    let asked_for = request.destination() == destination && request.user_id().as_bytes() == b"alice";
    let either::Asked::Connect(permit) = asked.into() else { return None };
    down.send(&permit.succeed(Endpoint::try_from("192.0.2.7:4660").ok()?))?;
    let bound = down.receive(client)?.port() == 4660;
    (asked_for && bound && up.is_empty() && down.is_empty()).then_some(())
}

/// A datagram in a frame of each dialect.
fn framed() -> Option<()> {
    let (endpoint, data) = (Endpoint::try_from("example.com:53").ok()?, b"data".as_slice());
    let (hev, gost) = (HevDatagram { endpoint, data }, GostDatagram::new(endpoint, data));
    let uot = UotDatagram { endpoint, data };
    let (mut first, mut second, mut third) = (Sent::nothing(), Sent::nothing(), Sent::nothing());
    first.send(&hev.frame().ok()?)?;
    second.send(&gost.frame().ok()?)?;
    third.send(&uot.frame().ok()?)?;
    let same = HevDatagram::decode(first.bytes()).ok()?.0 == hev
        && GostDatagram::decode(second.bytes()).ok()?.0 == gost
        && UotDatagram::decode(third.bytes()).ok()?.0 == uot;
    same.then_some(())
}
