//! A client's body, to its end.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::Bytes;
use http::header::EXPECT;
use http::{Request, Version};
use http_body::{Body, Frame, SizeHint};
use http_body_util::BodyExt;
use hyper::body::Incoming;
use tokio::runtime::Handle;
use tokio::time::timeout;

use super::activity::{Activity, Busy};
use crate::limits;
use crate::router::clean_trailers;

/// A client's body, whose trailers say nothing that only its head may say.
///
/// A request may be answered before its body was read: it is refused, or the upstream has seen enough. With HTTP/1 the rest is
/// then read all the same and thrown away, up to a limit. Otherwise the connection would have to be closed while something
/// comes; the system resets it then, and the client may lose the answer with that (RFC 9112, 9.6).
#[derive(Debug)]
pub(super) struct ClientBody {
    /// There until it is dropped.
    body: Option<Incoming>,
    rest: Rest,
}

/// What becomes of the part that nobody reads.
#[derive(Debug)]
enum Rest {
    /// HTTP/2 ends the stream, and the connection goes on.
    Ends,
    /// The client sends nothing before it is told to go on. Once the body was read, it has been.
    Waits(Arc<Activity>),
    /// It is on its way.
    Comes(Arc<Activity>),
}

impl ClientBody {
    /// The body of a request.
    pub(super) fn of(
        request: Request<Incoming>,
        activity: &Arc<Activity>,
    ) -> Request<axum::body::Body> {
        let http1 = request.version() <= Version::HTTP_11;
        let (parts, body) = request.into_parts();
        // Most requests have no body, and a body that is empty needs no box.
        let body = if body.is_end_stream() {
            axum::body::Body::empty()
        } else {
            axum::body::Body::new(Self {
                body: Some(body),
                rest: match http1 {
                    false => Rest::Ends,
                    true if parts.headers.contains_key(EXPECT) => Rest::Waits(Arc::clone(activity)),
                    true => Rest::Comes(Arc::clone(activity)),
                },
            })
        };
        Request::from_parts(parts, body)
    }
}

impl Body for ClientBody {
    type Data = Bytes;
    type Error = hyper::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, hyper::Error>>> {
        let this = &mut *self;
        if let Rest::Waits(activity) = &this.rest {
            this.rest = Rest::Comes(Arc::clone(activity));
        }
        let Some(body) = &mut this.body else {
            return Poll::Ready(None);
        };
        let mut poll = Pin::new(body).poll_frame(cx);
        if let Poll::Ready(Some(Ok(frame))) = &mut poll
            && let Some(trailers) = frame.trailers_mut()
        {
            clean_trailers(trailers);
        }
        poll
    }

    fn is_end_stream(&self) -> bool {
        self.body.as_ref().is_none_or(Body::is_end_stream)
    }

    fn size_hint(&self) -> SizeHint {
        self.body.as_ref().map(Body::size_hint).unwrap_or_default()
    }
}

impl Drop for ClientBody {
    fn drop(&mut self) {
        if let (Some(body), Rest::Comes(activity)) = (self.body.take(), &self.rest)
            && !body.is_end_stream()
            && let Ok(runtime) = Handle::try_current()
        {
            runtime.spawn(throw_away(body, activity.keep_busy()));
        }
    }
}

/// Reads the rest of a body, for the connection to go on after it. When there is too much of it, the connection will end.
async fn throw_away(mut body: Incoming, connection: Busy) {
    let reads = async {
        let mut left = limits::UNREAD_BODY;
        while let Some(frame) = body.frame().await {
            let length = frame.ok()?.data_ref().map_or(0, Bytes::len);
            left = left.checked_sub(length)?;
        }
        Some(())
    };
    if !matches!(timeout(limits::UNREAD_TIME, reads).await, Ok(Some(()))) {
        // Before the body is dropped, by which hyper learns that it has to close.
        connection.leaves_unread();
    }
}
