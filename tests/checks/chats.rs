//! Conversations: of each side with any octets, and of both sides with each other.

use socks5_sansio::client::Error;
use socks5_sansio::{Method, ReplyCode};

use super::choices::Choices;
use super::client_side::ClientSide;
use super::hearing::{Cut, Ear, hears};
use super::model;
use super::plan::{Plan, encoded};
use super::server_side::ServerSide;
use super::sides::{End, Event, Side};

/// A server hears any octets, cut at any places.
pub fn server(octets: &[u8]) {
    let mut choices = Choices::new(octets);
    let (plan, cut) = (Plan::choose_for_a_listener(&mut choices), Cut::choose(&mut choices));
    server_keeps_the_rules(&plan, choices.rest(), cut);
}

/// A client hears any octets, cut at any places.
pub fn client(octets: &[u8]) {
    let mut choices = Choices::new(octets);
    let (plan, cut) = (Plan::choose_for_a_listener(&mut choices), Cut::choose(&mut choices));
    client_keeps_the_rules(&plan, choices.rest(), cut);
}

/// Each side hears what the other would say, perhaps with an octet or two changed on the way, cut at any places.
pub fn conversation(octets: &[u8]) {
    let mut choices = Choices::new(octets);
    let (plan, cut) = (Plan::choose(&mut choices), Cut::choose(&mut choices));
    let talk = Talk::between(&plan, Cut::Whole, Cut::Whole);
    server_keeps_the_rules(&plan, &damaged(&talk.client.log().said, &mut choices), cut);
    client_keeps_the_rules(&plan, &damaged(&talk.server.log().said, &mut choices), cut);
}

/// A client and a server with each other: it ends, and they agree on how.
pub fn together(octets: &[u8]) {
    let mut choices = Choices::new(octets);
    let plan = Plan::choose(&mut choices);
    Talk::between(&plan, Cut::choose(&mut choices), Cut::choose(&mut choices)).ended_as_planned(&plan);
}

fn damaged(octets: &[u8], choices: &mut Choices<'_>) -> Vec<u8> {
    let mut octets = octets.to_vec();
    for _ in 0..choices.octet() % 3 {
        let (at, to) = (choices.up_to(1100), choices.octet());
        octets.iter_mut().skip(at).take(1).for_each(|octet| *octet = to);
    }
    if choices.flag() {
        octets.truncate(choices.up_to(1100));
    }
    octets
}

/// However the octets come, it goes as in the model.
fn server_keeps_the_rules(plan: &Plan, octets: &[u8], cut: Cut) {
    let outcome = model::server(plan, octets);
    for cut in [Cut::Whole, Cut::Octets, Cut::Exactly, cut] {
        assert_eq!(hears(ServerSide::new(plan), octets, cut), outcome, "{cut:?}");
    }
}

/// As above.
fn client_keeps_the_rules(plan: &Plan, octets: &[u8], cut: Cut) {
    let outcome = model::client(plan, octets);
    for cut in [Cut::Whole, Cut::Octets, Cut::Exactly, cut] {
        assert_eq!(hears(ClientSide::new(plan), octets, cut), outcome, "{cut:?}");
    }
}

/// A conversation that has ended.
struct Talk<'p> {
    client: ClientSide<'p>,
    server: ServerSide<'p>,
    up: Ear,
    down: Ear,
}

impl<'p> Talk<'p> {
    fn between(plan: &'p Plan, up: Cut, down: Cut) -> Self {
        let (mut client, mut server) = (ClientSide::new(plan), ServerSide::new(plan));
        let (mut up, mut down) = (Ear::new(up), Ear::new(down));
        while !(up.over && down.over) {
            up.hear(&mut server, &client.log().said);
            down.hear(&mut client, &server.log().said);
            let server_hears = !up.over && up.more(&client.log().said);
            let client_hears = !down.over && down.more(&server.log().said);
            let both_over = up.over && down.over;
            assert!(server_hears || client_hears || both_over, "each side waits for the other");
        }
        Self { client, server, up, down }
    }

    /// By the same method, authenticated or not, with the same request and the same reply, and with the data untouched.
    fn ended_as_planned(&self, plan: &Plan) {
        let (client, server) = (self.client.log(), self.server.log());
        let method = plan.selects(&plan.offer);
        let fate = fate(plan, method);
        assert_eq!(client.end, Some(fate.map_or_else(End::Error, |()| End::Open)));
        assert_eq!(server.end, Some(if fate.is_ok() { End::Open } else { End::Refused }));
        assert_eq!(client.events, client_events(plan, method, fate));
        assert_eq!(server.events, server_events(plan, method, fate));

        let (up, down) = (self.up.rest(&client.said), self.down.rest(&server.said));
        match fate {
            Ok(()) => assert_eq!((up, down), (&*plan.from_client, &*plan.from_server)),
            Err(_) if plan.optimistic => assert!(up.ends_with(&plan.from_client)),
            Err(_) => assert_eq!(up, b""),
        }
    }
}

/// What comes of a plan, for the client.
fn fate(plan: &Plan, method: Method) -> Result<(), Error> {
    match method {
        Method::NO_ACCEPTABLE => return Err(Error::NoAcceptableMethod),
        Method::USERNAME_PASSWORD if !plan.accepts(&plan.user_pass()) => return Err(Error::Rejected(1)),
        _ => {}
    }
    let mut codes = plan.replies(plan.command).into_iter().map(|reply| reply.code);
    codes.find(|code| *code != ReplyCode::SUCCEEDED).map_or(Ok(()), |code| Err(Error::Refused(code)))
}

fn is_requested(fate: Result<(), Error>) -> bool {
    matches!(fate, Ok(()) | Err(Error::Refused(_)))
}

fn client_events(plan: &Plan, method: Method, fate: Result<(), Error>) -> Vec<Event> {
    let login = match method {
        Method::NONE | Method::NO_ACCEPTABLE => vec![],
        Method::USERNAME_PASSWORD if plan.optimistic => vec![],
        Method::USERNAME_PASSWORD => vec![Event::AskedForCredentials],
        other => vec![Event::AskedForFrame(other), Event::Frame(plan.answer.clone())],
    };
    let request = (is_requested(fate) && !plan.optimistic).then_some(Event::AskedForRequest);
    let replies = plan.replies(plan.command).into_iter().filter(|it| is_requested(fate) && it.code.0 == 0);
    login.into_iter().chain(request).chain(replies.map(|reply| Event::Reply(encoded(&reply)))).collect()
}

fn server_events(plan: &Plan, method: Method, fate: Result<(), Error>) -> Vec<Event> {
    let login = match method {
        Method::NONE | Method::NO_ACCEPTABLE => None,
        Method::USERNAME_PASSWORD => Some(Event::Credentials(encoded(&plan.user_pass()))),
        _ => Some(Event::Frame(plan.ask.clone())),
    };
    let request = is_requested(fate).then(|| Event::Request(encoded(&plan.request())));
    [Event::Offer(encoded(&plan.offer()))].into_iter().chain(login).chain(request).collect()
}
