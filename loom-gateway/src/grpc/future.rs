//! The future of a call, and the future of whatever a client sends.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use axum::body::Body;
use http::{Response, Uri};
use http_body::Body as _;
use pin_project_lite::pin_project;
use tokio::time::Sleep;

use super::answer::{can_end_early, shape};
use super::body::CallBody;
use crate::errors::Failure;
use crate::metrics::Connections;

pin_project! {
    /// The future of [`Grpc`](super::service::Grpc).
    #[project = Kind]
    pub(crate) enum GrpcFuture<F> {
        /// A request of another kind.
        Other { #[pin] inner: F },
        // Few requests are calls: the others have no room for one.
        Call { call: Pin<Box<Call<F>>> },
    }
}

impl<F, E> Future for GrpcFuture<F>
where
    F: Future<Output = Result<Response<Body>, E>>,
{
    type Output = F::Output;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        match self.project() {
            Kind::Other { inner } => inner.poll(cx),
            Kind::Call { call } => call.as_mut().poll(cx),
        }
    }
}

pin_project! {
    /// A call of gRPC.
    pub(crate) struct Call<F> {
        #[pin]
        inner: F,
        uri: Uri,
        // It goes on into the response's body, so that it cannot be pinned in here.
        deadline: Option<Pin<Box<Sleep>>>,
        counters: Option<Arc<Connections>>,
    }
}

impl<F> Call<F> {
    /// A call that has to end before `deadline` does, if there is one. `uri` is what it is for.
    pub(super) fn new(
        inner: F,
        uri: Uri,
        deadline: Option<Pin<Box<Sleep>>>,
        counters: Option<Arc<Connections>>,
    ) -> Self {
        Self {
            inner,
            uri,
            deadline,
            counters,
        }
    }
}

impl<F, E> Future for Call<F>
where
    F: Future<Output = Result<Response<Body>, E>>,
{
    type Output = F::Output;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.project();
        if let Some(deadline) = this.deadline
            && deadline.as_mut().poll(cx).is_ready()
        {
            let late = Failure::GrpcDeadline.respond(this.uri.path(), None);
            return Poll::Ready(Ok(shape(late)));
        }
        let response = shape(ready!(this.inner.poll(cx))?);
        if response.body().is_end_stream() {
            return Poll::Ready(Ok(response));
        }
        let with_trailers = can_end_early(&response);
        let (deadline, counters) = (this.deadline.take(), this.counters.take());
        let body = |body| Body::new(CallBody::new(body, deadline, with_trailers, counters));
        Poll::Ready(Ok(response.map(body)))
    }
}
