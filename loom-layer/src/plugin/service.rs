//! A plugin that serves no requests.

use super::LoomPlugin;
use crate::stats::PluginStats;

/// A plugin that runs without requests, for its ticks, its queues and the calls that it makes: no
/// [`Layer`](tower_layer::Layer). It has one VM, and runs until this is dropped.
///
/// ```no_run
/// use loom_layer::LoomPlugin;
///
/// let refresher = LoomPlugin::builder("refresh-keys")
///     .file("refresh_keys.wasm")
///     .vm_id("keys")
///     .upstream("issuer", "http://127.0.0.1:9000")
///     .build_service()?;
/// # Ok::<(), loom_layer::Error>(())
/// ```
#[derive(Debug)]
#[must_use = "the plugin ends when this is dropped"]
pub struct PluginService {
    plugin: LoomPlugin,
}

impl PluginService {
    pub(super) fn new(plugin: LoomPlugin) -> Self {
        Self { plugin }
    }

    /// The plugin's name.
    pub fn name(&self) -> &str {
        self.plugin.name()
    }

    /// The SHA-256 of the plugin's `.wasm` file, as it was when the plugin was loaded.
    pub fn sha256(&self) -> [u8; 32] {
        self.plugin.sha256()
    }

    /// What the plugin did so far.
    pub fn stats(&self) -> PluginStats {
        self.plugin.stats()
    }

    /// Whether its VM runs now; a failed one is built anew.
    pub fn is_running(&self) -> bool {
        self.plugin.instances() > 0
    }
}
