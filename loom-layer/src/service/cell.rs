//! A stream, shared by the future, the bodies and whoever reaches it from outside.

use std::future::poll_fn;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Weak};
use std::task::{Context, Poll, Waker, ready};

use bytes::Bytes;
use futures_util::task::AtomicWaker;
use http::request;
use http::uri::Scheme;
use parking_lot::Mutex;
use smallvec::SmallVec;

use crate::afterwards::afterwards;
use crate::info::ConnectionInfo;
use crate::limits;
use crate::observer::StreamObserver;
use crate::stream::{Exchange, Guest, Pause, Remote, RequestHead, Stream, Wish, Wishes};
use crate::sync::{PollGuard, PollMutex};
use crate::vm::{Attached, PluginGuest, Timer, stack_is_ample};

/// See the module's text.
struct StreamCell {
    stream: PollMutex<Stream<PluginGuest>>,
    /// The tasks that wait for the stream to move on, by their roles.
    tasks: [AtomicWaker; 3],
    /// Something was changed that concerns the future while the inner service runs.
    signalled: AtomicBool,
    /// What other contexts asked for while the stream was busy, and whether there is any of it.
    asked: Mutex<Wishes>,
    was_asked: AtomicBool,
    /// Bytes of the request's body that passed without entering the plugins.
    passed: AtomicU64,
    plugins: Arc<[Arc<Attached>]>,
}

/// Who polls a stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Role {
    Future,
    RequestBody,
    ResponseBody,
}

impl Remote for StreamCell {
    fn with_exchange(&self, place: usize, f: &mut dyn FnMut(&mut Exchange)) -> bool {
        let started = std::time::Instant::now();
        loop {
            if let Some(mut stream) = self.stream.try_lock() {
                return stream.with_exchange_of(place, f);
            }
            if started.elapsed() > limits::REMOTE_STREAM_WAIT {
                return false;
            }
            std::thread::yield_now();
        }
    }

    fn ask(&self, wish: Wish) -> bool {
        if let Some(mut stream) = self.stream.try_lock() {
            let mut counts = false;
            stream.with_exchange(|exchange| counts = exchange.ask(wish));
            return counts;
        }
        self.asked.lock().add(wish);
        // Before the caller wakes the stream's tasks, which look at it.
        self.was_asked.store(true, Ordering::Release);
        true
    }

    fn passed(&self) -> u64 {
        self.passed.load(Ordering::Relaxed)
    }

    fn wake(&self) {
        self.signalled.store(true, Ordering::Release);
        for task in &self.tasks {
            task.wake();
        }
    }
}

impl StreamCell {
    /// Gives the stream what was asked of it while it was busy.
    fn hand_over(&self, stream: &mut Stream<PluginGuest>) {
        if self.was_asked.load(Ordering::Relaxed) && self.was_asked.swap(false, Ordering::Acquire) {
            let wishes = std::mem::take(&mut *self.asked.lock());
            stream.ask_all(wishes);
        }
    }
}

impl StreamCell {
    /// Runs the callbacks of the stream's end (see [`Stream::leave`]), and tells whoever still reads the request's body.
    fn poll_end(
        &self,
        mut stream: PollGuard<'_, Stream<PluginGuest>>,
        sent: u64,
        abandoned: bool,
        cx: &mut Context<'_>,
    ) -> Poll<()> {
        stream.leave(sent, abandoned);
        let ended = stream.poll_end(cx);
        let nudged = stream.take_nudge();
        drop(stream);
        if nudged {
            self.wake();
        }
        ended
    }
}

/// The way to a stream for one of its pollers.
pub(super) struct StreamRef {
    cell: Arc<StreamCell>,
    role: Role,
    timers: SmallVec<[(Pause, Timer); 1]>,
}

impl StreamRef {
    /// Has the task woken when the stream changes. What changed before is for the caller's next look.
    pub(super) fn register(&self, cx: &Context<'_>) {
        self.cell.tasks[self.role as usize].register(cx.waker());
    }

    /// Moves the stream on. While a plugin holds it, the task is woken when that ends, and the hold is bounded in time.
    pub(super) fn poll<R>(
        &mut self,
        cx: &mut Context<'_>,
        mut step: impl FnMut(&mut Stream<PluginGuest>, &mut Context<'_>) -> Poll<R>,
    ) -> Poll<R> {
        let mut stream = ready!(self.cell.stream.poll_lock(cx));
        self.cell.hand_over(&mut stream);
        let mut poll = step(&mut stream, cx);
        if poll.is_pending() && stream.is_held() {
            self.register(cx);
            // What happened between the step and the registration is seen by a second step.
            self.cell.hand_over(&mut stream);
            poll = step(&mut stream, cx);
        }
        if poll.is_pending() {
            Self::bound_pauses(&self.cell, &mut self.timers, &stream);
        }
        let nudged = stream.take_nudge();
        drop(stream);
        if nudged {
            self.cell.wake();
        }
        poll
    }
}

impl StreamRef {
    /// Gives every hold its timer, and ends the timers of holds that are over.
    fn bound_pauses(
        cell: &Arc<StreamCell>,
        timers: &mut SmallVec<[(Pause, Timer); 1]>,
        stream: &Stream<PluginGuest>,
    ) {
        timers.retain(|(of, _)| stream.pauses().any(|pause| pause == *of));
        for pause in stream.pauses() {
            if !timers.iter().any(|(of, _)| *of == pause)
                && let Some(holder) = stream.holder(pause)
            {
                timers.push((pause, expiry(cell, pause, holder)));
            }
        }
    }
}

/// The owner of a stream. Dropped before the stream ended, it has the end's callbacks run in the background: it never runs
/// guest code itself, and never waits.
pub(super) struct StreamHandle {
    stream: StreamRef,
    /// Bytes of the response's body that left.
    sent: u64,
    /// The response is over.
    complete: bool,
    /// The end's callbacks ran.
    ended: bool,
}

/// Counts a request's body that passes without entering the plugins.
pub(super) struct Meter(Arc<StreamCell>);

impl Meter {
    pub(super) fn count(&self, frame: &http_body::Frame<Bytes>) {
        if let Some(data) = frame.data_ref() {
            self.0
                .passed
                .fetch_add(data.len() as u64, Ordering::Relaxed);
        }
    }
}

impl StreamHandle {
    /// The stream of a request. Its line and headers are moved out of `parts`; the extensions stay.
    pub(super) fn begin(
        plugins: &Arc<[Arc<Attached>]>,
        parts: &mut request::Parts,
        ends: bool,
        observer: Option<Arc<dyn StreamObserver>>,
    ) -> Self {
        let reads_properties = plugins.iter().any(|plugin| plugin.reads_properties());
        let secure = parts
            .extensions
            .get::<ConnectionInfo>()
            .is_some_and(ConnectionInfo::is_https);
        let head = RequestHead {
            method: Some(std::mem::take(&mut parts.method)),
            uri: std::mem::take(&mut parts.uri),
            version: parts.version,
            headers: std::mem::take(&mut parts.headers),
            scheme: Some(if secure { Scheme::HTTPS } else { Scheme::HTTP }),
            path_removed: false,
            framing: None,
        };
        let cell = Arc::new_cyclic(|this: &Weak<StreamCell>| {
            // The box comes first, so that the exchange is made where it stays: it is large.
            let mut exchange = Box::write(Box::new_uninit(), Exchange::new(head, this.clone()));
            exchange.observer = observer;
            if reads_properties {
                exchange.begin_facts(&parts.extensions);
            }
            let guests = plugins
                .iter()
                .map(|plugin| PluginGuest::new(Arc::clone(plugin)));
            StreamCell {
                stream: PollMutex::new(Stream::new(exchange, guests, ends)),
                tasks: std::array::from_fn(|_| AtomicWaker::new()),
                signalled: AtomicBool::new(false),
                asked: Mutex::default(),
                was_asked: AtomicBool::new(false),
                passed: AtomicU64::new(0),
                plugins: Arc::clone(plugins),
            }
        });
        Self {
            stream: StreamRef {
                cell,
                role: Role::Future,
                timers: SmallVec::new(),
            },
            sent: 0,
            complete: false,
            ended: false,
        }
    }

    /// Counts the request's body, if somebody may ask for its size.
    pub(super) fn meter(&self) -> Option<Meter> {
        let plugins = &self.stream.cell.plugins;
        let reads_properties = plugins.iter().any(|plugin| plugin.reads_properties());
        reads_properties.then(|| Meter(Arc::clone(&self.stream.cell)))
    }

    /// Counts what leaves of the response's body.
    pub(super) fn count(&mut self, frame: &http_body::Frame<Bytes>) {
        self.sent += frame.data_ref().map_or(0, |data| data.len() as u64);
    }

    /// The way to the stream for the request's body.
    pub(super) fn for_request_body(&self) -> StreamRef {
        StreamRef {
            cell: Arc::clone(&self.stream.cell),
            role: Role::RequestBody,
            timers: SmallVec::new(),
        }
    }

    /// The owner, now in the hands of the response's body.
    pub(super) fn for_response_body(mut self) -> Self {
        self.stream.role = Role::ResponseBody;
        self.stream.timers.clear();
        self
    }

    /// The way to the stream.
    pub(super) fn by_ref(&mut self) -> &mut StreamRef {
        &mut self.stream
    }

    /// See [`StreamRef::register`].
    pub(super) fn register(&self, cx: &Context<'_>) {
        self.stream.register(cx);
    }

    /// See [`StreamRef::poll`].
    pub(super) fn poll<R>(
        &mut self,
        cx: &mut Context<'_>,
        step: impl FnMut(&mut Stream<PluginGuest>, &mut Context<'_>) -> Poll<R>,
    ) -> Poll<R> {
        self.stream.poll(cx, step)
    }

    /// While somebody else runs: whether the stream was answered from outside meanwhile.
    pub(super) fn poll_interrupted(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        self.register(cx);
        let cell = &self.stream.cell;
        // To look costs less than to write, and nearly always there is nothing.
        if !cell.signalled.load(Ordering::Acquire) || !cell.signalled.swap(false, Ordering::AcqRel)
        {
            return Poll::Pending;
        }
        let Poll::Ready(mut stream) = cell.stream.poll_lock(cx) else {
            cell.signalled.store(true, Ordering::Release);
            return Poll::Pending;
        };
        cell.hand_over(&mut stream);
        if stream.is_interrupted() {
            Poll::Ready(())
        } else {
            Poll::Pending
        }
    }

    /// Runs the callbacks of the stream's end, if no guest is busy and this thread has room for them; else they run in the
    /// background.
    pub(super) fn finish(mut self) {
        self.complete = true;
        let mut cx = Context::from_waker(Waker::noop());
        let cell = &self.stream.cell;
        if stack_is_ample()
            && let Some(stream) = cell.stream.try_lock()
        {
            let sent = self.sent;
            self.ended = cell.poll_end(stream, sent, false, &mut cx).is_ready();
        }
    }
}

impl Drop for StreamHandle {
    fn drop(&mut self) {
        if self.ended {
            return;
        }
        let cell = Arc::clone(&self.stream.cell);
        let Some(plugin) = cell.plugins.first().map(Arc::clone) else {
            return;
        };
        let (sent, abandoned) = (self.sent, !self.complete);
        plugin.vm.platform.background.spawn(poll_fn(move |cx| {
            let stream = ready!(cell.stream.poll_lock(cx));
            cell.poll_end(stream, sent, abandoned, cx)
        }));
    }
}

/// Ends the pause when its time is up.
fn expiry(cell: &Arc<StreamCell>, pause: Pause, holder: &PluginGuest) -> Timer {
    let weak = Arc::downgrade(cell);
    let limit = holder.pause_timeout();
    let plugin = holder.name().to_owned();
    holder.background().spawn_after(limit, async move {
        let Some(cell) = weak.upgrade() else {
            return;
        };
        let expired = poll_fn(|cx| cell.stream.poll_lock(cx).map(|mut stream| stream.expire(pause))).await;
        if expired {
            afterwards(move || tracing::warn!(target: "loom::stream", plugin, ?limit, "a plugin held a stream for longer than its pause_timeout"));
            cell.wake();
        }
    })
}
