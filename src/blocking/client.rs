//! The client's handshake.

use std::io::{self, Read, Write};

use super::{Error, Wire};
use crate::client::{self, Selected, SendRequest};
use crate::error::ParseEndpointError;
use crate::wire::{Endpoint, EndpointBuf, ReplyCode, UserPass};

/// The error of [`connect`].
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ConnectError {
    /// The destination is malformed. Nothing was sent.
    #[error(transparent)]
    Destination(#[from] ParseEndpointError),
    /// The stream failed.
    #[error(transparent)]
    Io(#[from] io::Error),
    /// The proxy refused, sent a malformed message, or closed the connection.
    #[error(transparent)]
    Proxy(client::Error),
}

impl From<Error<client::Error>> for ConnectError {
    fn from(error: Error<client::Error>) -> Self {
        match error {
            Error::Io(error) => Self::Io(error),
            Error::Peer(error) => Self::Proxy(error),
        }
    }
}

/// The code that a server sends to its own client if the next proxy failed.
impl From<&ConnectError> for ReplyCode {
    fn from(error: &ConnectError) -> Self {
        match error {
            ConnectError::Destination(_) => Self::GENERAL_FAILURE,
            ConnectError::Io(error) => error.into(),
            ConnectError::Proxy(error) => (*error).into(),
        }
    }
}

impl From<ConnectError> for io::Error {
    fn from(error: ConnectError) -> Self {
        match error {
            ConnectError::Destination(error) => error.into(),
            ConnectError::Io(error) => error,
            ConnectError::Proxy(error) => error.into(),
        }
    }
}

/// Connects to a destination through the proxy at the other end of the stream. `to` is `"example.com:443"`, `("example.com", 443)`,
/// a socket address or an [`Endpoint`]. Returns the bound address of the reply; afterwards the stream carries application data.
///
/// # Errors
///
/// [`ConnectError`]: close the stream.
pub fn connect<'a, S, T>(stream: &mut S, to: T, credentials: Option<UserPass<'_>>) -> Result<EndpointBuf, ConnectError>
where
    S: Read + Write + ?Sized,
    T: TryInto<Endpoint<'a>, Error: Into<ParseEndpointError>>,
{
    let to = to.try_into().map_err(Into::into)?;
    let mut wire = Wire::client(stream);
    let (request, state) = authenticate(&mut wire, credentials)?.connect(to);
    wire.send(&request)?;
    Ok(wire.receive(state)?.into())
}

/// Performs the client's handshake up to the request: offers no authentication and, if there are credentials, username and
/// password. Use it for requests other than CONNECT:
///
/// ```
/// # use std::net::TcpListener;
/// use std::net::TcpStream;
///
/// use socks5_sansio::Endpoint;
/// use socks5_sansio::association::relay_address;
/// use socks5_sansio::blocking::{Wire, authenticate};
///
/// # use socks5_sansio::ReplyCode;
/// # use socks5_sansio::blocking::{Anyone, accept};
/// # use socks5_sansio::server::Asked;
/// # let listener = TcpListener::bind("127.0.0.1:0")?;
/// # let address = listener.local_addr()?;
/// # let server = std::thread::spawn(move || -> std::io::Result<()> {
/// #     let mut wire = Wire::server(listener.accept()?.0);
/// #     let reply = match accept(&mut wire, &Anyone)?.2 {
/// #         Asked::UdpAssociate(permit) => permit.succeed("0.0.0.0:4660".try_into()?),
/// #         other => other.refuse(ReplyCode::COMMAND_NOT_SUPPORTED),
/// #     };
/// #     wire.send(&reply)
/// # });
/// let stream = TcpStream::connect(address)?;
/// let proxy = stream.peer_addr()?;
///
/// let mut wire = Wire::client(stream);
/// let (request, state) = authenticate(&mut wire, None)?.udp_associate(Endpoint::unspecified(proxy));
/// wire.send(&request)?;
/// let relay = relay_address(wire.receive(state)?, proxy);
/// assert_eq!(relay, "127.0.0.1:4660".parse()?); // send datagrams there; the association ends with the wire's stream
/// # server.join().unwrap()?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
///
/// [`Error`]: close the stream.
pub fn authenticate<S: Read + Write>(
    wire: &mut Wire<S>,
    credentials: Option<UserPass<'_>>,
) -> Result<SendRequest, Error<client::Error>> {
    let (offer, state) = client::login(credentials);
    wire.send(&offer)?;
    match wire.receive(state)? {
        Selected::Request(permit) => Ok(permit),
        Selected::UserPass(credentials, state) => {
            wire.send(&credentials)?;
            wire.receive(state)
        }
    }
}
