//! Deadlines.

use std::io;
use std::pin::Pin;
use std::time::Duration;

use tokio::time::timeout;

/// Awaits `work` for at most `limit`. With [`Duration::MAX`] the runtime needs no timer. The caller pins `work`: passed
/// by value, it would be stored twice in the future of this `async fn`.
pub(crate) async fn within<T, E: From<io::Error>>(
    limit: Duration,
    work: Pin<&mut impl Future<Output = Result<T, E>>>,
) -> Result<T, E> {
    if limit == Duration::MAX {
        return work.await;
    }
    timeout(limit, work).await.unwrap_or_else(|late| Err(io::Error::from(late).into()))
}
