//! Which methods a server can choose.

use socks5_sansio::server::{ChooseMethod, Login, ReceiveOffer};
use socks5_sansio::{Encode, Method, MethodSelection, Receive};

/// A selection, and the method of the permit or state that comes with it.
type Selected = (MethodSelection, u8);

fn permit(offer: &[u8]) -> ChooseMethod {
    let offer = [&[5, u8::try_from(offer.len()).unwrap()], offer].concat();
    ReceiveOffer::new().receive(&offer).unwrap().0.1
}

fn choose(permit: ChooseMethod, method: u8) -> Result<Selected, ChooseMethod> {
    match method {
        0 => permit.no_authentication().map(|(selection, _)| (selection, 0)),
        2 => permit.user_pass().map(|(selection, _)| (selection, 2)),
        _ => permit.sub_negotiate(Method(method)).map(|(selection, next)| (selection, next.method().0)),
    }
}

#[test]
fn every_method_can_be_chosen_if_and_only_if_it_was_offered() {
    let every: Vec<_> = (0..=255).collect();
    for method in every.iter().copied() {
        let (before, after) = every.split_at(method.into());
        for others in [&[], &*[before, &after[1..]].concat()] {
            assert!(choose(permit(others), method).is_err(), "{method}");
        }
        match choose(permit(&[method]), method) {
            Ok((selection, next)) => assert_eq!((selection.to_vec(), next), (vec![5, method], method)),
            Err(permit) => assert_eq!((method, permit.refuse().to_vec()), (0xFF, vec![5, 0xFF])),
        }
    }
}

#[test]
fn sub_negotiate_rejects_methods_that_have_their_own_move() {
    for method in [0, 2] {
        assert!(permit(&[method]).sub_negotiate(Method(method)).is_err());
    }
    assert_eq!(permit(&[1]).gssapi().unwrap().0.to_vec(), [5, 1]);
    assert!(permit(&[0, 2]).gssapi().is_err());
}

/// How a client logs in: with a password (`true`), without one (`false`), or not at all (`None`).
fn login(offer: &[u8], anonymous: bool, prefer_user_pass: bool) -> Option<bool> {
    match permit(offer).login(anonymous.then_some("anonymous"), prefer_user_pass) {
        Ok((selection, Login::Anonymous("anonymous", _))) => {
            assert_eq!(selection.to_vec(), [5, 0]);
            Some(false)
        }
        Ok((selection, Login::Anonymous(..))) => panic!("{selection:?} for another user"),
        Ok((selection, Login::UserPass(_))) => {
            assert_eq!(selection.to_vec(), [5, 2]);
            Some(true)
        }
        Err(permit) => {
            assert_eq!(permit.refuse().to_vec(), [5, 0xFF]);
            None
        }
    }
}

#[test]
fn login_requests_credentials_if_required_or_preferred() {
    for others in [[].as_slice(), &[1], &[0x80, 0xFF]] {
        for prefer_user_pass in [false, true] {
            let login = |offer: &[u8], anonymous| login(&[others, offer].concat(), anonymous, prefer_user_pass);
            assert_eq!(login(&[], true), None);
            assert_eq!(login(&[], false), None);
            assert_eq!(login(&[0], true), Some(false));
            assert_eq!(login(&[0], false), None);
            assert_eq!(login(&[2], true), Some(true));
            assert_eq!(login(&[2], false), Some(true));
            assert_eq!(login(&[0, 2], true), Some(prefer_user_pass));
            assert_eq!(login(&[2, 0], false), Some(true));
        }
    }
}

#[test]
fn known_programs_can_log_in_with_their_offers() {
    for (program, offer, user_pass) in [
        ("curl", [0, 1].as_slice(), false),
        ("curl with credentials", &[0, 1, 2], true),
        ("plink", &[0, 3, 2], true),
        ("Java", &[0, 2], true),
        ("torsocks with credentials", &[2], true),
    ] {
        assert_eq!(login(offer, true, true), Some(user_pass), "{program}");
    }
}
