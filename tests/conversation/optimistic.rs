//! Clients that say everything in one flight, against servers that know nothing of it.

use socks5_sansio::client::{Client, Error, Step};
use socks5_sansio::{BufferTooSmall, Command, Method, ReplyCode};

use crate::cases::{self, Case};
use crate::moments::optimist;
use crate::sides::{FROM_CLIENT, FROM_SERVER, Plan, flight, optimist_hears, optimistic_client, server};
use crate::together::ends_well;
use crate::wire::{Reading, Wire, both};

#[test]
fn a_flight_is_an_offer_of_one_method_and_all_the_rest() {
    for case in cases::optimistic() {
        let (octets, _) = flight(&case.plan);
        assert_eq!(octets, case.client_says, "{}", case.name);
    }
    assert_eq!(cases::longest_optimistic().client_says.len(), Client::OPTIMISTIC_MAX_LEN);
}

#[test]
fn a_flight_is_written_whole_or_not_at_all() {
    for Case { name, plan, client_says, .. } in cases::optimistic() {
        let credentials = plan.offers_credentials().then(|| plan.credentials());
        let needed = client_says.len();
        for room in 0..needed {
            let mut out = vec![0xA5; room];
            let result = Client::optimistic(credentials.as_ref(), &plan.request, &mut out);
            assert_eq!(result.unwrap_err(), BufferTooSmall { needed }, "{name} into {room}");
            assert!(out.iter().all(|&octet| octet == 0xA5), "{name} into {room}");
        }
        let mut out = vec![0xA5; needed + 7];
        let (len, _) = Client::optimistic(credentials.as_ref(), &plan.request, &mut out).unwrap();
        assert_eq!((&out[..len], &out[len..]), (&*client_says, [0xA5; 7].as_slice()), "{name}");
    }
}

#[test]
fn a_server_takes_a_flight_and_the_data_behind_it() {
    for case in cases::optimistic() {
        for reading in Reading::every() {
            let (up, down) = Wire::pair(reading);
            let (client, server) = both(optimistic_client(&case.plan, up), server(&case.plan, down));
            let label = format!("{}, {reading:?}", case.name);
            assert_eq!(client.events, case.client_events, "client, {label}");
            assert_eq!((&server.events, &server.said), (&case.server_events, &case.server_says), "server, {label}");
            ends_well(&client, FROM_SERVER, reading, &format!("client, {label}"));
            ends_well(&server, FROM_CLIENT, reading, &format!("server, {label}"));
        }
    }
}

#[test]
fn an_optimist_takes_the_answers_however_they_are_cut() {
    for case in cases::optimistic() {
        for reading in Reading::every() {
            let client = optimist_hears(&case.plan, &[&case.server_says, FROM_SERVER].concat(), reading);
            let label = format!("{}, {reading:?}", case.name);
            assert_eq!(client.events, case.client_events, "{label}");
            ends_well(&client, FROM_SERVER, reading, &label);
        }
    }
}

#[test]
fn both_replies_of_bind_in_one_segment_are_two_steps() {
    let said = b"\x05\x02\x01\x00\x05\x00\x00\x01\xC0\x00\x02\x07\x12\x34\x05\x00\x00\x01\xC0\x00\x02\x01\x00\x14data";
    let Ok((14, Step::Reply(first, Some(client)))) = optimist(true, Command::BIND).read(said) else {
        panic!("no first reply")
    };
    let Ok((10, Step::Reply(second, None))) = client.read(&said[14..]) else { panic!("no second reply") };
    assert_eq!((first.bound.port, second.bound.port), (4660, 20));
}

#[test]
fn every_other_method_is_not_the_one_offered() {
    let granted = b"\x01\x00\x05\x00\x00\x01\x00\x00\x00\x00\x00\x00";
    for (credentials, offered) in [(true, Method::USERNAME_PASSWORD), (false, Method::NONE)] {
        for selected in (0..255).map(Method).filter(|&selected| selected != offered) {
            let client = optimist(credentials, Command::CONNECT);
            let error = client.read(&[&[5, selected.0], granted.as_slice()].concat()).unwrap_err();
            assert_eq!(error, Error::NotOffered(selected), "{offered} was offered");
        }
    }
}

/// What a server says to refuse a flight, for each way to refuse it.
const REFUSALS: [(bool, &[u8], Error); 7] = [
    (false, b"\x05\xFF", Error::NoAcceptableMethod),
    (false, b"\x05\x02", Error::NotOffered(Method::USERNAME_PASSWORD)),
    (false, b"\x05\x00\x05\x05", Error::Refused(ReplyCode::CONNECTION_REFUSED)),
    (true, b"\x05\xFF", Error::NoAcceptableMethod),
    (true, b"\x05\x00", Error::NotOffered(Method::NONE)),
    (true, b"\x05\x02\x01\x01", Error::Rejected(1)),
    (true, b"\x05\x02\x01\x00\x05\x02", Error::Refused(ReplyCode::NOT_ALLOWED)),
];

#[test]
fn a_flight_is_refused_as_soon_as_it_is_certain() {
    for (credentials, said, error) in REFUSALS {
        for command in [Command::CONNECT, Command::BIND, Command::UDP_ASSOCIATE] {
            for cut in 0..said.len() {
                let (used, missing) = waits(optimist(credentials, command), &said[..cut]);
                assert_eq!(used, cut / 2 * 2, "{command}, {said:?} cut at {cut}");
                assert!(missing <= 2 - cut % 2, "{command}, {said:?} cut at {cut} misses {missing}");
            }
            let client = optimist(credentials, command);
            assert_eq!(client.read(said).unwrap_err(), error, "{command}, {said:?}");
        }
    }
}

fn waits(client: Client, input: &[u8]) -> (usize, usize) {
    let Ok((used, Step::NeedMore(_, missing))) = client.read(input) else { panic!("{input:?} is enough") };
    (used, missing.get())
}

#[test]
fn a_flight_is_refused_whatever_is_behind_and_however_it_is_read() {
    let plans = [false, true].map(|credentials| {
        cases::optimistic().map(|case| case.plan).find(|plan| plan.offers_credentials() == credentials).unwrap()
    });
    for (credentials, said, error) in REFUSALS {
        for behind in [b"".as_slice(), b"\x00", b"\x05\x00\x00\x01\x00\x00\x00\x00\x00\x00", b"junk of any length"] {
            for reading in Reading::every() {
                let plan = &plans[usize::from(credentials)];
                let client = optimist_hears(plan, &[said, behind].concat(), reading);
                assert_eq!(client.end, Err(error), "{said:?} {behind:?} {reading:?}");
                assert!(client.events.is_empty(), "{said:?} {behind:?} {reading:?}");
            }
        }
    }
}

#[test]
fn a_server_that_refuses_the_method_leaves_the_flight_unread() {
    for case in cases::optimistic() {
        let plan = Plan { preference: &[Method::GSSAPI], ..case.plan };
        let (up, down) = Wire::pair(Reading::WHOLE);
        let (client, server) = both(optimistic_client(&plan, up), server(&plan, down));
        assert_eq!(client.end, Err(Error::NoAcceptableMethod), "{}", case.name);
        assert_eq!((server.end, &*server.said), (Ok(false), b"\x05\xFF".as_slice()), "{}", case.name);
        assert_eq!(server.rest, [&case.client_says[3..], FROM_CLIENT].concat(), "{}", case.name);
    }
}
