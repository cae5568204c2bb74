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
        upstreams: Arc<Upstreams>,
    ) -> Arc<Self> {
        static KEYS: AtomicU64 = AtomicU64::new(1);
        Arc::new(Self {
            key: KEYS.fetch_add(1, Ordering::Relaxed),
            name,
            root_id,
            configuration,
            log_level,
            retired: AtomicBool::new(false),
            upstreams,
        })
    }
}
