//! A buffer of datagrams of one length, split into runs. The oracle is each datagram alone.

use core::num::NonZeroUsize;

use socks5_sansio::{BufferTooSmall, Encode, Fragment, Invalid, Run, UdpHeader};

use super::choices::Choices;

/// Splits any bytes into runs; and sends any data, with a header before each segment, which is then one run.
pub fn runs(bytes: &[u8]) {
    let mut choices = Choices::new(bytes);
    let stride = segment(&mut choices);
    splits(choices.rest(), stride);
    sends(&mut Choices::new(bytes));
}

fn segment(choices: &mut Choices<'_>) -> NonZeroUsize {
    NonZeroUsize::MIN.saturating_add(choices.byte().into())
}

/// Runs contain the datagrams in order. The datagrams of a run have the same header, and the next run has another.
fn splits(buffer: &[u8], stride: NonZeroUsize) {
    let runs: Vec<_> = UdpHeader::runs(buffer, stride).collect();
    let datagrams: Vec<_> = runs.iter().flat_map(datagrams_of).collect();
    assert_eq!(datagrams, buffer.chunks(stride.get()).map(UdpHeader::split).collect::<Vec<_>>());
    for (run, next) in runs.iter().zip(runs.iter().skip(1)) {
        let (Ok(run), Ok(next)) = (run, next) else { continue };
        let header_len = run.datagrams().len().min(stride.get()) - run.data().next().unwrap().len();
        assert!(!next.datagrams().starts_with(&run.datagrams()[..header_len]), "two runs that should be one");
    }
    let covered: Vec<u8> = runs.iter().flatten().flat_map(Run::datagrams).copied().collect();
    assert!(runs.iter().any(Result::is_err) || covered == buffer);
}

type Split<'a> = Result<(UdpHeader<'a>, &'a [u8]), Invalid>;

fn datagrams_of<'a>(run: &Result<Run<'a>, Invalid>) -> Vec<Split<'a>> {
    match run {
        Ok(run) => run.data().map(|data| Ok((run.header(), data))).collect(),
        Err(invalid) => vec![Err(*invalid)],
    }
}

/// Data that is sent with a header before each segment is received as one run with this data.
fn sends(choices: &mut Choices<'_>) {
    let (endpoint, fragment, segment) = (choices.endpoint(), Fragment(choices.byte()), segment(choices));
    let header = UdpHeader { fragment, endpoint: endpoint.as_endpoint() };
    let data = choices.string(2000);
    let mut expected: Vec<_> = data.chunks(segment.get()).map(|data| [&header.to_vec(), data].concat()).collect();
    if data.is_empty() {
        expected.push(header.to_vec());
    }
    let needed = expected.iter().map(Vec::len).sum();
    let mut out = vec![0xA5; needed + 1];
    assert_eq!(header.prepend_each(&data, segment, &mut out[2..]), Err(BufferTooSmall { needed }));
    assert!(out.iter().all(|byte| *byte == 0xA5), "{header:?} was written in part");
    assert_eq!(header.prepend_each(&data, segment, &mut out), Ok(needed));
    assert_eq!((&out[..needed], out[needed]), (&*expected.concat(), 0xA5));

    let stride = segment.saturating_add(header.encoded_len());
    assert_eq!(header.max_data(stride.get()), Some(segment.get()));
    assert_eq!(header.max_data(header.encoded_len() - 1), None);
    let runs: Vec<_> = UdpHeader::runs(&out[..needed], stride).collect();
    let [Ok(run)] = &*runs else { panic!("{runs:?}") };
    assert_eq!((run.header(), run.data().len(), run.datagrams().len()), (header, expected.len(), needed));
    assert_eq!(run.data().collect::<Vec<_>>().concat(), data);
}
