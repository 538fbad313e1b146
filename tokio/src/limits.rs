//! Limits on what clients may hold: in total, and for each client address.

use std::net::IpAddr;
use std::sync::Arc;

#[cfg(unix)]
use crate::relay::PIPE_DESCRIPTORS;
use crate::tally::{Held, Tally};

/// For the listener, the log, the resolver, refusals, and the relay's pipes.
#[cfg(unix)]
const SPARE_DESCRIPTORS: usize = 100 + PIPE_DESCRIPTORS;

/// A number of places for tunnels, associations, listeners or look-ups, with a maximum for each client address.
///
/// There is no queue: beyond the limit [`take`](Self::take) returns `None` at once, and the client should get
/// [`GENERAL_FAILURE`](socks5_sansio::ReplyCode::GENERAL_FAILURE).
///
/// ```
/// use tokio_socks5_sansio::limits::Limit;
///
/// let limit = Limit::new(4, 1);
/// let place = limit.take("192.0.2.1".parse()?);
/// assert!(place.is_some());
/// assert!(limit.take("192.0.2.1".parse()?).is_none());
/// assert!(limit.take("192.0.2.2".parse()?).is_some());
/// drop(place);
/// assert!(limit.take("192.0.2.1".parse()?).is_some());
/// # Ok::<(), std::net::AddrParseError>(())
/// ```
#[derive(Clone, Debug)]
pub struct Limit {
    total: usize,
    per_client: usize,
    exempts_loopback: bool,
    places: Arc<Tally<IpAddr>>,
}

/// A place within a [`Limit`], until it is dropped.
#[must_use]
#[derive(Debug)]
pub struct Place {
    _held: Held<IpAddr>,
}

impl Limit {
    /// At most `total` places, and `per_client` for each client address.
    #[must_use]
    pub fn new(total: usize, per_client: usize) -> Self {
        Self { total, per_client, exempts_loopback: false, places: Arc::default() }
    }

    /// As many places as the process's limit of descriptors allows if a place takes at most `each` descriptors. Some descriptors
    /// are left for everything else. Each client address may hold a quarter of the places. Loopback addresses are exempt, because
    /// many programs share them: for them only the total counts.
    #[cfg(unix)]
    #[must_use]
    pub fn of_descriptors(each: usize) -> Self {
        use rustix::process::{Resource, getrlimit};
        let descriptors = getrlimit(Resource::Nofile).current.and_then(|limit| usize::try_from(limit).ok());
        let total = descriptors.unwrap_or(usize::MAX).saturating_sub(SPARE_DESCRIPTORS) / each.max(1);
        Self { exempts_loopback: true, ..Self::new(total, (total / 4).max(1)) }
    }

    /// Takes a place for a client. `None`: the total or the client's limit is reached.
    pub fn take(&self, client: IpAddr) -> Option<Place> {
        let client = client.to_canonical();
        let (held, total, of_client) = self.places.hold(client);
        let is_exempt = self.exempts_loopback && client.is_loopback();
        (total <= self.total && (of_client <= self.per_client || is_exempt)).then_some(Place { _held: held })
    }
}

/// Raises the process's soft limit of descriptors to the hard limit.
///
/// # Errors
///
/// That of the system, if it refuses; the limit is then unchanged.
#[cfg(unix)]
pub fn raise_descriptor_limit() -> std::io::Result<()> {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    let Rlimit { maximum, .. } = getrlimit(Resource::Nofile);
    Ok(setrlimit(Resource::Nofile, Rlimit { current: maximum, maximum })?)
}
