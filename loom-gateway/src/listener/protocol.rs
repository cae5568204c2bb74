//! What is spoken on a connection: HTTP/1.1 or HTTP/2, as it was settled by ALPN or as it begins, within the listener's limits.

use std::error::Error;
use std::pin::Pin;
use std::task::{Context, Poll};

use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::conn::auto::{Builder, Connection, UpgradeableConnection};
use loom_config::model::ListenerLimits;
use pin_project_lite::pin_project;
use tokio::io::{AsyncRead, AsyncWrite};

use super::heard::Heard;
use super::service::ConnectionService;
use super::site::Served;
use super::streams::Streams;
use crate::limits;

/// How connections are served.
#[derive(Debug)]
pub(super) struct Protocol {
    any: Builder<Streams>,
    http2: Builder<Streams>,
}

impl Protocol {
    /// Within the limits of this listener.
    pub(super) fn new(listener: &Served) -> Self {
        let any = builder(
            &listener.limits,
            Streams {
                listener: listener.name.as_str().into(),
                patience: listener.limits.http2.stream_send_timeout,
                counters: listener.counters.clone(),
            },
        );
        Self {
            http2: any.clone().http2_only(),
            any,
        }
    }

    /// Serves a connection. Was HTTP/2 `settled`, it is nothing else (RFC 9113, 3.2); otherwise it is what it begins with.
    pub(super) fn serve<S>(
        &self,
        stream: Heard<S>,
        service: ConnectionService,
        settled: bool,
    ) -> Conversation<'_, S>
    where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let stream = TokioIo::new(stream);
        if settled {
            let inner = self.http2.serve_connection(stream, service);
            Conversation::Http2 { inner }
        } else {
            let inner = self.any.serve_connection_with_upgrades(stream, service);
            Conversation::Any { inner }
        }
    }
}

fn builder(limits: &ListenerLimits, streams: Streams) -> Builder<Streams> {
    let header_bytes = usize::try_from(limits.header_bytes).unwrap_or(usize::MAX);
    let http2 = limits.http2;
    let mut builder = Builder::new(streams);
    let mut http1 = builder.http1();
    http1
        // The connection's clock knows more: whether a head is late, or there is just none.
        .header_read_timeout(None)
        .max_buf_size(header_bytes.max(limits::MIN_HEADER_BUFFER));
    if limits.header_count != limits::HYPER_HEADERS {
        http1.max_headers(limits.header_count);
    }
    builder
        .http2()
        .enable_connect_protocol()
        .timer(TokioTimer::new())
        .max_header_list_size(http2.max_header_list_size)
        .max_concurrent_streams(http2.max_concurrent_streams)
        .max_pending_accept_reset_streams(http2.max_reset_streams)
        .max_local_error_reset_streams(limits::HTTP2_LOCAL_RESETS)
        .max_send_buf_size(limits::HTTP2_SEND_BUFFER)
        .initial_stream_window_size(http2.initial_stream_window)
        .initial_connection_window_size(http2.initial_connection_window)
        .keep_alive_interval(http2.keep_alive_interval)
        .keep_alive_timeout(http2.keep_alive_timeout);
    builder
}

pin_project! {
    /// A connection that is served: the future of its end.
    #[project = ConversationProjection]
    pub(super) enum Conversation<'a, S> {
        Any {
            #[pin]
            inner: UpgradeableConnection<'a, TokioIo<Heard<S>>, ConnectionService, Streams>,
        },
        Http2 {
            #[pin]
            inner: Connection<'a, TokioIo<Heard<S>>, ConnectionService, Streams>,
        },
    }
}

impl<S> Conversation<'_, S>
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    /// Takes no further requests, and ends after those that it has.
    pub(super) fn graceful_shutdown(self: Pin<&mut Self>) {
        match self.project() {
            ConversationProjection::Any { inner } => inner.graceful_shutdown(),
            ConversationProjection::Http2 { inner } => inner.graceful_shutdown(),
        }
    }
}

impl<S> Future for Conversation<'_, S>
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    type Output = Result<(), Box<dyn Error + Send + Sync>>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        match self.project() {
            ConversationProjection::Any { inner } => inner.poll(cx),
            ConversationProjection::Http2 { inner } => inner.poll(cx),
        }
    }
}
