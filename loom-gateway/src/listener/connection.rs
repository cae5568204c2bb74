//! The life of one connection.

use std::future::poll_fn;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::Poll;

use loom_layer::ConnectionInfo;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::time::{sleep, timeout};

use super::activity::Activity;
use super::clock::Clock;
use super::drain::Drain;
use super::ended::Ended;
use super::heard::Heard;
use super::proxy_protocol::{self, NoHeader, Peek};
use super::sending::{Persistent, SendNow, Sending};
use super::service::ConnectionService;
use super::site::{Open, Site, Terms};
use super::tls::{ForwardedClientCert, Tls};
use super::tunnels::Tunnels;
use crate::errors::Chain;
use crate::limits;

/// What is known of a connection before its first request.
struct Known {
    /// Nothing at a Unix socket.
    connection: Option<ConnectionInfo>,
    /// What upstreams are told of the client's certificate, where they are.
    certificate: Option<ForwardedClientCert>,
    /// Whether its socket takes what is sent.
    sending: Arc<Sending>,
    /// Whether it is to be HTTP/2, by ALPN.
    http2: bool,
}

/// Serves a connection to its end, and to the end of what it became. `open` is its place, `connection` what is known of it
/// before anything is read: nothing at a Unix socket.
pub(super) async fn serve<S>(
    mut stream: S,
    mut connection: Option<ConnectionInfo>,
    open: Open,
    site: Arc<Site>,
    drain: Drain,
) where
    S: AsyncRead + AsyncWrite + Peek + SendNow + Unpin + Send + 'static,
{
    let terms = site.terms();
    let peer = connection.as_ref().map(ConnectionInfo::peer);
    if let Err(error) = introduce(&mut stream, &mut connection, &terms).await {
        match error.ended() {
            Some(why) => site.ended(why, peer, Some(&error)),
            None => tracing::debug!(?peer, error = %Chain(&error), "connection ended"),
        }
        return;
    }
    let client = connection.as_ref().map(ConnectionInfo::peer);
    let place = match site.take_of_client(client.map(|client| client.ip())) {
        Ok(place) => place,
        Err(why) => return site.ended(why, client, None),
    };
    let tunnels = Tunnels::default();
    let stream = Persistent::new(stream, terms.limits.send_timeout);
    match terms.tls.clone() {
        None => {
            let known = Known {
                connection,
                certificate: None,
                sending: stream.sending(),
                http2: false,
            };
            speak(stream, known, site, terms, drain, tunnels.clone()).await;
        }
        Some(tls) => {
            // In a place of its own: connections without TLS would carry the room for it.
            let secured = secured(tls, stream, connection, site, terms, drain, tunnels.clone());
            Box::pin(secured).await;
        }
    }
    tunnels.ended().await;
    drop((place, open));
}

/// Lets a load balancer say whose the connection is, where it has to.
async fn introduce<S>(
    stream: &mut S,
    connection: &mut Option<ConnectionInfo>,
    terms: &Terms,
) -> Result<(), NoHeader>
where
    S: AsyncRead + Peek + Unpin,
{
    let Some(proxy_protocol) = &terms.proxy_protocol else {
        return Ok(());
    };
    let peer = connection.as_ref().map(|connection| connection.peer().ip());
    if !proxy_protocol.is_expected_of(peer) {
        return Ok(());
    }
    // In a place of its own: other connections would carry the room for it.
    let header = Box::pin(proxy_protocol::read(stream, proxy_protocol.timeout));
    if let Some(ends) = header.await? {
        let told = ConnectionInfo::new(ends.client, ends.local).with_id(next_id());
        *connection = Some(told);
    }
    Ok(())
}

/// Settles TLS, and serves what comes over it.
async fn secured<S>(
    tls: Arc<Tls>,
    stream: Persistent<S>,
    connection: Option<ConnectionInfo>,
    site: Arc<Site>,
    terms: Arc<Terms>,
    drain: Drain,
    tunnels: Tunnels,
) where
    S: AsyncRead + AsyncWrite + SendNow + Unpin + Send + 'static,
{
    let client = connection.as_ref().map(ConnectionInfo::peer);
    let limit = terms.limits.tls_handshake_timeout;
    let settled = match timeout(limit, tls.handshake(stream)).await {
        Ok(Ok(settled)) => settled,
        Ok(Err(error)) => return site.ended(Ended::Tls, client, Some(&error)),
        Err(_) => return site.ended(Ended::TlsTimeout, client, None),
    };
    drop(tls);
    let known = Known {
        connection: connection.map(|connection| connection.with_tls(settled.info)),
        certificate: settled.forwarded,
        sending: settled.stream.get_ref().0.sending(),
        http2: settled.http2,
    };
    speak(settled.stream, known, site, terms, drain, tunnels).await;
}

/// What has become of a connection.
enum Turn {
    Ended(Result<(), Box<dyn std::error::Error + Send + Sync>>),
    Drain,
    Due(Ended),
}

/// Serves a connection for as long as it speaks HTTP.
async fn speak<S>(
    stream: S,
    known: Known,
    site: Arc<Site>,
    terms: Arc<Terms>,
    drain: Drain,
    tunnels: Tunnels,
) where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let peer = known.connection.as_ref().map(ConnectionInfo::peer);
    let limits = &terms.limits;
    let activity = Activity::new(known.sending, site.counters());
    let service = ConnectionService {
        site: Arc::clone(&site),
        connection: known.connection,
        activity: Arc::clone(&activity),
        most_requests: limits.requests_per_connection,
        certificate: known.certificate,
        tunnels,
        drain: drain.clone(),
    };
    let stream = Heard::new(stream, Arc::clone(&activity));
    let mut connection = pin!(terms.protocol.serve(stream, service, known.http2));
    let mut drain = pin!(drain.started());
    let mut clock = pin!(Clock::new(limits));
    let mut is_last = false;
    let turn = poll_fn(|cx| {
        loop {
            if let Poll::Ready(result) = connection.as_mut().poll(cx) {
                return Poll::Ready(Turn::Ended(result));
            }
            if drain.as_mut().poll(cx).is_ready() {
                return Poll::Ready(Turn::Drain);
            }
            let most = limits.requests_per_connection;
            if !is_last && most.is_some_and(|most| activity.requests() >= most) {
                is_last = true;
                site.ended(Ended::Requests, peer, None);
                // With HTTP/1 the response says so.
                if activity.is_http2() {
                    connection.as_mut().graceful_shutdown();
                    continue;
                }
            }
            if activity.takes_back() && activity.is_http2() {
                // A GOAWAY goes out, but nobody waits until the client has understood it.
                connection.as_mut().graceful_shutdown();
                let _ = connection.as_mut().poll(cx);
                return Poll::Ready(Turn::Due(Ended::TakenBack));
            }
            let due = clock.as_mut().poll(cx, &activity, limits);
            return due.map(Turn::Due);
        }
    });
    let result = match turn.await {
        Turn::Ended(result) => result,
        Turn::Due(why) => {
            site.ended(why, peer, None);
            if why == Ended::SendTimeout {
                activity.cut_off();
            }
            if why != Ended::Idle {
                // There is no request that an answer could be to, or nobody takes the answer.
                return;
            }
            connection.as_mut().graceful_shutdown();
            // A request may have come just now.
            loop {
                tokio::select! {
                    biased;
                    result = connection.as_mut() => break result,
                    () = sleep(limits::DRAIN_LINGER) => {
                        if !activity.is_busy() {
                            return;
                        }
                    }
                }
            }
        }
        Turn::Drain => {
            // HTTP/2 tells the client which requests will be answered. HTTP/1.1 cannot, and a request may be on its
            // way on a connection that looks unused: it is waited for, and its response then says `close`.
            if !activity.is_http2() {
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
        match Ended::of(&*error) {
            Some(why) => site.ended(why, peer, Some(&*error)),
            None => tracing::debug!(?peer, error, "connection ended"),
        }
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
