//! The number of a request.

use std::pin::Pin;
use std::task::{Context, Poll, ready};

use http::header::{Entry, HeaderName, HeaderValue};
use http::{Request, Response};
use pin_project_lite::pin_project;
use tower::{Layer, Service};
use uuid::Builder;
use uuid::fmt::Hyphenated;

/// Where it stands, in the request to the upstream and in the response to the client.
pub(crate) const X_REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// Puts [`RequestId`] around a service.
#[derive(Debug, Clone, Copy)]
pub(crate) struct RequestIdLayer;

impl<S> Layer<S> for RequestIdLayer {
    type Service = RequestId<S>;

    fn layer(&self, inner: S) -> Self::Service {
        RequestId { inner }
    }
}

/// Gives each request a number, and its response the same one unless it has one already.
///
/// tower-http's layers do that too, and put the number among the extensions of both, which nobody reads here: a table of them for
/// each response costs more than all the rest.
#[derive(Debug, Clone)]
pub(crate) struct RequestId<S> {
    inner: S,
}

impl<S, A, B> Service<Request<A>> for RequestId<S>
where
    S: Service<Request<A>, Response = Response<B>>,
{
    type Response = S::Response;
    type Error = S::Error;
    type Future = RequestIdFuture<S::Future>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, mut request: Request<A>) -> Self::Future {
        let id = random();
        // A client's own number could be anybody's: it gives way.
        request.headers_mut().insert(X_REQUEST_ID, id.clone());
        RequestIdFuture {
            inner: self.inner.call(request),
            id: Some(id),
        }
    }
}

pin_project! {
    /// The future of [`RequestId`].
    pub(crate) struct RequestIdFuture<F> {
        #[pin]
        inner: F,
        id: Option<HeaderValue>,
    }
}

impl<F, B, E> Future for RequestIdFuture<F>
where
    F: Future<Output = Result<Response<B>, E>>,
{
    type Output = F::Output;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.project();
        let mut response = ready!(this.inner.poll(cx))?;
        if let Entry::Vacant(place) = response.headers_mut().entry(X_REQUEST_ID)
            && let Some(id) = this.id.take()
        {
            place.insert(id);
        }
        Poll::Ready(Ok(response))
    }
}

/// A random UUID. It tells requests apart and keeps no secret, so that a fast generator is enough.
fn random() -> HeaderValue {
    let id = Builder::from_random_bytes(fastrand::u128(..).to_ne_bytes()).into_uuid();
    let mut text = [0; Hyphenated::LENGTH];
    let text = id.hyphenated().encode_lower(&mut text);
    HeaderValue::from_str(text).expect("digits and hyphens may stand in a header")
}
