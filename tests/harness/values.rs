//! Values of any length: every value that exists can be encoded, and is decoded to the same.

use socks5_sansio::{
    Command, Decode, Domain, Endpoint, EndpointBuf, Fragment, GssapiMessage, GssapiToken, Method, MethodOffer,
    MethodSelection, Reply, ReplyCode, Request, UdpHeader, UserPass, UserPassBuf, UserPassStatus, ValueError,
};

use super::choices::Choices;
use super::decoders::encoded;

/// Returns the bytes of a message, from which it is decoded. The bytes after them make no difference.
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
    match choices.byte() % 5 {
        0 => offer(&mut choices),
        1 => credentials(&mut choices),
        2 => token(&mut choices),
        3 => name(&mut choices),
        _ => anywhere(choices.place().endpoint(), choices.byte()),
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
    let (name, port) = (choices.string(600), choices.port());
    match Domain::new(&name) {
        Ok(domain) => {
            assert_eq!(domain.as_bytes(), name);
            anywhere((domain, port).into(), choices.byte());
        }
        Err(error) => assert!(!(1..=255).contains(&name.len()) && error == ValueError::Domain(name.len())),
    }
}

/// In a request, in a reply, in a header, alone, and with other messages.
fn anywhere(endpoint: Endpoint<'_>, byte: u8) {
    let alone = round_trip!(Endpoint, endpoint);
    assert_eq!(EndpointBuf::from(endpoint).as_endpoint(), endpoint);
    let request = Request { command: Command(byte), destination: endpoint };
    assert_eq!(round_trip!(Request, request), [&[5, byte, 0], &*alone].concat());
    let reply = Reply { code: ReplyCode(byte), bound: endpoint };
    assert_eq!(round_trip!(Reply, reply), [&[5, byte, 0], &*alone].concat());
    let header = UdpHeader { fragment: Fragment(byte), endpoint };
    assert_eq!(UdpHeader::split(&encoded(&header)), Ok((header, [].as_slice())));
    assert_eq!(encoded(&header), [&[0, 0, byte], &*alone].concat());
    assert_eq!(round_trip!(MethodSelection, MethodSelection { method: Method(byte) }), [5, byte]);
    assert_eq!(round_trip!(UserPassStatus, UserPassStatus(byte)), [1, byte]);
    together(request, reply, &alone);
}

/// Messages in one write are those messages, one after another.
fn together(request: Request<'_>, reply: Reply<'_>, bytes: &[u8]) {
    let (first, second) = (encoded(&request), encoded(&reply));
    assert_eq!(encoded(bytes), bytes);
    assert_eq!(encoded(&(request, reply)), [&*first, &second].concat());
    assert_eq!(encoded(&(request, None::<Reply<'_>>, reply)), [&*first, &second].concat());
    assert_eq!(encoded(&(Some(request), reply, request)), [&*first, &second, &first].concat());
}
