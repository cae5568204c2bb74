//! What goes on on one connection: what it speaks, how many requests there are, and since when there is none.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;

use loom_config::model::ListenerLimits;
use tokio::time::Instant;

use super::cut::CutShort;
use super::ended::Ended;
use super::sending::Sending;
use crate::limits;
use crate::metrics::Connections;

/// See the module's text. Shared by the connection, its socket, its requests and its tunnels.
#[derive(Debug)]
pub(super) struct Activity {
    began: Instant,
    spoken: AtomicU8,
    /// Requests and tunnels that have not ended.
    running: AtomicUsize,
    /// Requests that have begun.
    requests: AtomicU64,
    /// Those of them that the client took back before there was an answer.
    taken_back: AtomicU64,
    /// Whether something came after the last request. With HTTP/1 that is the beginning of the next one.
    reading: AtomicBool,
    /// When that came, or else when the last request ended: microseconds from `began`.
    since: AtomicU64,
    /// The client sends a body that nobody reads any more.
    unread: AtomicBool,
    sending: Arc<Sending>,
    /// Who counts what becomes of responses.
    counters: Option<Arc<Connections>>,
}

/// When a connection is to end if nothing happens until then, and why.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Due {
    pub(super) at: Instant,
    pub(super) why: Ended,
}

const HTTP1: u8 = 1;
const HTTP2: u8 = 2;

impl Activity {
    pub(super) fn new(sending: Arc<Sending>, counters: Option<Arc<Connections>>) -> Arc<Self> {
        Arc::new(Self {
            began: Instant::now(),
            spoken: AtomicU8::new(0),
            running: AtomicUsize::new(0),
            requests: AtomicU64::new(0),
            taken_back: AtomicU64::new(0),
            reading: AtomicBool::new(false),
            since: AtomicU64::new(0),
            unread: AtomicBool::new(false),
            sending,
            counters,
        })
    }

    pub(super) fn is_http2(&self) -> bool {
        self.spoken.load(Ordering::Relaxed) == HTTP2
    }

    /// The preface of HTTP/2 has come.
    pub(super) fn speaks_http2(&self) {
        self.spoken.store(HTTP2, Ordering::Relaxed);
    }

    /// Something was read.
    pub(super) fn received(&self) {
        let is_first = self.requests() == 0;
        if is_first || self.is_busy() || self.reading.load(Ordering::Relaxed) {
            // The first head has its time from the beginning of the connection.
            return;
        }
        self.touch();
        self.reading.store(true, Ordering::Relaxed);
    }

    /// A request begins. It ends when the result is dropped.
    pub(super) fn begin(self: &Arc<Self>, http1: bool) -> Busy {
        if http1 {
            self.spoken.store(HTTP1, Ordering::Relaxed);
        }
        self.requests.fetch_add(1, Ordering::Relaxed);
        self.reading.store(false, Ordering::Relaxed);
        self.running.fetch_add(1, Ordering::Relaxed);
        Busy {
            activity: Arc::clone(self),
            answered: false,
        }
    }

    /// Something of a request goes on, maybe after its response. It ends when the result is dropped.
    pub(super) fn keep_busy(self: &Arc<Self>) -> Busy {
        self.running.fetch_add(1, Ordering::Relaxed);
        Busy {
            activity: Arc::clone(self),
            answered: true,
        }
    }

    /// Whether the connection is to end although the client still sends a body.
    pub(super) fn leaves_unread(&self) -> bool {
        self.unread.load(Ordering::Relaxed)
    }

    /// Requests so far.
    pub(super) fn requests(&self) -> u64 {
        self.requests.load(Ordering::Relaxed)
    }

    /// Whether the client takes back most of what it asks for ("rapid reset", CVE-2023-44487). h2 sees that only of requests that
    /// come together with their reset; of others each costs an upstream a request.
    pub(super) fn takes_back(&self) -> bool {
        let taken_back = self.taken_back.load(Ordering::Relaxed);
        taken_back > limits::HTTP2_TAKEN_BACK && taken_back > self.requests() / 2
    }

    /// Whether a request or a tunnel has not ended.
    pub(super) fn is_busy(&self) -> bool {
        self.running.load(Ordering::Acquire) > 0
    }

    /// The connection ends although something is sent: the one response of HTTP/1, or all that run of HTTP/2.
    pub(super) fn cut_off(&self) {
        let responses = if self.is_http2() {
            self.running.load(Ordering::Relaxed) as u64
        } else {
            1
        };
        self.count(CutShort::SendTimeout, responses);
    }

    fn count(&self, why: CutShort, responses: u64) {
        if let Some(counters) = &self.counters {
            counters.cut(why, responses);
        }
    }

    /// What the connection waits for, if not for the end of a request.
    pub(super) fn due(&self, limits: &ListenerLimits) -> Option<Due> {
        let moment = |passed: &AtomicU64| {
            let passed = Duration::from_micros(passed.load(Ordering::Relaxed));
            (!passed.is_zero()).then(|| self.began + passed)
        };
        if let Some(blocked) = self.sending.blocked() {
            return Some(Due {
                at: blocked + limits.send_timeout,
                why: Ended::SendTimeout,
            });
        }
        if self.is_busy() {
            return None;
        }
        let since = moment(&self.since).unwrap_or(self.began);
        let (time, why) = if self.waits_for_head() {
            (limits.header_timeout, Ended::HeaderTimeout)
        } else {
            (limits.idle_timeout, Ended::Idle)
        };
        Some(Due {
            at: since + time,
            why,
        })
    }

    /// Whether it owes the rest of a head, or the first one. HTTP/2 says nothing about the heads of which a part has come.
    fn waits_for_head(&self) -> bool {
        !self.is_http2() && (self.requests() == 0 || self.reading.load(Ordering::Relaxed))
    }

    fn touch(&self) {
        self.since.store(self.passed(), Ordering::Relaxed);
    }

    fn passed(&self) -> u64 {
        u64::try_from(self.began.elapsed().as_micros()).unwrap_or(u64::MAX)
    }
}

/// A request or a tunnel that has not ended.
#[derive(Debug)]
pub(super) struct Busy {
    activity: Arc<Activity>,
    answered: bool,
}

impl Busy {
    /// There is an answer.
    pub(super) fn answered(&mut self) {
        self.answered = true;
    }

    /// The rest of its body will not be read.
    pub(super) fn leaves_unread(&self) {
        self.activity.unread.store(true, Ordering::Relaxed);
    }

    /// The response breaks off.
    pub(super) fn cut(&self, error: &axum::Error) {
        self.activity.count(CutShort::of(error), 1);
    }
}

impl Drop for Busy {
    fn drop(&mut self) {
        if !self.answered {
            self.activity.taken_back.fetch_add(1, Ordering::Relaxed);
        }
        self.activity.touch();
        self.activity.running.fetch_sub(1, Ordering::Release);
    }
}

#[cfg(test)]
mod tests {
    use tokio::time::advance;

    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    fn limits() -> ListenerLimits {
        ListenerLimits {
            header_timeout: 10 * SECOND,
            idle_timeout: 60 * SECOND,
            send_timeout: 20 * SECOND,
            ..ListenerLimits::default()
        }
    }

    /// Why it is to end, and in how many seconds.
    fn due(activity: &Activity) -> Option<(Ended, u64)> {
        let due = activity.due(&limits())?;
        let left = due.at.duration_since(Instant::now());
        Some((due.why, left.as_secs()))
    }

    #[tokio::test(start_paused = true)]
    async fn http1_waits_for_heads_and_between_them() {
        let activity = Activity::new(Sending::new(), None);
        advance(4 * SECOND).await;
        activity.received();
        assert_eq!(due(&activity), Some((Ended::HeaderTimeout, 6)));
        let busy = activity.begin(true);
        advance(100 * SECOND).await;
        activity.received();
        assert_eq!(due(&activity), None);
        drop(busy);
        assert_eq!(due(&activity), Some((Ended::Idle, 60)));
        advance(30 * SECOND).await;
        activity.received();
        advance(SECOND).await;
        activity.received();
        assert_eq!(due(&activity), Some((Ended::HeaderTimeout, 9)));
        drop(activity.begin(true));
        assert_eq!(due(&activity), Some((Ended::Idle, 60)));
    }

    #[tokio::test(start_paused = true)]
    async fn what_is_sent_has_its_time_whatever_else_there_is() {
        let activity = Activity::new(Sending::new(), None);
        activity.sending.sent(false);
        advance(5 * SECOND).await;
        activity.sending.sent(false);
        let busy = activity.begin(true);
        assert_eq!(due(&activity), Some((Ended::SendTimeout, 15)));
        activity.sending.sent(true);
        assert_eq!(due(&activity), None);
        advance(SECOND).await;
        activity.sending.sent(false);
        drop(busy);
        assert_eq!(due(&activity), Some((Ended::SendTimeout, 20)));
    }

    #[tokio::test(start_paused = true)]
    async fn http2_waits_for_requests_whatever_else_comes() {
        let activity = Activity::new(Sending::new(), None);
        assert_eq!(due(&activity), Some((Ended::HeaderTimeout, 10)));
        activity.speaks_http2();
        assert_eq!(due(&activity), Some((Ended::Idle, 60)));
        let (one, two) = (activity.begin(false), activity.begin(false));
        drop(one);
        assert_eq!(due(&activity), None);
        drop(two);
        advance(SECOND).await;
        assert_eq!(due(&activity), Some((Ended::Idle, 59)));
    }
}
