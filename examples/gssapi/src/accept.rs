//! The server's side of the authentication: the client's tokens are passed to the library, and its tokens to the client.

use std::io;

use libgssapi::context::{CtxFlags, SecurityContext, ServerCtx};
use libgssapi::credential::Cred;
use socks5_sansio::blocking::Wire;
use socks5_sansio::gssapi::{AnswerToken, ChooseLevel, ReceiveLevel, ReceiveToken};
use socks5_sansio::server::ReceiveRequest;
use socks5_sansio::{GssapiToken, ProtectionLevel};

use crate::stream::{Protection, Stream};
use crate::{MAX_TOKENS, abort, denied};

/// An authenticated client, and how its data is protected.
pub struct Accepted {
    pub principal: String,
    pub protection: Protection,
    pub state: ReceiveRequest,
}

/// Authenticates the client, with the keys of `credential`, and grants it one of these levels.
pub fn accept(
    stream: &mut Stream,
    state: ReceiveToken<AnswerToken>,
    credential: Cred,
    granted: &[ProtectionLevel],
) -> io::Result<Accepted> {
    let mut wire = Wire::client(stream); // reads no byte of what is wrapped
    let mut context = ServerCtx::new(Some(credential));
    let state = establish(&mut wire, &mut context, state)?;
    let (offered, permit) = wire.receive(state)?;
    let (level, answer) = match choose(&mut context, offered.as_bytes(), granted) {
        Ok(chosen) => chosen,
        Err(error) => return abort(&mut wire, permit.abort(), error),
    };
    let (message, state) = permit.choose(GssapiToken::new(&answer)?);
    wire.send(&message)?;
    let principal = context.source_name().map_err(io::Error::other)?.to_string();
    Ok(Accepted { principal, protection: Protection::new(context, level), state })
}

fn establish(
    wire: &mut Wire<&mut Stream>,
    context: &mut ServerCtx,
    mut state: ReceiveToken<AnswerToken>,
) -> io::Result<ReceiveLevel<ChooseLevel>> {
    for _ in 0..MAX_TOKENS {
        let (given, permit) = wire.receive(state)?;
        let answer = match context.step(given.as_bytes(), None) {
            Ok(answer) => answer,
            Err(error) => return abort(wire, permit.abort(), error),
        };
        let (message, next) = match answer.as_deref().map(GssapiToken::new).transpose()? {
            Some(answer) if !context.is_complete() => permit.more(answer),
            answer => {
                let (message, next) = permit.established(answer);
                return wire.send(&message).and(Ok(next));
            }
        };
        wire.send(&message)?;
        state = next;
    }
    let (_, permit) = wire.receive(state)?;
    abort(wire, permit.abort(), "too many tokens")
}

/// The token that chooses a level: the one that the client asks for, if it is granted and the context is up to it, else
/// the first that is (RFC 1961 section 4.2: it "may or may not take the client's request into account").
///
/// NEC's implementation sends the octet unwrapped, and expects the answer unwrapped: an attacker on the path can replace it by
/// that of another granted level.
fn choose(
    context: &mut ServerCtx,
    offered: &[u8],
    granted: &[ProtectionLevel],
) -> io::Result<(ProtectionLevel, Vec<u8>)> {
    let (asked, unwrapped) = match offered {
        [octet] => (ProtectionLevel(*octet), true),
        wrapped => match *context.unwrap(wrapped).map_err(denied)? {
            [octet] => (ProtectionLevel(octet), false),
            _ => return Err(denied("a protection level is one octet")),
        },
    };
    let flags = context.flags().map_err(denied)?;
    let possible = |level: &ProtectionLevel| granted.contains(level) && flags.contains(needed(*level));
    let level = Some(asked).filter(&possible).or_else(|| granted.iter().copied().find(&possible));
    let level = level.ok_or_else(|| denied("no protection level will do"))?;
    let octets = [level.0];
    let answer = if unwrapped { octets.to_vec() } else { context.wrap(false, &octets).map_err(denied)?.to_vec() };
    Ok((level, answer))
}

/// What the context must be able to do. Without the first two, a replayed frame would not be detected; libcurl, which wraps at
/// no level, lacks the second.
fn needed(level: ProtectionLevel) -> CtxFlags {
    let integrity = CtxFlags::GSS_C_REPLAY_FLAG | CtxFlags::GSS_C_SEQUENCE_FLAG | CtxFlags::GSS_C_INTEG_FLAG;
    match level {
        ProtectionLevel::CLEAR => CtxFlags::empty(),
        ProtectionLevel::CONFIDENTIALITY => integrity | CtxFlags::GSS_C_CONF_FLAG,
        _ => integrity,
    }
}
