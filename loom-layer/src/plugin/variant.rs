//! One plugin with other settings, in the same VMs.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;

use super::LoomPlugin;
use super::thread::off_thread;
use crate::error::{Error, Kind};
use crate::policy::FailurePolicy;
use crate::vm::{Attached, PluginSpec};

/// Makes a [`LoomPlugin`] that shares the VMs of another one, as a root context of its own: see
/// [`LoomPlugin::variant`]. What is not set is as in the plugin that it is made from.
///
/// ```no_run
/// use std::time::Duration;
/// use loom_layer::LoomPlugin;
///
/// let limit = LoomPlugin::load("rate_limit.wasm")?;
/// let strict = limit
///     .variant()
///     .name("limit-login")
///     .config(r#"{"requests_per_second": 1}"#)
///     .timeout(Duration::from_millis(5))
///     .build()?;
/// # Ok::<(), loom_layer::Error>(())
/// ```
#[derive(Debug, Clone)]
#[must_use = "a variant does nothing until `build` is called"]
pub struct PluginVariant {
    of: LoomPlugin,
    spec: PluginSpec,
}

impl PluginVariant {
    pub(super) fn of(plugin: &LoomPlugin) -> Self {
        Self {
            of: plugin.clone(),
            spec: plugin.attached.root.spec().clone(),
        }
    }

    /// The name in log lines, in [`LocalReplyInfo`](crate::LocalReplyInfo) and in the property `plugin_name`. With another
    /// name than the plugin's it is counted on its own, too.
    pub fn name(mut self, name: impl Into<String>) -> Self {
        self.spec.name = name.into().into();
        self
    }

    /// What the plugin reads in `proxy_on_configure`.
    pub fn config(mut self, config: impl Into<Bytes>) -> Self {
        self.spec.configuration = config.into();
        self
    }

    /// The most CPU time of one call into the plugin, see [`LoomPluginBuilder::timeout`](crate::LoomPluginBuilder::timeout).
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.spec.timeout = timeout;
        self
    }

    /// What happens to a stream of this variant when the VM fails, whichever of its plugins was at fault.
    pub fn failure_policy(mut self, policy: FailurePolicy) -> Self {
        self.spec.terms.failure_policy = policy;
        self
    }

    /// Starts it in each VM of the plugin, after it has shown in a further VM that it starts. This blocks the calling thread
    /// while the plugin reads its configuration.
    ///
    /// # Errors
    ///
    /// When the plugin refuses the configuration or fails while it reads it, and when the name is empty or the time is zero.
    pub fn build(self) -> Result<LoomPlugin, Error> {
        let Attached { vm, root } = &*self.of.attached;
        let fault = |what, cure| Err(Error::new(Kind::Builder, &root.name, what, cure));
        if self.spec.name.is_empty() {
            return fault(
                "the name of a variant is empty",
                "leave `name` out for the plugin's own",
            );
        }
        if self.spec.timeout.is_zero() {
            return fault(
                "the timeout of a variant is zero",
                "set `timeout` to more, or leave it out",
            );
        }
        let root = root.variant(self.spec);
        vm.add_root(&root)?;
        Ok(LoomPlugin {
            attached: Arc::new(Attached {
                vm: Arc::clone(vm),
                root,
            }),
        })
    }

    /// As [`build`](Self::build), off the calling thread.
    ///
    /// # Errors
    ///
    /// As [`build`](Self::build).
    pub async fn build_async(self) -> Result<LoomPlugin, Error> {
        let plugin = self.of.clone();
        off_thread(plugin.name(), move || self.build()).await
    }
}
