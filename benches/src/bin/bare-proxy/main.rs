//! The floor: a proxy of hyper and nothing else, for `cargo xtask bench gateway`.
//!
//! `bare-proxy LISTEN UPSTREAM WORKERS [h2] [h2-upstream] [tls CERTIFICATE KEY]` passes every request on over kept
//! connections. It has no routes, limits, timeouts, logs or plugins, and forwards headers as they are: whatever does more
//! costs more.

mod tls;
mod upstream;

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
use hyper::server::conn::{http1, http2};
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::runtime::Builder;
use tokio::task::{LocalSet, spawn_local};
use tokio_rustls::TlsAcceptor;

use self::upstream::{LocalExecutor, Upstream};

type Failure = Box<dyn Error + Send + Sync>;
type Answer = Response<UnsyncBoxBody<Bytes, hyper::Error>>;

const USAGE: &str =
    "usage: bare-proxy LISTEN UPSTREAM WORKERS [h2] [h2-upstream] [tls CERTIFICATE KEY]";

/// What it has to do.
#[derive(Clone)]
struct Task {
    listen: SocketAddr,
    upstream: SocketAddr,
    workers: usize,
    /// Clients speak HTTP/2.
    h2: bool,
    /// The upstream does.
    h2_upstream: bool,
    tls: Option<TlsAcceptor>,
}

fn main() -> Result<(), Failure> {
    let task = task(env::args().skip(1))?;
    let workers: Vec<_> = (0..task.workers)
        .map(|_| {
            let task = task.clone();
            thread::spawn(move || work(&task))
        })
        .collect();
    for worker in workers {
        worker.join().map_err(|_| "a worker panicked")??;
    }
    Ok(())
}

fn task(mut arguments: impl Iterator<Item = String>) -> Result<Task, Failure> {
    let mut next = || arguments.next().ok_or(USAGE);
    let mut task = Task {
        listen: next()?.parse()?,
        upstream: next()?.parse()?,
        workers: next()?.parse()?,
        h2: false,
        h2_upstream: false,
        tls: None,
    };
    while let Ok(word) = next() {
        match word.as_str() {
            "h2" => task.h2 = true,
            "h2-upstream" => task.h2_upstream = true,
            "tls" => task.tls = Some(tls::acceptor(&next()?, &next()?)?),
            _ => return Err(USAGE.into()),
        }
    }
    Ok(task)
}

/// Accepts and serves on one thread. The kernel spreads connections over those that listen on the same address.
fn work(task: &Task) -> Result<(), Failure> {
    let runtime = Builder::new_current_thread().enable_all().build()?;
    LocalSet::new().block_on(&runtime, async move {
        let listener = listen(task.listen)?;
        let upstream = Rc::new(Upstream::new(task.upstream, task.h2_upstream));
        loop {
            let (stream, _) = listener.accept().await?;
            stream.set_nodelay(true)?;
            spawn_local(connection(stream, task.clone(), Rc::clone(&upstream)));
        }
    })
}

fn listen(address: SocketAddr) -> Result<TcpListener, Failure> {
    let socket = TcpSocket::new_v4()?;
    socket.set_reuseaddr(true)?;
    socket.set_reuseport(true)?;
    socket.bind(address)?;
    Ok(socket.listen(4096)?)
}

/// A client that goes away is none of this program's business.
async fn connection(stream: TcpStream, task: Task, upstream: Rc<Upstream>) {
    match &task.tls {
        None => serve(stream, task.h2, upstream).await,
        Some(tls) => {
            if let Ok(stream) = tls.accept(stream).await {
                serve(stream, task.h2, upstream).await;
            }
        }
    }
}

async fn serve<S>(stream: S, h2: bool, upstream: Rc<Upstream>)
where
    S: AsyncRead + AsyncWrite + Unpin + 'static,
{
    let service = service_fn(move |request| pass(request, Rc::clone(&upstream)));
    let stream = TokioIo::new(stream);
    let _ = if h2 {
        let server = http2::Builder::new(LocalExecutor);
        server.serve_connection(stream, service).await
    } else {
        let server = http1::Builder::new();
        server.serve_connection(stream, service).await
    };
}

async fn pass(request: Request<Incoming>, upstream: Rc<Upstream>) -> Result<Answer, Infallible> {
    match upstream.exchange(request).await {
        Ok(response) => Ok(response.map(BodyExt::boxed_unsync)),
        Err(_) => {
            let body = Empty::new().map_err(|never| match never {}).boxed_unsync();
            let mut response = Response::new(body);
            *response.status_mut() = StatusCode::BAD_GATEWAY;
            Ok(response)
        }
    }
}
