//! The floor: a proxy of hyper and nothing else, for `cargo xtask bench gateway`.
//!
//! `bare-proxy LISTEN UPSTREAM [WORKERS]` passes every request on over kept connections. It has no routes, limits,
//! timeouts, logs or plugins, and forwards headers as they are: whatever does more costs more.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::convert::Infallible;
use std::env;
use std::error::Error;
use std::net::SocketAddr;
use std::rc::Rc;
use std::thread;

use bytes::Bytes;
use http::{Request, Response, StatusCode};
use http_body_util::{BodyExt, Empty, combinators::UnsyncBoxBody};
use hyper::body::Incoming;
use hyper::client::conn::http1::{self, SendRequest};
use hyper::server::conn::http1 as server;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::net::{TcpSocket, TcpStream};
use tokio::runtime::Builder;
use tokio::task::{LocalSet, spawn_local};

type Failure = Box<dyn Error + Send + Sync>;

/// Connections to the upstream, the one that has rested longest first.
type Idle = Rc<RefCell<VecDeque<SendRequest<Incoming>>>>;

fn main() -> Result<(), Failure> {
    let mut arguments = env::args().skip(1);
    let mut next = || {
        arguments
            .next()
            .ok_or("usage: bare-proxy LISTEN UPSTREAM [WORKERS]")
    };
    let (listen, upstream) = (next()?.parse()?, next()?.parse()?);
    let workers = next().map_or(Ok(1), |workers| workers.parse())?;
    let workers: Vec<_> = (0..workers)
        .map(|_| thread::spawn(move || work(listen, upstream)))
        .collect();
    for worker in workers {
        worker.join().map_err(|_| "a worker panicked")??;
    }
    Ok(())
}

/// Accepts and serves on one thread. The kernel spreads connections over those that listen on the same address.
fn work(listen: SocketAddr, upstream: SocketAddr) -> Result<(), Failure> {
    let runtime = Builder::new_current_thread().enable_all().build()?;
    LocalSet::new().block_on(&runtime, async move {
        let socket = TcpSocket::new_v4()?;
        socket.set_reuseaddr(true)?;
        socket.set_reuseport(true)?;
        socket.bind(listen)?;
        let listener = socket.listen(1024)?;
        let idle = Idle::default();
        loop {
            let (stream, _) = listener.accept().await?;
            stream.set_nodelay(true)?;
            let idle = Rc::clone(&idle);
            spawn_local(async move {
                let service = service_fn(move |request| pass(request, upstream, Rc::clone(&idle)));
                // A client that goes away is none of this program's business.
                let _ = server::Builder::new()
                    .serve_connection(TokioIo::new(stream), service)
                    .await;
            });
        }
    })
}

async fn pass(
    request: Request<Incoming>,
    upstream: SocketAddr,
    idle: Idle,
) -> Result<Response<UnsyncBoxBody<Bytes, hyper::Error>>, Infallible> {
    match exchange(request, upstream, idle).await {
        Ok(response) => Ok(response),
        Err(_) => {
            let body = Empty::new().map_err(|never| match never {}).boxed_unsync();
            let mut response = Response::new(body);
            *response.status_mut() = StatusCode::BAD_GATEWAY;
            Ok(response)
        }
    }
}

async fn exchange(
    mut request: Request<Incoming>,
    upstream: SocketAddr,
    idle: Idle,
) -> Result<Response<UnsyncBoxBody<Bytes, hyper::Error>>, Failure> {
    if let Some(path) = request.uri().path_and_query() {
        *request.uri_mut() = path.clone().into();
    }
    let kept = take_ready(&mut idle.borrow_mut());
    let mut sender = match kept {
        Some(sender) => sender,
        None => connect(upstream).await?,
    };
    let response = sender.send_request(request).await?;
    // It becomes ready once the response's body has been read.
    idle.borrow_mut().push_back(sender);
    Ok(response.map(BodyExt::boxed_unsync))
}

fn take_ready(idle: &mut VecDeque<SendRequest<Incoming>>) -> Option<SendRequest<Incoming>> {
    idle.retain(|sender| !sender.is_closed());
    let ready = idle.iter().position(SendRequest::is_ready)?;
    idle.remove(ready)
}

async fn connect(upstream: SocketAddr) -> Result<SendRequest<Incoming>, Failure> {
    let stream = TcpStream::connect(upstream).await?;
    stream.set_nodelay(true)?;
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
    spawn_local(connection);
    sender.ready().await?;
    Ok(sender)
}
