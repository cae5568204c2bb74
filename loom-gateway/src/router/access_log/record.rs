//! What a line of the access log can tell of one request.

use std::fmt::Write as _;
use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use axum::body::Body;
use http::header::USER_AGENT;
use http::{HeaderValue, Request, Response};
use humantime::format_rfc3339_millis;
use loom_config::model::AccessField;
use loom_layer::{LocalReplyInfo, RouteInfo, UpstreamInfo};

use super::entry::Entry;
use super::line::Line;
use super::sink::Sink;
use crate::errors::Cause;
use crate::router::{X_REQUEST_ID, client_address, host};

/// See the module's text.
pub(super) struct Record {
    sink: Arc<Sink>,
    began: SystemTime,
    host: Option<String>,
    id: Option<HeaderValue>,
    client: Option<IpAddr>,
    user_agent: Option<HeaderValue>,
    traceparent: Option<HeaderValue>,
    received: Arc<AtomicU64>,
    route: Option<RouteInfo>,
    upstream: Option<UpstreamInfo>,
    local_reply: Option<LocalReplyInfo>,
    cause: Option<Cause>,
}

impl Record {
    pub(super) fn new<B>(sink: &Arc<Sink>, request: &Request<B>) -> Self {
        let (headers, extensions) = (request.headers(), request.extensions());
        Self {
            sink: Arc::clone(sink),
            began: SystemTime::now(),
            host: host::authority(request.uri(), headers).map(str::to_owned),
            id: headers.get(X_REQUEST_ID).cloned(),
            client: client_address(extensions),
            user_agent: headers.get(USER_AGENT).cloned(),
            traceparent: headers.get("traceparent").cloned(),
            received: Arc::default(),
            route: None,
            upstream: None,
            local_reply: None,
            cause: None,
        }
    }

    /// Counts what the client sends, when the line tells it.
    pub(super) fn count(&self, request: Request<Body>) -> Request<Body> {
        let counts = self.sink.config().fields.contains(&AccessField::BytesIn);
        if !counts || http_body::Body::is_end_stream(request.body()) {
            return request;
        }
        let received = Arc::clone(&self.received);
        request.map(|body| {
            Body::new(http_body_util::BodyExt::map_frame(body, move |frame| {
                let length = frame.data_ref().map_or(0, bytes::Bytes::len);
                received.fetch_add(length as u64, Ordering::Relaxed);
                frame
            }))
        })
    }

    pub(super) fn answered<B>(&mut self, response: &Response<B>) {
        let extensions = response.extensions();
        self.route = extensions.get().cloned();
        self.upstream = extensions.get().cloned();
        self.local_reply = extensions.get().cloned();
        self.cause = Cause::of(response);
    }

    /// Writes the line.
    pub(super) fn write(&self, entry: &Entry, took: Duration) {
        let config = self.sink.config();
        let mut line = Line::new(config.format);
        for &field in &config.fields {
            self.field(field, entry, took, &mut line);
        }
        self.sink.write(line.finish());
    }

    fn field(&self, field: AccessField, entry: &Entry, took: Duration, line: &mut Line) {
        let name = field.name();
        let mut text = |value: Option<&str>| {
            if let Some(value) = value {
                line.text(name, value);
            }
        };
        match field {
            AccessField::Time => text(Some(&shown_time(self.began))),
            AccessField::Method => text(Some(entry.method().as_str())),
            AccessField::Host => text(self.host.as_deref()),
            AccessField::Path => text(Some(entry.uri().path())),
            AccessField::Query => text(entry.uri().query()),
            AccessField::Route => text(self.route.as_ref().map(RouteInfo::route_name)),
            AccessField::Upstream => {
                text(self.route.as_ref().and_then(RouteInfo::upstream_name));
            }
            AccessField::Plugin => {
                text(self.local_reply.as_ref().and_then(LocalReplyInfo::plugin));
            }
            AccessField::Error => text(self.cause.map(Cause::code)),
            AccessField::RequestId => text(shown(self.id.as_ref()).as_deref()),
            AccessField::UserAgent => text(shown(self.user_agent.as_ref()).as_deref()),
            AccessField::TraceId => {
                let traceparent = shown(self.traceparent.as_ref());
                text(traceparent.as_deref().and_then(|all| all.split('-').nth(1)));
            }
            AccessField::Endpoint => {
                if let Some(address) = self.upstream.as_ref().and_then(UpstreamInfo::remote) {
                    line.text(name, &address.to_string());
                }
            }
            AccessField::Client => {
                if let Some(client) = self.client {
                    line.text(name, &client.to_string());
                }
            }
            AccessField::Status => {
                if let Some(status) = entry.status() {
                    line.bare(name, status.as_u16());
                }
            }
            AccessField::Attempts => {
                if let Some(upstream) = &self.upstream {
                    line.bare(name, upstream.attempt_count());
                }
            }
            AccessField::DurationMs => {
                line.bare(name, format_args!("{:.3}", took.as_secs_f64() * 1e3));
            }
            AccessField::BytesIn => line.bare(name, self.received.load(Ordering::Relaxed)),
            AccessField::BytesOut => line.bare(name, entry.bytes()),
            AccessField::Complete => line.bare(name, entry.is_complete()),
        }
    }
}

/// RFC 3339 in UTC, with milliseconds; empty when the system's clock is out of all bounds.
fn shown_time(time: SystemTime) -> String {
    let mut text = String::new();
    let _ = write!(text, "{}", format_rfc3339_millis(time.max(UNIX_EPOCH)));
    text
}

/// What a client sent may be anything.
fn shown(value: Option<&HeaderValue>) -> Option<std::borrow::Cow<'_, str>> {
    value.map(|value| String::from_utf8_lossy(value.as_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_clock_is_a_panic() {
        let shown = |seconds| shown_time(UNIX_EPOCH + Duration::from_secs(seconds));
        assert_eq!(shown(951_782_400), "2000-02-29T00:00:00.000Z");
        assert_eq!(shown(1_000_000_000_000), "");
        let before = UNIX_EPOCH - Duration::from_secs(1);
        assert_eq!(shown_time(before), "1970-01-01T00:00:00.000Z");
    }
}
