//! RFC 1961 by hand, with the library's contexts: for messages that the crate's types do not let a program send.

use std::io::{Read, Write};
use std::net::TcpStream;

use libgssapi::context::{ClientCtx, CtxFlags, SecurityContext, ServerCtx};
use libgssapi::credential::{Cred, CredUsage};
use libgssapi::name::Name;
use libgssapi::oid::GSS_NT_HOSTBASED_SERVICE;

use crate::support::{Server, connect, read_exactly};

pub const AUTHENTICATION: u8 = 1;
pub const LEVEL: u8 = 2;
pub const DATA: u8 = 3;
pub const ABORT: [u8; 2] = [1, 0xFF];

pub fn frame(mtyp: u8, token: &[u8]) -> Vec<u8> {
    [&[1, mtyp], u16::try_from(token.len()).unwrap().to_be_bytes().as_slice(), token].concat()
}

/// A connection on which GSSAPI has been selected, and nothing else was sent.
pub fn greeted(server: &Server) -> TcpStream {
    let mut stream = connect(server.address);
    stream.write_all(&[5, 1, 1]).unwrap();
    assert_eq!(read_exactly(&stream), [5, 1]);
    stream
}

/// The server's side of [`greeted`].
pub fn greet(mut stream: TcpStream) -> TcpStream {
    assert_eq!(read_exactly(&stream), [5, 1, 1]);
    stream.write_all(&[5, 1]).unwrap();
    stream
}

/// One side of an authentication.
pub struct Side<C> {
    pub stream: TcpStream,
    pub context: C,
}

impl<C: SecurityContext> Side<C> {
    pub fn send(&mut self, mtyp: u8, token: &[u8]) {
        self.stream.write_all(&frame(mtyp, token)).unwrap();
    }

    /// The token of the next frame, which is of this type.
    pub fn receive(&mut self, mtyp: u8) -> Vec<u8> {
        let [ver, found, high, low] = read_exactly(&self.stream);
        assert_eq!((ver, found), (1, mtyp));
        let mut token = vec![0; u16::from_be_bytes([high, low]).into()];
        self.stream.read_exact(&mut token).unwrap();
        token
    }

    /// Wraps these bytes into a frame, with confidentiality. Sends nothing.
    pub fn wrap(&mut self, clear: &[u8]) -> Vec<u8> {
        frame(DATA, &self.context.wrap(true, clear).unwrap())
    }

    /// Receives a frame of this type, and unwraps it.
    pub fn unwrap(&mut self, mtyp: u8) -> Vec<u8> {
        let token = self.receive(mtyp);
        self.context.unwrap(&token).unwrap().to_vec()
    }

    /// Sends data in a frame.
    pub fn send_data(&mut self, clear: &[u8]) {
        let bytes = self.wrap(clear);
        self.stream.write_all(&bytes).unwrap();
    }

    /// Sends the level, wrapped.
    pub fn send_level(&mut self, bytes: &[u8]) {
        let token = self.context.wrap(false, bytes).unwrap();
        self.send(LEVEL, &token);
    }
}

impl Side<ClientCtx> {
    /// A client that has sent its first token.
    fn initiated(server: &Server, more_flags: CtxFlags) -> Self {
        let name = Name::new(b"rcmd@localhost", Some(GSS_NT_HOSTBASED_SERVICE)).unwrap();
        let flags = CtxFlags::GSS_C_MUTUAL_FLAG | CtxFlags::GSS_C_REPLAY_FLAG | more_flags;
        let mut side = Self { stream: greeted(server), context: ClientCtx::new(None, name, flags, None) };
        let token = side.context.step(None, None).unwrap().unwrap();
        side.send(AUTHENTICATION, &token);
        side
    }

    /// A client that has a context, and has not asked for a level.
    pub fn established(server: &Server) -> Self {
        Self::established_with(server, CtxFlags::GSS_C_SEQUENCE_FLAG)
    }

    fn established_with(server: &Server, flags: CtxFlags) -> Self {
        let mut side = Self::initiated(server, flags);
        let token = side.receive(AUTHENTICATION);
        assert!(side.context.step(Some(&token), None).unwrap().is_none());
        side
    }

    /// The same by three tokens (DCE style); the server answers the last with an empty one.
    pub fn established_by_three(server: &Server) -> Self {
        let dce_style = CtxFlags::from_bits_retain(0x1000);
        let mut side = Self::initiated(server, CtxFlags::GSS_C_SEQUENCE_FLAG | dce_style);
        let token = side.receive(AUTHENTICATION);
        let token = side.context.step(Some(&token), None).unwrap().unwrap();
        side.send(AUTHENTICATION, &token);
        assert_eq!(side.receive(AUTHENTICATION), []);
        side
    }

    /// A client that may send its request, wrapped with confidentiality.
    pub fn agreed(server: &Server) -> Self {
        Self::agreed_with(server, CtxFlags::GSS_C_SEQUENCE_FLAG)
    }

    /// The same without the detection of missing frames, as for datagrams.
    pub fn agreed_without_sequence(server: &Server) -> Self {
        Self::agreed_with(server, CtxFlags::empty())
    }

    fn agreed_with(server: &Server, flags: CtxFlags) -> Self {
        let mut side = Self::established_with(server, flags);
        side.send_level(&[2]);
        assert_eq!(side.unwrap(LEVEL), [2]);
        side
    }
}

impl Side<ServerCtx> {
    /// A server that waits for a level.
    pub fn accepted(stream: TcpStream) -> Self {
        let keys = Cred::acquire(None, None, CredUsage::Accept, None).unwrap();
        let mut side = Self { stream: greet(stream), context: ServerCtx::new(Some(keys)) };
        let token = side.receive(AUTHENTICATION);
        let token = side.context.step(&token, None).unwrap().unwrap();
        side.send(AUTHENTICATION, &token);
        side
    }
}
