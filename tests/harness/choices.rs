//! Choices, derived from the bytes of a fuzzer.

use core::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use socks5_sansio::{Address, Domain, Endpoint};

/// Each choice takes some bytes off the front. When none are left, every choice is the first option.
pub struct Choices<'a>(&'a [u8]);

impl<'a> Choices<'a> {
    pub fn new(bytes: &'a [u8]) -> Self {
        Self(bytes)
    }

    /// The bytes that no choice has taken.
    pub fn rest(self) -> &'a [u8] {
        self.0
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// At most `max` bytes: fewer if fewer are left.
    pub fn take(&mut self, max: usize) -> &'a [u8] {
        let (taken, rest) = self.0.split_at(max.min(self.0.len()));
        self.0 = rest;
        taken
    }

    pub fn byte(&mut self) -> u8 {
        self.take(1).first().copied().unwrap_or_default()
    }

    pub fn flag(&mut self) -> bool {
        self.byte() & 1 == 1
    }

    pub fn of<T: Copy>(&mut self, all: &[T]) -> T {
        all[usize::from(self.byte()) % all.len()]
    }

    pub fn up_to(&mut self, max: usize) -> usize {
        let len = if max > 255 { 3 } else { 1 };
        self.take(len).iter().fold(0, |number, byte| number << 8 | usize::from(*byte)) % (max + 1)
    }

    pub fn port(&mut self) -> u16 {
        u16::from_be_bytes([self.byte(), self.byte()])
    }

    /// At most `max` bytes: taken from the input, or one byte repeated.
    pub fn string(&mut self, max: usize) -> Vec<u8> {
        let len = self.up_to(max);
        if self.flag() {
            return vec![self.byte(); len];
        }
        let mut string = self.take(len).to_vec();
        string.resize(len, b'x');
        string
    }

    /// The same string most of the time, else a similar one.
    pub fn like(&mut self, string: &[u8]) -> Vec<u8> {
        let mut like = string.to_vec();
        match self.byte() % 8 {
            1 => like.truncate(string.len().saturating_sub(1)),
            2 if string.len() < 255 => like.push(self.byte()),
            3 => {
                let at = self.up_to(string.len());
                like.iter_mut().skip(at).take(1).for_each(|byte| *byte ^= 1 << (at % 8));
            }
            _ => {}
        }
        like
    }

    pub fn methods(&mut self) -> Vec<u8> {
        const NOTABLE: [u8; 6] = [0x00, 0x02, 0x01, 0x80, 0xFF, 0x03];
        match self.byte() % 8 {
            7 => self.string(255),
            count => (0..count).map(|_| self.of(&NOTABLE)).collect(),
        }
    }

    pub fn endpoint(&mut self) -> OwnedEndpoint {
        let host = match self.byte() % 4 {
            0 => Host::Ip(Ipv4Addr::from(self.address::<4>()).into()),
            1 => Host::Ip(Ipv6Addr::from(self.address::<16>()).into()),
            2 => Host::Name([self.string(254), b"x".to_vec()].concat()),
            _ => Host::Name(Ipv4Addr::from(self.address::<4>()).to_string().into()),
        };
        OwnedEndpoint { host, port: self.port() }
    }

    fn address<const N: usize>(&mut self) -> [u8; N] {
        [(); N].map(|()| self.byte())
    }
}

/// An endpoint that owns its bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OwnedEndpoint {
    host: Host,
    port: u16,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Host {
    Ip(IpAddr),
    Name(Vec<u8>),
}

impl OwnedEndpoint {
    /// ATYP, address and port.
    pub fn bytes(&self) -> Vec<u8> {
        let address = match &self.host {
            Host::Ip(IpAddr::V4(ip)) => [[1].as_slice(), &ip.octets()].concat(),
            Host::Ip(IpAddr::V6(ip)) => [[4].as_slice(), &ip.octets()].concat(),
            Host::Name(name) => [&[3, u8::try_from(name.len()).unwrap()], name.as_slice()].concat(),
        };
        [address, self.port.to_be_bytes().to_vec()].concat()
    }

    pub fn as_endpoint(&self) -> Endpoint<'_> {
        let address = match &self.host {
            Host::Ip(ip) => (*ip).into(),
            Host::Name(name) => Address::Domain(Domain::new(name).unwrap()),
        };
        Endpoint { address, port: self.port }
    }
}
