//! Datagrams one after another in one buffer, and the data that fits in one.

use core::num::NonZeroUsize;

use socks5_sansio::UdpHeader;

use crate::encode::{Value, written};
use crate::{Bytes, Out, Report, Words};

#[unsafe(no_mangle)]
pub extern "C" fn udp_max_data(value: *const Value, words: *mut Words, datagram_len: usize) {
    let value = unsafe { &*value };
    let Some(header) = value.udp_header() else { return };
    Report::new(words).put(header.max_data(datagram_len).map_or([1, 0], |len| [2, len as u64]));
}

/// Before each segment of the data.
#[unsafe(no_mangle)]
pub extern "C" fn udp_prepend_each(value: *const Value, words: *mut Words, out: Out, segment: usize) {
    let value = unsafe { &*value };
    let (Some(header), Some(segment)) = (value.udp_header(), NonZeroUsize::new(segment)) else { return };
    written(words, header.prepend_each(value.data(), segment, out.get()));
}

/// The first run: where it lies, where the data of its first three datagrams lies, and its header.
#[unsafe(no_mangle)]
pub extern "C" fn udp_runs(input: Bytes, words: *mut Words, stride: usize) {
    let mut report = Report::new(words);
    let Some(stride) = NonZeroUsize::new(stride) else { return };
    match UdpHeader::runs(input.get(), stride).next() {
        Some(Ok(run)) => {
            report.put([0]);
            report.put(input.position(run.datagrams()));
            let mut data = run.data();
            for _ in 0..3 {
                report.put(data.next().map_or([0, 0], |data| input.position(data)));
            }
            report.put([run.header().fragment.0.into()]);
            report.endpoint(input, &run.header().endpoint);
        }
        Some(Err(invalid)) => {
            report.put([2]);
            report.invalid(invalid);
        }
        None => report.put([1]),
    }
}
