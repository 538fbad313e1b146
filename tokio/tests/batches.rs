//! Bursts of datagrams through a relay: how they are split, what is counted, and what is sent in IP fragments.

mod fixture;

use std::future::poll_fn;
use std::io::{ErrorKind, IoSliceMut};
use std::num::NonZeroUsize;

use fixture::{Fixture, TEST_TIMEOUT, destination, destination_at, receive};
use tokio::net::UdpSocket;
use tokio::time::timeout;
use tokio_socks5_sansio::association::{Batched, Received};
use tokio_socks5_sansio::socks5_sansio::{Endpoint, UdpHeader};

const SEGMENT: NonZeroUsize = NonZeroUsize::new(1200).unwrap();

/// Data in which no byte is like its neighbours.
fn data(len: usize) -> Vec<u8> {
    (0..len).map(|index| (index % 251) as u8).collect()
}

async fn send(association: &Batched, to: impl Into<Endpoint<'_>>, data: &[u8], segment: NonZeroUsize) {
    association.writable().await.unwrap();
    association.try_send(&UdpHeader::new(to.into()), data, segment).unwrap();
}

/// Receives at least `count` datagrams. Returns the source and the data of each.
async fn receive_batched(association: &Batched, count: usize) -> Vec<(Endpoint<'static>, Vec<u8>)> {
    let mut found = Vec::new();
    while found.len() < count {
        let (mut first, mut second) = (vec![0; 65_536], vec![0; 65_536]);
        let mut received = [Received::default(); 2];
        let buffers = &mut [IoSliceMut::new(&mut first), IoSliceMut::new(&mut second)];
        let received_now = poll_fn(|cx| association.poll_recv(cx, buffers, &mut received));
        let buffers = timeout(TEST_TIMEOUT, received_now).await.expect("datagrams").unwrap();
        for (buffer, Received { len, stride }) in [first, second].iter().zip(received).take(buffers) {
            for run in UdpHeader::runs(&buffer[..len], stride).map(Result::unwrap) {
                let from = run.header().endpoint.to_socket_addr().unwrap().into();
                found.extend(run.data().map(|data| (from, data.to_vec())));
            }
        }
    }
    found
}

#[tokio::test]
async fn a_batch_arrives_as_its_datagrams_and_their_answers_return() {
    let Fixture { association, relay, .. } = Fixture::start("0.0.0.0:0", false).await;
    let association = association.into_batched().unwrap();
    let (socket, address) = destination().await;
    let data = data(40 * SEGMENT.get() + 7);
    send(&association, address, &data, SEGMENT).await;
    for expected in data.chunks(SEGMENT.get()) {
        let (found, from) = receive(&socket).await;
        assert_eq!(found, expected);
        socket.send_to(&found, from).await.unwrap();
    }
    let answers = receive_batched(&association, 41).await;
    let expected = data.chunks(SEGMENT.get()).map(|data| (Endpoint::from(address), data.to_vec()));
    assert_eq!(answers, expected.collect::<Vec<_>>());
    drop(association);
    assert_eq!(timeout(TEST_TIMEOUT, relay).await.unwrap().unwrap().to_string(), "48007 bytes up, 48007 down");
}

#[tokio::test]
async fn datagrams_of_unequal_lengths_keep_their_boundaries() {
    let fixture = Fixture::start("0.0.0.0:0", false).await;
    let (socket, address) = destination().await;
    let lens = [100, 100, 40, 100, 0, 0, 100, 101, 100, 1, 1, 1, 0, 2000, 2000, 1999, 2000];
    for (number, len) in lens.into_iter().enumerate() {
        fixture.association.send_to(address, &vec![number as u8; len]).await.unwrap();
    }
    for (number, len) in lens.into_iter().enumerate() {
        assert_eq!(receive(&socket).await.0, vec![number as u8; len]);
    }
    for len in [60_000, 60_000, 59_999, 65_485] {
        fixture.association.send_to(address, &data(len)).await.unwrap();
        assert_eq!(receive(&socket).await.0, data(len));
    }
}

#[tokio::test]
async fn answers_of_several_destinations_keep_their_sources() {
    let association = Fixture::start("0.0.0.0:0", false).await.association.into_batched().unwrap();
    let ((first, one), (second, two)) = (destination().await, destination().await);
    for address in [one, two] {
        send(&association, address, b"query", SEGMENT).await;
    }
    let from = receive(&first).await.1;
    receive(&second).await;
    for answer in [b"a".as_slice(), b"bb", b"", b"cc"] {
        first.send_to(answer, from).await.unwrap();
        second.send_to(answer, from).await.unwrap();
    }
    let mut answers = receive_batched(&association, 8).await;
    answers.sort_by_key(|(source, _)| source.port != one.port()); // stable: the order of each stays
    let expected = [one, two].into_iter().flat_map(|source| {
        [b"a".as_slice(), b"bb", b"", b"cc"].map(|answer| (Endpoint::from(source), answer.to_vec()))
    });
    assert_eq!(answers, expected.collect::<Vec<_>>());
}

#[tokio::test]
async fn a_batch_to_a_new_name_waits_for_its_address() {
    let fixture = Fixture::start("0.0.0.0:0", false).await;
    let association = fixture.association.into_batched().unwrap();
    let (socket, address) = destination().await;
    let data = data(5 * SEGMENT.get());
    let name = Endpoint::try_from(("name.example", address.port())).unwrap();
    send(&association, name, &data, SEGMENT).await;
    fixture.resolver.answers.notify_one();
    for expected in data.chunks(SEGMENT.get()) {
        assert_eq!(receive(&socket).await.0, expected);
    }
}

#[tokio::test]
async fn a_batch_that_cannot_be_sent_does_not_stop_the_next() {
    let association = Fixture::start("0.0.0.0:0", false).await.association.into_batched().unwrap();
    let (socket, address) = destination().await;
    for to in ["127.0.0.1:0", "240.0.0.1:9"] {
        send(&association, Endpoint::try_from(to).unwrap(), &data(4000), SEGMENT).await;
    }
    send(&association, address, &data(4000), SEGMENT).await;
    for expected in data(4000).chunks(SEGMENT.get()) {
        assert_eq!(receive(&socket).await.0, expected);
    }
}

#[tokio::test]
async fn rejects_more_than_one_call_can_send() {
    let association = Fixture::start("0.0.0.0:0", false).await.association.into_batched().unwrap();
    let (socket, address) = destination().await;
    association.writable().await.unwrap();
    let error = association.try_send(&UdpHeader::new(address.into()), &data(65_508), SEGMENT).unwrap_err();
    assert_ne!(error.kind(), ErrorKind::WouldBlock);
    send(&association, address, b"last", SEGMENT).await;
    assert_eq!(receive(&socket).await.0, b"last");
}

#[tokio::test]
async fn a_batched_association_ends_with_its_connection() {
    let fixture = Fixture::start("0.0.0.0:0", false).await;
    let association = fixture.association.into_batched().unwrap();
    fixture.relay.abort();
    timeout(TEST_TIMEOUT, association.ended()).await.unwrap();
    let (mut buffer, mut received) = ([0; 100], [Received::default()]);
    let ended = poll_fn(|cx| association.poll_recv(cx, &mut [IoSliceMut::new(&mut buffer)], &mut received)).await;
    assert_eq!(ended.unwrap_err().to_string(), "the proxy ended the association");
}

#[cfg(target_os = "linux")]
mod at_an_mtu_of_1500 {
    use std::process::{Command, Stdio};
    use std::{env, fs};

    use super::*;

    const MTU: usize = 1500;

    /// Runs a test of this module again, in its own network namespace. Returns whether the caller is that second run.
    fn in_namespace(test: &str) -> bool {
        const INSIDE: &str = "TEST_IN_NAMESPACE";
        if env::var_os(INSIDE).is_some() {
            let links = [["link", "set", "lo", "mtu", "1500"].as_slice(), &["link", "set", "lo", "up"]];
            for args in links {
                assert!(Command::new("ip").args(args).status().unwrap().success());
            }
            return true;
        }
        let may_unshare = Command::new("unshare").args(["--net", "true"]).stderr(Stdio::null()).status();
        if !may_unshare.is_ok_and(|status| status.success()) {
            assert!(env::var_os("INTEROP_REQUIRED").is_none(), "no right to make namespaces");
            eprintln!("skipped: no right to make namespaces");
            return false;
        }
        let mut inside = Command::new("unshare");
        inside.args(["--net", "--"]).arg(env::current_exe().unwrap());
        inside.args(["--exact", &format!("at_an_mtu_of_1500::{test}"), "--nocapture"]).env(INSIDE, "1");
        assert!(inside.status().unwrap().success());
        false
    }

    /// The number of IP fragments that were made in this namespace.
    fn fragments() -> usize {
        let v4 = fs::read_to_string("/proc/net/snmp").unwrap();
        let mut lines = v4.lines().filter(|line| line.starts_with("Ip:")).map(str::split_whitespace);
        let (names, values) = (lines.next().unwrap(), lines.next().unwrap());
        let v4 = names.zip(values).find(|(name, _)| *name == "FragCreates").unwrap().1.to_owned();
        let v6 = fs::read_to_string("/proc/net/snmp6").unwrap();
        let v6 = v6.lines().find_map(|line| line.strip_prefix("Ip6FragCreates")).unwrap().trim().to_owned();
        [v4, v6].map(|count| count.parse::<usize>().unwrap()).iter().sum()
    }

    const FAMILIES: [&str; 2] = ["127.0.0.1", "::1"];

    /// Sends four datagrams with this much data, and receives each as an answer. Returns the number of IP fragments of both.
    async fn burst(association: &Batched, socket: &UdpSocket, len: NonZeroUsize) -> usize {
        let before = fragments();
        let data = data(4 * len.get());
        send(association, socket.local_addr().unwrap(), &data, len).await;
        for expected in data.chunks(len.get()) {
            let (found, from) = receive(socket).await;
            assert_eq!(found, expected);
            socket.send_to(&found, from).await.unwrap();
        }
        let answers = receive_batched(association, 4).await;
        assert!(answers.iter().map(|(_, data)| data.as_slice()).eq(data.chunks(len.get())));
        fragments() - before
    }

    #[tokio::test]
    async fn what_fits_is_never_sent_in_fragments() {
        if !in_namespace("what_fits_is_never_sent_in_fragments") {
            return;
        }
        for (proxy, target) in FAMILIES.into_iter().flat_map(|proxy| FAMILIES.map(|target| (proxy, target))) {
            let association = Fixture::start_at(proxy, "0.0.0.0:0", false).await.association.into_batched().unwrap();
            let (socket, address) = destination_at(target).await;
            let fits = association.max_data(&UdpHeader::new(address.into()), MTU).and_then(NonZeroUsize::new).unwrap();
            assert_eq!(burst(&association, &socket, fits).await, 0, "{fits} from {proxy} to {target}");
            let longer = vec![0; fits.get() + 1];
            if !association.may_fragment() {
                association
                    .try_send(&UdpHeader::new(address.into()), &longer, SEGMENT.saturating_add(400))
                    .unwrap_err();
            }
        }
    }

    #[tokio::test]
    async fn what_does_not_fit_is_sent_in_fragments() {
        if !in_namespace("what_does_not_fit_is_sent_in_fragments") {
            return;
        }
        for (proxy, target) in FAMILIES.into_iter().flat_map(|proxy| FAMILIES.map(|target| (proxy, target))) {
            let association = Fixture::start_at(proxy, "0.0.0.0:0", false).await.association;
            let (socket, address) = destination_at(target).await;
            let fits = association.max_data(&UdpHeader::new(address.into()), MTU).unwrap();
            for len in [fits + 1, fits + 2, 1600, 9000] {
                let (before, data) = (fragments(), data(len));
                for _ in 0..3 {
                    association.send_to(address, &data).await.unwrap();
                }
                let mut buffer = vec![0; 20_000];
                for _ in 0..3 {
                    let (found, from) = receive(&socket).await;
                    assert_eq!(found, data, "{len} from {proxy} to {target}");
                    socket.send_to(&found, from).await.unwrap();
                    let (_, answer) = timeout(TEST_TIMEOUT, association.recv_from(&mut buffer)).await.unwrap().unwrap();
                    assert_eq!(answer, data, "{len} from {target} to {proxy}");
                }
                assert!(fragments() - before >= 6, "{len} from {proxy} to {target}");
            }
        }
    }
}
