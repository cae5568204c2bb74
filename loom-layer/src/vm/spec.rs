//! What is settled about a VM and about the plugins in it, before any code runs.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use bytes::Bytes;

use crate::callout::Upstreams;
use crate::limits;
use crate::log::LogLevel;

/// What makes two plugins share a VM, and what a VM may use.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct VmSpec {
    /// The plugin that the VM was made for, for logs.
    pub(crate) plugin: Arc<str>,
    pub(crate) vm_id: Arc<str>,
    /// What `proxy_on_vm_start` can read.
    pub(crate) configuration: Bytes,
    pub(crate) memory_limit: u64,
    pub(crate) timeout: Duration,
    pub(crate) start_timeout: Duration,
    pub(crate) instances: usize,
}

impl Default for VmSpec {
    fn default() -> Self {
        Self {
            plugin: "".into(),
            vm_id: "".into(),
            configuration: Bytes::new(),
            memory_limit: limits::MEMORY,
            timeout: limits::CALL_TIMEOUT,
            start_timeout: limits::START_TIMEOUT,
            instances: 1,
        }
    }
}

/// One configured plugin: it has a root context in every shard of its VM.
#[derive(Debug)]
pub(crate) struct Root {
    /// Unique in the process.
    pub(super) key: u64,
    pub(crate) name: Arc<str>,
    pub(crate) root_id: Arc<str>,
    pub(crate) configuration: Bytes,
    pub(crate) log_level: Option<LogLevel>,
    /// How long it may hold a stream, or its own end.
    pub(crate) pause_timeout: Duration,
    /// Its last user is gone.
    pub(super) retired: AtomicBool,
    /// What the plugin may call.
    pub(crate) upstreams: Arc<Upstreams>,
}

impl Root {
    pub(crate) fn new(
        name: Arc<str>,
        root_id: Arc<str>,
        configuration: Bytes,
        log_level: Option<LogLevel>,
        pause_timeout: Duration,
        upstreams: Arc<Upstreams>,
    ) -> Arc<Self> {
        Arc::new(Self {
            key: next_key(),
            name,
            root_id,
            configuration,
            log_level,
            pause_timeout,
            retired: AtomicBool::new(false),
            upstreams,
        })
    }

    /// The same plugin with another configuration.
    pub(crate) fn with_configuration(&self, configuration: Bytes) -> Arc<Self> {
        Arc::new(Self {
            key: next_key(),
            name: Arc::clone(&self.name),
            root_id: Arc::clone(&self.root_id),
            configuration,
            log_level: self.log_level,
            pause_timeout: self.pause_timeout,
            retired: AtomicBool::new(false),
            upstreams: Arc::clone(&self.upstreams),
        })
    }
}

fn next_key() -> u64 {
    static KEYS: AtomicU64 = AtomicU64::new(1);
    KEYS.fetch_add(1, Ordering::Relaxed)
}
