//! Functions that are linked and not proved: nothing in them may panic.

use core::net::SocketAddr;
use core::num::NonZeroUsize;
use core::time::Duration;

use socks5_sansio::association::{PeerFilter, Scope, scope};
use socks5_sansio::fragment::{Fragments, Outcome, Reassembly, fragments};
use socks5_sansio::server::ReceiveRequest;
use socks5_sansio::{
    Domain, Endpoint, EndpointBuf, GssapiToken, Inbox, MethodOffer, Polled, UdpHeader, UserPass, UserPassBuf,
};

macro_rules! linked {
    ($($name:ident($($argument:ident: $type:ty),*) -> $result:ty { $value:expr })*) => {
        $(#[unsafe(no_mangle)]
        #[allow(clippy::extra_unused_lifetimes, reason = "not every function borrows")]
        pub fn $name<'a>($($argument: $type),*) -> $result {
            $value
        })*
    };
}

linked! {
    link_admit(filter: &'a mut PeerFilter, from: SocketAddr) -> bool { filter.admit(from) }
    link_client(filter: &'a PeerFilter) -> Option<SocketAddr> { filter.client() }
    link_scope(ip: core::net::IpAddr) -> Scope { scope(ip) }
    link_domain(name: &'a [u8]) -> Option<Domain<'a>> { Domain::new(name).ok() }
    link_offer(methods: &'a [u8]) -> Option<MethodOffer<'a>> { MethodOffer::new(methods).ok() }
    link_token(token: &'a [u8]) -> Option<GssapiToken<'a>> { GssapiToken::new(token).ok() }
    link_user_pass(username: &'a [u8], password: &'a [u8]) -> Option<UserPass<'a>> { UserPass::new(username, password).ok() }
    link_verify(given: &'a UserPass<'a>, expected: &'a UserPass<'a>) -> bool { given.verify(expected) }
    link_user_pass_buf(given: &'a UserPass<'a>) -> UserPassBuf { UserPassBuf::from(*given) }
    link_as_user_pass(owned: &'a UserPassBuf) -> UserPass<'a> { owned.as_user_pass() }
    link_endpoint_buf(endpoint: &'a Endpoint<'a>) -> EndpointBuf { EndpointBuf::from(*endpoint) }
    link_as_endpoint(owned: &'a EndpointBuf) -> Endpoint<'a> { owned.as_endpoint() }
    link_to_socket_addr(endpoint: &'a Endpoint<'a>) -> Option<SocketAddr> { endpoint.to_socket_addr() }
    link_fragments(endpoint: Endpoint<'a>, data: &'a [u8], size: NonZeroUsize) -> Option<Fragments<'a>> { fragments(endpoint, data, size).ok() }
    link_next_fragment(fragments: &'a mut Fragments<'a>) -> Option<(UdpHeader<'a>, &'a [u8])> { fragments.next() }
    link_reassemble(to: &'a mut Reassembly<&'a mut [u8]>, header: &'a UdpHeader<'a>, data: &'a [u8], now: Duration) -> Outcome<'a> { to.push(header, data, now) }
    link_inbox_unread(inbox: &'a Inbox<[u8; 1032]>) -> &'a [u8] { inbox.unread() }
    link_inbox_space(inbox: &'a mut Inbox<[u8; 1032]>) -> &'a mut [u8] { inbox.space() }
    link_inbox_room(inbox: &'a mut Inbox<[u8; 1032]>, len: usize) -> Option<&'a mut [u8]> { inbox.room(len).ok() }
    link_inbox_filled(inbox: &'a mut Inbox<[u8; 1032]>, len: usize) -> () { inbox.filled(len) }
    link_inbox_consume(inbox: &'a mut Inbox<[u8; 1032]>, len: usize) -> () { inbox.consume(len) }
    link_inbox_poll(inbox: &'a mut Inbox<[u8; 1032]>, state: ReceiveRequest) -> bool { matches!(inbox.poll(state), Ok(Polled::Whole(_))) }
}
