//! The future: an upstream's response, or the response that its failure becomes.

use std::convert::Infallible;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use axum::body::Body;
use http::{Request, Response};

use super::attempt::attempt;
use super::failure::{self, classify};
use super::pool::{Report, SendError};
use super::retry::Retries;
use super::rewrite;
use super::upstream::Servers;

/// The future of [`ProxyService`](super::service::ProxyService). Dropped before its end, it ends the exchange with the
/// upstream.
pub(crate) struct ProxyFuture {
    answer: Pin<Box<dyn Future<Output = Response<Body>> + Send>>,
}

impl ProxyFuture {
    pub(super) fn send(
        servers: Arc<Servers>,
        mut report: Option<Report>,
        mut request: Request<Body>,
        retries: Option<Arc<Retries>>,
    ) -> Self {
        Self::run(async move {
            let result = match retries {
                None => once(&servers, &mut request, report.as_mut()).await,
                // Its state is large, and most routes have none.
                Some(retries) => Box::pin(retries.send(&servers, request, report.as_mut())).await,
            };
            answer(result, &servers, report)
        })
    }

    pub(super) fn run(answer: impl Future<Output = Response<Body>> + Send + 'static) -> Self {
        Self {
            answer: Box::pin(answer),
        }
    }
}

impl Future for ProxyFuture {
    type Output = Result<Response<Body>, Infallible>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        self.answer.as_mut().poll(cx).map(Ok)
    }
}

async fn once(
    servers: &Arc<Servers>,
    request: &mut Request<Body>,
    report: Option<&mut Report>,
) -> Result<Response<Body>, SendError> {
    let permit = servers.enter().await?;
    let lease = servers.lease(request, None, permit)?;
    let protocol = servers.settings().protocol;
    attempt(servers, lease, request, protocol, report).await
}

fn answer(
    result: Result<Response<Body>, SendError>,
    servers: &Servers,
    report: Option<Report>,
) -> Response<Body> {
    let upstream = servers.upstream();
    match result {
        Ok(mut response) => {
            rewrite::response(&mut response);
            if let Some(report) = report {
                response.extensions_mut().insert(report.into_info());
            }
            response
        }
        Err(error) => failure::respond(classify(&error), upstream, Some(&error), report),
    }
}
