//! What the stream state machine needs of a plugin: to be entered with callbacks. The VM implements it; tests script it.

use std::task::{Context, Poll};

use super::exchange::Exchange;
use crate::abi::Action;
use crate::policy::FailurePolicy;

/// A call from the host into the guest, in the life of an HTTP stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Callback {
    /// `proxy_on_context_create`
    Create,
    /// `proxy_on_request_headers`
    RequestHeaders {
        /// Neither body nor trailers follow.
        end_of_stream: bool,
    },
    /// `proxy_on_response_headers`
    ResponseHeaders {
        /// Neither body nor trailers follow.
        end_of_stream: bool,
    },
    /// `proxy_on_log`
    Log,
    /// `proxy_on_done`
    Done,
    /// `proxy_on_delete`
    Delete,
}

impl Callback {
    /// The name of the export.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Create => "proxy_on_context_create",
            Self::RequestHeaders { .. } => "proxy_on_request_headers",
            Self::ResponseHeaders { .. } => "proxy_on_response_headers",
            Self::Log => "proxy_on_log",
            Self::Done => "proxy_on_done",
            Self::Delete => "proxy_on_delete",
        }
    }
}

/// The plugin's VM failed: nothing of this stream may be called in it any more. The cause was logged where it was known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Failed;

/// One plugin's side of one stream.
pub(crate) trait Guest {
    /// Whether the plugin has this callback and its phase allows it.
    fn wants(&self, callback: Callback) -> bool;

    /// What happens to the stream when the VM fails.
    fn failure_policy(&self) -> FailurePolicy;

    /// Whether the VM that holds the stream's context still runs.
    fn is_alive(&self) -> bool;

    /// The plugin's name, for logs.
    fn name(&self) -> &str;

    /// Runs the callbacks one after the other, in one entry into the VM, and returns what the last one asked for.
    /// `Pending` means that the VM is busy, nothing ran, and the task will be woken. The exchange always comes back.
    fn poll_enter(
        &mut self,
        cx: &mut Context<'_>,
        callbacks: &[Callback],
        exchange: Box<Exchange>,
    ) -> (Box<Exchange>, Poll<Result<Action, Failed>>);
}
