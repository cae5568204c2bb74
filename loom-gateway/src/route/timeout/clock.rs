//! When the time starts, and whether it is over.

use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use pin_project_lite::pin_project;
use tokio::sync::oneshot;
use tokio::time::{Sleep, sleep};

pin_project! {
    /// One request's time.
    #[project = State]
    pub(super) enum Clock {
        /// The request is still on its way.
        Waiting { #[pin] request: oneshot::Receiver<()>, timeout: Duration },
        /// The request has ended.
        Running { #[pin] sleep: Sleep },
    }
}

impl Clock {
    /// The time of a request without a body, which starts at once.
    pub(super) fn started(timeout: Duration) -> Self {
        Self::Running {
            sleep: sleep(timeout),
        }
    }

    /// The time of a request with a body. It starts when the sender is used or dropped.
    pub(super) fn waiting(timeout: Duration) -> (oneshot::Sender<()>, Self) {
        let (sender, request) = oneshot::channel();
        (sender, Self::Waiting { request, timeout })
    }

    /// Ready when the time is over.
    pub(super) fn poll_over(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        if let State::Waiting { request, timeout } = self.as_mut().project() {
            if request.poll(cx).is_pending() {
                return Poll::Pending;
            }
            let timeout = *timeout;
            self.set(Self::started(timeout));
        }
        match self.project() {
            State::Running { sleep } => sleep.poll(cx),
            State::Waiting { .. } => Poll::Pending,
        }
    }
}
