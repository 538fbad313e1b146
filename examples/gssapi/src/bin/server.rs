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
use socks5_gssapi::stream::Stream;
use socks5_sansio::blocking::Wire;
use socks5_sansio::server::{Asked, ReceiveOffer};
use socks5_sansio::{Address, Command, Encode, Endpoint, ProtectionLevel, ReplyCode};

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

/// Performs the handshake, and connects to the destination. The wires read exactly the bytes that are missing: between them the
/// stream becomes protected.
fn prepare(stream: &mut Stream, args: &Args, subject: &mut String) -> io::Result<TcpStream> {
    let mut wire = Wire::client(&mut *stream);
    let (_, permit) = wire.receive(ReceiveOffer::new())?;
    let (selection, state) = match permit.gssapi() {
        Ok(selected) => selected,
        Err(permit) => return refuse(&mut wire, &permit.refuse(), "no GSSAPI offered"),
    };
    wire.send(&selection)?;
    let accepted = accept(stream, state, args.credential()?, &args.protection)?;
    *subject = format!("{} at {}: ", accepted.principal, accepted.protection.level);
    stream.protect(accepted.protection);

    let mut wire = Wire::client(stream);
    let (destination, asked) = wire.receive(accepted.state)?;
    let permit = match asked {
        Asked::Connect(permit) => permit,
        other => return refuse(&mut wire, &other.refuse(ReplyCode::COMMAND_NOT_SUPPORTED), "not CONNECT"),
    };
    *subject += &format!("{} {}: ", Command::CONNECT, destination.canonical());
    let outcome = reach(destination);
    let reply = match &outcome {
        Ok(target) => permit.succeed(target.local_addr()?.into()),
        Err(error) => permit.refuse(error),
    };
    wire.send(&reply).and(outcome)
}

fn refuse<T>(wire: &mut Wire<&mut Stream>, answer: &impl Encode, why: &str) -> io::Result<T> {
    wire.send(answer).and(Err(io::Error::new(ErrorKind::PermissionDenied, why)))
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
