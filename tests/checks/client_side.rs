//! The client's side.

use core::mem;

use socks5_sansio::ReplyCode;
use socks5_sansio::client::{self, Client};

use super::plan::{Plan, encoded};
use super::sides::{End, Event, Heard, Log, Side, frame};

pub(super) struct ClientSide<'p> {
    plan: &'p Plan,
    waits: ClientWaits,
    log: Log<client::Error>,
}

enum ClientWaits {
    ForMessage(Client),
    ForFrame(client::SubNegotiation),
    No,
}

impl<'p> ClientSide<'p> {
    /// An optimist sends its application data right behind the flight.
    pub(super) fn new(plan: &'p Plan) -> Self {
        let mut log = Log::new();
        let client = if plan.optimistic {
            let client = log.make(plan.flight());
            log.say(&plan.from_client);
            client
        } else {
            log.make(Client::new(&plan.offer()))
        };
        Self { plan, waits: ClientWaits::ForMessage(client), log }
    }

    fn hear_message(&mut self, client: Client, input: &[u8]) -> Heard {
        match client.read(input) {
            Ok((used, client::Step::NeedMore(client, missing))) => {
                self.waits = ClientWaits::ForMessage(client);
                Heard::Missing { used, missing: missing.get() }
            }
            Ok((used, step)) => {
                self.answer(step);
                Heard::Used(used)
            }
            Err(error) => {
                self.log.end = Some(End::Error(error));
                Heard::Over
            }
        }
    }

    fn answer(&mut self, step: client::Step<'_>) {
        use client::Step;
        match step {
            Step::NeedMore(..) => unreachable!("is no message"),
            Step::UserPass(permit) => {
                self.log.events.push(Event::AskedForCredentials);
                self.waits = ClientWaits::ForMessage(self.log.make(permit.send(&self.plan.user_pass())));
            }
            Step::SubNegotiate(negotiation) => {
                self.log.events.push(Event::AskedForFrame(negotiation.method()));
                self.log.say(&self.plan.ask);
                self.waits = ClientWaits::ForFrame(negotiation);
            }
            Step::Request(permit) => self.request(permit),
            Step::Reply(reply, next) => {
                assert_eq!(reply.code, ReplyCode::SUCCEEDED);
                self.log.events.push(Event::Reply(encoded(&reply)));
                match next {
                    Some(client) => self.waits = ClientWaits::ForMessage(client),
                    None => self.log.close(true, if self.plan.optimistic { b"" } else { &self.plan.from_client }),
                }
            }
        }
    }

    fn request(&mut self, permit: client::SendRequest) {
        self.log.events.push(Event::AskedForRequest);
        self.waits = ClientWaits::ForMessage(self.log.make(permit.send(&self.plan.request())));
    }
}

impl Side for ClientSide<'_> {
    type Error = client::Error;

    fn hear(&mut self, input: &[u8]) -> Heard {
        match mem::replace(&mut self.waits, ClientWaits::No) {
            ClientWaits::ForMessage(client) => self.hear_message(client, input),
            ClientWaits::ForFrame(negotiation) => match frame(input, self.plan.answer.len(), &mut self.log) {
                Ok(heard) => {
                    self.request(negotiation.authenticated());
                    heard
                }
                Err(heard) => {
                    self.waits = ClientWaits::ForFrame(negotiation);
                    heard
                }
            },
            ClientWaits::No => Heard::Over,
        }
    }

    fn end(&mut self, unread: &[u8]) {
        match mem::replace(&mut self.waits, ClientWaits::No) {
            ClientWaits::ForMessage(client) => self.log.end = Some(End::Error(client.end(unread))),
            ClientWaits::ForFrame(_) => self.log.end = Some(End::Left),
            ClientWaits::No => {}
        }
    }

    fn log(&self) -> &Log<client::Error> {
        &self.log
    }
}
