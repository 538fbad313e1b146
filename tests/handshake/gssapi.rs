//! GSSAPI's sub-negotiation. The mechanism of these tests protects nothing: it wraps by inverting every bit.

use socks5_sansio::server::{Asked, ReceiveOffer};
use socks5_sansio::{
    Encode, Endpoint, GssapiMessage, GssapiToken, Method, MethodOffer, ProtectionLevel, Receive, UdpHeader, client,
    gssapi,
};

use crate::harness::states::agree;
use crate::harness::{plan::Plan, transport::Delivery};
use crate::states::{
    TOKEN, answer_token, client_level, client_token, continue_context, initiate, receive_request, send_request,
    server_level, server_token,
};

fn token(bytes: &[u8]) -> GssapiToken<'_> {
    GssapiToken::new(bytes).unwrap()
}

fn wrap(clear: &[u8]) -> Vec<u8> {
    clear.iter().map(|byte| !byte).collect()
}

/// Wrapped, in frames of `size` bytes, which need not end where a message ends.
pub(crate) fn wrapped(clear: &[u8], size: usize) -> Vec<u8> {
    clear.chunks(size).flat_map(|piece| GssapiMessage::Encapsulated(token(&wrap(piece))).to_vec()).collect()
}

pub(crate) fn unwrapped(mut frames: &[u8]) -> Vec<u8> {
    use socks5_sansio::Decode;
    let mut clear = vec![];
    while !frames.is_empty() {
        let (GssapiMessage::Encapsulated(token), used) = GssapiMessage::decode(frames).unwrap() else {
            panic!("{frames:02X?} are not encapsulated")
        };
        clear.extend(wrap(token.as_bytes()));
        frames = &frames[used..];
    }
    clear
}

#[test]
fn rfc1961_s3_tokens_are_exchanged_until_both_contexts_are_established() {
    for rounds in 0..4 {
        for answer in [b"".as_slice(), b"token"] {
            for delivery in [Delivery::Whole, Delivery::BYTES, Delivery::EXACT] {
                agree(&Plan::by(1).with_frames(&[b't'; 300], answer, rounds), delivery, delivery);
            }
        }
    }
}

#[test]
fn rfc1961_s4_the_server_chooses_one_of_three_levels() {
    for level in [ProtectionLevel::INTEGRITY, ProtectionLevel::CONFIDENTIALITY, ProtectionLevel::SELECTIVE] {
        let wrapped = wrap(&[level.0]);
        let (message, client) = continue_context().offer_level(token(&wrapped));
        let ((offered, permit), _) = server_level()
            .receive(&message.to_vec())
            .map(|(received, used)| ((wrap(received.0.as_bytes()), received.1), used))
            .unwrap();
        assert_eq!(offered, [level.0]);
        let (message, _request) = permit.choose(token(&wrapped));
        let answer = message.to_vec();
        let ((chosen, permit), _) = client.receive(&answer).unwrap();
        assert_eq!(wrap(chosen.as_bytes()), [level.0]);
        let _ = permit.agree();
    }
}

#[test]
fn rfc1928_s4_what_follows_an_encapsulating_method_is_encapsulated() {
    for size in 1..=12 {
        let (request, client) = send_request().connect(Endpoint::UNSPECIFIED);
        let clear = unwrapped(&wrapped(&[request.to_vec(), b"early".to_vec()].concat(), size));
        let ((_, asked), used) = receive_request().receive(&clear).unwrap();
        assert_eq!(&clear[used..], b"early");
        let Asked::Connect(permit) = asked else { panic!("{asked:?}") };
        let reply = permit.succeed(Endpoint::UNSPECIFIED);
        let clear = unwrapped(&wrapped(&[reply.to_vec(), b"data".to_vec()].concat(), size));
        let (bound, used) = client.receive(&clear).unwrap();
        assert_eq!((bound, &clear[used..]), (Endpoint::UNSPECIFIED, b"data".as_slice()));
    }
}

#[test]
fn rfc1961_s5_datagrams_are_wrapped_whole() {
    let header = UdpHeader::new(Endpoint::UNSPECIFIED);
    let datagram = [header.to_vec(), b"data".to_vec()].concat();
    let clear = unwrapped(&wrapped(&datagram, datagram.len()));
    assert_eq!(UdpHeader::split(&clear), Ok((header, b"data".as_slice())));
}

#[test]
fn receives_and_sends_the_longest_token() {
    let longest = vec![0xDD; 65_535];
    let bytes = GssapiMessage::Authentication(token(&longest)).to_vec();
    assert_eq!(server_token().missing(&bytes[..4]).map(usize::from), Some(65_535));
    let ((given, permit), used) = server_token().receive(&bytes).unwrap();
    assert_eq!((used, given), (65_539, token(&longest)));
    assert_eq!(permit.more(given).0.to_vec(), bytes);
    let ((given, permit), used) = client_token().receive(&bytes).unwrap();
    assert_eq!((used, given), (65_539, token(&longest)));
    assert_eq!(permit.more(given).0.to_vec(), bytes);
}

#[test]
fn other_methods_do_not_begin_gssapi() {
    let (_, state) = client::offer(MethodOffer::of(&[0x80]));
    let (client::SelectedMethod::SubNegotiate(negotiation), _) = state.receive(&[5, 0x80]).unwrap() else {
        panic!("a private method is selected")
    };
    assert_eq!(negotiation.gssapi().unwrap_err().method(), Method(0x80));
    let ((_, permit), _) = ReceiveOffer::new().receive(&[5, 1, 0x80]).unwrap();
    assert_eq!(permit.gssapi().unwrap_err().refuse().to_vec(), [5, 0xFF]);
}

#[test]
fn rfc1961_s3_8_either_side_can_abort_at_every_move() {
    const ABORT: &[u8] = &[1, 0xFF];
    let level = GssapiMessage::ProtectionLevel(TOKEN).to_vec();
    let ((_, agree), _) = client_level().receive(&level).unwrap();
    let ((_, choose), _) = server_level().receive(&level).unwrap();
    let aborts =
        [initiate().abort(), continue_context().abort(), agree.abort(), answer_token().abort(), choose.abort()];
    for abort in aborts {
        assert_eq!(abort.to_vec(), ABORT);
    }
    let aborted = gssapi::Error::Aborted;
    assert_eq!(client_token().receive(ABORT).unwrap_err(), aborted);
    assert_eq!(server_token().receive(ABORT).unwrap_err(), aborted);
    assert_eq!(client_level().receive(ABORT).unwrap_err(), aborted);
    assert_eq!(server_level().receive(ABORT).unwrap_err(), aborted);
}
