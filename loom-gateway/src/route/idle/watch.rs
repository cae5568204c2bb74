//! When something passed last, and whether that was too long ago.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use http::Uri;
use parking_lot::Mutex;
use pin_project_lite::pin_project;
use tokio::time::{Instant, Sleep, sleep_until};

/// When something passed last.
#[derive(Debug, Clone)]
pub(super) struct Activity {
    last: Arc<Mutex<Instant>>,
}

impl Activity {
    pub(super) fn now() -> Self {
        Self {
            last: Arc::new(Mutex::new(Instant::now())),
        }
    }

    /// Something passes.
    pub(super) fn touch(&self) {
        *self.last.lock() = Instant::now();
    }

    fn last(&self) -> Instant {
        *self.last.lock()
    }
}

pin_project! {
    /// Waits until nothing passed for too long.
    pub(super) struct Watch {
        // Here and not beside the watch, so that a route without this has no room for it in its futures.
        request_uri: Uri,
        activity: Activity,
        timeout: Duration,
        #[pin]
        sleep: Sleep,
    }
}

impl Watch {
    pub(super) fn new(request_uri: Uri, activity: Activity, timeout: Duration) -> Self {
        let sleep = sleep_until(activity.last() + timeout);
        Self {
            request_uri,
            activity,
            timeout,
            sleep,
        }
    }

    /// The path of the request.
    pub(super) fn path(&self) -> &str {
        self.request_uri.path()
    }

    pub(super) fn timeout(&self) -> Duration {
        self.timeout
    }

    pub(super) fn activity(&self) -> &Activity {
        &self.activity
    }

    /// Ready when nothing passed for too long. The timer is moved only when it fires, not with each piece that passes.
    pub(super) fn poll_idle(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let mut this = self.project();
        loop {
            ready!(this.sleep.as_mut().poll(cx));
            let due = this.activity.last() + *this.timeout;
            if due <= Instant::now() {
                return Poll::Ready(());
            }
            this.sleep.as_mut().reset(due);
        }
    }
}
