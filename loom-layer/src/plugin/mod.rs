//! Plugins and chains of plugins, as an application holds them.

mod builder;
mod chain;
mod service;
mod source;
mod thread;
mod variant;

use std::path::Path;
use std::sync::Arc;

use bytes::Bytes;

pub use builder::LoomPluginBuilder;
pub use chain::LoomChain;
pub(crate) use chain::Observe;
pub use service::PluginService;
pub use variant::PluginVariant;

use crate::error::Error;
use crate::stats::PluginStats;
use crate::vm::Attached;

/// A Proxy-Wasm plugin: a tower [`Layer`](tower_layer::Layer).
///
/// Cheap to clone; all clones share the plugin's VMs, one per worker thread. A plugin never causes a service error: when it
/// fails, its [`FailurePolicy`](crate::FailurePolicy) says what the client gets.
///
/// ```no_run
/// use axum::Router;
/// use axum::routing::get;
/// use loom_layer::LoomPlugin;
///
/// let app: Router = Router::new()
///     .route("/", get(|| async { "hello" }))
///     .layer(LoomPlugin::load("add_header_plugin.wasm")?);
/// # Ok::<(), loom_layer::Error>(())
/// ```
#[derive(Debug, Clone)]
pub struct LoomPlugin {
    pub(crate) attached: Arc<Attached>,
}

impl LoomPlugin {
    /// Loads a plugin from a file, with all defaults; its name is the file's, without the extension.
    ///
    /// Compiling takes a moment and blocks the calling thread: in an async function prefer
    /// [`load_async`](Self::load_async). It works outside of tokio too.
    ///
    /// # Errors
    ///
    /// When the file cannot be read, is no Proxy-Wasm plugin, or does not start: see [`Error`].
    pub fn load(path: impl AsRef<Path>) -> Result<Self, Error> {
        LoomPluginBuilder::of_file(path.as_ref()).build()
    }

    /// As [`load`](Self::load), off the calling thread.
    ///
    /// # Errors
    ///
    /// As [`load`](Self::load).
    pub async fn load_async(path: impl AsRef<Path>) -> Result<Self, Error> {
        LoomPluginBuilder::of_file(path.as_ref())
            .build_async()
            .await
    }

    /// Loads a plugin from the bytes of a `.wasm` file, with all defaults.
    ///
    /// # Errors
    ///
    /// As [`load`](Self::load).
    pub fn from_bytes(name: impl Into<String>, wasm: impl Into<Bytes>) -> Result<Self, Error> {
        Self::builder(name).bytes(wasm).build()
    }

    /// A plugin of this name, with everything that can be set.
    pub fn builder(name: impl Into<String>) -> LoomPluginBuilder {
        LoomPluginBuilder::new(name.into())
    }

    /// The same plugin with other settings, for one route for example: another name, configuration, time or failure policy.
    pub fn variant(&self) -> PluginVariant {
        PluginVariant::of(self)
    }

    /// The same plugin with another configuration, for one route for example: it runs in the same VMs, as a root context of
    /// its own. It is first started in a further VM, which is then dropped, so that a configuration that makes it fail does
    /// no harm to requests that are under way.
    ///
    /// This blocks the calling thread while the plugin reads the configuration in each VM: in an async function prefer
    /// [`with_config_async`](Self::with_config_async).
    ///
    /// # Errors
    ///
    /// When the plugin refuses the configuration, or fails while it reads it.
    pub fn with_config(&self, config: impl Into<Bytes>) -> Result<Self, Error> {
        self.variant().config(config).build()
    }

    /// As [`with_config`](Self::with_config), off the calling thread.
    ///
    /// # Errors
    ///
    /// As [`with_config`](Self::with_config).
    pub async fn with_config_async(&self, config: impl Into<Bytes>) -> Result<Self, Error> {
        self.variant().config(config).build_async().await
    }

    /// The plugin's name.
    pub fn name(&self) -> &str {
        &self.attached.root.name
    }

    /// The SHA-256 of the plugin's `.wasm` file, as it was when the plugin was loaded.
    pub fn sha256(&self) -> [u8; 32] {
        self.attached.vm.compiled.sha256
    }

    /// What the plugin did so far, with all configurations that it was given; a [variant](Self::variant) of another name
    /// has numbers of its own.
    pub fn stats(&self) -> PluginStats {
        self.attached.root.counters.stats()
    }

    /// Ends when each of the plugin's VMs was started, or could not be. [`build`](LoomPluginBuilder::build) starts one of them and
    /// leaves the others to the background; whoever waits for this has none that is started by its first requests.
    pub async fn all_started(&self) {
        self.attached.vm.all_tried().await;
    }

    /// How many healthy VMs the plugin has now: at most one per worker thread, less while a failed one is built anew.
    pub fn instances(&self) -> usize {
        self.attached.vm.shards()
    }
}
