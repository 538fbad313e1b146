//! Datagrams inside the TCP connection, for networks that drop UDP: three dialects, one of which has two versions.
//!
//! | dialect | asked for by | frames |
//! |---|---|---|
//! | hev-socks5 | [`HevDatagram::COMMAND`], 05 | [`HevDatagram`] |
//! | gost | [`GostDatagram::COMMAND`], F3 | [`GostDatagram`] |
//! | UDP over TCP 1 (sing-box, mihomo) | CONNECT to the reserved name of [`UotVersion::V1`] | [`UotDatagram`] |
//! | UDP over TCP 2 | CONNECT to the reserved name of [`UotVersion::V2`] | a [`UotRequest`], then [`UotDatagram`] or [`UotConnectDatagram`] |
//!
//! A server receives the commands as [`Asked::Other`](crate::server::Asked::Other), and the reserved names as the destination of
//! [`Asked::Connect`](crate::server::Asked::Connect). A server that does not support them refuses the commands with
//! [`COMMAND_NOT_SUPPORTED`](crate::ReplyCode::COMMAND_NOT_SUPPORTED) and the names with
//! [`HOST_UNREACHABLE`](crate::ReplyCode::HOST_UNREACHABLE), and never resolves the names.
//!
//! After the reply, and not before it, both sides send frames. A frame is decoded only when it is complete; the caller's buffer
//! limits its length, and a frame that does not fit ends the association. A malformed frame ends it too, because the start of the
//! next one is unknown. A datagram to a forbidden address, or to a name that does not resolve, is dropped, and the association
//! continues. A rule for destinations must check the [canonical](crate::Endpoint::canonical) address of each frame or of the
//! [`UotRequest`], and the addresses that its name resolves to, not the destination of the SOCKS request.
//!
//! ```
//! use socks5_sansio::udp_in_tcp::HevDatagram;
//! use socks5_sansio::{Decode, DecodeError, Inbox};
//!
//! let mut inbox = Inbox::new([0; 2048]); // a longer frame ends the association
//! let stream = b"\x00\x03\x0A\x01\xC0\x00\x02\x01\x00\x35one\x00\x03\x0A\x01\xC0\x00\x02\x01\x00\x35t";
//! inbox.space()[..stream.len()].copy_from_slice(stream); // as `read` does
//! inbox.filled(stream.len());
//!
//! let (datagram, used) = HevDatagram::decode(inbox.unread())?;
//! assert_eq!((datagram.endpoint.to_string().as_str(), datagram.data), ("192.0.2.1:53", b"one".as_slice()));
//! inbox.consume(used);
//!
//! let Err(DecodeError::Incomplete(missing)) = HevDatagram::decode(inbox.unread()) else { panic!("is truncated") };
//! assert_eq!(inbox.room(missing.get())?.len(), 2); // "wo"
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

pub use crate::wire::{Frame, GostDatagram, HevDatagram, UotConnectDatagram, UotDatagram, UotRequest, UotVersion};
