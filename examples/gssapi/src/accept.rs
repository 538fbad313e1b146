//! The server's side of the authentication: the client's tokens are passed to the library, and the library's tokens to the client.

use std::io;

use libgssapi::context::{CtxFlags, SecurityContext, ServerCtx};
use libgssapi::credential::Cred;
use socks5_sansio::gssapi::{AnswerToken, ChooseLevel, ReceiveLevel, ReceiveToken};
use socks5_sansio::server::ReceiveRequest;
use socks5_sansio::{GssapiToken, ProtectionLevel};
use tokio::task::block_in_place;
use tokio_socks5_sansio::Wire;

use crate::protection::Protection;
use crate::stream::Stream;
use crate::{MAX_TOKENS, abort, denied};

/// An authenticated client, and how its data is protected.
pub struct Accepted {
    pub principal: String,
    pub protection: Protection,
    pub state: ReceiveRequest,
}

/// Authenticates the client, with the keys of `credential`, and grants it one of the levels.
pub async fn accept(
    wire: &mut Wire<&mut Stream<'_>>,
    state: ReceiveToken<AnswerToken>,
    credential: Cred,
    levels: &[ProtectionLevel],
) -> io::Result<Accepted> {
    let mut context = ServerCtx::new(Some(credential));
    let state = establish(wire, &mut context, state).await?;
    let (offered, permit) = wire.receive(state).await?;
    let (level, answer) = match choose(&mut context, offered.as_bytes(), levels) {
        Ok(chosen) => chosen,
        Err(error) => return abort(wire, permit.abort(), error).await,
    };
    let (message, state) = permit.choose(GssapiToken::new(&answer)?);
    wire.send(&message).await?;
    let principal = context.source_name().map_err(io::Error::other)?.to_string();
    Ok(Accepted { principal, protection: Protection::new(context, level), state })
}

/// `step` blocks: the library reads the keys, and records the client's tokens in a file.
async fn establish(
    wire: &mut Wire<&mut Stream<'_>>,
    context: &mut ServerCtx,
    mut state: ReceiveToken<AnswerToken>,
) -> io::Result<ReceiveLevel<ChooseLevel>> {
    for _ in 0..MAX_TOKENS {
        let (given, permit) = wire.receive(state).await?;
        let answer = match block_in_place(|| context.step(given.as_bytes(), None)) {
            Ok(answer) => answer,
            Err(error) => return abort(wire, permit.abort(), error).await,
        };
        let (message, next) = match answer.as_deref().map(GssapiToken::new).transpose()? {
            Some(answer) if !context.is_complete() => permit.more(answer),
            answer => {
                let (message, next) = permit.established(answer);
                return wire.send(&message).await.and(Ok(next));
            }
        };
        wire.send(&message).await?;
        state = next;
    }
    let (_, permit) = wire.receive(state).await?;
    abort(wire, permit.abort(), "too many tokens").await
}

/// Chooses a level. Returns the token for it too.
///
/// NEC's implementation sends the octet unwrapped, and expects the answer unwrapped: an attacker on the path can replace it by
/// the octet of another level that the server grants.
fn choose(
    context: &mut ServerCtx,
    offered: &[u8],
    levels: &[ProtectionLevel],
) -> io::Result<(ProtectionLevel, Vec<u8>)> {
    let (asked, unwrapped) = match offered {
        [octet] => (ProtectionLevel(*octet), true),
        wrapped => match *context.unwrap(wrapped).map_err(denied)? {
            [octet] => (ProtectionLevel(octet), false),
            _ => return Err(denied("a protection level is one byte")),
        },
    };
    let flags = context.flags().map_err(denied)?;
    let level = grant(asked, levels, flags).ok_or_else(|| denied("no acceptable protection level"))?;
    let octet = [level.0];
    let answer = if unwrapped { octet.to_vec() } else { context.wrap(false, &octet).map_err(denied)?.to_vec() };
    Ok((level, answer))
}

/// The level that the client asks for, if it is in `levels` and the context supports it; otherwise the strongest (RFC 1961
/// section 4.2: the server "may or may not take the client's request into account"). Level 0 is granted only if it is asked
/// for, or if there is no other.
fn grant(asked: ProtectionLevel, levels: &[ProtectionLevel], flags: CtxFlags) -> Option<ProtectionLevel> {
    let only_clear = levels.iter().all(|level| *level == ProtectionLevel::CLEAR);
    let acceptable = |level: &ProtectionLevel| *level != ProtectionLevel::CLEAR || only_clear;
    let possible = levels.iter().copied().filter(|level| flags.contains(needed(*level)));
    possible.clone().find(|level| *level == asked).or_else(|| possible.filter(acceptable).max_by_key(|level| level.0))
}

/// The flags that the context must have. Without `GSS_C_REPLAY_FLAG`, a replayed frame would not be detected.
fn needed(level: ProtectionLevel) -> CtxFlags {
    let integrity = CtxFlags::GSS_C_REPLAY_FLAG | CtxFlags::GSS_C_INTEG_FLAG;
    match level {
        ProtectionLevel::CLEAR => CtxFlags::empty(),
        ProtectionLevel::CONFIDENTIALITY => integrity | CtxFlags::GSS_C_CONF_FLAG,
        _ => integrity,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const CLEAR: ProtectionLevel = ProtectionLevel::CLEAR;
    const INTEGRITY: ProtectionLevel = ProtectionLevel::INTEGRITY;
    const CONFIDENTIALITY: ProtectionLevel = ProtectionLevel::CONFIDENTIALITY;
    const UNKNOWN: ProtectionLevel = ProtectionLevel(77);

    #[test]
    fn grants_the_requested_level_or_else_the_strongest_in_any_order() {
        let asked_for = [CLEAR, INTEGRITY, CONFIDENTIALITY, UNKNOWN];
        for (levels, expected) in [
            ([CLEAR].as_slice(), [CLEAR; 4]),
            (&[INTEGRITY], [INTEGRITY; 4]),
            (&[CONFIDENTIALITY], [CONFIDENTIALITY; 4]),
            (&[CLEAR, INTEGRITY], [CLEAR, INTEGRITY, INTEGRITY, INTEGRITY]),
            (&[CLEAR, CONFIDENTIALITY], [CLEAR, CONFIDENTIALITY, CONFIDENTIALITY, CONFIDENTIALITY]),
            (&[INTEGRITY, CONFIDENTIALITY], [CONFIDENTIALITY, INTEGRITY, CONFIDENTIALITY, CONFIDENTIALITY]),
            (&[CLEAR, INTEGRITY, CONFIDENTIALITY], [CLEAR, INTEGRITY, CONFIDENTIALITY, CONFIDENTIALITY]),
        ] {
            let reversed = Vec::from_iter(levels.iter().copied().rev());
            for levels in [levels, &reversed] {
                let granted = asked_for.map(|asked| grant(asked, levels, needed(CONFIDENTIALITY)));
                assert_eq!(granted, expected.map(Some), "{levels:?}");
            }
        }
    }

    #[test]
    fn grants_no_level_that_the_context_does_not_support() {
        let all = [CLEAR, INTEGRITY, CONFIDENTIALITY];
        for asked in [INTEGRITY, CONFIDENTIALITY, UNKNOWN] {
            assert_eq!(grant(asked, &all, needed(INTEGRITY)), Some(INTEGRITY));
            assert_eq!(grant(asked, &all, CtxFlags::empty()), None);
            assert_eq!(grant(asked, &[CONFIDENTIALITY], needed(INTEGRITY)), None);
        }
        assert_eq!(grant(CLEAR, &all, CtxFlags::empty()), Some(CLEAR));
    }
}
