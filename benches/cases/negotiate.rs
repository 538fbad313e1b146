//! Whole handshakes of either side: a message a read, and octet by octet.

use std::hint::black_box;
use std::net::Ipv4Addr;

use socks5_sansio::client::{self, Client};
use socks5_sansio::server::{self, Chosen, Server};
use socks5_sansio::{Address, Endpoint, Method, MethodOffer, Outgoing, Reply, Request, UserPass};

use super::{Case, cases, reply, request};
use crate::floor::{self, Addressed};

pub fn all() -> impl Iterator<Item = &'static Case> {
    [SERVER, SERVER_OCTETS, CLIENT, CLIENT_OCTETS].into_iter().flatten()
}

/// What the other side says, message by message.
type Says = [&'static [u8]];

const TO_IPV4: &Says = &[b"\x05\x01\x00", b"\x05\x01\x00\x01\xC0\x00\x02\x01\x00\x50"];
const TO_NAME: &Says = &[b"\x05\x01\x00", b"\x05\x01\x00\x03\x0Fwww.example.com\x00\x50"];
const WITH_PASSWORD: &Says =
    &[b"\x05\x02\x00\x02", b"\x01\x05alice\x06s3cret", b"\x05\x01\x00\x01\xC0\x00\x02\x01\x00\x50"];
const GRANTED: &Says = &[b"\x05\x00", b"\x05\x00\x00\x01\xC0\x00\x02\x07\x12\x34"];
const GRANTED_WITH_PASSWORD: &Says = &[b"\x05\x02", b"\x01\x00", b"\x05\x00\x00\x01\xC0\x00\x02\x07\x12\x34"];

const fn len(says: &Says) -> usize {
    let (mut len, mut message) = (0, 0);
    while message < says.len() {
        len += says[message].len();
        message += 1;
    }
    len
}

#[inline(always)]
fn whole(says: &Says) -> impl Iterator<Item = &'static [u8]> {
    says.iter().copied()
}

/// Each message as often as it has octets, with so many of them.
#[inline(always)]
fn octets(says: &Says) -> impl Iterator<Item = &'static [u8]> {
    says.iter().flat_map(|message| (1..=message.len()).map(|end| &message[..end]))
}

/// Where the octets to send go.
fn send(octets: &[u8]) {
    black_box(octets);
}

#[inline(always)]
fn sent<T>((octets, next): (Outgoing, T)) -> T {
    send(&octets);
    next
}

#[inline(always)]
fn serve<'a>(reads: impl Iterator<Item = &'a [u8]>, preference: &[Method]) -> Request<'a> {
    use server::Step;
    let mut server = Server::new();
    for input in reads {
        let Ok((_, step)) = server.read(input) else { panic!() };
        server = match step {
            Step::NeedMore(server, _) => server,
            Step::Methods(_, permit) => match permit.choose(preference) {
                Chosen::Continue(answer, server) => sent((answer, server)),
                Chosen::Refused(_) | Chosen::SubNegotiate(..) => panic!(),
            },
            Step::UserPass(given, permit) => {
                black_box(given);
                sent(permit.accept())
            }
            Step::Request(request, permit) => {
                send(&permit.reply(&Reply::succeeded(request.destination)));
                return request;
            }
            Step::Bind(..) => panic!(),
        };
    }
    panic!()
}

/// Whether a message is whole is asked only where it may be `CUT`.
#[inline(always)]
fn floor_serves<'a, const CUT: bool>(
    reads: impl Iterator<Item = &'a [u8]>,
    preference: &[u8],
    out: &mut [u8],
) -> Addressed<'a> {
    enum Expects {
        Offer,
        UserPass,
        Request,
    }
    let mut expects = Expects::Offer;
    for input in reads {
        expects = match expects {
            Expects::Offer if !CUT || floor::has_offer(input) => {
                let (methods, _) = floor::offer(input);
                let offered = |wanted: &&u8| methods.iter().any(|method| method == *wanted);
                let method = *preference.iter().find(offered).unwrap();
                send(&[5, method]);
                if method == 2 { Expects::UserPass } else { Expects::Request }
            }
            Expects::UserPass if !CUT || floor::has_user_pass(input) => {
                black_box(floor::user_pass(input));
                send(&[1, 0]);
                Expects::Request
            }
            Expects::Request if !CUT || floor::has_request(input) => {
                let (request, _) = floor::request(input);
                let len = floor::encode([5, 0, 0], &request.endpoint, out);
                send(&out[..len]);
                return request;
            }
            same => same,
        };
    }
    panic!()
}

#[inline(always)]
fn connect<'a>(reads: impl Iterator<Item = &'a [u8]>, who: &UserPass<'_>, request: &Request<'_>) -> Reply<'a> {
    use client::Step;
    let mut client = sent(Client::new(&MethodOffer::of(&[Method::NONE, Method::USERNAME_PASSWORD])));
    for input in reads {
        let Ok((_, step)) = client.read(input) else { panic!() };
        client = match step {
            Step::NeedMore(client, _) => client,
            Step::UserPass(permit) => sent(permit.send(who)),
            Step::Request(permit) => sent(permit.send(request)),
            Step::Reply(reply, _) => return reply,
            Step::SubNegotiate(_) => panic!(),
        };
    }
    panic!()
}

#[inline(always)]
fn floor_connects<'a, const CUT: bool>(
    reads: impl Iterator<Item = &'a [u8]>,
    who: (&[u8], &[u8]),
    request: &floor::Endpoint<'_>,
    out: &mut [u8],
) -> Addressed<'a> {
    enum Expects {
        Selection,
        Status,
        Reply,
    }
    let len = floor::encode_offer(&[0, 2], out);
    send(&out[..len]);
    let mut expects = Expects::Selection;
    for input in reads {
        let len;
        (expects, len) = match expects {
            Expects::Selection if !CUT || floor::has_answer(input) => match floor::answer(input).0 {
                2 => (Expects::Status, floor::encode_user_pass(who, out)),
                _ => (Expects::Reply, floor::encode([5, 1, 0], request, out)),
            },
            Expects::Status if !CUT || floor::has_answer(input) => {
                black_box(floor::answer(input));
                (Expects::Reply, floor::encode([5, 1, 0], request, out))
            }
            Expects::Reply if !CUT || floor::has_request(input) => return floor::request(input).0,
            same => {
                expects = same;
                continue;
            }
        };
        send(&out[..len]);
    }
    panic!()
}

const REQUEST: Request<'_> =
    Request::connect(Endpoint { address: Address::Ipv4(Ipv4Addr::new(192, 0, 2, 1)), port: 80 });
const FLOOR_REQUEST: floor::Endpoint<'_> =
    floor::Endpoint { address: floor::Address::Ipv4(Ipv4Addr::new(192, 0, 2, 1)), port: 80 };

fn alice() -> UserPass<'static> {
    UserPass::new("alice", "s3cret").unwrap()
}

const FLOOR_ALICE: (&[u8], &[u8]) = (b"alice", b"s3cret");

/// Enough for all that is sent here.
const ROOM: usize = 64;

cases! { SERVER within 1.6:
    server_ipv4(len(TO_IPV4))
        ours(says: &'a Says = TO_IPV4, preference: &[Method] = &[Method(0)]) -> Request<'a> {
            serve(whole(says), preference)
        }
        floor(
            says: &'a Says = TO_IPV4, preference: &[u8] = &[0], out: &mut [u8] = &mut [0; ROOM]
        ) -> Addressed<'a> {
            floor_serves::<false>(whole(says), preference, out)
        }
        plain request;
    server_name(len(TO_NAME))
        ours(says: &'a Says = TO_NAME, preference: &[Method] = &[Method(0)]) -> Request<'a> {
            serve(whole(says), preference)
        }
        floor(
            says: &'a Says = TO_NAME, preference: &[u8] = &[0], out: &mut [u8] = &mut [0; ROOM]
        ) -> Addressed<'a> {
            floor_serves::<false>(whole(says), preference, out)
        }
        plain request;
    server_password(len(WITH_PASSWORD))
        ours(says: &'a Says = WITH_PASSWORD, preference: &[Method] = &[Method(2)]) -> Request<'a> {
            serve(whole(says), preference)
        }
        floor(
            says: &'a Says = WITH_PASSWORD, preference: &[u8] = &[2], out: &mut [u8] = &mut [0; ROOM]
        ) -> Addressed<'a> {
            floor_serves::<false>(whole(says), preference, out)
        }
        plain request;
}

// Over the aim of 1.6: an `Outgoing` has room for the longest message, and moving it from the permit to the caller is a
// `memcpy` of that room, about 100 instructions as valgrind counts them.
cases! { CLIENT within 2.2:
    client_ipv4(len(GRANTED))
        ours(
            says: &'a Says = GRANTED, who: &UserPass<'_> = &alice(), request: &Request<'_> = &REQUEST
        ) -> Reply<'a> {
            connect(whole(says), who, request)
        }
        floor(
            says: &'a Says = GRANTED, who: (&[u8], &[u8]) = FLOOR_ALICE,
            request: &floor::Endpoint<'_> = &FLOOR_REQUEST, out: &mut [u8] = &mut [0; ROOM]
        ) -> Addressed<'a> {
            floor_connects::<false>(whole(says), who, request, out)
        }
        plain reply;
    client_password(len(GRANTED_WITH_PASSWORD))
        ours(
            says: &'a Says = GRANTED_WITH_PASSWORD, who: &UserPass<'_> = &alice(), request: &Request<'_> = &REQUEST
        ) -> Reply<'a> {
            connect(whole(says), who, request)
        }
        floor(
            says: &'a Says = GRANTED_WITH_PASSWORD, who: (&[u8], &[u8]) = FLOOR_ALICE,
            request: &floor::Endpoint<'_> = &FLOOR_REQUEST, out: &mut [u8] = &mut [0; ROOM]
        ) -> Addressed<'a> {
            floor_connects::<false>(whole(says), who, request, out)
        }
        plain reply;
}

cases! { SERVER_OCTETS within 1.6:
    server_ipv4_octets(len(TO_IPV4))
        ours(says: &'a Says = TO_IPV4, preference: &[Method] = &[Method(0)]) -> Request<'a> {
            serve(octets(says), preference)
        }
        floor(
            says: &'a Says = TO_IPV4, preference: &[u8] = &[0], out: &mut [u8] = &mut [0; ROOM]
        ) -> Addressed<'a> {
            floor_serves::<true>(octets(says), preference, out)
        }
        plain request;
    server_name_octets(len(TO_NAME))
        ours(says: &'a Says = TO_NAME, preference: &[Method] = &[Method(0)]) -> Request<'a> {
            serve(octets(says), preference)
        }
        floor(
            says: &'a Says = TO_NAME, preference: &[u8] = &[0], out: &mut [u8] = &mut [0; ROOM]
        ) -> Addressed<'a> {
            floor_serves::<true>(octets(says), preference, out)
        }
        plain request;
    server_password_octets(len(WITH_PASSWORD))
        ours(says: &'a Says = WITH_PASSWORD, preference: &[Method] = &[Method(2)]) -> Request<'a> {
            serve(octets(says), preference)
        }
        floor(
            says: &'a Says = WITH_PASSWORD, preference: &[u8] = &[2], out: &mut [u8] = &mut [0; ROOM]
        ) -> Addressed<'a> {
            floor_serves::<true>(octets(says), preference, out)
        }
        plain request;
}

cases! { CLIENT_OCTETS within 1.8:
    client_ipv4_octets(len(GRANTED))
        ours(
            says: &'a Says = GRANTED, who: &UserPass<'_> = &alice(), request: &Request<'_> = &REQUEST
        ) -> Reply<'a> {
            connect(octets(says), who, request)
        }
        floor(
            says: &'a Says = GRANTED, who: (&[u8], &[u8]) = FLOOR_ALICE,
            request: &floor::Endpoint<'_> = &FLOOR_REQUEST, out: &mut [u8] = &mut [0; ROOM]
        ) -> Addressed<'a> {
            floor_connects::<true>(octets(says), who, request, out)
        }
        plain reply;
    client_password_octets(len(GRANTED_WITH_PASSWORD))
        ours(
            says: &'a Says = GRANTED_WITH_PASSWORD, who: &UserPass<'_> = &alice(), request: &Request<'_> = &REQUEST
        ) -> Reply<'a> {
            connect(octets(says), who, request)
        }
        floor(
            says: &'a Says = GRANTED_WITH_PASSWORD, who: (&[u8], &[u8]) = FLOOR_ALICE,
            request: &floor::Endpoint<'_> = &FLOOR_REQUEST, out: &mut [u8] = &mut [0; ROOM]
        ) -> Addressed<'a> {
            floor_connects::<true>(octets(says), who, request, out)
        }
        plain reply;
}
