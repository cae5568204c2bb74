//! A server that can be ended, begun anew at the same address, and told what to answer.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU16, AtomicUsize, Ordering};

use http::Response;
use http_body_util::{BodyExt, Collected};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::net::TcpListener;
use tokio::task::{JoinHandle, JoinSet};

use super::super::support::full;

pub(super) struct Server {
    pub(super) address: SocketAddr,
    /// What it answers, but to `/healthz`.
    pub(super) status: Arc<AtomicU16>,
    /// What it answers to `/healthz`.
    pub(super) health: Arc<AtomicU16>,
    /// Requests that came, but for `/healthz`.
    requests: Arc<AtomicUsize>,
    /// Requests for `/healthz`.
    checks: Arc<AtomicUsize>,
    text: &'static str,
    task: Option<JoinHandle<()>>,
}

impl Server {
    pub(super) async fn start(text: &'static str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let mut this = Self {
            address: listener.local_addr().expect("an address"),
            status: Arc::new(AtomicU16::new(200)),
            health: Arc::new(AtomicU16::new(200)),
            requests: Arc::default(),
            checks: Arc::default(),
            text,
            task: None,
        };
        this.serve(listener);
        this
    }

    /// Ends it with all its connections.
    pub(super) async fn stop(&mut self) {
        if let Some(task) = self.task.take() {
            task.abort();
            let _ = task.await;
        }
    }

    /// Begins anew at the same address.
    pub(super) async fn restart(&mut self) {
        let listener = TcpListener::bind(self.address).await;
        self.serve(listener.expect("its own port"));
    }

    pub(super) fn requests(&self) -> usize {
        self.requests.load(Ordering::Relaxed)
    }

    pub(super) fn checks(&self) -> usize {
        self.checks.load(Ordering::Relaxed)
    }

    fn serve(&mut self, listener: TcpListener) {
        let (status, health) = (Arc::clone(&self.status), Arc::clone(&self.health));
        let (requests, checks) = (Arc::clone(&self.requests), Arc::clone(&self.checks));
        let text = self.text;
        self.task = Some(tokio::spawn(async move {
            let mut connections = JoinSet::new();
            while let Ok((stream, _)) = listener.accept().await {
                let (status, health) = (Arc::clone(&status), Arc::clone(&health));
                let (requests, checks) = (Arc::clone(&requests), Arc::clone(&checks));
                let service = service_fn(move |request: http::Request<Incoming>| {
                    let answer = if request.uri().path() == "/healthz" {
                        checks.fetch_add(1, Ordering::Relaxed);
                        &health
                    } else {
                        requests.fetch_add(1, Ordering::Relaxed);
                        &status
                    };
                    let status = answer.load(Ordering::Relaxed);
                    async move {
                        // Like most servers it takes the whole request first.
                        let body = request.into_body().collect().await;
                        let body = body.map(Collected::to_bytes).unwrap_or_default();
                        let text = [text.as_bytes(), &body].concat();
                        let mut response = Response::new(full(text));
                        *response.status_mut() = status.try_into().expect("a status");
                        Ok::<_, Infallible>(response)
                    }
                });
                let http = hyper::server::conn::http1::Builder::new();
                connections.spawn(http.serve_connection(TokioIo::new(stream), service));
            }
        }));
    }
}
