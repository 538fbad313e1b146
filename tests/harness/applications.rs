//! A client and a server as an application would write them, over any transport. They follow a plan and log what happens.

use socks5_sansio::client::{self, Selected, SelectedMethod, SendRequest};
use socks5_sansio::either::{self, Protocol, ReceiveProtocol};
use socks5_sansio::gssapi::{self, AnswerToken, SendToken};
use socks5_sansio::server::{self, Asked, ChooseMethod, Listen, ReceiveOffer, ReceiveRequest, Respond, VerifyUserPass};
use socks5_sansio::socks4::{self, RequestError, UserId};
use socks5_sansio::{
    Address, Command, Domain, Encode, Endpoint, GssapiToken, Method, MethodOffer, Receive, ReplyCode, Request, UserPass,
};

use super::plan::{Accepts, Answer, BIND, Credentials, Opening, Plan};
use super::transport::Transport;

/// What an application receives, in bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    Offer(Vec<u8>),
    UserPass(Vec<u8>, Vec<u8>),
    UserId(Vec<u8>),
    Request(u8, Vec<u8>),
    Selected(u8),
    Frame(Vec<u8>),
    Token(Vec<u8>),
    Level(Vec<u8>),
    /// The permit to send a request.
    MayRequest,
    Bound(Vec<u8>),
}

/// How a handshake ended for one side.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// The handshake succeeded: the application owns the connection.
    Open,
    /// The application refused.
    Refused,
    /// The stream ended in a sub-negotiation that the application defines.
    Left,
    Server(server::Error),
    Client(client::Error),
    Gssapi(gssapi::Error),
    Socks4(socks4::Error),
    /// The client's request cannot be sent in SOCKS4.
    Unsent(RequestError),
}

impl End {
    /// Whether the stream ended before or in the middle of a message that was due.
    pub fn is_early(self) -> bool {
        use {client::Error as C, gssapi::Error as G, server::Error as S};
        match self {
            Self::Open | Self::Refused | Self::Unsent(_) => false,
            Self::Left => true,
            Self::Server(error) => matches!(error, S::Silent | S::Closed | S::Truncated),
            Self::Client(error) => matches!(error, C::Closed | C::Truncated),
            Self::Gssapi(error) => matches!(error, G::Closed | G::Truncated),
            Self::Socks4(error) => matches!(error, socks4::Error::Closed | socks4::Error::Truncated),
        }
    }

    pub fn is_malformed(self) -> bool {
        use {client::Error as C, gssapi::Error as G, server::Error as S};
        match self {
            Self::Open | Self::Refused | Self::Left | Self::Unsent(_) => false,
            Self::Server(error) => matches!(error, S::Offer(_) | S::UserPass(_) | S::Request(_) | S::Socks4(_)),
            Self::Client(error) => matches!(error, C::Invalid(_)),
            Self::Gssapi(error) => matches!(error, G::Invalid(_)),
            Self::Socks4(error) => matches!(error, socks4::Error::Invalid(_)),
        }
    }
}

/// `Err` is every end but [`End::Open`].
type Outcome<T = ()> = Result<T, End>;

pub struct Application<'p, T> {
    plan: &'p Plan,
    pub transport: T,
    pub events: Vec<Event>,
}

/// Runs a server, and logs what happens.
pub fn serve<T: Transport>(plan: &Plan, transport: T) -> (Application<'_, T>, End) {
    let mut server = Application { plan, transport, events: vec![] };
    let end = server.serve().map_or_else(|end| end, |()| End::Open);
    if end == End::Open {
        server.transport.send(&*plan.data.1);
    }
    (server, end)
}

/// Runs a client, and logs what happens.
pub fn connect<T: Transport>(plan: &Plan, transport: T) -> (Application<'_, T>, End) {
    let mut client = Application { plan, transport, events: vec![] };
    let end = client.connect().map_or_else(|end| end, |()| End::Open);
    (client, end)
}

impl<T: Transport> Application<'_, T> {
    fn serve(&mut self) -> Outcome {
        if !self.plan.either {
            let asked = self.authenticate(ReceiveOffer::new())?;
            return self.answer(asked);
        }
        let asked = match self.transport.receive(ReceiveProtocol::new()).map_err(End::Server)? {
            Protocol::Socks5(state) => self.authenticate(state)?.into(),
            Protocol::Socks4(state) => self.admit(state)?.into(),
        };
        self.answer_either(asked)
    }

    fn admit(&mut self, state: socks4::ReceiveRequest) -> Outcome<socks4::Asked> {
        let (request, asked) = self.transport.receive(state).map_err(End::Server)?;
        assert_eq!(request.command(), asked.command());
        self.events.push(Event::UserId(request.user_id().as_bytes().to_vec()));
        self.events.push(Event::Request(asked.command().0, endpoint_bytes(request.destination())));
        if self.plan.preference().contains(&0) { Ok(asked) } else { self.refuse(&asked.refuse()) }
    }

    fn answer_either(&mut self, asked: either::Asked) -> Outcome {
        let answer = self.plan.answer();
        match (asked, &answer.listening) {
            (either::Asked::Bind(permit), Some(bound)) => match permit.listening(endpoint(bound)) {
                Ok(listening) => {
                    let permit = self.sent(listening);
                    self.respond_either(permit, answer)
                }
                Err(permit) => self.refuse(&permit.refuse(ReplyCode::ADDRESS_TYPE_NOT_SUPPORTED)),
            },
            (either::Asked::Connect(permit) | either::Asked::Other(_, permit), _) => {
                self.respond_either(permit, answer)
            }
            (either::Asked::UdpAssociate(permit), _) => self.respond_either(permit, answer),
            (asked, _) => self.refuse(&asked.refuse(ReplyCode(answer.code))),
        }
    }

    fn respond_either(&mut self, permit: either::Respond, answer: &Answer) -> Outcome {
        match answer.code {
            0 => {
                self.transport.send(&permit.succeed(endpoint(&answer.bound)));
                Ok(())
            }
            code => self.refuse(&permit.refuse(ReplyCode(code))),
        }
    }

    fn authenticate(&mut self, state: ReceiveOffer) -> Outcome<Asked> {
        let (offer, permit) = self.transport.receive(state).map_err(End::Server)?;
        self.events.push(Event::Offer(offer.methods().map(u8::from).collect()));
        let state = self.select(permit)?;
        let (destination, asked) = self.transport.receive(state).map_err(End::Server)?;
        self.events.push(Event::Request(asked.command().0, endpoint_bytes(destination)));
        Ok(asked)
    }

    fn answer(&mut self, asked: Asked) -> Outcome {
        let answer = self.plan.answer();
        match asked {
            Asked::Bind(permit) => self.listen(permit, answer),
            Asked::Connect(permit) | Asked::UdpAssociate(permit) | Asked::Other(_, permit) => {
                self.respond(permit, answer)
            }
        }
    }

    fn select(&mut self, mut permit: ChooseMethod) -> Outcome<ReceiveRequest> {
        for &method in self.plan.preference() {
            let result = match method {
                0 => permit.no_authentication().map(|selected| self.sent(selected)).map(Ok),
                1 => permit.gssapi().map(|selected| self.sent(selected)).map(|state| self.accept_gssapi(state)),
                2 => permit.user_pass().map(|selected| self.sent(selected)).map(|state| self.verify(state)),
                other => permit
                    .sub_negotiate(Method(other))
                    .map(|selected| self.sent(selected))
                    .map(|negotiation| self.answer_frame(negotiation)),
            };
            permit = match result {
                Ok(next) => return next,
                Err(permit) => permit,
            };
        }
        self.refuse(&permit.refuse())
    }

    fn verify(&mut self, state: server::ReceiveUserPass) -> Outcome<ReceiveRequest> {
        let (given, permit): (_, VerifyUserPass) = self.transport.receive(state).map_err(End::Server)?;
        self.events.push(Event::UserPass(given.username().to_vec(), given.password().to_vec()));
        let accepted = match self.plan.accepts() {
            Accepts::Only(expected) => given.verify(&user_pass(expected)),
            Accepts::All => true,
            Accepts::None => false,
        };
        if accepted { Ok(self.sent(permit.accept())) } else { self.refuse(&permit.reject()) }
    }

    fn answer_frame(&mut self, negotiation: server::SubNegotiation) -> Outcome<ReceiveRequest> {
        let (client, server) = &self.plan.frames;
        let frame = self.transport.frame(client.len()).ok_or(End::Left)?;
        self.events.push(Event::Frame(frame));
        if matches!(self.plan.accepts(), Accepts::None) {
            return Err(End::Refused);
        }
        self.transport.send(&**server);
        Ok(negotiation.authenticated())
    }

    fn accept_gssapi(&mut self, mut state: gssapi::ReceiveToken<AnswerToken>) -> Outcome<ReceiveRequest> {
        let (plan, answer) = (self.plan, token(&self.plan.frames.1));
        let mut rounds = 0;
        let state = loop {
            let (given, permit) = self.transport.receive(state).map_err(End::Gssapi)?;
            self.events.push(Event::Token(given.as_bytes().to_vec()));
            if matches!(plan.accepts(), Accepts::None) {
                return self.refuse(&permit.abort());
            }
            if rounds == plan.rounds {
                break self.sent(permit.established((answer != GssapiToken::EMPTY).then_some(answer)));
            }
            rounds += 1;
            state = self.sent(permit.more(answer));
        };
        let (wrapped, permit) = self.transport.receive(state).map_err(End::Gssapi)?;
        self.events.push(Event::Level(wrapped.as_bytes().to_vec()));
        Ok(self.sent(permit.choose(answer)))
    }

    fn listen(&mut self, permit: Listen, answer: &Answer) -> Outcome {
        match &answer.listening {
            Some(bound) => {
                let permit = self.sent(permit.listening(endpoint(bound)));
                self.respond(permit, answer)
            }
            None => self.refuse(&permit.refuse(ReplyCode(answer.code))),
        }
    }

    fn respond(&mut self, permit: Respond, answer: &Answer) -> Outcome {
        match answer.code {
            0 => {
                self.transport.send(&permit.succeed(endpoint(&answer.bound)));
                Ok(())
            }
            code => self.refuse(&permit.refuse(ReplyCode(code))),
        }
    }

    fn connect(&mut self) -> Outcome {
        let plan = self.plan;
        match plan.opening() {
            Opening::Optimistic { user_pass } => return self.connect_optimistically(*user_pass),
            Opening::Socks4 => self.connect_socks4()?,
            Opening::Offer(methods) if *methods == [0] => self.begin_anonymous()?,
            Opening::Offer(methods) if *methods == [0, 2] => self.log_in()?,
            Opening::Offer(methods) if *methods == [1] => self.begin_gssapi()?,
            Opening::Offer(methods) | Opening::AnyOffer(methods) => self.offer(methods)?,
        }
        self.transport.send(&*plan.data.0);
        Ok(())
    }

    fn connect_optimistically(&mut self, with_user_pass: bool) -> Outcome {
        let credentials = with_user_pass.then(|| user_pass(self.plan.credentials()));
        let (command, destination) = self.plan.request();
        let destination = endpoint(destination);
        if command == BIND {
            let state = self.sent(client::optimistic(credentials, |permit| permit.bind(destination)));
            self.transport.send(&*self.plan.data.0);
            self.receive_listening(state)
        } else {
            let state = self.sent(client::optimistic(credentials, |permit| request(permit, command, destination)));
            self.transport.send(&*self.plan.data.0);
            self.receive_bound(state)
        }
    }

    fn connect_socks4(&mut self) -> Outcome {
        let plan = self.plan;
        let ((user_id, _), (command, destination)) = (plan.credentials(), plan.request());
        let (user_id, destination) = (UserId::new(user_id).map_err(End::Unsent)?, endpoint(destination));
        let state = match command {
            1 => self.sent(socks4::connect(destination, user_id).map_err(End::Unsent)?),
            BIND => {
                let state = self.sent(socks4::bind(destination, user_id).map_err(End::Unsent)?);
                let (listening, state) = self.transport.receive(state).map_err(End::Socks4)?;
                self.events.push(Event::Bound(endpoint_bytes(listening.into())));
                state
            }
            other => self.sent(socks4::other(Command(other), destination, user_id).map_err(End::Unsent)?),
        };
        let bound = self.transport.receive(state).map_err(End::Socks4)?;
        self.events.push(Event::Bound(endpoint_bytes(bound.into())));
        Ok(())
    }

    fn begin_anonymous(&mut self) -> Outcome {
        let state = self.sent(client::anonymous());
        let permit = self.transport.receive(state).map_err(End::Client)?;
        self.events.push(Event::Selected(0));
        self.request(permit)
    }

    fn log_in(&mut self) -> Outcome {
        let credentials = user_pass(self.plan.credentials());
        let state = self.sent(client::login(Some(credentials)));
        match self.transport.receive(state).map_err(End::Client)? {
            Selected::Request(permit) => {
                self.events.push(Event::Selected(0));
                self.request(permit)
            }
            Selected::UserPass(credentials, state) => {
                self.events.push(Event::Selected(2));
                self.transport.send(&credentials);
                self.receive_status(state)
            }
        }
    }

    fn begin_gssapi(&mut self) -> Outcome {
        let state = self.sent(gssapi::offer());
        let permit = self.transport.receive(state).map_err(End::Client)?;
        self.events.push(Event::Selected(1));
        self.initiate(permit)
    }

    fn offer(&mut self, methods: &[u8]) -> Outcome {
        let state = self.sent(client::offer(MethodOffer::new(methods).unwrap()));
        match self.transport.receive(state).map_err(End::Client)? {
            SelectedMethod::Request(permit) => {
                self.events.push(Event::Selected(0));
                self.request(permit)
            }
            SelectedMethod::UserPass(permit) => {
                self.events.push(Event::Selected(2));
                let state = self.sent(permit.send(user_pass(self.plan.credentials())));
                self.receive_status(state)
            }
            SelectedMethod::SubNegotiate(negotiation) => {
                self.events.push(Event::Selected(negotiation.method().0));
                match negotiation.gssapi() {
                    Ok(permit) => self.initiate(permit),
                    Err(negotiation) => self.send_frame(negotiation),
                }
            }
        }
    }

    fn receive_status(&mut self, state: client::ReceiveStatus) -> Outcome {
        let permit = self.transport.receive(state).map_err(End::Client)?;
        self.request(permit)
    }

    fn send_frame(&mut self, negotiation: client::SubNegotiation) -> Outcome {
        let (client, server) = &self.plan.frames;
        self.transport.send(&**client);
        let frame = self.transport.frame(server.len()).ok_or(End::Left)?;
        self.events.push(Event::Frame(frame));
        self.request(negotiation.authenticated())
    }

    fn initiate(&mut self, permit: SendToken) -> Outcome {
        let own = token(&self.plan.frames.0);
        let mut state = self.sent(permit.token(own));
        for round in 0.. {
            let (given, permit) = self.transport.receive(state).map_err(End::Gssapi)?;
            self.events.push(Event::Token(given.as_bytes().to_vec()));
            if round == self.plan.rounds {
                let state = self.sent(permit.offer_level(own));
                let (wrapped, permit) = self.transport.receive(state).map_err(End::Gssapi)?;
                self.events.push(Event::Level(wrapped.as_bytes().to_vec()));
                return self.request(permit.agree());
            }
            state = self.sent(permit.more(own));
        }
        Ok(())
    }

    fn request(&mut self, permit: SendRequest) -> Outcome {
        self.events.push(Event::MayRequest);
        let (command, destination) = self.plan.request();
        let destination = endpoint(destination);
        if command == BIND {
            let state = self.sent(permit.bind(destination));
            self.receive_listening(state)
        } else {
            let state = self.sent(request(permit, command, destination));
            self.receive_bound(state)
        }
    }

    fn receive_listening<S>(&mut self, state: S) -> Outcome
    where
        S: for<'i> Receive<Received<'i> = (Endpoint<'i>, client::ReceiveReply), Error = client::Error>,
    {
        let (bound, state) = self.transport.receive(state).map_err(End::Client)?;
        self.events.push(Event::Bound(endpoint_bytes(bound)));
        self.receive_bound(state)
    }

    fn receive_bound<S>(&mut self, state: S) -> Outcome
    where
        S: for<'i> Receive<Received<'i> = Endpoint<'i>, Error = client::Error>,
    {
        let bound = self.transport.receive(state).map_err(End::Client)?;
        self.events.push(Event::Bound(endpoint_bytes(bound)));
        Ok(())
    }

    /// Sends the message of a move, and returns the next state.
    fn sent<N>(&mut self, (message, next): (impl Encode, N)) -> N {
        self.transport.send(&message);
        next
    }

    fn refuse<N>(&mut self, message: &impl Encode) -> Outcome<N> {
        self.transport.send(message);
        Err(End::Refused)
    }
}

fn request(permit: SendRequest, command: u8, destination: Endpoint<'_>) -> (Request<'_>, client::ReceiveReply) {
    match command {
        1 => permit.connect(destination),
        3 => permit.udp_associate(destination),
        other => permit.other(Command(other), destination),
    }
}

fn user_pass((username, password): &Credentials) -> UserPass<'_> {
    UserPass::new(username, password).unwrap()
}

fn token(bytes: &[u8]) -> GssapiToken<'_> {
    GssapiToken::new(bytes).unwrap()
}

/// Decodes ATYP, address and port.
pub fn endpoint(bytes: &[u8]) -> Endpoint<'_> {
    let (address, port) = bytes.split_last_chunk().unwrap();
    let address = match address {
        [1, ip @ ..] => Address::Ipv4(<[u8; 4]>::try_from(ip).unwrap().into()),
        [3, _, name @ ..] => Address::Domain(Domain::new(name).unwrap()),
        [4, ip @ ..] => Address::Ipv6(<[u8; 16]>::try_from(ip).unwrap().into()),
        _ => panic!("{bytes:?} has an unknown address type"),
    };
    Endpoint { address, port: u16::from_be_bytes(*port) }
}

/// Encodes to ATYP, address and port, without the encoder under test.
pub fn endpoint_bytes(endpoint: Endpoint<'_>) -> Vec<u8> {
    let address = match endpoint.address {
        Address::Ipv4(ip) => [[1].as_slice(), &ip.octets()].concat(),
        Address::Domain(name) => [&[3, u8::try_from(name.as_bytes().len()).unwrap()], name.as_bytes()].concat(),
        Address::Ipv6(ip) => [[4].as_slice(), &ip.octets()].concat(),
    };
    [&*address, &endpoint.port.to_be_bytes()].concat()
}
