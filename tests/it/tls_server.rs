//! A server with TLS that tells a caller how it came.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Request, Response, Version};
use http_body::Frame;
use http_body_util::StreamBody;
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use rustls::ServerConfig;
use rustls::server::WebPkiClientVerifier;
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;

use crate::certificates::{Authority, Identity, provider};

/// What a server is like.
pub(crate) struct Server<'a> {
    pub(crate) identity: Identity,
    /// By ALPN.
    pub(crate) protocols: &'a [&'a str],
    /// Who signs the certificate that clients need, if they do.
    pub(crate) clients: Option<&'a Authority>,
}

impl Server<'_> {
    /// Starts it on a free port; it ends with the test's runtime.
    pub(crate) async fn start(self) -> SocketAddr {
        let config =
            ServerConfig::builder_with_provider(provider()).with_safe_default_protocol_versions();
        let config = match self.clients {
            None => config.expect("versions").with_no_client_auth(),
            Some(authority) => config.expect("versions").with_client_cert_verifier(
                WebPkiClientVerifier::builder_with_provider(authority.roots(), provider())
                    .build()
                    .expect("a verifier"),
            ),
        };
        let mut config = config
            .with_single_cert(self.identity.chain, self.identity.key)
            .expect("a certificate");
        config.alpn_protocols = self.protocols.iter().map(|name| (*name).into()).collect();
        let acceptor = TlsAcceptor::from(Arc::new(config));
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addr().expect("an address");
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(serve(acceptor.clone(), stream));
            }
        });
        address
    }
}

async fn serve(acceptor: TlsAcceptor, stream: tokio::net::TcpStream) {
    // A client that does not trust this server is one of the tests' subjects.
    let Ok(stream) = acceptor.accept(stream).await else {
        return;
    };
    let tls = stream.get_ref().1;
    let alpn = tls.alpn_protocol().map(String::from_utf8_lossy);
    let name = tls.server_name().unwrap_or("no name").to_owned();
    let told = format!("{name} {}", alpn.as_deref().unwrap_or("no protocol"));
    let is_http2 = alpn.as_deref() == Some("h2");
    let service = service_fn(move |request: Request<Incoming>| {
        let told = told.clone();
        async move { Ok::<_, Infallible>(answer(&request, &told)) }
    });
    // A client that goes away is none of the tests' subjects.
    let io = TokioIo::new(stream);
    if is_http2 {
        let server = hyper::server::conn::http2::Builder::new(TokioExecutor::new());
        drop(server.serve_connection(io, service).await);
    } else {
        let server = hyper::server::conn::http1::Builder::new();
        drop(server.serve_connection(io, service).await);
    }
}

type Frames = futures_util::stream::Iter<std::vec::IntoIter<Result<Frame<Bytes>, Infallible>>>;

/// Says the version and this; over HTTP/2 as a message of gRPC. To a health check of gRPC it says that it serves.
fn answer(request: &Request<Incoming>, told: &str) -> Response<StreamBody<Frames>> {
    let scheme = request.uri().scheme_str().unwrap_or("no scheme");
    let told = format!("{:?} {scheme} {told}", request.version());
    let is_grpc = request.version() == Version::HTTP_2;
    let frames = if is_grpc {
        let told = match request.uri().path() {
            "/grpc.health.v1.Health/Check" => b"\x08\x01",
            _ => told.as_bytes(),
        };
        let prefix = [0, 0, 0, 0, u8::try_from(told.len()).expect("a short text")];
        let message = [&prefix, told].concat();
        let mut trailers = HeaderMap::new();
        trailers.insert("grpc-status", HeaderValue::from_static("0"));
        vec![
            Ok(Frame::data(message.into())),
            Ok(Frame::trailers(trailers)),
        ]
    } else {
        vec![Ok(Frame::data(told.into()))]
    };
    let body = StreamBody::new(futures_util::stream::iter(frames));
    let mut response = Response::new(body);
    if is_grpc {
        let grpc = HeaderValue::from_static("application/grpc");
        response.headers_mut().insert("content-type", grpc);
    }
    response
}
