//! `listeners[].limits`

use std::time::Duration;

use crate::limits;

/// What one listener takes at the most.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ListenerLimits {
    /// Open connections; further ones are closed at once.
    pub connections: usize,
    /// Open connections of one client; `None`: no limit.
    pub connections_per_address: Option<usize>,
    /// Time in which the head of a request has to be complete.
    pub header_timeout: Duration,
    /// How long a connection stays open without a request.
    pub idle_timeout: Duration,
    /// How long a client may leave what is sent to it.
    pub send_timeout: Duration,
    /// How fast the body of a request has to come; `None`: as slowly as it likes.
    pub body: Option<BodyPace>,
    /// Requests after which a connection is ended; `None`: no limit.
    pub requests_per_connection: Option<u64>,
    /// Size of the head of a request, in bytes.
    pub header_bytes: u64,
    /// Header fields of a request.
    pub header_count: usize,
    /// Length of path and query, in bytes.
    pub uri_length: usize,
    /// Time in which a TLS handshake has to be complete.
    pub tls_handshake_timeout: Duration,
    /// What holds for connections of HTTP/2.
    pub http2: Http2Limits,
}

impl Default for ListenerLimits {
    fn default() -> Self {
        Self {
            connections: limits::CONNECTIONS,
            connections_per_address: None,
            header_timeout: limits::HEADER_TIMEOUT,
            idle_timeout: limits::LISTENER_IDLE_TIMEOUT,
            send_timeout: limits::SEND_TIMEOUT,
            body: None,
            requests_per_connection: None,
            header_bytes: limits::HEADER_BYTES,
            header_count: limits::HEADER_COUNT,
            uri_length: limits::URI_LENGTH,
            tls_handshake_timeout: limits::TLS_HANDSHAKE_TIMEOUT,
            http2: Http2Limits::default(),
        }
    }
}

/// How fast the body of a request has to come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BodyPace {
    /// How long it is waited for, all waiting together.
    pub timeout: Duration,
    /// How many bytes give back a second of that; never 0.
    pub rate: u64,
}

/// What a listener takes on one connection of HTTP/2.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Http2Limits {
    /// Requests at the same time.
    pub max_concurrent_streams: u32,
    /// Requests that the client took back before the gateway got to them.
    pub max_reset_streams: usize,
    /// What a client may send of one body ahead of its reader, in bytes.
    pub initial_stream_window: u32,
    /// What a client may send of all bodies ahead of their readers, in bytes.
    pub initial_connection_window: u32,
    /// How often a silent connection is asked whether it still lives.
    pub keep_alive_interval: Duration,
    /// Time for the answer to that.
    pub keep_alive_timeout: Duration,
    /// How long a client may take nothing of one response.
    pub stream_send_timeout: Duration,
    /// Size of the headers of a request as HTTP/2 counts it, in bytes.
    pub max_header_list_size: u32,
}

impl Default for Http2Limits {
    fn default() -> Self {
        Self {
            max_concurrent_streams: limits::HTTP2_STREAMS,
            max_reset_streams: limits::HTTP2_RESETS,
            initial_stream_window: limits::HTTP2_STREAM_WINDOW,
            initial_connection_window: limits::HTTP2_CONNECTION_WINDOW,
            keep_alive_interval: limits::HTTP2_PING_INTERVAL,
            keep_alive_timeout: limits::HTTP2_PING_TIMEOUT,
            stream_send_timeout: limits::HTTP2_STREAM_SEND_TIMEOUT,
            max_header_list_size: u32::try_from(limits::HEADER_BYTES).unwrap_or(u32::MAX),
        }
    }
}
