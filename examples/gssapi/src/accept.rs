//! The server's side of the authentication: what comes from the client goes to the library, and back.

use std::io;

use libgssapi::context::{CtxFlags, SecurityContext, ServerCtx};
use libgssapi::credential::Cred;
use socks5_sansio::gssapi::{Acceptor, AcceptorStep as Step, Judge};
use socks5_sansio::server::Server;
use socks5_sansio::{GssapiToken, ProtectionLevel};

use crate::stream::{Protection, Stream, fill};
use crate::{MAX_TOKENS, denied, token};

/// Who the client is, and how its octets are protected.
pub struct Accepted {
    pub principal: String,
    pub protection: Protection,
    pub server: Server,
}

/// Authenticates the client, with the keys of `credential`, and grants it one of these levels.
pub fn accept(
    stream: &mut Stream,
    mut acceptor: Acceptor,
    credential: Cred,
    granted: &[ProtectionLevel],
) -> io::Result<Accepted> {
    let mut context = ServerCtx::new(Some(credential));
    let (mut buffer, mut tokens) = (Vec::new(), 0..MAX_TOKENS);
    loop {
        let (_, step) = acceptor.read(&buffer).map_err(|error| stream.last_words(error))?;
        acceptor = match step {
            Step::NeedMore(same, missing) => match fill(stream, missing, &mut buffer)? {
                true => same,
                false => return Err(same.end(&buffer).into()),
            },
            Step::Token(given, permit) if tokens.next().is_some() => {
                let next = judge(stream, &mut context, given, permit)?;
                buffer.clear();
                next
            }
            Step::Token(_, permit) => return stream.part(permit.abort(), "too many tokens"),
            Step::Level(offered, permit) => {
                let (level, answer) = match choose(&mut context, offered.as_bytes(), granted) {
                    Ok(chosen) => chosen,
                    Err(error) => return stream.part(permit.abort(), error),
                };
                let (message, server) = permit.choose(token(&answer)?);
                stream.send(message)?;
                let principal = context.source_name().map_err(io::Error::other)?.to_string();
                return Ok(Accepted { principal, protection: Protection::new(context, level), server });
            }
        };
    }
}

/// What the library makes of a token goes back.
fn judge(stream: &mut Stream, context: &mut ServerCtx, given: GssapiToken<'_>, permit: Judge) -> io::Result<Acceptor> {
    let answer = match context.step(given.as_bytes(), None) {
        Ok(answer) => answer,
        Err(error) => return stream.part(permit.abort(), error),
    };
    let (message, next) = match answer.as_deref().map(token).transpose()? {
        Some(answer) if !context.is_complete() => permit.more(answer),
        answer => permit.established(answer),
    };
    stream.send(message).and(Ok(next))
}

/// The token that chooses a level: the one that the client asks for, if it is granted and the context is up to it, else
/// the first that is (RFC 1961 section 4.2: it "may or may not take the client's request into account").
///
/// NEC's implementation sends the octet as it is, and expects it so: whoever sits in between could make it that of
/// another level that is granted.
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

/// What the context must be able to do. Without the first two, a replayed frame would go unnoticed; libcurl, which
/// wraps at no level, lacks the second.
fn needed(level: ProtectionLevel) -> CtxFlags {
    let integrity = CtxFlags::GSS_C_REPLAY_FLAG | CtxFlags::GSS_C_SEQUENCE_FLAG | CtxFlags::GSS_C_INTEG_FLAG;
    match level {
        ProtectionLevel::CLEAR => CtxFlags::empty(),
        ProtectionLevel::CONFIDENTIALITY => integrity | CtxFlags::GSS_C_CONF_FLAG,
        _ => integrity,
    }
}
