//! Client and server in programs without std, without an allocator and without an operating system's start-up code. They link
//! only if none of it is needed.
//!
//! | program | does |
//! |---|---|
//! | `handshakes` | every kind of handshake, client against server |
//! | `server` | a server alone, with constant input: for its size |
//! | `client` | a client alone, likewise |
//! | `nothing` | nothing: the size to subtract |
//!
//! The exit status is 0 if everything was received as expected.

#![no_std]

#[cfg_attr(target_os = "linux", path = "platform/linux.rs")]
#[cfg_attr(target_os = "none", path = "platform/cortex_m.rs")]
#[cfg_attr(target_family = "wasm", path = "platform/wasm.rs")]
mod platform;

use core::panic::PanicInfo;

use socks5_sansio::server::{Asked, Login, ReceiveOffer};
use socks5_sansio::{Encode, Endpoint, Receive, UserPass};

/// Defines the entry point: calls a `fn() -> u32`, and exits with the status that it returns.
#[macro_export]
macro_rules! program {
    ($main:path) => {
        #[unsafe(no_mangle)]
        extern "C" fn run() -> u32 {
            $main()
        }
    };
}

#[panic_handler]
fn panic(_: &PanicInfo<'_>) -> ! {
    platform::exit(101)
}

/// The messages that one side has sent.
pub struct Sent {
    bytes: [u8; 64],
    len: usize,
}

impl Sent {
    pub const fn nothing() -> Self {
        Self { bytes: [0; 64], len: 0 }
    }

    pub fn send(&mut self, message: &(impl Encode + ?Sized)) -> Option<()> {
        self.len += message.encode(self.bytes.get_mut(self.len..)?).ok()?;
        Some(())
    }

    pub fn bytes(&self) -> &[u8] {
        self.bytes.split_at(self.len).0
    }
}

/// One side with its whole input.
pub struct Wire<'i, 's> {
    pub input: &'i [u8],
    pub sent: &'s mut Sent,
}

impl<'i> Wire<'i, '_> {
    pub fn receive<S: Receive>(&mut self, state: S) -> Option<S::Received<'i>> {
        match state.receive(self.input) {
            Ok((received, used)) => {
                self.input = self.input.split_at(used).1;
                Some(received)
            }
            Err(error) => {
                self.sent.send(S::closing_reply(&error))?;
                None
            }
        }
    }

    pub fn send(&mut self, message: &impl Encode) -> Option<()> {
        self.sent.send(message)
    }
}

/// A whole server. Every request succeeds.
pub fn serve(mut wire: Wire<'_, '_>, anonymous: Option<()>, credentials: &UserPass<'_>) -> Option<()> {
    let (_, permit) = wire.receive(ReceiveOffer::new())?;
    let (selection, login) = match permit.login(anonymous, true) {
        Ok(selected) => selected,
        Err(permit) => return wire.send(&permit.refuse()),
    };
    wire.send(&selection)?;
    let state = match login {
        Login::Anonymous((), state) => state,
        Login::UserPass(state) => {
            let (given, permit) = wire.receive(state)?;
            if !given.verify(credentials) {
                return wire.send(&permit.reject());
            }
            let (status, state) = permit.accept();
            wire.send(&status)?;
            state
        }
    };
    let (destination, asked) = wire.receive(state)?;
    let permit = match asked {
        Asked::Connect(permit) | Asked::UdpAssociate(permit) | Asked::Other(_, permit) => permit,
        Asked::Bind(permit) => {
            let (first, permit) = permit.listening(Endpoint::UNSPECIFIED);
            wire.send(&first)?;
            permit
        }
    };
    wire.send(&permit.succeed(destination))
}
