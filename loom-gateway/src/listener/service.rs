//! The hyper service of one connection: what hyper read becomes a request for the listener's stack of this moment.
//!
//! Each request keeps the connection busy until its response has ended, for the connection's limits.

use std::convert::Infallible;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use axum::body::{Body, Bytes};
use http::header::{CONNECTION, CONTENT_LENGTH, HeaderValue};
use http::{Method, Request, Response, Version};
use http_body::{Body as _, Frame, SizeHint};
use hyper::body::Incoming;
use loom_layer::ConnectionInfo;
use pin_project_lite::pin_project;

use super::activity::{Activity, Busy};
use super::body::ClientBody;
use super::drain::Drain;
use super::site::Site;
use super::streams::Pieces;
use super::tls::ForwardedClientCert;
use super::tunnels::{Tunnels, Upgrade};
use crate::stack::StackFuture;
use crate::upgrade::{Client, is_switched};

/// Answers the requests of one connection.
#[derive(Debug)]
pub(super) struct ConnectionService {
    pub(super) site: Arc<Site>,
    /// `None` at a Unix socket, which knows no addresses.
    pub(super) connection: Option<ConnectionInfo>,
    pub(super) activity: Arc<Activity>,
    /// After as many requests the connection ends.
    pub(super) most_requests: Option<u64>,
    /// What upstreams are told of the client's certificate, where they are.
    pub(super) certificate: Option<ForwardedClientCert>,
    pub(super) tunnels: Tunnels,
    pub(super) drain: Drain,
}

impl hyper::service::Service<Request<Incoming>> for ConnectionService {
    type Response = Response<Answer>;
    type Error = Infallible;
    type Future = ConnectionFuture;

    fn call(&self, request: Request<Incoming>) -> Self::Future {
        let http1 = request.version() <= Version::HTTP_11;
        let is_head = request.method() == Method::HEAD;
        let busy = self.activity.begin(http1);
        let most = self.most_requests;
        let is_last = most.is_some_and(|most| self.activity.requests() >= most);
        let mut request = ClientBody::of(request, &self.activity);
        let upgrade = Client::of(&mut request).map(|client| {
            Box::new(Upgrade {
                client,
                tunnels: self.tunnels.clone(),
                drain: self.drain.clone(),
            })
        });
        if let Some(connection) = &self.connection {
            request.extensions_mut().insert(connection.clone());
        }
        if let Some(certificate) = &self.certificate {
            request.extensions_mut().insert(certificate.clone());
        }
        ConnectionFuture {
            is_head,
            response: self.site.send(request),
            drain: http1.then(|| self.drain.clone()),
            is_last: http1 && is_last,
            upgrade,
            busy: Some(busy),
        }
    }
}

pin_project! {
    /// The future of [`ConnectionService`].
    pub(super) struct ConnectionFuture {
        #[pin]
        response: StackFuture,
        is_head: bool,
        // Present with HTTP/1, where the last response says that it is the last.
        drain: Option<Drain>,
        is_last: bool,
        upgrade: Option<Box<Upgrade>>,
        busy: Option<Busy>,
    }
}

impl Future for ConnectionFuture {
    type Output = Result<Response<Answer>, Infallible>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.project();
        let Ok(mut response) = ready!(this.response.poll(cx));
        let mut busy = this.busy.take();
        if let Some(busy) = &mut busy {
            busy.answered();
        }
        if *this.is_head {
            leave_body_out(&mut response);
        }
        if let Some(upgrade) = this.upgrade.take() {
            response = upgrade.answer(response, &mut busy);
        }
        let ends = *this.is_last || this.drain.as_ref().is_some_and(Drain::is_started);
        if ends && !is_switched(&response) {
            response
                .headers_mut()
                .insert(CONNECTION, HeaderValue::from_static("close"));
        }
        let pieces = match this.drain {
            Some(_) => None,
            None => Pieces::current(),
        };
        let answer = |body| Answer { body, busy, pieces };
        Poll::Ready(Ok(response.map(answer)))
    }
}

/// Leaves out what is the answer to `GET`, and says how long it is (RFC 9110, 9.3.2). hyper would send it over HTTP/2.
fn leave_body_out(response: &mut Response<Body>) {
    let length = response.body().size_hint().exact();
    if let Some(length) = length.filter(|&length| length > 0) {
        let headers = response.headers_mut();
        headers.entry(CONTENT_LENGTH).or_insert(length.into());
    }
    *response.body_mut() = Body::empty();
}

pin_project! {
    /// A response's body, which keeps the connection busy. A type of its own, since a box for each response costs more.
    #[derive(Debug)]
    pub(super) struct Answer {
        #[pin]
        body: Body,
        busy: Option<Busy>,
        // With HTTP/2.
        pieces: Option<Pieces>,
    }
}

impl http_body::Body for Answer {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        let this = self.project();
        if let Some(piece) = this.pieces.as_mut().and_then(Pieces::ask) {
            return Poll::Ready(Some(Ok(Frame::data(piece))));
        }
        let frame = ready!(this.body.poll_frame(cx));
        if let (Some(Err(error)), Some(busy)) = (&frame, &this.busy) {
            busy.cut(error);
        }
        let Some(pieces) = this.pieces else {
            return Poll::Ready(frame);
        };
        Poll::Ready(frame.map(|frame| {
            frame.map(|frame| match frame.into_data() {
                Ok(data) => Frame::data(pieces.cut(data)),
                Err(trailers) => trailers,
            })
        }))
    }

    fn is_end_stream(&self) -> bool {
        self.waits() == 0 && self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        let rest = self.body.size_hint();
        let waits = self.waits();
        let mut hint = SizeHint::new();
        hint.set_lower(waits + rest.lower());
        if let Some(upper) = rest.upper() {
            hint.set_upper(waits + upper);
        }
        hint
    }
}

impl Answer {
    /// Bytes that have come from the body and were not handed over yet.
    fn waits(&self) -> u64 {
        self.pieces.as_ref().map_or(0, |pieces| pieces.len() as u64)
    }
}
