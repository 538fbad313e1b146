//! A server as an application would write it. It decides as it is told, and takes notes.

use socks5_sansio::server::{Chosen, Error, Listen, Server, Step, SubNegotiation};
use socks5_sansio::{Reply, ReplyCode, Request, UserPass};

use crate::inbox::Delivery;
use crate::menu::{Bind, Decided, Due, Verdict};
use crate::messages::{Credentials, Told};
use crate::places::{endpoint, place};
use crate::recogniser::{Login, WELCOME};
use crate::seat::{Application, Next, Over, Seat};

/// What is accepted of those who want to be judged.
pub(crate) const EXPECTED: Credentials<'_> = (b"u", b"p");
pub(crate) const EXPECTED_TOKEN: u8 = b'*';
const GO_AWAY: u8 = 0x00;

#[derive(Default)]
pub(crate) struct Serving {
    pub(crate) said: Vec<u8>,
    pub(crate) offer: Option<Vec<u8>>,
    pub(crate) credentials: Option<(Vec<u8>, Vec<u8>)>,
    pub(crate) token: Option<u8>,
    pub(crate) login: Option<Login>,
    pub(crate) request: Option<Told>,
}

pub(crate) enum Moment {
    Reads(Server),
    Negotiates(SubNegotiation),
}

impl Serving {
    pub(crate) fn seated(decided: Decided<'_>, delivery: Delivery) -> Seat<'_, Self> {
        Seat::new(Self::default(), Moment::Reads(Server::new()), decided, delivery)
    }
}

impl Application for Serving {
    type Moment = Moment;
    type Error = Error;

    fn turn(&mut self, now: Moment, unread: &[u8], decided: Decided<'_>) -> Result<(usize, Next<Self>), Due> {
        match now {
            Moment::Negotiates(negotiation) => self.negotiate(negotiation, unread, decided),
            Moment::Reads(server) => match server.read(unread) {
                Ok((used, step)) => Ok((used, self.step(step, decided)?)),
                Err(error) => Ok((0, Next::Over(self.part(error)))),
            },
        }
    }

    fn end(&mut self, now: Moment, unread: &[u8]) -> Over<Error> {
        match now {
            Moment::Reads(server) => self.part(server.end(unread)),
            Moment::Negotiates(_) => Over::Left,
        }
    }
}

impl Serving {
    fn step(&mut self, step: Step<'_>, decided: Decided<'_>) -> Result<Next<Self>, Due> {
        Ok(match step {
            Step::NeedMore(server, missing) => Next::NeedMore(Moment::Reads(server), missing.get()),
            Step::Methods(offer, permit) => {
                self.offer = Some(offer.methods().map(u8::from).collect());
                self.go_by(permit.choose(decided.preference()?))
            }
            Step::UserPass(credentials, permit) => {
                self.credentials = Some((credentials.username().to_vec(), credentials.password().to_vec()));
                match accepts(decided.verdict()?, || credentials.verify(&expected())) {
                    true => self.welcome(Login::User(credentials.username().to_vec()), permit.accept()),
                    false => self.last_word(&permit.reject(), false),
                }
            }
            Step::Request(request, permit) => {
                let reply = &decided.answer()?.reply;
                self.request = Some(told(&request));
                self.last_word(&permit.reply(&reply_of(reply)), reply.code == 0)
            }
            Step::Bind(request, permit) => {
                let bind = &decided.answer()?.bind;
                self.request = Some(told(&request));
                self.bind(permit, bind)
            }
        })
    }

    fn go_by(&mut self, chosen: Chosen) -> Next<Self> {
        match chosen {
            Chosen::Continue(selection, server) => {
                self.said.extend(&*selection);
                self.login = (selection[1] == 0).then_some(Login::Nobody);
                Next::ReadOn(Moment::Reads(server))
            }
            Chosen::SubNegotiate(selection, negotiation) => {
                self.said.extend(&*selection);
                Next::ReadOn(Moment::Negotiates(negotiation))
            }
            Chosen::Refused(selection) => self.last_word(&selection, false),
        }
    }

    fn welcome(&mut self, login: Login, (octets, server): (impl AsRef<[u8]>, Server)) -> Next<Self> {
        self.said.extend(octets.as_ref());
        self.login = Some(login);
        Next::ReadOn(Moment::Reads(server))
    }

    fn negotiate(
        &mut self,
        negotiation: SubNegotiation,
        unread: &[u8],
        decided: Decided<'_>,
    ) -> Result<(usize, Next<Self>), Due> {
        let Some(&token) = unread.first() else {
            return Ok((0, Next::NeedMore(Moment::Negotiates(negotiation), 1)));
        };
        self.token = Some(token);
        let next = match accepts(decided.verdict()?, || token == EXPECTED_TOKEN) {
            true => self.welcome(Login::By(negotiation.method().0), ([WELCOME], negotiation.authenticated())),
            false => self.last_word(&[GO_AWAY], false),
        };
        Ok((1, next))
    }

    fn bind(&mut self, permit: Listen, bind: &Bind) -> Next<Self> {
        match bind {
            Bind::Refuse(code) => self.last_word(&permit.refuse(ReplyCode(*code)), false),
            Bind::Listen(place, second) => {
                let (first, permit) = permit.listening(endpoint(place));
                self.said.extend(&*first);
                self.last_word(&permit.reply(&reply_of(second)), second.code == 0)
            }
        }
    }

    fn last_word(&mut self, octets: &[u8], good: bool) -> Next<Self> {
        self.said.extend(octets);
        Next::Over(if good { Over::Granted } else { Over::Refused })
    }

    fn part(&mut self, error: Error) -> Over<Error> {
        self.said.extend(error.parting());
        Over::Error(error)
    }
}

fn accepts(verdict: Verdict, as_expected: impl FnOnce() -> bool) -> bool {
    match verdict {
        Verdict::Accept => true,
        Verdict::Reject => false,
        Verdict::Judge => as_expected(),
    }
}

fn expected() -> UserPass<'static> {
    UserPass::new(EXPECTED.0, EXPECTED.1).unwrap()
}

fn reply_of(told: &Told) -> Reply<'_> {
    Reply { code: ReplyCode(told.code), bound: endpoint(&told.place) }
}

fn told(request: &Request<'_>) -> Told {
    Told { code: request.command.0, place: place(&request.destination) }
}
