//! A stub for systems and features without splice(2): no pipe can be taken.

use std::io;

use tokio::net::TcpStream;

pub(super) const DESCRIPTORS: usize = 0;

pub(super) struct Pool;

pub(super) enum Pipe {}

impl Pool {
    pub(super) const fn new(_limit: usize, _pipe_len: usize, _bulk_len: usize) -> Self {
        Self
    }

    pub(super) fn is_bulk(&self, _len: usize) -> bool {
        false
    }

    pub(super) fn take(&self) -> Option<Pipe> {
        None
    }
}

impl Pipe {
    pub(super) fn is_empty(&self) -> bool {
        match *self {}
    }

    pub(super) fn fill(&mut self, _from: &TcpStream) -> io::Result<Option<usize>> {
        match *self {}
    }

    pub(super) fn drain(&mut self, _to: &TcpStream) -> io::Result<Option<usize>> {
        match *self {}
    }

    pub(super) fn read(&mut self) -> io::Result<Vec<u8>> {
        match *self {}
    }

    pub(super) fn release(self) {
        match self {}
    }
}
