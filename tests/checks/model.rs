//! The rules of both sides in a row, for somebody who has all the octets of the other side at once.

use socks5_sansio::client::Error as ClientError;
use socks5_sansio::server::Error as ServerError;
use socks5_sansio::{
    Command, DecodeError, Invalid, Message, Method, MethodOffer, MethodSelection, Reply, ReplyCode, Request, UserPass,
    UserPassStatus,
};

use super::hearing::Outcome;
use super::plan::{Plan, encoded};
use super::sides::{End, Event, Log};

/// What is left of what a side hears.
struct Rest<'a> {
    octets: &'a [u8],
    used: usize,
}

/// Why there is no message.
enum Stop {
    Cut { between: bool },
    Invalid(Invalid),
}

impl<'a> Rest<'a> {
    fn next<M: Message<'a>>(&mut self) -> Result<M, Stop> {
        match M::decode(&self.octets[self.used..]) {
            Ok((message, used)) => {
                self.used += used;
                Ok(message)
            }
            Err(DecodeError::Incomplete(_)) => Err(Stop::Cut { between: self.used == self.octets.len() }),
            Err(DecodeError::Invalid(invalid)) => Err(Stop::Invalid(invalid)),
        }
    }

    fn frame(&mut self, len: usize) -> Option<Event> {
        let frame = self.octets[self.used..].get(..len)?;
        self.used += len;
        Some(Event::Frame(frame.to_vec()))
    }
}

/// How it must go for a server that hears this.
pub(super) fn server(plan: &Plan, octets: &[u8]) -> Outcome<ServerError> {
    let (mut rest, mut log) = (Rest { octets, used: 0 }, Log::new());
    let end = serve(plan, &mut rest, &mut log).unwrap_or_else(|end| end);
    if let End::Error(error) = end {
        log.say(match error {
            ServerError::Request(Invalid::AddressType(_)) => b"\x05\x08\x00\x01\x00\x00\x00\x00\x00\x00",
            ServerError::Request(_) => b"\x05\x01\x00\x01\x00\x00\x00\x00\x00\x00",
            ServerError::UserPass(_) => b"\x01\x01",
            _ => b"",
        });
    }
    log.end = Some(end);
    Outcome::new(log, rest.used)
}

type ServerEnd = Result<End<ServerError>, End<ServerError>>;

fn serve(plan: &Plan, rest: &mut Rest<'_>, log: &mut Log<ServerError>) -> ServerEnd {
    let silent = rest.octets.is_empty();
    let offer: MethodOffer<'_> = rest.next().map_err(|stop| match stop {
        Stop::Cut { .. } if silent => End::Error(ServerError::Silent),
        stop => server_end(stop, ServerError::Offer),
    })?;
    log.events.push(Event::Offer(encoded(&offer)));
    let method = plan.selects(&offer.methods().collect::<Vec<_>>());
    log.say(&[5, method.0]);
    match method {
        Method::NO_ACCEPTABLE => return Err(End::Refused),
        Method::NONE => {}
        Method::USERNAME_PASSWORD => judge(plan, rest, log)?,
        _ => {
            log.events.push(rest.frame(plan.ask.len()).ok_or(End::Left)?);
            log.say(&plan.answer);
        }
    }
    grant(plan, rest, log)
}

fn judge(plan: &Plan, rest: &mut Rest<'_>, log: &mut Log<ServerError>) -> Result<(), End<ServerError>> {
    let said: UserPass<'_> = rest.next().map_err(|stop| server_end(stop, ServerError::UserPass))?;
    log.events.push(Event::Credentials(encoded(&said)));
    log.say(&[1, u8::from(!plan.accepts(&said))]);
    if plan.accepts(&said) { Ok(()) } else { Err(End::Refused) }
}

fn grant(plan: &Plan, rest: &mut Rest<'_>, log: &mut Log<ServerError>) -> ServerEnd {
    let request: Request<'_> = rest.next().map_err(|stop| server_end(stop, ServerError::Request))?;
    log.events.push(Event::Request(encoded(&request)));
    let replies = plan.replies(request.command);
    replies.iter().for_each(|reply| log.say(&encoded(reply)));
    let good = replies.iter().all(|reply| reply.code == ReplyCode::SUCCEEDED);
    log.say(if good { &plan.from_server } else { b"" });
    if good { Ok(End::Open) } else { Err(End::Refused) }
}

fn server_end(stop: Stop, blame: fn(Invalid) -> ServerError) -> End<ServerError> {
    End::Error(match stop {
        Stop::Cut { between: true } => ServerError::Closed,
        Stop::Cut { between: false } => ServerError::Truncated,
        Stop::Invalid(invalid) => blame(invalid),
    })
}

/// How it must go for a client that hears this.
pub(super) fn client(plan: &Plan, octets: &[u8]) -> Outcome<ClientError> {
    let (mut rest, mut log) = (Rest { octets, used: 0 }, Log::new());
    if plan.optimistic {
        log.say(&plan.flight().0);
        log.say(&plan.from_client);
    } else {
        log.say(&encoded(&plan.offer()));
    }
    let end = connect(plan, &mut rest, &mut log).unwrap_or_else(|end| end);
    if end == End::Open && !plan.optimistic {
        log.say(&plan.from_client);
    }
    log.end = Some(end);
    Outcome::new(log, rest.used)
}

type ClientEnd = Result<End<ClientError>, End<ClientError>>;

fn connect(plan: &Plan, rest: &mut Rest<'_>, log: &mut Log<ClientError>) -> ClientEnd {
    let MethodSelection { method } = rest.next().map_err(client_end)?;
    match method {
        Method::NO_ACCEPTABLE => return Err(End::Error(ClientError::NoAcceptableMethod)),
        other if !plan.offer.contains(&other) => return Err(End::Error(ClientError::NotOffered(other))),
        Method::NONE => {}
        Method::USERNAME_PASSWORD => authenticate(plan, rest, log)?,
        other => {
            log.events.push(Event::AskedForFrame(other));
            log.say(&plan.ask);
            log.events.push(rest.frame(plan.answer.len()).ok_or(End::Left)?);
        }
    }
    if !plan.optimistic {
        log.events.push(Event::AskedForRequest);
        log.say(&encoded(&plan.request()));
    }
    for _ in 0..if plan.command == Command::BIND { 2 } else { 1 } {
        log.events.push(reply(rest)?);
    }
    Ok(End::Open)
}

fn authenticate(plan: &Plan, rest: &mut Rest<'_>, log: &mut Log<ClientError>) -> Result<(), End<ClientError>> {
    if !plan.optimistic {
        log.events.push(Event::AskedForCredentials);
        log.say(&encoded(&plan.user_pass()));
    }
    match rest.next().map_err(client_end)? {
        UserPassStatus(0) => Ok(()),
        UserPassStatus(status) => Err(End::Error(ClientError::Rejected(status))),
    }
}

/// A refusal is one as soon as its code is there.
fn reply(rest: &mut Rest<'_>) -> Result<Event, End<ClientError>> {
    match rest.octets[rest.used..] {
        [5, code, ..] if code != 0 => Err(End::Error(ClientError::Refused(ReplyCode(code)))),
        _ => rest.next::<Reply<'_>>().map(|reply| Event::Reply(encoded(&reply))).map_err(client_end),
    }
}

fn client_end(stop: Stop) -> End<ClientError> {
    End::Error(match stop {
        Stop::Cut { between: true } => ClientError::Closed,
        Stop::Cut { between: false } => ClientError::Truncated,
        Stop::Invalid(invalid) => ClientError::Invalid(invalid),
    })
}
