//! Conversations that go well: what both sides want, say and hear, octet by octet.

use core::net::Ipv6Addr;

use socks5_sansio::{Command, Domain, Endpoint, Method, Reply, Request};

use crate::frames::{PRIVATE, frames};
use crate::sides::{Credentials, Event, Plan};

pub(crate) struct Case {
    pub(crate) name: String,
    pub(crate) plan: Plan,
    pub(crate) client_says: Vec<u8>,
    pub(crate) server_says: Vec<u8>,
    pub(crate) client_events: Vec<Event>,
    pub(crate) server_events: Vec<Event>,
}

/// Every method with every request, and the longest messages that there are.
pub(crate) fn every() -> impl Iterator<Item = Case> {
    let short = LOGINS.iter().flat_map(|login| asks().into_iter().map(move |ask| Case::new(login, ask)));
    short.chain([longest()])
}

pub(crate) fn longest() -> Case {
    let methods: Vec<_> = (0..=254).collect();
    Case::new(&longest_login(&methods), longest_ask())
}

/// Every request without credentials and with them, for clients that say everything in one flight.
pub(crate) fn optimistic() -> impl Iterator<Item = Case> {
    let short = [NO_AUTHENTICATION, USER_PASS_ONLY]
        .into_iter()
        .flat_map(|login| asks().into_iter().map(move |ask| Case::optimistic(&login, ask)));
    short.chain([longest_optimistic()])
}

pub(crate) fn longest_optimistic() -> Case {
    Case::optimistic(&longest_login(&[2]), longest_ask())
}

impl Case {
    fn new(login: &Login, ask: Ask) -> Self {
        Self {
            name: format!("{}, {}", login.method, ask.name),
            client_says: [login.client_says, &ask.client_says].concat(),
            server_says: [login.server_says, &ask.server_says].concat(),
            client_events: [login.client_events(), ask.client_events()].concat(),
            server_events: [login.server_events(), ask.server_events()].concat(),
            plan: login.plan(ask.request, ask.replies),
        }
    }

    fn optimistic(login: &Login, ask: Ask) -> Self {
        let client_events = ask.client_events();
        Self { client_events, ..Self::new(login, ask) }
    }
}

const ALICE: Credentials = (b"alice", b"s3cret");

/// What comes before the request.
#[derive(Clone, Copy)]
pub(crate) struct Login {
    pub(crate) method: Method,
    offer: &'static [Method],
    preference: &'static [Method],
    credentials: Credentials,
    pub(crate) client_says: &'static [u8],
    pub(crate) server_says: &'static [u8],
}

pub(crate) const NO_AUTHENTICATION: Login = Login {
    method: Method::NONE,
    offer: &[Method::NONE],
    preference: &[Method::NONE],
    credentials: ALICE,
    client_says: b"\x05\x01\x00",
    server_says: b"\x05\x00",
};

pub(crate) const USER_PASS: Login = Login {
    method: Method::USERNAME_PASSWORD,
    offer: &[Method::NONE, Method::USERNAME_PASSWORD],
    preference: &[Method::USERNAME_PASSWORD],
    credentials: ALICE,
    client_says: b"\x05\x02\x00\x02\x01\x05alice\x06s3cret",
    server_says: b"\x05\x02\x01\x00",
};

const USER_PASS_ONLY: Login =
    Login { offer: &[Method::USERNAME_PASSWORD], client_says: b"\x05\x01\x02\x01\x05alice\x06s3cret", ..USER_PASS };

const PRIVATE_METHOD: Login = Login {
    method: PRIVATE,
    offer: &[PRIVATE, Method::USERNAME_PASSWORD],
    preference: &[PRIVATE],
    credentials: ALICE,
    client_says: b"\x05\x02\x80\x02\x05hello\x00",
    server_says: b"\x05\x80\x02ok\x01!",
};

const GSSAPI: Login = Login {
    method: Method::GSSAPI,
    offer: &[Method::NONE, Method::GSSAPI, Method::USERNAME_PASSWORD],
    preference: &[Method::GSSAPI, Method::NONE],
    credentials: ALICE,
    client_says: b"\x05\x03\x00\x01\x02\x01\x01\x00\x03tok\x01\x02\x00\x01\x01",
    server_says: b"\x05\x01\x01\x01\x00\x00\x01\x02\x00\x01\x01",
};

/// The longest credentials, and an offer of all these methods.
fn longest_login(methods: &[u8]) -> Login {
    let count = methods.len().try_into().unwrap();
    let credentials = [b"\x01\xFF", [b'u'; 255].as_slice(), b"\xFF", &[b'p'; 255]].concat();
    Login {
        offer: methods.iter().copied().map(Method).collect::<Vec<_>>().leak(),
        credentials: (&[b'u'; 255], &[b'p'; 255]),
        client_says: [&[5, count], methods, &credentials].concat().leak(),
        ..USER_PASS
    }
}

const LOGINS: [Login; 4] = [NO_AUTHENTICATION, USER_PASS, PRIVATE_METHOD, GSSAPI];

impl Login {
    pub(crate) fn plan(&self, request: Request<'static>, replies: Vec<Reply<'static>>) -> Plan {
        let Self { offer, preference, credentials, .. } = *self;
        Plan { offer, preference, credentials, accepts: credentials, request, replies }
    }

    fn client_events(&self) -> Vec<Event> {
        match self.method {
            Method::NONE => vec![Event::AskedForRequest],
            Method::USERNAME_PASSWORD => vec![Event::AskedForCredentials, Event::AskedForRequest],
            method => {
                let answers = frames(method).iter().map(|(_, answer)| Event::Frame(answer.to_vec()));
                [Event::AskedForFrames(method)].into_iter().chain(answers).collect()
            }
        }
    }

    fn server_events(&self) -> Vec<Event> {
        let offer = Event::Offer(self.offer.iter().map(|method| method.0).collect());
        let login = match self.method {
            Method::USERNAME_PASSWORD => vec![Event::Credentials(self.credentials.0.into(), self.credentials.1.into())],
            method => frames(method).iter().map(|(ask, _)| Event::Frame(ask.to_vec())).collect(),
        };
        [vec![offer], login].concat()
    }
}

/// A request that is granted.
pub(crate) struct Ask {
    pub(crate) name: &'static str,
    pub(crate) request: Request<'static>,
    pub(crate) replies: Vec<Reply<'static>>,
    pub(crate) client_says: Vec<u8>,
    pub(crate) server_says: Vec<u8>,
}

impl Ask {
    fn client_events(&self) -> Vec<Event> {
        self.replies.iter().map(|reply| Event::Reply(format!("{reply:?}"))).collect()
    }

    fn server_events(&self) -> Vec<Event> {
        vec![Event::Request(format!("{:?}", self.request))]
    }
}

static LONGEST_NAME: [u8; 255] = [b'x'; 255];

pub(crate) fn ipv4(last: u8, port: u16) -> Endpoint<'static> {
    Endpoint { address: core::net::Ipv4Addr::new(192, 0, 2, last).into(), port }
}

fn ipv6() -> Endpoint<'static> {
    Endpoint { address: Ipv6Addr::new(0x2001, 0xDB8, 0, 0, 0, 0, 0, 1).into(), port: 443 }
}

fn domain(name: &'static [u8]) -> Endpoint<'static> {
    Endpoint { address: Domain::new(name).unwrap().into(), port: 80 }
}

const IPV6_OCTETS: &[u8] = b"\x04\x20\x01\x0D\xB8\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x01\x01\xBB";
/// [`ipv4`] of 7 and 4660, as a reply.
const GRANTED: &[u8] = b"\x05\x00\x00\x01\xC0\x00\x02\x07\x12\x34";

pub(crate) fn asks() -> Vec<Ask> {
    vec![connect_to_ipv4(), connect_to_ipv6(), connect_to_shortest_name(), connect_to_longest_name()]
        .into_iter()
        .chain([bind(), udp_associate(), unknown_command(), resolve()])
        .collect()
}

pub(crate) fn connect_to_ipv4() -> Ask {
    Ask {
        name: "CONNECT to IPv4",
        request: Request::connect(ipv4(1, 80)),
        replies: vec![Reply::succeeded(ipv4(7, 4660))],
        client_says: b"\x05\x01\x00\x01\xC0\x00\x02\x01\x00\x50".to_vec(),
        server_says: GRANTED.to_vec(),
    }
}

pub(crate) fn connect_to_ipv6() -> Ask {
    Ask {
        name: "CONNECT to IPv6",
        request: Request::connect(ipv6()),
        replies: vec![Reply::succeeded(ipv6())],
        client_says: [b"\x05\x01\x00", IPV6_OCTETS].concat(),
        server_says: [b"\x05\x00\x00", IPV6_OCTETS].concat(),
    }
}

fn connect_to_shortest_name() -> Ask {
    Ask {
        name: "CONNECT to a name of 1 octet",
        request: Request::connect(domain(b"\xFF")),
        replies: vec![Reply::succeeded(domain(b"s"))],
        client_says: b"\x05\x01\x00\x03\x01\xFF\x00\x50".to_vec(),
        server_says: b"\x05\x00\x00\x03\x01s\x00\x50".to_vec(),
    }
}

fn longest_name_octets() -> Vec<u8> {
    [b"\x03\xFF", LONGEST_NAME.as_slice(), b"\x00\x50"].concat()
}

fn connect_to_longest_name() -> Ask {
    let name = longest_name_octets();
    Ask {
        name: "CONNECT to a name of 255 octets",
        request: Request::connect(domain(&LONGEST_NAME)),
        replies: vec![Reply::succeeded(domain(&LONGEST_NAME))],
        client_says: [b"\x05\x01\x00", name.as_slice()].concat(),
        server_says: [b"\x05\x00\x00", name.as_slice()].concat(),
    }
}

fn longest_ask() -> Ask {
    let name = longest_name_octets();
    Ask {
        name: "BIND with names of 255 octets",
        request: Request::bind(domain(&LONGEST_NAME)),
        replies: vec![Reply::succeeded(domain(&LONGEST_NAME)); 2],
        client_says: [b"\x05\x02\x00", name.as_slice()].concat(),
        server_says: [b"\x05\x00\x00", name.as_slice()].concat().repeat(2),
    }
}

pub(crate) fn bind() -> Ask {
    Ask {
        name: "BIND",
        request: Request::bind(ipv4(1, 20)),
        replies: vec![Reply::succeeded(ipv4(7, 4660)), Reply::succeeded(ipv4(1, 20))],
        client_says: b"\x05\x02\x00\x01\xC0\x00\x02\x01\x00\x14".to_vec(),
        server_says: [GRANTED, b"\x05\x00\x00\x01\xC0\x00\x02\x01\x00\x14"].concat(),
    }
}

pub(crate) fn udp_associate() -> Ask {
    Ask {
        name: "UDP ASSOCIATE",
        request: Request::udp_associate(Endpoint::UNSPECIFIED),
        replies: vec![Reply::succeeded(ipv4(7, 4660))],
        client_says: b"\x05\x03\x00\x01\x00\x00\x00\x00\x00\x00".to_vec(),
        server_says: GRANTED.to_vec(),
    }
}

pub(crate) fn unknown_command() -> Ask {
    Ask {
        name: "command 77",
        request: Request { command: Command(0x77), destination: ipv4(1, 80) },
        replies: vec![Reply::succeeded(ipv4(7, 4660))],
        client_says: b"\x05\x77\x00\x01\xC0\x00\x02\x01\x00\x50".to_vec(),
        server_says: GRANTED.to_vec(),
    }
}

fn resolve() -> Ask {
    Ask {
        name: "RESOLVE",
        request: Request { command: Command::RESOLVE, destination: domain(b"example.com") },
        replies: vec![Reply::succeeded(ipv4(9, 0))],
        client_says: b"\x05\xF0\x00\x03\x0Bexample.com\x00\x50".to_vec(),
        server_says: b"\x05\x00\x00\x01\xC0\x00\x02\x09\x00\x00".to_vec(),
    }
}
