//! A client and a server as an application would write them. They note what happens to them.

use socks5_sansio::client::{self, Client};
use socks5_sansio::server::{self, Chosen, Listen, Server};
use socks5_sansio::{Method, MethodOffer, Outgoing, Reply, ReplyCode, Request, UserPass};

use crate::frames::{Turn, negotiate};
use crate::wire::{Reading, Wire, alone, both};

/// A username and a password.
pub(crate) type Credentials = (&'static [u8], &'static [u8]);

/// Application data. Each looks like a message that could have stood there.
pub(crate) const FROM_CLIENT: &[u8] = b"\x05\x01\x00\x01 this is from the client";
pub(crate) const FROM_SERVER: &[u8] = b"\x05\x05\x00\x01 this is from the server";

/// What the two sides want of each other.
#[derive(Clone, Debug)]
pub(crate) struct Plan {
    pub(crate) offer: &'static [Method],
    pub(crate) preference: &'static [Method],
    /// What the client says, if asked.
    pub(crate) credentials: Credentials,
    /// What the server accepts.
    pub(crate) accepts: Credentials,
    pub(crate) request: Request<'static>,
    /// One, or BIND's two.
    pub(crate) replies: Vec<Reply<'static>>,
}

impl Plan {
    pub(crate) fn credentials(&self) -> UserPass<'static> {
        UserPass::new(self.credentials.0, self.credentials.1).unwrap()
    }

    /// Whether an optimistic client has credentials to offer, and nothing else.
    pub(crate) fn offers_credentials(&self) -> bool {
        self.offer == [Method::USERNAME_PASSWORD]
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Event {
    Offer(Vec<u8>),
    Credentials(Vec<u8>, Vec<u8>),
    /// Of a sub-negotiation.
    Frame(Vec<u8>),
    Request(String),
    AskedForCredentials,
    AskedForFrames(Method),
    AskedForRequest,
    Reply(String),
}

/// How it went for one side.
#[derive(Debug)]
pub(crate) struct Outcome<E> {
    pub(crate) events: Vec<Event>,
    /// Whether the connection is the application's now.
    pub(crate) end: Result<bool, E>,
    /// Everything said, application data excluded.
    pub(crate) said: Vec<u8>,
    /// Taken off the pipe, but not used.
    pub(crate) unread: Vec<u8>,
    /// All that came behind the last message, what is `unread` included.
    pub(crate) rest: Vec<u8>,
}

impl<E> Outcome<E> {
    async fn of(mut wire: Wire, events: Vec<Event>, end: Result<bool, E>, data: &[u8]) -> Self {
        let said = wire.sent.clone();
        if matches!(end, Ok(true)) {
            wire.send(data);
        }
        wire.close();
        let unread = wire.unread().to_vec();
        Self { events, end, said, unread, rest: wire.rest().await }
    }
}

pub(crate) async fn client(plan: &Plan, mut wire: Wire) -> Outcome<client::Error> {
    let mut events = vec![];
    let client = wire.make(Client::new(&MethodOffer::new(plan.offer).unwrap()));
    let end = connect(client, plan, &mut wire, &mut events).await;
    Outcome::of(wire, events, end, FROM_CLIENT).await
}

/// Sends its application data right behind the flight.
pub(crate) async fn optimistic_client(plan: &Plan, mut wire: Wire) -> Outcome<client::Error> {
    let mut events = vec![];
    let (flight, client) = flight(plan);
    wire.send(&[&flight, FROM_CLIENT].concat());
    let end = connect(client, plan, &mut wire, &mut events).await;
    Outcome::of(wire, events, end, b"").await
}

pub(crate) fn flight(plan: &Plan) -> (Vec<u8>, Client) {
    let credentials = plan.offers_credentials().then(|| plan.credentials());
    let mut out = [0; Client::OPTIMISTIC_MAX_LEN];
    let (len, client) = Client::optimistic(credentials.as_ref(), &plan.request, &mut out).unwrap();
    (out[..len].to_vec(), client)
}

async fn connect(
    mut client: Client,
    plan: &Plan,
    wire: &mut Wire,
    events: &mut Vec<Event>,
) -> Result<bool, client::Error> {
    use client::Step;
    loop {
        let (used, step) = client.read(&wire.buffer[wire.used..])?;
        wire.used += used;
        client = match step {
            Step::NeedMore(waiting, missing) => match wire.more(missing).await {
                true => waiting,
                false => return Err(waiting.end(wire.unread())),
            },
            Step::UserPass(permit) => {
                events.push(Event::AskedForCredentials);
                wire.make(permit.send(&plan.credentials()))
            }
            Step::SubNegotiate(negotiation) => {
                events.push(Event::AskedForFrames(negotiation.method()));
                negotiate(negotiation.method(), Turn::Ask, wire, events).await.ok_or(client::Error::Closed)?;
                wire.make(negotiation.authenticated().send(&plan.request))
            }
            Step::Request(permit) => {
                events.push(Event::AskedForRequest);
                wire.make(permit.send(&plan.request))
            }
            Step::Reply(reply, next) => {
                events.push(Event::Reply(format!("{reply:?}")));
                let Some(client) = next else { return Ok(true) };
                client
            }
        };
    }
}

pub(crate) async fn server(plan: &Plan, mut wire: Wire) -> Outcome<server::Error> {
    let mut events = vec![];
    let end = serve(plan, &mut wire, &mut events).await;
    if let Err(error) = end {
        wire.send(error.parting());
    }
    Outcome::of(wire, events, end, FROM_SERVER).await
}

async fn serve(plan: &Plan, wire: &mut Wire, events: &mut Vec<Event>) -> Result<bool, server::Error> {
    use server::Step;
    let mut server = Server::new();
    loop {
        let (used, step) = server.read(&wire.buffer[wire.used..])?;
        wire.used += used;
        server = match step {
            Step::NeedMore(waiting, missing) => match wire.more(missing).await {
                true => waiting,
                false => return Err(waiting.end(wire.unread())),
            },
            Step::Methods(offer, permit) => {
                events.push(Event::Offer(offer.methods().map(u8::from).collect()));
                let Some(next) = chosen(permit.choose(plan.preference), wire, events).await? else { return Ok(false) };
                next
            }
            Step::UserPass(said, permit) => {
                events.push(Event::Credentials(said.username().to_vec(), said.password().to_vec()));
                if !said.verify(&UserPass::new(plan.accepts.0, plan.accepts.1).unwrap()) {
                    return Ok(last_word(&permit.reject(), false, wire));
                }
                wire.make(permit.accept())
            }
            Step::Request(request, permit) => {
                events.push(Event::Request(format!("{request:?}")));
                let [reply] = plan.replies[..] else { panic!("{request:?} has one reply") };
                return Ok(last_word(&permit.reply(&reply), reply.code == ReplyCode::SUCCEEDED, wire));
            }
            Step::Bind(request, permit) => {
                events.push(Event::Request(format!("{request:?}")));
                return Ok(bind(permit, &plan.replies, wire));
            }
        };
    }
}

async fn chosen(chosen: Chosen, wire: &mut Wire, events: &mut Vec<Event>) -> Result<Option<Server>, server::Error> {
    match chosen {
        Chosen::Continue(answer, server) => Ok(Some(wire.make((answer, server)))),
        Chosen::SubNegotiate(answer, negotiation) => {
            wire.send(&answer);
            negotiate(negotiation.method(), Turn::Answer, wire, events).await.ok_or(server::Error::Closed)?;
            Ok(Some(negotiation.authenticated()))
        }
        Chosen::Refused(answer) => {
            wire.send(&answer);
            Ok(None)
        }
    }
}

fn bind(permit: Listen, replies: &[Reply<'_>], wire: &mut Wire) -> bool {
    match replies {
        [failure] => last_word(&permit.refuse(failure.code), false, wire),
        [first, second] => {
            let permit = wire.make(permit.listening(first.bound));
            last_word(&permit.reply(second), second.code == ReplyCode::SUCCEEDED, wire)
        }
        _ => panic!("BIND has one reply or two"),
    }
}

fn last_word(octets: &Outgoing, good: bool, wire: &mut Wire) -> bool {
    wire.send(octets);
    good
}

pub(crate) fn client_and_server(plan: &Plan, reading: Reading) -> (Outcome<client::Error>, Outcome<server::Error>) {
    let (up, down) = Wire::pair(reading);
    both(client(plan, up), server(plan, down))
}

/// A client whose server has said all this, and left.
pub(crate) fn client_hears(plan: &Plan, octets: &[u8], reading: Reading) -> Outcome<client::Error> {
    alone(client(plan, Wire::scripted(octets, reading)))
}

/// An optimistic client whose server has said all this, and left.
pub(crate) fn optimist_hears(plan: &Plan, octets: &[u8], reading: Reading) -> Outcome<client::Error> {
    alone(optimistic_client(plan, Wire::scripted(octets, reading)))
}

/// A server whose client has said all this, and left.
pub(crate) fn server_hears(plan: &Plan, octets: &[u8], reading: Reading) -> Outcome<server::Error> {
    alone(server(plan, Wire::scripted(octets, reading)))
}
