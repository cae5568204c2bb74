//! The future: the response's headers, or 504.

use std::pin::Pin;
use std::task::{Context, Poll};

use axum::body::Body;
use http::Response;
use http_body::Body as _;
use pin_project_lite::pin_project;

use super::body::ResponseBody;
use super::watch::Watch;
use crate::errors::Failure;
use crate::upgrade::{WriteLimit, is_switched};

pin_project! {
    /// The future of [`IdleTimeout`](super::service::IdleTimeout).
    pub(crate) struct IdleTimeoutFuture<F> {
        #[pin]
        inner: F,
        // It goes on into the response's body, so that it cannot be pinned in here.
        watch: Option<Pin<Box<Watch>>>,
    }
}

impl<F> IdleTimeoutFuture<F> {
    pub(super) fn new(inner: F, watch: Watch) -> Self {
        Self {
            inner,
            watch: Some(Box::pin(watch)),
        }
    }
}

impl<F, E> Future for IdleTimeoutFuture<F>
where
    F: Future<Output = Result<Response<Body>, E>>,
{
    type Output = F::Output;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.project();
        if let Poll::Ready(result) = this.inner.poll(cx) {
            return Poll::Ready(result.map(|mut response| match this.watch.take() {
                Some(watch) if !response.body().is_end_stream() => {
                    watch.activity().touch();
                    if is_switched(&response) {
                        let limit = WriteLimit(watch.timeout());
                        response.extensions_mut().insert(limit);
                    }
                    response.map(|body| Body::new(ResponseBody::new(body, watch)))
                }
                _ => response,
            }));
        }
        if let Some(watch) = this.watch
            && watch.as_mut().poll_idle(cx).is_ready()
        {
            return Poll::Ready(Ok(Failure::IdleTimeout.respond(watch.path(), None)));
        }
        Poll::Pending
    }
}
