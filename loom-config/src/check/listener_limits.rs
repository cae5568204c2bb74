//! `listeners[].limits`

use std::ops::RangeInclusive;

use super::Checker;
use crate::limits;
use crate::model::{BodyPace, Http2Limits, ListenerLimits};
use crate::raw::{self, SizeText};
use crate::tree::KeyPath;

pub(super) fn check(
    raw: Option<&raw::ListenerLimits>,
    path: &KeyPath<'_>,
    checker: &mut Checker<'_>,
) -> ListenerLimits {
    let default = ListenerLimits::default();
    let Some(raw) = raw else { return default };
    let header_timeout = {
        let range = &limits::HEADER_TIMEOUT_RANGE;
        let key = path.key("header_timeout");
        checker.duration(raw.header_timeout.as_ref(), range, &key)
    };
    let idle_timeout = {
        let range = &limits::IDLE_TIMEOUT_RANGE;
        let key = path.key("idle_timeout");
        checker.duration(raw.idle_timeout.as_ref(), range, &key)
    };
    let send_timeout = {
        let range = &limits::IDLE_TIMEOUT_RANGE;
        let key = path.key("send_timeout");
        checker.duration(raw.send_timeout.as_ref(), range, &key)
    };
    let body = body_pace(raw, path, checker);
    let header_bytes = {
        let range = &limits::HEADER_BYTES_RANGE;
        let key = path.key("header_bytes");
        let bytes = checker.size(raw.header_bytes.as_ref(), range, &key);
        bytes.unwrap_or(default.header_bytes)
    };
    let tls_handshake_timeout = {
        let range = &limits::TLS_HANDSHAKE_TIMEOUT_RANGE;
        let key = path.key("tls_handshake_timeout");
        checker.duration(raw.tls_handshake_timeout.as_ref(), range, &key)
    };
    let http2 = raw.http2.as_ref();
    ListenerLimits {
        connections: raw.connections.unwrap_or(default.connections),
        connections_per_address: raw.connections_per_address,
        header_timeout: header_timeout.unwrap_or(default.header_timeout),
        idle_timeout: idle_timeout.unwrap_or(default.idle_timeout),
        send_timeout: send_timeout.unwrap_or(default.send_timeout),
        body,
        requests_per_connection: raw.requests_per_connection,
        header_bytes,
        header_count: raw.header_count.unwrap_or(default.header_count),
        uri_length: raw.uri_length.unwrap_or(default.uri_length),
        tls_handshake_timeout: tls_handshake_timeout.unwrap_or(default.tls_handshake_timeout),
        http2: check_http2(http2, header_bytes, &path.key("http2"), checker),
    }
}

fn body_pace(
    raw: &raw::ListenerLimits,
    path: &KeyPath<'_>,
    checker: &mut Checker<'_>,
) -> Option<BodyPace> {
    let rate = {
        let range = &limits::BODY_RATE_RANGE;
        checker.size(raw.body_rate.as_ref(), range, &path.key("body_rate"))
    };
    let range = &limits::IDLE_TIMEOUT_RANGE;
    let written = raw.body_timeout.as_ref();
    let timeout = checker.duration(written, range, &path.key("body_timeout"));
    if raw.body_rate.is_some() && checker.is_empty_of(path, &["body_timeout"]) {
        let message = "without `body_timeout` this would do nothing; add it, or leave this out";
        checker.fault(&path.key("body_rate"), message);
    }
    Some(BodyPace {
        timeout: timeout?,
        rate: rate.unwrap_or(limits::BODY_RATE),
    })
}

fn check_http2(
    raw: Option<&raw::Http2Limits>,
    header_bytes: u64,
    path: &KeyPath<'_>,
    checker: &mut Checker<'_>,
) -> Http2Limits {
    let default = Http2Limits {
        max_header_list_size: u32::try_from(header_bytes).unwrap_or(u32::MAX),
        ..Http2Limits::default()
    };
    let Some(raw) = raw else { return default };
    let interval = {
        let range = &limits::HTTP2_PING_INTERVAL_RANGE;
        let key = path.key("keep_alive_interval");
        checker.duration(raw.keep_alive_interval.as_ref(), range, &key)
    };
    let timeout = {
        let range = &limits::HTTP2_PING_TIMEOUT_RANGE;
        let key = path.key("keep_alive_timeout");
        checker.duration(raw.keep_alive_timeout.as_ref(), range, &key)
    };
    let send_timeout = {
        let range = &limits::IDLE_TIMEOUT_RANGE;
        let key = path.key("stream_send_timeout");
        checker.duration(raw.stream_send_timeout.as_ref(), range, &key)
    };
    let mut size = |written: &Option<SizeText>, range: &RangeInclusive<u64>, key, default| {
        let size = checker.size(written.as_ref(), range, &path.key(key));
        // Beyond that it is a fault.
        size.map_or(default, |size| u32::try_from(size).unwrap_or(u32::MAX))
    };
    let windows = &limits::HTTP2_WINDOW_RANGE;
    Http2Limits {
        max_concurrent_streams: raw
            .max_concurrent_streams
            .unwrap_or(default.max_concurrent_streams),
        max_reset_streams: raw.max_reset_streams.unwrap_or(default.max_reset_streams),
        initial_stream_window: size(
            &raw.initial_stream_window,
            windows,
            "initial_stream_window",
            default.initial_stream_window,
        ),
        initial_connection_window: size(
            &raw.initial_connection_window,
            windows,
            "initial_connection_window",
            default.initial_connection_window,
        ),
        max_header_list_size: size(
            &raw.max_header_list_size,
            &limits::HEADER_BYTES_RANGE,
            "max_header_list_size",
            default.max_header_list_size,
        ),
        keep_alive_interval: interval.unwrap_or(default.keep_alive_interval),
        keep_alive_timeout: timeout.unwrap_or(default.keep_alive_timeout),
        stream_send_timeout: send_timeout.unwrap_or(default.stream_send_timeout),
    }
}
