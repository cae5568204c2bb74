//! The future: the response, or 413.

use std::pin::Pin;
use std::task::{Context, Poll};

use axum::body::Body;
use http::{Response, Uri};
use pin_project_lite::pin_project;
use tokio::sync::oneshot;

use crate::errors::Failure;

pin_project! {
    /// The future of [`BodyLimit`](super::service::BodyLimit).
    pub(crate) struct BodyLimitFuture<F> {
        #[pin]
        inner: F,
        // As long as the body may still turn out to be too large.
        watch: Option<(oneshot::Receiver<()>, Uri)>,
    }
}

impl<F> BodyLimitFuture<F> {
    /// The response of a request that has no body to be watched.
    pub(super) fn new(inner: F) -> Self {
        Self { inner, watch: None }
    }

    pub(super) fn watching(inner: F, beyond: oneshot::Receiver<()>, request_uri: Uri) -> Self {
        Self {
            inner,
            watch: Some((beyond, request_uri)),
        }
    }
}

impl<F, E> Future for BodyLimitFuture<F>
where
    F: Future<Output = Result<Response<Body>, E>>,
{
    type Output = F::Output;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.project();
        let answer = this.inner.poll(cx);
        // Asked behind the service, which may just have read the body: what it makes of a body that breaks off is not the
        // reason for it.
        if let Some((beyond, uri)) = this.watch {
            match Pin::new(beyond).poll(cx) {
                Poll::Ready(Ok(())) => {
                    let response = Failure::RequestTooLarge.respond(uri.path(), None);
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
