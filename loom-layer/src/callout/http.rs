//! An HTTP call: what a plugin asks for, and how it ends.

use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http::header::{CONTENT_LENGTH, CONTENT_TYPE, HOST};
use http::{HeaderMap, HeaderName, HeaderValue, Method, Request, Response, StatusCode, Uri};
use http_body_util::{BodyExt, Empty, Full};
use tokio::time::Instant;

use super::{CallEvent, CalloutBody, Upstream};
use crate::abi::Status;
use crate::abi::pairs::Pair;
use crate::limits;
use crate::stream::ResponseHead;

/// Envoy's text for a call that failed before its response; the cause, which it adds, is in the log.
pub(super) const NO_RESPONSE: &str = "upstream connect error or disconnect/reset before headers";

/// Envoy's text for a call that took too long.
pub(super) const TIMEOUT: &str = "upstream request timeout";

/// What `proxy_http_call` asks for.
#[derive(Debug)]
pub(crate) struct HttpRequest {
    method: Method,
    path: Uri,
    headers: HeaderMap,
    body: Bytes,
    trailers: HeaderMap,
}

impl HttpRequest {
    /// A request of these headers, which have to name `:method`, `:path` and `:authority` (or `host`), in lower case.
    pub(crate) fn new(headers: &[Pair<'_>], trailers: &[Pair<'_>]) -> Result<Self, Status> {
        let (mut method, mut path, mut host) = (None, None, None);
        let mut map = HeaderMap::new();
        for &(name, value) in headers {
            match name {
                b":method" => {
                    method = Some(Method::from_bytes(value).map_err(|_| Status::BadArgument)?);
                }
                b":path" => path = Some(Uri::try_from(value).map_err(|_| Status::BadArgument)?),
                b":authority" => {
                    host = Some(HeaderValue::from_bytes(value).map_err(|_| Status::BadArgument)?);
                }
                // The upstream says how it is reached, and the body where it ends.
                b":scheme" | b"content-length" | b"transfer-encoding" => {}
                _ => append(&mut map, name, value)?,
            }
        }
        if let Some(host) = host {
            map.insert(HOST, host);
        }
        let (Some(method), Some(path), true) = (method, path, map.contains_key(HOST)) else {
            return Err(Status::BadArgument);
        };
        let mut trailer_map = HeaderMap::new();
        for &(name, value) in trailers {
            append(&mut trailer_map, name, value)?;
        }
        Ok(Self {
            method,
            path,
            headers: map,
            body: Bytes::new(),
            trailers: trailer_map,
        })
    }

    /// Its headers.
    pub(crate) fn headers_mut(&mut self) -> &mut HeaderMap {
        &mut self.headers
    }

    /// The request with this body.
    pub(crate) fn with_body(mut self, body: Bytes) -> Self {
        if !body.is_empty() {
            self.headers.insert(CONTENT_LENGTH, body.len().into());
        }
        self.body = body;
        self
    }

    fn into_request(self) -> Request<CalloutBody> {
        let body = if self.body.is_empty() && self.trailers.is_empty() {
            Empty::new().map_err(|never| match never {}).boxed_unsync()
        } else {
            let trailers = (!self.trailers.is_empty()).then_some(Ok(self.trailers));
            Full::new(self.body)
                .with_trailers(std::future::ready(trailers))
                .map_err(|never: std::convert::Infallible| match never {})
                .boxed_unsync()
        };
        let mut request = Request::new(body);
        *request.method_mut() = self.method;
        *request.uri_mut() = self.path;
        *request.headers_mut() = self.headers;
        request
    }
}

/// Adds an entry of a guest; one that would smuggle another one is refused.
pub(super) fn append(map: &mut HeaderMap, name: &[u8], value: &[u8]) -> Result<(), Status> {
    let name = HeaderName::from_bytes(name).map_err(|_| Status::BadArgument)?;
    let value = HeaderValue::from_bytes(value).map_err(|_| Status::BadArgument)?;
    map.try_append(name, value)
        .map_err(|_| Status::BadArgument)?;
    Ok(())
}

/// A call that was not made yet.
pub(crate) struct HttpCall {
    pub(crate) upstream: Upstream,
    pub(crate) request: HttpRequest,
    pub(crate) timeout: Duration,
}

impl HttpCall {
    /// Makes the call and waits for its end.
    pub(super) async fn answer(self) -> CallEvent {
        // Beyond what the clock can show, there is no deadline.
        let deadline = Instant::now().checked_add(self.timeout);
        let request = self.request.into_request();
        let response = match within(deadline, self.upstream.send(request)).await {
            Some(Some(response)) => response,
            Some(None) => return stand_in(StatusCode::SERVICE_UNAVAILABLE, NO_RESPONSE),
            None => return stand_in(StatusCode::GATEWAY_TIMEOUT, TIMEOUT),
        };
        let collected = within(deadline, collect(response, self.upstream.name())).await;
        collected.unwrap_or(CallEvent::Reset)
    }
}

/// `None`: the time was up before.
pub(super) async fn within<T>(
    deadline: Option<Instant>,
    future: impl Future<Output = T>,
) -> Option<T> {
    match deadline {
        Some(deadline) => tokio::time::timeout_at(deadline, future).await.ok(),
        None => Some(future.await),
    }
}

async fn collect(response: Response<CalloutBody>, upstream: &str) -> CallEvent {
    let (parts, mut stream) = response.into_parts();
    let mut body = BytesMut::new();
    let mut trailers = HeaderMap::new();
    while let Some(frame) = stream.frame().await {
        match frame.map(http_body::Frame::into_data) {
            Ok(Ok(data)) if body.len() + data.len() <= limits::CALL_RESPONSE_BYTES => {
                body.extend_from_slice(&data);
            }
            Ok(Ok(_)) => {
                let limit = limits::CALL_RESPONSE_BYTES;
                tracing::warn!(target: "loom::callout", upstream, limit, "a callout's response is too large");
                return CallEvent::Reset;
            }
            Ok(Err(frame)) => trailers = frame.into_trailers().unwrap_or_default(),
            Err(error) => {
                tracing::debug!(target: "loom::callout", upstream, %error, "a callout's response broke off");
                return CallEvent::Reset;
            }
        }
    }
    CallEvent::Response {
        head: ResponseHead {
            status: Some(parts.status),
            version: parts.version,
            headers: parts.headers,
            framing: None,
        },
        body: body.freeze(),
        trailers,
    }
}

/// The response that stands for a failure before there was one: what Envoy's client makes of it.
fn stand_in(status: StatusCode, text: &'static str) -> CallEvent {
    let mut head = ResponseHead::new(status);
    head.headers.insert(CONTENT_LENGTH, text.len().into());
    head.headers
        .insert(CONTENT_TYPE, HeaderValue::from_static("text/plain"));
    CallEvent::Response {
        head,
        body: Bytes::from_static(text.as_bytes()),
        trailers: HeaderMap::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_request_needs() {
        let whole: [Pair<'_>; 4] = [
            (b":method", b"POST"),
            (b":path", b"/a?b"),
            (b":authority", b"auth.internal"),
            (b"X-A", b"1"),
        ];
        let request = HttpRequest::new(&whole, &[])
            .expect("a request")
            .with_body(Bytes::from_static(b"body"))
            .into_request();
        assert_eq!(request.uri(), "/a?b");
        assert_eq!(request.headers()["host"], "auth.internal");
        assert_eq!(request.headers()["content-length"], "4");
        assert_eq!(request.headers()["x-a"], "1");
        for missing in 0..3 {
            let mut part = whole.to_vec();
            part.remove(missing);
            assert_eq!(
                HttpRequest::new(&part, &[]).err(),
                Some(Status::BadArgument)
            );
        }
        let smuggled: Pair<'_> = (b"x", b"a\r\nb: c");
        let mut bad = whole.to_vec();
        bad.push(smuggled);
        assert_eq!(HttpRequest::new(&bad, &[]).err(), Some(Status::BadArgument));
        assert_eq!(
            HttpRequest::new(&whole, &[smuggled]).err(),
            Some(Status::BadArgument)
        );
    }
}
