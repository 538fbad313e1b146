//! The messages of RFC 1928 and RFC 1929, taken off a stream of octets. Knows nothing of the crate.

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Side {
    Client,
    Server,
}

/// Where a conversation stops.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stop {
    /// This side has to say the next message, and its stream is at its end.
    Waits(Side),
    /// This side's stream ends in the middle of a message.
    Cut(Side),
    Malformed(Side, Fault),
    Refused(Refusal),
    Granted,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    Version(u8),
    LoginVersion(u8),
    AddressType(u8),
    EmptyName,
    NotOffered(u8),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Refusal {
    Methods,
    Credentials(u8),
    Token(u8),
    Request(u8),
}

/// What a request or a reply tells: CMD or REP, and ATYP, address and port.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Told {
    pub(crate) code: u8,
    pub(crate) place: Vec<u8>,
}

impl Told {
    pub(crate) fn new(code: u8, place: &[u8]) -> Self {
        Self { code, place: place.to_vec() }
    }
}

pub(crate) type Credentials<'o> = (&'o [u8], &'o [u8]);

#[derive(Clone, Debug)]
pub(crate) struct Stream<'o> {
    side: Side,
    octets: &'o [u8],
    at: usize,
    /// The octets before the last message, whole or not.
    pub(crate) start: usize,
    /// The octets of the messages that are whole.
    pub(crate) whole: usize,
    /// The octets after which it is certain what comes of the last message.
    pub(crate) certain: usize,
    /// The octets there are at least when the next message is whole.
    pub(crate) least: usize,
    /// Whether every RSV was 00.
    pub(crate) reserved: bool,
}

impl<'o> Stream<'o> {
    pub(crate) fn new(side: Side, octets: &'o [u8]) -> Self {
        Self { side, octets, at: 0, start: 0, whole: 0, certain: 0, least: 0, reserved: true }
    }

    fn take(&mut self, len: usize) -> Result<&'o [u8], Stop> {
        let Some(taken) = self.octets.get(self.at..self.at + len) else {
            self.certain = self.octets.len();
            let between = self.octets.len() == self.whole;
            return Err(if between { Stop::Waits(self.side) } else { Stop::Cut(self.side) });
        };
        self.at += len;
        self.certain = self.at;
        Ok(taken)
    }

    fn octet(&mut self) -> Result<u8, Stop> {
        self.take(1).map(|octet| octet[0])
    }

    fn short(&mut self) -> Result<&'o [u8], Stop> {
        let len = self.octet()?;
        self.take(len.into())
    }

    fn malformed<T>(&self, fault: Fault) -> Result<T, Stop> {
        Err(Stop::Malformed(self.side, fault))
    }

    fn begin(&mut self, shortest: usize, version: u8, fault: fn(u8) -> Fault) -> Result<(), Stop> {
        (self.start, self.least) = (self.whole, self.whole + shortest);
        match self.octet()? {
            octet if octet == version => Ok(()),
            other => self.malformed(fault(other)),
        }
    }

    fn end<T>(&mut self, message: T) -> Result<T, Stop> {
        self.whole = self.at;
        Ok(message)
    }

    /// VER NMETHODS METHODS
    pub(crate) fn offer(&mut self) -> Result<&'o [u8], Stop> {
        self.begin(2, 5, Fault::Version)?;
        let methods = self.short()?;
        self.end(methods)
    }

    /// VER METHOD
    pub(crate) fn selection(&mut self) -> Result<u8, Stop> {
        self.begin(2, 5, Fault::Version)?;
        let method = self.octet()?;
        self.end(method)
    }

    /// VER ULEN UNAME PLEN PASSWD
    pub(crate) fn credentials(&mut self) -> Result<Credentials<'o>, Stop> {
        self.begin(3, 1, Fault::LoginVersion)?;
        let credentials = (self.short()?, self.short()?);
        self.end(credentials)
    }

    /// VER STATUS
    pub(crate) fn status(&mut self) -> Result<u8, Stop> {
        self.begin(2, 1, Fault::LoginVersion)?;
        let status = self.octet()?;
        self.end(status)
    }

    /// The one octet that each side says in any other method.
    pub(crate) fn token(&mut self) -> Result<u8, Stop> {
        (self.start, self.least) = (self.whole, self.whole + 1);
        let token = self.octet()?;
        self.end(token)
    }

    /// VER CMD RSV ATYP DST.ADDR DST.PORT
    pub(crate) fn request(&mut self) -> Result<Told, Stop> {
        self.begin(8, 5, Fault::Version)?;
        let code = self.octet()?;
        let place = self.place()?;
        self.end(Told::new(code, place))
    }

    /// VER REP RSV ATYP BND.ADDR BND.PORT; a failure is one even if nothing follows REP.
    pub(crate) fn reply(&mut self) -> Result<Told, Stop> {
        self.begin(2, 5, Fault::Version)?;
        let code = self.octet()?;
        if code != 0 {
            return self.failure(code);
        }
        self.least = self.start + 8;
        let place = self.place()?;
        self.end(Told::new(code, place))
    }

    fn failure(&mut self, code: u8) -> Result<Told, Stop> {
        let certain = self.certain;
        let failure = match self.place() {
            Ok(place) => self.end(Told::new(code, place)),
            Err(_) => Ok(Told::new(code, b"")),
        };
        self.certain = certain;
        failure
    }

    /// RSV ATYP ADDR PORT
    fn place(&mut self) -> Result<&'o [u8], Stop> {
        self.reserved &= self.octet()? == 0;
        let start = self.at;
        match self.octet()? {
            1 => self.take(4)?,
            3 => self.name()?,
            4 => self.take(16)?,
            other => return self.malformed(Fault::AddressType(other)),
        };
        self.take(2)?;
        Ok(&self.octets[start..self.at])
    }

    fn name(&mut self) -> Result<&'o [u8], Stop> {
        match self.short()? {
            [] => self.malformed(Fault::EmptyName),
            name => Ok(name),
        }
    }
}
