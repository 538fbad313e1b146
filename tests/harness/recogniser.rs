//! What must happen to a side that has the whole input at once, by the figures of RFC 1928, RFC 1929, RFC 1961 and the SOCKS4 and
//! 4A notes. Shares the names of the errors with the crate, and no code.

use core::mem;
use core::net::{IpAddr, Ipv6Addr};
use core::str;

use socks5_sansio::socks4::{self, RequestError};
use socks5_sansio::{Invalid, Method, ReplyCode, UserPassStatus, client, gssapi, server};

use super::applications::{End, Event};
use super::plan::{Accepts, BIND, Opening, Plan, UNSPECIFIED};

const ABORT: &[u8] = b"\x01\xFF";
const REJECTED: &[u8] = b"\x00\x5B\x00\x00\x00\x00\x00\x00";

/// What must happen to one side.
#[derive(Debug)]
pub struct Expected {
    pub events: Vec<Event>,
    pub sent: Vec<u8>,
    pub end: End,
    /// The length of all messages that were received.
    pub used: usize,
    /// The number of bytes that make the end certain.
    pub certain: usize,
    /// The bits of the decisions that were read.
    pub decisions: u8,
    /// Pairs of lengths: once the first has arrived, the message that is due ends at the second or later.
    earliest_ends: Vec<(usize, usize)>,
}

impl Expected {
    /// The number of missing bytes when this many have arrived.
    pub fn missing(&self, arrived: usize) -> Option<usize> {
        let (_, end) = self.earliest_ends.iter().rfind(|(from, _)| *from <= arrived)?;
        end.checked_sub(arrived).filter(|missing| *missing > 0)
    }
}

/// What must happen to a server.
pub fn serve(plan: &Plan, input: &[u8]) -> Expected {
    let mut side = Side::new(plan, input);
    let end = side.serve();
    side.finish(end, &plan.data.1)
}

/// What must happen to a client.
pub fn connect(plan: &Plan, input: &[u8]) -> Expected {
    let mut side = Side::new(plan, input);
    let end = side.connect();
    let data: &[u8] = if matches!(plan.opening(), Opening::Optimistic { .. }) { b"" } else { &plan.data.0 };
    side.finish(end, data)
}

/// Why a message cannot be received.
enum Fault {
    /// The stream ends before the message.
    Closed,
    /// The stream ends in the message.
    Truncated,
    Malformed(Invalid),
}

type Read<T> = Result<T, Fault>;

struct Side<'a> {
    plan: &'a Plan,
    input: &'a [u8],
    /// Where the message that is being read begins.
    start: usize,
    at: usize,
    used: usize,
    /// Whether the next octet was read without being consumed.
    peeked: bool,
    earliest_ends: Vec<(usize, usize)>,
    events: Vec<Event>,
    sent: Vec<u8>,
}

impl<'a> Side<'a> {
    fn new(plan: &'a Plan, input: &'a [u8]) -> Self {
        Self {
            plan,
            input,
            start: 0,
            at: 0,
            used: 0,
            peeked: false,
            earliest_ends: vec![],
            events: vec![],
            sent: vec![],
        }
    }

    fn finish(mut self, result: Result<(), End>, data: &[u8]) -> Expected {
        let end = result.map_or_else(|end| end, |()| End::Open);
        if end == End::Open {
            self.send(data);
        }
        let certain = if end.is_early() { self.input.len() } else { self.at };
        Expected {
            events: self.events,
            sent: self.sent,
            end,
            used: self.used,
            certain,
            decisions: self.plan.decisions_read(),
            earliest_ends: self.earliest_ends,
        }
    }

    fn send(&mut self, bytes: &[u8]) {
        self.sent.extend(bytes);
    }

    /// The message that was just read is complete.
    fn received(&mut self, event: Event) {
        self.events.push(event);
        self.used = self.at;
    }
}

/// The figures.
impl<'a> Side<'a> {
    /// A field that is followed by at least `after` more bytes of its message.
    fn field(&mut self, len: usize, after: usize) -> Read<&'a [u8]> {
        let from = self.at + usize::from(mem::take(&mut self.peeked));
        self.earliest_ends.push((from, self.at + len + after));
        match self.input.get(self.at..self.at + len) {
            Some(field) => {
                self.at += len;
                Ok(field)
            }
            None if self.input.len() == self.start => Err(Fault::Closed),
            None => Err(Fault::Truncated),
        }
    }

    fn octet(&mut self, after: usize) -> Read<u8> {
        self.field(1, after).map(|field| field[0])
    }

    /// A length octet, and that many octets.
    fn short(&mut self, after: usize) -> Read<&'a [u8]> {
        let len = self.octet(after)?;
        self.field(len.into(), after)
    }

    fn version(&mut self, versions: &[u8], invalid: fn(u8) -> Invalid, after: usize) -> Read<()> {
        self.start = self.at;
        let version = self.octet(after)?;
        if versions.contains(&version) { Ok(()) } else { Err(Fault::Malformed(invalid(version))) }
    }

    /// RFC 1928 section 3: VER NMETHODS METHODS
    fn offer(&mut self) -> Read<&'a [u8]> {
        self.version(&[5], Invalid::Version, 1)?;
        self.short(0)
    }

    /// RFC 1928 section 3: VER METHOD
    fn selection(&mut self) -> Read<u8> {
        self.version(&[5], Invalid::Version, 1)?;
        self.octet(0)
    }

    /// RFC 1929 section 2: VER ULEN UNAME PLEN PASSWD
    fn user_pass(&mut self) -> Read<(&'a [u8], &'a [u8])> {
        self.version(&[1], Invalid::UserPassVersion, 2)?;
        Ok((self.short(1)?, self.short(0)?))
    }

    /// RFC 1929 section 2: VER STATUS. Some servers send version 05.
    fn status(&mut self) -> Read<u8> {
        self.version(&[1, 5], Invalid::UserPassVersion, 1)?;
        self.octet(0)
    }

    /// RFC 1928 section 4: VER CMD RSV ATYP DST.ADDR DST.PORT
    fn request(&mut self) -> Read<(u8, Vec<u8>)> {
        self.version(&[5], Invalid::Version, 6)?;
        let cmd = self.octet(5)?;
        let _rsv = self.octet(4)?;
        match self.address()? {
            [3, 0, ..] => Err(Fault::Malformed(Invalid::EmptyDomain)),
            address => Ok((cmd, [address, self.field(2, 0)?].concat())),
        }
    }

    /// RFC 1928 section 6: VER REP RSV ATYP BND.ADDR BND.PORT. A failure may end after REP. An empty name stands for 0.0.0.0.
    fn reply(&mut self) -> Read<Result<Vec<u8>, u8>> {
        self.version(&[5], Invalid::Version, 1)?;
        match self.octet(0)? {
            0 => {}
            rep => return Ok(Err(rep)),
        }
        let _rsv = self.octet(4)?;
        let address = match self.address()? {
            [3, 0] => &UNSPECIFIED[..5],
            address => address,
        };
        Ok(Ok([address, self.field(2, 0)?].concat()))
    }

    /// RFC 1928 section 5: ATYP and address
    fn address(&mut self) -> Read<&'a [u8]> {
        let start = self.at;
        match self.octet(3)? {
            1 => self.field(4, 2)?,
            // in a request, an empty name is malformed before its port arrives
            3 => self.short(2)?,
            4 => self.field(16, 2)?,
            other => return Err(Fault::Malformed(Invalid::AddressType(other))),
        };
        Ok(&self.input[start..self.at])
    }

    /// The first octet alone, of either protocol
    fn protocol(&mut self) -> Result<u8, End> {
        self.earliest_ends.push((0, 1));
        match self.input.first() {
            None => Err(End::Server(server::Error::Silent)),
            Some(4 | 5) => {
                self.peeked = true;
                Ok(self.input[0])
            }
            Some(other) => {
                self.at = 1;
                Err(End::Server(server::Error::Offer(Invalid::Version(*other))))
            }
        }
    }

    /// SOCKS4: VN CD DSTPORT DSTIP USERID 00; in 4A, if DSTIP is 0.0.0.x, then NAME 00
    fn socks4_request(&mut self) -> Read<(u8, &'a [u8], Vec<u8>)> {
        self.version(&[4], Invalid::Socks4Version, 8)?;
        let cd = self.octet(7)?;
        let port = self.field(2, 5)?;
        let ip = self.field(4, 1)?;
        if !matches!(ip, [0, 0, 0, 1..=255]) {
            return Ok((cd, self.terminated(Invalid::UserIdTooLong, 0)?, [&[1], ip, port].concat()));
        }
        let user_id = self.terminated(Invalid::UserIdTooLong, 1)?;
        match self.terminated(Invalid::DomainTooLong, 0)? {
            [] => Err(Fault::Malformed(Invalid::EmptyDomain)),
            name => Ok((cd, user_id, [&[3, name.len() as u8], name, port].concat())),
        }
    }

    /// At most 255 octets and a NUL
    fn terminated(&mut self, too_long: Invalid, after: usize) -> Read<&'a [u8]> {
        let start = self.at;
        for len in 0..=255 {
            if self.octet(after)? == 0 {
                return Ok(&self.input[start..start + len]);
            }
        }
        Err(Fault::Malformed(too_long))
    }

    /// SOCKS4: VN CD DSTPORT DSTIP. A failure may end after CD. Some servers send 04 as VN.
    fn socks4_reply(&mut self) -> Read<Result<Vec<u8>, u8>> {
        self.version(&[0, 4], Invalid::Socks4Version, 1)?;
        match self.octet(0)? {
            0x5A => {}
            cd => return Ok(Err(cd)),
        }
        let port = self.field(2, 4)?;
        Ok(Ok([&[1], self.field(4, 0)?, port].concat()))
    }

    /// RFC 1961 section 3: VER MTYP LEN TOKEN, and VER FF, an abort
    fn frame(&mut self, due: u8) -> Result<Vec<u8>, End> {
        let (mtyp, token) = self
            .gssapi()
            .map_err(|fault| match fault {
                Fault::Closed => gssapi::Error::Closed,
                Fault::Truncated => gssapi::Error::Truncated,
                Fault::Malformed(invalid) => gssapi::Error::Invalid(invalid),
            })
            .map_err(|error| self.abort(error))?;
        match mtyp {
            0xFF => Err(End::Gssapi(gssapi::Error::Aborted)),
            mtyp if mtyp == due => Ok(token.to_vec()),
            mtyp => Err(self.abort(gssapi::Error::OutOfOrder(mtyp))),
        }
    }

    fn gssapi(&mut self) -> Read<(u8, &'a [u8])> {
        self.version(&[1], Invalid::GssapiVersion, 1)?;
        match self.octet(0)? {
            0xFF => Ok((0xFF, b"")),
            mtyp @ 1..=3 => {
                let high = usize::from(self.octet(1)?) << 8;
                let len = high | usize::from(self.octet(high)?);
                Ok((mtyp, self.field(len, 0)?))
            }
            other => Err(Fault::Malformed(Invalid::GssapiMessageType(other))),
        }
    }

    fn abort(&mut self, error: gssapi::Error) -> End {
        if !End::Gssapi(error).is_early() {
            self.send(ABORT);
        }
        End::Gssapi(error)
    }

    /// A message that the application defines, of this length in bytes.
    fn custom(&mut self, len: usize) -> Result<Vec<u8>, End> {
        self.earliest_ends.push((self.at, 0)); // no state waits for it: nothing is reported as missing
        let custom = self.input[self.at..].get(..len).ok_or(End::Left)?;
        self.at += len;
        Ok(custom.to_vec())
    }
}

/// The messages of the server, in order.
impl Side<'_> {
    fn serve(&mut self) -> Result<(), End> {
        if self.plan.either && self.protocol()? == 4 {
            return self.serve_socks4();
        }
        let offer = self.offer().map_err(|fault| match fault {
            Fault::Closed => End::Server(server::Error::Silent),
            fault => server_end(fault, server::Error::Offer),
        })?;
        self.received(Event::Offer(offer.to_vec()));
        // section 3: the server selects one of the methods given; FF is none
        let selected = self.plan.preference().iter().find(|method| **method != 0xFF && offer.contains(method));
        let method = selected.copied().unwrap_or(0xFF);
        self.send(&[5, method]);
        match method {
            0xFF => return Err(End::Refused),
            0 => {}
            1 => self.accept_tokens()?,
            2 => self.verify()?,
            _ => self.answer_frame()?,
        }
        self.answer_request()
    }

    fn verify(&mut self) -> Result<(), End> {
        let (username, password) = self.user_pass().map_err(|fault| {
            self.refuse_malformed(&fault, b"\x01\x01");
            server_end(fault, server::Error::UserPass)
        })?;
        self.received(Event::UserPass(username.to_vec(), password.to_vec()));
        let accepted = match self.plan.accepts() {
            Accepts::Only((expected, secret)) => (username, password) == (expected, secret),
            Accepts::All => true,
            Accepts::None => false,
        };
        // RFC 1929 section 2: 00 is success, and after a failure the server closes
        self.send(&[1, u8::from(!accepted)]);
        if accepted { Ok(()) } else { Err(End::Refused) }
    }

    fn accept_tokens(&mut self) -> Result<(), End> {
        let plan = self.plan;
        for _ in 0..=plan.rounds {
            let token = self.frame(1)?;
            self.received(Event::Token(token));
            if matches!(plan.accepts(), Accepts::None) {
                self.send(ABORT);
                return Err(End::Refused);
            }
            self.send(&framed(1, &plan.frames.1));
        }
        let level = self.frame(2)?;
        self.received(Event::Level(level));
        self.send(&framed(2, &plan.frames.1));
        Ok(())
    }

    fn answer_frame(&mut self) -> Result<(), End> {
        let frame = self.custom(self.plan.frames.0.len())?;
        self.received(Event::Frame(frame));
        if matches!(self.plan.accepts(), Accepts::None) {
            return Err(End::Refused);
        }
        self.send(&self.plan.frames.1);
        Ok(())
    }

    fn answer_request(&mut self) -> Result<(), End> {
        let (command, destination) = self.request().map_err(|fault| {
            let rep = if matches!(fault, Fault::Malformed(Invalid::AddressType(_))) { 8 } else { 1 };
            self.refuse_malformed(&fault, &reply(rep, UNSPECIFIED));
            server_end(fault, server::Error::Request)
        })?;
        self.received(Event::Request(command, destination));
        let answer = self.plan.answer();
        let replies = match &answer.listening {
            // section 6: two replies to BIND, unless the first is a failure
            Some(listening) if command == BIND => vec![(0, listening), (answer.code, &answer.bound)],
            None if command == BIND => vec![(answer.code.max(1), &answer.bound)],
            _ => vec![(answer.code, &answer.bound)],
        };
        for (code, bound) in replies {
            self.send(&reply(code, if code == 0 { bound } else { UNSPECIFIED }));
            if code != 0 {
                return Err(End::Refused);
            }
        }
        Ok(())
    }

    fn serve_socks4(&mut self) -> Result<(), End> {
        let (command, user_id, destination) = self.socks4_request().map_err(|fault| {
            self.refuse_malformed(&fault, REJECTED);
            server_end(fault, server::Error::Socks4)
        })?;
        self.received(Event::UserId(user_id.to_vec()));
        self.events.push(Event::Request(command, destination));
        // SOCKS4 has no credentials: it is for servers that require none
        if !self.plan.preference().contains(&0) {
            return self.reject();
        }
        let answer = self.plan.answer();
        if command == BIND {
            match answer.listening.as_deref().and_then(ipv4) {
                Some(listening) => self.send(&granted(listening)),
                None => return self.reject(),
            }
        }
        match answer.code {
            0 => self.send(&granted(ipv4(&answer.bound).unwrap_or_default())),
            _ => return self.reject(),
        }
        Ok(())
    }

    fn reject(&mut self) -> Result<(), End> {
        self.send(REJECTED);
        Err(End::Refused)
    }

    fn refuse_malformed(&mut self, fault: &Fault, reply: &[u8]) {
        if matches!(fault, Fault::Malformed(_)) {
            self.send(reply);
        }
    }
}

/// The messages of the client, in order.
impl Side<'_> {
    fn connect(&mut self) -> Result<(), End> {
        match self.plan.opening() {
            Opening::Offer(methods) | Opening::AnyOffer(methods) => self.negotiate(methods)?,
            Opening::Optimistic { user_pass } => self.connect_optimistically(*user_pass)?,
            Opening::Socks4 => return self.connect_socks4(),
        }
        // section 6: two replies to BIND
        if self.plan.request().0 == BIND {
            self.bound()?;
        }
        self.bound()
    }

    fn connect_socks4(&mut self) -> Result<(), End> {
        let ((user_id, _), (command, destination)) = (self.plan.credentials(), self.plan.request());
        self.send(&socks4_request(command, user_id, destination).map_err(End::Unsent)?);
        for _ in 0..if command == BIND { 2 } else { 1 } {
            match self.socks4_reply().map_err(socks4_end)? {
                Ok(bound) => self.received(Event::Bound(bound)),
                Err(cd) => return Err(End::Socks4(socks4::Error::Refused(socks4::ReplyCode(cd)))),
            }
        }
        Ok(())
    }

    fn negotiate(&mut self, methods: &[u8]) -> Result<(), End> {
        self.send(&[&[5, methods.len() as u8], methods].concat());
        let method = self.selected(methods)?;
        self.received(Event::Selected(method));
        match method {
            0 => {}
            1 => self.send_tokens()?,
            2 => {
                self.send_user_pass();
                self.authenticated()?;
                self.used = self.at;
            }
            _ => self.send_frame()?,
        }
        self.events.push(Event::MayRequest);
        self.send_request();
        Ok(())
    }

    /// The application receives nothing before the reply.
    fn connect_optimistically(&mut self, user_pass: bool) -> Result<(), End> {
        self.send(&[5, 1, if user_pass { 2 } else { 0 }]);
        if user_pass {
            self.send_user_pass();
        }
        self.send_request();
        self.send(&self.plan.data.0);
        self.selected(if user_pass { &[2] } else { &[0] })?;
        if user_pass { self.authenticated() } else { Ok(()) }
    }

    fn selected(&mut self, offered: &[u8]) -> Result<u8, End> {
        match self.selection().map_err(client_end)? {
            0xFF => Err(End::Client(client::Error::NoAcceptableMethods)),
            method if offered.contains(&method) => Ok(method),
            method => Err(End::Client(client::Error::NotOffered(Method(method)))),
        }
    }

    fn authenticated(&mut self) -> Result<(), End> {
        match self.status().map_err(client_end)? {
            0 => Ok(()),
            status => Err(End::Client(client::Error::Rejected(UserPassStatus(status)))),
        }
    }

    fn send_tokens(&mut self) -> Result<(), End> {
        let token = &self.plan.frames.0;
        for _ in 0..=self.plan.rounds {
            self.send(&framed(1, token));
            let received = self.frame(1)?;
            self.received(Event::Token(received));
        }
        self.send(&framed(2, token));
        let level = self.frame(2)?;
        self.received(Event::Level(level));
        Ok(())
    }

    fn send_frame(&mut self) -> Result<(), End> {
        self.send(&self.plan.frames.0);
        let frame = self.custom(self.plan.frames.1.len())?;
        self.received(Event::Frame(frame));
        Ok(())
    }

    fn bound(&mut self) -> Result<(), End> {
        match self.reply().map_err(client_end)? {
            Ok(bound) => self.received(Event::Bound(bound)),
            Err(rep) => return Err(End::Client(client::Error::Refused(ReplyCode(rep)))),
        }
        Ok(())
    }

    fn send_user_pass(&mut self) {
        let (username, password) = self.plan.credentials();
        self.send(&[&[1, username.len() as u8], &**username, &[password.len() as u8], password].concat());
    }

    fn send_request(&mut self) {
        let (command, destination) = self.plan.request();
        self.send(&[&[5, command, 0], destination].concat());
    }
}

fn reply(rep: u8, bound: &[u8]) -> Vec<u8> {
    [&[5, rep, 0], bound].concat()
}

fn framed(mtyp: u8, token: &[u8]) -> Vec<u8> {
    [&[1, mtyp], (token.len() as u16).to_be_bytes().as_slice(), token].concat()
}

/// The end of a server that cannot receive a message. `error` is for a malformed one.
fn server_end(fault: Fault, error: fn(Invalid) -> server::Error) -> End {
    End::Server(match fault {
        Fault::Closed => server::Error::Closed,
        Fault::Truncated => server::Error::Truncated,
        Fault::Malformed(invalid) => error(invalid),
    })
}

/// The end of a client that cannot receive a message.
fn client_end(fault: Fault) -> End {
    End::Client(match fault {
        Fault::Closed => client::Error::Closed,
        Fault::Truncated => client::Error::Truncated,
        Fault::Malformed(invalid) => client::Error::Invalid(invalid),
    })
}

/// The same in SOCKS4.
fn socks4_end(fault: Fault) -> End {
    End::Socks4(match fault {
        Fault::Closed => socks4::Error::Closed,
        Fault::Truncated => socks4::Error::Truncated,
        Fault::Malformed(invalid) => socks4::Error::Invalid(invalid),
    })
}

/// The request for a destination, or why SOCKS4 has none for it.
fn socks4_request(command: u8, user_id: &[u8], endpoint: &[u8]) -> Result<Vec<u8>, RequestError> {
    let (address, port) = endpoint.split_at(endpoint.len() - 2);
    let (ip, name): (&[u8], &[u8]) = match address {
        _ if user_id.len() > 255 => return Err(RequestError::UserIdTooLong(user_id.len())),
        _ if user_id.contains(&0) => return Err(RequestError::Nul),
        [1, 0, 0, 0, 1..=255] => return Err(RequestError::Marker),
        [1, ip @ ..] => (ip, b""),
        [3, _, name @ ..] if name.contains(&0) => return Err(RequestError::Nul),
        [3, _, name @ ..] => (&[0, 0, 0, 1], name),
        _ => return Err(RequestError::Ipv6),
    };
    let end: &[u8] = if name.is_empty() { b"" } else { b"\x00" };
    Ok([&[4, command], port, ip, user_id, b"\x00", name, end].concat())
}

/// The address and port, if the address is IPv4, IPv4-mapped, or either of them spelled as a name.
fn ipv4(endpoint: &[u8]) -> Option<([u8; 4], [u8; 2])> {
    let (address, port) = endpoint.split_last_chunk()?;
    let ip = match address {
        [1, ip @ ..] => IpAddr::from(<[u8; 4]>::try_from(ip).ok()?),
        [4, ip @ ..] => IpAddr::from(<[u8; 16]>::try_from(ip).ok()?),
        [3, _, b'[', name @ .., b']'] => str::from_utf8(name).ok()?.parse::<Ipv6Addr>().ok()?.into(),
        [_, _, name @ ..] => str::from_utf8(name).ok()?.parse().ok()?,
        _ => return None,
    };
    match ip.to_canonical() {
        IpAddr::V4(ip) => Some((ip.octets(), *port)),
        IpAddr::V6(_) => None,
    }
}

fn granted((ip, port): ([u8; 4], [u8; 2])) -> Vec<u8> {
    [[0, 0x5A].as_slice(), &port, &ip].concat()
}
