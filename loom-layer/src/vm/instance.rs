//! One wasmtime instance with its root contexts and streams: how the guest is entered.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::time::Instant;

use rustc_hash::FxHashMap;
use tokio::sync::oneshot;
use wasmtime::Store;

use super::durations::Sampler;
use super::exports::{Exports, Headers, find};
use super::fault::Fault;
use super::host::{Host, NO_CONTEXT, RootContext, StreamContext};
use super::module::Compiled;
use super::platform::Platform;
use super::roots::{Agenda, RootCallback};
use super::spec::{Root, VmSpec};
use super::wasi::Exited;
use crate::abi::Action;
use crate::afterwards::afterwards;
use crate::callout::CallEvent;
use crate::stream::{Buffer, Callback, End, Exchange, Map};

/// See the module's text. Whoever holds it is the only one in the guest.
pub(super) struct Instance {
    store: Store<Host>,
    exports: Exports,
    sampler: Sampler,
    last_context: u32,
    /// All ids were used once: one that is new may still be taken.
    context_ids_return: bool,
    /// The root contexts' ids, by their plugins' keys.
    roots: FxHashMap<u64, u32>,
}

impl Instance {
    /// Instantiates the module and runs its start function.
    pub(super) fn start(
        platform: &Platform,
        compiled: &Compiled,
        vm: &Arc<VmSpec>,
    ) -> Result<Self, Fault> {
        let host = Host::new(
            Arc::clone(vm),
            compiled.abi,
            Arc::clone(&platform.shared),
            Arc::clone(&platform.foreign),
            Arc::clone(platform.ticker.clock()),
        );
        let mut store = Store::new(&platform.engine, host);
        store.limiter(|host| &mut host.memory_limiter);
        store.epoch_deadline_callback(|mut context| context.data_mut().deadline.tick());
        store.set_epoch_deadline(1);
        let instance = match compiled.pre.instantiate(&mut store) {
            Ok(instance) => instance,
            Err(error) => {
                let fault = Fault::new("the module's start", &error, store.data());
                emit_logs(&mut store);
                return Err(fault);
            }
        };
        let memory = instance.get_memory(&mut store, "memory");
        let allocator = find(&mut store, &instance, compiled.allocator).map(Arc::new);
        let host = store.data_mut();
        host.memory = memory;
        host.allocator = allocator;
        let exports = Exports::new(&mut store, &instance, compiled.abi);
        let mut this = Self {
            store,
            exports,
            sampler: Sampler::default(),
            last_context: NO_CONTEXT,
            context_ids_return: false,
            roots: FxHashMap::default(),
        };
        let result = this.initialize(&instance);
        if result.is_err() {
            this.emit_logs();
        }
        result.map(|()| this)
    }

    /// The size of the guest's memory, as it grows.
    pub(super) fn memory_used(&self) -> Arc<AtomicU64> {
        Arc::clone(&self.store.data().memory_limiter.used)
    }

    /// Runs what languages run before the first callback.
    fn initialize(&mut self, instance: &wasmtime::Instance) -> Result<(), Fault> {
        let store = &mut self.store;
        let main = find::<(u32, u32), u32>(store, instance, "main");
        let main_void = find::<(), u32>(store, instance, "__main_void");
        if let Some(initialize) = find::<(), ()>(store, instance, "_initialize") {
            self.starting("_initialize", |store| initialize.call(store, ()))?;
            if let Some(main) = main {
                self.starting("main", |store| main.call(store, (0, 0)))?;
            } else if let Some(main) = main_void {
                self.starting("__main_void", |store| main.call(store, ()))?;
            }
        } else if let Some(command) = find::<(), ()>(store, instance, "_start") {
            self.starting("_start", |store| match command.call(store, ()) {
                // What a command does last; TinyGo's do it even when they export callbacks.
                Err(error) if is_success(&error) => Ok(()),
                ended => ended,
            })?;
        }
        Ok(())
    }

    /// Creates, starts and configures the root context of a plugin.
    pub(super) fn add_root(&mut self, root: &Arc<Root>) -> Result<(), Fault> {
        let id = self.next_context();
        let host = self.store.data_mut();
        host.roots.insert(
            id,
            RootContext {
                root: Arc::clone(root),
                done_pending: false,
                done: false,
                alive: None,
            },
        );
        let result = self.start_root(id, root);
        self.store.data_mut().configuration = None;
        match result {
            Ok(()) => {
                self.roots.insert(root.key, id);
                Ok(())
            }
            Err(fault) => {
                let host = self.store.data_mut();
                host.roots.remove(&id);
                host.calls.forget(id);
                Err(fault)
            }
        }
    }

    fn start_root(&mut self, id: u32, root: &Root) -> Result<(), Fault> {
        self.enter(id);
        if let Some(create) = self.exports.context_create.clone() {
            // As in Envoy: there already, and gone again in `proxy_on_vm_start`.
            self.store.data_mut().configuration = Some(root.configuration.clone());
            self.starting("proxy_on_context_create", |store| {
                create.call(store, (id, NO_CONTEXT))
            })?;
            self.store.data_mut().configuration = None;
        }
        if let Some(vm_start) = self.exports.vm_start.clone() {
            let size = size(self.store.data().vm.configuration.len());
            self.enter(id);
            if self.starting("proxy_on_vm_start", |store| {
                vm_start.call(store, (id, size))
            })? == 0
            {
                return Err(Fault::rejected("proxy_on_vm_start"));
            }
        }
        if let Some(configure) = self.exports.configure.clone() {
            self.store.data_mut().configuration = Some(root.configuration.clone());
            let size = size(root.configuration.len());
            self.enter(id);
            if self.starting("proxy_on_configure", |store| {
                configure.call(store, (id, size))
            })? == 0
            {
                return Err(Fault::rejected("proxy_on_configure"));
            }
        }
        Ok(())
    }

    /// Ends the root context of a plugin. When the guest puts that off, until it calls `proxy_done`, what is returned waits
    /// for it.
    pub(super) fn end_root(&mut self, key: u64) -> Result<Option<oneshot::Receiver<()>>, Fault> {
        let Some(id) = self.roots.remove(&key) else {
            return Ok(None);
        };
        let mut may_go = true;
        if let Some(done) = self.exports.done.clone() {
            // Before the call, so that `proxy_done` is known inside it too.
            if let Some(root) = self.store.data_mut().roots.get_mut(&id) {
                root.done_pending = true;
            }
            self.enter_root(id);
            may_go = self.call("proxy_on_done", |store| done.call(store, id))? != 0;
        }
        let (alive, gone) = oneshot::channel();
        if let Some(root) = self.store.data_mut().roots.get_mut(&id) {
            root.done |= may_go;
            root.alive = Some(alive);
        }
        self.delete_done_roots()?;
        Ok(self.store.data().roots.contains_key(&id).then_some(gone))
    }

    /// Ends a root context that put its end off, since the time for that is over.
    pub(super) fn end_deferred_root(&mut self, key: u64) -> Result<(), Fault> {
        let host = self.store.data_mut();
        let root = host
            .roots
            .values_mut()
            .find(|context| context.root.key == key);
        if let Some(root) = root {
            root.done = true;
        }
        self.delete_done_roots()
    }

    /// Deletes the root contexts that are done.
    fn delete_done_roots(&mut self) -> Result<(), Fault> {
        loop {
            let host = self.store.data_mut();
            let Some(id) = host
                .roots
                .iter()
                .find(|(_, root)| root.done)
                .map(|(&id, _)| id)
            else {
                return Ok(());
            };
            self.enter_root(id);
            if let Some(delete) = self.exports.delete.clone() {
                self.call("proxy_on_delete", |store| delete.call(store, id))?;
            }
            let host = self.store.data_mut();
            host.roots.remove(&id);
            host.calls.forget(id);
        }
    }

    /// Runs a callback of a root context; `false` when there is no such context any more.
    pub(super) fn run_root(&mut self, id: u32, callback: RootCallback) -> Result<bool, Fault> {
        let counters = match self.store.data().roots.get(&id) {
            Some(context) => Arc::clone(&context.root.counters),
            None => return Ok(false),
        };
        counters.called(0, 1);
        let begun = Instant::now();
        self.enter_root(id);
        match callback {
            RootCallback::Tick => {
                if let Some(tick) = self.exports.tick.clone() {
                    self.call(callback.name(), |store| tick.call(store, id))?;
                }
            }
            RootCallback::QueueReady { queue } => {
                if let Some(ready) = self.exports.queue_ready.clone() {
                    self.call(callback.name(), |store| ready.call(store, (id, queue)))?;
                }
            }
        }
        counters.took(callback.name(), begun.elapsed());
        // The callback may have called `proxy_done`.
        self.delete_done_roots()?;
        self.enter(NO_CONTEXT);
        Ok(true)
    }

    /// Tells a root context what happened to a call of it; `false` when the call was cancelled.
    pub(super) fn tell(&mut self, call: u32, event: &Arc<CallEvent>) -> Result<bool, Fault> {
        let Some(root) = self.store.data_mut().calls.begin(call, Arc::clone(event)) else {
            return Ok(false);
        };
        let context = self.store.data().root_of(root);
        let counters = context.map(|context| Arc::clone(&context.root.counters));
        let begun = Instant::now();
        self.enter_root(root);
        let told = self.call_event(root, call, event);
        if let Some(counters) = counters {
            counters.called(0, 1);
            counters.took(event.callback(), begun.elapsed());
        }
        self.store.data_mut().calls.finish(call);
        told?;
        self.delete_done_roots()?;
        self.enter(NO_CONTEXT);
        Ok(true)
    }

    /// The callback for an event. An HTTP call without a response has zeros for all numbers.
    fn call_event(&mut self, root: u32, call: u32, event: &CallEvent) -> Result<(), Fault> {
        let exports = &self.exports;
        let (export, number) = match event {
            CallEvent::Response {
                head,
                body,
                trailers,
            } => {
                let numbers = [Map::response(head).count(), body.len(), trailers.len()];
                return self.http_call_response(root, call, numbers.map(size));
            }
            CallEvent::Reset => return self.http_call_response(root, call, [0; 3]),
            CallEvent::InitialMetadata(head) => (
                &exports.grpc_initial_metadata,
                size(Map::response(head).count()),
            ),
            CallEvent::Message(message) => (&exports.grpc_receive, size(message.len())),
            CallEvent::TrailingMetadata(head) => (
                &exports.grpc_trailing_metadata,
                size(Map::response(head).count()),
            ),
            CallEvent::Closed(status) => (&exports.grpc_close, status.code),
        };
        match export.clone() {
            Some(export) => self.call(event.callback(), |store| {
                export.call(store, (root, call, number))
            }),
            None => Ok(()),
        }
    }

    fn http_call_response(
        &mut self,
        root: u32,
        call: u32,
        [headers, body, trailers]: [u32; 3],
    ) -> Result<(), Fault> {
        match self.exports.http_call_response.clone() {
            Some(export) => self.call("proxy_on_http_call_response", |store| {
                export.call(store, (root, call, headers, body, trailers))
            }),
            None => Ok(()),
        }
    }

    /// Runs callbacks of one stream of the plugin `root`, and returns what the last one asked for. `context` is the
    /// stream's context id, from its creation to its deletion.
    pub(super) fn run(
        &mut self,
        root: &Root,
        context: &mut Option<u32>,
        callbacks: &[Callback],
        exchange: Box<Exchange>,
    ) -> (Box<Exchange>, Result<Action, Fault>) {
        let host = self.store.data_mut();
        host.exchange = Some(exchange);
        host.call_timeout = root.timeout;
        let run = || self.run_each(root, context, callbacks);
        let mut result = catch_unwind(AssertUnwindSafe(run))
            .unwrap_or_else(|_| Err(Fault::panicked(self.store.data().callback)));
        let host = self.store.data_mut();
        let exchange = host.exchange.take();
        // A callback of a stream may have called `proxy_done` for a root context.
        if std::mem::take(&mut host.root_done) && result.is_ok() {
            result = self.delete_done_roots().and(result);
        }
        self.enter(NO_CONTEXT);
        (exchange.expect("host calls put the exchange back"), result)
    }

    fn run_each(
        &mut self,
        root: &Root,
        context: &mut Option<u32>,
        callbacks: &[Callback],
    ) -> Result<Action, Fault> {
        let mut action = Action::Continue;
        for &callback in callbacks {
            let begun = self.sampler.begin();
            let result = self.run_one(root, context, callback);
            if let Some(begun) = begun {
                root.counters.took(callback.name(), begun.elapsed());
            }
            action = result?;
        }
        Ok(action)
    }

    fn run_one(
        &mut self,
        root: &Root,
        context: &mut Option<u32>,
        callback: Callback,
    ) -> Result<Action, Fault> {
        if callback == Callback::Create {
            return self.create(root, context).map(|()| Action::Continue);
        }
        let Some(id) = *context else {
            return Err(Fault::host(
                callback.name(),
                "the stream has no context".to_owned(),
            ));
        };
        self.enter(id);
        self.store.data_mut().callback = callback.name();
        match callback {
            Callback::Create => {}
            Callback::Headers(direction, end) => {
                let map = direction.headers();
                let count = self.count(|exchange| exchange.map(map).map_or(0, Map::count));
                let Some(export) = &self.exports.headers[direction.index()] else {
                    return Ok(Action::Continue);
                };
                let result = Self::timed(&mut self.store).and_then(|store| match export {
                    Headers::WithoutEnd(export) => export.call(store, (id, count)),
                    Headers::WithEnd(export) => {
                        export.call(store, (id, count, u32::from(end == End::Last)))
                    }
                });
                return self
                    .check(callback.name(), result)
                    .map(Action::from_headers);
            }
            Callback::Body(direction, end) => {
                let size = self.count(|exchange| exchange.buffer(direction).map_or(0, Buffer::len));
                let Some(export) = &self.exports.body[direction.index()] else {
                    return Ok(Action::Continue);
                };
                let result = Self::timed(&mut self.store)
                    .and_then(|store| export.call(store, (id, size, u32::from(end == End::Last))));
                return self.check(callback.name(), result).map(Action::from_body);
            }
            Callback::Trailers(direction) => {
                let map = direction.trailers();
                let count = self.count(|exchange| exchange.map(map).map_or(0, Map::count));
                let Some(export) = &self.exports.trailers[direction.index()] else {
                    return Ok(Action::Continue);
                };
                let result =
                    Self::timed(&mut self.store).and_then(|store| export.call(store, (id, count)));
                return self.check(callback.name(), result).map(Action::from_body);
            }
            Callback::Log => {
                if let Some(log) = &self.exports.log {
                    self.store.data_mut().logging = true;
                    let result = Self::timed(&mut self.store).and_then(|store| log.call(store, id));
                    self.store.data_mut().logging = false;
                    self.check(callback.name(), result)?;
                }
            }
            Callback::Done => {
                if let Some(done) = &self.exports.done {
                    // A stream's answer is ignored, as in Envoy.
                    let result =
                        Self::timed(&mut self.store).and_then(|store| done.call(store, id));
                    self.check(callback.name(), result)?;
                }
            }
            Callback::Delete => {
                *context = None;
                if let Some(delete) = &self.exports.delete {
                    let result =
                        Self::timed(&mut self.store).and_then(|store| delete.call(store, id));
                    self.check(callback.name(), result)?;
                }
                self.store.data_mut().streams.remove(&id);
            }
        }
        Ok(Action::Continue)
    }

    fn create(&mut self, root: &Root, context: &mut Option<u32>) -> Result<(), Fault> {
        let callback = Callback::Create.name();
        let Some(&root) = self.roots.get(&root.key) else {
            return Err(Fault::host(
                callback,
                "the plugin has no root context in this VM".to_owned(),
            ));
        };
        let id = self.next_context();
        *context = Some(id);
        let host = self.store.data_mut();
        let stream = host.exchange.as_ref().map(|exchange| StreamContext {
            root,
            remote: exchange.remote.clone(),
            place: exchange.running(),
        });
        if let Some(stream) = stream {
            host.streams.insert(id, stream);
        }
        self.enter(id);
        self.store.data_mut().callback = callback;
        if let Some(create) = &self.exports.context_create {
            let result =
                Self::timed(&mut self.store).and_then(|store| create.call(store, (id, root)));
            self.check(callback, result)?;
        }
        Ok(())
    }

    fn count(&self, count: impl FnOnce(&Exchange) -> usize) -> u32 {
        size(self.store.data().exchange.as_deref().map_or(0, count))
    }

    /// The streams that have a context here.
    pub(super) fn streams(&self) -> impl Iterator<Item = &StreamContext> {
        self.store.data().streams.values()
    }

    /// Passes on what the guest said: nobody else will when the instance goes.
    pub(super) fn emit_logs(&mut self) {
        emit_logs(&mut self.store);
    }

    /// What the root contexts are to be called for.
    pub(super) fn agenda(&self) -> Arc<Agenda> {
        Arc::clone(&self.store.data().agenda)
    }

    pub(super) fn host_mut(&mut self) -> &mut Host {
        self.store.data_mut()
    }

    /// Makes a context the one that host calls act on.
    fn enter(&mut self, context: u32) {
        let host = self.store.data_mut();
        host.current = context;
        host.effective = context;
    }

    /// As [`enter`](Self::enter), for a root context. The streams of a plugin bring its time along.
    fn enter_root(&mut self, context: u32) {
        let host = self.store.data_mut();
        if let Some(context) = host.roots.get(&context) {
            host.call_timeout = context.root.timeout;
        }
        self.enter(context);
    }

    /// A call with the time of a start function.
    fn starting<R>(
        &mut self,
        name: &'static str,
        call: impl FnOnce(&mut Store<Host>) -> wasmtime::Result<R>,
    ) -> Result<R, Fault> {
        let host = self.store.data_mut();
        host.callback = name;
        let budget = host.vm.start_timeout;
        Self::arm(&mut self.store, budget, "start_timeout");
        let result = call(&mut self.store);
        self.check(name, result)
    }

    /// A call with the time of a callback.
    fn call<R>(
        &mut self,
        name: &'static str,
        call: impl FnOnce(&mut Store<Host>) -> wasmtime::Result<R>,
    ) -> Result<R, Fault> {
        self.store.data_mut().callback = name;
        let result = Self::timed(&mut self.store).and_then(call);
        self.check(name, result)
    }

    /// The store with a fresh deadline. (An associated function, so that an export can be borrowed beside it.)
    #[expect(clippy::unnecessary_wraps, reason = "chained with calls that can fail")]
    fn timed(store: &mut Store<Host>) -> wasmtime::Result<&mut Store<Host>> {
        let budget = store.data().call_timeout;
        Self::arm(store, budget, "timeout");
        Ok(store)
    }

    fn arm(store: &mut Store<Host>, budget: std::time::Duration, setting: &'static str) {
        let host = store.data_mut();
        host.deadline.restart(budget, setting);
        host.memory_limiter.refused = None;
        store.set_epoch_deadline(1);
    }

    fn check<R>(&self, name: &'static str, result: wasmtime::Result<R>) -> Result<R, Fault> {
        result.map_err(|error| Fault::new(name, &error, self.store.data()))
    }

    fn next_context(&mut self) -> u32 {
        let host = self.store.data();
        loop {
            let (id, overflowed) = self.last_context.overflowing_add(1);
            self.last_context = id;
            self.context_ids_return |= overflowed;
            if !self.context_ids_return {
                return id;
            }
            if id != NO_CONTEXT && !host.streams.contains_key(&id) && !host.roots.contains_key(&id)
            {
                return id;
            }
        }
    }
}

/// Whether a guest ended itself because all is done.
fn is_success(error: &wasmtime::Error) -> bool {
    error
        .downcast_ref::<Exited>()
        .is_some_and(Exited::is_success)
}

fn emit_logs(store: &mut Store<Host>) {
    let logs = std::mem::take(&mut store.data_mut().logs);
    afterwards(|| logs.emit());
}

/// A size as the ABI passes it.
fn size(len: usize) -> u32 {
    u32::try_from(len).unwrap_or(u32::MAX)
}
