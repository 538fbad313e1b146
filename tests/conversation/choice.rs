//! Which method a server chooses, of every small offer and by every small preference.

use socks5_sansio::server::{Chosen, Server, Step};
use socks5_sansio::{Message, Method, MethodOffer};

const ALPHABET: [Method; 5] =
    [Method::NONE, Method::GSSAPI, Method::USERNAME_PASSWORD, Method(0x80), Method::NO_ACCEPTABLE];

/// Every list of up to three methods.
fn lists() -> Vec<Vec<Method>> {
    let mut lists = vec![vec![]];
    let mut longest = lists.clone();
    for _ in 0..3 {
        longest =
            longest.iter().flat_map(|list| ALPHABET.map(|method| [list.as_slice(), &[method]].concat())).collect();
        lists.extend_from_slice(&longest);
    }
    lists
}

fn choice(offer: &[Method], preference: &[Method]) -> Chosen {
    let mut octets = [0; MethodOffer::MAX_LEN];
    let len = MethodOffer::new(offer).unwrap().encode(&mut octets).unwrap();
    let Ok((used, Step::Methods(_, permit))) = Server::new().read(&octets[..len]) else { panic!("no offer") };
    assert_eq!(used, len);
    permit.choose(preference)
}

/// The octet of the method that was selected, after a look at where it leads.
fn selected(chosen: Chosen) -> u8 {
    let (answer, fits) = match chosen {
        Chosen::Continue(answer, _) => (answer, vec![0, 2]),
        Chosen::SubNegotiate(answer, negotiation) => (answer, vec![negotiation.method().0]),
        Chosen::Refused(answer) => (answer, vec![0xFF]),
    };
    let [5, method] = *answer else { panic!("{answer:?} is no selection") };
    assert!(fits.contains(&method), "{method} leads to where {fits:?} lead");
    method
}

#[test]
fn the_first_in_preference_that_was_offered() {
    for offer in lists() {
        for preference in lists() {
            let selected = Method(selected(choice(&offer, &preference)));
            let acceptable = |method: &Method| *method != Method::NO_ACCEPTABLE && offer.contains(method);
            match preference.iter().position(acceptable) {
                Some(first) => assert_eq!(selected, preference[first], "{offer:?} by {preference:?}"),
                None => assert_eq!(selected, Method::NO_ACCEPTABLE, "{offer:?} by {preference:?}"),
            }
        }
    }
}

#[test]
fn ff_is_never_a_match() {
    let ff = [Method::NO_ACCEPTABLE];
    assert!(matches!(choice(&ff, &ff), Chosen::Refused(answer) if *answer == [5, 0xFF]));
}

#[test]
fn an_empty_offer_is_answered_with_ff() {
    for preference in lists() {
        assert!(matches!(choice(&[], &preference), Chosen::Refused(answer) if *answer == [5, 0xFF]), "{preference:?}");
    }
}

#[test]
fn every_method_can_be_chosen_from_the_longest_offer() {
    let every: Vec<_> = (0..255).map(Method).collect();
    for method in every.iter().copied() {
        assert_eq!(selected(choice(&every, &[method])), method.0);
    }
}

#[test]
fn offers_that_were_seen_in_the_world() {
    let prefers = [Method::USERNAME_PASSWORD, Method::NONE, Method::GSSAPI];
    for (program, offer, expected) in [
        ("curl", [0, 1].as_slice(), 0),
        ("curl with credentials", &[0, 1, 2], 2),
        ("plink", &[0, 3, 2], 2),
        ("Java", &[0, 2], 2),
        ("torsocks with credentials", &[2], 2),
    ] {
        let offer: Vec<_> = offer.iter().copied().map(Method).collect();
        assert_eq!(selected(choice(&offer, &prefers)), expected, "{program}");
    }
}
