//! The future: an upstream's response, or the response that its failure becomes.

use std::convert::Infallible;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use axum::body::Body;
use http::{Request, Response};

use super::failure::{self, classify};
use super::pool::{Lease, Report, SendError, send};
use super::rewrite;
use super::upstream::Upstream;
use crate::errors::Failure;

/// The future of [`ProxyService`](super::service::ProxyService). Dropped before its end, it ends the exchange with the
/// upstream.
pub(crate) struct ProxyFuture {
    state: State,
}

type Boxed<T> = Pin<Box<dyn Future<Output = T> + Send>>;

enum State {
    Running(Boxed<Response<Body>>),
    Ready(Option<Response<Body>>),
}

impl ProxyFuture {
    pub(super) fn send(
        lease: Lease,
        request: Request<Body>,
        upstream: Arc<Upstream>,
        mut report: Option<Report>,
    ) -> Self {
        Self::run(async move {
            let result = send(lease, request, report.as_mut()).await;
            answer(result, &upstream, report)
        })
    }

    pub(super) fn run(answer: impl Future<Output = Response<Body>> + Send + 'static) -> Self {
        Self {
            state: State::Running(Box::pin(answer)),
        }
    }

    pub(super) fn ready(response: Response<Body>) -> Self {
        Self {
            state: State::Ready(Some(response)),
        }
    }
}

impl Future for ProxyFuture {
    type Output = Result<Response<Body>, Infallible>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let response = match &mut self.state {
            State::Running(answer) => ready!(answer.as_mut().poll(cx)),
            State::Ready(response) => match response.take() {
                Some(response) => response,
                None => return Poll::Pending,
            },
        };
        Poll::Ready(Ok(response))
    }
}

fn answer(
    result: Result<Response<Body>, SendError>,
    upstream: &Upstream,
    report: Option<Report>,
) -> Response<Body> {
    match result {
        Ok(response) if rewrite::is_unasked_upgrade(&response) => {
            failure::respond(Failure::InvalidResponse, &upstream.name, None, report)
        }
        Ok(mut response) => {
            rewrite::response(&mut response);
            if let Some(report) = report {
                response.extensions_mut().insert(report.into_info());
            }
            response
        }
        Err(error) => failure::respond(classify(&error), &upstream.name, Some(&error), report),
    }
}
