//! What the stream state machine needs of a plugin: to be entered with callbacks. The VM implements it; tests script it.

use std::task::{Context, Poll};

use super::exchange::{Direction, Exchange};
use crate::abi::Action;
use crate::policy::{FailurePolicy, HeaderValues, Phase};

/// A call from the host into the guest, in the life of an HTTP stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Callback {
    /// `proxy_on_context_create`
    Create,
    /// `proxy_on_request_headers`, `proxy_on_response_headers`
    Headers(Direction, End),
    /// `proxy_on_request_body`, `proxy_on_response_body`
    Body(Direction, End),
    /// `proxy_on_request_trailers`, `proxy_on_response_trailers`
    Trailers(Direction),
    /// `proxy_on_log`
    Log,
    /// `proxy_on_done`
    Done,
    /// `proxy_on_delete`
    Delete,
}

/// Whether anything follows in the same direction: the ABI's `end_of_stream`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum End {
    /// More follows.
    Open,
    /// Nothing follows.
    Last,
}

impl From<bool> for End {
    fn from(last: bool) -> Self {
        if last { Self::Last } else { Self::Open }
    }
}

impl Callback {
    /// All that a plugin's phase may rule out, each once.
    pub(crate) const IN_PHASES: [Self; 8] = [
        Self::Headers(Direction::Request, End::Open),
        Self::Body(Direction::Request, End::Open),
        Self::Trailers(Direction::Request),
        Self::Headers(Direction::Response, End::Open),
        Self::Body(Direction::Response, End::Open),
        Self::Trailers(Direction::Response),
        Self::Log,
        Self::Done,
    ];

    /// The phase that it belongs to; `None` for what always happens.
    pub(crate) const fn phase(self) -> Option<Phase> {
        use Direction::{Request, Response};
        Some(match self {
            Self::Create | Self::Delete => return None,
            Self::Headers(Request, _) => Phase::RequestHeaders,
            Self::Body(Request, _) | Self::Trailers(Request) => Phase::RequestBody,
            Self::Headers(Response, _) => Phase::ResponseHeaders,
            Self::Body(Response, _) | Self::Trailers(Response) => Phase::ResponseBody,
            Self::Log | Self::Done => Phase::Log,
        })
    }

    /// The name of the export.
    pub(crate) const fn name(self) -> &'static str {
        use Direction::{Request, Response};
        match self {
            Self::Create => "proxy_on_context_create",
            Self::Headers(Request, _) => "proxy_on_request_headers",
            Self::Headers(Response, _) => "proxy_on_response_headers",
            Self::Body(Request, _) => "proxy_on_request_body",
            Self::Body(Response, _) => "proxy_on_response_body",
            Self::Trailers(Request) => "proxy_on_request_trailers",
            Self::Trailers(Response) => "proxy_on_response_trailers",
            Self::Log => "proxy_on_log",
            Self::Done => "proxy_on_done",
            Self::Delete => "proxy_on_delete",
        }
    }
}

/// The plugin's VM failed: nothing of this stream may be called in it any more. The cause was logged where it was known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Failed;

/// What is settled about a plugin before the stream begins.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Terms {
    /// What happens to the stream when the VM fails.
    pub(crate) failure_policy: FailurePolicy,
    /// `Pause` in a headers callback holds the headers only: the plugin still gets the body.
    pub(crate) body_while_headers_wait: bool,
    /// The inner service is called only once the body ended or passed all plugins.
    pub(crate) body_before_inner: bool,
    /// The most bytes of a body that the plugin may hold, in each direction.
    pub(crate) max_buffered_body: usize,
    /// What becomes of header values that are not UTF-8.
    pub(crate) header_values: HeaderValues,
}

/// One plugin's side of one stream.
pub(crate) trait Guest {
    /// Whether the plugin has this callback and its phase allows it.
    fn wants(&self, callback: Callback) -> bool;

    /// What is settled about the plugin.
    fn terms(&self) -> Terms;

    /// Whether the VM that holds the stream's context still runs.
    fn is_alive(&self) -> bool;

    /// The plugin's name, for logs.
    fn name(&self) -> &str;

    /// Hears that the plugin resumed a direction that it does not hold.
    fn resumed_nothing(&self, direction: Direction);

    /// Runs the callbacks one after the other, in one entry into the VM, and returns what the last one asked for.
    /// `Pending` means that the VM is busy, nothing ran, and the task will be woken. The exchange always comes back.
    fn poll_enter(
        &mut self,
        cx: &mut Context<'_>,
        callbacks: &[Callback],
        exchange: Box<Exchange>,
    ) -> (Box<Exchange>, Poll<Result<Action, Failed>>);
}
