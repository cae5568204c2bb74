//! A line for each request.

use std::path::PathBuf;

use super::LogFormat;

/// A line for each request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AccessLog {
    /// How a line looks.
    pub format: LogFormat,
    /// Where lines go.
    pub path: AccessLogPath,
    /// What a line tells, in this order; never empty.
    pub fields: Vec<AccessField>,
}

/// Where the lines of the access log go.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AccessLogPath {
    /// Standard output.
    Stdout,
    /// Standard error.
    Stderr,
    /// The end of this file.
    File(PathBuf),
}

/// One thing that a line of the access log tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AccessField {
    /// When the request came.
    Time,
    /// The method.
    Method,
    /// The host that was asked for.
    Host,
    /// The path as it was sent, without the query.
    Path,
    /// The query.
    Query,
    /// The status of the response.
    Status,
    /// Milliseconds from the headers of the request to the end of the response.
    DurationMs,
    /// Bytes of the request's body.
    BytesIn,
    /// Bytes of the response's body.
    BytesOut,
    /// The id of the route.
    Route,
    /// The upstream.
    Upstream,
    /// The address of the server that was asked last.
    Endpoint,
    /// How often the request was sent.
    Attempts,
    /// The plugin that answered in the place of the upstream, or that failed.
    Plugin,
    /// Why the gateway answered itself, in one word.
    Error,
    /// Whether the client got all of the response.
    Complete,
    /// The request's number.
    RequestId,
    /// The address of the client.
    Client,
    /// What the client calls itself.
    UserAgent,
    /// The number of the trace that the request belongs to.
    TraceId,
}

impl AccessField {
    /// Those that a line tells when the file does not choose, in the order of a line.
    pub const DEFAULT: [Self; 17] = [
        Self::Time,
        Self::Method,
        Self::Host,
        Self::Path,
        Self::Status,
        Self::DurationMs,
        Self::BytesOut,
        Self::Route,
        Self::Upstream,
        Self::Endpoint,
        Self::Attempts,
        Self::Plugin,
        Self::Error,
        Self::Complete,
        Self::RequestId,
        Self::Client,
        Self::UserAgent,
    ];

    /// Its name in the file and in the line.
    pub fn name(self) -> &'static str {
        match self {
            Self::Time => "time",
            Self::Method => "method",
            Self::Host => "host",
            Self::Path => "path",
            Self::Query => "query",
            Self::Status => "status",
            Self::DurationMs => "duration_ms",
            Self::BytesIn => "bytes_in",
            Self::BytesOut => "bytes_out",
            Self::Route => "route",
            Self::Upstream => "upstream",
            Self::Endpoint => "endpoint",
            Self::Attempts => "attempts",
            Self::Plugin => "plugin",
            Self::Error => "error",
            Self::Complete => "complete",
            Self::RequestId => "request_id",
            Self::Client => "client",
            Self::UserAgent => "user_agent",
            Self::TraceId => "trace_id",
        }
    }
}
