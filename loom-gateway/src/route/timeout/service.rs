//! The layer and its service.

use std::task::{Context, Poll};
use std::time::Duration;

use axum::body::Body;
use http::{Request, Response};
use http_body::Body as _;
use tower::{Layer, Service};

use super::body::RequestEnd;
use super::change::TimeoutChange;
use super::clock::Clock;
use super::future::RouteTimeoutFuture;
use crate::upgrade::Asked;

/// Puts [`RouteTimeout`] around a service.
#[derive(Debug, Clone, Copy)]
pub(in crate::route) struct RouteTimeoutLayer {
    timeout: Option<Duration>,
    can_change: bool,
}

impl RouteTimeoutLayer {
    /// A limit of `timeout` from the end of the request to the end of the response. With `can_change` the inside of the
    /// route may set another one, by the [`TimeoutChange`] that it finds at the request. `None`: there is nothing to limit.
    pub(in crate::route) fn new(timeout: Option<Duration>, can_change: bool) -> Option<Self> {
        (timeout.is_some() || can_change).then_some(Self {
            timeout,
            can_change,
        })
    }
}

impl<S> Layer<S> for RouteTimeoutLayer {
    type Service = RouteTimeout<S>;

    fn layer(&self, inner: S) -> Self::Service {
        RouteTimeout {
            inner,
            limit: *self,
        }
    }
}

/// Limits the time of the inner service's response.
#[derive(Debug, Clone)]
pub(in crate::route) struct RouteTimeout<S> {
    inner: S,
    limit: RouteTimeoutLayer,
}

impl<S> Service<Request<Body>> for RouteTimeout<S>
where
    S: Service<Request<Body>, Response = Response<Body>>,
{
    type Response = S::Response;
    type Error = S::Error;
    type Future = RouteTimeoutFuture<S::Future>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, mut request: Request<Body>) -> Self::Future {
        let uri = request.uri().clone();
        let RouteTimeoutLayer {
            timeout,
            can_change,
        } = self.limit;
        let change = can_change.then(TimeoutChange::default);
        if let Some(change) = &change {
            request.extensions_mut().insert(change.clone());
        }
        // What follows an upgrade is no part of the request.
        if request.body().is_end_stream() || request.extensions().get::<Asked>().is_some() {
            let clock = Clock::started(uri, timeout, change);
            return RouteTimeoutFuture::new(self.inner.call(request), clock);
        }
        let (ended, clock) = Clock::waiting(uri, timeout, change);
        let request = request.map(|body| Body::new(RequestEnd::new(body, ended)));
        RouteTimeoutFuture::new(self.inner.call(request), clock)
    }
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;
    use std::future::pending;

    use http_body_util::{BodyExt, channel::Channel};
    use tower::{ServiceExt, service_fn};

    use super::*;

    const LIMIT: Duration = Duration::from_secs(5);

    fn limit() -> RouteTimeoutLayer {
        RouteTimeoutLayer::new(Some(LIMIT), false).expect("a limit")
    }

    fn silent() -> impl Service<Request<Body>, Response = Response<Body>, Error = Infallible> {
        limit().layer(service_fn(|request: Request<Body>| async {
            let _ = request.into_body().collect().await;
            pending::<Result<Response<Body>, Infallible>>().await
        }))
    }

    #[tokio::test(start_paused = true)]
    async fn no_answer_is_504() {
        let response = silent()
            .oneshot(Request::new(Body::empty()))
            .await
            .expect("infallible");
        assert_eq!(response.status(), 504);
    }

    #[tokio::test(start_paused = true)]
    async fn the_time_starts_when_the_request_has_ended() {
        let started = tokio::time::Instant::now();
        let (mut sender, body) = Channel::<_, Infallible>::new(1);
        let upload = async move {
            tokio::time::sleep(3 * LIMIT).await;
            sender.send_data("end".into()).await.expect("a reader");
        };
        let (response, ()) = tokio::join!(silent().oneshot(Request::new(Body::new(body))), upload);
        assert_eq!(response.expect("infallible").status(), 504);
        assert_eq!(
            started.elapsed(),
            4 * LIMIT,
            "three of the client's, one of the upstream's"
        );
    }

    /// The body of a response that begins and does not end.
    async fn endless(content_type: &'static str) -> Body {
        let endless = service_fn(move |_: Request<Body>| async move {
            let (sender, body) = Channel::<bytes::Bytes, Infallible>::new(1);
            tokio::spawn(async move {
                let _keep = sender;
                pending::<()>().await;
            });
            let response = Response::builder().header("content-type", content_type);
            Ok::<_, Infallible>(response.body(Body::new(body)).expect("a response"))
        });
        let response = limit()
            .layer(endless)
            .oneshot(Request::new(Body::empty()))
            .await;
        response.expect("infallible").into_body()
    }

    #[tokio::test(start_paused = true)]
    async fn a_response_that_goes_on_too_long_is_cut() {
        assert!(endless("text/plain").await.collect().await.is_err());
    }

    #[tokio::test(start_paused = true)]
    async fn events_may_go_on() {
        for content_type in ["text/event-stream", "text/event-stream; charset=utf-8"] {
            let events = endless(content_type).await.collect();
            let waited = tokio::time::timeout(100 * LIMIT, events).await;
            assert!(waited.is_err(), "nothing ends it");
        }
    }

    /// A service that sets another time when it is called, after a wait, and never answers.
    fn changing(
        to: Option<Duration>,
    ) -> impl Service<Request<Body>, Response = Response<Body>, Error = Infallible> {
        let limit = RouteTimeoutLayer::new(Some(LIMIT), true).expect("a limit");
        limit.layer(service_fn(move |request: Request<Body>| async move {
            tokio::time::sleep(LIMIT / 2).await;
            request
                .extensions()
                .get::<TimeoutChange>()
                .expect("it can change")
                .set(to);
            pending::<Result<Response<Body>, Infallible>>().await
        }))
    }

    #[tokio::test(start_paused = true)]
    async fn another_time_counts_from_where_the_old_one_did() {
        for (to, wanted) in [(3 * LIMIT, 3 * LIMIT), (LIMIT / 4, LIMIT / 2)] {
            let started = tokio::time::Instant::now();
            let response = changing(Some(to))
                .oneshot(Request::new(Body::empty()))
                .await;
            assert_eq!(response.expect("infallible").status(), 504);
            let elapsed = started.elapsed();
            assert!(
                elapsed >= wanted && elapsed < wanted + LIMIT / 4,
                "{elapsed:?}"
            );
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_time_can_be_taken_away() {
        let answer = changing(None).oneshot(Request::new(Body::empty()));
        let waited = tokio::time::timeout(100 * LIMIT, answer).await;
        assert!(waited.is_err(), "nothing ends it");
    }
}
