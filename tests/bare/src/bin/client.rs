//! A client alone, for its size: it hears constant octets.

#![no_std]
#![no_main]

use core::hint::black_box;

use bare::Said;
use socks5_sansio::client::{Client, Step};
use socks5_sansio::{Domain, Endpoint, Method, MethodOffer, Request, UserPass};

bare::program!(client);

fn client() -> u32 {
    let heard = b"\x05\x02\x01\0\x05\0\0\x01\xC0\0\x02\x01\x12\x34";
    let words = b"\x05\x02\0\x02\x01\x05alice\x06s3cret\x05\x01\0\x03\x0Bexample.com\x01\xBB";
    let Ok(credentials) = UserPass::new("alice", "s3cret") else { return 1 };
    let Ok(domain) = Domain::new("example.com") else { return 1 };
    let request = Request::connect(Endpoint::from((domain, 443)));
    let mut said = Said::nothing();
    let bound = connect(black_box(heard.as_slice()), black_box(&credentials), black_box(&request), &mut said);
    u32::from(bound.map(|bound| bound.port) != Some(0x1234) || said.octets() != black_box(words.as_slice()))
}

/// A whole client, which hears everything at once. Gives the last BND.
fn connect<'i>(
    mut input: &'i [u8],
    credentials: &UserPass<'_>,
    request: &Request<'_>,
    said: &mut Said,
) -> Option<Endpoint<'i>> {
    let (offer, mut client) = Client::new(&MethodOffer::of(&[Method::NONE, Method::USERNAME_PASSWORD]));
    said.say(&offer)?;
    loop {
        let (used, step) = client.read(input).ok()?;
        input = input.get(used..)?;
        let (octets, next) = match step {
            Step::NeedMore(..) | Step::SubNegotiate(_) => return None,
            Step::UserPass(permit) => permit.send(credentials),
            Step::Request(permit) => permit.send(request),
            Step::Reply(_, Some(next)) => {
                client = next;
                continue;
            }
            Step::Reply(reply, None) => return Some(reply.bound),
        };
        said.say(&octets)?;
        client = next;
    }
}
