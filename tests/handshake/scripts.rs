//! Each side with scripts that end early, refuse, or are malformed, in the middle of known handshakes.

use socks5_sansio::{Invalid, Method, ReplyCode, UserPassStatus, client, server};

use crate::cases::{self, Case};
use crate::harness::applications::End;
use crate::harness::plan::{Accepts, Answer, BIND, IPV4, Opening, Plan, UNSPECIFIED};
use crate::harness::states::{agree, connects, serves};
use crate::harness::transport::Delivery;

const DELIVERIES: [Delivery; 3] = [Delivery::Whole, Delivery::BYTES, Delivery::EXACT];

/// What may follow the bytes that decide the outcome.
const AFTER: [&[u8]; 4] =
    [b"\x00", b"\x00\x01\xC0\x00\x02\x07\x12\x34 and more", b"\xFF\xFF", b"ET / HTTP/1.1\r\n\r\n"];

/// The end of a server that receives this, whatever follows.
fn server(plan: &Plan, before: &[u8], script: &[u8]) -> End {
    whatever_follows(before, script, |script, delivery| serves(plan, script, delivery).end)
}

/// The end of a client that receives this, whatever follows.
fn client(plan: &Plan, before: &[u8], script: &[u8]) -> End {
    whatever_follows(before, script, |script, delivery| connects(plan, script, delivery).end)
}

fn whatever_follows(before: &[u8], script: &[u8], end: impl Fn(&[u8], Delivery) -> End) -> End {
    let alone = end(&[before, script].concat(), Delivery::Whole);
    for after in AFTER {
        for delivery in DELIVERIES {
            assert_eq!(end(&[before, script, after].concat(), delivery), alone, "{script:02X?} {after:02X?}");
        }
    }
    alone
}

#[test]
fn an_end_of_stream_after_each_byte_is_a_typed_error() {
    for Case { plan, up, down } in cases::all() {
        for len in 0..up.len() {
            assert!(serves(&plan, &up[..len], Delivery::Whole).end.is_early(), "{len} of {plan:?}");
        }
        for len in 0..down.len() {
            assert!(connects(&plan, &down[..len], Delivery::Whole).end.is_early(), "{len} of {plan:?}");
        }
    }
}

#[test]
fn a_server_distinguishes_no_input_a_close_and_a_truncated_message() {
    let Case { plan, up, .. } = cases::socks5().nth(7).unwrap(); // username and password
    let ends = [3, 17, up.len()];
    for len in 0..up.len() {
        let expected = match len {
            0 => server::Error::Silent,
            len if ends.contains(&len) => server::Error::Closed,
            _ => server::Error::Truncated,
        };
        assert_eq!(serves(&plan, &up[..len], Delivery::EXACT).end, End::Server(expected), "after {len}");
    }
}

#[test]
fn a_client_distinguishes_a_close_and_a_truncated_message() {
    let Case { plan, down, .. } = cases::socks5().nth(10).unwrap(); // username and password, and BIND
    for len in 0..down.len() {
        let between = [0, 2, 4, 14].contains(&len);
        let expected = if between { client::Error::Closed } else { client::Error::Truncated };
        assert_eq!(connects(&plan, &down[..len], Delivery::EXACT).end, End::Client(expected), "after {len}");
    }
}

#[test]
fn a_server_rejects_every_other_version() {
    for version in 0..=255 {
        let invalid = Invalid::Version(version);
        if version != 5 {
            let offer = server(&Plan::by(0), b"", &[version]);
            assert_eq!(offer, End::Server(server::Error::Offer(invalid)));
            let request = server(&Plan::by(0), b"\x05\x01\x00", &[version]);
            assert_eq!(request, End::Server(server::Error::Request(invalid)));
        }
        if version != 1 {
            let end = server(&Plan::by(2), b"\x05\x01\x02", &[version]);
            assert_eq!(end, End::Server(server::Error::UserPass(Invalid::UserPassVersion(version))));
        }
    }
}

#[test]
fn a_server_sends_its_closing_reply_and_no_more() {
    for (method, script, sent) in [
        (0, b"GET / HTTP/1.1\r\n".as_slice(), b"".as_slice()),
        (2, b"\x05\x01\x02\x05\x01u\x01p", b"\x05\x02\x01\x01"),
        (0, b"\x05\x01\x00\x04\x01\x00\x01", b"\x05\x00\x05\x01\x00\x01\x00\x00\x00\x00\x00\x00"),
        (0, b"\x05\x01\x00\x05\x01\x00\x03\x00\x00", b"\x05\x00\x05\x01\x00\x01\x00\x00\x00\x00\x00\x00"),
        (0, b"\x05\x01\x00\x05\x01\x00\x02\x00\x00", b"\x05\x00\x05\x08\x00\x01\x00\x00\x00\x00\x00\x00"),
    ] {
        let server = serves(&Plan::by(method), script, Delivery::Whole);
        assert!(server.end.is_malformed(), "{script:02X?}");
        assert_eq!(server.sent, sent, "{script:02X?}");
    }
}

#[test]
fn an_unknown_address_type_or_an_empty_name_is_malformed() {
    for atyp in (0..=255).filter(|atyp| !matches!(atyp, 1 | 3 | 4)) {
        let invalid = Invalid::AddressType(atyp);
        let end = server(&Plan::by(0), b"\x05\x01\x00", &[5, 1, 0, atyp]);
        assert_eq!(end, End::Server(server::Error::Request(invalid)));
        for plan in clients() {
            assert_eq!(client(&plan, selected(&plan), &[5, 0, 0, atyp]), End::Client(client::Error::Invalid(invalid)));
        }
    }
    for command in 0..=255 {
        let end = server(&Plan::by(0), b"\x05\x01\x00", &[5, command, 0, 3, 0]);
        assert_eq!(end, End::Server(server::Error::Request(Invalid::EmptyDomain)));
    }
}

#[test]
fn a_reply_with_an_empty_name_has_7_bytes() {
    for plan in clients().filter(|plan| plan.request().0 != BIND) {
        let script = [selected(&plan), b"\x05\x00\x00\x03\x00\x12\x34"].concat();
        for delivery in DELIVERIES {
            let client = connects(&plan, &script, delivery);
            assert_eq!((client.end, client.used), (End::Open, script.len()));
        }
    }
}

#[test]
fn a_client_rejects_every_other_version() {
    for version in (0..=255).filter(|version| *version != 5) {
        let invalid = End::Client(client::Error::Invalid(Invalid::Version(version)));
        assert_eq!(client(&Plan::by(0), b"", &[version]), invalid);
        for plan in clients() {
            assert_eq!(client(&plan, selected(&plan), &[version]), invalid);
        }
        if version != 1 {
            let invalid = client::Error::Invalid(Invalid::UserPassVersion(version));
            assert_eq!(client(&Plan::by(2), b"\x05\x02", &[version]), End::Client(invalid));
        }
    }
}

#[test]
fn a_client_accepts_a_status_of_version_5() {
    assert_eq!(client(&Plan::by(2), b"\x05\x02", b"\x05\x01"), End::Client(client::Error::Rejected(UserPassStatus(1))));
    assert_eq!(connects(&Plan::by(2), b"\x05\x02\x05\x00", Delivery::EXACT).end, End::Client(client::Error::Closed));
}

/// Clients for each command, without and with credentials, optimistic and not.
fn clients() -> impl Iterator<Item = Plan> {
    let openings = [(0, false), (2, true)].map(|(method, user_pass)| (method, Opening::Optimistic { user_pass }));
    let offers = [0, 2].map(|method| (method, Opening::Offer(vec![method])));
    openings.into_iter().chain(offers).flat_map(|(method, opening)| {
        [1, BIND, 3, 0xF0].map(|command| Plan::by(method).with_opening(opening.clone()).with_request((command, IPV4)))
    })
}

/// What the server sends to them before the reply.
fn selected(plan: &Plan) -> &'static [u8] {
    if plan.preference() == [0] { b"\x05\x00" } else { b"\x05\x02\x01\x00" }
}

#[test]
fn a_client_knows_a_refusal_by_two_bytes_whatever_follows() {
    for code in 1..=255 {
        let refused = End::Client(client::Error::Refused(ReplyCode(code)));
        for plan in clients() {
            let before = selected(&plan);
            assert_eq!(client(&plan, before, &[5, code]), refused);
            if plan.request().0 == BIND {
                let first = [before, b"\x05\x00\x00\x01\xC0\x00\x02\x07\x12\x34"].concat();
                assert_eq!(client(&plan, &first, &[5, code]), refused);
            }
        }
        let rejected = End::Client(client::Error::Rejected(UserPassStatus(code)));
        assert_eq!(client(&Plan::by(2), b"\x05\x02", &[1, code]), rejected);
    }
}

#[test]
fn a_client_accepts_no_method_that_was_not_offered() {
    let optimistic = [(0, false), (2, true)].map(|(offered, user_pass)| (offered, Opening::Optimistic { user_pass }));
    let offers = (0..=255).flat_map(|method| {
        [Opening::Offer(vec![method]), Opening::AnyOffer(vec![method])].map(|opening| (method, opening))
    });
    for (offered, opening) in offers.chain(optimistic) {
        let plan = Plan::by(0).with_opening(opening);
        for selected in 0..=255 {
            let end = connects(&plan, &[5, selected], Delivery::Whole).end;
            match selected {
                0xFF => assert_eq!(end, End::Client(client::Error::NoAcceptableMethods), "{offered} was offered"),
                other if other == offered => assert!(end.is_early(), "{offered} was offered"),
                other => {
                    assert_eq!(end, End::Client(client::Error::NotOffered(Method(other))), "{offered} was offered")
                }
            }
        }
    }
}

#[test]
fn nothing_can_be_selected_from_an_empty_offer() {
    for selected in 0..255 {
        let end = connects(&Plan::by(0).with_offer(&[]), &[5, selected], Delivery::Whole).end;
        assert_eq!(end, End::Client(client::Error::NotOffered(Method(selected))));
    }
}

#[test]
fn every_refusal_of_the_server_reaches_the_client() {
    for Case { plan, .. } in cases::all() {
        for delivery in DELIVERIES {
            agree(&plan.clone().with_preference(&[0xFE]), delivery, delivery);
            agree(&plan.clone().with_accepts(Accepts::None), delivery, delivery);
            agree(&plan.clone().with_credentials(b"alice", b"S3cret"), delivery, delivery);
        }
    }
    for code in 1..=255 {
        for plan in clients() {
            for listening in [None, Some(UNSPECIFIED.to_vec())] {
                let plan = plan.clone().with_answer(Answer { listening, code, bound: IPV4.to_vec() });
                agree(&plan, Delivery::Whole, Delivery::EXACT);
            }
        }
    }
}
