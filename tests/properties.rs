//! What holds for all messages and all octets, and not only for those that somebody thought of.

use core::fmt::Debug;
use core::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use core::ops::Range;
use core::str;

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::{Index, select};
use proptest::test_runner::TestCaseResult;
use socks5_sansio::{
    Address, BufferTooSmall, Client, Command, DecodeError, Domain, Endpoint, Fragment, GssapiMessage, GssapiToken,
    Invalid, Message, Method, MethodOffer, MethodSelection, Reply, ReplyCode, Request, Server, UdpHeader, UserPass,
    UserPassStatus, ValueError, client, server,
};

/// What a buffer holds before anything is written to it.
const FRESH: u8 = 0xA5;
/// Lengths around those at which a length octet ends, or loses its sign or its high octet.
const LENGTHS: [usize; 10] = [0, 1, 127, 128, 254, 255, 256, 300, 511, 512];

fn config(factor: u32) -> ProptestConfig {
    let default = ProptestConfig::default();
    ProptestConfig { cases: factor * default.cases, failure_persistence: None, ..default }
}

// Any octets

proptest! {
    #![proptest_config(config(4))]

    #[test]
    fn any_octets_are_decoded_soundly_or_refused(input in octets()) {
        is_decoded_soundly::<MethodOffer<'_>>(&input, &mut Vec::new())?;
        is_decoded_soundly::<MethodSelection>(&input, &mut Vec::new())?;
        is_decoded_soundly::<UserPass<'_>>(&input, &mut Vec::new())?;
        is_decoded_soundly::<UserPassStatus>(&input, &mut Vec::new())?;
        is_decoded_soundly::<GssapiMessage<'_>>(&input, &mut Vec::new())?;
        is_decoded_soundly::<Request<'_>>(&input, &mut Vec::new())?;
        is_decoded_soundly::<Reply<'_>>(&input, &mut Vec::new())?;
        is_decoded_soundly::<UdpHeader<'_>>(&input, &mut Vec::new())?;
        is_decoded_soundly::<Endpoint<'_>>(&input, &mut Vec::new())?;
    }

    #[test]
    fn a_datagram_is_split_where_its_header_ends(datagram in octets()) {
        let decoded = UdpHeader::decode(&datagram).map(|(header, used)| (header, datagram.get(used..)));
        let split = UdpHeader::split(&datagram).map(|(header, data)| (header, Some(data)));
        prop_assert_eq!(decoded, split.map_err(DecodeError::Invalid));
    }

    #[test]
    fn the_code_of_a_reply_is_its_second_octet(input in octets()) {
        match (Reply::peek_code(&input), input.as_slice()) {
            (Ok(code), [5, rep, ..]) => prop_assert_eq!(code.0, *rep),
            (Err(DecodeError::Incomplete(missing)), [] | [5]) => prop_assert_eq!(missing.get(), 2 - input.len()),
            (Err(DecodeError::Invalid(Invalid::Version(octet))), [first, ..]) if *first != 5 => {
                prop_assert_eq!(octet, *first);
            }
            (other, _) => return Err(TestCaseError::fail(format!("{other:?}"))),
        }
    }
}

/// A message that was found is no longer or shorter than its kind can be, and the octets are its encoding but for RSV.
/// One that was not found is not too long for its kind, or is refused whatever comes behind.
fn is_decoded_soundly<'a, M: Rfc + Message<'a> + Debug + PartialEq>(
    input: &'a [u8],
    scratch: &'a mut Vec<u8>,
) -> TestCaseResult {
    match M::decode(input) {
        Ok((message, used)) => {
            prop_assert!(used <= input.len(), "{used} of {} octets used", input.len());
            prop_assert!((M::MIN_LEN..=M::MAX_LEN).contains(&used), "{message:?} has {used} octets");

            scratch.resize(message.encoded_len(), FRESH);
            prop_assert_eq!(message.encode(scratch), Ok(used));
            let (taken, _) = input.split_at(used);
            prop_assert_eq!(&*scratch, &without_reserved(taken, M::RESERVED));
            prop_assert_eq!(M::decode(scratch), Ok((message, used)));
        }
        Err(DecodeError::Incomplete(missing)) => {
            let (len, missing) = (input.len(), missing.get());
            prop_assert!(len + missing <= M::MAX_LEN, "{missing} missing behind {len}, but {} is most", M::MAX_LEN);
        }
        Err(DecodeError::Invalid(Invalid::Truncated)) => prop_assert!(input.len() < M::MAX_LEN),
        Err(invalid) => {
            scratch.extend(input);
            scratch.extend([1; 300]);
            prop_assert_eq!(M::decode(scratch), Err(invalid));
        }
    }
    Ok(())
}

fn without_reserved(octets: &[u8], reserved: Range<usize>) -> Vec<u8> {
    let cleared = |(index, octet): (usize, &u8)| if reserved.contains(&index) { 0 } else { *octet };
    octets.iter().enumerate().map(cleared).collect()
}

// Any message

proptest! {
    #![proptest_config(config(1))]

    #[test]
    fn method_offers_go_there_and_back(offer in offer(), behind in behind()) {
        goes_there_and_back_in_a_stream(&offer, &offer.followed_by(&behind))?;
    }

    #[test]
    fn method_selections_go_there_and_back(selection in selection(), behind in behind()) {
        goes_there_and_back_in_a_stream(&selection, &selection.followed_by(&behind))?;
    }

    #[test]
    fn credentials_go_there_and_back(credentials in credentials(), behind in behind()) {
        goes_there_and_back_in_a_stream(&credentials, &credentials.followed_by(&behind))?;
    }

    #[test]
    fn verdicts_go_there_and_back(status in status(), behind in behind()) {
        goes_there_and_back_in_a_stream(&status, &status.followed_by(&behind))?;
    }

    #[test]
    fn gssapi_messages_go_there_and_back(message in gssapi(), behind in behind()) {
        goes_there_and_back_in_a_stream(&message, &message.followed_by(&behind))?;
    }

    #[test]
    fn requests_go_there_and_back(request in request(), behind in behind()) {
        goes_there_and_back_in_a_stream(&request, &request.followed_by(&behind))?;
    }

    #[test]
    fn replies_go_there_and_back(reply in reply(), behind in behind()) {
        goes_there_and_back_in_a_stream(&reply, &reply.followed_by(&behind))?;
    }

    #[test]
    fn endpoints_go_there_and_back(endpoint in endpoint(), behind in behind()) {
        goes_there_and_back_in_a_stream(&endpoint, &endpoint.followed_by(&behind))?;
    }

    #[test]
    fn udp_headers_go_there_and_back(header in udp_header(), data in behind()) {
        goes_there_and_back(&header, &header.followed_by(&data))?;
        let octets = header.octets();
        for cut in 0..octets.len() {
            let (front, _) = octets.split_at(cut);
            prop_assert_eq!(UdpHeader::split(front), Err(Invalid::Truncated), "cut at {}", cut);
        }
    }
}

fn goes_there_and_back_in_a_stream<'a, M: Rfc + Message<'a> + Debug + PartialEq>(
    message: &M,
    followed: &'a [u8],
) -> TestCaseResult {
    goes_there_and_back(message, followed)?;
    every_front_is_incomplete(message, followed)?;
    reading_exactly_what_is_missing_ends_at_the_end(message, followed)
}

fn goes_there_and_back<'a, M: Rfc + Message<'a> + Debug + PartialEq>(
    message: &M,
    followed: &'a [u8],
) -> TestCaseResult {
    let octets = message.octets();
    let (alone, _) = followed.split_at(octets.len());
    is_encoded_whole_or_not_at_all(message, &octets)?;
    prop_assert!((M::MIN_LEN..=M::MAX_LEN).contains(&octets.len()));
    for input in [alone, followed] {
        match M::decode(input) {
            Ok((decoded, used)) => prop_assert_eq!((&decoded, used), (message, octets.len())),
            Err(error) => return Err(TestCaseError::fail(format!("{message:?} in {} octets: {error}", input.len()))),
        }
    }
    Ok(())
}

/// In buffers of every size, up to some more than is needed.
fn is_encoded_whole_or_not_at_all<'a>(message: &impl Message<'a>, octets: &[u8]) -> TestCaseResult {
    let needed = octets.len();
    prop_assert_eq!(message.encoded_len(), needed);

    let fresh = [FRESH].repeat(needed + 3);
    let written = [octets, &[FRESH; 3]].concat();
    for room in 0..=fresh.len() {
        let mut out = [FRESH].repeat(room);
        let (result, after) =
            if room < needed { (Err(BufferTooSmall { needed }), &fresh) } else { (Ok(needed), &written) };
        prop_assert_eq!(message.encode(&mut out), result, "room for {} octets", room);
        prop_assert!(after.starts_with(&out), "wrote {out:02x?}, not {octets:02x?}");
    }

    #[cfg(feature = "bytes")]
    {
        let mut out = vec![FRESH];
        message.put(&mut out);
        prop_assert_eq!(out.split_first(), Some((&FRESH, octets)));
    }
    Ok(())
}

fn every_front_is_incomplete<'a, M: Rfc + Message<'a> + Debug>(message: &M, followed: &'a [u8]) -> TestCaseResult {
    let (octets, _) = followed.split_at(message.octets().len());
    for cut in 0..octets.len() {
        let (front, rest) = octets.split_at(cut);
        match M::decode(front) {
            Err(DecodeError::Incomplete(missing)) => prop_assert!(
                missing.get() <= rest.len(),
                "{message:?} cut at {cut}: {missing} are missing, but {} are to come",
                rest.len()
            ),
            other => return Err(TestCaseError::fail(format!("{message:?} cut at {cut}: {other:?}"))),
        }
    }
    Ok(())
}

/// Who reads as many octets as are missing, each time, never waits for octets that are not to come, and never takes
/// octets that belong to what is behind.
fn reading_exactly_what_is_missing_ends_at_the_end<'a, M: Rfc + Message<'a> + Debug>(
    message: &M,
    followed: &'a [u8],
) -> TestCaseResult {
    let len = message.octets().len();
    let mut read = 0;
    while read < len {
        let (input, _) = followed.split_at(read);
        match M::decode(input) {
            Err(DecodeError::Incomplete(missing)) => read += missing.get(),
            other => return Err(TestCaseError::fail(format!("{message:?} after {read} octets: {other:?}"))),
        }
    }
    prop_assert_eq!(read, len);
    let used = M::decode(followed.split_at(read).0).map(|(_, used)| used);
    prop_assert_eq!(used, Ok(len));
    Ok(())
}

// Datagrams

proptest! {
    #![proptest_config(config(1))]

    #[test]
    fn what_is_prepended_is_split_off(
        header in udp_header(),
        spare in 0..100_usize,
        data in vec(any::<u8>(), 0..2000),
    ) {
        let octets = header.octets();
        let headroom = spare + octets.len();
        let mut buffer = [[FRESH].repeat(headroom), data.clone()].concat();

        let (front, _) = buffer.split_at_mut(headroom);
        prop_assert_eq!(header.prepend(front), Ok(spare));

        let (untouched, datagram) = buffer.split_at(spare);
        prop_assert_eq!(untouched, [FRESH].repeat(spare));
        prop_assert_eq!(datagram, [octets, data.clone()].concat());
        prop_assert_eq!(UdpHeader::split(datagram), Ok((header, data.as_slice())));
    }

    #[test]
    fn what_is_split_off_can_be_put_back(datagram in octets()) {
        if let Ok((header, data)) = UdpHeader::split(&datagram) {
            let headroom = datagram.len() - data.len();
            let mut again = [[FRESH].repeat(headroom), data.to_vec()].concat();
            let (front, _) = again.split_at_mut(headroom);
            prop_assert_eq!(header.prepend(front), Ok(0));
            prop_assert_eq!(again, without_reserved(&datagram, UdpHeader::RESERVED));
        }
    }

    #[test]
    fn headroom_that_is_too_short_is_left_alone(header in udp_header()) {
        let needed = header.octets().len();
        for room in 0..needed {
            let mut headroom = [FRESH].repeat(room);
            prop_assert_eq!(header.prepend(&mut headroom), Err(BufferTooSmall { needed }));
            prop_assert_eq!(headroom, [FRESH].repeat(room));
        }
    }

    #[test]
    fn the_headroom_for_ip_addresses_suffices_for_them(ip in ip(), port in any::<u16>()) {
        let header = UdpHeader::new(Endpoint::from((ip, port)));
        prop_assert!(header.prepend(&mut [0; UdpHeader::IP_HEADROOM]).is_ok());
    }
}

// Text

proptest! {
    #![proptest_config(config(2))]

    #[test]
    fn ip_endpoints_are_read_as_they_are_written(ip in ip(), port in any::<u16>()) {
        let endpoint = Endpoint::from((ip, port));
        let text = endpoint.to_string();
        prop_assert_eq!(&text, &SocketAddr::new(ip, port).to_string());
        prop_assert_eq!(Endpoint::try_from(text.as_str()), Ok(endpoint));
        let host = ip.to_string();
        prop_assert_eq!(Endpoint::try_from((host.as_str(), port)), Ok(endpoint));
    }

    #[test]
    fn names_are_read_as_they_are_written(name in "[a-z][a-z0-9.-]{0,254}", port in any::<u16>()) {
        let endpoint = Endpoint::from((Domain::new(&name)?, port));
        let text = endpoint.to_string();
        prop_assert_eq!(&text, &format!("{name}:{port}"));
        prop_assert_eq!(Endpoint::try_from(text.as_str()), Ok(endpoint));
        prop_assert_eq!(Endpoint::try_from((name.as_str(), port)), Ok(endpoint));
    }

    #[test]
    fn text_is_taken_at_its_word(text in text()) {
        if let Ok(endpoint) = Endpoint::try_from(text.as_str()) {
            let (host, port) = text.rsplit_once(':').expect("an endpoint has a port");
            prop_assert_eq!(port.parse(), Ok(endpoint.port));
            prop_assert!(port.bytes().all(|octet| octet.is_ascii_digit()), "{port}");
            is_the_host(endpoint.address, host)?;
        }
    }

    #[test]
    fn a_host_is_taken_at_its_word(host in prop_oneof![host(), text()], port in any::<u16>()) {
        if let Ok(endpoint) = Endpoint::try_from((host.as_str(), port)) {
            prop_assert_eq!(endpoint.port, port);
            is_the_host(endpoint.address, &host)?;
        }
    }

    #[test]
    fn canonical_endpoints_hide_no_address(endpoint in endpoint()) {
        let canonical = endpoint.canonical();
        prop_assert_eq!(canonical.canonical(), canonical);
        prop_assert_eq!(canonical.port, endpoint.port);
        match canonical.address {
            Address::Ipv4(_) => {}
            Address::Ipv6(ip) => prop_assert_eq!(ip.to_ipv4_mapped(), None),
            Address::Domain(name) => {
                prop_assert_eq!(name.ip_literal(), None);
                prop_assert_eq!(ip_spelled_by(name.as_bytes()), None);
                prop_assert_eq!(canonical, endpoint);
            }
        }
    }

    #[test]
    fn every_spelling_of_an_address_has_the_same_canonical_form(ip in ip(), port in any::<u16>()) {
        let canonical = Endpoint::from((ip.to_canonical(), port));
        prop_assert_eq!(Endpoint::from((ip, port)).canonical(), canonical);
        for spelling in spellings(ip) {
            let name = Domain::new(&spelling)?;
            prop_assert_eq!(name.ip_literal(), Some(ip));
            prop_assert_eq!(Endpoint::from((name, port)).canonical(), canonical);
        }
    }
}

/// An address that the host spells, or a name with the very same octets that spells none.
fn is_the_host(address: Address<'_>, host: &str) -> TestCaseResult {
    prop_assert_eq!(address.ip(), ip_spelled_by(host.as_bytes()));
    if let Address::Domain(name) = address {
        prop_assert_eq!(name.as_bytes(), host.as_bytes());
        prop_assert_eq!(name.ip_literal(), None);
    }
    Ok(())
}

fn ip_spelled_by(host: &[u8]) -> Option<IpAddr> {
    let text = str::from_utf8(host).ok()?;
    match text.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
        Some(ipv6) => ipv6.parse::<Ipv6Addr>().ok().map(IpAddr::V6),
        None => text.parse().ok(),
    }
}

fn spellings(ip: IpAddr) -> Vec<String> {
    match ip {
        IpAddr::V4(_) => vec![ip.to_string()],
        IpAddr::V6(ip) => {
            let segments = ip.segments().map(|segment| format!("{segment:04X}")).join(":");
            vec![ip.to_string(), format!("[{ip}]"), format!("[{segments}]"), segments]
        }
    }
}

// Logs

proptest! {
    #![proptest_config(config(1))]

    #[test]
    fn what_is_logged_is_printable(
        domain in domain(),
        endpoint in endpoint(),
        credentials in credentials(),
        request in request(),
        reply in reply(),
        header in udp_header(),
        offer in offer(),
        message in gssapi(),
    ) {
        let shown = [domain.to_string(), endpoint.to_string(), endpoint.address.to_string()];
        let codes = [request.command.to_string(), reply.code.to_string()];
        let debugged: [&dyn Debug; 9] =
            [&domain, &endpoint, &endpoint.address, &credentials, &request, &reply, &header, &offer, &message];
        for text in shown.into_iter().chain(codes).chain(debugged.map(|value| format!("{value:?}"))) {
            prop_assert!(text.bytes().all(|octet| matches!(octet, b' '..=b'~')), "{text:?}");
        }
    }

    #[test]
    fn passwords_are_never_shown(username in "[a-z]{0,255}", password in "[#~^$@]{1,255}") {
        let credentials = UserPass::new(&username, &password)?;
        let shown = everything_shown_of(&credentials)?;
        prop_assert!(!shown.contains(['#', '~', '^', '$', '@']), "{shown}");

        // Nor as numbers: other octets change nothing of it. `UserPass` does not even show how many there are.
        let other = "!".repeat(password.len());
        prop_assert_eq!(shown, everything_shown_of(&UserPass::new(&username, &other)?)?);
        prop_assert_eq!(format!("{credentials:?}"), format!("{:?}", UserPass::new(&username, "")?));
    }
}

/// All that `Debug` tells on the way of the credentials from client to server.
fn everything_shown_of(credentials: &UserPass<'_>) -> Result<String, TestCaseError> {
    let (_, client) = Client::new(&MethodOffer::new(&[Method::USERNAME_PASSWORD])?);
    let (_, client::Step::UserPass(permit)) = client.read(&[5, 2])? else {
        return Err(TestCaseError::fail("the client does not want to authenticate"));
    };
    let (outgoing, client) = permit.send(credentials);

    let mut flight = [0; Client::OPTIMISTIC_MAX_LEN];
    let request = Request::connect(Endpoint::UNSPECIFIED);
    let (_, optimistic) = Client::optimistic(Some(credentials), &request, &mut flight)?;

    let (_, server::Step::Methods(_, permit)) = Server::new().read(&[5, 1, 2])? else {
        return Err(TestCaseError::fail("the server takes no offer"));
    };
    let server::Chosen::Continue(_, server) = permit.choose(&[Method::USERNAME_PASSWORD]) else {
        return Err(TestCaseError::fail("the server does not want to authenticate"));
    };
    let (used, step) = server.read(&outgoing)?;
    prop_assert_eq!(used, outgoing.len());
    prop_assert!(matches!(&step, server::Step::UserPass(received, _) if received == credentials));

    let all = (credentials, &outgoing, client, optimistic, step);
    Ok(format!("{all:?} {all:#?}"))
}

// Values

proptest! {
    #![proptest_config(config(4))]

    #[test]
    fn credentials_are_verified_octet_by_octet((ours, theirs) in similar_credentials()) {
        let equal = ours == theirs;
        let (ours, theirs) = (UserPass::new(&ours.0, &ours.1)?, UserPass::new(&theirs.0, &theirs.1)?);
        prop_assert_eq!(ours.verify(&theirs), equal);
        prop_assert_eq!(theirs.verify(&ours), equal);
        prop_assert_eq!(ours == theirs, equal);
    }
}

#[test]
fn domains_have_1_to_255_octets() -> TestCaseResult {
    for len in LENGTHS {
        let name = [b'x'].repeat(len);
        match Domain::new(&name) {
            Ok(domain) => {
                assert!((1..=255).contains(&len), "{len}");
                let endpoint = Endpoint::from((domain, 80));
                goes_there_and_back_in_a_stream(&endpoint, &endpoint.followed_by(b"behind"))?;
            }
            Err(error) => assert!(!(1..=255).contains(&len) && error == ValueError::Domain(len), "{len}: {error}"),
        }
    }
    Ok(())
}

#[test]
fn usernames_and_passwords_have_at_most_255_octets() -> TestCaseResult {
    for len in LENGTHS {
        let long = [b'x'].repeat(len);
        let as_username = (UserPass::new(&long, "y"), ValueError::Username(len));
        let as_password = (UserPass::new("y", &long), ValueError::Password(len));
        for (credentials, too_long) in [as_username, as_password] {
            match credentials {
                Ok(credentials) => {
                    assert!(len <= 255, "{len}");
                    goes_there_and_back_in_a_stream(&credentials, &credentials.followed_by(b"behind"))?;
                }
                Err(error) => assert!(len > 255 && error == too_long, "{len}: {error}"),
            }
        }
    }
    Ok(())
}

#[test]
fn offers_have_at_most_255_methods() -> TestCaseResult {
    for len in LENGTHS {
        let methods = [Method::GSSAPI].repeat(len);
        match MethodOffer::new(&methods) {
            Ok(offer) => {
                assert!(len <= 255, "{len}");
                goes_there_and_back_in_a_stream(&offer, &offer.followed_by(b"behind"))?;
            }
            Err(error) => assert!(len > 255 && error == ValueError::Methods(len), "{len}: {error}"),
        }
    }
    Ok(())
}

#[test]
fn tokens_have_at_most_65535_octets() {
    for len in LENGTHS.into_iter().chain([65_535, 65_536, 65_537, 131_072]) {
        match GssapiToken::new(&[b'x'].repeat(len)) {
            Ok(token) => assert!(len <= 65_535 && token.as_bytes().len() == len, "{len}"),
            Err(error) => assert!(len > 65_535 && error == ValueError::Token(len), "{len}: {error}"),
        }
    }
}

// The octets by the RFCs, told a second time

trait Rfc {
    /// Where RSV is.
    const RESERVED: Range<usize> = 0..0;

    fn octets(&self) -> Vec<u8>;

    fn followed_by(&self, behind: &[u8]) -> Vec<u8> {
        [&self.octets(), behind].concat()
    }
}

impl Rfc for MethodOffer<'_> {
    fn octets(&self) -> Vec<u8> {
        let methods: Vec<_> = self.methods().map(u8::from).collect();
        [vec![5], counted(&methods)].concat()
    }
}

impl Rfc for MethodSelection {
    fn octets(&self) -> Vec<u8> {
        vec![5, self.method.0]
    }
}

impl Rfc for UserPass<'_> {
    fn octets(&self) -> Vec<u8> {
        [vec![1], counted(self.username()), counted(self.password())].concat()
    }
}

impl Rfc for UserPassStatus {
    fn octets(&self) -> Vec<u8> {
        vec![1, self.0]
    }
}

impl Rfc for GssapiMessage<'_> {
    fn octets(&self) -> Vec<u8> {
        let (mtyp, token) = match self {
            Self::Authentication(token) => (1, token),
            Self::ProtectionLevel(token) => (2, token),
            Self::Encapsulated(token) => (3, token),
            Self::Abort => return vec![1, 0xFF],
        };
        let len = u16::try_from(token.as_bytes().len()).expect("at most 65535 octets");
        [&[1, mtyp], len.to_be_bytes().as_slice(), token.as_bytes()].concat()
    }
}

impl Rfc for Request<'_> {
    const RESERVED: Range<usize> = 2..3;

    fn octets(&self) -> Vec<u8> {
        [vec![5, self.command.0, 0], self.destination.octets()].concat()
    }
}

impl Rfc for Reply<'_> {
    const RESERVED: Range<usize> = 2..3;

    fn octets(&self) -> Vec<u8> {
        [vec![5, self.code.0, 0], self.bound.octets()].concat()
    }
}

impl Rfc for UdpHeader<'_> {
    const RESERVED: Range<usize> = 0..2;

    fn octets(&self) -> Vec<u8> {
        [vec![0, 0, self.fragment.0], self.endpoint.octets()].concat()
    }
}

impl Rfc for Endpoint<'_> {
    fn octets(&self) -> Vec<u8> {
        let (atyp, address) = match self.address {
            Address::Ipv4(ip) => (1, ip.octets().to_vec()),
            Address::Domain(name) => (3, counted(name.as_bytes())),
            Address::Ipv6(ip) => (4, ip.octets().to_vec()),
        };
        [vec![atyp], address, self.port.to_be_bytes().to_vec()].concat()
    }
}

/// Octets behind a length octet.
fn counted(octets: &[u8]) -> Vec<u8> {
    let len = u8::try_from(octets.len()).expect("at most 255 octets");
    [&[len], octets].concat()
}

// Strategies. Those that others are made of are boxed: unboxed, they together are too large for the stack of a test.

/// Any octets, and such as look like messages more than any octets would.
fn octets() -> impl Strategy<Value = Vec<u8>> {
    let damaged = (message_octets(), vec(damage(), 0..4)).prop_map(|(octets, all)| all.into_iter().fold(octets, apply));
    prop_oneof![1 => vec(any::<u8>(), 0..600), 1 => vec(telling_octet(), 0..30), 6 => damaged]
}

fn message_octets() -> BoxedStrategy<Vec<u8>> {
    prop_oneof![
        offer().prop_map(|it| it.octets()),
        selection().prop_map(|it| it.octets()),
        credentials().prop_map(|it| it.octets()),
        status().prop_map(|it| it.octets()),
        gssapi().prop_map(|it| it.octets()),
        request().prop_map(|it| it.octets()),
        reply().prop_map(|it| it.octets()),
        udp_header().prop_map(|it| it.octets()),
        endpoint().prop_map(|it| it.octets()),
    ]
    .boxed()
}

#[derive(Clone, Debug)]
enum Damage {
    Replace(Index, u8),
    /// One of the first octets: there it matters more.
    ReplaceEarly(Index, u8),
    Cut(Index),
    Extend(Vec<u8>),
}

fn damage() -> BoxedStrategy<Damage> {
    prop_oneof![
        (any::<Index>(), telling_octet()).prop_map(|(index, octet)| Damage::Replace(index, octet)),
        (any::<Index>(), telling_octet()).prop_map(|(index, octet)| Damage::ReplaceEarly(index, octet)),
        any::<Index>().prop_map(Damage::Cut),
        behind().prop_map(Damage::Extend),
    ]
    .boxed()
}

fn apply(mut octets: Vec<u8>, damage: Damage) -> Vec<u8> {
    let len = octets.len();
    match damage {
        Damage::Replace(index, octet) if len > 0 => {
            octets.iter_mut().skip(index.index(len)).take(1).for_each(|it| *it = octet)
        }
        Damage::ReplaceEarly(index, octet) => octets.iter_mut().skip(index.index(6)).take(1).for_each(|it| *it = octet),
        Damage::Cut(index) => octets.truncate(index.index(len + 1)),
        Damage::Extend(more) => octets.extend(more),
        Damage::Replace(..) => {}
    }
    octets
}

/// Any octet, but mostly those that mean something somewhere.
fn telling_octet() -> impl Strategy<Value = u8> {
    prop_oneof![1 => any::<u8>(), 2 => select(&[0, 1, 2, 3, 4, 5, 127, 128, 254, 255])]
}

/// What comes behind a message: often the beginning of the next.
fn behind() -> impl Strategy<Value = Vec<u8>> {
    vec(telling_octet(), 0..40)
}

/// Octet strings of at most 255 octets, often short and often as long as can be.
fn string(min: usize) -> BoxedStrategy<Vec<u8>> {
    prop_oneof![vec(any::<u8>(), min..=8), vec(any::<u8>(), min..=255), vec(any::<u8>(), 254..=255)].boxed()
}

fn offer() -> impl Strategy<Value = MethodOffer<'static>> {
    let methods = string(0).prop_map(|octets| octets.into_iter().map(Method).collect::<Vec<_>>().leak());
    methods.prop_map(|methods| MethodOffer::new(methods).expect("at most 255 methods"))
}

fn selection() -> impl Strategy<Value = MethodSelection> {
    any::<u8>().prop_map(|octet| MethodSelection { method: Method(octet) })
}

fn credentials() -> impl Strategy<Value = UserPass<'static>> {
    (string(0), string(0)).prop_map(|(username, password)| {
        UserPass::new(leaked(username), leaked(password)).expect("at most 255 octets each")
    })
}

fn status() -> impl Strategy<Value = UserPassStatus> {
    any::<u8>().prop_map(UserPassStatus)
}

fn gssapi() -> impl Strategy<Value = GssapiMessage<'static>> {
    let octets = prop_oneof![3 => vec(any::<u8>(), 0..300), 1 => vec(any::<u8>(), 0..4000)];
    let token = octets.prop_map(|octets| GssapiToken::new(leaked(octets)).expect("at most 65535 octets"));
    (0..4, token).prop_map(|(kind, token)| match kind {
        0 => GssapiMessage::Authentication(token),
        1 => GssapiMessage::ProtectionLevel(token),
        2 => GssapiMessage::Encapsulated(token),
        _ => GssapiMessage::Abort,
    })
}

fn request() -> impl Strategy<Value = Request<'static>> {
    (telling_octet(), endpoint()).prop_map(|(cmd, destination)| Request { command: Command(cmd), destination })
}

fn reply() -> impl Strategy<Value = Reply<'static>> {
    (telling_octet(), endpoint()).prop_map(|(rep, bound)| Reply { code: ReplyCode(rep), bound })
}

fn udp_header() -> impl Strategy<Value = UdpHeader<'static>> {
    (telling_octet(), endpoint()).prop_map(|(frag, endpoint)| UdpHeader { fragment: Fragment(frag), endpoint })
}

fn endpoint() -> BoxedStrategy<Endpoint<'static>> {
    (address(), any::<u16>()).prop_map(|(address, port)| Endpoint { address, port }).boxed()
}

fn address() -> impl Strategy<Value = Address<'static>> {
    prop_oneof![1 => ip().prop_map(Address::from), 1 => domain().prop_map(Address::Domain)]
}

fn domain() -> BoxedStrategy<Domain<'static>> {
    let literal = (ip(), any::<Index>()).prop_map(|(ip, index)| index.get(&spellings(ip)).clone().into_bytes());
    let hostname = "[a-z0-9.-]{1,40}".prop_map(String::into_bytes);
    let name = prop_oneof![2 => string(1), 1 => literal, 1 => hostname];
    name.prop_map(|name| Domain::new(leaked(name)).expect("1 to 255 octets")).boxed()
}

fn ip() -> BoxedStrategy<IpAddr> {
    prop_oneof![
        any::<Ipv4Addr>().prop_map(IpAddr::V4),
        any::<Ipv6Addr>().prop_map(IpAddr::V6),
        any::<Ipv4Addr>().prop_map(|ip| IpAddr::V6(ip.to_ipv6_mapped())),
    ]
    .boxed()
}

/// Any text, and such as looks like an endpoint more than any text would.
fn text() -> impl Strategy<Value = String> {
    let odd_port =
        select(&["", ":", ":080", ":65536", ":+1", ":-0", ": 1", ":80 ", "]:80", "::80"]).prop_map(str::to_owned);
    let port = prop_oneof![3 => any::<u16>().prop_map(|port| format!(":{port}")), 1 => odd_port];
    prop_oneof![
        1 => any::<String>(),
        9 => (host(), port).prop_map(|(host, port)| host + &port),
    ]
}

/// IP addresses and names, often with something about them that should not be there, or should.
fn host() -> BoxedStrategy<String> {
    let spelling = (ip(), any::<Index>()).prop_map(|(ip, index)| index.get(&spellings(ip)).clone());
    let before = select(&["", "", "", "", "[", "[[", " ", "0"]);
    let behind = select(&["", "", "", "", "]", "]]", "%1", "%eth0]", ".", "\0"]);
    let disguised = (before, spelling, behind).prop_map(|(before, ip, behind)| format!("{before}{ip}{behind}"));
    let look_alike = prop_oneof![r"[\[\]0-9a-fA-F:.%]{0,20}", "[0-9.]{0,16}"];
    let name = prop_oneof!["[a-z.-]{1,20}", r"\PC{0,300}"];
    prop_oneof![3 => disguised, 2 => look_alike, 2 => name].boxed()
}

type Credentials = (Vec<u8>, Vec<u8>);

/// Two pairs of credentials that are the same, or differ by little: an octet, the length, what is in which of them.
fn similar_credentials() -> impl Strategy<Value = (Credentials, Credentials)> {
    let few = || vec(select(&[0, b'a']), 0..3);
    let by_chance = ((few(), few()), (few(), few()));
    let damaged = (string(0), string(0), vec(damage(), 0..2), vec(damage(), 0..2));
    let by_damage = damaged.prop_map(|(username, password, to_username, to_password)| {
        let other = |octets: &Vec<u8>, all: Vec<Damage>| {
            let mut octets = all.into_iter().fold(octets.clone(), apply);
            octets.truncate(255);
            octets
        };
        let others = (other(&username, to_username), other(&password, to_password));
        ((username, password), others)
    });
    prop_oneof![by_chance, by_damage]
}

/// Messages borrow, and strategies own: so the octets have to outlive both.
fn leaked(octets: Vec<u8>) -> &'static [u8] {
    octets.leak()
}
