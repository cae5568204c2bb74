//! What is settled about a VM and about the plugins in it, before any code runs.

use std::ops::Deref;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use bytes::Bytes;

use super::count::PluginCounters;
use super::hints::Hints;
use crate::callout::Upstreams;
use crate::limits;
use crate::log::LogLevel;
use crate::policy::Phase;
use crate::stream::Terms;

/// What makes two plugins share a VM, and what a VM may use.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct VmSpec {
    /// The plugin that the VM was made for, for logs.
    pub(crate) plugin: Arc<str>,
    pub(crate) vm_id: Arc<str>,
    /// What `proxy_on_vm_start` can read.
    pub(crate) configuration: Bytes,
    /// What WASI tells of the environment.
    pub(crate) environment: Environment,
    pub(crate) memory_limit: u64,
    pub(crate) start_timeout: Duration,
    pub(crate) instances: usize,
}

/// Environment variables, in the form in which WASI hands them over: `NAME=value`, each with a NUL at its end.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub(crate) struct Environment(Bytes);

impl Environment {
    pub(super) fn bytes(&self) -> &Bytes {
        &self.0
    }
}

impl<'a> FromIterator<(&'a String, &'a String)> for Environment {
    fn from_iter<I: IntoIterator<Item = (&'a String, &'a String)>>(variables: I) -> Self {
        let one = |(name, value): (&String, &String)| format!("{name}={value}\0");
        Self(variables.into_iter().map(one).collect::<String>().into())
    }
}

impl Default for VmSpec {
    fn default() -> Self {
        Self {
            plugin: "".into(),
            vm_id: "".into(),
            configuration: Bytes::new(),
            environment: Environment::default(),
            memory_limit: limits::MEMORY,
            start_timeout: limits::START_TIMEOUT,
            instances: 1,
        }
    }
}

/// What is settled about a plugin, before any code runs.
#[derive(Debug, Clone)]
pub(crate) struct PluginSpec {
    pub(crate) name: Arc<str>,
    pub(crate) root_id: Arc<str>,
    pub(crate) configuration: Bytes,
    pub(crate) log_level: Option<LogLevel>,
    /// The most time of one call into it.
    pub(crate) timeout: Duration,
    /// How long it may hold a stream, or its own end.
    pub(crate) pause_timeout: Duration,
    pub(crate) terms: Terms,
    /// The first phase that it takes part in.
    pub(crate) phase: Phase,
    /// What it may call.
    pub(crate) upstreams: Arc<Upstreams>,
}

/// One configured plugin: it has a root context in every shard of its VM.
#[derive(Debug)]
pub(crate) struct Root {
    /// Unique in the process.
    pub(super) key: u64,
    spec: PluginSpec,
    /// Its last user is gone.
    pub(super) retired: AtomicBool,
    /// What it was told about its mistakes.
    pub(super) hints: Hints,
    /// What it did, together with those of the same name that it was made from.
    pub(crate) counters: Arc<PluginCounters>,
}

impl Root {
    pub(crate) fn new(spec: PluginSpec) -> Arc<Self> {
        Self::counted(spec, Arc::default())
    }

    fn counted(spec: PluginSpec, counters: Arc<PluginCounters>) -> Arc<Self> {
        static KEYS: AtomicU64 = AtomicU64::new(1);
        Arc::new(Self {
            key: KEYS.fetch_add(1, Ordering::Relaxed),
            spec,
            retired: AtomicBool::new(false),
            hints: Hints::default(),
            counters,
        })
    }

    /// The same plugin with other settings. Under another name it is counted on its own.
    pub(crate) fn variant(&self, spec: PluginSpec) -> Arc<Self> {
        let counters = if spec.name == self.spec.name {
            Arc::clone(&self.counters)
        } else {
            Arc::default()
        };
        Self::counted(spec, counters)
    }

    pub(crate) fn spec(&self) -> &PluginSpec {
        &self.spec
    }
}

impl Deref for Root {
    type Target = PluginSpec;

    fn deref(&self) -> &PluginSpec {
        &self.spec
    }
}
