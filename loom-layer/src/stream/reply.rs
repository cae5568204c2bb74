//! Responses that the host makes itself: a guest's local reply, or a failure.

use std::borrow::Cow;
use std::sync::Arc;

use bytes::Bytes;
use http::header::{CONTENT_LENGTH, CONTENT_TYPE};
use http::{HeaderName, HeaderValue, Method, StatusCode};

use super::head::{RequestHead, ResponseHead};
use super::map::Map;
use super::{Direction, details};
use crate::abi::Status;
use crate::grpc;
use crate::info::{LocalReplyInfo, PluginFailure};

/// A response without an upstream.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct LocalReply {
    status: StatusCode,
    /// A short code of the cause, for logs and for `response.code_details`.
    details: Cow<'static, str>,
    headers: Vec<(HeaderName, HeaderValue)>,
    body: Bytes,
    grpc_status: Option<u8>,
    /// The plugin that answers, or that the answer is about.
    plugin: Option<Arc<str>>,
    failure: Option<PluginFailure>,
}

impl LocalReply {
    /// What `proxy_send_local_response` asks for. Its status has to be a final one, 200 to 599.
    ///
    /// Pseudo-headers and headers that would smuggle another one are left out.
    pub(crate) fn from_guest(
        status: u32,
        details: &[u8],
        body: &[u8],
        headers: &[(&[u8], &[u8])],
        grpc_status: i32,
    ) -> Result<Self, Status> {
        let status = u16::try_from(status)
            .ok()
            .filter(|status| (200..600).contains(status))
            .and_then(|status| StatusCode::from_u16(status).ok())
            .ok_or(Status::BadArgument)?;
        let details = String::from_utf8_lossy(details)
            .split_whitespace()
            .collect::<Vec<_>>()
            .join("_");
        let headers = headers
            .iter()
            .filter_map(|(name, value)| {
                Some((
                    HeaderName::from_bytes(name).ok()?,
                    HeaderValue::from_bytes(value).ok()?,
                ))
            })
            .collect();
        Ok(Self {
            status,
            details: details.into(),
            headers,
            body: Bytes::copy_from_slice(body),
            grpc_status: u8::try_from(grpc_status)
                .ok()
                .filter(|code| *code <= grpc::LAST_CODE),
            plugin: None,
            failure: None,
        })
    }

    /// A failure of the host or of a plugin: no body, as in Envoy; the cause is in the log.
    pub(crate) fn failure(status: StatusCode, details: &'static str) -> Self {
        Self {
            status,
            details: details.into(),
            headers: Vec::new(),
            body: Bytes::new(),
            grpc_status: Some(grpc::UNAVAILABLE),
            plugin: None,
            failure: Some(failure(details)),
        }
    }

    /// A header or trailer whose value a plugin is not to see.
    pub(crate) fn not_utf8(direction: Direction, name: &str) -> Self {
        let (status, of) = match direction {
            Direction::Request => (StatusCode::BAD_REQUEST, "request"),
            Direction::Response => (StatusCode::BAD_GATEWAY, "response"),
        };
        Self {
            status,
            details: details::NOT_UTF8.into(),
            headers: Vec::new(),
            body: format!("the value of `{name}` in the {of} is not UTF-8").into(),
            grpc_status: None,
            plugin: None,
            failure: Some(PluginFailure::NotUtf8),
        }
    }

    /// Names the plugin that answers, or that the answer is about.
    pub(crate) fn by(mut self, plugin: impl Into<Arc<str>>) -> Self {
        self.plugin = Some(plugin.into());
        self
    }

    /// What whoever gets the response may want to know of it.
    pub(super) fn info(&self) -> LocalReplyInfo {
        LocalReplyInfo::new(self.plugin.clone(), self.failure)
    }

    /// The cause in short.
    pub(crate) fn details(&self) -> &Cow<'static, str> {
        &self.details
    }

    /// The response, in the shape that the request asks for: a gRPC request (see [`is_grpc`]) gets a trailers-only gRPC
    /// response.
    pub(crate) fn into_response(
        self,
        request: &RequestHead,
        is_grpc: bool,
    ) -> (ResponseHead, Bytes) {
        if is_grpc {
            return (self.into_grpc(), Bytes::new());
        }
        let mut head = ResponseHead::new(self.status);
        head.version = request.version;
        // These have no body (RFC 9110 sections 15.3.5 and 15.4.5).
        let mut body = match self.status {
            StatusCode::NO_CONTENT | StatusCode::NOT_MODIFIED => Bytes::new(),
            _ => self.body,
        };
        for (name, value) in self.headers {
            head.headers.append(name, value);
        }
        if body.is_empty() {
            head.headers.remove(CONTENT_LENGTH);
            head.headers.remove(CONTENT_TYPE);
        } else {
            head.headers
                .insert(CONTENT_LENGTH, HeaderValue::from(body.len()));
            if !head.headers.contains_key(CONTENT_TYPE) {
                head.headers
                    .insert(CONTENT_TYPE, HeaderValue::from_static("text/plain"));
            }
        }
        // The head is that of the answer to GET.
        if request.method == Some(Method::HEAD) {
            body.clear();
        }
        (head, body)
    }

    fn into_grpc(self) -> ResponseHead {
        let mut head = ResponseHead::new(StatusCode::OK);
        for (name, value) in self.headers {
            head.headers.append(name, value);
        }
        let code = self.grpc_status.unwrap_or_else(|| grpc::code(self.status));
        grpc::answer(&mut head.headers, code, &self.body);
        head
    }
}

fn failure(of: &str) -> PluginFailure {
    match of {
        details::PAUSE_TIMEOUT => PluginFailure::PauseTimeout,
        details::REQUEST_TOO_LARGE => PluginFailure::RequestTooLarge,
        details::RESPONSE_TOO_LARGE => PluginFailure::ResponseTooLarge,
        details::REQUEST_INCOMPLETE | details::RESPONSE_INCOMPLETE => PluginFailure::Incomplete,
        _ => PluginFailure::Failed,
    }
}

/// Whether a request is a gRPC one: its content type is `application/grpc`, with or without a suffix.
pub(super) fn is_grpc(request: Map<'_>) -> bool {
    request
        .fields()
        .known(&CONTENT_TYPE)
        .is_some_and(grpc::is_type)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(request: &RequestHead, reply: LocalReply) -> (ResponseHead, Bytes) {
        reply.into_response(request, is_grpc(Map::request(request)))
    }

    fn plain() -> RequestHead {
        RequestHead::default()
    }

    fn grpc() -> RequestHead {
        let mut head = plain();
        head.headers.insert(
            CONTENT_TYPE,
            HeaderValue::from_static("application/grpc+proto"),
        );
        head
    }

    #[test]
    fn a_body_brings_length_and_type() {
        let reply = LocalReply::from_guest(
            403,
            b"no way",
            b"denied",
            &[(b"content-length", b"99"), (b"X-A", b"1")],
            -1,
        )
        .expect("a reply");
        assert_eq!(*reply.details(), "no_way");
        let (head, body) = of(&plain(), reply);
        assert_eq!(body, "denied");
        assert_eq!(head.status, Some(StatusCode::FORBIDDEN));
        assert_eq!(head.headers["content-length"], "6");
        assert_eq!(head.headers["content-type"], "text/plain");
        assert_eq!(head.headers["x-a"], "1");
    }

    #[test]
    fn no_body_no_length_no_type() {
        let reply = LocalReply::from_guest(
            204,
            b"",
            b"",
            &[(b"content-type", b"a/b"), (b":status", b"500")],
            -1,
        )
        .expect("a reply");
        let (head, body) = of(&plain(), reply);
        assert!(body.is_empty() && head.headers.is_empty());
    }

    #[test]
    fn head_gets_the_head_alone() {
        let head = RequestHead {
            method: Some(Method::HEAD),
            ..plain()
        };
        let reply = LocalReply::from_guest(403, b"", b"denied", &[], -1).expect("a reply");
        let (head, body) = of(&head, reply);
        assert!(body.is_empty());
        assert_eq!(head.headers["content-length"], "6");
    }

    #[test]
    fn a_grpc_request_gets_a_grpc_answer() {
        let reply = LocalReply::from_guest(403, b"", "nö %".as_bytes(), &[], -1).expect("a reply");
        let (head, body) = of(&grpc(), reply);
        assert!(body.is_empty());
        assert_eq!(head.status, Some(StatusCode::OK));
        assert_eq!(head.headers["grpc-status"], "7");
        assert_eq!(head.headers["grpc-message"], "n%C3%B6 %25");
        assert_eq!(head.headers["content-type"], "application/grpc");
        let reply = LocalReply::from_guest(403, b"", b"", &[], 5).expect("a reply");
        assert_eq!(of(&grpc(), reply).0.headers["grpc-status"], "5");
        let own: &[(&[u8], &[u8])] = &[(b"grpc-status", b"9"), (b"content-length", b"6")];
        let reply = LocalReply::from_guest(403, b"", b"", own, 5).expect("a reply");
        let (head, _) = of(&grpc(), reply);
        assert_eq!(head.headers["grpc-status"], "9", "its header says so");
        assert!(!head.headers.contains_key(CONTENT_LENGTH));
    }

    #[test]
    fn a_status_that_is_not_final_is_refused() {
        for status in [0, 100, 199, 600, 1000, u32::MAX] {
            assert_eq!(
                LocalReply::from_guest(status, b"", b"", &[], -1),
                Err(Status::BadArgument)
            );
        }
    }
}
