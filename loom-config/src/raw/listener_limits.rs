//! `listeners[].limits`

use schemars::JsonSchema;
use serde::Deserialize;

use super::{DurationText, SizeText};
use crate::limits;

/// What one listener takes at the most.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ListenerLimits {
    /// Open connections; further ones are closed at once. Default: 10000.
    #[schemars(range(min = *limits::CONNECTIONS_RANGE.start(), max = *limits::CONNECTIONS_RANGE.end()))]
    #[schemars(extend("default" = limits::CONNECTIONS))]
    #[schemars(extend("examples" = [50000]))]
    pub(crate) connections: Option<usize>,
    /// Open connections of one IPv4 address, or of one IPv6 network of 64 bits; further ones are closed at once. Default: no
    /// limit.
    #[schemars(range(min = *limits::CONNECTIONS_RANGE.start(), max = *limits::CONNECTIONS_RANGE.end()))]
    #[schemars(extend("examples" = [100]))]
    pub(crate) connections_per_address: Option<usize>,
    /// Time in which the head of a request has to be complete, from its first byte on, or from the beginning of the connection;
    /// then the connection is closed. From 1ms to 1h. Default: 10s.
    #[schemars(extend("default" = "10s"))]
    #[schemars(extend("examples" = ["5s"]))]
    pub(crate) header_timeout: Option<DurationText>,
    /// How long a connection stays open without a request, from 1ms to 24h. Default: 60s.
    #[schemars(extend("default" = "60s"))]
    pub(crate) idle_timeout: Option<DurationText>,
    /// How long a client may leave what is sent to it: when no byte of it goes on for so long, the connection is closed. From 1ms to
    /// 24h. Default: 60s.
    #[schemars(extend("default" = "60s"))]
    pub(crate) send_timeout: Option<DurationText>,
    /// How long the gateway waits for the body of a request, all its waiting together; what comes gives time back, see `body_rate`.
    /// A client that is slower is answered with 408. Upgraded connections, and requests whose response has begun, are not
    /// met. From 1ms to 24h. Default: no limit.
    #[schemars(extend("examples" = ["30s"]))]
    pub(crate) body_timeout: Option<DurationText>,
    /// How many bytes of a body give back a second of `body_timeout`: who sends as many in each second may take as long as it likes.
    /// From 1B to 1GiB. Default: 500B.
    #[schemars(extend("default" = "500B"))]
    #[schemars(extend("examples" = ["10KiB"]))]
    pub(crate) body_rate: Option<SizeText>,
    /// Requests after which a connection is ended, once they are answered. Default: no limit.
    #[schemars(range(min = *limits::REQUESTS_RANGE.start(), max = *limits::REQUESTS_RANGE.end()))]
    #[schemars(extend("examples" = [10000]))]
    pub(crate) requests_per_connection: Option<u64>,
    /// Size of the head of a request, from 8KiB to 16MiB; a larger one is answered with 431. Default: 64KiB.
    #[schemars(extend("default" = "64KiB"))]
    #[schemars(extend("examples" = ["16KiB"]))]
    pub(crate) header_bytes: Option<SizeText>,
    /// Header fields of a request; one with more is answered with 431. Default: 100.
    #[schemars(range(min = *limits::HEADER_COUNT_RANGE.start(), max = *limits::HEADER_COUNT_RANGE.end()))]
    #[schemars(extend("default" = limits::HEADER_COUNT))]
    #[schemars(extend("examples" = [50]))]
    pub(crate) header_count: Option<usize>,
    /// Length of path and query, in bytes; a longer one is answered with 414. Default: 8192.
    #[schemars(range(min = *limits::URI_LENGTH_RANGE.start(), max = *limits::URI_LENGTH_RANGE.end()))]
    #[schemars(extend("default" = limits::URI_LENGTH))]
    #[schemars(extend("examples" = [4096]))]
    pub(crate) uri_length: Option<usize>,
    /// Time in which the handshake of a connection has to be complete, from 1ms to 1h; for listeners with `tls`. Default: 10s.
    #[schemars(extend("default" = "10s"))]
    pub(crate) tls_handshake_timeout: Option<DurationText>,
    /// What holds for connections of HTTP/2. Default: what its keys say.
    pub(crate) http2: Option<Http2Limits>,
}

/// What a listener takes on one connection of HTTP/2.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Http2Limits {
    /// Requests at the same time; further ones are refused, and clients wait or repeat them. Default: 128.
    #[schemars(range(min = *limits::HTTP2_STREAMS_RANGE.start(), max = *limits::HTTP2_STREAMS_RANGE.end()))]
    #[schemars(extend("default" = limits::HTTP2_STREAMS))]
    #[schemars(extend("examples" = [100]))]
    pub(crate) max_concurrent_streams: Option<u32>,
    /// Requests that the client took back before the gateway got to them; with more of them at a time the connection is ended.
    /// Default: 32.
    #[schemars(range(min = *limits::HTTP2_RESETS_RANGE.start(), max = *limits::HTTP2_RESETS_RANGE.end()))]
    #[schemars(extend("default" = limits::HTTP2_RESETS))]
    #[schemars(extend("examples" = [20]))]
    pub(crate) max_reset_streams: Option<usize>,
    /// What a client may send of one body ahead of its reader, from 64KiB to 1GiB. Default: 256KiB.
    #[schemars(extend("default" = "256KiB"))]
    pub(crate) initial_stream_window: Option<SizeText>,
    /// What a client may send of all bodies ahead of their readers, from 64KiB to 1GiB. Default: 1MiB.
    #[schemars(extend("default" = "1MiB"))]
    pub(crate) initial_connection_window: Option<SizeText>,
    /// How often a silent connection is asked whether it still lives, from 1s to 24h. Default: 30s.
    #[schemars(extend("default" = "30s"))]
    pub(crate) keep_alive_interval: Option<DurationText>,
    /// Time for the answer to that, from 1ms to 1h; then the connection is closed. Default: 20s.
    #[schemars(extend("default" = "20s"))]
    pub(crate) keep_alive_timeout: Option<DurationText>,
    /// How long a client may leave a response, whatever else it takes: when less than 64KiB of one go on for so long, its stream is
    /// reset. From 1ms to 24h. Default: 5m.
    #[schemars(extend("default" = "5m"))]
    #[schemars(extend("examples" = ["1m"]))]
    pub(crate) stream_send_timeout: Option<DurationText>,
    /// Size of the headers of a request, each field with 32 bytes more than it has, from 8KiB to 16MiB; a larger one is answered with
    /// 431. Default: `header_bytes`.
    pub(crate) max_header_list_size: Option<SizeText>,
}
