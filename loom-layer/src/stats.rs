//! What plugins and VMs have done so far, as plain numbers.

use std::sync::Arc;
use std::time::Duration;

/// What one plugin did since it was loaded, on all routes and in all VMs together; see
/// [`LoomPlugin::stats`](crate::LoomPlugin::stats).
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct PluginStats {
    /// Callbacks that were made into it, those of starting left out.
    pub callbacks: u64,
    /// Exchanges that it answered itself.
    pub local_replies: u64,
    /// How long its callbacks took, those that were measured at all.
    pub calls: Vec<CallStats>,
}

/// How long one callback of a plugin took. One of seventeen callbacks for streams is measured, and all others are.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct CallStats {
    /// The name of the export, such as `proxy_on_request_headers`.
    pub callback: &'static str,
    /// How often it was measured.
    pub measured: u64,
    /// The sum of what was measured.
    pub total: Duration,
    /// How often it took no longer than this, and longer than the one before; `None` is any time.
    pub buckets: Vec<(Option<Duration>, u64)>,
}

/// The state of the VMs that share a `vm_id`, code and limits; see [`LoomRuntime::vm_stats`](crate::LoomRuntime::vm_stats).
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct VmStats {
    /// The `vm_id`: the plugin's name, if nobody set another one. Two VMs may have the same one.
    pub vm_id: Arc<str>,
    /// The plugin that they were started for.
    pub plugin: Arc<str>,
    /// How many there are to be.
    pub instances: usize,
    /// How many are healthy now.
    pub healthy: usize,
    /// Linear memory of the healthy ones, in bytes.
    pub memory_bytes: u64,
    /// How often one trapped.
    pub traps: u64,
    /// How often a call took longer than it may.
    pub deadlines: u64,
    /// How often one asked for more memory than it may have.
    pub out_of_memory: u64,
    /// How often one was started in the place of one that had failed.
    pub restarts: u64,
}
