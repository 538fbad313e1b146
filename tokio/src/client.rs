//! The client's handshake.

use std::pin::pin;
use std::time::Duration;

use socks5_sansio::blocking::{ConnectError, Error};
use socks5_sansio::client::{self, Selected, SendRequest};
use socks5_sansio::{Endpoint, EndpointBuf, ParseEndpointError, UserPass};
use tokio::io::{AsyncRead, AsyncWrite};

use crate::Wire;
use crate::deadline::within;

/// Connects to a destination through the proxy at the other end of the stream. `to` is `"example.com:443"`,
/// `("example.com", 443)`, a socket address or an [`Endpoint`]. Returns the bound address of the reply; afterwards the stream
/// carries application data.
///
/// `timeout` is for the whole handshake; [`Duration::MAX`] means no timeout.
///
/// # Errors
///
/// [`ConnectError`]: close the stream. A timeout is an I/O error of kind [`TimedOut`](std::io::ErrorKind::TimedOut).
pub fn connect<'a, S, T>(
    stream: &mut S,
    to: T,
    credentials: Option<UserPass<'_>>,
    timeout: Duration,
) -> impl Future<Output = Result<EndpointBuf, ConnectError>>
where
    S: AsyncRead + AsyncWrite + Unpin,
    T: TryInto<Endpoint<'a>, Error: Into<ParseEndpointError>>,
{
    let to = to.try_into().map_err(Into::into);
    let mut wire = Wire::client(stream);
    async move {
        let bound = pin!(async {
            if let Err(error) = to {
                return Err(ConnectError::Destination(error)); // before anything is sent
            }
            let (request, state) = authenticate(&mut wire, credentials).await?.connect(to?);
            wire.send(&request).await?;
            Ok(wire.receive(state).await?.into())
        });
        within(timeout, bound).await
    }
}

/// Performs the client's handshake up to the request: offers `NO_AUTHENTICATION` and, if there are credentials, username and
/// password.
///
/// # Errors
///
/// [`Error`]: close the stream.
pub fn authenticate<'w, S: AsyncRead + AsyncWrite + Unpin>(
    wire: &'w mut Wire<S>,
    credentials: Option<UserPass<'w>>,
) -> impl Future<Output = Result<SendRequest, Error<client::Error>>> + use<'w, S> {
    let (offer, state) = client::login(credentials);
    async move {
        wire.send(&offer).await?;
        match wire.receive(state).await? {
            Selected::Request(permit) => Ok(permit),
            Selected::UserPass(credentials, state) => {
                wire.send(&credentials).await?;
                wire.receive(state).await
            }
        }
    }
}
