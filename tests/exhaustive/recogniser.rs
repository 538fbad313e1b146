//! What the octets of both sides agree on, and how far they are legal. Knows nothing of the crate.

use crate::messages::{Credentials, Fault, Refusal, Side, Stop, Stream, Told};

/// The methods of which the RFCs have rules: all others are one octet from each side here.
pub(crate) const NO_AUTHENTICATION: u8 = 0x00;
pub(crate) const USERNAME_PASSWORD: u8 = 0x02;
pub(crate) const NONE_ACCEPTABLE: u8 = 0xFF;

/// The server's octet for a client that is who it says.
pub(crate) const WELCOME: u8 = 0xAA;

pub(crate) const BIND: u8 = 2;

/// As whom the client is authenticated.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Login {
    Nobody,
    User(Vec<u8>),
    By(u8),
}

pub(crate) struct Conversation<'o> {
    pub(crate) up: Stream<'o>,
    pub(crate) down: Stream<'o>,
    pub(crate) offer: Option<&'o [u8]>,
    pub(crate) method: Option<u8>,
    pub(crate) credentials: Option<Credentials<'o>>,
    pub(crate) token: Option<u8>,
    /// The server's answer to the credentials or the token.
    pub(crate) verdict: Option<u8>,
    pub(crate) login: Option<Login>,
    pub(crate) request: Option<Told>,
    pub(crate) replies: Vec<Told>,
}

/// Follows a conversation to where it stops.
pub(crate) fn recognise<'o>(up: &'o [u8], down: &'o [u8]) -> (Conversation<'o>, Stop) {
    let mut conversation = Conversation {
        up: Stream::new(Side::Client, up),
        down: Stream::new(Side::Server, down),
        offer: None,
        method: None,
        credentials: None,
        token: None,
        verdict: None,
        login: None,
        request: None,
        replies: vec![],
    };
    let stop = conversation.follow().map_or_else(|stop| stop, |()| Stop::Granted);
    if let Stop::Malformed(Side::Client, _) = stop {
        conversation.farewell();
    }
    (conversation, stop)
}

impl Conversation<'_> {
    fn follow(&mut self) -> Result<(), Stop> {
        let login = match self.method()? {
            NO_AUTHENTICATION => Login::Nobody,
            USERNAME_PASSWORD => self.user()?,
            other => self.token(other)?,
        };
        self.login = Some(login);
        let command = self.request.insert(self.up.request()?).code;
        self.reply()?;
        if command == BIND { self.reply() } else { Ok(()) }
    }

    fn method(&mut self) -> Result<u8, Stop> {
        let offer = *self.offer.insert(self.up.offer()?);
        match *self.method.insert(self.down.selection()?) {
            NONE_ACCEPTABLE => Err(Stop::Refused(Refusal::Methods)),
            method if offer.contains(&method) => Ok(method),
            method => Err(Stop::Malformed(Side::Server, Fault::NotOffered(method))),
        }
    }

    fn user(&mut self) -> Result<Login, Stop> {
        let (username, _) = *self.credentials.insert(self.up.credentials()?);
        match *self.verdict.insert(self.down.status()?) {
            0 => Ok(Login::User(username.to_vec())),
            status => Err(Stop::Refused(Refusal::Credentials(status))),
        }
    }

    fn token(&mut self, method: u8) -> Result<Login, Stop> {
        self.token = Some(self.up.token()?);
        match *self.verdict.insert(self.down.token()?) {
            WELCOME => Ok(Login::By(method)),
            other => Err(Stop::Refused(Refusal::Token(other))),
        }
    }

    fn reply(&mut self) -> Result<(), Stop> {
        let reply = self.down.reply()?;
        let code = reply.code;
        self.replies.push(reply);
        if code == 0 { Ok(()) } else { Err(Stop::Refused(Refusal::Request(code))) }
    }

    /// What a server may say to a malformed message: no success, and nothing at all to a malformed offer.
    fn farewell(&mut self) {
        let mut after = self.down.clone();
        let refuses = match (self.method, &self.login) {
            (None, _) => false,
            (Some(_), None) => matches!(after.status(), Ok(1..)),
            (Some(_), Some(_)) => matches!(after.reply(), Ok(Told { code: 1.., .. })),
        };
        if refuses {
            self.down = after;
        }
    }
}
