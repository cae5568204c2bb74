//! gRPC through the gateway: clients and servers of tonic's, and of exact bytes.

mod calls;
mod deadlines;
mod drain;
mod ends;
mod failures;
mod resets;

use std::fmt::Write as _;
use std::net::SocketAddr;

use bytes::Bytes;
use futures_util::Stream;
use http::uri::PathAndQuery;
use tonic::transport::{Channel, Endpoint};
use tonic::{Request, Response, Status, Streaming};

use super::support::within;
use crate::layer::Guest;
use crate::speaker::Plain;

/// A route for every request to this server, with these keys, behind these plugins.
struct Setup {
    folder: tempfile::TempDir,
    plugins: String,
    names: Vec<String>,
}

impl Setup {
    fn new() -> Self {
        Self {
            folder: tempfile::tempdir().expect("a folder"),
            plugins: String::new(),
            names: Vec::new(),
        }
    }

    fn plugin(mut self, name: &str, guest: &Guest) -> Self {
        let path = self.folder.path().join(format!("{name}.wasm"));
        std::fs::write(&path, guest.wasm()).expect("written");
        let path = path.display();
        writeln!(self.plugins, "  - {{name: {name}, path: '{path}'}}").expect("a string");
        self.names.push(name.to_owned());
        self
    }

    fn yaml(&self, server: SocketAddr, route: &str) -> String {
        let names = self.names.join(", ");
        let plugins = match self.plugins.as_str() {
            "" => String::new(),
            plugins => format!("plugins:\n{plugins}"),
        };
        format!(
            "{plugins}
routes: [{{id: all, path: '/*', plugins: [{names}], upstream: a{route}}}]
upstreams: [{{name: a, endpoints: ['{server}'], protocol: http2}}]"
        )
    }
}

/// A client of tonic's.
struct Client(tonic::client::Grpc<Channel>);

impl Client {
    async fn connect(address: SocketAddr) -> Self {
        let endpoint = Endpoint::from_shared(format!("http://{address}")).expect("a URL");
        let channel = within(endpoint.connect()).await.expect("a connection");
        Self(tonic::client::Grpc::new(channel))
    }

    async fn ready(&mut self) {
        within(self.0.ready()).await.expect("a connection");
    }

    /// One message there, one back.
    async fn unary(
        &mut self,
        path: &'static str,
        request: Request<Bytes>,
    ) -> Result<Response<Bytes>, Status> {
        self.ready().await;
        within(
            self.0
                .unary(request, PathAndQuery::from_static(path), Plain),
        )
        .await
    }

    /// Many messages there, many back.
    async fn streaming<S>(
        &mut self,
        path: &'static str,
        messages: S,
    ) -> Result<Response<Streaming<Bytes>>, Status>
    where
        S: Stream<Item = Bytes> + Send + 'static,
    {
        self.ready().await;
        let path = PathAndQuery::from_static(path);
        within(self.0.streaming(Request::new(messages), path, Plain)).await
    }
}

/// A request of this one message.
fn message(text: &'static str) -> Request<Bytes> {
    Request::new(Bytes::from_static(text.as_bytes()))
}
