//! Choices, made of octets.

use core::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use socks5_sansio::{Address, Domain, Endpoint, Method};

/// Each choice takes some octets off the front. When there are none left, all choices are the first that there is.
pub(super) struct Choices<'a>(&'a [u8]);

impl<'a> Choices<'a> {
    pub(super) fn new(octets: &'a [u8]) -> Self {
        Self(octets)
    }

    /// The octets that no choice has taken.
    pub(super) fn rest(self) -> &'a [u8] {
        self.0
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// As many octets as this, or all that are left.
    pub(super) fn take(&mut self, most: usize) -> &'a [u8] {
        let (taken, rest) = self.0.split_at(most.min(self.0.len()));
        self.0 = rest;
        taken
    }

    pub(super) fn octet(&mut self) -> u8 {
        self.take(1).first().copied().unwrap_or_default()
    }

    pub(super) fn flag(&mut self) -> bool {
        self.octet() & 1 == 1
    }

    pub(super) fn of<T: Copy>(&mut self, all: &[T]) -> T {
        all[usize::from(self.octet()) % all.len()]
    }

    pub(super) fn up_to(&mut self, most: usize) -> usize {
        let len = if most > 255 { 3 } else { 1 };
        self.take(len).iter().fold(0, |number, octet| number << 8 | usize::from(*octet)) % (most + 1)
    }

    pub(super) fn port(&mut self) -> u16 {
        u16::from_be_bytes([self.octet(), self.octet()])
    }

    /// Up to so many octets: as they come, or one over and over.
    pub(super) fn string(&mut self, most: usize) -> Vec<u8> {
        let len = self.up_to(most);
        if self.flag() {
            return vec![self.octet(); len];
        }
        let mut string = self.take(len).to_vec();
        string.resize(len, b'x');
        string
    }

    /// Another string, and the same most of the time.
    pub(super) fn like(&mut self, string: &[u8]) -> Vec<u8> {
        let mut like = string.to_vec();
        match self.octet() % 8 {
            1 => like.truncate(string.len().saturating_sub(1)),
            2 if string.len() < 255 => like.push(self.octet()),
            3 => {
                let at = self.up_to(string.len());
                like.iter_mut().skip(at).take(1).for_each(|octet| *octet ^= 1 << (at % 8));
            }
            _ => {}
        }
        like
    }

    pub(super) fn methods(&mut self) -> Vec<Method> {
        const TELLING: [u8; 6] = [0x00, 0x02, 0x01, 0x80, 0xFF, 0x03];
        match self.octet() % 8 {
            7 => self.string(255).into_iter().map(Method).collect(),
            count => (0..count).map(|_| Method(self.of(&TELLING))).collect(),
        }
    }

    pub(super) fn place(&mut self) -> Place {
        let host = match self.octet() % 4 {
            0 => Host::Ip(Ipv4Addr::from(self.address::<4>()).into()),
            1 => Host::Ip(Ipv6Addr::from(self.address::<16>()).into()),
            2 => Host::Name([self.string(254), b"x".to_vec()].concat()),
            _ => Host::Name(Ipv4Addr::from(self.address::<4>()).to_string().into()),
        };
        Place { host, port: self.port() }
    }

    fn address<const N: usize>(&mut self) -> [u8; N] {
        [(); N].map(|()| self.octet())
    }
}

/// An endpoint that owns its octets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Place {
    host: Host,
    port: u16,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Host {
    Ip(IpAddr),
    Name(Vec<u8>),
}

impl Place {
    pub(super) fn endpoint(&self) -> Endpoint<'_> {
        let address = match &self.host {
            Host::Ip(ip) => (*ip).into(),
            Host::Name(name) => Address::Domain(Domain::new(name).expect("1 to 255 octets")),
        };
        Endpoint { address, port: self.port }
    }
}
