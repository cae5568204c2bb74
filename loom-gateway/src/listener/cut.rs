//! The one table of why a response that had begun did not reach its end.

use crate::errors::{Cut, Failure};

/// Why a response broke off, when it was not the client that went away.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum CutShort {
    /// The client took too little of a stream of HTTP/2 for `limits.http2.stream_send_timeout`.
    StreamSendTimeout,
    /// The client took nothing of what was sent for `limits.send_timeout`, and its connection ended.
    SendTimeout,
    /// The route's `timeout` was over.
    RouteTimeout,
    /// Nothing passed for the route's `idle_timeout`.
    IdleTimeout,
    /// The `grpc-timeout` of a gRPC call was over.
    GrpcDeadline,
    /// The upstream or a plugin ended the body before its end.
    ResponseBody,
}

impl CutShort {
    pub(crate) const ALL: &[Self] = &[
        Self::StreamSendTimeout,
        Self::SendTimeout,
        Self::RouteTimeout,
        Self::IdleTimeout,
        Self::GrpcDeadline,
        Self::ResponseBody,
    ];

    /// How many there are.
    pub(crate) const COUNT: usize = Self::ALL.len();

    /// The code. People build alerts on it: it is never changed.
    pub(crate) fn code(self) -> &'static str {
        match self {
            Self::StreamSendTimeout => "stream_send_timeout",
            Self::SendTimeout => "send_timeout",
            Self::RouteTimeout => "route_timeout",
            Self::IdleTimeout => "idle_timeout",
            Self::GrpcDeadline => "grpc_deadline",
            Self::ResponseBody => "response_body",
        }
    }

    /// What the error of a body says about it.
    pub(crate) fn of(error: &axum::Error) -> Self {
        match Cut::cause(error) {
            Some(Failure::RouteTimeout) => Self::RouteTimeout,
            Some(Failure::IdleTimeout) => Self::IdleTimeout,
            Some(Failure::GrpcDeadline) => Self::GrpcDeadline,
            _ => Self::ResponseBody,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// An operator looks the code up.
    #[test]
    fn every_code_is_documented() {
        let page = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/observability.md");
        let page = std::fs::read_to_string(page).expect("the page");
        let (_, part) = page
            .split_once("## Why a response was cut")
            .expect("a part of it");
        for (number, why) in CutShort::ALL.iter().enumerate() {
            let code = why.code();
            assert!(part.contains(&format!("| `{code}` |")), "{code}");
            assert_eq!(*why as usize, number);
        }
    }
}
