//! Who answered in the place of the inner service.

use std::sync::Arc;

/// A plugin answered in the place of the inner service, or the layer did because a plugin failed.
///
/// The layer puts it into the extensions of such a response. A response of the inner service bears none, whatever plugins
/// changed about it.
///
/// ```
/// use loom_layer::LocalReplyInfo;
///
/// fn line<B>(response: &http::Response<B>) -> String {
///     match response.extensions().get::<LocalReplyInfo>() {
///         Some(reply) => format!("answered by {}", reply.plugin().unwrap_or("the plugins")),
///         None => "answered by the upstream".to_owned(),
///     }
/// }
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LocalReplyInfo {
    plugin: Option<Arc<str>>,
    failure: Option<PluginFailure>,
}

/// Why the layer answered although no plugin asked for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum PluginFailure {
    /// A plugin trapped, took too long or needed too much memory, and its failure policy is `closed`.
    Failed,
    /// A plugin held the exchange for longer than its `pause_timeout`.
    PauseTimeout,
    /// A plugin held more of a request's body than its `max_buffered_body`.
    RequestTooLarge,
    /// A plugin held more of a response's body than its `max_buffered_body`.
    ResponseTooLarge,
    /// A value is not UTF-8, and a plugin refuses to see such values.
    NotUtf8,
    /// Plugins left a request without method or path, or a response without a status.
    Incomplete,
}

impl LocalReplyInfo {
    pub(crate) fn new(plugin: Option<Arc<str>>, failure: Option<PluginFailure>) -> Self {
        Self { plugin, failure }
    }

    /// The plugin that answered, or failed; `None` when no single one did.
    pub fn plugin(&self) -> Option<&str> {
        self.plugin.as_deref()
    }

    /// What failed; `None` when the plugin gave the answer on purpose.
    pub fn failure(&self) -> Option<PluginFailure> {
        self.failure
    }
}
