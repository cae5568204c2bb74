//! A VM as its users know it: the shards of one vm_id, code and limits, built, shared and, when they fail, built again.

use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Weak};
use std::task::{Context, Poll};
use std::time::Duration;

use arc_swap::ArcSwapOption;
use parking_lot::Mutex;
use tokio::sync::watch;

use super::count::VmCounters;
use super::fault::Fault;
use super::instance::Instance;
use super::module::Compiled;
use super::platform::Platform;
use super::recovery::{Plan, Recovery};
use super::roots;
use super::shard::{EndingRoot, Entry, Shard};
use super::spec::{Root, VmSpec};
use super::stack;
use crate::afterwards::afterwards;
use crate::error::Error;
use crate::limits;
use crate::shared::Lease;
use crate::stats::VmStats;

/// See the module's text.
pub(crate) struct Vm {
    spec: Arc<VmSpec>,
    pub(crate) compiled: Arc<Compiled>,
    pub(crate) platform: Arc<Platform>,
    slots: Box<[Slot]>,
    /// The plugins that have a root context in every shard. Held while a shard is built or a plugin is added, so that no
    /// shard is missed.
    roots: Mutex<Vec<Weak<Root>>>,
    this: Weak<Self>,
    counters: VmCounters,
    /// How many slots were filled once, or could not be.
    tried: watch::Sender<usize>,
    /// Keeps the shared data and queues of the vm_id. After the shards, which use them.
    _lease: Lease,
}

/// The place of one shard.
#[derive(Default)]
struct Slot {
    shard: ArcSwapOption<Shard>,
    recovery: Mutex<Recovery>,
    /// There was a shard before.
    was_built: AtomicBool,
    /// A shard was built, or failed to be.
    was_tried: AtomicBool,
}

impl Vm {
    /// A VM with its first shard and its first plugin; the other shards follow in the background.
    pub(crate) fn start(
        spec: VmSpec,
        compiled: Arc<Compiled>,
        platform: Arc<Platform>,
        root: &Arc<Root>,
    ) -> Result<Arc<Self>, Error> {
        let slots = (0..spec.instances.max(1))
            .map(|_| Slot::default())
            .collect();
        let vm = Arc::new_cyclic(|this| Self {
            _lease: platform.shared.lease(&spec.vm_id),
            spec: Arc::new(spec),
            compiled,
            platform,
            slots,
            roots: Mutex::new(vec![Arc::downgrade(root)]),
            this: this.clone(),
            counters: VmCounters::default(),
            tried: watch::Sender::new(0),
        });
        vm.build(0).map_err(|fault| fault.into_error(&root.name))?;
        vm.note_try(0);
        for slot in 1..vm.slots.len() {
            vm.build_later(slot, Duration::ZERO);
        }
        Ok(vm)
    }

    /// Adds a plugin to all shards, once it has shown in a VM of its own that it starts: a configuration that makes it trap
    /// must not cost the streams of others.
    pub(crate) fn add_root(&self, root: &Arc<Root>) -> Result<(), Error> {
        self.try_root(root)
            .map_err(|fault| fault.into_error(&root.name))?;
        let mut roots = self.roots.lock();
        roots.retain(|root| root.strong_count() > 0);
        let mut alive = 0;
        for slot in &self.slots {
            let Some(shard) = slot.shard.load_full().filter(|shard| !shard.has_failed()) else {
                continue;
            };
            if let Some(result) = wait_for(&shard, |entry| entry.add_root(root)) {
                if let Err(fault) = result {
                    self.retire(root);
                    return Err(fault.into_error(&root.name));
                }
                alive += 1;
            }
        }
        roots.push(Arc::downgrade(root));
        if alive == 0 {
            drop(roots);
            self.build(0)
                .map_err(|fault| fault.into_error(&root.name))?;
        }
        Ok(())
    }

    /// Starts a plugin in a VM that is dropped afterwards.
    fn try_root(&self, root: &Arc<Root>) -> Result<(), Fault> {
        let mut instance = self.start_instance()?;
        instance.host_mut().trial = true;
        let result = Fault::catch("proxy_on_configure", || instance.add_root(root));
        if result.is_err() {
            instance.emit_logs();
        }
        result
    }

    /// Ends a plugin's root contexts. Called when its last stream is gone.
    pub(super) fn retire(&self, root: &Root) {
        // A shard that is being built is not in its slot yet: its builder looks at this afterwards.
        root.retired.store(true, Ordering::SeqCst);
        for slot in &self.slots {
            if let Some(shard) = slot.shard.load_full() {
                self.end_root(shard, root);
            }
        }
    }

    fn end_root(&self, shard: Arc<Shard>, root: &Root) {
        // The VM stays until the guest has been told, and has ended what it puts off.
        let vm = self.this.upgrade();
        let end = shard.end_root(EndingRoot {
            key: root.key,
            name: Arc::clone(&root.name),
            patience: root.pause_timeout,
        });
        self.platform.background.spawn(async move {
            end.await;
            drop(vm);
        });
    }

    /// Builds the shard of a slot, unless a healthy one is there.
    fn build(&self, at: usize) -> Result<(), Fault> {
        let Some(slot) = self.slots.get(at) else {
            return Ok(());
        };
        let roots = self.roots.lock();
        if slot
            .shard
            .load()
            .as_ref()
            .is_some_and(|shard| !shard.has_failed())
        {
            return Ok(());
        }
        let instance = self.start_instance()?;
        let agenda = instance.agenda();
        let shard = Shard::new(instance, self.this.clone(), at);
        let started: Vec<_> = roots.iter().filter_map(Weak::upgrade).collect();
        for root in &started {
            if let Some(mut entry) = shard.try_enter() {
                entry.add_root(root)?;
            }
        }
        let drive = roots::drive(Arc::downgrade(&shard), agenda);
        self.platform.background.spawn(drive);
        slot.shard.store(Some(Arc::clone(&shard)));
        if slot.was_built.swap(true, Ordering::Relaxed) {
            self.counters.restarts.fetch_add(1, Ordering::Relaxed);
        }
        if slot.recovery.lock().is_open() {
            self.watch(at, &shard);
        }
        for root in &started {
            if root.retired.load(Ordering::SeqCst) {
                self.end_root(Arc::clone(&shard), root);
            }
        }
        Ok(())
    }

    fn start_instance(&self) -> Result<Instance, Fault> {
        const START: &str = "the module's start";
        stack::check(START)?;
        Fault::catch(START, || {
            Instance::start(&self.platform, &self.compiled, &self.spec)
        })
    }

    fn build_later(&self, at: usize, delay: Duration) {
        let vm = self.this.clone();
        self.platform
            .background
            .spawn_blocking_after(delay, move || {
                let Some(vm) = vm.upgrade() else {
                    return;
                };
                if let Err(fault) = vm.build(at) {
                    vm.build_failed(at, fault);
                }
                vm.note_try(at);
            });
    }

    /// Each slot counts once, however often its shard is built.
    fn note_try(&self, at: usize) {
        if let Some(slot) = self.slots.get(at)
            && !slot.was_tried.swap(true, Ordering::Relaxed)
        {
            self.tried.send_modify(|tried| *tried += 1);
        }
    }

    /// Ends when each slot was filled once, or could not be.
    pub(crate) fn all_tried(&self) -> impl Future<Output = ()> + Send + use<> {
        let (mut tried, all) = (self.tried.subscribe(), self.slots.len());
        async move {
            // An error is the end of the VM: nothing is left to wait for.
            let _ = tried.wait_for(|tried| *tried >= all).await;
        }
    }

    fn build_failed(&self, at: usize, fault: Fault) {
        let Some(slot) = self.slots.get(at) else {
            return;
        };
        self.counters.failed(fault.kind);
        let plan = slot.recovery.lock().failed(Duration::ZERO);
        self.build_later(at, plan.wait);
        let plugin = Arc::clone(&self.spec.plugin);
        afterwards(move || {
            tracing::error!(
                target: "loom::vm",
                plugin = &*plugin,
                shard = at,
                callback = fault.callback,
                cause = %fault.cause,
                cure = fault.cure(),
                rebuild_in = ?plan.wait,
                "a VM cannot be built"
            );
            plan.say(&plugin, at);
        });
    }

    /// A shard failed: says so, and has another one built, the later the more often it happens.
    pub(super) fn shard_failed(&self, at: usize, failed: &Shard, fault: Fault) {
        let Some(slot) = self.slots.get(at) else {
            return;
        };
        let is_current = slot
            .shard
            .load()
            .as_ref()
            .is_some_and(|current| std::ptr::eq(&raw const **current, failed));
        if !is_current {
            // It failed while it was built: whoever builds it says so.
            return;
        }
        slot.shard.store(None);
        self.counters.failed(fault.kind);
        let plan = slot.recovery.lock().failed(failed.age());
        self.build_later(at, plan.wait);
        let plugin = fault.plugin.clone();
        let plugin = plugin.unwrap_or_else(|| Arc::clone(&self.spec.plugin));
        afterwards(move || {
            tracing::error!(
                target: "loom::vm",
                plugin = &*plugin,
                shard = at,
                callback = fault.callback,
                cause = %fault.cause,
                cure = fault.cure(),
                backtrace = fault.backtrace.as_deref().unwrap_or_default(),
                rebuild_in = ?plan.wait,
                "a plugin failed; its VM is built anew"
            );
            plan.say(&plugin, at);
        });
    }

    /// Watches the shard that was built while the breaker was open: when it lives long enough, the breaker is closed.
    fn watch(&self, at: usize, shard: &Arc<Shard>) {
        let (vm, shard) = (self.this.clone(), Arc::downgrade(shard));
        self.platform.background.spawn(async move {
            tokio::time::sleep(limits::REBUILD_FORGET).await;
            let (Some(vm), Some(shard)) = (vm.upgrade(), shard.upgrade()) else {
                return;
            };
            let closes = !shard.has_failed() && vm.slots[at].recovery.lock().lived();
            if closes {
                tracing::info!(
                    target: "loom::vm",
                    plugin = &*vm.spec.plugin,
                    shard = at,
                    "a plugin that kept failing works again; the breaker is closed"
                );
            }
        });
    }

    /// The shard of this thread or, when that is busy or gone, the next one, entered; busy everywhere, the task is woken
    /// when this thread's comes free. `None`: there is no healthy shard now.
    pub(super) fn with_shard<R>(
        &self,
        cx: &mut Context<'_>,
        run: impl FnOnce(&Arc<Shard>, &mut Entry<'_>) -> R,
    ) -> Poll<Option<R>> {
        let count = self.slots.len();
        let home = thread_number() % count;
        let mut busy = None;
        for at in (home..count).chain(0..home) {
            let loaded = self.slots[at].shard.load();
            let Some(shard) = loaded.as_ref().filter(|shard| !shard.has_failed()) else {
                continue;
            };
            if let Some(mut entry) = shard.try_enter() {
                return Poll::Ready(Some(run(shard, &mut entry)));
            }
            if busy.is_none() {
                busy = Some(Arc::clone(shard));
            }
        }
        let Some(shard) = busy else {
            return Poll::Ready(None);
        };
        match shard.poll_enter(cx) {
            Poll::Pending => Poll::Pending,
            Poll::Ready(Some(mut entry)) => Poll::Ready(Some(run(&shard, &mut entry))),
            Poll::Ready(None) => Poll::Ready(None),
        }
    }

    /// How many healthy shards there are now.
    pub(crate) fn shards(&self) -> usize {
        self.healthy().count()
    }

    fn healthy(&self) -> impl Iterator<Item = Arc<Shard>> {
        let shards = self.slots.iter().filter_map(|slot| slot.shard.load_full());
        shards.filter(|shard| !shard.has_failed())
    }

    pub(crate) fn stats(&self) -> VmStats {
        let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        let counters = &self.counters;
        VmStats {
            vm_id: Arc::clone(&self.spec.vm_id),
            plugin: Arc::clone(&self.spec.plugin),
            instances: self.slots.len(),
            healthy: self.shards(),
            memory_bytes: self.healthy().map(|shard| shard.memory_bytes()).sum(),
            traps: read(&counters.traps),
            deadlines: read(&counters.deadlines),
            out_of_memory: read(&counters.out_of_memory),
            restarts: read(&counters.restarts),
        }
    }
}

impl std::fmt::Debug for Vm {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Vm")
            .field("spec", &self.spec)
            .finish_non_exhaustive()
    }
}

impl Plan {
    /// Says that the breaker has opened, when it has.
    fn say(&self, plugin: &str, shard: usize) {
        if self.opens {
            tracing::error!(
                target: "loom::vm",
                plugin,
                shard,
                failures = limits::BREAKER_FAILURES,
                rebuild_in = ?self.wait,
                "a plugin fails again and again; the breaker is open: until its VM is tried again, requests end by its failure_policy"
            );
        }
    }
}

/// Enters a shard from a thread that may wait; `None` when the shard failed.
fn wait_for<R>(shard: &Arc<Shard>, run: impl FnOnce(&mut Entry<'_>) -> R) -> Option<R> {
    let mut cx = Context::from_waker(std::task::Waker::noop());
    loop {
        match shard.poll_enter(&mut cx) {
            Poll::Ready(entry) => return entry.map(|mut entry| run(&mut entry)),
            Poll::Pending => std::thread::sleep(Duration::from_micros(100)),
        }
    }
}

/// A small number for the calling thread, so that threads spread over shards.
fn thread_number() -> usize {
    static NEXT: AtomicUsize = AtomicUsize::new(0);
    thread_local! {
        static NUMBER: usize = NEXT.fetch_add(1, Ordering::Relaxed);
    }
    NUMBER.with(|number| *number)
}
