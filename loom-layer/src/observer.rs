//! Watching plugins at work: for those who make traces of it.

use http::{HeaderMap, StatusCode};

/// Watches the plugins of one exchange, see [`LoomChain::observed`](crate::LoomChain::observed).
pub trait StreamObserver: Send + Sync {
    /// A plugin is about to be called, first of all with this callback, such as `proxy_on_request_headers`. `None`: nobody
    /// wants to know more of it.
    ///
    /// What is returned is told how the call ended. It is dropped without that when the plugin was busy and was not
    /// called: then it is tried again later.
    fn enter(&self, plugin: &str, callback: &'static str) -> Option<Box<dyn PhaseObserver>>;
}

/// Watches one call of a plugin.
pub trait PhaseObserver: Send {
    /// The plugin asks an upstream, with these headers, which may be changed. What is returned is told of the answer, and
    /// dropped when the call is over or was cancelled.
    fn callout(
        &mut self,
        upstream: &str,
        headers: &mut HeaderMap,
    ) -> Option<Box<dyn CalloutObserver>>;

    /// The call ended.
    fn left(self: Box<Self>, outcome: PhaseOutcome);
}

/// Watches a call that a plugin makes to an upstream.
pub trait CalloutObserver: Send {
    /// Something came of it. Of a gRPC stream each message is told of, and its end: the last one counts.
    fn answered(&mut self, answer: CalloutAnswer);
}

/// How a call of a plugin ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum PhaseOutcome {
    /// The exchange goes on.
    Continue,
    /// The plugin holds it.
    Pause,
    /// The plugin failed.
    Failed,
}

/// What came of a call to an upstream.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum CalloutAnswer {
    /// A response to an HTTP call. One that could not be made is answered with 503, one that took too long with 504.
    Http(StatusCode),
    /// A gRPC call ended with this status.
    Grpc(u32),
    /// The response broke off.
    Reset,
}
