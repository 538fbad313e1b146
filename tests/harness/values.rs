//! Values of any length: one that is not too long can be encoded, and decodes to an equal value.

use socks5_sansio::{
    Decode, Domain, GssapiMessage, GssapiToken, Method, MethodOffer, UserPass, UserPassBuf, ValueError,
};

use super::choices::Choices;
use super::decoders::encoded;

/// Encodes a message, decodes it again, with other bytes after it, and returns the bytes.
macro_rules! round_trip {
    ($Message:ident, $message:expr) => {{
        let bytes = encoded(&$message);
        assert_eq!($Message::decode(&[&*bytes, b"after"].concat()), Ok(($message, bytes.len())));
        bytes
    }};
}

/// A message of chosen parts, some of which may be too long.
pub fn values(bytes: &[u8]) {
    let mut choices = Choices::new(bytes);
    match choices.byte() % 4 {
        0 => offer(&mut choices),
        1 => credentials(&mut choices),
        2 => token(&mut choices),
        _ => name(&mut choices),
    }
}

fn offer(choices: &mut Choices<'_>) {
    let methods = choices.string(600);
    match MethodOffer::new(&methods) {
        Ok(offer) => {
            assert!(offer.methods().map(u8::from).eq(methods.iter().copied()));
            assert_eq!(round_trip!(MethodOffer, offer), [&[5, methods.len().try_into().unwrap()], &*methods].concat());
            (0..=255).for_each(|it| assert_eq!(offer.contains(Method(it)), methods.contains(&it)));
        }
        Err(error) => assert!(methods.len() > 255 && error == ValueError::Methods(methods.len())),
    }
}

fn credentials(choices: &mut Choices<'_>) {
    let (username, password) = (choices.string(600), choices.string(600));
    let owned = UserPassBuf::new(&username, &password);
    match UserPass::new(&username, &password) {
        Ok(credentials) => {
            assert_eq!((credentials.username(), credentials.password()), (&*username, &*password));
            assert_eq!(owned.map(|owned| owned.as_user_pass() == credentials), Ok(true));
            assert_eq!(round_trip!(UserPass, credentials).len(), 3 + username.len() + password.len());
            verifies_as_equal_bytes(&credentials, choices);
        }
        Err(error) => {
            assert_eq!(owned, Err(error));
            let too_long = if username.len() > 255 {
                ValueError::Username(username.len())
            } else {
                ValueError::Password(password.len())
            };
            assert!(error == too_long && username.len().max(password.len()) > 255);
        }
    }
}

fn verifies_as_equal_bytes(given: &UserPass<'_>, choices: &mut Choices<'_>) {
    let (username, password) = (choices.like(given.username()), choices.like(given.password()));
    let expected = UserPass::new(&username, &password).unwrap();
    let equal = (given.username(), given.password()) == (&*username, &*password);
    assert_eq!((given.verify(&expected), expected.verify(given), *given == expected), (equal, equal, equal));
    assert_eq!(UserPassBuf::from(*given) == UserPassBuf::from(expected), equal);
}

fn token(choices: &mut Choices<'_>) {
    let bytes = choices.string(70_000);
    let Ok(token) = GssapiToken::new(&bytes) else { return assert!(bytes.len() > 65_535) };
    assert!(bytes.len() <= 65_535 && token.as_bytes() == bytes);
    for message in [GssapiMessage::Authentication, GssapiMessage::ProtectionLevel, GssapiMessage::Encapsulated] {
        assert_eq!(round_trip!(GssapiMessage, message(token)).len(), 4 + bytes.len());
    }
}

fn name(choices: &mut Choices<'_>) {
    let name = choices.string(600);
    match Domain::new(&name) {
        Ok(domain) => assert_eq!(domain.as_bytes(), name),
        Err(error) => assert!(!(1..=255).contains(&name.len()) && error == ValueError::Domain(name.len())),
    }
}
