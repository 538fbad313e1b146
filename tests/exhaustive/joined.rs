//! The client and the server with each other, whatever both decide.

use socks5_sansio::Method;
use socks5_sansio::client::Error as ClientError;
use socks5_sansio::server::Error as ServerError;

use crate::asking::{Asking, DATA};
use crate::explore::{Explorer, Subject};
use crate::inbox::Delivery;
use crate::menu::{Answer, Bind, Decided, Due, Menu, Opening, Verdict};
use crate::messages::Told;
use crate::places::{IPV4, IPV6, LONGEST_NAME, NAME, UNSPECIFIED};
use crate::seat::{Over, Seat};
use crate::serving::{EXPECTED, Serving};
use crate::{client, server};

const METHODS: [Method; 5] =
    [Method::NONE, Method::GSSAPI, Method::USERNAME_PASSWORD, Method(0x80), Method::NO_ACCEPTABLE];

const LISTS: u64 = 1 + 5 + 25 + 125;

/// Every list of up to three methods, in every order, with those that name a method twice.
fn lists() -> Vec<Vec<Method>> {
    let longer = |lists: &[Vec<Method>]| -> Vec<_> {
        lists.iter().flat_map(|list| METHODS.map(|method| [list.as_slice(), &[method]].concat())).collect()
    };
    let one = longer(&[vec![]]);
    let two = longer(&one);
    let three = longer(&two);
    [vec![vec![]], one, two, three].concat()
}

fn openings(offers: Vec<Vec<Method>>) -> Vec<Opening> {
    let flights = [false, true].map(|credentials| Opening::Flight { credentials });
    offers.into_iter().map(Opening::Offer).chain(flights).collect()
}

const VERDICTS: [Verdict; 3] = [Verdict::Accept, Verdict::Reject, Verdict::Judge];

/// Every offer, by every preference.
fn all_methods() -> Menu {
    Menu {
        openings: openings(lists()),
        credentials: vec![EXPECTED],
        requests: vec![Told::new(1, IPV4)],
        preferences: lists(),
        verdicts: VERDICTS[..2].to_vec(),
        answers: vec![Answer { reply: Told::new(0, IPV4), bind: Bind::Refuse(7) }],
    }
}

const COMMANDS: [u8; 5] = [1, 2, 3, 0xF0, 0x77];
const PLACES: [&[u8]; 5] = [UNSPECIFIED, IPV4, IPV6, NAME, LONGEST_NAME];
const FAILURES: [u8; 18] = [1, 2, 3, 4, 5, 6, 7, 8, 0xF0, 0xF1, 0xF2, 0xF3, 0xF4, 0xF5, 0xF6, 0xF7, 0x5D, 0xFF];

/// Every login, request and answer, in every way to get there.
fn all_requests() -> Menu {
    Menu {
        openings: openings(METHODS.map(|method| vec![method]).into()),
        credentials: vec![EXPECTED, (b"u", b"q"), (b"", b""), (&[b'u'; 255], &[b'p'; 255])],
        requests: COMMANDS.iter().flat_map(|&command| PLACES.map(|place| Told::new(command, place))).collect(),
        preferences: vec![METHODS.to_vec()],
        verdicts: VERDICTS.to_vec(),
        answers: answers(),
    }
}

fn answers() -> Vec<Answer> {
    let granted = PLACES
        .iter()
        .zip(PLACES.iter().rev())
        .map(|(first, second)| Answer { reply: Told::new(0, first), bind: Bind::Listen(first, Told::new(0, second)) });
    let refused = FAILURES.map(|code| Answer { reply: Told::new(code, UNSPECIFIED), bind: Bind::Refuse(code) });
    let late = FAILURES.map(|code| {
        let failure = Told::new(code, NAME);
        Answer { reply: failure.clone(), bind: Bind::Listen(IPV4, failure) }
    });
    granted.chain(refused).chain(late).collect()
}

#[test]
fn whatever_is_offered_and_preferred() {
    let explored = Explorer::new(Joined, &[]).explore(&all_methods(), 0);
    explored.assert_complete("offers and preferences", (LISTS + 2) * LISTS * 2, 110_724);
}

#[test]
fn whatever_is_requested_and_answered() {
    let explored = Explorer::new(Joined, &[]).explore(&all_requests(), 0);
    explored.assert_complete("requests and answers", (5 + 2) * 4 * (5 * 5) * 3 * (5 + 2 * 18), 49_755);
}

struct Joined;

impl Subject for Joined {
    fn hear(&self, _: &[u8], decided: Decided<'_>, delivery: Delivery) -> Result<bool, Due> {
        let mut client = Asking::seated(decided, delivery)?;
        let mut server = Serving::seated(decided, delivery);
        talk(&mut client, &mut server)?;
        agree(&client, &server, decided);
        Ok(false)
    }
}

fn talk(client: &mut Seat<'_, Asking>, server: &mut Seat<'_, Serving>) -> Result<(), Due> {
    /// A method, a login, a request, and nothing more.
    const ROUNDS: usize = 4;
    let (mut up, mut down) = (0, 0);
    for _ in 0..ROUNDS {
        client.go_on()?;
        server.inbox.put(&client.application.said[up..]);
        up = client.application.said.len();
        server.go_on()?;
        client.inbox.put(&server.application.said[down..]);
        down = server.application.said.len();
    }
    Ok(())
}

fn agree(client: &Seat<'_, Asking>, server: &Seat<'_, Serving>, decided: Decided<'_>) {
    assert!(!server::judge(&client.application.said, server, decided), "the server waits");
    assert!(!client::judge(&server.application.said, client, decided), "the client waits");
    let flies = matches!(decided.opening(), Ok(Opening::Flight { .. }));
    let granted = server.over == Some(Over::Granted);
    assert!(same_end(client.over.unwrap(), server.over.unwrap()), "{:?} {:?}", client.over, server.over);
    // Who flies and is refused need not know whether it was authenticated before that.
    if granted || !flies {
        assert_eq!(client.application.login, server.application.login);
    }
    if granted {
        assert!(client.application.login.is_some());
        assert_eq!(server.inbox.rest(), if flies { DATA } else { b"" });
    }
}

fn same_end(client: Over<ClientError>, server: Over<ServerError>) -> bool {
    use ClientError::{NoAcceptableMethod, Refused, Rejected};
    match client {
        Over::Granted => server == Over::Granted,
        Over::Refused | Over::Error(NoAcceptableMethod | Refused(_) | Rejected(1)) => server == Over::Refused,
        _ => false,
    }
}
