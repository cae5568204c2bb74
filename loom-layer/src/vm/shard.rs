//! One VM of one thread: an instance behind a lock that polls only try.

use std::future::poll_fn;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Weak};
use std::task::{Context, Poll, ready};
use std::time::{Duration, Instant};

use tokio::sync::oneshot;

use super::callouts::{self, Callout};
use super::fault::{Fault, FaultKind};
use super::instance::Instance;
use super::pool::Vm;
use super::roots::RootCallback;
use super::spec::Root;
use super::stack;
use crate::abi::Action;
use crate::afterwards::afterwards;
use crate::callout::CallEvent;
use crate::log::LogLines;
use crate::outbox::Outbox;
use crate::stream::{Callback, Exchange, Failed, Remote};
use crate::sync::{PollGuard, PollMutex};

/// See the module's text.
pub(crate) struct Shard {
    /// `None` once it failed: a failed instance is never entered again.
    instance: PollMutex<Option<Box<Instance>>>,
    failed: AtomicBool,
    vm: Weak<Vm>,
    slot: usize,
    born: Instant,
    /// The guest's linear memory, in bytes.
    memory: Arc<AtomicU64>,
    /// What the guest logged and nobody has written yet.
    said: Outbox<LogLines>,
}

impl Shard {
    pub(super) fn new(instance: Instance, vm: Weak<Vm>, slot: usize) -> Arc<Self> {
        Arc::new(Self {
            memory: instance.memory_used(),
            instance: PollMutex::new(Some(Box::new(instance))),
            failed: AtomicBool::new(false),
            vm,
            slot,
            born: Instant::now(),
            said: Outbox::default(),
        })
    }

    /// Whether it failed.
    pub(super) fn has_failed(&self) -> bool {
        self.failed.load(Ordering::Acquire)
    }

    pub(super) fn vm(&self) -> Option<Arc<Vm>> {
        self.vm.upgrade()
    }

    pub(super) fn memory_bytes(&self) -> u64 {
        self.memory.load(Ordering::Relaxed)
    }

    pub(super) fn age(&self) -> Duration {
        self.born.elapsed()
    }

    /// The way into the guest, if it is free now and did not fail.
    pub(super) fn try_enter(self: &Arc<Self>) -> Option<Entry<'_>> {
        self.instance.try_lock().and_then(|guard| self.entry(guard))
    }

    /// The way into the guest as soon as it is free; `None` once it failed.
    pub(super) fn poll_enter(self: &Arc<Self>, cx: &mut Context<'_>) -> Poll<Option<Entry<'_>>> {
        Poll::Ready(self.entry(ready!(self.instance.poll_lock(cx))))
    }

    fn entry<'a>(
        self: &'a Arc<Self>,
        guard: PollGuard<'a, Option<Box<Instance>>>,
    ) -> Option<Entry<'a>> {
        guard.is_some().then_some(Entry {
            shard: self,
            guard,
            fault: None,
        })
    }

    /// Makes the calls that the guest asked for.
    fn start(self: &Arc<Self>, callouts: Vec<Callout>) {
        let Some(vm) = self.vm.upgrade() else {
            return;
        };
        for callout in callouts {
            vm.platform
                .background
                .spawn(callouts::run(Arc::downgrade(self), callout));
        }
    }

    /// Tells a plugin what happened to its call, when the guest is free; `false` when nobody wants to hear more.
    pub(super) fn tell(
        self: Arc<Self>,
        call: u32,
        event: Arc<CallEvent>,
    ) -> impl Future<Output = bool> + Send {
        poll_fn(move |cx| {
            let entry = ready!(self.poll_enter(cx));
            Poll::Ready(entry.is_some_and(|mut entry| entry.tell(call, &event)))
        })
    }

    /// What follows a failure, once no lock is held.
    fn bury(&self, dead: Box<Instance>, fault: Fault) {
        // Streams that wait for something from this guest have to learn that nothing will come.
        let waiting: Vec<_> = dead
            .streams()
            .filter_map(|stream| stream.remote.upgrade())
            .collect();
        drop(dead);
        if let Some(vm) = self.vm.upgrade() {
            vm.shard_failed(self.slot, self, fault);
        }
        wake(waiting);
    }

    /// Ends a plugin's root context, when the guest is free; when the guest puts that off, at the latest after `patience`.
    pub(super) async fn end_root(self: Arc<Self>, root: EndingRoot) {
        let deferred = poll_fn(|cx| {
            let entry = ready!(self.poll_enter(cx));
            Poll::Ready(entry.and_then(|mut entry| entry.end_root(root.key)))
        });
        let Some(gone) = deferred.await else {
            return;
        };
        if tokio::time::timeout(root.patience, gone).await.is_err() {
            let (plugin, patience) = (Arc::clone(&root.name), root.patience);
            afterwards(
                move || tracing::warn!(target: "loom::vm", plugin = &*plugin, pause_timeout = ?patience, "a plugin put off its end for longer than its pause_timeout"),
            );
            poll_fn(|cx| {
                let entry = ready!(self.poll_enter(cx));
                Poll::Ready(entry.map(|mut entry| entry.end_deferred_root(root.key)))
            })
            .await;
        }
    }
}

/// What is left to know of a plugin when its last user is gone.
pub(super) struct EndingRoot {
    pub(super) key: u64,
    pub(super) name: Arc<str>,
    pub(super) patience: Duration,
}

impl std::fmt::Debug for Shard {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Shard")
            .field("slot", &self.slot)
            .field("failed", &self.has_failed())
            .finish_non_exhaustive()
    }
}

/// The guest, entered. What has to happen without a lock (log lines, wake-ups, the end of a failed instance) is put off when
/// it is dropped.
pub(super) struct Entry<'a> {
    shard: &'a Arc<Shard>,
    guard: PollGuard<'a, Option<Box<Instance>>>,
    fault: Option<Fault>,
}

impl Entry<'_> {
    /// Runs callbacks of one stream.
    pub(super) fn run(
        &mut self,
        root: &Root,
        context: &mut Option<u32>,
        callbacks: &[Callback],
        exchange: Box<Exchange>,
    ) -> (Box<Exchange>, Result<Action, Failed>) {
        if !stack::suffices() {
            return (exchange, Err(Failed));
        }
        let Some(instance) = self.instance() else {
            return (exchange, Err(Failed));
        };
        let (exchange, result) = instance.run(root, context, callbacks, exchange);
        root.counters.called(self.shard.slot, callbacks.len());
        (exchange, self.note(result))
    }

    /// Runs a callback of a root context; `false` when there is no such context any more.
    pub(super) fn run_root(
        &mut self,
        context: u32,
        callback: RootCallback,
    ) -> Result<bool, Failed> {
        if !stack::suffices() {
            return Err(Failed);
        }
        let Some(instance) = self.instance() else {
            return Err(Failed);
        };
        let result = Fault::catch(callback.name(), || instance.run_root(context, callback));
        self.note(result)
    }

    fn tell(&mut self, call: u32, event: &Arc<CallEvent>) -> bool {
        if !stack::suffices() {
            return false;
        }
        let Some(instance) = self.instance() else {
            return false;
        };
        let result = Fault::catch(event.callback(), || instance.tell(call, event));
        self.note(result).unwrap_or(false)
    }

    /// Adds a plugin. A refusal leaves the others as they are; every other fault takes the shard down.
    pub(super) fn add_root(&mut self, root: &Arc<Root>) -> Result<(), Fault> {
        let Some(instance) = self.instance() else {
            return Ok(());
        };
        stack::check("proxy_on_context_create")?;
        let result = Fault::catch("proxy_on_configure", || instance.add_root(root));
        if let Err(fault) = &result
            && fault.kind != FaultKind::Rejected
        {
            self.fault = Some(fault.clone());
        }
        result
    }

    fn end_root(&mut self, key: u64) -> Option<oneshot::Receiver<()>> {
        let instance = self.instance()?;
        let result = Fault::catch("proxy_on_done", || instance.end_root(key));
        self.note(result).ok().flatten()
    }

    fn end_deferred_root(&mut self, key: u64) {
        if let Some(instance) = self.instance() {
            let result = Fault::catch("proxy_on_delete", || instance.end_deferred_root(key));
            let _ = self.note(result);
        }
    }

    fn instance(&mut self) -> Option<&mut Instance> {
        self.guard.as_deref_mut()
    }

    fn note<T>(&mut self, result: Result<T, Fault>) -> Result<T, Failed> {
        result.map_err(|fault| {
            self.fault = Some(fault);
            Failed
        })
    }
}

impl Drop for Entry<'_> {
    fn drop(&mut self) {
        let fault = self.fault.take();
        if let Some(instance) = self.guard.as_mut() {
            let host = instance.host_mut();
            if !host.logs.is_empty() {
                // While the guest is ours, so that lines leave in the order of its callbacks, whoever's thread is faster.
                self.shard.said.push(std::mem::take(&mut host.logs));
                let shard = Arc::clone(self.shard);
                afterwards(move || shard.said.carry_out_one(LogLines::emit));
            }
            if !host.wakes.is_empty() {
                let wakes = std::mem::take(&mut host.wakes);
                wake(wakes);
            }
            let callouts = host.calls.take_noted();
            if !callouts.is_empty() && fault.is_none() {
                // After the lines of the callback that asked for them: an answer may be quick.
                let shard = Arc::clone(self.shard);
                afterwards(move || shard.start(callouts));
            }
        }
        if let Some(fault) = fault {
            self.shard.failed.store(true, Ordering::Release);
            if let Some(dead) = self.guard.take() {
                let shard = Arc::clone(self.shard);
                afterwards(move || shard.bury(dead, fault));
            }
        }
    }
}

fn wake(streams: impl IntoIterator<Item = Arc<dyn Remote>>) {
    for stream in streams {
        afterwards(move || stream.wake());
    }
}
