//! The time that a connection has.

use std::pin::Pin;
use std::task::{Context, Poll, Waker, ready};

use loom_config::model::ListenerLimits;
use pin_project_lite::pin_project;
use tokio::time::{Instant, Sleep, sleep_until};

use super::activity::Activity;
use super::ended::Ended;

pin_project! {
    /// Says when a connection is to end.
    ///
    /// It is polled whenever the connection is, so at each read and write. A request moves what is due forth and back; the
    /// timer is only set anew when something is due earlier than it rings, and otherwise when it has rung.
    pub(super) struct Clock {
        #[pin]
        timer: Sleep,
        registered: Option<Waker>,
    }
}

impl Clock {
    pub(super) fn new(limits: &ListenerLimits) -> Self {
        Self {
            timer: sleep_until(Instant::now() + limits.header_timeout),
            registered: None,
        }
    }

    /// Why the connection is to end now.
    pub(super) fn poll(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        activity: &Activity,
        limits: &ListenerLimits,
    ) -> Poll<Ended> {
        let mut this = self.project();
        loop {
            let due = activity.due(limits);
            if let Some(due) = due.filter(|due| due.at < this.timer.deadline()) {
                this.timer.as_mut().reset(due.at);
                *this.registered = None;
            }
            let waits = this.registered.as_ref();
            if waits.is_some_and(|waker| waker.will_wake(cx.waker())) && !this.timer.is_elapsed() {
                return Poll::Pending;
            }
            *this.registered = Some(cx.waker().clone());
            ready!(this.timer.as_mut().poll(cx));
            let now = Instant::now();
            match due {
                Some(due) if due.at <= now => return Poll::Ready(due.why),
                Some(due) => this.timer.as_mut().reset(due.at),
                // At the end of the request something is due, and the timer is set to that.
                None => this.timer.as_mut().reset(now + limits.idle_timeout),
            }
            *this.registered = None;
        }
    }
}
