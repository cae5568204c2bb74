//! The enumerations that guests pass by number (Proxy-Wasm 0.2.1).

use super::Status;

/// What a callback asks for (`proxy_action_t`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Action {
    /// Go on.
    Continue,
    /// Hold the stream until it is resumed or answered.
    Pause,
}

impl Action {
    /// What a headers callback's number means. Envoy knows five; `ContinueAndEndStream` (2) is mapped to Continue by
    /// it too, and every other non-zero number holds the stream.
    pub(crate) const fn from_headers(raw: u32) -> Self {
        match raw {
            0 | 2 => Self::Continue,
            _ => Self::Pause,
        }
    }

    /// What a body or trailers callback's number means: everything but zero holds the stream.
    pub(crate) const fn from_body(raw: u32) -> Self {
        match raw {
            0 => Self::Continue,
            _ => Self::Pause,
        }
    }
}

/// Which header map a host call is about (`proxy_map_type_t`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum MapType {
    RequestHeaders,
    RequestTrailers,
    ResponseHeaders,
    ResponseTrailers,
    GrpcInitialMetadata,
    GrpcTrailingMetadata,
    CallResponseHeaders,
    CallResponseTrailers,
}

impl TryFrom<u32> for MapType {
    type Error = Status;

    fn try_from(raw: u32) -> Result<Self, Status> {
        Ok(match raw {
            0 => Self::RequestHeaders,
            1 => Self::RequestTrailers,
            2 => Self::ResponseHeaders,
            3 => Self::ResponseTrailers,
            4 => Self::GrpcInitialMetadata,
            5 => Self::GrpcTrailingMetadata,
            6 => Self::CallResponseHeaders,
            7 => Self::CallResponseTrailers,
            _ => return Err(Status::BadArgument),
        })
    }
}

/// Which buffer a host call is about (`proxy_buffer_type_t`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum BufferType {
    RequestBody,
    ResponseBody,
    DownstreamData,
    UpstreamData,
    CallResponseBody,
    GrpcMessage,
    VmConfiguration,
    PluginConfiguration,
    ForeignArguments,
}

impl TryFrom<u32> for BufferType {
    type Error = Status;

    fn try_from(raw: u32) -> Result<Self, Status> {
        Ok(match raw {
            0 => Self::RequestBody,
            1 => Self::ResponseBody,
            2 => Self::DownstreamData,
            3 => Self::UpstreamData,
            4 => Self::CallResponseBody,
            5 => Self::GrpcMessage,
            6 => Self::VmConfiguration,
            7 => Self::PluginConfiguration,
            8 => Self::ForeignArguments,
            _ => return Err(Status::BadArgument),
        })
    }
}

/// Which direction a host call is about (`proxy_stream_type_t`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum StreamType {
    Request,
    Response,
    Downstream,
    Upstream,
}

impl TryFrom<u32> for StreamType {
    type Error = Status;

    fn try_from(raw: u32) -> Result<Self, Status> {
        Ok(match raw {
            0 => Self::Request,
            1 => Self::Response,
            2 => Self::Downstream,
            3 => Self::Upstream,
            _ => return Err(Status::BadArgument),
        })
    }
}
