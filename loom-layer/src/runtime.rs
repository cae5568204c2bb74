//! What plugins share.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::{Arc, OnceLock, Weak};
use std::time::Duration;

use bytes::Bytes;
use parking_lot::Mutex;

use crate::error::{Error, Kind};
use crate::foreign::{ForeignCall, ForeignError, ForeignFunctions};
use crate::shared::Metric;
use crate::stats::VmStats;
use crate::vm::{Cache, Compiled, Environment, Platform, Root, Sha, Vm, VmSpec};

/// What plugins share: the engine and its clock, compiled modules, VMs, shared data, queues, metrics, one background thread.
///
/// [`LoomPlugin::load`](crate::LoomPlugin::load) and builders without a runtime use [`LoomRuntime::global`]. A runtime of
/// one's own keeps plugins apart, and its threads end with the last handle to it and to its plugins.
///
/// ```
/// use loom_layer::{CompileCache, LoomRuntime};
///
/// let runtime = LoomRuntime::builder().compile_cache(CompileCache::Off).build()?;
/// # Ok::<(), loom_layer::Error>(())
/// ```
#[derive(Debug, Clone)]
pub struct LoomRuntime {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    platform: Arc<Platform>,
    /// The inner lock is held while a VM starts, so that plugins which share one start it once.
    vms: Mutex<HashMap<VmKey, Arc<Mutex<Weak<Vm>>>>>,
}

/// Plugins that agree on all of this share their VMs.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct VmKey {
    vm_id: Arc<str>,
    configuration: Bytes,
    environment: Environment,
    code: Sha,
    memory_limit: u64,
    start_timeout: Duration,
    instances: usize,
}

/// Where compiled code is kept between starts.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum CompileCache {
    /// `loom` under the user's cache directory (`$XDG_CACHE_HOME` or `~/.cache`); off if there is none.
    #[default]
    User,
    /// This directory. It and its files must belong to the user that runs the process, and nobody else may write them.
    Directory(PathBuf),
    /// Nowhere: every start compiles.
    Off,
}

impl CompileCache {
    fn open(self) -> Option<Cache> {
        match self {
            Self::User => Cache::default_directory().map(Cache::new),
            Self::Directory(directory) => Some(Cache::new(directory)),
            Self::Off => None,
        }
    }
}

/// Makes a [`LoomRuntime`].
#[derive(Debug, Clone, Default)]
#[must_use = "a builder does nothing until `build` is called"]
pub struct LoomRuntimeBuilder {
    cache: CompileCache,
    foreign: ForeignFunctions,
}

impl LoomRuntimeBuilder {
    /// Where compiled code is kept between starts; by default [`CompileCache::User`].
    pub fn compile_cache(mut self, cache: CompileCache) -> Self {
        self.cache = cache;
        self
    }

    /// A function that plugins can call by name with `proxy_call_foreign_function`, in addition to `compress` and
    /// `uncompress` (zlib, up to 4 MiB); one of the same name is replaced.
    ///
    /// It runs in the middle of a plugin's callback, while the plugin's VM is locked: it must not wait, and it is not
    /// stopped by the plugin's `timeout`. A panic in it is an error for the plugin.
    ///
    /// ```
    /// use loom_layer::{ForeignError, LoomRuntime};
    ///
    /// let runtime = LoomRuntime::builder()
    ///     .foreign_function("reverse", |call| {
    ///         if call.arguments().is_empty() {
    ///             return Err(ForeignError::BadArgument);
    ///         }
    ///         Ok(call.arguments().iter().rev().copied().collect())
    ///     })
    ///     .build()?;
    /// # Ok::<(), loom_layer::Error>(())
    /// ```
    pub fn foreign_function(
        mut self,
        name: impl Into<String>,
        function: impl Fn(&ForeignCall<'_>) -> Result<Bytes, ForeignError> + Send + Sync + 'static,
    ) -> Self {
        self.foreign.add(name, function);
        self
    }

    /// Starts the runtime and its threads.
    ///
    /// # Errors
    ///
    /// When the engine does not support this machine or a thread cannot be started.
    pub fn build(self) -> Result<LoomRuntime, Error> {
        let platform = Platform::new(self.cache.open(), self.foreign).map_err(|cause| {
            let text = format!("plugins cannot run on this machine: {cause}");
            Error::new(
                Kind::Host,
                "(runtime)",
                text,
                "check the limits on threads and memory",
            )
            .with_source(cause)
        })?;
        Ok(LoomRuntime {
            inner: Arc::new(Inner {
                platform,
                vms: Mutex::default(),
            }),
        })
    }
}

impl LoomRuntime {
    /// A runtime of one's own with the defaults.
    ///
    /// # Errors
    ///
    /// As [`LoomRuntimeBuilder::build`].
    pub fn new() -> Result<Self, Error> {
        Self::builder().build()
    }

    /// A runtime with other settings.
    pub fn builder() -> LoomRuntimeBuilder {
        LoomRuntimeBuilder::default()
    }

    /// The runtime that plugins use when they are not told otherwise: made at its first use, kept until the process ends.
    ///
    /// # Errors
    ///
    /// As [`LoomRuntimeBuilder::build`]; the next call tries again.
    pub fn global() -> Result<Self, Error> {
        static GLOBAL: OnceLock<LoomRuntime> = OnceLock::new();
        if let Some(runtime) = GLOBAL.get() {
            return Ok(runtime.clone());
        }
        let runtime = Self::new()?;
        Ok(GLOBAL.get_or_init(|| runtime).clone())
    }

    /// The metrics that plugins defined with `proxy_define_metric`, as they are now, sorted by name.
    ///
    /// There is one value per name and kind, whichever plugin and VM counts, and it lives as long as the runtime.
    ///
    /// ```
    /// use loom_layer::{LoomRuntime, MetricValue};
    ///
    /// let runtime = LoomRuntime::new()?;
    /// for metric in runtime.metrics() {
    ///     match metric.value() {
    ///         MetricValue::Counter(value) | MetricValue::Gauge(value) => {
    ///             println!("{} {value}", metric.name());
    ///         }
    ///         MetricValue::Histogram(histogram) => {
    ///             for (bound, count) in histogram.buckets() {
    ///                 println!("{}{{le={bound}}} {count}", metric.name());
    ///             }
    ///         }
    ///         _ => {}
    ///     }
    /// }
    /// # Ok::<(), loom_layer::Error>(())
    /// ```
    pub fn metrics(&self) -> Vec<Metric> {
        self.inner.platform.shared.metrics.snapshot()
    }

    /// How many different VMs there are now, each with all of its instances. Plugins that share one count once; one that no
    /// plugin and no stream uses any more is gone.
    pub fn vms(&self) -> usize {
        let vms = self.inner.vms.lock();
        vms.values()
            // Whoever holds an entry's lock is starting its VM.
            .filter(|entry| entry.try_lock().is_none_or(|vm| vm.strong_count() > 0))
            .count()
    }

    /// The VMs that run now, in no order. Those that are just being started are left out.
    pub fn vm_stats(&self) -> Vec<VmStats> {
        let entries: Vec<_> = self.inner.vms.lock().values().map(Arc::clone).collect();
        // Whoever holds an entry's lock is starting its VM, which may take long.
        let vms = entries
            .iter()
            .filter_map(|entry| entry.try_lock()?.upgrade());
        vms.map(|vm| vm.stats()).collect()
    }

    #[cfg(test)]
    pub(crate) fn platform(&self) -> &Platform {
        &self.inner.platform
    }

    pub(crate) fn compile(&self, plugin: &str, wasm: &[u8]) -> Result<(Sha, Arc<Compiled>), Error> {
        self.inner.platform.compile(plugin, wasm)
    }

    /// Attaches a plugin to the VM for it, which is started if it is not there.
    pub(crate) fn attach(
        &self,
        spec: VmSpec,
        code: Sha,
        compiled: Arc<Compiled>,
        root: &Arc<Root>,
    ) -> Result<Arc<Vm>, Error> {
        let key = VmKey {
            vm_id: Arc::clone(&spec.vm_id),
            configuration: spec.configuration.clone(),
            environment: spec.environment.clone(),
            code,
            memory_limit: spec.memory_limit,
            start_timeout: spec.start_timeout,
            instances: spec.instances,
        };
        let entry = {
            let mut vms = self.inner.vms.lock();
            // Whoever holds an entry's lock is starting its VM.
            vms.retain(|_, entry| entry.try_lock().is_none_or(|vm| vm.strong_count() > 0));
            Arc::clone(vms.entry(key).or_default())
        };
        let mut slot = entry.lock();
        if let Some(vm) = slot.upgrade() {
            vm.add_root(root)?;
            return Ok(vm);
        }
        let vm = Vm::start(spec, compiled, Arc::clone(&self.inner.platform), root)?;
        *slot = Arc::downgrade(&vm);
        Ok(vm)
    }
}
