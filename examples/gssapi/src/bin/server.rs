//! A SOCKS5 proxy that admits only clients with a Kerberos ticket: CONNECT, on blocking sockets, a thread a connection.

use std::convert::Infallible;
use std::io::{self, ErrorKind, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream, ToSocketAddrs};
use std::process::ExitCode;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::thread;
use std::time::Duration;

use clap::Parser;
use libgssapi::credential::{Cred, CredUsage};
use libgssapi::name::Name;
use libgssapi::oid::GSS_NT_HOSTBASED_SERVICE;
use socket2::SockRef;
use socks5_gssapi::accept::accept;
use socks5_gssapi::level;
use socks5_gssapi::stream::{Stream, fill};
use socks5_sansio::server::{Chosen, Server, Step};
use socks5_sansio::{Address, Command, Endpoint, Method, ProtectionLevel, Reply, ReplyCode};

/// A SOCKS5 proxy server that authenticates by GSSAPI; its keys are in KRB5_KTNAME
#[derive(Parser)]
struct Args {
    /// Where to listen; port 0 lets the system choose one
    #[arg(long, default_value = "127.0.0.1:1080", value_name = "ADDRESS:PORT")]
    listen: SocketAddr,
    /// The service that tickets must be for, such as rcmd@proxy.example; without it, any that there is a key for
    #[arg(long, value_name = "NAME@HOST")]
    service: Option<String>,
    /// The levels that a client may ask for; `clear`, nothing protected, is not in the RFC, but all that libcurl speaks
    #[arg(long, default_value = "integrity,confidentiality", value_name = "LEVELS", value_delimiter = ',')]
    #[arg(value_parser = level)]
    protection: Vec<ProtectionLevel>,
    /// How long a client may take to say what it wants
    #[arg(long, default_value_t = 10, value_name = "SECONDS", value_parser = clap::value_parser!(u64).range(1..))]
    handshake_timeout: u64,
}

const ACCEPT_PAUSE: Duration = Duration::from_millis(100);
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
const NOT_SUPPORTED: ReplyCode = ReplyCode::COMMAND_NOT_SUPPORTED;

fn main() -> ExitCode {
    let Err(error) = run(Box::leak(Args::parse().into()));
    log(&format!("error: {error}"));
    ExitCode::FAILURE
}

fn run(args: &'static Args) -> io::Result<Infallible> {
    args.credential()?;
    let listener = TcpListener::bind(args.listen)?;
    let address = listener.local_addr()?;
    let service = args.service.as_deref().unwrap_or("rcmd@localhost");
    let hint = format!("try: client --proxy {address} --service {service} example.com:80");
    let _ = writeln!(io::stdout(), "listening on {address}\n{hint}");
    loop {
        let started = listener.accept().and_then(|(tcp, client)| {
            let thread = thread::Builder::new();
            thread.spawn(move || serve(tcp, client, args))
        });
        if let Err(error) = started {
            log(&format!("accept: {error}"));
            thread::sleep(ACCEPT_PAUSE);
        }
    }
}

impl Args {
    fn credential(&self) -> io::Result<Cred> {
        let name = self.service.as_ref().map(|name| Name::new(name.as_bytes(), Some(GSS_NT_HOSTBASED_SERVICE)));
        let name = name.transpose().map_err(io::Error::other)?;
        Cred::acquire(name.as_ref(), None, CredUsage::Accept, None).map_err(io::Error::other)
    }
}

/// In one write, so that lines do not mix.
fn log(line: &str) {
    let _ = io::stderr().write_all(format!("{line}\n").as_bytes());
}

/// One connection, from its first octet to the line about it.
fn serve(tcp: TcpStream, client: SocketAddr, args: &Args) {
    let mut subject = String::new();
    let outcome = Stream::new(tcp, Duration::from_secs(args.handshake_timeout)).and_then(|mut stream| {
        match prepare(&mut stream, args, &mut subject) {
            Ok(target) => relay(stream, target),
            Err(error) => {
                stream.hang_up();
                Err(error)
            }
        }
    });
    log(&match outcome {
        Ok((up, down)) => format!("{client}: {subject}{up} octets up, {down} down"),
        Err(error) => format!("{client}: {subject}{error}"),
    });
}

/// Listens to what the client wants, and gets it. The loop is the same before the authentication and after it: only the
/// stream changes.
fn prepare(stream: &mut Stream, args: &Args, subject: &mut String) -> io::Result<TcpStream> {
    let (mut server, mut buffer, mut start) = (Server::new(), Vec::new(), 0);
    loop {
        let (used, step) = match server.read(&buffer[start..]) {
            Ok(step) => step,
            Err(error) => return stream.write_all(error.parting()).and(Err(error.into())),
        };
        start += used;
        server = match step {
            Step::NeedMore(same, missing) => match fill(stream, missing, &mut buffer)? {
                true => same,
                false => return Err(same.end(&buffer[start..]).into()),
            },
            Step::Methods(_, permit) => match permit.choose(&[Method::GSSAPI]) {
                Chosen::SubNegotiate(answer, negotiation) => {
                    stream.write_all(&answer)?;
                    let acceptor = negotiation.gssapi().map_err(|_| ErrorKind::Unsupported)?;
                    let accepted = accept(stream, acceptor, args.credential()?, &args.protection)?;
                    *subject = format!("{} at {}: ", accepted.principal, accepted.protection.level);
                    stream.protect(accepted.protection);
                    accepted.server
                }
                Chosen::Continue(no, _) | Chosen::Refused(no) => return refuse(stream, &no, "no GSSAPI offered"),
            },
            Step::Request(request, permit) if request.command == Command::CONNECT => {
                *subject += &format!("{} {}: ", request.command, request.destination.canonical());
                let outcome = reach(request.destination);
                let reply = match &outcome {
                    Ok(target) => Reply::succeeded(target.local_addr()?.into()),
                    Err(error) => Reply::failed(ReplyCode::from(error)),
                };
                return stream.write_all(&permit.reply(&reply)).and(outcome);
            }
            Step::Request(_, permit) => return refuse(stream, &permit.refuse(NOT_SUPPORTED), "not CONNECT"),
            Step::Bind(_, permit) => return refuse(stream, &permit.refuse(NOT_SUPPORTED), "not CONNECT"),
            Step::UserPass(_, permit) => return refuse(stream, &permit.reject(), "it was not asked for a password"),
        };
    }
}

fn refuse<T>(stream: &mut Stream, answer: &[u8], why: &str) -> io::Result<T> {
    stream.write_all(answer).and(Err(io::Error::new(ErrorKind::PermissionDenied, why)))
}

/// Tries the addresses of the destination in turn until one answers.
fn reach(destination: Endpoint<'_>) -> io::Result<TcpStream> {
    let endpoint = destination.canonical();
    let addresses = match endpoint.address {
        Address::Domain(domain) => {
            let name = domain.hostname().ok_or(ErrorKind::HostUnreachable)?;
            let found = (name, endpoint.port).to_socket_addrs();
            Vec::from_iter(found.map_err(|error| io::Error::new(ErrorKind::HostUnreachable, error))?)
        }
        _ => Vec::from_iter(endpoint.to_socket_addr()),
    };
    let mut outcome = Err(ErrorKind::HostUnreachable.into());
    for address in addresses {
        outcome = TcpStream::connect_timeout(&address, CONNECT_TIMEOUT);
        if outcome.is_ok() {
            break;
        }
    }
    outcome
}

/// Until both sides have ended. Returns the number of octets to the target and back.
///
/// If one way breaks off, by a frame that is refused for one, both connections are reset: an orderly end would pass for
/// all there was.
fn relay(mut client: Stream, target: TcpStream) -> io::Result<(u64, u64)> {
    target.set_nodelay(true)?;
    let mut to_client = client.established()?;
    let tunnel = Tunnel { client: client.socket().try_clone()?, target, broken: AtomicBool::new(false) };
    let (mut from_target, mut to_target) = (&tunnel.target, &tunnel.target);
    thread::scope(|scope| {
        let up = scope.spawn(|| tunnel.ended(io::copy(&mut client, &mut to_target), &tunnel.target));
        let down = tunnel.ended(io::copy(&mut from_target, &mut to_client), &tunnel.client);
        let up = up.join().map_err(|_| io::Error::other("a thread broke off"))?;
        Ok((up?, down?))
    })
}

struct Tunnel {
    client: TcpStream,
    target: TcpStream,
    broken: AtomicBool,
}

impl Tunnel {
    /// One way has ended, and the other end of it is told; or it has broken off, and the other way ends too.
    fn ended(&self, outcome: io::Result<u64>, to: &TcpStream) -> io::Result<u64> {
        if outcome.is_err() {
            self.broken.store(true, Relaxed);
            for socket in [&self.client, &self.target] {
                let _ = SockRef::from(socket).set_linger(Some(Duration::ZERO));
                let _ = socket.shutdown(Shutdown::Read);
            }
        } else if !self.broken.load(Relaxed) {
            let _ = to.shutdown(Shutdown::Write);
        }
        outcome
    }
}
