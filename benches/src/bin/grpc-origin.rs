//! The origin of gRPC calls for `cargo xtask bench gateway`: nginx, which answers everything else, has no trailers.
//!
//! `grpc-origin LISTEN` speaks HTTP/2 by prior knowledge. It gives back the messages of a call, and ends with status 0.

use std::convert::Infallible;
use std::env;
use std::error::Error;
use std::net::SocketAddr;

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Request, Response, header};
use http_body_util::{BodyExt, Collected, Full};
use hyper::body::{Body, Incoming};
use hyper::server::conn::http2;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::net::TcpListener;
use tokio::runtime::Builder;

type Failure = Box<dyn Error + Send + Sync>;

fn main() -> Result<(), Failure> {
    let listen: SocketAddr = match env::args().nth(1) {
        Some(address) => address.parse()?,
        None => return Err("usage: grpc-origin LISTEN".into()),
    };
    let runtime = Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async move {
        let listener = TcpListener::bind(listen).await?;
        loop {
            let (stream, _) = listener.accept().await?;
            stream.set_nodelay(true)?;
            let server = http2::Builder::new(TokioExecutor::new());
            // A client that goes away is none of this program's business.
            tokio::spawn(server.serve_connection(TokioIo::new(stream), service_fn(answer)));
        }
    })
}

async fn answer(
    request: Request<Incoming>,
) -> Result<Response<impl Body<Data = Bytes, Error = Infallible>>, Infallible> {
    // What breaks off has a client that is gone: it does not matter what it is answered.
    let messages = request.into_body().collect().await;
    let messages = messages.map_or_else(|_| Bytes::new(), Collected::to_bytes);
    let trailers = async { Some(Ok(trailers())) };
    let mut response = Response::new(Full::new(messages).with_trailers(trailers));
    let kind = HeaderValue::from_static("application/grpc");
    response.headers_mut().insert(header::CONTENT_TYPE, kind);
    Ok(response)
}

fn trailers() -> HeaderMap {
    let mut trailers = HeaderMap::new();
    trailers.insert("grpc-status", HeaderValue::from_static("0"));
    trailers
}
