//! A stream that is pending before each byte, and futures that are dropped at each await point.

use std::collections::VecDeque;
use std::io;
use std::pin::{Pin, pin};
use std::task::{Context, Poll, Waker};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// A stream that transfers one byte at a time, and is pending before each.
#[derive(Debug, Default)]
pub struct Stutter {
    input: VecDeque<u8>,
    output: Vec<u8>,
    flushed: usize,
    was_pending: bool,
}

impl Stutter {
    /// A stream with this input, and then its end.
    pub fn new(input: &[u8]) -> Self {
        Self { input: input.to_vec().into(), ..Self::default() }
    }

    /// Everything that was written, and flushed.
    pub fn output(&self) -> &[u8] {
        assert_eq!(self.flushed, self.output.len(), "flushed");
        &self.output
    }

    /// The input that was not read.
    pub fn input(&self) -> Vec<u8> {
        self.input.clone().into()
    }

    fn turn(&mut self, cx: &Context<'_>) -> Poll<()> {
        self.was_pending = !self.was_pending;
        if !self.was_pending {
            return Poll::Ready(());
        }
        cx.waker().wake_by_ref();
        Poll::Pending
    }
}

impl AsyncRead for Stutter {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, room: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        self.turn(cx).map(|()| {
            room.put_slice(self.input.pop_front().as_slice());
            Ok(())
        })
    }
}

impl AsyncWrite for Stutter {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        self.turn(cx).map(|()| {
            self.output.extend(bytes.first());
            Ok(bytes.len().min(1))
        })
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        if self.flushed == self.output.len() {
            return Poll::Ready(Ok(()));
        }
        self.turn(cx).map(|()| {
            self.flushed = self.output.len();
            Ok(())
        })
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.poll_flush(cx)
    }
}

/// Polls a future at most this many times, and drops it.
pub fn poll_at_most<F: Future>(times: usize, future: F) -> Option<F::Output> {
    let mut future = pin!(future);
    (0..times).find_map(|_| match future.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(output) => Some(output),
        Poll::Pending => None,
    })
}

/// Polls a future to its end.
pub fn finish<F: Future>(future: F) -> F::Output {
    poll_at_most(100_000, future).expect("the future ends")
}

/// Drops the future at every await point, and begins another.
pub fn drop_at_every_await<T>(mut begin: impl AsyncFnMut() -> T) -> T {
    (0..100_000).find_map(|_| poll_at_most(1, begin())).expect("the futures make progress")
}
