//! The floor: the same values by hand, in the fewest steps that safe code allows. It checks nothing: for unexpected input it
//! returns nonsense or panics.
#![allow(dead_code, reason = "not every bench needs all of it")]

use std::net::{Ipv4Addr, Ipv6Addr};

#[derive(Debug, PartialEq)]
pub enum Address<'a> {
    Ipv4(Ipv4Addr),
    Domain(&'a [u8]),
    Ipv6(Ipv6Addr),
}

#[derive(Debug, PartialEq)]
pub struct Endpoint<'a> {
    pub address: Address<'a>,
    pub port: u16,
}

#[derive(Debug, PartialEq)]
pub enum Gssapi<'a> {
    Authentication(&'a [u8]),
    ProtectionLevel(&'a [u8]),
    Encapsulated(&'a [u8]),
    Abort,
}

/// A request, a reply or a UDP header: CMD, REP or FRAG, and an endpoint.
#[derive(Debug, PartialEq)]
pub struct Addressed<'a> {
    pub byte: u8,
    pub endpoint: Endpoint<'a>,
}

#[inline(always)]
pub fn offer(input: &[u8]) -> (&[u8], usize) {
    let end = 2 + usize::from(input[1]);
    (&input[2..end], end)
}

// Whether the message is whole.

#[inline(always)]
pub fn has_offer(input: &[u8]) -> bool {
    input.len() >= 2 && input.len() >= 2 + usize::from(input[1])
}

#[inline(always)]
pub fn has_answer(input: &[u8]) -> bool {
    input.len() >= 2
}

#[inline(always)]
pub fn has_user_pass(input: &[u8]) -> bool {
    input.len() >= 3 && {
        let username_end = 2 + usize::from(input[1]);
        input.len() > username_end && input.len() > username_end + usize::from(input[username_end])
    }
}

#[inline(always)]
pub fn has_request(input: &[u8]) -> bool {
    input.len() >= 8
        && match input[3] {
            1 => input.len() >= 10,
            3 => input.len() >= 7 + usize::from(input[4]),
            _ => input.len() >= 22,
        }
}

/// A selection, or a status.
#[inline(always)]
pub fn answer(input: &[u8]) -> (u8, usize) {
    (input[1], 2)
}

#[inline(always)]
pub fn user_pass(input: &[u8]) -> ((&[u8], &[u8]), usize) {
    let username_end = 2 + usize::from(input[1]);
    let end = username_end + 1 + usize::from(input[username_end]);
    ((&input[2..username_end], &input[username_end + 1..end]), end)
}

#[inline(always)]
pub fn gssapi(input: &[u8]) -> (Gssapi<'_>, usize) {
    if input[1] == 0xFF {
        return (Gssapi::Abort, 2);
    }
    let &[_, kind, high, low] = input.first_chunk().unwrap();
    let end = 4 + usize::from(u16::from_be_bytes([high, low]));
    let token = &input[4..end];
    match kind {
        1 => (Gssapi::Authentication(token), end),
        2 => (Gssapi::ProtectionLevel(token), end),
        _ => (Gssapi::Encapsulated(token), end),
    }
}

#[inline(always)]
pub fn request(input: &[u8]) -> (Addressed<'_>, usize) {
    let (endpoint, end) = endpoint(input);
    (Addressed { byte: input[1], endpoint }, end)
}

#[inline(always)]
pub fn datagram(input: &[u8]) -> (Addressed<'_>, &[u8]) {
    let (endpoint, end) = endpoint(input);
    (Addressed { byte: input[2], endpoint }, &input[end..])
}

/// ATYP is the fourth byte, in all the messages that have one.
#[inline(always)]
fn endpoint(input: &[u8]) -> (Endpoint<'_>, usize) {
    match input[3] {
        1 => {
            let &[_, _, _, _, a, b, c, d, high, low] = input.first_chunk().unwrap();
            (Endpoint { address: Address::Ipv4(Ipv4Addr::new(a, b, c, d)), port: u16::from_be_bytes([high, low]) }, 10)
        }
        3 => {
            let end = 5 + usize::from(input[4]);
            let port = u16::from_be_bytes([input[end], input[end + 1]]);
            (Endpoint { address: Address::Domain(&input[5..end]), port }, end + 2)
        }
        _ => {
            let bytes: &[u8; 22] = input.first_chunk().unwrap();
            let ip: [u8; 16] = bytes[4..20].try_into().unwrap();
            (Endpoint { address: Address::Ipv6(ip.into()), port: u16::from_be_bytes([bytes[20], bytes[21]]) }, 22)
        }
    }
}

#[inline(always)]
pub fn encode_offer(methods: &[u8], out: &mut [u8]) -> usize {
    let end = 2 + methods.len();
    out[..2].copy_from_slice(&[5, methods.len() as u8]);
    out[2..end].copy_from_slice(methods);
    end
}

#[inline(always)]
pub fn encode_answer(version: u8, byte: u8, out: &mut [u8]) -> usize {
    out[..2].copy_from_slice(&[version, byte]);
    2
}

#[inline(always)]
pub fn encode_user_pass((username, password): (&[u8], &[u8]), out: &mut [u8]) -> usize {
    let username_end = 2 + username.len();
    let end = username_end + 1 + password.len();
    out[..2].copy_from_slice(&[1, username.len() as u8]);
    out[2..username_end].copy_from_slice(username);
    out[username_end] = password.len() as u8;
    out[username_end + 1..end].copy_from_slice(password);
    end
}

#[inline(always)]
pub fn encode_gssapi(message: &Gssapi<'_>, out: &mut [u8]) -> usize {
    let (kind, token) = match *message {
        Gssapi::Authentication(token) => (1, token),
        Gssapi::ProtectionLevel(token) => (2, token),
        Gssapi::Encapsulated(token) => (3, token),
        Gssapi::Abort => {
            out[..2].copy_from_slice(&[1, 0xFF]);
            return 2;
        }
    };
    let end = 4 + token.len();
    let [high, low] = (token.len() as u16).to_be_bytes();
    out[..4].copy_from_slice(&[1, kind, high, low]);
    out[4..end].copy_from_slice(token);
    end
}

/// A request, a reply or a UDP header: three bytes and the endpoint.
#[inline(always)]
pub fn encode(head: [u8; 3], endpoint: &Endpoint<'_>, out: &mut [u8]) -> usize {
    let [first, second, third] = head;
    let [high, low] = endpoint.port.to_be_bytes();
    match endpoint.address {
        Address::Ipv4(ip) => {
            let [a, b, c, d] = ip.octets();
            out[..10].copy_from_slice(&[first, second, third, 1, a, b, c, d, high, low]);
            10
        }
        Address::Domain(name) => {
            let end = 5 + name.len();
            out[..5].copy_from_slice(&[first, second, third, 3, name.len() as u8]);
            out[5..end].copy_from_slice(name);
            out[end..end + 2].copy_from_slice(&[high, low]);
            end + 2
        }
        Address::Ipv6(ip) => {
            let out: &mut [u8; 22] = out.first_chunk_mut().unwrap();
            out[..4].copy_from_slice(&[first, second, third, 4]);
            out[4..20].copy_from_slice(&ip.octets());
            out[20..].copy_from_slice(&[high, low]);
            22
        }
    }
}

/// Puts a header in front of what follows the headroom. Returns where the header begins.
#[inline(always)]
pub fn prepend(endpoint: &Endpoint<'_>, headroom: &mut [u8]) -> usize {
    let len = match endpoint.address {
        Address::Ipv4(_) => 10,
        Address::Domain(name) => 7 + name.len(),
        Address::Ipv6(_) => 22,
    };
    let start = headroom.len() - len;
    encode([0, 0, 0], endpoint, &mut headroom[start..]);
    start
}

/// Copies the segments, with a header in front of each. Returns how much was written.
#[inline(always)]
pub fn prepend_each(endpoint: &Endpoint<'_>, data: &[u8], segment: usize, out: &mut [u8]) -> usize {
    let mut end = 0;
    for data in data.chunks(segment) {
        end += encode([0, 0, 0], endpoint, &mut out[end..]);
        out[end..end + data.len()].copy_from_slice(data);
        end += data.len();
    }
    end
}

/// How many datagrams from the front on have the header of the first, and how much data is in them.
#[inline(always)]
pub fn run(datagrams: &[u8], stride: usize) -> (usize, usize) {
    let (_, data) = datagram(&datagrams[..stride]);
    let header = &datagrams[..stride - data.len()];
    let same = datagrams.chunks(stride).take_while(|datagram| datagram.starts_with(header));
    same.fold((0, 0), |(count, len), datagram| (count + 1, len + datagram.len() - header.len()))
}
