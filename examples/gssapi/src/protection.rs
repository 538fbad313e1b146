//! Wrapping and unwrapping by the security context, at the level that was granted (RFC 1961 section 5).

use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use libgssapi::context::{CtxFlags, SecurityContext};
use socks5_sansio::{Decode, Encode, GssapiMessage, GssapiToken, ProtectionLevel};

use crate::{denied, invalid};

/// An established security context, which both directions share, and its level.
#[derive(Clone)]
pub struct Protection {
    context: Arc<Mutex<dyn SecurityContext + Send>>,
    pub level: ProtectionLevel,
    in_sequence: bool,
}

impl Protection {
    pub fn new(context: impl SecurityContext + Send + 'static, level: ProtectionLevel) -> Self {
        let in_sequence = context.flags().is_ok_and(|flags| flags.contains(CtxFlags::GSS_C_SEQUENCE_FLAG));
        Self { context: Arc::new(Mutex::new(context)), level, in_sequence }
    }

    /// Whether data is wrapped in frames.
    pub fn wraps(&self) -> bool {
        self.level != ProtectionLevel::CLEAR
    }

    /// Fails if frames could be removed from a stream unnoticed. Clients that use datagrams do not ask for the detection of
    /// gaps.
    pub fn check_stream(&self) -> io::Result<()> {
        if self.wraps() && !self.in_sequence {
            return Err(denied("the context does not detect missing frames"));
        }
        Ok(())
    }

    /// Wraps bytes into a frame.
    pub fn wrap(&self, clear: &[u8]) -> io::Result<Vec<u8>> {
        let confidential = self.level == ProtectionLevel::CONFIDENTIALITY;
        let wrapped = self.context().wrap(confidential, clear).map_err(io::Error::other)?;
        Ok(GssapiMessage::Encapsulated(GssapiToken::new(&wrapped)?).to_vec())
    }

    /// Unwraps a frame. A duplicate is an error and, if the context detects missing frames, so is one out of sequence. `libgssapi`
    /// does not return whether it was encrypted.
    pub fn unwrap(&self, message: &GssapiMessage<'_>) -> io::Result<Vec<u8>> {
        let GssapiMessage::Encapsulated(token) = message else {
            return Err(invalid(format_args!("{message:?} instead of a frame of data")));
        };
        let clear = self.context().unwrap(token.as_bytes());
        clear.map(|clear| clear.to_vec()).map_err(|error| invalid(format_args!("a frame is refused: {error}")))
    }

    /// Unwraps a datagram, which is one frame.
    pub fn unwrap_datagram(&self, datagram: &[u8]) -> io::Result<Vec<u8>> {
        match GssapiMessage::decode(datagram) {
            Ok((message, used)) if used == datagram.len() => self.unwrap(&message),
            _ => Err(invalid("not a frame")),
        }
    }

    fn context(&self) -> MutexGuard<'_, dyn SecurityContext + Send + 'static> {
        self.context.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
