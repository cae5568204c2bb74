//! The layer and its service.

use std::task::{Context, Poll};

use axum::body::Body;
use http::{Request, Response, Version};
use http_body::Body as _;
use loom_config::model::BodyPace;
use tokio::sync::oneshot;
use tower::{Layer, Service};

use super::body::TimedBody;
use super::future::{BodyTimeoutFuture, Watch};
use super::patience::Patience;
use crate::upgrade::Asked;

/// Puts [`BodyTimeout`] around a service.
#[derive(Debug, Clone, Copy)]
pub(crate) struct BodyTimeoutLayer {
    pace: BodyPace,
}

impl BodyTimeoutLayer {
    /// Bodies come at this pace.
    pub(in crate::router) fn new(pace: BodyPace) -> Self {
        Self { pace }
    }
}

impl<S> Layer<S> for BodyTimeoutLayer {
    type Service = BodyTimeout<S>;

    fn layer(&self, inner: S) -> Self::Service {
        BodyTimeout {
            inner,
            pace: self.pace,
        }
    }
}

/// Answers 408 when a client sends its body too slowly.
#[derive(Debug, Clone)]
pub(crate) struct BodyTimeout<S> {
    inner: S,
    pace: BodyPace,
}

impl<S> Service<Request<Body>> for BodyTimeout<S>
where
    S: Service<Request<Body>, Response = Response<Body>>,
{
    type Response = S::Response;
    type Error = S::Error;
    type Future = BodyTimeoutFuture<S::Future>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        // What follows an upgrade is no part of the request.
        if request.body().is_end_stream() || request.extensions().get::<Asked>().is_some() {
            return BodyTimeoutFuture::new(self.inner.call(request), None);
        }
        let (sender, late) = oneshot::channel();
        let watch = Watch {
            late,
            request_uri: request.uri().clone(),
            is_http1: request.version() <= Version::HTTP_11,
        };
        let patience = Patience::new(self.pace);
        let request = request.map(|body| Body::new(TimedBody::new(body, patience, sender)));
        BodyTimeoutFuture::new(self.inner.call(request), Some(Box::new(watch)))
    }
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;
    use std::future::pending;
    use std::time::Duration;

    use bytes::Bytes;
    use http_body_util::{BodyExt, channel::Channel};
    use tokio::time::{Instant, sleep};
    use tower::{ServiceExt, service_fn};

    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    const PACE: BodyPace = BodyPace {
        timeout: Duration::from_secs(10),
        rate: 100,
    };

    /// A body of pieces of this size, each after this pause. It never ends.
    fn body(size: usize, pause: Duration) -> Body {
        let (mut sender, body) = Channel::<_, Infallible>::new(1);
        tokio::spawn(async move {
            loop {
                sleep(pause).await;
                if sender.send_data(Bytes::from(vec![0; size])).await.is_err() {
                    return;
                }
            }
        });
        Body::new(body)
    }

    /// The status of the answer, and after which time it came.
    async fn answered<F>(body: Body, server: impl Fn(Request<Body>) -> F + Clone) -> (u16, Duration)
    where
        F: Future<Output = Result<Response<Body>, Infallible>>,
    {
        let started = Instant::now();
        let service = BodyTimeoutLayer::new(PACE).layer(service_fn(server));
        let response = service.oneshot(Request::new(body)).await;
        let response = response.expect("infallible");
        (response.status().as_u16(), started.elapsed())
    }

    /// Reads as many bytes, and says whether they came.
    async fn reads(request: Request<Body>, bytes: usize) -> Result<Response<Body>, Infallible> {
        let mut body = request.into_body();
        let mut read = 0;
        while read < bytes {
            match body.frame().await {
                Some(Ok(frame)) => read += frame.data_ref().map_or(0, Bytes::len),
                _ => return pending().await,
            }
        }
        Ok(Response::new(Body::empty()))
    }

    #[tokio::test(start_paused = true)]
    async fn a_byte_now_and_then_does_not_help() {
        // Ten milliseconds come back for each byte, so that after ten of them a tenth of a second is left.
        let read = |request| reads(request, usize::MAX);
        let trickle = body(1, SECOND);
        let (status, after) = answered(trickle, read).await;
        assert_eq!((status, after), (408, Duration::from_millis(10_100)));
        let silence = body(0, Duration::MAX);
        assert_eq!(answered(silence, read).await, (408, PACE.timeout));
    }

    #[tokio::test(start_paused = true)]
    async fn much_at_once_is_no_stock_for_later() {
        let (mut sender, burst) = Channel::<_, Infallible>::new(1);
        let sends = async {
            sleep(SECOND).await;
            let much = Bytes::from(vec![0; 1 << 20]);
            sender.send_data(much).await.expect("a reader");
            pending::<()>().await;
        };
        let read = |request| reads(request, usize::MAX);
        let answer = answered(Body::new(burst), read);
        let (status, after) = tokio::select! {
            answer = answer => answer,
            () = sends => unreachable!("it does not end"),
        };
        assert_eq!((status, after), (408, SECOND + PACE.timeout));
    }

    #[tokio::test(start_paused = true)]
    async fn who_keeps_the_pace_may_take_hours() {
        let hours = |request| reads(request, 3600 * 300);
        let (status, after) = answered(body(300, 3 * SECOND), hours).await;
        assert_eq!((status, after), (200, Duration::from_secs(3 * 3600)));
    }

    #[tokio::test(start_paused = true)]
    async fn a_reader_that_takes_its_time_is_not_the_client_s_fault() {
        let slow = |request: Request<Body>| async {
            let mut body = request.into_body();
            for _ in 0..10 {
                sleep(60 * SECOND).await;
                if !matches!(body.frame().await, Some(Ok(_))) {
                    return pending().await;
                }
            }
            Ok(Response::new(Body::empty()))
        };
        let (status, after) = answered(body(1, SECOND / 10), slow).await;
        assert_eq!((status, after), (200, 600 * SECOND));
    }

    #[tokio::test(start_paused = true)]
    async fn once_there_is_a_response_there_is_no_hurry() {
        let (sender, receiver) = oneshot::channel();
        let sender = std::sync::Mutex::new(Some(sender));
        let talks = |request: Request<Body>| {
            let sender = sender.lock().expect("one thread").take();
            let _ = sender.expect("one request").send(request.into_body());
            std::future::ready(Ok::<_, Infallible>(Response::new(Body::empty())))
        };
        let mut service = BodyTimeoutLayer::new(PACE).layer(service_fn(talks));
        let request = Request::new(body(1, 60 * SECOND));
        let response = service.call(request).await.expect("infallible");
        assert_eq!(response.status(), 200);
        let mut body = receiver.await.expect("a body");
        for _ in 0..5 {
            body.frame().await.expect("a piece").expect("no failure");
        }
    }
}
