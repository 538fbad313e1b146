//! Nothing allocates: no state, no message, no inbox over an array, no reassembly.

use core::hint::black_box;
use core::net::{Ipv4Addr, SocketAddr};
use core::num::NonZeroUsize;
use core::time::Duration;

use socks5_sansio::association::{PeerFilter, bound_address, relay_address};
use socks5_sansio::client::{self, Selected};
use socks5_sansio::either::{self, Protocol, ReceiveProtocol};
use socks5_sansio::fragment::{MIN_TIMEOUT, Outcome, Reassembly, fragments};
use socks5_sansio::server::{self, Asked, ReceiveOffer};
use socks5_sansio::socks4::{self, UserId};
use socks5_sansio::udp_in_tcp::{GostDatagram, HevDatagram, UotDatagram};
use socks5_sansio::{
    Decode, Encode, Endpoint, EndpointBuf, GssapiMessage, Inbox, MethodOffer, MethodSelection, Receive, Reply,
    ReplyCode, Request, UdpHeader, UserPass, UserPassBuf, UserPassStatus,
};

/// Returns what `run` returns; panics if it allocates.
fn without_allocation<T>(run: impl FnOnce() -> T) -> T {
    let mut result = None;
    let allocations = allocation_counter::measure(|| result = Some(run())).count_total;
    assert_eq!(allocations, 0, "allocations");
    result.unwrap()
}

#[test]
#[should_panic(expected = "allocations")]
fn the_check_fails_on_an_allocation() {
    without_allocation(|| drop(black_box(vec![0_u8; 16])));
}

/// An inbox over an array, and the bytes that are still to arrive.
struct Wire<'s>(Inbox<[u8; 513]>, &'s [u8]);

impl<'s> Wire<'s> {
    fn new(script: &'s [u8]) -> Self {
        Self(Inbox::new([0; 513]), script)
    }

    /// No more than the missing bytes arrive at once.
    fn receive<S: Receive>(&mut self, state: S) -> Result<S::Received<'_>, S::Error> {
        while let Some(missing) = state.missing(self.0.unread()) {
            let (arrives, rest) = self.1.split_at(missing.get().min(self.1.len()));
            if arrives.is_empty() {
                break;
            }
            self.0.room(arrives.len()).unwrap().copy_from_slice(arrives);
            self.0.filled(arrives.len());
            self.1 = rest;
        }
        self.0.receive(state)
    }
}

/// Encodes the message of a move, and returns the state or permit after it.
fn sent<T>((message, next): (impl Encode, T)) -> T {
    let mut out = [0; 1032];
    message.encode(&mut out).unwrap();
    black_box(out);
    next
}

fn alice() -> UserPass<'static> {
    UserPass::new("alice", "s3cret").unwrap()
}

fn connect(script: &[u8], bind: bool) -> Result<(), client::Error> {
    let mut wire = Wire::new(script);
    let state = sent(client::login(Some(alice())));
    let permit = match wire.receive(state)? {
        Selected::Request(permit) => permit,
        Selected::UserPass(message, state) => wire.receive(sent((message, state)))?,
    };
    let state = if bind {
        let state = sent(permit.bind(Endpoint::UNSPECIFIED));
        wire.receive(state)?.1
    } else {
        sent(permit.connect(Endpoint::UNSPECIFIED))
    };
    wire.receive(state).map(drop)
}

const REPLY: &[u8] = b"\x05\x00\x00\x01\xC0\x00\x02\x07\x12\x34";

#[test]
fn clients_do_not_allocate_whatever_the_outcome() {
    for login in [b"\x05\x00".as_slice(), b"\x05\x02\x01\x00"] {
        let (once, twice) = ([login, REPLY].concat(), [login, REPLY, REPLY].concat());
        assert_eq!(without_allocation(|| (connect(&once, false), connect(&twice, true))), (Ok(()), Ok(())));
    }
    for script in
        [b"\x05\xFF".as_slice(), b"\x05\x01", b"\x05\x02\x01\x01", b"\x05\x00\x05\x05", b"\x05\x00\x05", b"HTTP", b""]
    {
        assert!(without_allocation(|| connect(script, false)).is_err(), "{script:02X?}");
    }
}

/// The length of the last reply, or of the closing reply.
fn serve(script: &[u8]) -> Result<usize, usize> {
    let mut wire = Wire::new(script);
    let closing = |error: server::Error| error.closing_reply().len();
    let (_, permit) = wire.receive(ReceiveOffer::new()).map_err(closing)?;
    let state = match permit.user_pass() {
        Ok(next) => {
            let state = sent(next);
            let (given, permit) = wire.receive(state).map_err(closing)?;
            if !given.verify(&alice()) {
                return Ok(permit.reject().encoded_len());
            }
            sent(permit.accept())
        }
        Err(permit) => match permit.no_authentication() {
            Ok(next) => sent(next),
            Err(permit) => return Ok(permit.refuse().encoded_len()),
        },
    };
    let (destination, asked) = wire.receive(state).map_err(closing)?;
    Ok(match asked {
        Asked::Bind(permit) => sent(permit.listening(destination)).succeed(destination).encoded_len(),
        Asked::Connect(permit) | Asked::UdpAssociate(permit) => permit.succeed(destination).encoded_len(),
        other => other.refuse(ReplyCode::COMMAND_NOT_SUPPORTED).encoded_len(),
    })
}

#[test]
fn servers_do_not_allocate_whatever_the_outcome() {
    let longest = [b"\x05\x01\x00\x05\x01\x00\x03\xFF".as_slice(), &[b'x'; 255], b"\x00\x50"].concat();
    for (script, last) in [
        (&*longest, Ok(262)),
        (b"\x05\x01\x00\x05\x02\x00\x01\xC0\x00\x02\x01\x00\x50", Ok(10)),
        (b"\x05\x01\x00\x05\xF0\x00\x01\xC0\x00\x02\x01\x00\x50", Ok(10)),
        (b"\x05\x01\x02\x01\x05alice\x06s3cret\x05\x03\x00\x01\x00\x00\x00\x00\x00\x00", Ok(10)),
        (b"\x05\x01\x02\x01\x05alice\x06S3cret", Ok(2)),
        (b"\x05\x01\x07", Ok(2)),
        (b"\x05\x01\x02\x05", Err(2)),
        (b"\x05\x01\x00\x05\x01\x00\x02", Err(10)),
    ] {
        assert_eq!(without_allocation(|| serve(script)), last, "{script:02X?}");
    }
}

/// Decodes the message, whole and cut at every byte, and encodes it into a slice with and without enough room.
macro_rules! message {
    ($Message:ident, $bytes:expr) => {{
        let (bytes, mut out): (&[u8], _) = ($bytes, [0; 300]);
        without_allocation(|| {
            (0..bytes.len()).for_each(|cut| assert!($Message::decode(&bytes[..cut]).is_err()));
            let (message, used) = $Message::decode(bytes).unwrap();
            assert!(message.encode(&mut out[..used - 1]).is_err());
            assert_eq!((message.encode(&mut out), message.encoded_len()), (Ok(used), used));
            assert!($Message::decode(&[9; 12]).is_err());
        });
        assert_eq!(&out[..bytes.len()], bytes);
    }};
}

#[test]
fn messages_are_decoded_and_encoded_without_allocation() {
    message!(MethodOffer, b"\x05\x03\x00\x01\x02");
    message!(MethodSelection, b"\x05\xFF");
    message!(UserPass, b"\x01\x05alice\x06s3cret");
    message!(UserPassStatus, b"\x01\x01");
    message!(GssapiMessage, b"\x01\x03\x00\x05token");
    message!(GssapiMessage, b"\x01\xFF");
    let longest = [b"\x03\xFF".as_slice(), &[b'x'; 255], b"\x00\x50"].concat();
    let ipv6 = [b"\x04".as_slice(), &[0xAB; 18]].concat();
    for endpoint in [b"\x01\xC0\x00\x02\x01\x00\x50".as_slice(), b"\x03\x01x\x00\x50", &longest, &ipv6] {
        message!(Endpoint, endpoint);
        message!(Request, &[b"\x05\x01\x00", endpoint].concat());
        message!(Reply, &[b"\x05\x05\x00", endpoint].concat());
    }
}

#[test]
fn socks4_and_both_protocols_on_one_port_do_not_allocate() {
    type Request<'a> = socks4::Request<'a>;
    type Reply = socks4::Reply;
    let longest =
        [b"\x04\x01\x00\x50\x00\x00\x00\x01".as_slice(), &[b'u'; 255], b"\x00", &[b'n'; 255], b"\x00"].concat();
    let mut inbox = Inbox::new([0; socks4::Request::MAX_LEN]);
    without_allocation(|| {
        for bytes in [&*longest, b"\x04\x02\x00\x50\xC0\x00\x02\x01me\x00", b"\x05\x01\x00", b"HTTP"] {
            inbox.room(bytes.len()).unwrap().copy_from_slice(bytes);
            inbox.filled(bytes.len());
            if let Ok(Protocol::Socks4(state)) = inbox.receive(ReceiveProtocol::new()) {
                let (request, asked) = inbox.receive(state).unwrap();
                let (message, _) = socks4::other(request.command(), request.destination(), request.user_id()).unwrap();
                sent((message, ()));
                sent((either::Asked::from(asked).refuse(ReplyCode::NOT_ALLOWED), ()));
            }
            inbox.consume(bytes.len());
        }
        for reply in [b"\x00\x5A\x12\x34\xC0\x00\x02\x07".as_slice(), b"\x00\x5B"] {
            let (_, state) = socks4::connect(Endpoint::UNSPECIFIED, UserId::EMPTY).unwrap();
            black_box(state.receive(reply)).ok();
        }
    });
    message!(Reply, b"\x00\x5A\x12\x34\xC0\x00\x02\x07");
    message!(Request, b"\x04\x01\x00\x50\x00\x00\x00\x01me\x00name\x00");
}

#[test]
fn frames_of_udp_in_tcp_do_not_allocate() {
    let (endpoint, mut out) = (Endpoint::try_from("example.com:53").unwrap(), [0; 300]);
    without_allocation(|| {
        for data in [b"data".as_slice(), b""] {
            let hev = HevDatagram { endpoint, data }.frame().map(|frame| frame.encode(&mut out));
            let gost = GostDatagram::new(endpoint, data).frame().map(|frame| frame.encode(&mut out));
            let uot = UotDatagram { endpoint, data }.frame().map(|frame| frame.encode(&mut out));
            black_box((hev, gost, uot)).2.unwrap().unwrap();
        }
        assert!(UotDatagram::decode(&out).is_ok() && HevDatagram::decode(&out).is_err());
        assert!(black_box(GostDatagram::decode(&out)).is_err());
    });
}

#[test]
fn datagrams_and_fragments_do_not_allocate() {
    let endpoint = Endpoint::try_from("localhost:53").unwrap();
    let size = NonZeroUsize::new(100).unwrap();
    let whole = without_allocation(|| {
        let mut datagram = [b'q'; 64];
        let start = UdpHeader::new(endpoint).prepend(&mut datagram[..32]).unwrap();
        assert!(UdpHeader::split(&datagram[start..]).is_ok() && UdpHeader::split(&datagram[start..start + 7]).is_err());
        let mut queue = Reassembly::new([0; 2000], MIN_TIMEOUT);
        let mut whole = 0;
        for (header, data) in fragments(endpoint, &[0xDD; 1234], size).unwrap() {
            if let Outcome::Datagram(data) = queue.push(&header, data, Duration::ZERO) {
                whole = data.len();
            }
            let _ = queue.push(&header, data, Duration::ZERO);
        }
        whole
    });
    assert_eq!(whole, 1234);
}

#[test]
fn owned_values_text_and_relay_rules_do_not_allocate() {
    let client = SocketAddr::from((Ipv4Addr::LOCALHOST, 5000));
    without_allocation(|| {
        for text in ["192.0.2.1:80", "[::1]:80", "example.com:80", "nothing", "[fe80::1%1]:80"] {
            black_box(Endpoint::try_from(text).map(Endpoint::target)).ok();
            black_box(text.parse::<EndpointBuf>()).ok();
        }
        assert!(UserPassBuf::from(alice()).as_user_pass() == alice());
        let mut filter = PeerFilter::new(client, Endpoint::UNSPECIFIED);
        assert!(filter.admit(client) && bound_address(client, client) == client);
        assert_eq!(relay_address(client.into(), client), client);
    });
}
