//! The future: the inner one inside of the request's span.

use std::pin::Pin;
use std::task::{Context, Poll, ready};

use axum::body::Body;
use http::Response;
use pin_project_lite::pin_project;

use super::body::AccessLogBody;
use super::entry::Entry;

pin_project! {
    /// The future of [`AccessLog`](super::service::AccessLog). Dropped before its end, it logs a client that went away.
    #[project = State]
    pub(crate) enum AccessLogFuture<F> {
        Off { #[pin] future: F },
        On { #[pin] future: F, entry: Option<Entry> },
    }
}

impl<F, E> Future for AccessLogFuture<F>
where
    F: Future<Output = Result<Response<Body>, E>>,
{
    type Output = F::Output;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        match self.project() {
            State::Off { future } => future.poll(cx),
            State::On { future, entry } => {
                let poll = match entry.as_ref() {
                    Some(entry) => entry.span().in_scope(|| future.poll(cx)),
                    None => future.poll(cx),
                };
                let response = ready!(poll)?;
                Poll::Ready(Ok(match entry.take() {
                    Some(mut entry) => {
                        entry.answered(&response);
                        response.map(|body| Body::new(AccessLogBody::new(body, entry)))
                    }
                    None => response,
                }))
            }
        }
    }
}
