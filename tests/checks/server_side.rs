//! The server's side.

use core::mem;

use socks5_sansio::server::{self, Chosen, Server};
use socks5_sansio::{Reply, ReplyCode, UserPass};

use super::plan::{Plan, encoded};
use super::sides::{End, Event, Heard, Log, Side, frame};

pub(super) struct ServerSide<'p> {
    plan: &'p Plan,
    waits: ServerWaits,
    log: Log<server::Error>,
}

enum ServerWaits {
    ForMessage(Server),
    ForFrame(server::SubNegotiation),
    No,
}

impl<'p> ServerSide<'p> {
    pub(super) fn new(plan: &'p Plan) -> Self {
        Self { plan, waits: ServerWaits::ForMessage(Server::new()), log: Log::new() }
    }

    fn hear_message(&mut self, server: Server, input: &[u8]) -> Heard {
        match server.read(input) {
            Ok((used, server::Step::NeedMore(server, missing))) => {
                self.waits = ServerWaits::ForMessage(server);
                Heard::Missing { used, missing: missing.get() }
            }
            Ok((used, step)) => {
                self.answer(step);
                Heard::Used(used)
            }
            Err(error) => {
                self.fail(error);
                Heard::Over
            }
        }
    }

    fn fail(&mut self, error: server::Error) {
        self.log.say(error.parting());
        self.log.end = Some(End::Error(error));
    }

    fn answer(&mut self, step: server::Step<'_>) {
        use server::Step;
        match step {
            Step::NeedMore(..) => unreachable!("is no message"),
            Step::Methods(offer, permit) => {
                self.log.events.push(Event::Offer(encoded(&offer)));
                self.select(permit.choose(&self.plan.preference));
            }
            Step::UserPass(said, permit) => self.judge(&said, permit),
            Step::Request(request, permit) => {
                self.log.events.push(Event::Request(encoded(&request)));
                let [reply] = self.plan.replies(request.command)[..] else { panic!("{request:?} has one reply") };
                self.reply(permit, &reply);
            }
            Step::Bind(request, permit) => {
                self.log.events.push(Event::Request(encoded(&request)));
                self.bind(permit, &self.plan.replies(request.command));
            }
        }
    }

    fn select(&mut self, chosen: Chosen) {
        match chosen {
            Chosen::Continue(answer, server) => self.waits = ServerWaits::ForMessage(self.log.make((answer, server))),
            Chosen::SubNegotiate(answer, negotiation) => {
                self.waits = ServerWaits::ForFrame(self.log.make((answer, negotiation)));
            }
            Chosen::Refused(answer) => {
                self.log.say(&answer);
                self.log.close(false, b"");
            }
        }
    }

    fn judge(&mut self, said: &UserPass<'_>, permit: server::Verify) {
        self.log.events.push(Event::Credentials(encoded(said)));
        if self.plan.verifies(said) {
            self.waits = ServerWaits::ForMessage(self.log.make(permit.accept()));
        } else {
            self.log.say(&permit.reject());
            self.log.close(false, b"");
        }
    }

    fn bind(&mut self, permit: server::Listen, replies: &[Reply<'_>]) {
        match replies {
            [failure] => {
                self.log.say(&permit.refuse(failure.code));
                self.log.close(false, b"");
            }
            [first, second] => {
                let permit = self.log.make(permit.listening(first.bound));
                self.reply(permit, second);
            }
            _ => panic!("BIND has one reply or two"),
        }
    }

    fn reply(&mut self, permit: server::Respond, reply: &Reply<'_>) {
        self.log.say(&permit.reply(reply));
        self.log.close(reply.code == ReplyCode::SUCCEEDED, &self.plan.from_server);
    }
}

impl Side for ServerSide<'_> {
    type Error = server::Error;

    fn hear(&mut self, input: &[u8]) -> Heard {
        match mem::replace(&mut self.waits, ServerWaits::No) {
            ServerWaits::ForMessage(server) => self.hear_message(server, input),
            ServerWaits::ForFrame(negotiation) => match frame(input, self.plan.ask.len(), &mut self.log) {
                Ok(heard) => {
                    self.log.say(&self.plan.answer);
                    self.waits = ServerWaits::ForMessage(negotiation.authenticated());
                    heard
                }
                Err(heard) => {
                    self.waits = ServerWaits::ForFrame(negotiation);
                    heard
                }
            },
            ServerWaits::No => Heard::Over,
        }
    }

    fn end(&mut self, unread: &[u8]) {
        match mem::replace(&mut self.waits, ServerWaits::No) {
            ServerWaits::ForMessage(server) => self.fail(server.end(unread)),
            ServerWaits::ForFrame(_) => self.log.end = Some(End::Left),
            ServerWaits::No => {}
        }
    }

    fn log(&self) -> &Log<server::Error> {
        &self.log
    }
}
