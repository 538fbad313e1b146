//! A handshake that is interrupted after any number of bytes and resumed: between two calls, all of it is one value. So a
//! future around it can be dropped, as `select!` does, without losing a byte or sending one twice.
//!
//! ```text
//! cargo run --example resume
//! ```

use std::error::Error;
use std::mem::replace;

use socks5_sansio::server::{self, Asked, ReceiveOffer, ReceiveRequest, ReceiveUserPass, Respond};
use socks5_sansio::{Encode, Endpoint, EndpointBuf, Inbox, Polled, ReplyCode, UserPass, client};

struct Handshake {
    state: State,
    /// The input that is not used yet; after the request, the application's.
    inbox: Inbox<Vec<u8>>,
    output: Vec<u8>,
}

#[expect(clippy::large_enum_variant, reason = "there is one")]
enum State {
    Offer(ReceiveOffer),
    UserPass(ReceiveUserPass),
    Request(ReceiveRequest),
    Requested(EndpointBuf, Respond),
    Refused,
}

impl Handshake {
    fn new() -> Self {
        Self { state: State::Offer(ReceiveOffer::new()), inbox: Inbox::new(Vec::new()), output: Vec::new() }
    }

    /// Adds the bytes to the input, and receives every message that is complete.
    fn resume(&mut self, bytes: &[u8]) -> Result<(), Box<dyn Error>> {
        self.inbox.room(bytes.len())?.copy_from_slice(bytes);
        self.inbox.filled(bytes.len());
        while self.step()? {}
        Ok(())
    }

    /// Returns whether a message was received.
    fn step(&mut self) -> Result<bool, server::Error> {
        let (received, next) = match replace(&mut self.state, State::Refused) {
            State::Offer(state) => match self.inbox.poll(state)? {
                Polled::Missing(_, state) => (false, State::Offer(state)),
                Polled::Whole((_, permit)) => match permit.user_pass() {
                    Ok((selection, state)) => (true, send(&mut self.output, &selection, State::UserPass(state))),
                    Err(permit) => (true, send(&mut self.output, &permit.refuse(), State::Refused)),
                },
            },
            State::UserPass(state) => match self.inbox.poll(state)? {
                Polled::Missing(_, state) => (false, State::UserPass(state)),
                Polled::Whole((given, permit)) if given.username() == b"alice" => {
                    let (status, state) = permit.accept();
                    (true, send(&mut self.output, &status, State::Request(state)))
                }
                Polled::Whole((_, permit)) => (true, send(&mut self.output, &permit.reject(), State::Refused)),
            },
            State::Request(state) => match self.inbox.poll(state)? {
                Polled::Missing(_, state) => (false, State::Request(state)),
                Polled::Whole((to, Asked::Connect(permit))) => (true, State::Requested(to.into(), permit)),
                Polled::Whole((_, asked)) => {
                    let reply = asked.refuse(ReplyCode::COMMAND_NOT_SUPPORTED);
                    (true, send(&mut self.output, &reply, State::Refused))
                }
            },
            other @ (State::Requested(..) | State::Refused) => (false, other),
        };
        self.state = next;
        Ok(received)
    }
}

fn send(output: &mut Vec<u8>, message: &impl Encode, next: State) -> State {
    output.extend_from_slice(&message.to_vec());
    next
}

fn main() -> Result<(), Box<dyn Error>> {
    let to = "example.com:80".try_into()?;
    let (flight, _) = client::optimistic(Some(UserPass::new("alice", "s3cret")?), |permit| permit.connect(to));
    let input = [&flight.to_vec(), b"early data".as_slice()].concat();

    for len in 1..=input.len() {
        let mut handshake = Handshake::new();
        for bytes in input.chunks(len) {
            handshake.resume(bytes)?;
        }
        let State::Requested(destination, permit) = handshake.state else { return Err("no request".into()) };
        assert_eq!(destination.to_string(), "example.com:80");
        assert_eq!(handshake.output, [5, 2, 1, 0]);
        assert_eq!(handshake.inbox.unread(), b"early data");
        assert_eq!(permit.succeed(Endpoint::UNSPECIFIED).to_vec(), [5, 0, 0, 1, 0, 0, 0, 0, 0, 0]);
    }
    println!("a handshake in segments of 1 to {} bytes: each byte was used once", input.len());
    Ok(())
}
