//! The client's side of the authentication, the mirror image of [`accept`](crate::accept).

use std::io;

use libgssapi::context::{ClientCtx, CtxFlags, SecurityContext};
use libgssapi::name::Name;
use libgssapi::oid::GSS_NT_HOSTBASED_SERVICE;
use socks5_sansio::client::SendRequest;
use socks5_sansio::gssapi::{Agree, Initiate, Initiator, InitiatorStep as Step, OfferLevel, Proceed};
use socks5_sansio::{GssapiToken, ProtectionLevel};

use crate::stream::{Protection, Stream, fill};
use crate::{MAX_TOKENS, denied, token};

/// Authenticates to a service such as `rcmd@proxy.example`, and agrees to this level and no other.
pub fn initiate(
    stream: &mut Stream,
    permit: Initiate,
    service: &str,
    level: ProtectionLevel,
) -> io::Result<(Protection, SendRequest)> {
    let service = Name::new(service.as_bytes(), Some(GSS_NT_HOSTBASED_SERVICE)).map_err(denied)?;
    let mut context = ClientCtx::new(None, service, flags(), None);
    let first = match context.step(None, None) {
        Ok(first) => first.map_or_else(Vec::new, |first| first.to_vec()),
        Err(error) => return stream.part(permit.abort(), error),
    };
    let (message, mut initiator) = permit.token(token(&first)?);
    stream.send(message)?;
    let (mut buffer, mut tokens) = (Vec::new(), 0..MAX_TOKENS);
    loop {
        let (_, step) = initiator.read(&buffer).map_err(|error| stream.last_words(error))?;
        initiator = match step {
            Step::NeedMore(same, missing) => match fill(stream, missing, &mut buffer)? {
                true => same,
                false => return Err(same.end(&buffer).into()),
            },
            Step::Token(given, permit) if tokens.next().is_some() => {
                let next = proceed(stream, &mut context, given, permit, level)?;
                buffer.clear();
                next
            }
            Step::Token(_, permit) => return stream.part(permit.abort(), "too many tokens"),
            Step::Level(chosen, permit) => {
                let permit = agree(stream, &mut context, chosen, permit, level)?;
                return Ok((Protection::new(context, level), permit));
            }
        };
    }
}

/// What the library makes of a token goes back, or the level if it is satisfied.
fn proceed(
    stream: &mut Stream,
    context: &mut ClientCtx,
    given: GssapiToken<'_>,
    permit: Proceed,
    level: ProtectionLevel,
) -> io::Result<Initiator> {
    match context.step(Some(given.as_bytes()), None) {
        Ok(Some(answer)) => {
            let (message, next) = permit.more(token(&answer)?);
            stream.send(message).and(Ok(next))
        }
        Ok(None) => offer(stream, context, permit.established(), level),
        Err(error) => stream.part(permit.abort(), error),
    }
}

/// Wrapped without confidentiality, whatever the level (section 4.4).
fn offer(
    stream: &mut Stream,
    context: &mut ClientCtx,
    permit: OfferLevel,
    level: ProtectionLevel,
) -> io::Result<Initiator> {
    match context.wrap(false, &[level.0]) {
        Ok(wrapped) => {
            let (message, next) = permit.offer(token(&wrapped)?);
            stream.send(message).and(Ok(next))
        }
        Err(error) => stream.part(permit.abort(), error),
    }
}

/// Only if the proxy chose what was offered.
fn agree(
    stream: &mut Stream,
    context: &mut ClientCtx,
    chosen: GssapiToken<'_>,
    permit: Agree,
    level: ProtectionLevel,
) -> io::Result<SendRequest> {
    let why = match context.unwrap(chosen.as_bytes()).as_deref() {
        Ok(&[octet]) if octet == level.0 => return Ok(permit.agree()),
        Ok(&[octet]) => format!("the proxy chose protection level {}", ProtectionLevel(octet)),
        Ok(_) => "a protection level is one octet".into(),
        Err(error) => error.to_string(),
    };
    stream.part(permit.abort(), why)
}

/// Mutual, and such that neither a replayed frame nor a missing one goes unnoticed.
fn flags() -> CtxFlags {
    CtxFlags::GSS_C_MUTUAL_FLAG
        | CtxFlags::GSS_C_REPLAY_FLAG
        | CtxFlags::GSS_C_SEQUENCE_FLAG
        | CtxFlags::GSS_C_INTEG_FLAG
        | CtxFlags::GSS_C_CONF_FLAG
}
