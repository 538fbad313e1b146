//! Values of any length: what exists can be encoded, and is the same on the other side.

use core::fmt::Debug;

use socks5_sansio::{
    Command, Domain, Endpoint, Fragment, GssapiMessage, GssapiToken, Message, Method, MethodOffer, Reply, ReplyCode,
    Request, UdpHeader, UserPass, ValueError,
};

use super::choices::Choices;

/// A message of chosen parts, of which some may be too long.
pub fn values(octets: &[u8]) {
    let mut choices = Choices::new(octets);
    match choices.octet() % 5 {
        0 => offer(&mut choices),
        1 => credentials(&mut choices),
        2 => token(&mut choices),
        3 => name(&mut choices),
        _ => anywhere(&choices.place().endpoint(), choices.octet()),
    }
}

fn offer(choices: &mut Choices<'_>) {
    let methods: Vec<_> = choices.string(600).into_iter().map(Method).collect();
    match MethodOffer::new(&methods) {
        Ok(offer) => {
            assert!(methods.len() <= 255 && offer.methods().eq(methods.iter().copied()));
            let octets = there(&offer, 2 + methods.len());
            assert_eq!(MethodOffer::decode(&octets), Ok((offer, octets.len())));
            (0..=255).map(Method).for_each(|it| assert_eq!(offer.contains(it), methods.contains(&it)));
        }
        Err(error) => assert!(methods.len() > 255 && error == ValueError::Methods(methods.len())),
    }
}

fn credentials(choices: &mut Choices<'_>) {
    let (username, password) = (choices.string(600), choices.string(600));
    match UserPass::new(&username, &password) {
        Ok(credentials) => {
            assert!(username.len() <= 255 && password.len() <= 255);
            let octets = there(&credentials, 3 + username.len() + password.len());
            let (decoded, used) = UserPass::decode(&octets).expect("was encoded");
            assert_eq!((decoded.username(), decoded.password(), used), (&*username, &*password, octets.len()));
            is_verified_octet_by_octet(&decoded, (&username, &password), choices);
        }
        Err(ValueError::Username(len)) => assert!(len > 255 && len == username.len()),
        Err(ValueError::Password(len)) => assert!(len > 255 && len == password.len()),
        Err(other) => panic!("{other}"),
    }
}

fn is_verified_octet_by_octet(ours: &UserPass<'_>, said: (&[u8], &[u8]), choices: &mut Choices<'_>) {
    let (username, password) = (choices.like(said.0), choices.like(said.1));
    let theirs = UserPass::new(&username, &password).expect("at most 255 octets each");
    let equal = said == (&username, &password);
    assert_eq!((ours.verify(&theirs), theirs.verify(ours), *ours == theirs), (equal, equal, equal));
}

fn token(choices: &mut Choices<'_>) {
    let octets = choices.string(70_000);
    let Ok(token) = GssapiToken::new(&octets) else { return assert!(octets.len() > 65_535) };
    assert!(octets.len() <= 65_535 && token.as_bytes() == octets);
    for kind in [GssapiMessage::Authentication, GssapiMessage::ProtectionLevel, GssapiMessage::Encapsulated] {
        let octets = there(&kind(token), 4 + octets.len());
        assert_eq!(GssapiMessage::decode(&octets), Ok((kind(token), octets.len())));
    }
}

fn name(choices: &mut Choices<'_>) {
    let (name, port) = (choices.string(600), choices.port());
    match Domain::new(&name) {
        Ok(domain) => {
            assert!((1..=255).contains(&name.len()) && domain.as_bytes() == name);
            anywhere(&Endpoint::from((domain, port)), choices.octet());
        }
        Err(error) => assert!(!(1..=255).contains(&name.len()) && error == ValueError::Domain(name.len())),
    }
}

/// In a request, in a reply, in a header, and alone.
fn anywhere(endpoint: &Endpoint<'_>, octet: u8) {
    let len = endpoint.encoded_len();
    let octets = there(endpoint, len);
    assert_eq!(Endpoint::decode(&octets), Ok((*endpoint, len)));
    let request = Request { command: Command(octet), destination: *endpoint };
    let octets = there(&request, 3 + len);
    assert_eq!(Request::decode(&octets), Ok((request, 3 + len)));
    let reply = Reply { code: ReplyCode(octet), bound: *endpoint };
    let octets = there(&reply, 3 + len);
    assert_eq!(Reply::decode(&octets), Ok((reply, 3 + len)));
    let header = UdpHeader { fragment: Fragment(octet), endpoint: *endpoint };
    let octets = there(&header, 3 + len);
    assert_eq!(UdpHeader::split(&octets), Ok((header, [].as_slice())));
}

/// The octets of a message, which is so long.
fn there<'a>(message: &(impl Message<'a> + Debug), len: usize) -> Vec<u8> {
    let mut octets = vec![0; len];
    assert_eq!((message.encoded_len(), message.encode(&mut octets)), (len, Ok(len)));
    octets
}
