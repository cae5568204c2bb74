//! What the host keeps beside one wasmtime instance: the data of its store.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Weak};
use std::time::Duration;

use bytes::Bytes;
use http::HeaderMap;
use rustc_hash::FxHashMap;
use tokio::sync::oneshot;
use wasmtime::{Memory, ResourceLimiter, TypedFunc};

use super::callouts::Calls;
use super::clock::Clock;
use super::deadline::Deadline;
use super::hints::{Access, MissingMap};
use super::roots::Agenda;
use super::spec::{Root, VmSpec};
use crate::abi::{AbiVersion, MapType};
use crate::foreign::ForeignFunctions;
use crate::limits;
use crate::log::{LogLevel, LogLines};
use crate::observer::CalloutObserver;
use crate::shared::{MetricIds, Shared};
use crate::stream::{Exchange, Remote};

/// The context id that names no context.
pub(super) const NO_CONTEXT: u32 = 0;

/// See the module's text.
pub(crate) struct Host {
    pub(super) vm: Arc<VmSpec>,
    pub(super) abi: AbiVersion,
    /// The guest's memory; known once the instance exists.
    pub(super) memory: Option<Memory>,
    /// The guest's allocator; known once the instance exists.
    pub(super) allocator: Option<Arc<TypedFunc<u32, u32>>>,
    /// The allocator runs: it may log, and nothing else.
    pub(super) allocating: bool,
    pub(super) memory_limiter: MemoryLimiter,
    pub(super) deadline: Deadline,
    /// The most time of a callback of the plugin that runs.
    pub(super) call_timeout: Duration,
    /// The VM only finds out whether a plugin starts, and is dropped then.
    pub(super) trial: bool,
    /// A root context may be deleted now.
    pub(super) root_done: bool,
    /// The root contexts, by their context ids.
    pub(super) roots: FxHashMap<u32, RootContext>,
    /// The stream contexts, by their context ids.
    pub(super) streams: FxHashMap<u32, StreamContext>,
    /// The callback that runs.
    pub(super) callback: &'static str,
    /// The context whose callback runs.
    pub(super) current: u32,
    /// The context that host calls act on: `current`, unless the guest changed it.
    pub(super) effective: u32,
    /// `proxy_on_log` runs.
    pub(super) logging: bool,
    /// The exchange of `current`, if it is a stream.
    pub(super) exchange: Option<Box<Exchange>>,
    /// What `proxy_on_configure` can read now.
    pub(super) configuration: Option<Bytes>,
    /// What guests said and nobody has heard yet.
    pub(super) logs: LogLines,
    /// Streams to be woken once the lock is free, since a callback of another context changed them.
    pub(super) wakes: Vec<Arc<dyn Remote>>,
    /// The calls of the guest to other services.
    pub(super) calls: Calls,
    /// What the root contexts are to be called for.
    pub(super) agenda: Arc<Agenda>,
    shared: Arc<Shared>,
    pub(super) foreign: Arc<ForeignFunctions>,
    /// The metrics that the guest defined.
    pub(super) metrics: MetricIds,
    /// What the guest was warned of.
    warned: Vec<&'static str>,
}

/// A root context: one configured plugin in this VM.
pub(super) struct RootContext {
    pub(super) root: Arc<Root>,
    /// `proxy_on_done` answered false: `proxy_done` is awaited.
    pub(super) done_pending: bool,
    /// `proxy_done` was called.
    pub(super) done: bool,
    /// Dropped with the context: whoever waits for its end learns of it.
    pub(super) alive: Option<oneshot::Sender<()>>,
}

/// A stream context: one plugin's side of one stream.
pub(super) struct StreamContext {
    pub(super) root: u32,
    pub(super) remote: Weak<dyn Remote>,
    /// The plugin's place in the stream's chain.
    pub(super) place: usize,
}

impl Host {
    pub(super) fn new(
        vm: Arc<VmSpec>,
        abi: AbiVersion,
        shared: Arc<Shared>,
        foreign: Arc<ForeignFunctions>,
        clock: Arc<Clock>,
    ) -> Self {
        Self {
            memory_limiter: MemoryLimiter {
                limit: usize::try_from(vm.memory_limit).unwrap_or(usize::MAX),
                refused: None,
                used: Arc::default(),
            },
            deadline: Deadline::new(clock, vm.start_timeout, "start_timeout"),
            call_timeout: limits::CALL_TIMEOUT,
            vm,
            abi,
            memory: None,
            allocator: None,
            allocating: false,
            trial: false,
            root_done: false,
            roots: FxHashMap::default(),
            streams: FxHashMap::default(),
            callback: "the module's start",
            current: NO_CONTEXT,
            effective: NO_CONTEXT,
            logging: false,
            exchange: None,
            configuration: None,
            logs: LogLines::default(),
            wakes: Vec::new(),
            calls: Calls::default(),
            agenda: Arc::default(),
            shared,
            foreign,
            metrics: MetricIds::default(),
            warned: Vec::new(),
        }
    }

    /// Lets a call to an upstream be watched, and its headers be changed, if somebody watches the callback that makes it.
    pub(super) fn observe_call(
        &mut self,
        upstream: &str,
        headers: &mut HeaderMap,
    ) -> Option<Box<dyn CalloutObserver>> {
        let phase = self.exchange.as_mut()?.phase.as_mut()?;
        phase.callout(upstream, headers)
    }

    /// The root context of any context.
    pub(super) fn root_of(&self, context: u32) -> Option<&RootContext> {
        self.roots.get(&self.root_id_of(context))
    }

    fn root_id_of(&self, context: u32) -> u32 {
        // Whoever turned away from all contexts is still who it is.
        let context = match context {
            NO_CONTEXT => self.current,
            context => context,
        };
        self.streams
            .get(&context)
            .map_or(context, |stream| stream.root)
    }

    /// The id of the root context that host calls act for; before the first one exists, none.
    pub(super) fn root_context(&self) -> Option<u32> {
        let id = self.root_id_of(self.effective);
        self.roots.contains_key(&id).then_some(id)
    }

    /// The plugin that host calls act for: before the first root context exists, none.
    pub(super) fn root(&self) -> Option<&Arc<Root>> {
        self.root_of(self.effective).map(|context| &context.root)
    }

    /// The properties that tell a plugin about itself, which it has without a stream, too.
    pub(super) fn own_property(&self, path: &[u8]) -> Option<Arc<str>> {
        Some(match path.strip_suffix(&[0]).unwrap_or(path) {
            b"plugin_name" => Arc::clone(self.plugin()),
            b"plugin_root_id" => self
                .root()
                .map_or_else(|| "".into(), |root| Arc::clone(&root.root_id)),
            b"plugin_vm_id" => Arc::clone(&self.vm.vm_id),
            _ => return None,
        })
    }

    /// The name of the plugin that host calls act for.
    pub(super) fn plugin(&self) -> &Arc<str> {
        self.root().map_or(&self.vm.plugin, |root| &root.name)
    }

    /// The stores, and the VM whose part of them is meant.
    pub(super) fn shared(&self) -> (Arc<Shared>, Arc<VmSpec>) {
        (Arc::clone(&self.shared), Arc::clone(&self.vm))
    }

    /// The log level in force; `None` means that nothing is logged.
    pub(super) fn log_level(&self) -> Option<LogLevel> {
        LogLevel::in_force(self.root().and_then(|root| root.log_level))
    }

    /// Keeps a line of the guest, if its level is let through.
    pub(super) fn log(&mut self, level: LogLevel, message: &[u8]) {
        if self.log_level().is_none_or(|least| level < least) {
            return;
        }
        let plugin = Arc::clone(self.plugin());
        self.logs.push(level, self.effective, &plugin, message);
    }

    /// Says that the guest met a limit: once for each, since it may meet it with every request.
    pub(super) fn warn_once(&mut self, message: &'static str) {
        if !self.warned.contains(&message) {
            self.warned.push(message);
            self.log(LogLevel::Warn, message.as_bytes());
        }
    }

    /// Tells the plugin about a mistake of it, once per callback.
    pub(super) fn hint(&mut self, about: &'static str, text: impl FnOnce(&str) -> String) {
        let callback = self.callback;
        let first = self
            .root_of(self.current)
            .is_some_and(|context| context.root.hints.first(about, callback));
        if first {
            let text = text(callback);
            self.log(LogLevel::Warn, text.as_bytes());
        }
    }

    /// Tells the plugin that a map is not there, or cannot be changed, and where it would be.
    pub(super) fn hint_map(&mut self, kind: MapType, access: Access, has_stream: bool) {
        if let Some(missing) = MissingMap::new(kind, access, self.callback) {
            self.hint(missing.about(), |callback| {
                missing.text(callback, has_stream)
            });
        }
    }

    /// Whether the level is let through.
    pub(super) fn logs_at(&self, level: LogLevel) -> bool {
        self.log_level().is_some_and(|least| level >= least)
    }
}

impl Drop for Host {
    fn drop(&mut self) {
        self.agenda.close();
    }
}

/// Keeps memory and tables of one VM within their limits.
#[derive(Debug)]
pub(super) struct MemoryLimiter {
    limit: usize,
    /// What was last refused in this call.
    pub(super) refused: Option<Refused>,
    /// What the guest has of memory, in bytes, for those who are not in the VM.
    pub(super) used: Arc<AtomicU64>,
}

/// More than a VM may have.
#[derive(Debug, Clone, Copy)]
pub(super) enum Refused {
    Memory { bytes: usize },
    Table { elements: usize },
}

impl ResourceLimiter for MemoryLimiter {
    fn memory_growing(
        &mut self,
        _current: usize,
        desired: usize,
        maximum: Option<usize>,
    ) -> wasmtime::Result<bool> {
        let fits = desired <= self.limit && maximum.is_none_or(|maximum| desired <= maximum);
        if fits {
            let used = u64::try_from(desired).unwrap_or(u64::MAX);
            self.used.store(used, Ordering::Relaxed);
        } else {
            self.refused = Some(Refused::Memory { bytes: desired });
        }
        Ok(fits)
    }

    fn table_growing(
        &mut self,
        _current: usize,
        desired: usize,
        maximum: Option<usize>,
    ) -> wasmtime::Result<bool> {
        let fits =
            desired <= limits::TABLE_ELEMENTS && maximum.is_none_or(|maximum| desired <= maximum);
        if !fits {
            self.refused = Some(Refused::Table { elements: desired });
        }
        Ok(fits)
    }

    fn instances(&self) -> usize {
        1
    }

    fn memories(&self) -> usize {
        1
    }

    fn tables(&self) -> usize {
        16
    }
}
