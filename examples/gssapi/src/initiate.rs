//! The client's side of the authentication, the counterpart of [`accept`](crate::accept).

use std::io;

use libgssapi::context::{ClientCtx, CtxFlags, SecurityContext};
use libgssapi::name::Name;
use libgssapi::oid::GSS_NT_HOSTBASED_SERVICE;
use socks5_sansio::client::SendRequest;
use socks5_sansio::gssapi::{ContinueContext, SendToken};
use socks5_sansio::{GssapiToken, ProtectionLevel};
use tokio::task::block_in_place;
use tokio_socks5_sansio::Wire;

use crate::protection::Protection;
use crate::stream::Stream;
use crate::{MAX_TOKENS, abort, denied};

/// Authenticates to a service such as `rcmd@proxy.example`, and agrees to this level and no other.
pub async fn initiate(
    wire: &mut Wire<&mut Stream<'_>>,
    permit: SendToken,
    service: &str,
    level: ProtectionLevel,
) -> io::Result<(Protection, SendRequest)> {
    let service = Name::new(service.as_bytes(), Some(GSS_NT_HOSTBASED_SERVICE)).map_err(denied)?;
    let mut context = ClientCtx::new(None, service, flags(), None);
    let permit = establish(wire, &mut context, permit).await?;
    // RFC 1961 section 4.4: without confidentiality, whatever the level
    let wrapped = match context.wrap(false, &[level.0]) {
        Ok(wrapped) => wrapped,
        Err(error) => return abort(wire, permit.abort(), error).await,
    };
    let (message, state) = permit.offer_level(GssapiToken::new(&wrapped)?);
    wire.send(&message).await?;
    let (chosen, permit) = wire.receive(state).await?;
    match check(&mut context, chosen, level) {
        Ok(()) => Ok((Protection::new(context, level), permit.agree())),
        Err(error) => abort(wire, permit.abort(), error).await,
    }
}

/// `step` blocks: the library asks the KDC for a ticket.
async fn establish(
    wire: &mut Wire<&mut Stream<'_>>,
    context: &mut ClientCtx,
    permit: SendToken,
) -> io::Result<ContinueContext> {
    let first = match block_in_place(|| context.step(None, None)) {
        Ok(first) => first,
        Err(error) => return abort(wire, permit.abort(), error).await,
    };
    let (message, mut state) = permit.token(GssapiToken::new(first.as_deref().unwrap_or_default())?);
    wire.send(&message).await?;
    for _ in 0..MAX_TOKENS {
        let (given, permit) = wire.receive(state).await?;
        let answer = match block_in_place(|| context.step(Some(given.as_bytes()), None)) {
            Ok(Some(answer)) => answer,
            Ok(None) => return Ok(permit),
            Err(error) => return abort(wire, permit.abort(), error).await,
        };
        let (message, next) = permit.more(GssapiToken::new(&answer)?);
        wire.send(&message).await?;
        state = next;
    }
    let (_, permit) = wire.receive(state).await?;
    abort(wire, permit.abort(), "too many tokens").await
}

/// The proxy must choose the level that was offered.
fn check(context: &mut ClientCtx, chosen: GssapiToken<'_>, level: ProtectionLevel) -> io::Result<()> {
    match *context.unwrap(chosen.as_bytes()).map_err(denied)? {
        [octet] if octet == level.0 => Ok(()),
        [octet] => Err(denied(format_args!("the proxy chose protection level {}", ProtectionLevel(octet)))),
        _ => Err(denied("a protection level is one byte")),
    }
}

/// Mutual, and with detection of replayed and missing frames.
fn flags() -> CtxFlags {
    CtxFlags::GSS_C_MUTUAL_FLAG
        | CtxFlags::GSS_C_REPLAY_FLAG
        | CtxFlags::GSS_C_SEQUENCE_FLAG
        | CtxFlags::GSS_C_INTEG_FLAG
        | CtxFlags::GSS_C_CONF_FLAG
}
