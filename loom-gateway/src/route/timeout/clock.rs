//! When the time starts, and whether it is over.

use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use http::Uri;
use pin_project_lite::pin_project;
use tokio::sync::oneshot;
use tokio::time::{Instant, Sleep, sleep_until};

use super::change::TimeoutChange;

pin_project! {
    /// One request's time.
    pub(super) struct Clock {
        // Here and not beside the clock, so that a route without a timeout has no room for it in its futures.
        request_uri: Uri,
        timeout: Option<Duration>,
        // When the request ended.
        since: Option<Instant>,
        #[pin]
        request: Option<oneshot::Receiver<()>>,
        #[pin]
        sleep: Option<Sleep>,
        change: Option<TimeoutChange>,
    }
}

impl Clock {
    /// The time of a request without a body, which starts at once.
    pub(super) fn started(
        request_uri: Uri,
        timeout: Option<Duration>,
        change: Option<TimeoutChange>,
    ) -> Self {
        let now = Instant::now();
        Self {
            request_uri,
            timeout,
            since: Some(now),
            request: None,
            sleep: timeout.map(|timeout| sleep_until(now + timeout)),
            change,
        }
    }

    /// The time of a request with a body. It starts when the sender is used or dropped.
    pub(super) fn waiting(
        request_uri: Uri,
        timeout: Option<Duration>,
        change: Option<TimeoutChange>,
    ) -> (oneshot::Sender<()>, Self) {
        let (sender, request) = oneshot::channel();
        let this = Self {
            request_uri,
            timeout,
            since: None,
            request: Some(request),
            sleep: None,
            change,
        };
        (sender, this)
    }

    /// The path of the request.
    pub(super) fn path(&self) -> &str {
        self.request_uri.path()
    }

    /// Ready when the time is over.
    pub(super) fn poll_over(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let mut this = self.project();
        let mut moved = false;
        if let Some(timeout) = this.change.as_ref().and_then(TimeoutChange::take) {
            *this.timeout = timeout;
            moved = true;
        }
        if let Some(request) = this.request.as_mut().as_pin_mut() {
            if request.poll(cx).is_pending() {
                return Poll::Pending;
            }
            this.request.set(None);
            *this.since = Some(Instant::now());
            moved = true;
        }
        if moved {
            let over = this.since.zip(*this.timeout);
            let sleep = over.map(|(since, timeout)| sleep_until(since + timeout));
            this.sleep.set(sleep);
        }
        match this.sleep.as_pin_mut() {
            Some(sleep) => sleep.poll(cx),
            None => Poll::Pending,
        }
    }
}
