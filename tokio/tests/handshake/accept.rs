//! `accept`: whom it admits, what it sends, and what it returns.

use std::future::pending;
use std::io::{self, ErrorKind};
use std::net::SocketAddr;
use std::time::Duration;

use tokio::io::{AsyncWriteExt, duplex};
use tokio::time::Sleep;
use tokio_socks5_sansio::socks5_sansio::server::{self, Asked};
use tokio_socks5_sansio::socks5_sansio::{Command, Invalid, UserPass, UserPassBuf, either};
use tokio_socks5_sansio::{AcceptError, Admit, Anyone, Check, Wire, accept, accept_either};

use crate::stutter::Stutter;
use crate::{CREDENTIALS, NO_TIMEOUT, OFFER, REQUEST, alice};

/// Runs `accept` with this input. Returns what was sent, the outcome, and the client's data after the handshake.
async fn outcome<A: Admit>(input: &[u8], admit: &A) -> (Vec<u8>, Result<(A::User, Command), AcceptError>, Vec<u8>) {
    let mut wire = Wire::server(Stutter::new(input));
    let outcome = accept(&mut wire, admit, NO_TIMEOUT).await.map(|(user, _, asked)| (user, asked.command()));
    let output = wire.stream().output().to_vec();
    let (stream, inbox) = wire.into_parts();
    (output, outcome, [inbox.unread(), &stream.input()].concat())
}

/// Admits Alice by her credentials, and others as guests.
struct Guests;

impl Admit for Guests {
    type User = &'static str;

    fn anonymous(&self) -> Option<&'static str> {
        Some("guest")
    }

    async fn user_pass(&self, given: UserPass<'_>) -> Option<&'static str> {
        given.verify(&alice()).then_some("Alice")
    }
}

#[tokio::test]
async fn admits_a_user_and_leaves_early_data() {
    let input = [OFFER, CREDENTIALS, REQUEST, b"early"].concat();
    let (output, outcome, early) = outcome(&input, &alice()).await;
    assert_eq!(output, [5, 2, 1, 0]);
    assert!(matches!(outcome, Ok(((), Command::CONNECT))));
    assert_eq!(early, b"early");
}

#[tokio::test]
async fn returns_the_destination_and_the_permit() {
    let mut wire = Wire::server(Stutter::new(&[&[5, 1, 0], REQUEST].concat()));
    let ((), destination, asked) = accept(&mut wire, &Anyone, NO_TIMEOUT).await.unwrap();
    assert_eq!(destination.to_string(), "example.com:443");
    assert!(matches!(asked, Asked::Connect(_)));
}

#[tokio::test]
async fn returns_a_user_of_the_callers_type() {
    let (output, outcome, _) = outcome(&[OFFER, CREDENTIALS, REQUEST].concat(), &Guests).await;
    assert_eq!((output, outcome.unwrap().0), (vec![5, 2, 1, 0], "Alice"));
    let (output, outcome, _) = self::outcome(&[&[5, 1, 0], REQUEST].concat(), &Guests).await;
    assert_eq!((output, outcome.unwrap().0), (vec![5, 0], "guest"));
}

#[tokio::test]
async fn anyone_selects_username_and_password_only_if_nothing_else_is_offered() {
    for (input, expected) in
        [([OFFER, REQUEST].concat(), [5, 0].as_slice()), ([&[5, 1, 2], CREDENTIALS, REQUEST].concat(), &[5, 2, 1, 0])]
    {
        let (output, outcome, _) = outcome(&input, &Anyone).await;
        assert!(outcome.is_ok());
        assert_eq!(output, expected);
    }
}

#[tokio::test]
async fn checks_by_async_closures_and_by_closures_that_return_a_future() {
    let (input, password) = ([OFFER, CREDENTIALS, REQUEST].concat(), String::from("s3cret"));
    let waits = Check::new(async |given| {
        tokio::task::yield_now().await;
        (given.password() == password.as_bytes()).then(|| given.username().to_vec())
    });
    assert_eq!(outcome(&input, &waits).await.1.unwrap().0, b"alice");

    let returns_at_once = Check::new(async |given| given.verify(&alice()).then_some(7));
    assert_eq!(outcome(&input, &returns_at_once).await.1.unwrap().0, 7);

    let future = Check::new(|given: UserPass<'_>| std::future::ready(given.verify(&alice()).then_some("ready")));
    assert_eq!(outcome(&input, &future).await.1.unwrap().0, "ready");
    assert!(outcome(&[5, 1, 0], &future).await.1.is_err(), "a check requires credentials");
}

#[tokio::test]
async fn refusals_are_sent_and_returned() {
    let owned = UserPassBuf::from(alice());
    let wrong = b"\x01\x05alice\x06wrong!".as_slice();
    for input in [[5, 1, 0].as_slice(), &[5, 0], &[5, 1, 0xFF]] {
        let (output, outcome, _) = outcome(input, &owned).await;
        assert_eq!(output, [5, 0xFF]);
        assert!(matches!(outcome, Err(AcceptError::NoAcceptableMethods)));
    }
    let (output, outcome, _) = outcome(&[OFFER, wrong, REQUEST].concat(), &owned).await;
    assert_eq!(output, [5, 2, 1, 1]);
    assert!(matches!(outcome, Err(AcceptError::Rejected)));
    assert_eq!(io::Error::from(AcceptError::Rejected).kind(), ErrorKind::PermissionDenied);
}

#[tokio::test]
async fn malformed_messages_get_the_closing_reply() {
    use server::Error::{Closed, Offer, Request, Silent, Truncated, UserPass};
    for (input, expected, error) in [
        ([b"GET / HTTP/1.1".as_slice(), b""].concat(), [].as_slice(), Offer(Invalid::Version(b'G'))),
        ([OFFER, &[5]].concat(), &[5, 2, 1, 1], UserPass(Invalid::UserPassVersion(5))),
        (
            [OFFER, CREDENTIALS, &[4]].concat(),
            &[5, 2, 1, 0, 5, 1, 0, 1, 0, 0, 0, 0, 0, 0],
            Request(Invalid::Version(4)),
        ),
        (
            [OFFER, CREDENTIALS, &[5, 1, 0, 9]].concat(),
            &[5, 2, 1, 0, 5, 8, 0, 1, 0, 0, 0, 0, 0, 0],
            Request(Invalid::AddressType(9)),
        ),
        (vec![], &[], Silent),
        (vec![5], &[], Truncated),
        (OFFER.to_vec(), &[5, 2], Closed),
        ([OFFER, &CREDENTIALS[..4]].concat(), &[5, 2], Truncated),
    ] {
        let (output, outcome, _) = outcome(&input, &alice()).await;
        assert_eq!(output, expected, "{error}");
        let Err(AcceptError::Client(found)) = outcome else { panic!("{error} is not returned") };
        assert_eq!(found, error);
    }
}

#[tokio::test]
async fn accept_either_admits_clients_of_socks4_if_no_credentials_are_required() {
    let request = b"\x04\x01\x01\xBB\x00\x00\x00\x01alice\x00example.com\x00early";
    let mut wire = Wire::server(Stutter::new(request));
    let (user, destination, asked) = accept_either(&mut wire, &Guests, NO_TIMEOUT).await.unwrap();
    assert_eq!((user, destination.to_string().as_str()), ("guest", "example.com:443"));
    let either::Asked::Connect(permit) = asked else { panic!("{asked:?}") };
    wire.send(&permit.succeed("192.0.2.7:4660".parse::<SocketAddr>().unwrap().into())).await.unwrap();
    assert_eq!(wire.stream().output(), [0, 0x5A, 0x12, 0x34, 192, 0, 2, 7]);
    let (stream, inbox) = wire.into_parts();
    assert_eq!([inbox.unread(), &stream.input()].concat(), b"early");

    let mut wire = Wire::server(Stutter::new(request));
    let outcome = accept_either(&mut wire, &alice(), NO_TIMEOUT).await.map(|_| ());
    assert!(matches!(outcome, Err(AcceptError::CredentialsRequired)));
    assert_eq!(wire.stream().output(), [0, 0x5B, 0, 0, 0, 0, 0, 0]);

    let mut wire = Wire::server(Stutter::new(request));
    let outcome = accept(&mut wire, &Anyone, NO_TIMEOUT).await.map(|_| ());
    assert!(matches!(outcome, Err(AcceptError::Client(server::Error::Offer(Invalid::Version(4))))));
    assert_eq!(wire.stream().output(), []);
}

#[tokio::test]
async fn accept_either_handles_socks5_as_accept_does() {
    let mut wire = Wire::server(Stutter::new(&[OFFER, CREDENTIALS, REQUEST].concat()));
    let ((), destination, asked) = accept_either(&mut wire, &alice(), NO_TIMEOUT).await.unwrap();
    assert_eq!((destination.to_string().as_str(), asked.command()), ("example.com:443", Command::CONNECT));
    assert_eq!(wire.stream().output(), [5, 2, 1, 0]);
    for (input, expected) in
        [(b"".as_slice(), server::Error::Silent), (b"G", server::Error::Offer(Invalid::Version(b'G')))]
    {
        let mut wire = Wire::server(Stutter::new(input));
        let Err(AcceptError::Client(error)) = accept_either(&mut wire, &Anyone, NO_TIMEOUT).await.map(|_| ()) else {
            panic!("{expected} is not returned")
        };
        assert_eq!((error, wire.stream().output()), (expected, [].as_slice()));
    }
}

#[tokio::test(start_paused = true)]
async fn the_timeout_includes_the_clients_messages_and_the_check() {
    let timeout = Duration::from_secs(10);
    let (mut client, stream) = duplex(100);
    let mut wire = Wire::server(stream);
    client.write_all(&OFFER[..3]).await.unwrap();
    let outcome = accept(&mut wire, &Anyone, timeout).await;
    assert!(matches!(outcome, Err(AcceptError::Io(error)) if error.kind() == ErrorKind::TimedOut));

    let (mut client, stream) = duplex(100);
    let mut wire = Wire::server(stream);
    client.write_all(&[OFFER, CREDENTIALS].concat()).await.unwrap();
    let mut other = Wire::server(duplex(100).1);
    assert!(accept_either(&mut other, &Anyone, timeout).await.is_err());
    let never = Check::new(async |_: UserPass<'_>| pending::<Option<()>>().await);
    let outcome = accept(&mut wire, &never, timeout).await;
    assert!(matches!(outcome, Err(AcceptError::Io(error)) if error.kind() == ErrorKind::TimedOut));
}

#[test]
fn the_greatest_duration_is_no_timeout_and_needs_no_timer() {
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let (mut client, stream) = duplex(100);
    runtime.block_on(async {
        client.write_all(&[&[5, 1, 0], REQUEST].concat()).await.unwrap();
        accept(&mut Wire::server(stream), &Anyone, Duration::MAX).await.map(drop).unwrap();
    });
}

#[test]
fn the_future_has_at_most_500_bytes_without_the_timer() {
    let check = Check::new(async |given| given.verify(&alice()).then_some(()));
    for (admit, size) in [
        ("anyone", size(&Anyone)),
        ("a user", size(&alice())),
        ("an owned user", size(&UserPassBuf::from(alice()))),
        ("a check", size(&check)),
    ] {
        println!("accept, {admit}: {size} bytes");
        assert!(size <= 500, "{admit}: {size}");
    }
}

fn size(admit: &impl Admit) -> usize {
    let mut wire = Wire::server(Stutter::default());
    size_of_val(&accept(&mut wire, admit, NO_TIMEOUT)) - size_of::<Sleep>()
}
