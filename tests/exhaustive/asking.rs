//! A client as an application would write it. It decides as it is told, and takes notes.

use socks5_sansio::client::{Client, Error, Step, SubNegotiation};
use socks5_sansio::{Command, MethodOffer, Request, UserPass};

use crate::inbox::Delivery;
use crate::menu::{Decided, Due, Opening};
use crate::messages::Told;
use crate::places::{endpoint, place};
use crate::recogniser::{Login, WELCOME};
use crate::seat::{Application, Next, Over, Seat};
use crate::serving::EXPECTED_TOKEN;

/// What is behind a flight.
pub(crate) const DATA: &[u8] = b"\x05\x01\x00\x01data";

#[derive(Default)]
pub(crate) struct Asking {
    pub(crate) said: Vec<u8>,
    /// As whom the client is authenticated once it is asked for a request.
    hopes: Option<Login>,
    pub(crate) login: Option<Login>,
    pub(crate) replies: Vec<Told>,
}

pub(crate) enum Moment {
    Reads(Client),
    Negotiates(SubNegotiation),
}

impl Asking {
    pub(crate) fn seated(decided: Decided<'_>, delivery: Delivery) -> Result<Seat<'_, Self>, Due> {
        let mut asking = Self::default();
        let first = match decided.opening()? {
            Opening::Offer(methods) => asking.say(Client::new(&MethodOffer::new(methods).unwrap())),
            Opening::Flight { credentials } => asking.fly(*credentials, decided)?,
        };
        Ok(Seat::new(asking, first, decided, delivery))
    }
}

impl Application for Asking {
    type Moment = Moment;
    type Error = Error;

    fn turn(&mut self, now: Moment, unread: &[u8], decided: Decided<'_>) -> Result<(usize, Next<Self>), Due> {
        match now {
            Moment::Negotiates(negotiation) => self.negotiate(negotiation, unread, decided),
            Moment::Reads(client) => match client.read(unread) {
                Ok((used, step)) => Ok((used, self.step(step, decided)?)),
                Err(error) => Ok((0, Next::Over(Over::Error(error)))),
            },
        }
    }

    fn end(&mut self, now: Moment, unread: &[u8]) -> Over<Error> {
        match now {
            Moment::Reads(client) => Over::Error(client.end(unread)),
            Moment::Negotiates(_) => Over::Left,
        }
    }
}

impl Asking {
    fn say(&mut self, (octets, client): (impl AsRef<[u8]>, Client)) -> Moment {
        self.said.extend(octets.as_ref());
        Moment::Reads(client)
    }

    fn fly(&mut self, credentials: bool, decided: Decided<'_>) -> Result<Moment, Due> {
        let credentials = if credentials { Some(self.credentials(decided)?) } else { None };
        let mut out = [0; Client::OPTIMISTIC_MAX_LEN];
        let (len, client) = Client::optimistic(credentials.as_ref(), &request(decided)?, &mut out).unwrap();
        Ok(self.say(([&out[..len], DATA].concat(), client)))
    }

    fn credentials(&mut self, decided: Decided<'_>) -> Result<UserPass<'static>, Due> {
        let (username, password) = decided.credentials()?;
        self.hopes = Some(Login::User(username.to_vec()));
        Ok(UserPass::new(username, password).unwrap())
    }

    fn step(&mut self, step: Step<'_>, decided: Decided<'_>) -> Result<Next<Self>, Due> {
        Ok(match step {
            Step::NeedMore(client, missing) => Next::NeedMore(Moment::Reads(client), missing.get()),
            Step::UserPass(permit) => {
                let credentials = self.credentials(decided)?;
                Next::ReadOn(self.say(permit.send(&credentials)))
            }
            Step::SubNegotiate(negotiation) => {
                self.hopes = Some(Login::By(negotiation.method().0));
                self.said.push(EXPECTED_TOKEN);
                Next::ReadOn(Moment::Negotiates(negotiation))
            }
            Step::Request(permit) => {
                self.is_asked();
                Next::ReadOn(self.say(permit.send(&request(decided)?)))
            }
            Step::Reply(reply, second) => {
                self.is_asked();
                self.replies.push(Told { code: reply.code.0, place: place(&reply.bound) });
                second.map_or(Next::Over(Over::Granted), |client| Next::ReadOn(Moment::Reads(client)))
            }
        })
    }

    fn negotiate(
        &mut self,
        negotiation: SubNegotiation,
        unread: &[u8],
        decided: Decided<'_>,
    ) -> Result<(usize, Next<Self>), Due> {
        match unread.first() {
            None => Ok((0, Next::NeedMore(Moment::Negotiates(negotiation), 1))),
            Some(&WELCOME) => {
                self.is_asked();
                Ok((1, Next::ReadOn(self.say(negotiation.authenticated().send(&request(decided)?)))))
            }
            Some(_) => Ok((1, Next::Over(Over::Refused))),
        }
    }

    /// Nobody is asked for a request, or granted one, who is not authenticated.
    fn is_asked(&mut self) {
        self.login = Some(self.hopes.clone().unwrap_or(Login::Nobody));
    }
}

fn request(decided: Decided<'_>) -> Result<Request<'_>, Due> {
    let told = decided.request()?;
    Ok(Request { command: Command(told.code), destination: endpoint(&told.place) })
}
