//! What a plugin's author or operator decides about it.

/// What happens to a stream when a plugin's VM fails: it traps, misses a deadline, runs out of memory, or is being built
/// anew after that.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum FailurePolicy {
    /// The request is answered with 503 (a gRPC request with status 14, `Unavailable`).
    #[default]
    Closed,
    /// The request goes on as if the plugin were absent, and so does the one that it failed on: what the failing callback
    /// changed is undone.
    Open,
}

/// The first phase that a plugin takes part in; callbacks of earlier phases are skipped.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub enum Phase {
    /// Everything.
    #[default]
    RequestHeaders,
    /// From the request's body on.
    RequestBody,
    /// From the response's headers on.
    ResponseHeaders,
    /// From the response's body on.
    ResponseBody,
    /// Only `proxy_on_log`.
    Log,
}

impl Phase {
    /// The name of the callback that it begins with, as `loom.yaml` has it.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::RequestHeaders => "on_request_headers",
            Self::RequestBody => "on_request_body",
            Self::ResponseHeaders => "on_response_headers",
            Self::ResponseBody => "on_response_body",
            Self::Log => "on_log",
        }
    }
}

/// When the inner service gets a request with a body that a plugin looks at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum BodyMode {
    /// At once. The plugin sees the body as the inner service reads it, and not at all if it never does.
    #[default]
    Streaming,
    /// Once the body ended or the plugin let some of it go, so that a validator's answer comes before a handler's side
    /// effects, and also in front of a handler that never reads the body.
    BeforeInner,
}

/// What becomes of header and trailer values that are not UTF-8, which HTTP allows, when a plugin would see them. The text
/// functions of some SDKs panic at such a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum HeaderValues {
    /// The plugin reads them as they are.
    #[default]
    Bytes,
    /// The plugin reads U+FFFD in the place of what is no UTF-8. What it does not write itself goes on as it was.
    Lossy,
    /// The plugin never sees them: the request is answered with 400, a response becomes a 502.
    Reject,
}
