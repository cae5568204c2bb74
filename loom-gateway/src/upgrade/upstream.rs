//! The upstream's end.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use axum::body::Body;
use bytes::Bytes;
use futures_util::Stream;
use http::header::{HeaderValue, UPGRADE};
use http::{Request, Response, StatusCode};
use http_body::{Body as HttpBody, Frame};
use http_body_util::BodyExt;
use hyper::upgrade::Upgraded;
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncWriteExt, WriteHalf};
use tokio::task::JoinSet;
use tokio_util::io::ReaderStream;

use super::{Reader, pieces};

/// What a client will send when the upstream agrees.
pub(crate) struct Waiting {
    from_client: Body,
    asked: Option<HeaderValue>,
}

/// Whether a response agrees to an upgrade.
pub(crate) fn is_switched<B>(response: &Response<B>) -> bool {
    response.status() == StatusCode::SWITCHING_PROTOCOLS
}

impl Waiting {
    /// Parts a request that asks for an upgrade from what is sent only after it.
    pub(crate) fn part(request: &mut Request<Body>) -> Self {
        Self {
            asked: request.headers().get(UPGRADE).cloned(),
            from_client: std::mem::take(request.body_mut()),
        }
    }

    /// Joins both sides when the upstream agrees. A response that does not is given back as it is; `None`: it agrees to
    /// what nobody asked for, or its connection failed.
    pub(crate) async fn join(self, mut response: Response<Body>) -> Option<Response<Body>> {
        if !is_switched(&response) {
            return Some(response);
        }
        let chosen = response.headers().get(UPGRADE)?;
        if !self.asked.is_some_and(|asked| offers(&asked, chosen)) {
            return None;
        }
        let upgraded = hyper::upgrade::on(&mut response).await.ok()?;
        let (read, write) = tokio::io::split(TokioIo::new(upgraded));
        let mut sending = JoinSet::new();
        sending.spawn(send(self.from_client, write));
        Some(response.map(|held| {
            Body::new(Switched {
                pieces: pieces(read),
                sending,
                _held: held,
            })
        }))
    }
}

fn offers(asked: &HeaderValue, chosen: &HeaderValue) -> bool {
    let (Ok(asked), Ok(chosen)) = (asked.to_str(), chosen.to_str()) else {
        return false;
    };
    let mut asked = asked.split(',').map(str::trim);
    asked.any(|protocol| protocol.eq_ignore_ascii_case(chosen.trim()))
}

/// Sends what the client sends, and says so when that is all.
async fn send(mut body: Body, mut write: WriteHalf<TokioIo<Upgraded>>) -> Result<(), axum::Error> {
    while let Some(frame) = body.frame().await {
        let Ok(piece) = frame?.into_data() else {
            continue;
        };
        write.write_all(&piece).await.map_err(axum::Error::new)?;
        write.flush().await.map_err(axum::Error::new)?;
    }
    write.shutdown().await.map_err(axum::Error::new)
}

/// What the upstream sends. Dropped, it ends the other direction too.
struct Switched {
    pieces: ReaderStream<Reader>,
    /// The other direction, on a task of its own: it goes on while the client does not read.
    sending: JoinSet<Result<(), axum::Error>>,
    /// The exchange with the endpoint.
    _held: Body,
}

impl HttpBody for Switched {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        if let Poll::Ready(piece) = Pin::new(&mut self.pieces).poll_next(cx) {
            let frame = |piece: io::Result<Bytes>| piece.map(Frame::data).map_err(axum::Error::new);
            return Poll::Ready(piece.map(frame));
        }
        match self.sending.poll_join_next(cx) {
            Poll::Ready(Some(Ok(Err(error)))) => Poll::Ready(Some(Err(error))),
            Poll::Ready(Some(Err(error))) => Poll::Ready(Some(Err(axum::Error::new(error)))),
            _ => Poll::Pending,
        }
    }
}
