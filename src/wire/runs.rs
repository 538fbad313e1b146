//! Datagrams one after another in one buffer, all of the same length except the last, which may be shorter: what a system with
//! segmentation offload (GSO, GRO) sends and receives in one call.

use core::iter::once;
use core::num::NonZeroUsize;

use super::message::Encode;
use super::udp::UdpHeader;
use crate::error::{BufferTooSmall, Invalid};

/// Segmentation offload.
impl<'a> UdpHeader<'a> {
    /// Copies `data` to the front of `out` in segments of `segment` bytes, with the header before each. Returns the total length.
    /// All datagrams have the same length, except the last, which may be shorter. Without data, there is one datagram: the header
    /// alone.
    ///
    /// ```
    /// use core::num::NonZeroUsize;
    ///
    /// use socks5_sansio::UdpHeader;
    ///
    /// let header = UdpHeader::new("192.0.2.1:53".try_into()?);
    /// let segment = NonZeroUsize::new(3).unwrap();
    /// let mut out = [0; 100];
    /// let len = header.prepend_each(b"onetwo3", segment, &mut out)?;
    /// assert_eq!(out[..len], *b"\0\0\0\x01\xC0\0\x02\x01\0\x35one\0\0\0\x01\xC0\0\x02\x01\0\x35two\0\0\0\x01\xC0\0\x02\x01\0\x353");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// [`BufferTooSmall`] if `out` is too short; then nothing is written.
    pub fn prepend_each(&self, data: &[u8], segment: NonZeroUsize, out: &mut [u8]) -> Result<usize, BufferTooSmall> {
        let header_len = self.encoded_len();
        let count = data.len().div_ceil(segment.get()).max(1);
        let needed = header_len.saturating_mul(count).saturating_add(data.len());
        let datagrams = out.get_mut(..needed).ok_or(BufferTooSmall { needed })?;
        let segments = data.chunks(segment.get()).chain(once([].as_slice()));
        for (datagram, data) in datagrams.chunks_mut(header_len.saturating_add(segment.get())).zip(segments) {
            let start = self.encode(datagram)?;
            data.encode(datagram.get_mut(start..).unwrap_or_default())?;
        }
        Ok(needed)
    }

    /// Iterates over the datagrams of a buffer, of `stride` bytes each except the last, in runs that have the same header.
    ///
    /// A malformed datagram is returned as the error of [`split`](Self::split); `flatten` drops it.
    ///
    /// ```
    /// use core::num::NonZeroUsize;
    ///
    /// use socks5_sansio::UdpHeader;
    ///
    /// let received = b"\0\0\0\x01\xC0\0\x02\x01\0\x35one\0\0\0\x01\xC0\0\x02\x01\0\x35two\0\0\0\x01\xC0\0\x02\x01\0\x363";
    /// let mut runs = UdpHeader::runs(received, NonZeroUsize::new(13).unwrap()).flatten();
    /// let run = runs.next().unwrap();
    /// assert_eq!(run.header(), UdpHeader::new("192.0.2.1:53".try_into()?));
    /// assert!(run.data().eq([b"one", b"two"]));
    /// assert_eq!(runs.next().unwrap().header().endpoint.port, 54);
    /// assert!(runs.next().is_none());
    /// # Ok::<(), socks5_sansio::ParseEndpointError>(())
    /// ```
    #[inline]
    #[must_use]
    pub const fn runs(datagrams: &'a [u8], stride: NonZeroUsize) -> Runs<'a> {
        Runs { datagrams, stride }
    }
}

/// An iterator over the runs of a buffer: the result of [`UdpHeader::runs`].
#[derive(Clone, Debug)]
pub struct Runs<'a> {
    datagrams: &'a [u8],
    stride: NonZeroUsize,
}

impl<'a> Iterator for Runs<'a> {
    type Item = Result<Run<'a>, Invalid>;

    #[inline]
    fn next(&mut self) -> Option<Self::Item> {
        let mut datagrams = self.datagrams.chunks(self.stride.get());
        let first = datagrams.next()?;
        let (len, run) = match UdpHeader::split(first) {
            Ok((header, data)) => {
                let (bytes, _) = first.split_at_checked(first.len().saturating_sub(data.len()))?;
                let same = datagrams.take_while(|next| next.starts_with(bytes)).map(<[u8]>::len);
                (same.fold(first.len(), usize::saturating_add), Ok((header, bytes.len())))
            }
            Err(invalid) => (first.len(), Err(invalid)),
        };
        let (datagrams, rest) = self.datagrams.split_at_checked(len)?;
        self.datagrams = rest;
        Some(run.map(|(header, header_len)| Run { header, header_len, datagrams, stride: self.stride }))
    }
}

/// Datagrams one after another that have the same header, and all the same length except the last, which may be shorter.
#[derive(Clone, Copy, Debug)]
pub struct Run<'a> {
    header: UdpHeader<'a>,
    header_len: usize,
    datagrams: &'a [u8],
    stride: NonZeroUsize,
}

impl<'a> Run<'a> {
    /// The header of each datagram.
    #[inline]
    #[must_use]
    pub const fn header(&self) -> UdpHeader<'a> {
        self.header
    }

    /// The datagrams, with their headers.
    #[inline]
    #[must_use]
    pub const fn datagrams(&self) -> &'a [u8] {
        self.datagrams
    }

    /// The data of each datagram.
    #[inline]
    #[must_use]
    pub fn data(&self) -> impl ExactSizeIterator<Item = &'a [u8]> + Clone + use<'a> {
        let header_len = self.header_len; // each datagram begins with the header
        self.datagrams.chunks(self.stride.get()).map(move |datagram| datagram.get(header_len..).unwrap_or_default())
    }
}

#[cfg(test)]
mod tests {
    use std::vec::Vec;

    use super::*;
    use crate::wire::Fragment;

    const HEADER: &[u8] = &[0, 0, 0, 1, 192, 0, 2, 1, 0, 53];

    /// The port of the header, and the data of each datagram.
    type Found<'a> = Result<(u16, Vec<&'a [u8]>), Invalid>;

    fn runs(buffer: &[u8], stride: usize) -> Vec<Found<'_>> {
        let runs = UdpHeader::runs(buffer, NonZeroUsize::new(stride).unwrap());
        runs.map(|run| run.map(|run| (run.header().endpoint.port, run.data().collect()))).collect()
    }

    #[test]
    fn a_run_ends_where_the_header_changes() {
        let other = [&HEADER[..9], &[54]].concat();
        let buffer = [HEADER, b"abcd", HEADER, b"efgh", &other, b"ijkl", HEADER, b"mn"].concat();
        let (first, second) = ([b"abcd".as_slice(), b"efgh"], [b"ijkl".as_slice()]);
        assert_eq!(
            runs(&buffer, 14),
            [Ok((53, first.to_vec())), Ok((54, second.to_vec())), Ok((53, [b"mn".as_slice()].to_vec()))]
        );
    }

    #[test]
    fn returns_a_malformed_datagram_as_an_error() {
        let buffer = [HEADER, b"abcd", &[9; 14], &[0; 14], HEADER, b"efgh", &HEADER[..9]].concat();
        let found = runs(&buffer, 14);
        let malformed = |code| Err(Invalid::AddressType(code));
        assert_eq!(found[1..3], [malformed(9), malformed(0)]);
        assert_eq!(found[3], Ok((53, [b"efgh".as_slice()].to_vec())));
        assert_eq!((found.len(), &found[4]), (5, &Err(Invalid::Truncated)));
    }

    #[test]
    fn each_fragment_of_a_sequence_is_a_run() {
        let fragment = |position| [&[0, 0, position], &HEADER[3..], b"x"].concat();
        let buffer = [1, 2, 0x83].map(fragment).concat();
        let found = UdpHeader::runs(&buffer, NonZeroUsize::new(11).unwrap()).flatten().map(|run| run.header().fragment);
        assert!(found.eq([Fragment(1), Fragment(2), Fragment(0x83)]));
    }

    #[test]
    fn returns_datagrams_without_data() {
        assert_eq!(runs(&[HEADER, HEADER].concat(), 10), [Ok((53, [[].as_slice(); 2].to_vec()))]);
        assert_eq!(runs(&[], 10), []);
        let mut out = [0; 10];
        let (header, _) = UdpHeader::split(HEADER).unwrap();
        assert_eq!(header.prepend_each(b"", NonZeroUsize::MIN, &mut out), Ok(10));
        assert_eq!(out, HEADER);
    }

    #[test]
    fn prepends_to_each_or_to_none() {
        let (header, _) = UdpHeader::split(HEADER).unwrap();
        let expected = [HEADER, b"abc", HEADER, b"de"].concat();
        let segment = NonZeroUsize::new(3).unwrap();
        for room in 0..30 {
            let mut out = [0xA5; 30];
            let written = header.prepend_each(b"abcde", segment, &mut out[..room]);
            if room < 25 {
                assert_eq!((written, out), (Err(BufferTooSmall { needed: 25 }), [0xA5; 30]));
            } else {
                assert_eq!((written, &out[..25], &out[25..]), (Ok(25), &*expected, [0xA5; 5].as_slice()));
            }
        }
        let longest = header.prepend_each(b"abcde", NonZeroUsize::MAX, &mut [0; 15]);
        assert_eq!(longest, Ok(15));
    }
}
