//! Turns a panic into a 500, so that one request's bug is not the end of its connection, and with HTTP/2 of its
//! neighbours.
//!
//! tower-http's layer does the same and boxes every response body for it; here a body passes as it is.

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::task::{Context, Poll};

use axum::body::Body;
use http::{Request, Response};
use pin_project_lite::pin_project;
use tower::{Layer, Service};

use crate::errors::Failure;

/// Puts [`CatchPanic`] around a service.
#[derive(Debug, Clone, Copy)]
pub(crate) struct CatchPanicLayer;

impl<S> Layer<S> for CatchPanicLayer {
    type Service = CatchPanic<S>;

    fn layer(&self, inner: S) -> Self::Service {
        CatchPanic { inner }
    }
}

/// Answers 500 when the inner service panics.
#[derive(Debug, Clone)]
pub(crate) struct CatchPanic<S> {
    inner: S,
}

impl<S, B> Service<Request<B>> for CatchPanic<S>
where
    S: Service<Request<B>, Response = Response<Body>>,
{
    type Response = S::Response;
    type Error = S::Error;
    type Future = CatchPanicFuture<S::Future>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        match catch_unwind(AssertUnwindSafe(|| self.inner.call(request))) {
            Ok(future) => CatchPanicFuture::Running { future },
            Err(panic) => CatchPanicFuture::Panicked {
                text: text(&*panic),
            },
        }
    }
}

pin_project! {
    /// The future of [`CatchPanic`].
    #[project = State]
    pub(crate) enum CatchPanicFuture<F> {
        Running { #[pin] future: F },
        Panicked { text: String },
    }
}

impl<F, E> Future for CatchPanicFuture<F>
where
    F: Future<Output = Result<Response<Body>, E>>,
{
    type Output = F::Output;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        match self.project() {
            // A future that panicked is not polled again: this one is over then.
            State::Running { future } => match catch_unwind(AssertUnwindSafe(|| future.poll(cx))) {
                Ok(poll) => poll,
                Err(panic) => Poll::Ready(Ok(Failure::Panic.respond(&text(&*panic), None))),
            },
            State::Panicked { text } => Poll::Ready(Ok(Failure::Panic.respond(text, None))),
        }
    }
}

fn text(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().copied();
    text.or_else(|| panic.downcast_ref::<String>().map(String::as_str))
        .unwrap_or("a panic without a text")
        .to_owned()
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;
    use std::future::poll_fn;

    use tower::{ServiceExt, service_fn};

    use super::*;

    async fn status<F>(inner: impl Fn(Request<()>) -> F) -> u16
    where
        F: Future<Output = Result<Response<Body>, Infallible>>,
    {
        let response = CatchPanicLayer
            .layer(service_fn(inner))
            .oneshot(Request::new(()))
            .await;
        response
            .unwrap_or_else(|never| match never {})
            .status()
            .as_u16()
    }

    #[tokio::test]
    async fn a_panic_in_the_call_and_one_in_the_future_are_answered() {
        assert_eq!(
            status(|_| -> std::future::Ready<_> { panic!("in call") }).await,
            500
        );
        assert_eq!(
            status(|_| poll_fn(|_| -> Poll<_> { panic!("in {}", "poll") })).await,
            500
        );
        assert_eq!(
            status(|_| async { Ok(Response::new(Body::empty())) }).await,
            200
        );
    }
}
