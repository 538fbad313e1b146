//! Nothing allocates: no conversation on either side, and no message.

use core::hint::black_box;
use core::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use core::num::NonZeroUsize;
use core::time::Duration;

use socks5_sansio::association::{PeerFilter, bound_address, relay_address};
use socks5_sansio::client::{self, Client};
use socks5_sansio::gssapi::{AcceptorStep, InitiatorStep};
use socks5_sansio::reassembly::{Outcome, Reassembly, fragments};
use socks5_sansio::server::{self, Chosen, Server};
use socks5_sansio::{
    Domain, Endpoint, EndpointBuf, GssapiMessage, GssapiToken, Message, Method, MethodOffer, MethodSelection, Outgoing,
    Reply, ReplyCode, Request, UdpHeader, UserPass, UserPassStatus,
};

/// Runs it, and fails if it allocates on the way.
fn frugal<T>(what: &str, run: impl FnOnce() -> T) -> T {
    let mut result = None;
    let allocations = allocation_counter::measure(|| result = Some(run())).count_total;
    assert_eq!(allocations, 0, "allocations of {what}");
    result.unwrap()
}

#[test]
fn the_counter_counts() {
    for count in 0..3 {
        let allocations = allocation_counter::measure(|| {
            (0..count).for_each(|_| drop(black_box(vec![0_u8; 16])));
        });
        assert_eq!(allocations.count_total, count);
    }
}

#[test]
#[should_panic(expected = "allocations of a vector")]
fn the_check_fails_on_an_allocation() {
    frugal("a vector", || drop(black_box(vec![0_u8; 16])));
}

// Conversations. What is said comes in as slowly as it is asked for, so that all of the code runs.

const BIND: Request<'_> = Request::bind(Endpoint::UNSPECIFIED);
const CONNECT: Request<'_> = Request::connect(Endpoint::UNSPECIFIED);
const REPLY: &[u8] = b"\x05\x00\x00\x01\xC0\x00\x02\x07\x12\x34";
const OFFER: [Method; 3] = [Method::NONE, Method::USERNAME_PASSWORD, Method(0x80)];

fn alice() -> UserPass<'static> {
    UserPass::new("alice", "s3cret").unwrap()
}

fn made<T>((octets, next): (Outgoing, T)) -> T {
    black_box(&*octets);
    next
}

/// The number of replies, or the refusal.
fn connect(mut client: Client, request: &Request<'_>, answers: &[u8]) -> Result<usize, client::Error> {
    use client::Step;
    let (mut used, mut arrived, mut replies) = (0, 0, 0);
    loop {
        let (octets, step) = client.read(&answers[used..arrived])?;
        used += octets;
        client = match step {
            Step::NeedMore(client, missing) if arrived + missing.get() <= answers.len() => {
                arrived += missing.get();
                client
            }
            Step::NeedMore(client, _) => return Err(client.end(&answers[used..])),
            Step::UserPass(permit) => made(permit.send(&alice())),
            Step::SubNegotiate(negotiation) => made(negotiation.authenticated().send(request)),
            Step::Request(permit) => made(permit.send(request)),
            Step::Reply(_, next) => {
                replies += 1;
                let Some(client) = next else { return Ok(replies) };
                client
            }
        };
    }
}

/// The octets of the last word.
fn serve(preference: &[Method], says: &[u8]) -> Result<Outgoing, server::Error> {
    use server::Step;
    let (mut server, mut used, mut arrived) = (Server::new(), 0, 0);
    loop {
        let (octets, step) = server.read(&says[used..arrived])?;
        used += octets;
        server = match step {
            Step::NeedMore(server, missing) if arrived + missing.get() <= says.len() => {
                arrived += missing.get();
                server
            }
            Step::NeedMore(server, _) => return Err(server.end(&says[used..])),
            Step::Methods(_, permit) => match permit.choose(preference) {
                Chosen::Continue(octets, server) => made((octets, server)),
                Chosen::SubNegotiate(octets, negotiation) => made((octets, negotiation.authenticated())),
                Chosen::Refused(octets) => return Ok(octets),
            },
            Step::UserPass(credentials, permit) if credentials.verify(&alice()) => made(permit.accept()),
            Step::UserPass(_, permit) => return Ok(permit.reject()),
            Step::Request(request, permit) => return Ok(permit.reply(&Reply::succeeded(request.destination))),
            Step::Bind(request, permit) if request.destination.port == 0 => {
                return Ok(permit.refuse(ReplyCode::NOT_ALLOWED));
            }
            Step::Bind(request, permit) => {
                let permit = made(permit.listening(request.destination));
                return Ok(permit.reply(&Reply::succeeded(request.destination)));
            }
        };
    }
}

#[test]
fn clients_that_get_what_they_ask_for() {
    for (what, login) in [
        ("no authentication", b"\x05\x00".as_slice()),
        ("username and password", b"\x05\x02\x01\x00"),
        ("a method of the caller's", b"\x05\x80"),
    ] {
        let (once, twice) = ([login, REPLY].concat(), [login, REPLY, REPLY].concat());
        for (request, answers, replies) in [(CONNECT, once, 1), (BIND, twice, 2)] {
            let granted = frugal(what, || {
                let client = made(Client::new(&MethodOffer::new(&OFFER).unwrap()));
                connect(client, &request, &answers)
            });
            assert_eq!(granted, Ok(replies), "{what}");
        }
    }
}

#[test]
fn optimistic_clients() {
    for (what, credentials, login) in [
        ("optimism without credentials", None, b"\x05\x00".as_slice()),
        ("optimism with credentials", Some(alice()), b"\x05\x02\x01\x00"),
    ] {
        let (once, twice) = ([login, REPLY].concat(), [login, REPLY, REPLY].concat());
        for (request, answers, replies) in [(CONNECT, once, 1), (BIND, twice, 2)] {
            let granted = frugal(what, || {
                let mut out = [0; Client::OPTIMISTIC_MAX_LEN];
                let (_, client) = Client::optimistic(credentials.as_ref(), &request, &mut out).unwrap();
                connect(client, &request, &answers)
            });
            assert_eq!(granted, Ok(replies), "{what}");
        }
    }
}

#[test]
fn clients_that_are_refused() {
    for answers in
        [b"\x05\xFF".as_slice(), b"\x05\x01", b"\x05\x02\x01\x01", b"\x05\x00\x05\x05", b"\x05\x00\x05", b"HTTP"]
    {
        let refused =
            frugal("a refusal", || connect(made(Client::new(&MethodOffer::new(&OFFER).unwrap())), &CONNECT, answers));
        assert!(refused.is_err(), "{answers:?}");
    }
}

#[test]
fn servers_whatever_they_are_asked_for() {
    let longest = [b"\x05\x01\x00\x05\x01\x00\x03\xFF".as_slice(), &[b'x'; 255], b"\x00\x50"].concat();
    for (says, last_word) in [
        (b"\x05\x01\x00\x05\x01\x00\x01\xC0\x00\x02\x01\x00\x50".as_slice(), 10),
        (b"\x05\x01\x02\x01\x05alice\x06s3cret\x05\x03\x00\x01\x00\x00\x00\x00\x00\x00", 10),
        (b"\x05\x01\x80\x05\xF0\x00\x03\x0Bexample.com\x00\x50", 18),
        (&longest, 262),
        (b"\x05\x01\x00\x05\x02\x00\x01\xC0\x00\x02\x01\x00\x50", 10),
        (b"\x05\x01\x00\x05\x02\x00\x01\xC0\x00\x02\x01\x00\x00", 10),
        (b"\x05\x01\x02\x01\x05alice\x06S3cret", 2),
        (b"\x05\x01\x07", 2),
    ] {
        let said = frugal("a server", || serve(&OFFER, says));
        assert_eq!(said.unwrap().len(), last_word, "{says:?}");
    }
}

#[test]
fn servers_that_hear_nonsense_or_nothing() {
    for says in
        [b"".as_slice(), b"\x04", b"\x05\x01\x02\x05", b"\x05\x01\x00\x05\x01\x00\x02\x00\x00\x00", b"\x05\x01\x00\x05"]
    {
        let parting = frugal("an error", || serve(&OFFER, says).map_err(|error| error.parting()));
        assert!(parting.is_err(), "{says:?}");
    }
}

#[test]
fn the_sub_negotiation_of_gssapi() {
    let token = GssapiToken::new(&[0xC5; 300]).unwrap();
    let mut out = [0; 304];
    GssapiMessage::Authentication(token).encode(&mut out).unwrap();
    frugal("GSSAPI on both sides", || {
        let (_, server::Step::Methods(_, permit)) = Server::new().read(&[5, 1, 1]).unwrap() else { panic!() };
        let Chosen::SubNegotiate(_, negotiation) = permit.choose(&[Method::GSSAPI]) else { panic!() };
        let Ok(acceptor) = negotiation.gssapi() else { panic!() };
        let (_, AcceptorStep::NeedMore(acceptor, _)) = acceptor.read(&out[..3]).unwrap() else { panic!() };
        let (_, AcceptorStep::Token(_, permit)) = acceptor.read(&out).unwrap() else { panic!() };
        let (_, acceptor) = permit.established(Some(token));
        let (_, AcceptorStep::Level(wrapped, permit)) = acceptor.read(b"\x01\x02\x00\x01\xFE").unwrap() else {
            panic!()
        };
        let (_message, _server) = black_box(permit.choose(wrapped));

        let (_, client) = Client::new(&MethodOffer::of(&[Method::GSSAPI]));
        let (_, client::Step::SubNegotiate(negotiation)) = client.read(&[5, 1]).unwrap() else { panic!() };
        let Ok(permit) = negotiation.gssapi() else { panic!() };
        let (_, initiator) = permit.token(token);
        let (_, InitiatorStep::Token(_, permit)) = initiator.read(&out).unwrap() else { panic!() };
        let (_, initiator) = permit.established().offer(token);
        assert!(initiator.read(b"\x01\xFF").is_err());
    });
}

// Messages

/// Decodes the message, whole and cut short at every octet, and encodes it into a slice with and without enough room.
fn message<'a, M: Message<'a>>(octets: &'a [u8]) {
    let mut out = vec![0; octets.len()];
    frugal("a message", || {
        for cut in 0..octets.len() {
            assert!(M::decode(&octets[..cut]).is_err());
        }
        let (message, used) = M::decode(octets).unwrap();
        assert!(message.encode(&mut out[1..]).is_err());
        assert_eq!((message.encode(&mut out), message.encoded_len()), (Ok(used), used));
    });
    assert_eq!(out, octets);
}

#[test]
fn every_message() {
    message::<MethodOffer<'_>>(b"\x05\x03\x00\x01\x02");
    message::<MethodSelection>(b"\x05\xFF");
    message::<UserPass<'_>>(b"\x01\x05alice\x06s3cret");
    message::<UserPassStatus>(b"\x01\x01");
    message::<GssapiMessage<'_>>(b"\x01\x03\x00\x05token");
    message::<GssapiMessage<'_>>(b"\x01\xFF");
}

#[test]
fn every_message_with_every_address() {
    let longest = [b"\x03\xFF".as_slice(), &[b'x'; 255], b"\x00\x50"].concat();
    let ipv6 = [b"\x04".as_slice(), &[0xAB; 18]].concat();
    for endpoint in [b"\x01\xC0\x00\x02\x01\x00\x50".as_slice(), b"\x03\x01x\x00\x50", &longest, &ipv6] {
        message::<Endpoint<'_>>(endpoint);
        message::<Request<'_>>(&[b"\x05\x01\x00", endpoint].concat());
        message::<Reply<'_>>(&[b"\x05\x05\x00", endpoint].concat());
        message::<UdpHeader<'_>>(&[b"\x00\x00\x00", endpoint].concat());
    }
}

#[test]
fn messages_that_are_none() {
    let octets = b"\x09\x00\x00\x09\x00\x00\x00\x00\x00\x00";
    frugal("nonsense", || {
        assert!(MethodOffer::decode(octets).is_err() && MethodSelection::decode(octets).is_err());
        assert!(UserPass::decode(octets).is_err() && UserPassStatus::decode(octets).is_err());
        assert!(GssapiMessage::decode(octets).is_err() && UdpHeader::decode(octets).is_err());
        assert!(Request::decode(octets).is_err() && Reply::decode(octets).is_err());
        assert!(Reply::peek_code(octets).is_err() && Endpoint::decode(octets).is_err());
    });
}

#[test]
fn datagrams() {
    for address in [Ipv4Addr::LOCALHOST.into(), Ipv6Addr::LOCALHOST.into(), Domain::new("localhost").unwrap().into()] {
        let header = UdpHeader::new(Endpoint { address, port: 53 });
        let mut datagram = [b'q'; 64];
        frugal("a datagram", || {
            assert!(header.prepend(&mut datagram[..9]).is_err());
            let start = header.prepend(&mut datagram[..32]).unwrap();
            assert_eq!(UdpHeader::split(&datagram[start..]), Ok((header, [b'q'; 32].as_slice())));
            assert!(UdpHeader::split(&datagram[start..start + 7]).is_err());
        });
    }
}

#[test]
fn the_rules_of_a_relay() {
    let client = SocketAddr::from((Ipv4Addr::LOCALHOST, 5000));
    frugal("the filter and the addresses", || {
        let mut filter = PeerFilter::new(client, 0);
        assert!(filter.admit(client));
        assert!(!filter.admit(SocketAddr::from((Ipv6Addr::LOCALHOST, 5000))));
        assert_eq!(bound_address(SocketAddr::from((Ipv4Addr::UNSPECIFIED, 5000)), client), client);
        assert_eq!(relay_address(&client.into(), client), client);
    });
}

#[test]
fn fragments_cut_and_put_together() {
    let endpoint = Endpoint::try_from("localhost:53").unwrap();
    let size = NonZeroUsize::new(100).unwrap();
    frugal("fragments", || {
        let mut queue = Reassembly::new([0; 2000], Duration::ZERO);
        let mut arrived = 0;
        for (header, data) in fragments(endpoint, &[0xDD; 1234], size).unwrap() {
            let now = Duration::from_millis(u64::from(header.fragment.position()));
            if let Outcome::Datagram(whole) = queue.push(&header, data, now) {
                arrived = whole.len();
            }
            let _ = queue.push(&header, data, now);
        }
        assert_eq!(arrived, 1234);
        assert!(fragments(endpoint, &[0; 12_701], size).is_err());
    });
}

#[test]
fn endpoints_from_text() {
    frugal("text", || {
        for text in ["192.0.2.1:80", "[::1]:80", "example.com:80", "nothing", "[fe80::1%1]:80"] {
            black_box(Endpoint::try_from(text).map(Endpoint::canonical)).ok();
            black_box(text.parse::<EndpointBuf>()).ok();
        }
        let literal = Domain::new("[::ffff:192.0.2.1]").unwrap();
        let canonical = Endpoint::from((literal, 80)).canonical();
        assert_eq!(Ok(canonical), Endpoint::try_from("192.0.2.1:80"));
    });
}
