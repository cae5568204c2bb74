//! What plugins are told about their own mistakes: each of them once, since a plugin makes it again with every request.

use parking_lot::Mutex;
use rustc_hash::FxHashSet;

use crate::abi::MapType;

/// The hints that one plugin got, in whichever VM, by what they are about and the callback.
#[derive(Debug, Default)]
pub(super) struct Hints {
    given: Mutex<FxHashSet<(&'static str, &'static str)>>,
}

impl Hints {
    /// Whether this one was not given before; it counts as given from now on.
    pub(super) fn first(&self, about: &'static str, callback: &'static str) -> bool {
        self.given.lock().insert((about, callback))
    }
}

/// What a host call wanted with a map.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Access {
    Read,
    Write,
}

/// A map that a host call did not find, or could not change.
#[derive(Debug, Clone, Copy)]
pub(super) struct MissingMap {
    kind: MapType,
    access: Access,
}

impl MissingMap {
    /// `None` where nothing is wrong: at the end of a stream there need not have been a response, and nobody may write.
    pub(super) fn new(kind: MapType, access: Access, callback: &str) -> Option<Self> {
        let at_the_end = matches!(
            callback,
            "proxy_on_log" | "proxy_on_done" | "proxy_on_delete"
        );
        (access == Access::Write || !at_the_end).then_some(Self { kind, access })
    }

    /// Names it, for telling one from another.
    pub(super) const fn about(self) -> &'static str {
        match (self.kind, self.access) {
            (MapType::RequestHeaders, Access::Read) => "read request headers",
            (MapType::RequestHeaders, Access::Write) => "change request headers",
            (MapType::RequestTrailers, Access::Read) => "read request trailers",
            (MapType::RequestTrailers, Access::Write) => "change request trailers",
            (MapType::ResponseHeaders, Access::Read) => "read response headers",
            (MapType::ResponseHeaders, Access::Write) => "change response headers",
            (MapType::ResponseTrailers, Access::Read) => "read response trailers",
            (MapType::ResponseTrailers, Access::Write) => "change response trailers",
            (MapType::GrpcInitialMetadata | MapType::GrpcTrailingMetadata, Access::Read) => {
                "read gRPC metadata"
            }
            (MapType::CallResponseHeaders | MapType::CallResponseTrailers, Access::Read) => {
                "read the headers of a call's response"
            }
            (
                MapType::GrpcInitialMetadata
                | MapType::GrpcTrailingMetadata
                | MapType::CallResponseHeaders
                | MapType::CallResponseTrailers,
                Access::Write,
            ) => "change what a call brought",
        }
    }

    /// The callbacks in which it would work.
    const fn works_in(self) -> &'static str {
        match (self.kind, self.access) {
            (MapType::RequestHeaders, Access::Read) => "every callback of a request",
            (MapType::RequestHeaders, Access::Write) => {
                "proxy_on_request_headers, and later as long as a plugin holds them"
            }
            (MapType::RequestTrailers, Access::Read) => "proxy_on_request_trailers and later",
            (MapType::RequestTrailers, Access::Write) => {
                "proxy_on_request_trailers, and proxy_on_request_body at the end of the stream"
            }
            (MapType::ResponseHeaders, Access::Read) => "proxy_on_response_headers and later",
            (MapType::ResponseHeaders, Access::Write) => {
                "proxy_on_response_headers, and later as long as a plugin holds them"
            }
            (MapType::ResponseTrailers, Access::Read) => "proxy_on_response_trailers and later",
            (MapType::ResponseTrailers, Access::Write) => {
                "proxy_on_response_trailers, and proxy_on_response_body at the end of the stream"
            }
            (
                MapType::GrpcInitialMetadata
                | MapType::GrpcTrailingMetadata
                | MapType::CallResponseHeaders
                | MapType::CallResponseTrailers,
                Access::Write,
            ) => "no callback",
            (MapType::GrpcInitialMetadata, Access::Read) => {
                "proxy_on_grpc_receive_initial_metadata"
            }
            (MapType::GrpcTrailingMetadata, Access::Read) => {
                "proxy_on_grpc_receive_trailing_metadata"
            }
            (MapType::CallResponseHeaders | MapType::CallResponseTrailers, Access::Read) => {
                "proxy_on_http_call_response"
            }
        }
    }

    /// What the plugin is told. `has_stream`: the callback belongs to a request, or named one.
    pub(super) fn text(self, callback: &str, has_stream: bool) -> String {
        let (about, works_in) = (self.about(), self.works_in());
        let of_a_call = matches!(
            self.kind,
            MapType::GrpcInitialMetadata
                | MapType::GrpcTrailingMetadata
                | MapType::CallResponseHeaders
                | MapType::CallResponseTrailers
        );
        if has_stream || of_a_call {
            format!("{callback} cannot {about}; that works in {works_in}")
        } else {
            format!(
                "{callback} cannot {about}: it belongs to no request; name one with proxy_set_effective_context"
            )
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_hint_is_given_once_per_callback() {
        let hints = Hints::default();
        assert!(hints.first("a", "x"));
        assert!(!hints.first("a", "x"));
        assert!(hints.first("a", "y"));
        assert!(hints.first("b", "x"));
    }

    #[test]
    fn nothing_is_wrong_with_a_response_that_never_came() {
        let missing =
            |access, callback| MissingMap::new(MapType::ResponseHeaders, access, callback);
        assert!(missing(Access::Read, "proxy_on_request_headers").is_some());
        assert!(missing(Access::Read, "proxy_on_log").is_none());
        assert!(missing(Access::Write, "proxy_on_log").is_some());
    }
}
