//! What a client and a server decide, in bytes.

use core::cell::Cell;

use super::choices::Choices;

/// A username and a password.
pub type Credentials = (Vec<u8>, Vec<u8>);

/// The decisions of a client and a server. Records which of them were read: the others have made no difference so far.
#[derive(Clone, Debug)]
pub struct Plan {
    opening: Opening,
    credentials: Credentials,
    request: (u8, Vec<u8>),
    preference: Vec<u8>,
    accepts: Accepts,
    answer: Answer,
    /// The client's and the server's message in a sub-negotiation that the application defines; their tokens in GSSAPI.
    pub frames: (Vec<u8>, Vec<u8>),
    /// How many GSSAPI tokens the server answers with `more` before the context is established.
    pub rounds: usize,
    /// Whether the server serves SOCKS4 too, to clients that it would admit without credentials.
    pub either: bool,
    /// The data of client and server after the handshake.
    pub data: (Vec<u8>, Vec<u8>),
    read: Cell<u8>,
}

/// How a client begins.
#[derive(Clone, Debug)]
pub enum Opening {
    Offer(Vec<u8>),
    /// The same through `client::offer`, even if another function makes the same offer.
    AnyOffer(Vec<u8>),
    /// `client::optimistic`: everything up to the request, and then the data, before any answer.
    Optimistic {
        user_pass: bool,
    },
    /// SOCKS4, with the username as USERID.
    Socks4,
}

/// Whom a server accepts.
#[derive(Clone, Debug)]
pub enum Accepts {
    Only(Credentials),
    All,
    None,
}

/// What a server replies to a request.
#[derive(Clone, Debug)]
pub struct Answer {
    /// The address in BIND's first reply, if that is a success.
    pub listening: Option<Vec<u8>>,
    pub code: u8,
    /// ATYP, address and port of a success.
    pub bound: Vec<u8>,
}

/// A decision, as a bit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Decision {
    Opening = 1,
    Credentials = 2,
    Request = 4,
    Preference = 8,
    Accepts = 16,
    Answer = 32,
}

pub const BIND: u8 = 2;
pub const UNSPECIFIED: &[u8] = b"\x01\x00\x00\x00\x00\x00\x00";
pub const IPV4: &[u8] = b"\x01\xC0\x00\x02\x07\x12\x34";

impl Plan {
    /// CONNECT by a client that offers only this method, and a server that prefers only this method.
    pub fn by(method: u8) -> Self {
        Self {
            opening: Opening::Offer(vec![method]),
            credentials: (b"alice".to_vec(), b"s3cret".to_vec()),
            request: (1, b"\x01\xC0\x00\x02\x01\x00\x50".to_vec()),
            preference: vec![method],
            accepts: Accepts::Only((b"alice".to_vec(), b"s3cret".to_vec())),
            answer: Answer { listening: Some(IPV4.to_vec()), code: 0, bound: IPV4.to_vec() },
            frames: (b"ask".to_vec(), b"answer".to_vec()),
            rounds: 0,
            either: false,
            // each begins like a message that could be sent at that point
            data: (b"\x05\x01\x00\x01 from the client".to_vec(), b"\x05\x05\x00\x01 from the server".to_vec()),
            read: Cell::new(0),
        }
    }

    pub fn choose(choices: &mut Choices<'_>) -> Self {
        let (shape, commands) = (choices.byte(), [1, 2, 3, 0xF0, choices.byte()]);
        let credentials = (choices.string(255), choices.string(255));
        let opening = match shape & 1 {
            1 => Opening::Optimistic { user_pass: shape & 2 == 2 },
            _ if shape & 48 == 48 => Opening::Socks4,
            _ if shape & 16 == 16 => Opening::AnyOffer(choices.methods()),
            _ => Opening::Offer(choices.methods()),
        };
        let preference = choices.methods();
        let accepts = Accepts::Only((choices.like(&credentials.0), choices.like(&credentials.1)));
        let frames = (choices.string(20), choices.string(20));
        let request = (choices.of(&commands), choices.endpoint().bytes());
        let listening = (shape & 4 == 0).then(|| choices.endpoint().bytes());
        let code = if shape & 8 == 0 { 0 } else { choices.byte() };
        let answer = Answer { listening, code, bound: choices.endpoint().bytes() };
        let data = (choices.string(40), choices.string(40));
        let (rounds, either, read) = (usize::from(shape >> 6), shape & 32 == 32, Cell::new(0));
        Self { opening, credentials, request, preference, accepts, answer, frames, rounds, either, data, read }
    }

    /// A plan from a few bytes, for one side that receives any bytes: the decisions of the other side make no difference.
    pub fn choose_for_one_side(choices: &mut Choices<'_>) -> Self {
        const METHODS: [&[u8]; 8] =
            [&[0], &[2], &[2, 0], &[0, 2, 1, 0x80], &[], &[0x80, 0xFF], &[0xFF], &[0, 64, 128, 192, 254]];
        let (methods, shape) = (choices.of(&METHODS).to_vec(), choices.byte());
        let user_pass = methods.contains(&2);
        let base = Self::choose(&mut Choices::new(&[(shape & 1) | (u8::from(user_pass) << 1)]));
        let destination = base.request.1.clone();
        Self {
            opening: match base.opening {
                Opening::Offer(_) if shape & 64 == 64 => Opening::AnyOffer(methods.clone()),
                Opening::Offer(_) => Opening::Offer(methods.clone()),
                other => other,
            },
            preference: methods,
            accepts: if shape & 2 == 0 { Accepts::All } else { Accepts::None },
            frames: (vec![b'?'; usize::from(shape >> 4 & 3)], vec![b'!'; usize::from(shape >> 4 & 3)]),
            request: (if shape & 4 == 0 { 1 } else { BIND }, destination.clone()),
            answer: Answer { listening: (shape & 8 == 0).then_some(destination), ..base.answer },
            ..base
        }
    }

    pub fn opening(&self) -> &Opening {
        self.note(Decision::Opening);
        &self.opening
    }

    pub fn credentials(&self) -> &Credentials {
        self.note(Decision::Credentials);
        &self.credentials
    }

    /// The command, and ATYP, address and port of the destination.
    pub fn request(&self) -> (u8, &[u8]) {
        self.note(Decision::Request);
        (self.request.0, &self.request.1)
    }

    pub fn preference(&self) -> &[u8] {
        self.note(Decision::Preference);
        &self.preference
    }

    pub fn accepts(&self) -> &Accepts {
        self.note(Decision::Accepts);
        &self.accepts
    }

    pub fn answer(&self) -> &Answer {
        self.note(Decision::Answer);
        &self.answer
    }

    fn note(&self, decision: Decision) {
        self.read.set(self.read.get() | decision as u8);
    }

    /// The bits of the decisions read so far.
    pub fn decisions_read(&self) -> u8 {
        self.read.get()
    }

    pub fn with_opening(self, opening: Opening) -> Self {
        Self { opening, ..self }
    }

    pub fn with_offer(self, methods: &[u8]) -> Self {
        self.with_opening(Opening::Offer(methods.to_vec()))
    }

    /// A client of SOCKS4, and a server that serves both.
    pub fn with_socks4(self) -> Self {
        Self { opening: Opening::Socks4, either: true, ..self }
    }

    /// A server that serves SOCKS4 too.
    pub fn with_either(self) -> Self {
        Self { either: true, ..self }
    }

    pub fn with_credentials(self, username: &[u8], password: &[u8]) -> Self {
        Self { credentials: (username.to_vec(), password.to_vec()), ..self }
    }

    pub fn with_request(self, (command, destination): (u8, &[u8])) -> Self {
        Self { request: (command, destination.to_vec()), ..self }
    }

    pub fn with_preference(self, methods: &[u8]) -> Self {
        Self { preference: methods.to_vec(), ..self }
    }

    pub fn with_accepts(self, accepts: Accepts) -> Self {
        Self { accepts, ..self }
    }

    pub fn with_answer(self, answer: Answer) -> Self {
        Self { answer, ..self }
    }

    /// The messages of a sub-negotiation, and the number of GSSAPI tokens that the server answers with `more`.
    pub fn with_frames(self, client: &[u8], server: &[u8], rounds: usize) -> Self {
        Self { frames: (client.to_vec(), server.to_vec()), rounds, ..self }
    }

    /// The same decisions, none of which has been read.
    pub fn fresh(&self) -> Self {
        Self { read: Cell::new(0), ..self.clone() }
    }
}
