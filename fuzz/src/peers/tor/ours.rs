//! The handshakes of this crate.

use socks5_sansio::client::{self, SelectedMethod};
use socks5_sansio::server::{self, Login, ReceiveOffer};
use socks5_sansio::{Command, Domain, Encode, Endpoint, Invalid, MethodOffer, Receive, UserPass};

use super::super::{Fields, Host, Verdict};
use super::{Outcome, PORT, Wish};

/// Why a handshake stops.
struct Stop {
    verdict: Verdict,
    invalid: Option<Invalid>,
}

impl Stop {
    const INCOMPLETE: Self = Self { verdict: Verdict::Incomplete, invalid: None };
    const INVALID: Self = Self { verdict: Verdict::Invalid, invalid: None };
}

impl From<server::Error> for Stop {
    fn from(error: server::Error) -> Self {
        match error {
            server::Error::Offer(invalid) | server::Error::UserPass(invalid) | server::Error::Request(invalid) => {
                Self { invalid: Some(invalid), ..Self::INVALID }
            }
            other => panic!("{other}"),
        }
    }
}

impl From<client::Error> for Stop {
    fn from(error: client::Error) -> Self {
        match error {
            client::Error::Refused(code) => Self { verdict: Verdict::Denied(code.0), invalid: None },
            client::Error::Invalid(invalid) => Self { invalid: Some(invalid), ..Self::INVALID },
            client::Error::NoAcceptableMethods | client::Error::NotOffered(_) | client::Error::Rejected(_) => {
                Self::INVALID
            }
            other => panic!("{other}"),
        }
    }
}

fn receive<'i, S: Receive<Error: Into<Stop>>>(state: S, unread: &mut &'i [u8]) -> Result<S::Received<'i>, Stop> {
    if state.missing(unread).is_some() {
        return Err(Stop::INCOMPLETE);
    }
    let (received, used) = state.receive(unread).map_err(Into::into)?;
    *unread = &unread[used..];
    Ok(received)
}

pub(super) fn proxy(input: &[u8]) -> Outcome {
    run(|outcome| {
        let mut unread = input;
        let fields = serve(&mut unread, outcome)?;
        Ok(Verdict::Message { fields, used: input.len() - unread.len() })
    })
}

pub(super) fn client(wish: &Wish, input: &[u8]) -> Outcome {
    run(|outcome| {
        let mut unread = input;
        let fields = request(wish, &mut unread, outcome)?;
        Ok(Verdict::Message { fields, used: input.len() - unread.len() })
    })
}

fn run(handshake: impl FnOnce(&mut Outcome) -> Result<Verdict, Stop>) -> Outcome {
    let mut outcome = Outcome::new(Verdict::Incomplete);
    match handshake(&mut outcome) {
        Ok(verdict) => Outcome { verdict, ..outcome },
        Err(Stop { verdict, invalid }) => Outcome { verdict, invalid, login: None, ..outcome },
    }
}

fn serve(unread: &mut &[u8], outcome: &mut Outcome) -> Result<Fields, Stop> {
    let (_offer, permit) = receive(ReceiveOffer::new(), unread)?;
    let (selection, login) = permit.login(Some(()), true).map_err(|_permit| Stop::INVALID)?;
    outcome.sent.extend(selection.to_vec());
    let state = match login {
        Login::Anonymous((), state) => state,
        Login::UserPass(state) => {
            let (given, permit) = receive(state, unread)?;
            outcome.login = Some((given.username().to_vec(), given.password().to_vec()));
            let (status, state) = permit.accept();
            outcome.sent.extend(status.to_vec());
            state
        }
    };
    let (destination, asked) = receive(state, unread)?;
    Ok(Fields::endpoint(asked.command().0, destination))
}

fn request(wish: &Wish, unread: &mut &[u8], outcome: &mut Outcome) -> Result<Fields, Stop> {
    let (offer, state) = client::offer(wish.offer());
    outcome.sent.extend(offer.to_vec());
    let permit = match receive(state, unread)? {
        SelectedMethod::Request(permit) => permit,
        SelectedMethod::UserPass(permit) => {
            let (credentials, state) = permit.send(wish.user_pass());
            outcome.sent.extend(credentials.to_vec());
            receive(state, unread)?
        }
        SelectedMethod::SubNegotiate(other) => panic!("not offered: {other:?}"),
    };
    let (request, state) = permit.other(Command(wish.command), wish.destination());
    outcome.sent.extend(request.to_vec());
    let bound = receive(state, unread)?;
    Ok(Fields::endpoint(0, bound))
}

impl Wish {
    const fn offer(&self) -> MethodOffer<'static> {
        if self.login.is_some() { MethodOffer::of(&[2, 0]) } else { MethodOffer::NO_AUTHENTICATION }
    }

    fn user_pass(&self) -> UserPass<'_> {
        let (username, password) = self.login.as_ref().expect("nothing else was offered");
        UserPass::new(username, password).expect("at most 255 bytes each")
    }

    fn destination(&self) -> Endpoint<'_> {
        match &self.host {
            Host::Ip(ip) => Endpoint::from((*ip, PORT)),
            Host::Name(name) => Endpoint::from((Domain::new(name).expect("1 to 255 bytes"), PORT)),
        }
    }
}
