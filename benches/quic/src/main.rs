//! Downloads over QUIC, directly and through proxies, in turns.

mod proxy;
mod quic;

use std::net::Ipv6Addr;

use lexopt::{Arg, Parser, ValueExt};
use quinn::Endpoint;
use socks5_sansio::Endpoint as Destination;
use socks5_sansio_http3::ProxiedSocket;

use crate::proxy::Proxy;
use crate::quic::{Download, MTU, PAYLOAD, Result, Server};

const HELP: &str = "\
Downloads over QUIC, directly and through proxies; prints a table in Markdown

Usage: socks5-sansio-quic-load [OPTIONS] [NAME COMMAND]...

  COMMAND is for the shell, and starts a SOCKS5 server without credentials at 127.0.0.1:$PORT; $TMP is an empty folder.

  --mib N      The size of a download in MiB [default: 200]
  --rounds N   Downloads by each way; the table has the medians [default: 5]
  --help       Print this
";

struct Args {
    mib: u64,
    rounds: usize,
    proxies: Vec<(String, String)>,
}

/// The measures of one download.
struct Sample {
    download: Download,
    /// The processor time of the proxy, in seconds.
    cpu: f64,
}

#[tokio::main]
async fn main() -> Result<()> {
    let Some(args) = parse()? else {
        print!("{HELP}");
        return Ok(());
    };
    let server = Server::start()?;
    let mut direct = Vec::new();
    let mut proxied = args.proxies.iter().map(|_| Vec::new()).collect::<Vec<_>>();
    for _ in 0..args.rounds {
        direct.push(directly(&server, args.mib << 20).await?);
        for ((name, command), samples) in args.proxies.iter().zip(&mut proxied) {
            match through(&server, command, args.mib << 20).await {
                Ok(sample) => samples.push(sample),
                Err(error) => eprintln!("{name}: {error}"),
            }
        }
    }
    print_table(&args, &direct, &proxied);
    Ok(())
}

fn parse() -> Result<Option<Args>> {
    let mut args = Args { mib: 200, rounds: 5, proxies: Vec::new() };
    let mut parser = Parser::from_env();
    while let Some(arg) = parser.next()? {
        match arg {
            Arg::Long("mib") => args.mib = parser.value()?.parse()?,
            Arg::Long("rounds") => args.rounds = parser.value()?.parse()?,
            Arg::Long("help") => return Ok(None),
            Arg::Value(name) => args.proxies.push((name.string()?, parser.value()?.string()?)),
            other => return Err(other.unexpected().into()),
        }
    }
    Ok(Some(args))
}

async fn directly(server: &Server, len: u64) -> Result<Sample> {
    let endpoint = Endpoint::client((Ipv6Addr::UNSPECIFIED, 0).into())?;
    Ok(Sample { download: server.download(&endpoint, server.address, PAYLOAD, len).await?, cpu: 0.0 })
}

async fn through(server: &Server, command: &str, len: u64) -> Result<Sample> {
    let proxy = Proxy::start(command)?;
    let socket = ProxiedSocket::open(proxy.address, None, Destination::from(server.address).into()).await?;
    let endpoint = socket.endpoint(MTU)?;
    let before = proxy.cpu()?;
    let download = server.download(&endpoint, socket.destination(), socket.max_payload(MTU)?, len).await?;
    Ok(Sample { download, cpu: proxy.cpu()? - before })
}

fn print_table(args: &Args, direct: &[Sample], proxied: &[Vec<Sample>]) {
    let gib = args.mib as f64 / 1024.0;
    let seconds = |samples: &[Sample]| median(samples.iter().map(|sample| sample.download.seconds));
    let direct = seconds(direct);
    println!(
        "| {} downloads of {} MiB through | MiB/s | of direct | CPU s per GiB | CPU s per 100,000 datagrams |",
        args.rounds, args.mib
    );
    println!("|---|---:|---:|---:|---:|");
    println!("| (direct) | {:.0} | 1.00 | | |", args.mib as f64 / direct);
    for ((name, _), samples) in args.proxies.iter().zip(proxied).filter(|(_, samples)| !samples.is_empty()) {
        let took = seconds(samples);
        let cpu = median(samples.iter().map(|sample| sample.cpu / gib));
        let by_datagram = median(samples.iter().map(|sample| sample.cpu / sample.download.datagrams as f64 * 1e5));
        println!("| {name} | {:.0} | {:.2} | {cpu:.2} | {by_datagram:.2} |", args.mib as f64 / took, direct / took);
    }
}

fn median(values: impl Iterator<Item = f64>) -> f64 {
    let mut values = values.collect::<Vec<_>>();
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
}
