//! Clients and servers at the moment when they wait for a certain message.

use socks5_sansio::client::{self, Client};
use socks5_sansio::server::{self, Chosen, Server};
use socks5_sansio::{Command, Method, MethodOffer, Request, UserPass};

use crate::cases::ipv4;

pub(crate) fn wants_selection(offer: &[Method]) -> Client {
    Client::new(&MethodOffer::new(offer).unwrap()).1
}

pub(crate) fn wants_status() -> Client {
    let client = wants_selection(&[Method::USERNAME_PASSWORD]);
    let Ok((2, client::Step::UserPass(permit))) = client.read(&[5, 2]) else { panic!("no permit for credentials") };
    permit.send(&UserPass::new("", "").unwrap()).1
}

pub(crate) fn wants_reply(command: Command) -> Client {
    let client = wants_selection(&[Method::NONE]);
    let Ok((2, client::Step::Request(permit))) = client.read(&[5, 0]) else { panic!("no permit for the request") };
    permit.send(&Request { command, destination: ipv4(1, 80) }).1
}

pub(crate) fn wants_second_reply() -> Client {
    let client = wants_reply(Command::BIND);
    let Ok((10, client::Step::Reply(_, Some(client)))) = client.read(b"\x05\x00\x00\x01\xC0\x00\x02\x07\x12\x34")
    else {
        panic!("BIND has two replies")
    };
    client
}

/// Everything is said, with or without credentials.
pub(crate) fn optimist(credentials: bool, command: Command) -> Client {
    let empty = UserPass::new("", "").unwrap();
    let request = Request { command, destination: ipv4(1, 80) };
    let mut out = [0; Client::OPTIMISTIC_MAX_LEN];
    Client::optimistic(credentials.then_some(&empty), &request, &mut out).unwrap().1
}

/// The clients that wait for a reply, each with its name.
pub(crate) fn want_a_reply() -> impl Iterator<Item = (String, Client)> {
    let commands = [Command::CONNECT, Command::BIND, Command::UDP_ASSOCIATE, Command::RESOLVE, Command(0x77)];
    let first = commands.into_iter().map(|command| (format!("reply to {command}"), wants_reply(command)));
    first.chain([("second reply to BIND".to_owned(), wants_second_reply())])
}

pub(crate) fn wants_offer() -> Server {
    Server::new()
}

pub(crate) fn wants_user_pass() -> Server {
    after_choosing(Method::USERNAME_PASSWORD)
}

pub(crate) fn wants_request() -> Server {
    after_choosing(Method::NONE)
}

fn after_choosing(method: Method) -> Server {
    let offer = [5, 1, method.0];
    let Ok((3, server::Step::Methods(_, permit))) = Server::new().read(&offer) else { panic!("no permit to choose") };
    let Chosen::Continue(_, server) = permit.choose(&[method]) else { panic!("{method} is not chosen") };
    server
}
