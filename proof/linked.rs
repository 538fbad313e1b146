//! The other public functions that neither parse nor format text. They are linked with the harness, and nothing in them may panic.
//! Not among them: `PeerFilter::new`, `relay_address`, `Endpoint::{canonical, target}` and SOCKS4's permits, which parse a name.

use core::net::{IpAddr, Ipv4Addr, SocketAddr, SocketAddrV4};
use core::num::NonZeroUsize;
use core::time::Duration;

use socks5_sansio::association::{PeerFilter, Scope, bound_address, scope};
use socks5_sansio::either::{self, Protocol};
use socks5_sansio::fragment::{Fragments, Outcome, Reassembly, fragments};
use socks5_sansio::udp_in_tcp::UotVersion;
use socks5_sansio::{
    Address, BufferTooSmall, Command, Decode, DecodeError, Domain, Encode, Endpoint, EndpointBuf, Fragment,
    GssapiMessage, GssapiToken, Inbox, Invalid, Method, MethodOffer, MethodSelection, Polled, ProtectionLevel, Reply,
    ReplyCode, Request, Run, Runs, UdpHeader, UserPass, UserPassBuf, UserPassStatus,
};
use socks5_sansio::{client, gssapi, server, socks4};

macro_rules! linked {
    ($($name:ident($($argument:ident: $type:ty),*) -> $result:ty { $value:expr })*) => {
        $(#[unsafe(no_mangle)]
        #[allow(clippy::extra_unused_lifetimes, reason = "not every function borrows")]
        pub fn $name<'a>($($argument: $type),*) -> $result {
            $value
        })*
    };
}

type Array = Inbox<[u8; 1032]>;
type Slice<'a> = Inbox<&'a mut [u8]>;
type GssapiSent<'a, P> = (GssapiMessage<'a>, gssapi::ReceiveToken<P>);

// values and messages
linked! {
    link_domain(name: &'a [u8]) -> Option<Domain<'a>> { Domain::new(name).ok() }
    link_domain_bytes(name: Domain<'a>) -> &'a [u8] { name.as_bytes() }
    link_offer(methods: &'a [u8]) -> Option<MethodOffer<'a>> { MethodOffer::new(methods).ok() }
    link_offer_contains(offer: MethodOffer<'a>, method: Method) -> bool { offer.contains(method) }
    link_offer_methods(offer: MethodOffer<'a>) -> Option<Method> { offer.methods().last() }
    link_method_is_private(method: Method) -> bool { method.is_private() }
    link_token(token: &'a [u8]) -> Option<GssapiToken<'a>> { GssapiToken::new(token).ok() }
    link_message_type(message: GssapiMessage<'a>) -> u8 { message.message_type() }
    link_protection_level(level: ProtectionLevel) -> u8 { level.into() }
    link_user_pass(username: &'a [u8], password: &'a [u8]) -> Option<UserPass<'a>> { UserPass::new(username, password).ok() }
    link_verify(given: &'a UserPass<'a>, expected: &'a UserPass<'a>) -> bool { given.verify(expected) }
    link_user_pass_buf(given: &'a UserPass<'a>) -> UserPassBuf { UserPassBuf::from(*given) }
    link_as_user_pass(owned: &'a UserPassBuf) -> UserPass<'a> { owned.as_user_pass() }
    link_status_is_success(status: UserPassStatus) -> bool { status.is_success() }
    link_address_ip(address: Address<'a>) -> Option<IpAddr> { address.ip() }
    link_endpoint_from(address: SocketAddr) -> Endpoint<'a> { address.into() }
    link_endpoint_unspecified(like: SocketAddr) -> Endpoint<'a> { Endpoint::unspecified(like) }
    link_to_socket_addr(endpoint: &'a Endpoint<'a>) -> Option<SocketAddr> { endpoint.to_socket_addr() }
    link_endpoint_buf(endpoint: &'a Endpoint<'a>) -> EndpointBuf { EndpointBuf::from(*endpoint) }
    link_as_endpoint(owned: &'a EndpointBuf) -> Endpoint<'a> { owned.as_endpoint() }
    link_reply_failed(code: ReplyCode) -> Reply<'a> { Reply::failed(code) }
    link_reply_succeeded(bound: Endpoint<'a>) -> Reply<'a> { Reply::succeeded(bound) }
    link_udp_header(endpoint: Endpoint<'a>) -> UdpHeader<'a> { UdpHeader::new(endpoint) }
    link_fragment(fragment: Fragment) -> (u8, bool, bool) { (fragment.position(), fragment.is_last(), fragment.is_standalone()) }
    link_encoded_len(request: Request<'a>) -> usize { request.encoded_len() }
    link_encode_flight(offer: MethodOffer<'a>, given: UserPass<'a>, request: Request<'a>, out: &'a mut [u8]) -> Result<usize, BufferTooSmall> {
        (offer, Some(given), request).encode(out)
    }
    link_encode_bytes(data: &'a [u8], out: &'a mut [u8]) -> Result<usize, BufferTooSmall> { data.encode(out) }
    link_socks4_peek(input: &'a [u8]) -> Result<socks4::ReplyCode, DecodeError> { socks4::Reply::peek_code(input) }
    link_socks4_reply(bound: SocketAddrV4) -> socks4::Reply { socks4::Reply::granted(bound) }
    link_uot_version(destination: Endpoint<'a>) -> Option<UotVersion> { UotVersion::of(destination) }
    link_uot_destination(version: UotVersion) -> Endpoint<'a> { version.destination() }
    link_reply_code(error: client::Error) -> ReplyCode { error.into() }
    link_max_data(header: UdpHeader<'a>, len: usize) -> Option<usize> { header.max_data(len) }
    link_prepend_each(header: UdpHeader<'a>, data: &'a [u8], segment: NonZeroUsize, out: &'a mut [u8]) -> Result<usize, BufferTooSmall> {
        header.prepend_each(data, segment, out)
    }
    link_runs(datagrams: &'a [u8], stride: NonZeroUsize) -> Runs<'a> { UdpHeader::runs(datagrams, stride) }
    link_next_run(runs: &'a mut Runs<'a>) -> Option<Result<Run<'a>, Invalid>> { runs.next() }
    link_run_data(run: Run<'a>) -> Option<&'a [u8]> { run.data().last() }
    link_split_header(datagram: &'a [u8]) -> Result<(UdpHeader<'a>, &'a [u8]), Invalid> { UdpHeader::split(datagram) }
    link_decode_request(input: &'a [u8]) -> Result<(Request<'a>, usize), DecodeError> { Request::decode(input) }
}

// the rules of UDP ASSOCIATE, fragments, and the buffer
linked! {
    link_admit(filter: &'a mut PeerFilter, from: SocketAddr) -> bool { filter.admit(from) }
    link_client(filter: &'a PeerFilter) -> Option<SocketAddr> { filter.client() }
    link_bound_address(local: SocketAddr, control: SocketAddr) -> SocketAddr { bound_address(local, control) }
    link_scope(ip: IpAddr) -> Scope { scope(ip) }
    link_fragments(endpoint: Endpoint<'a>, data: &'a [u8], size: NonZeroUsize) -> Option<Fragments<'a>> { fragments(endpoint, data, size).ok() }
    link_next_fragment(fragments: &'a mut Fragments<'a>) -> Option<(UdpHeader<'a>, &'a [u8])> { fragments.next() }
    link_reassembly(buffer: &'a mut [u8], timeout: Duration) -> Reassembly<&'a mut [u8]> { Reassembly::new(buffer, timeout) }
    link_reassemble(to: &'a mut Reassembly<&'a mut [u8]>, header: &'a UdpHeader<'a>, data: &'a [u8], now: Duration) -> Outcome<'a> {
        to.push(header, data, now)
    }
    link_inbox_unread(inbox: &'a Array) -> &'a [u8] { inbox.unread() }
    link_inbox_space(inbox: &'a mut Array) -> &'a mut [u8] { inbox.space() }
    link_inbox_room(inbox: &'a mut Array, len: usize) -> Option<&'a mut [u8]> { inbox.room(len).ok() }
    link_inbox_filled(inbox: &'a mut Array, len: usize) -> () { inbox.filled(len) }
    link_inbox_consume(inbox: &'a mut Array, len: usize) -> () { inbox.consume(len) }
    link_inbox_poll(inbox: &'a mut Array, state: server::ReceiveRequest) -> bool { matches!(inbox.poll(state), Ok(Polled::Whole(_))) }
    link_slice_unread(inbox: &'a Slice<'a>) -> &'a [u8] { inbox.unread() }
    link_slice_space(inbox: &'a mut Slice<'a>) -> &'a mut [u8] { inbox.space() }
    link_slice_room(inbox: &'a mut Slice<'a>, len: usize) -> Option<&'a mut [u8]> { inbox.room(len).ok() }
    link_slice_filled(inbox: &'a mut Slice<'a>, len: usize) -> () { inbox.filled(len) }
    link_slice_receive(inbox: &'a mut Slice<'a>, state: server::ReceiveUserPass) -> bool { inbox.receive(state).is_ok() }
}

// moves
linked! {
    link_client_anonymous() -> (MethodOffer<'a>, client::ReceiveNoAuthentication) { client::anonymous() }
    link_client_login(given: Option<UserPass<'a>>) -> (MethodOffer<'a>, client::ReceiveSelection<'a>) { client::login(given) }
    link_client_offer(offer: MethodOffer<'a>) -> (MethodOffer<'a>, client::ReceiveMethod) { client::offer(offer) }
    link_client_send(permit: client::SendUserPass, given: UserPass<'a>) -> (UserPass<'a>, client::ReceiveStatus) { permit.send(given) }
    link_client_connect(permit: client::SendRequest, to: Endpoint<'a>) -> (Request<'a>, client::ReceiveReply) { permit.connect(to) }
    link_client_bind(permit: client::SendRequest, to: Endpoint<'a>) -> (Request<'a>, client::ReceiveListening) { permit.bind(to) }
    link_client_associate(permit: client::SendRequest, to: Endpoint<'a>) -> (Request<'a>, client::ReceiveReply) { permit.udp_associate(to) }
    link_client_other(permit: client::SendRequest, command: Command, to: Endpoint<'a>) -> (Request<'a>, client::ReceiveReply) { permit.other(command, to) }
    link_client_gssapi(permit: client::SubNegotiation) -> Result<gssapi::SendToken, client::SubNegotiation> { permit.gssapi() }
    link_client_authenticated(permit: client::SubNegotiation) -> (Method, client::SendRequest) { (permit.method(), permit.authenticated()) }
    link_server_authenticated(permit: server::SubNegotiation) -> (Method, server::ReceiveRequest) { (permit.method(), permit.authenticated()) }
    link_server_accept(permit: server::VerifyUserPass) -> (UserPassStatus, server::ReceiveRequest) { permit.accept() }
    link_server_reject(permit: server::VerifyUserPass) -> UserPassStatus { permit.reject() }
    link_server_login(permit: server::ChooseMethod, anonymous: Option<u64>, prefer: bool) -> Result<(MethodSelection, server::Login<u64>), server::ChooseMethod> {
        permit.login(anonymous, prefer)
    }
    link_server_command(asked: &'a server::Asked) -> Command { asked.command() }
    link_server_refuse_all(asked: server::Asked, code: ReplyCode) -> Reply<'a> { asked.refuse(code) }
    link_server_succeed(permit: server::Respond, bound: Endpoint<'a>) -> Reply<'a> { permit.succeed(bound) }
    link_server_refuse(permit: server::Respond, code: ReplyCode) -> Reply<'a> { permit.refuse(code) }
    link_server_listening(permit: server::Listen, bound: Endpoint<'a>) -> (Reply<'a>, server::Respond) { permit.listening(bound) }
    link_server_no_listening(permit: server::Listen, code: ReplyCode) -> Reply<'a> { permit.refuse(code) }
    link_gssapi_offer() -> (MethodOffer<'a>, gssapi::ReceiveGssapi) { gssapi::offer() }
    link_gssapi_token(permit: gssapi::SendToken, token: GssapiToken<'a>) -> GssapiSent<'a, gssapi::ContinueContext> { permit.token(token) }
    link_gssapi_client_more(permit: gssapi::ContinueContext, token: GssapiToken<'a>) -> GssapiSent<'a, gssapi::ContinueContext> { permit.more(token) }
    link_gssapi_server_more(permit: gssapi::AnswerToken, token: GssapiToken<'a>) -> GssapiSent<'a, gssapi::AnswerToken> { permit.more(token) }
    link_gssapi_established(permit: gssapi::AnswerToken, token: Option<GssapiToken<'a>>) -> (GssapiMessage<'a>, gssapi::ReceiveLevel<gssapi::ChooseLevel>) {
        permit.established(token)
    }
    link_gssapi_offer_level(permit: gssapi::ContinueContext, token: GssapiToken<'a>) -> (GssapiMessage<'a>, gssapi::ReceiveLevel<gssapi::AgreeToLevel>) {
        permit.offer_level(token)
    }
    link_gssapi_choose(permit: gssapi::ChooseLevel, token: GssapiToken<'a>) -> (GssapiMessage<'a>, server::ReceiveRequest) { permit.choose(token) }
    link_gssapi_agree(permit: gssapi::AgreeToLevel) -> client::SendRequest { permit.agree() }
    link_gssapi_abort(permit: gssapi::SendToken) -> GssapiMessage<'a> { permit.abort() }
    link_socks4_connect(to: Endpoint<'a>, user_id: &'a [u8]) -> Option<(socks4::Request<'a>, socks4::ReceiveReply)> {
        socks4::connect(to, socks4::UserId::new(user_id).ok()?).ok()
    }
    link_socks4_bind(to: Endpoint<'a>, user_id: socks4::UserId<'a>) -> Option<(socks4::Request<'a>, socks4::ReceiveListening)> { socks4::bind(to, user_id).ok() }
    link_socks4_parts(request: &'a socks4::Request<'a>) -> (Command, Endpoint<'a>, socks4::UserId<'a>) { (request.command(), request.destination(), request.user_id()) }
    link_socks4_refuse(asked: socks4::Asked) -> (Command, socks4::Reply) { (asked.command(), asked.refuse()) }
    link_protocol(first: u8) -> Option<Protocol> { either::protocol(first) }
    link_either_socks5(asked: server::Asked) -> either::Asked { asked.into() }
    link_either_socks4(asked: socks4::Asked) -> either::Asked { asked.into() }
    link_either_refuse(asked: either::Asked, code: ReplyCode) -> (Command, either::Reply<'a>) { (asked.command(), asked.refuse(code)) }
    link_either_encode(reply: either::Reply<'a>, out: &'a mut [u8]) -> Result<usize, BufferTooSmall> { reply.encode(out) }
    link_closing_reply(error: server::Error) -> &'a [u8] { error.closing_reply() }
    link_ipv4(ip: Ipv4Addr) -> Address<'a> { ip.into() }
}
