//! What this crate does.

use socks5_sansio::client::{self, Client};
use socks5_sansio::server::{self, Chosen, Server};
use socks5_sansio::{Command, Domain, Endpoint, Method, MethodOffer, Request, UserPass};

use super::super::{Fields, Host, Verdict};
use super::{PORT, Talk, Wish};

pub(super) fn proxy(octets: &[u8]) -> Talk {
    let (mut talk, mut used, mut server) = (Talk::new(), 0, Server::new());
    let mut login = None;
    loop {
        let step = server.read(&octets[used..]).map(|(taken, step)| {
            used += taken;
            step
        });
        server = match step {
            Ok(server::Step::NeedMore(..)) => return talk,
            Ok(server::Step::Methods(_, permit)) => match permit.choose(&[Method::USERNAME_PASSWORD, Method::NONE]) {
                Chosen::Continue(answer, server) => {
                    talk.said.extend(&*answer);
                    server
                }
                _ => return Talk { verdict: Verdict::Invalid, ..talk },
            },
            Ok(server::Step::UserPass(said, permit)) => {
                login = Some((said.username().to_vec(), said.password().to_vec()));
                let (answer, server) = permit.accept();
                talk.said.extend(&*answer);
                server
            }
            Ok(server::Step::Request(request, _) | server::Step::Bind(request, _)) => {
                let fields = Fields::endpoint(request.command.0, request.destination);
                return Talk { login, verdict: Verdict::Message { fields, used }, ..talk };
            }
            Err(server::Error::Offer(invalid) | server::Error::UserPass(invalid) | server::Error::Request(invalid)) => {
                return Talk { verdict: Verdict::Invalid, invalid: Some(invalid), ..talk };
            }
            Err(other) => panic!("{other}"),
        };
    }
}

pub(super) fn client(wish: &Wish, octets: &[u8]) -> Talk {
    let methods: &[Method] =
        if wish.login.is_some() { &[Method::USERNAME_PASSWORD, Method::NONE] } else { &[Method::NONE] };
    let (offer, mut client) = Client::new(&MethodOffer::new(methods).expect("are two at most"));
    let (mut talk, mut used) = (Talk::new(), 0);
    talk.said.extend(&*offer);
    loop {
        let (taken, step) = match client.read(&octets[used..]) {
            Ok(read) => read,
            Err(error) => return refused(talk, error),
        };
        used += taken;
        let (said, next) = match step {
            client::Step::NeedMore(..) => return talk,
            client::Step::UserPass(permit) => permit.send(&wish.user_pass()),
            client::Step::Request(permit) => permit.send(&wish.request()),
            client::Step::Reply(reply, None) => {
                let fields = Fields::endpoint(reply.code.0, reply.bound);
                return Talk { verdict: Verdict::Message { fields, used }, ..talk };
            }
            other => panic!("{other:?}"),
        };
        talk.said.extend(&*said);
        client = next;
    }
}

fn refused(talk: Talk, error: client::Error) -> Talk {
    match error {
        client::Error::Refused(code) => Talk { verdict: Verdict::Denied(code.0), ..talk },
        client::Error::Invalid(invalid) => Talk { verdict: Verdict::Invalid, invalid: Some(invalid), ..talk },
        _ => Talk { verdict: Verdict::Invalid, ..talk },
    }
}

impl Wish {
    fn user_pass(&self) -> UserPass<'_> {
        let (username, password) = self.login.as_ref().expect("nothing else was offered");
        UserPass::new(username, password).expect("at most 255 octets each")
    }

    fn request(&self) -> Request<'_> {
        let destination = match &self.host {
            Host::Ip(ip) => Endpoint::from((*ip, PORT)),
            Host::Name(name) => Endpoint::from((Domain::new(name).expect("1 to 255 octets"), PORT)),
        };
        Request { command: Command(self.command), destination }
    }
}
