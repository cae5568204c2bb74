//! Any number of plugins, known at run time.

use std::fmt;
use std::sync::Arc;

use http::Extensions;

use super::LoomPlugin;
use crate::observer::StreamObserver;
use crate::vm::Attached;

/// Several plugins as one tower [`Layer`](tower_layer::Layer): a request passes them in order, a response in reverse.
///
/// One chain costs less than as many layers, and its plugins see one stream: what one of them sets with
/// `proxy_set_property` the others can read, and each one's `proxy_on_log` sees what all of them did. An empty chain passes
/// everything on.
///
/// ```no_run
/// use loom_layer::{LoomChain, LoomPlugin};
///
/// let names = ["auth.wasm", "add_header_plugin.wasm"];
/// let plugins = names.iter().map(LoomPlugin::load).collect::<Result<Vec<_>, _>>()?;
/// let layer = LoomChain::new(plugins);
/// # Ok::<(), loom_layer::Error>(())
/// ```
#[derive(Clone)]
pub struct LoomChain {
    pub(crate) plugins: Arc<[Arc<Attached>]>,
    pub(crate) observe: Option<Observe>,
}

/// Says who watches the plugins of a request, by its extensions.
pub(crate) type Observe = Arc<dyn Fn(&Extensions) -> Option<Arc<dyn StreamObserver>> + Send + Sync>;

impl LoomChain {
    /// The plugins in the order in which a request passes them.
    pub fn new(plugins: impl IntoIterator<Item = LoomPlugin>) -> Self {
        Self {
            plugins: plugins.into_iter().map(|plugin| plugin.attached).collect(),
            observe: None,
        }
    }

    /// Lets the plugins be watched, as traces need it: `observe` says by the extensions of a request who watches its
    /// plugins, if anybody does.
    #[must_use]
    pub fn observed(
        mut self,
        observe: impl Fn(&Extensions) -> Option<Arc<dyn StreamObserver>> + Send + Sync + 'static,
    ) -> Self {
        self.observe = Some(Arc::new(observe));
        self
    }

    /// How many plugins there are.
    pub fn len(&self) -> usize {
        self.plugins.len()
    }

    /// Whether a plugin of the chain can read properties. If none can, nobody has to tell it anything: extensions such as
    /// [`UpstreamInfo`](crate::UpstreamInfo) would be made for nothing.
    pub fn reads_properties(&self) -> bool {
        self.plugins.iter().any(|plugin| plugin.reads_properties())
    }

    /// Whether a plugin of the chain can ask that the route is chosen anew, with [`Reroute`](crate::Reroute).
    pub fn can_reroute(&self) -> bool {
        self.plugins
            .iter()
            .any(|plugin| plugin.vm.compiled.clears_route)
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.plugins.is_empty()
    }
}

impl fmt::Debug for LoomChain {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LoomChain")
            .field("plugins", &self.plugins)
            .field("observed", &self.observe.is_some())
            .finish()
    }
}

impl From<LoomPlugin> for LoomChain {
    fn from(plugin: LoomPlugin) -> Self {
        Self::new([plugin])
    }
}
