//! What happens to the root contexts of a shard outside of requests: ticks and queue notifications.
//!
//! Host calls only write into the shard's [`Agenda`]. One task of the background runtime per shard reads it, and enters the
//! shard for one callback at a time, as soon as the shard is free. It ends with the shard; the next shard has its own.

use std::collections::{BTreeSet, VecDeque};
use std::future::poll_fn;
use std::sync::{Arc, Weak};
use std::task::{Poll, ready};
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use rustc_hash::FxHashMap;
use tokio::sync::Notify;
use tokio::time::timeout_at;

use super::shard::Shard;
use crate::limits;
use crate::shared::QueueReader;

/// A call from the host into a root context that belongs to no request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum RootCallback {
    /// `proxy_on_tick`
    Tick,
    /// `proxy_on_queue_ready`
    QueueReady { queue: u32 },
}

impl RootCallback {
    /// The name of the export.
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Tick => "proxy_on_tick",
            Self::QueueReady { .. } => "proxy_on_queue_ready",
        }
    }
}

/// What the root contexts of one shard are to be called for, and when. Contexts are named by their ids.
#[derive(Debug, Default)]
pub(super) struct Agenda {
    state: Mutex<State>,
    changed: Notify,
}

#[derive(Debug, Default)]
struct State {
    closed: bool,
    ticks: FxHashMap<u32, Tick>,
    /// The ticks that are armed, the next one first.
    armed: BTreeSet<(Instant, u32)>,
    /// Queue notifications by context and queue, oldest first.
    ready: VecDeque<(u32, u32)>,
    /// How many of these there are by queue.
    ready_of: FxHashMap<u32, usize>,
    /// A tick ran last: a notification may run before the next one.
    ticked: bool,
}

#[derive(Debug)]
struct Tick {
    period: Duration,
    /// `None` while its callback runs.
    due: Option<Instant>,
}

/// What the task of a shard does next.
#[derive(Debug, PartialEq, Eq)]
enum Next {
    Run(u32, RootCallback),
    WaitUntil(Instant),
    Wait,
    End,
}

impl Agenda {
    /// Sets the time between two ticks of a context and arms the first one; zero stops them.
    pub(super) fn set_tick(&self, root: u32, period: Duration) {
        let mut state = self.state.lock();
        state.disarm(root);
        if period.is_zero() {
            state.ticks.remove(&root);
            return;
        }
        let period = period.max(limits::TICK_SHORTEST);
        state.ticks.insert(root, Tick { period, due: None });
        state.arm(root, Instant::now());
        drop(state);
        self.changed.notify_one();
    }

    /// Notes that a queue got an item. As many notifications wait for a queue as it can hold items; when there are more,
    /// somebody else took the items.
    pub(super) fn notify(&self, root: u32, queue: u32) {
        let mut state = self.state.lock();
        if state.closed {
            return;
        }
        let waiting = state.ready_of.entry(queue).or_default();
        if *waiting >= limits::QUEUE_ITEMS {
            return;
        }
        *waiting += 1;
        state.ready.push_back((root, queue));
        drop(state);
        self.changed.notify_one();
    }

    /// The shard is gone: nothing is run any more.
    pub(super) fn close(&self) {
        *self.state.lock() = State {
            closed: true,
            ..State::default()
        };
        self.changed.notify_one();
    }

    /// The context is gone.
    fn forget(&self, root: u32) {
        let mut state = self.state.lock();
        state.disarm(root);
        state.ticks.remove(&root);
    }

    /// What is to be done now. A notification is taken out; a tick stays until [`begin`](Self::begin).
    fn next(&self, now: Instant) -> Next {
        let mut state = self.state.lock();
        if state.closed {
            return Next::End;
        }
        let armed = state.armed.first().copied();
        let tick = armed.filter(|&(due, _)| due <= now);
        if let Some((_, root)) = tick
            && (state.ready.is_empty() || !state.ticked)
        {
            state.ticked = true;
            return Next::Run(root, RootCallback::Tick);
        }
        state.ticked = false;
        if let Some((root, queue)) = state.ready.pop_front() {
            if let Some(waiting) = state.ready_of.get_mut(&queue) {
                *waiting -= 1;
                if *waiting == 0 {
                    state.ready_of.remove(&queue);
                }
            }
            return Next::Run(root, RootCallback::QueueReady { queue });
        }
        armed.map_or(Next::Wait, |(due, _)| Next::WaitUntil(due))
    }

    /// Whether the callback is still wanted, asked when the shard is entered: another callback may have stopped or put
    /// off the tick meanwhile.
    fn begin(&self, root: u32, callback: RootCallback, now: Instant) -> bool {
        if callback != RootCallback::Tick {
            return true;
        }
        let mut state = self.state.lock();
        let due = state.ticks.get(&root).and_then(|tick| tick.due);
        let wanted = due.is_some_and(|due| due <= now);
        if wanted {
            state.disarm(root);
        }
        wanted
    }

    /// The callback returned: the next tick is a whole period away, so that ticks never pile up.
    fn end(&self, root: u32, callback: RootCallback, now: Instant) {
        if callback == RootCallback::Tick {
            let mut state = self.state.lock();
            state.disarm(root);
            state.arm(root, now);
        }
    }
}

impl State {
    fn arm(&mut self, root: u32, now: Instant) {
        if let Some(tick) = self.ticks.get_mut(&root) {
            let due = now + tick.period;
            tick.due = Some(due);
            self.armed.insert((due, root));
        }
    }

    fn disarm(&mut self, root: u32) {
        if let Some(due) = self.ticks.get_mut(&root).and_then(|tick| tick.due.take()) {
            self.armed.remove(&(due, root));
        }
    }
}

/// A root context that registered a queue.
pub(super) struct RootReader {
    agenda: Weak<Agenda>,
    root: u32,
}

impl RootReader {
    pub(super) fn new(agenda: &Arc<Agenda>, root: u32) -> Arc<Self> {
        Arc::new(Self {
            agenda: Arc::downgrade(agenda),
            root,
        })
    }
}

impl QueueReader for RootReader {
    fn ready(&self, queue: u32) {
        if let Some(agenda) = self.agenda.upgrade() {
            agenda.notify(self.root, queue);
        }
    }
}

/// The task of a shard.
pub(super) async fn drive(shard: Weak<Shard>, agenda: Arc<Agenda>) {
    loop {
        match agenda.next(Instant::now()) {
            Next::End => return,
            Next::Wait => agenda.changed.notified().await,
            Next::WaitUntil(due) => {
                // Either way something may be due: the agenda says.
                let _ = timeout_at(due.into(), agenda.changed.notified()).await;
            }
            Next::Run(root, callback) => {
                let Some(shard) = shard.upgrade() else {
                    return;
                };
                // The VM stays while its guest runs, and with it what the guest stores.
                let Some(vm) = shard.vm() else {
                    return;
                };
                run(&shard, &agenda, root, callback).await;
                drop((shard, vm));
                // The thread has other shards to serve.
                tokio::task::yield_now().await;
            }
        }
    }
}

/// Runs one callback as soon as the shard is free. A failed shard has closed its agenda.
async fn run(shard: &Arc<Shard>, agenda: &Agenda, root: u32, callback: RootCallback) {
    let exists = poll_fn(|cx| {
        let Some(mut entry) = ready!(shard.poll_enter(cx)) else {
            return Poll::Ready(false);
        };
        if !agenda.begin(root, callback, Instant::now()) {
            return Poll::Ready(true);
        }
        let exists = entry.run_root(root, callback).unwrap_or(false);
        if exists {
            agenda.end(root, callback, Instant::now());
        }
        Poll::Ready(exists)
    });
    if !exists.await {
        agenda.forget(root);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PERIOD: Duration = Duration::from_millis(100);
    const TICK: RootCallback = RootCallback::Tick;

    fn ready(queue: u32) -> RootCallback {
        RootCallback::QueueReady { queue }
    }

    #[test]
    fn a_tick_comes_after_each_period_and_not_before() {
        let agenda = Agenda::default();
        assert_eq!(agenda.next(Instant::now()), Next::Wait);
        let before = Instant::now();
        agenda.set_tick(1, PERIOD);
        let Next::WaitUntil(due) = agenda.next(before) else {
            panic!("it ticks at once");
        };
        assert!(due >= before + PERIOD);
        assert_eq!(agenda.next(due), Next::Run(1, TICK));
        assert!(agenda.begin(1, TICK, due));
        assert_eq!(agenda.next(due + 9 * PERIOD), Next::Wait, "it runs");
        let after = due + 10 * PERIOD;
        agenda.end(1, TICK, after);
        assert_eq!(agenda.next(after), Next::WaitUntil(after + PERIOD));
    }

    #[test]
    fn zero_stops_a_tick_that_is_due_and_one_that_runs() {
        let agenda = Agenda::default();
        agenda.set_tick(1, PERIOD);
        let later = Instant::now() + 2 * PERIOD;
        assert_eq!(agenda.next(later), Next::Run(1, TICK));
        agenda.set_tick(1, Duration::ZERO);
        assert!(!agenda.begin(1, TICK, later), "stopped before the entry");

        agenda.set_tick(1, PERIOD);
        assert!(agenda.begin(1, TICK, later));
        agenda.set_tick(1, Duration::ZERO);
        agenda.end(1, TICK, later);
        assert_eq!(agenda.next(later + 9 * PERIOD), Next::Wait);
    }

    #[test]
    fn another_period_arms_anew() {
        let agenda = Agenda::default();
        agenda.set_tick(1, PERIOD);
        let due = Instant::now() + 2 * PERIOD;
        agenda.set_tick(1, 100 * PERIOD);
        assert!(!agenda.begin(1, TICK, due));
        assert!(matches!(agenda.next(due), Next::WaitUntil(_)));
        // Set by the tick's own callback, it counts from the callback's end.
        agenda.set_tick(1, PERIOD);
        assert!(agenda.begin(1, TICK, due));
        agenda.set_tick(1, 2 * PERIOD);
        agenda.end(1, TICK, due);
        assert_eq!(agenda.next(due), Next::WaitUntil(due + 2 * PERIOD));
    }

    #[test]
    fn a_short_period_is_lengthened() {
        let agenda = Agenda::default();
        let before = Instant::now();
        agenda.set_tick(1, Duration::from_millis(1));
        let Next::WaitUntil(due) = agenda.next(before) else {
            panic!("it ticks at once");
        };
        assert!(due >= before + limits::TICK_SHORTEST);
    }

    #[test]
    fn ticks_and_notifications_take_turns() {
        let agenda = Agenda::default();
        agenda.set_tick(1, PERIOD);
        agenda.set_tick(2, PERIOD);
        for queue in [7, 7, 8] {
            agenda.notify(3, queue);
        }
        let mut now = Instant::now();
        let mut seen = Vec::new();
        for _ in 0..6 {
            now += 2 * PERIOD;
            let Next::Run(root, callback) = agenda.next(now) else {
                panic!("something is always due");
            };
            assert!(agenda.begin(root, callback, now));
            agenda.end(root, callback, now);
            seen.push((root, callback));
        }
        let ticks = seen.iter().filter(|(_, callback)| *callback == TICK);
        assert_eq!(ticks.count(), 3, "{seen:?}");
        let notifications: Vec<_> = seen
            .iter()
            .filter(|(_, callback)| *callback != TICK)
            .copied()
            .collect();
        assert_eq!(
            notifications,
            [(3, ready(7)), (3, ready(7)), (3, ready(8))],
            "in their order"
        );
    }

    #[test]
    fn a_flood_of_notifications_is_bounded_by_queue() {
        let agenda = Agenda::default();
        for _ in 0..limits::QUEUE_ITEMS + 10 {
            agenda.notify(1, 1);
        }
        agenda.notify(1, 2);
        assert_eq!(agenda.state.lock().ready.len(), limits::QUEUE_ITEMS + 1);
    }

    #[test]
    fn a_closed_agenda_takes_nothing() {
        let agenda = Agenda::default();
        agenda.set_tick(1, PERIOD);
        agenda.notify(1, 1);
        agenda.close();
        agenda.notify(1, 1);
        assert_eq!(agenda.next(Instant::now() + 2 * PERIOD), Next::End);
        assert!(agenda.state.lock().ready.is_empty());
    }

    #[test]
    fn a_context_that_is_gone_does_not_tick() {
        let agenda = Agenda::default();
        agenda.set_tick(1, PERIOD);
        agenda.forget(1);
        assert_eq!(agenda.next(Instant::now() + 2 * PERIOD), Next::Wait);
    }
}
