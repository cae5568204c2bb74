//! The signal to end, made for many connections that look at it at every turn.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, Waker};

use tokio::sync::Notify;
use tokio::sync::futures::OwnedNotified;

/// Says once, to all who hold a copy, that the gateway ends.
#[derive(Debug, Clone, Default)]
pub(crate) struct Drain {
    inner: Arc<Inner>,
}

#[derive(Debug, Default)]
struct Inner {
    started: AtomicBool,
    notify: Arc<Notify>,
}

impl Drain {
    /// Starts it. Nothing happens when it has started already.
    pub(crate) fn start(&self) {
        self.inner.started.store(true, Ordering::Release);
        self.inner.notify.notify_waiters();
    }

    /// Whether it has started.
    pub(crate) fn is_started(&self) -> bool {
        self.inner.started.load(Ordering::Acquire)
    }

    /// Ends when it has started.
    pub(crate) fn started(&self) -> Started {
        Started {
            drain: self.clone(),
            notified: Box::pin(Arc::clone(&self.inner.notify).notified_owned()),
            registered: None,
        }
    }
}

/// The future of [`Drain::started`].
///
/// A connection polls it whenever it is polled itself, so once for each read and write. `Notified` takes a lock that
/// all connections share each time; this future only does so when it is polled by another task than before.
#[derive(Debug)]
pub(crate) struct Started {
    drain: Drain,
    notified: Pin<Box<OwnedNotified>>,
    registered: Option<Waker>,
}

impl Future for Started {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let this = &mut *self;
        if this.drain.is_started() {
            return Poll::Ready(());
        }
        if this
            .registered
            .as_ref()
            .is_some_and(|waker| waker.will_wake(cx.waker()))
        {
            return Poll::Pending;
        }
        this.registered = Some(cx.waker().clone());
        match this.notified.as_mut().poll(cx) {
            Poll::Ready(()) => Poll::Ready(()),
            // It may have started between the look above and the registration.
            Poll::Pending if this.drain.is_started() => Poll::Ready(()),
            Poll::Pending => Poll::Pending,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn everybody_is_woken_and_latecomers_do_not_wait() {
        let drain = Drain::default();
        let waiting: Vec<_> = (0..8).map(|_| tokio::spawn(drain.started())).collect();
        // All of them have been polled once by then: this runtime has one thread.
        tokio::task::yield_now().await;
        drain.start();
        for task in waiting {
            task.await.expect("no panic");
        }
        drain.started().await;
    }
}
