//! A stack of layers as one type, whatever is in it.

use std::convert::Infallible;
use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use axum::body::Body;
use http::{Request, Response};
use tower::{Service, ServiceExt};

/// The future of [`Stack`].
pub(crate) type StackFuture =
    Pin<Box<dyn Future<Output = Result<Response<Body>, Infallible>> + Send>>;

/// A service that everybody shares.
///
/// An axum `Router` with a fallback service would do, and be cloned into a box for each request, match its path with nothing
/// and add that to the request's extensions. tower's `BoxCloneSyncService` is such a clone, too. Here each request clones
/// what its layers share, and has one box, for its future.
#[derive(Clone)]
pub(crate) struct Stack(Arc<dyn Shared>);

impl Stack {
    pub(crate) fn new<S>(service: S) -> Self
    where
        S: Service<Request<Body>, Response = Response<Body>, Error = Infallible>
            + Clone
            + Send
            + Sync
            + 'static,
        S::Future: Send,
    {
        Self(Arc::new(service))
    }

    /// As `call` does, for whoever has only a reference.
    pub(crate) fn send(&self, request: Request<Body>) -> StackFuture {
        self.0.send(request)
    }
}

impl fmt::Debug for Stack {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Stack").finish_non_exhaustive()
    }
}

impl Service<Request<Body>> for Stack {
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = StackFuture;

    /// Always: each call waits for its own clone.
    fn poll_ready(&mut self, _cx: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<Body>) -> StackFuture {
        self.send(request)
    }
}

/// A service that is called through a reference.
trait Shared: Send + Sync {
    fn send(&self, request: Request<Body>) -> StackFuture;
}

impl<S> Shared for S
where
    S: Service<Request<Body>, Response = Response<Body>, Error = Infallible>
        + Clone
        + Send
        + Sync
        + 'static,
    S::Future: Send,
{
    fn send(&self, request: Request<Body>) -> StackFuture {
        let mut service = self.clone();
        // Nearly always: then the request does not go into the future and out of it again.
        match service.poll_ready(&mut Context::from_waker(Waker::noop())) {
            // The box comes first, so that the future is made where it stays: it is large.
            Poll::Ready(Ok(())) => {
                let future: Box<S::Future> = Box::write(Box::new_uninit(), service.call(request));
                Box::into_pin(future)
            }
            _ => Box::pin(service.oneshot(request)),
        }
    }
}
