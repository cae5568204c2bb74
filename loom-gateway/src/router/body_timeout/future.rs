//! The future: the response, or 408.

use std::pin::Pin;
use std::task::{Context, Poll};

use axum::body::Body;
use http::header::{CONNECTION, HeaderValue};
use http::{Response, Uri};
use pin_project_lite::pin_project;
use tokio::sync::oneshot;

use crate::errors::Failure;

pin_project! {
    /// The future of [`BodyTimeout`](super::service::BodyTimeout).
    pub(crate) struct BodyTimeoutFuture<F> {
        #[pin]
        inner: F,
        // As long as the body may still turn out to be too slow. In a box, for the requests that have none.
        watch: Option<Box<Watch>>,
    }
}

/// What tells that a body is late.
pub(super) struct Watch {
    pub(super) late: oneshot::Receiver<()>,
    pub(super) request_uri: Uri,
    /// Whether the connection is one of HTTP/1, which ends with a body that is not complete.
    pub(super) is_http1: bool,
}

impl<F> BodyTimeoutFuture<F> {
    pub(super) fn new(inner: F, watch: Option<Box<Watch>>) -> Self {
        Self { inner, watch }
    }
}

impl<F, E> Future for BodyTimeoutFuture<F>
where
    F: Future<Output = Result<Response<Body>, E>>,
{
    type Output = F::Output;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.project();
        let answer = this.inner.poll(cx);
        // Asked behind the service, which may just have read the body: what it makes of a body that breaks off is not the
        // reason for it.
        if let Some(watch) = this.watch {
            match Pin::new(&mut watch.late).poll(cx) {
                Poll::Ready(Ok(())) => {
                    let response = too_slow(watch);
                    *this.watch = None;
                    return Poll::Ready(Ok(response));
                }
                // It was read to its end, or given up.
                Poll::Ready(Err(_)) => *this.watch = None,
                Poll::Pending => {}
            }
        }
        answer
    }
}

fn too_slow(watch: &Watch) -> Response<Body> {
    let mut response = Failure::BodyTimeout.respond(watch.request_uri.path(), None);
    if watch.is_http1 {
        let close = HeaderValue::from_static("close");
        response.headers_mut().insert(CONNECTION, close);
    }
    response
}
