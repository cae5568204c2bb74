//! The layer and its service.

use std::task::{Context, Poll};
use std::time::Duration;

use axum::body::Body;
use http::{Request, Response};
use http_body::Body as _;
use tower::{Layer, Service};

use super::body::RequestBody;
use super::future::IdleTimeoutFuture;
use super::watch::{Activity, Watch};

/// Puts [`IdleTimeout`] around a service.
#[derive(Debug, Clone, Copy)]
pub(in crate::route) struct IdleTimeoutLayer {
    timeout: Duration,
}

impl IdleTimeoutLayer {
    /// Silence of this length ends an exchange.
    pub(in crate::route) fn new(timeout: Duration) -> Self {
        Self { timeout }
    }
}

impl<S> Layer<S> for IdleTimeoutLayer {
    type Service = IdleTimeout<S>;

    fn layer(&self, inner: S) -> Self::Service {
        IdleTimeout {
            inner,
            timeout: self.timeout,
        }
    }
}

/// Ends exchanges of the inner service in which nothing passes.
#[derive(Debug, Clone)]
pub(in crate::route) struct IdleTimeout<S> {
    inner: S,
    timeout: Duration,
}

impl<S> Service<Request<Body>> for IdleTimeout<S>
where
    S: Service<Request<Body>, Response = Response<Body>>,
{
    type Response = S::Response;
    type Error = S::Error;
    type Future = IdleTimeoutFuture<S::Future>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, mut request: Request<Body>) -> Self::Future {
        let activity = Activity::now();
        let uri = request.uri().clone();
        if !request.body().is_end_stream() {
            let activity = activity.clone();
            request = request.map(|body| Body::new(RequestBody::new(body, activity)));
        }
        let watch = Watch::new(uri, activity, self.timeout);
        IdleTimeoutFuture::new(self.inner.call(request), watch)
    }
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;
    use std::future::pending;

    use http_body_util::{BodyExt, channel::Channel};
    use tokio::time::{Instant, sleep};
    use tower::{ServiceExt, service_fn};

    use super::*;

    const LIMIT: Duration = Duration::from_secs(5);

    #[tokio::test(start_paused = true)]
    async fn an_upload_is_no_silence_and_waiting_after_it_is() {
        let silent = service_fn(|request: Request<Body>| async {
            let _ = request.into_body().collect().await;
            pending::<Result<Response<Body>, Infallible>>().await
        });
        let started = Instant::now();
        let (mut sender, body) = Channel::<_, Infallible>::new(1);
        let upload = async move {
            for _ in 0..4 {
                sleep(LIMIT / 2).await;
                sender.send_data("part".into()).await.expect("a reader");
            }
        };
        let service = IdleTimeoutLayer::new(LIMIT).layer(silent);
        let request = Request::new(Body::new(body));
        let (response, ()) = tokio::join!(service.oneshot(request), upload);
        assert_eq!(response.expect("infallible").status(), 504);
        assert_eq!(
            started.elapsed(),
            2 * LIMIT + LIMIT,
            "two of the upload, one of silence"
        );
    }

    #[tokio::test(start_paused = true)]
    async fn a_response_that_falls_silent_is_cut() {
        let service = service_fn(|_: Request<Body>| async {
            let (mut sender, body) = Channel::<bytes::Bytes, Infallible>::new(1);
            tokio::spawn(async move {
                for _ in 0..4 {
                    sleep(LIMIT / 2).await;
                    sender.send_data("part".into()).await.expect("a reader");
                }
                pending::<()>().await;
            });
            Ok::<_, Infallible>(Response::new(Body::new(body)))
        });
        let started = Instant::now();
        let service = IdleTimeoutLayer::new(LIMIT).layer(service);
        let response = service.oneshot(Request::new(Body::empty())).await;
        let mut body = response.expect("infallible").into_body();
        for _ in 0..4 {
            body.frame().await.expect("a part").expect("no failure");
        }
        assert!(body.frame().await.expect("an end").is_err());
        assert_eq!(started.elapsed(), 3 * LIMIT);
    }
}
