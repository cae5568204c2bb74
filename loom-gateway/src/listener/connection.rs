//! The life of one connection.

use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto::Builder;
use loom_config::model::ListenerLimits;
use loom_layer::ConnectionInfo;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::time::sleep;

use super::drain::Drain;
use super::service::{ConnectionService, Spoken};
use super::site::Site;
use super::tunnels::Tunnels;
use crate::limits;

/// HTTP/1.1 and HTTP/2 by prior knowledge on one port, within the listener's limits.
pub(super) fn protocol(limits: ListenerLimits) -> Builder<TokioExecutor> {
    let header_bytes = usize::try_from(limits.header_bytes).unwrap_or(usize::MAX);
    let mut builder = Builder::new(TokioExecutor::new());
    builder
        .http1()
        // Without a timer hyper does not keep the time at all.
        .timer(TokioTimer::new())
        .header_read_timeout(limits.header_timeout)
        .max_buf_size(header_bytes.max(limits::MIN_HEADER_BUFFER));
    builder
        .http2()
        .enable_connect_protocol()
        .timer(TokioTimer::new())
        .max_header_list_size(u32::try_from(header_bytes).unwrap_or(u32::MAX))
        .max_concurrent_streams(limits::HTTP2_STREAMS)
        .max_pending_accept_reset_streams(limits::HTTP2_PENDING_RESETS)
        .initial_stream_window_size(limits::HTTP2_STREAM_WINDOW)
        .initial_connection_window_size(limits::HTTP2_CONNECTION_WINDOW)
        .keep_alive_interval(limits::HTTP2_PING_INTERVAL)
        .keep_alive_timeout(limits::HTTP2_PING_TIMEOUT);
    builder
}

/// Serves a connection to its end, and to the end of what it became.
pub(super) async fn serve<S>(
    stream: S,
    connection: Option<ConnectionInfo>,
    site: Arc<Site>,
    drain: Drain,
) where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let tunnels = Tunnels::default();
    speak(stream, connection, site, drain, tunnels.clone()).await;
    tunnels.ended().await;
}

/// Serves a connection for as long as it speaks HTTP.
async fn speak<S>(
    stream: S,
    connection: Option<ConnectionInfo>,
    site: Arc<Site>,
    drain: Drain,
    tunnels: Tunnels,
) where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let peer = connection.as_ref().map(ConnectionInfo::peer);
    let terms = site.terms();
    let spoken = Spoken::default();
    let service = ConnectionService {
        site,
        connection,
        spoken: spoken.clone(),
        tunnels,
        drain: drain.clone(),
    };
    let mut connection = pin!(
        terms
            .protocol
            .serve_connection_with_upgrades(TokioIo::new(stream), service)
    );
    let mut drain = pin!(drain.started());

    // hyper's own time for headers starts with their first byte: a client that sends none is ours to end.
    let ended = tokio::select! {
        biased;
        ended = connection.as_mut() => Some(ended),
        () = drain.as_mut() => None,
        () = sleep(terms.header_timeout()) => {
            if !spoken.any() {
                connection.as_mut().graceful_shutdown();
            }
            tokio::select! {
                biased;
                ended = connection.as_mut() => Some(ended),
                () = drain.as_mut() => None,
            }
        }
    };
    let result = match ended {
        Some(result) => result,
        None => {
            // HTTP/2 tells the client which requests will be answered. HTTP/1.1 cannot, and a request may be on its
            // way on a connection that looks unused: it is waited for, and its response then says `close`.
            if !spoken.http2() {
                tokio::select! {
                    biased;
                    _ = connection.as_mut() => return,
                    () = sleep(limits::DRAIN_LINGER) => {}
                }
            }
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    if let Err(error) = result {
        tracing::debug!(?peer, error, "connection ended");
    }
}

/// What requests and plugins are told of a TCP connection; `None` when it has ended already.
pub(super) fn info(stream: &TcpStream, peer: SocketAddr) -> Option<ConnectionInfo> {
    let local = stream.local_addr().ok()?;
    Some(ConnectionInfo::new(peer, local).with_id(next_id()))
}

/// A number that no other connection of the process has.
fn next_id() -> u64 {
    static NEXT: AtomicU64 = AtomicU64::new(1);
    NEXT.fetch_add(1, Ordering::Relaxed)
}
