//! Client and server in programs without std, without an allocator and without an operating system's start-up code. They
//! link only if none of it is needed.
//!
//! | program | does |
//! |---|---|
//! | `talk` | every kind of conversation, client against server |
//! | `server` | a server alone, which hears constant octets: for its size |
//! | `client` | a client alone, likewise |
//! | `nothing` | nothing: the size to subtract |
//!
//! All of them have the exit status 0 if everything was understood.

#![no_std]

#[cfg_attr(target_os = "linux", path = "platform/linux.rs")]
#[cfg_attr(target_os = "none", path = "platform/cortex_m.rs")]
#[cfg_attr(target_family = "wasm", path = "platform/wasm.rs")]
mod platform;

use core::panic::PanicInfo;

use socks5_sansio::server::{Chosen, Server, Step};
use socks5_sansio::{Endpoint, Method, Reply, UserPass};

/// Makes a `fn() -> u32` the program, and what it returns the exit status.
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

/// What one side has said.
pub struct Said {
    octets: [u8; 64],
    len: usize,
}

impl Said {
    pub const fn nothing() -> Self {
        Self { octets: [0; 64], len: 0 }
    }

    pub fn say(&mut self, octets: &[u8]) -> Option<()> {
        let end = self.len + octets.len();
        self.octets.get_mut(self.len..end)?.copy_from_slice(octets);
        self.len = end;
        Some(())
    }

    pub fn octets(&self) -> &[u8] {
        self.octets.get(..self.len).unwrap_or_default()
    }
}

/// A whole server, which hears everything at once. Every request succeeds.
pub fn serve(mut input: &[u8], methods: &[Method], credentials: &UserPass<'_>, said: &mut Said) -> Option<()> {
    let mut server = Server::new();
    loop {
        let (used, step) = match server.read(input) {
            Ok(read) => read,
            Err(error) => return said.say(error.parting()),
        };
        input = input.get(used..)?;
        server = match step {
            Step::NeedMore(..) => return None,
            Step::Methods(_, permit) => match permit.choose(methods) {
                Chosen::Continue(selection, server) => {
                    said.say(&selection)?;
                    server
                }
                Chosen::Refused(selection) => return said.say(&selection),
                Chosen::SubNegotiate(..) => return None,
            },
            Step::UserPass(given, permit) if given.verify(credentials) => {
                let (status, server) = permit.accept();
                said.say(&status)?;
                server
            }
            Step::UserPass(_, permit) => return said.say(&permit.reject()),
            Step::Request(request, permit) => return said.say(&permit.reply(&Reply::succeeded(request.destination))),
            Step::Bind(request, permit) => {
                let (first, permit) = permit.listening(Endpoint::UNSPECIFIED);
                said.say(&first)?;
                return said.say(&permit.reply(&Reply::succeeded(request.destination)));
            }
        };
    }
}
