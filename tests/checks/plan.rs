//! What the two sides of a conversation want of each other.

use socks5_sansio::{Client, Command, Message, Method, MethodOffer, Reply, ReplyCode, Request, UserPass};

use super::choices::{Choices, Place};

/// Chosen once, known to both sides and to the model.
#[derive(Clone, Debug)]
pub(super) struct Plan {
    /// The client says everything in one flight.
    pub(super) optimistic: bool,
    pub(super) offer: Vec<Method>,
    pub(super) preference: Vec<Method>,
    pub(super) credentials: Credentials,
    pub(super) accepts: Accepts,
    /// What the client says in a sub-negotiation.
    pub(super) ask: Vec<u8>,
    /// What the server says in it.
    pub(super) answer: Vec<u8>,
    pub(super) command: Command,
    pub(super) destination: Place,
    /// BIND's first reply, if it is a success.
    pub(super) listening: Option<Place>,
    pub(super) code: ReplyCode,
    pub(super) bound: Place,
    pub(super) from_client: Vec<u8>,
    pub(super) from_server: Vec<u8>,
}

/// A username and a password.
pub(super) type Credentials = (Vec<u8>, Vec<u8>);

#[derive(Clone, Debug)]
pub(super) enum Accepts {
    Only(Credentials),
    All,
    None,
}

impl Plan {
    pub(super) fn choose(choices: &mut Choices<'_>) -> Self {
        let (shape, commands) = (choices.octet(), [1, 2, 3, 0xF0, choices.octet()]);
        let (optimistic, asks) = (shape & 1 == 1, shape & 2 == 2);
        let alone = vec![if asks { Method::USERNAME_PASSWORD } else { Method::NONE }];
        let credentials = (choices.string(255), choices.string(255));
        Self {
            optimistic,
            offer: if optimistic { alone } else { choices.methods() },
            preference: choices.methods(),
            accepts: Accepts::Only((choices.like(&credentials.0), choices.like(&credentials.1))),
            credentials,
            ask: choices.string(20),
            answer: choices.string(20),
            command: Command(choices.of(&commands)),
            destination: choices.place(),
            listening: (shape & 4 == 0).then(|| choices.place()),
            code: ReplyCode(if shape & 8 == 0 { 0 } else { choices.octet() }),
            bound: choices.place(),
            from_client: choices.string(40),
            from_server: choices.string(40),
        }
    }

    /// A plan in a few octets, for a side that listens to any octets: there the other side's wishes come to nothing.
    pub(super) fn choose_for_a_listener(choices: &mut Choices<'_>) -> Self {
        const METHODS: [&[u8]; 8] =
            [&[0], &[2], &[2, 0], &[0, 2, 1, 0x80], &[], &[0x80, 0xFF], &[0xFF], &[0, 64, 128, 192, 254]];
        let methods = choices.of(&METHODS).iter().copied().map(Method).collect::<Vec<_>>();
        let shape = choices.octet();
        let asks = methods.contains(&Method::USERNAME_PASSWORD);
        let few = Self::choose(&mut Choices::new(&[(shape & 1) | (u8::from(asks) << 1)]));
        Self {
            offer: if few.optimistic { few.offer } else { methods.clone() },
            preference: methods,
            accepts: if shape & 2 == 0 { Accepts::All } else { Accepts::None },
            ask: vec![b'?'; usize::from(shape >> 4 & 3)],
            answer: vec![b'!'; usize::from(shape >> 4 & 3)],
            command: if shape & 4 == 0 { Command::CONNECT } else { Command::BIND },
            listening: (shape & 8 == 0).then(|| few.destination.clone()),
            ..few
        }
    }

    pub(super) fn user_pass(&self) -> UserPass<'_> {
        UserPass::new(&self.credentials.0, &self.credentials.1).expect("at most 255 octets each")
    }

    /// Whether an optimistic client has credentials to offer, and nothing else.
    pub(super) fn offers_credentials(&self) -> bool {
        self.offer == [Method::USERNAME_PASSWORD]
    }

    pub(super) fn offer(&self) -> MethodOffer<'_> {
        MethodOffer::new(&self.offer).expect("at most 255 methods")
    }

    /// What the server selects of the methods that a client offers.
    pub(super) fn selects(&self, offered: &[Method]) -> Method {
        let selected = self.preference.iter().find(|it| **it != Method::NO_ACCEPTABLE && offered.contains(it));
        selected.copied().unwrap_or(Method::NO_ACCEPTABLE)
    }

    pub(super) fn accepts(&self, said: &UserPass<'_>) -> bool {
        match &self.accepts {
            Accepts::Only((username, password)) => (said.username(), said.password()) == (username, password),
            Accepts::All => true,
            Accepts::None => false,
        }
    }

    /// The same, found out as a server would.
    pub(super) fn verifies(&self, said: &UserPass<'_>) -> bool {
        match &self.accepts {
            Accepts::Only((username, password)) => {
                said.verify(&UserPass::new(username, password).expect("at most 255 octets each"))
            }
            Accepts::All => true,
            Accepts::None => false,
        }
    }

    pub(super) fn request(&self) -> Request<'_> {
        Request { command: self.command, destination: self.destination.endpoint() }
    }

    /// What the server answers to a request: one reply, or two to a BIND that listens.
    pub(super) fn replies(&self, command: Command) -> Vec<Reply<'_>> {
        let last = Reply { code: self.code, bound: self.bound.endpoint() };
        match &self.listening {
            _ if command != Command::BIND => vec![last],
            Some(place) => vec![Reply::succeeded(place.endpoint()), last],
            None => vec![Reply::failed(ReplyCode(self.code.0.max(1)))],
        }
    }

    pub(super) fn flight(&self) -> (Vec<u8>, Client) {
        let credentials = self.offers_credentials().then(|| self.user_pass());
        let mut out = [0; Client::OPTIMISTIC_MAX_LEN];
        let (len, client) =
            Client::optimistic(credentials.as_ref(), &self.request(), &mut out).expect("has room for the longest");
        (out[..len].to_vec(), client)
    }
}

pub(super) fn encoded<'a>(message: &impl Message<'a>) -> Vec<u8> {
    let mut octets = vec![0; message.encoded_len()];
    message.encode(&mut octets).expect("has room");
    octets
}
