//! What plugins and VMs have done so far, as plain numbers.

use std::sync::Arc;

/// What one plugin did since it was loaded, on all routes and in all VMs together; see
/// [`LoomPlugin::stats`](crate::LoomPlugin::stats).
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct PluginStats {
    /// Callbacks that were made into it, those of starting left out.
    pub callbacks: u64,
    /// Exchanges that it answered itself.
    pub local_replies: u64,
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
