//! A thread of our own for what belongs to no request: building shards, ending streams that were dropped, waiting.
//!
//! A small tokio runtime, so that loading works outside tokio and nothing ends with somebody else's runtime.

use std::future::Future;
use std::io;
use std::time::Duration;

use tokio::runtime::{Builder, Handle};
use tokio::sync::oneshot;
use tokio::task::AbortHandle;

/// The threads that may build shards at the same time.
const BLOCKING_THREADS: usize = 4;

/// See the module's text. Its threads end when it is dropped.
#[derive(Debug)]
pub(crate) struct Background {
    handle: Handle,
    /// Dropped with `self`, which ends the thread.
    _alive: oneshot::Sender<()>,
}

impl Background {
    pub(super) fn start() -> io::Result<Self> {
        let runtime = Builder::new_current_thread()
            .enable_all()
            .max_blocking_threads(BLOCKING_THREADS)
            .thread_name("loom-build")
            .build()?;
        let handle = runtime.handle().clone();
        let (alive, ended) = oneshot::channel::<()>();
        std::thread::Builder::new()
            .name("loom-background".to_owned())
            .spawn(move || {
                // The sender is never used: an error says that it was dropped.
                let _ = runtime.block_on(ended);
                // A build that still runs ends by its deadline; waiting for it would keep nothing.
                runtime.shutdown_background();
            })?;
        Ok(Self {
            handle,
            _alive: alive,
        })
    }

    /// How many tasks there are.
    #[cfg(test)]
    pub(super) fn tasks(&self) -> usize {
        self.handle.metrics().num_alive_tasks()
    }

    /// Runs a task that only waits and polls.
    pub(crate) fn spawn(&self, task: impl Future<Output = ()> + Send + 'static) {
        self.handle.spawn(task);
    }

    /// Runs a task after a while, unless what is returned is dropped before.
    pub(crate) fn spawn_after(
        &self,
        delay: Duration,
        task: impl Future<Output = ()> + Send + 'static,
    ) -> Timer {
        let task = self.handle.spawn(async move {
            tokio::time::sleep(delay).await;
            task.await;
        });
        Timer {
            task: task.abort_handle(),
        }
    }

    /// Runs what takes its time.
    pub(crate) fn spawn_blocking(&self, work: impl FnOnce() + Send + 'static) {
        self.handle.spawn_blocking(work);
    }

    /// Runs what takes its time, later.
    pub(super) fn spawn_blocking_after(
        &self,
        delay: Duration,
        work: impl FnOnce() + Send + 'static,
    ) {
        if delay.is_zero() {
            return self.spawn_blocking(work);
        }
        let handle = self.handle.clone();
        self.handle.spawn(async move {
            tokio::time::sleep(delay).await;
            handle.spawn_blocking(work);
        });
    }
}

/// A task that waits for its time. Dropped, it is cancelled.
#[derive(Debug)]
pub(crate) struct Timer {
    task: AbortHandle,
}

impl Drop for Timer {
    fn drop(&mut self) {
        self.task.abort();
    }
}
