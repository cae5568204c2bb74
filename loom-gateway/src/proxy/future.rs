//! The future: an upstream's response, or the response that its failure becomes.

use std::convert::Infallible;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use axum::body::Body;
use http::Response;
use hyper::body::Incoming;
use hyper_util::client::legacy::{Error, ResponseFuture};

use super::failure::classify;
use super::rewrite;
use super::upstream::Upstream;
use crate::errors::Failure;

/// The future of [`ProxyService`](super::service::ProxyService). Dropped before its end, it ends the exchange with the
/// upstream.
pub(crate) struct ProxyFuture {
    state: State,
}

enum State {
    Client {
        response: ResponseFuture,
        upstream: Arc<Upstream>,
    },
    Local(Pin<Box<dyn Future<Output = Response<Body>> + Send>>),
    Ready(Option<Response<Body>>),
}

impl ProxyFuture {
    pub(super) fn client(response: ResponseFuture, upstream: Arc<Upstream>) -> Self {
        Self {
            state: State::Client { response, upstream },
        }
    }

    pub(super) fn local(answer: impl Future<Output = Response<Body>> + Send + 'static) -> Self {
        Self {
            state: State::Local(Box::pin(answer)),
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
            State::Client { response, upstream } => {
                answer(ready!(Pin::new(response).poll(cx)), upstream)
            }
            State::Local(answer) => ready!(answer.as_mut().poll(cx)),
            State::Ready(response) => match response.take() {
                Some(response) => response,
                None => return Poll::Pending,
            },
        };
        Poll::Ready(Ok(response))
    }
}

fn answer(result: Result<Response<Incoming>, Error>, upstream: &Upstream) -> Response<Body> {
    match result {
        Ok(response) if rewrite::is_unasked_upgrade(&response) => {
            Failure::InvalidResponse.respond(&upstream.name, None)
        }
        Ok(mut response) => {
            rewrite::response(&mut response);
            response.map(Body::new)
        }
        Err(error) => classify(&error).respond(&upstream.name, Some(&error)),
    }
}
