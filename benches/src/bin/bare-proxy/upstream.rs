//! The other side: connections that are kept, or one of HTTP/2 for all requests.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::future::Future;
use std::net::SocketAddr;

use http::{HeaderValue, Request, Response, Version, header};
use hyper::body::Incoming;
use hyper::client::conn::{http1, http2};
use hyper::rt::Executor;
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use tokio::task::spawn_local;

use crate::Failure;

/// Runs everything on the thread that it comes from.
#[derive(Debug, Clone, Copy)]
pub(crate) struct LocalExecutor;

impl<F> Executor<F> for LocalExecutor
where
    F: Future + 'static,
    F::Output: 'static,
{
    fn execute(&self, future: F) {
        spawn_local(future);
    }
}

/// One server, and connections to it.
#[derive(Debug)]
pub(crate) struct Upstream {
    address: SocketAddr,
    h2: bool,
    /// Connections of HTTP/1.1, the one that has rested longest first.
    idle: RefCell<VecDeque<http1::SendRequest<Incoming>>>,
    shared: RefCell<Option<http2::SendRequest<Incoming>>>,
}

impl Upstream {
    pub(crate) fn new(address: SocketAddr, h2: bool) -> Self {
        Self {
            address,
            h2,
            idle: RefCell::default(),
            shared: RefCell::default(),
        }
    }

    pub(crate) async fn exchange(
        &self,
        mut request: Request<Incoming>,
    ) -> Result<Response<Incoming>, Failure> {
        if self.h2 {
            return Ok(self.shared().await?.send_request(request).await?);
        }
        for_http1(&mut request)?;
        let kept = self.take_ready();
        let mut sender = match kept {
            Some(sender) => sender,
            None => self.connect().await?,
        };
        let response = sender.send_request(request).await?;
        // It becomes ready once the response's body has been read.
        self.idle.borrow_mut().push_back(sender);
        Ok(response)
    }

    fn take_ready(&self) -> Option<http1::SendRequest<Incoming>> {
        let mut idle = self.idle.borrow_mut();
        idle.retain(|sender| !sender.is_closed());
        let ready = idle.iter().position(http1::SendRequest::is_ready)?;
        idle.remove(ready)
    }

    async fn connect(&self) -> Result<http1::SendRequest<Incoming>, Failure> {
        let (mut sender, connection) = http1::handshake(self.open().await?).await?;
        spawn_local(connection);
        sender.ready().await?;
        Ok(sender)
    }

    async fn shared(&self) -> Result<http2::SendRequest<Incoming>, Failure> {
        let kept = self.shared.borrow().clone();
        if let Some(sender) = kept.filter(|sender| !sender.is_closed()) {
            return Ok(sender);
        }
        let (mut sender, connection) = http2::handshake(LocalExecutor, self.open().await?).await?;
        spawn_local(connection);
        sender.ready().await?;
        *self.shared.borrow_mut() = Some(sender.clone());
        Ok(sender)
    }

    async fn open(&self) -> Result<TokioIo<TcpStream>, Failure> {
        let stream = TcpStream::connect(self.address).await?;
        stream.set_nodelay(true)?;
        Ok(TokioIo::new(stream))
    }
}

/// A request of HTTP/2 has its authority beside the path, and one of HTTP/1.1 in `host`.
fn for_http1(request: &mut Request<Incoming>) -> Result<(), Failure> {
    if let Some(authority) = request.uri().authority() {
        let host = HeaderValue::from_str(authority.as_str())?;
        request.headers_mut().entry(header::HOST).or_insert(host);
    }
    if let Some(path) = request.uri().path_and_query() {
        *request.uri_mut() = path.clone().into();
    }
    *request.version_mut() = Version::HTTP_11;
    Ok(())
}
