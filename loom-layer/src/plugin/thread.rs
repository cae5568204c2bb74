//! What blocks, on a thread of its own.

use tokio::sync::oneshot;

use crate::error::{Error, Kind};

/// Runs what loads a plugin on a thread of its own, so that no worker thread is held up. When nobody waits any more, it
/// runs to its end all the same.
pub(super) async fn off_thread<T: Send + 'static>(
    plugin: &str,
    work: impl FnOnce() -> Result<T, Error> + Send + 'static,
) -> Result<T, Error> {
    let host = |what: &str| Error::new(Kind::Host, plugin, what, "check the limit on threads");
    let (send, receive) = oneshot::channel();
    std::thread::Builder::new()
        .name("loom-load".to_owned())
        .spawn(move || {
            // Nobody waits any more if the receiver is gone.
            let _ = send.send(work());
        })
        .map_err(|error| host("no thread can be started to load it").with_source(error))?;
    receive
        .await
        .map_err(|_| host("the thread that loads it panicked"))?
}
