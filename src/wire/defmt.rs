//! The feature `defmt`: endpoints. Codes and errors implement `Format` where they are defined. Credentials, USERIDs and GSSAPI
//! tokens do not implement it, so they cannot be logged.

use core::net::{Ipv4Addr, Ipv6Addr};

use ::defmt::{Format, Formatter, write};

use super::{Address, Domain, Endpoint, EndpointBuf};

/// As text if it is a [`hostname`](Domain::hostname), otherwise as bytes, which the decoder of the log escapes.
#[cfg_attr(docsrs, doc(cfg(feature = "defmt")))]
impl Format for Domain<'_> {
    fn format(&self, f: Formatter<'_>) {
        match self.hostname() {
            Some(name) => write!(f, "{=str}", name),
            None => write!(f, "{=[u8]:a}", self.as_bytes()),
        }
    }
}

#[cfg_attr(docsrs, doc(cfg(feature = "defmt")))]
impl Format for Address<'_> {
    fn format(&self, f: Formatter<'_>) {
        match self {
            Self::Ipv4(ip) => ipv4(*ip, f),
            Self::Domain(name) => name.format(f),
            Self::Ipv6(ip) => ipv6(*ip, f),
        }
    }
}

// defmt's own formats also log the index of a format string for each octet
fn ipv4(ip: Ipv4Addr, f: Formatter<'_>) {
    let [a, b, c, d] = ip.octets();
    write!(f, "{=u8}.{=u8}.{=u8}.{=u8}", a, b, c, d);
}

fn ipv6(ip: Ipv6Addr, f: Formatter<'_>) {
    let [a, b, c, d, e, g, h, i] = ip.segments();
    write!(f, "{=u16:x}:{=u16:x}:{=u16:x}:{=u16:x}:{=u16:x}:{=u16:x}:{=u16:x}:{=u16:x}", a, b, c, d, e, g, h, i);
}

#[cfg_attr(docsrs, doc(cfg(feature = "defmt")))]
impl Format for Endpoint<'_> {
    fn format(&self, f: Formatter<'_>) {
        match self.address {
            Address::Ipv6(_) => write!(f, "[{}]:{=u16}", self.address, self.port),
            Address::Ipv4(_) | Address::Domain(_) => write!(f, "{}:{=u16}", self.address, self.port),
        }
    }
}

#[cfg_attr(docsrs, doc(cfg(feature = "defmt")))]
impl Format for EndpointBuf {
    fn format(&self, f: Formatter<'_>) {
        self.as_endpoint().format(f);
    }
}
