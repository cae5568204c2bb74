//! The example plugins, each run as its `loom.yaml` says, through the real program.

mod add_header;
mod auth_callout;
mod body_rewrite;
mod configurations;
mod grpc;
mod json_validation;
mod metrics_log;
mod observability;
mod plugin_api;
mod production;
mod rate_limit;
mod websocket_chat;

use std::net::SocketAddr;

use bytes::Bytes;
use http::{Request, StatusCode};
use http_body_util::Full;
use serde_json::Value;

use super::support::{Loom, http1, text, within};
use crate::built;

/// Where the examples listen and find their plugins.
const ADDRESS: &str = "127.0.0.1:8080";
const PLUGINS: &str = "../../target/plugins";

/// A file of the examples.
fn read(file: &str) -> String {
    let path = xtask::root().join("examples").join(file);
    std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// An example that runs.
struct Example {
    loom: Loom,
    address: SocketAddr,
    _folder: tempfile::TempDir,
}

/// What a client gets.
struct Answer {
    status: StatusCode,
    headers: http::HeaderMap,
    body: String,
}

impl Example {
    /// Builds the plugin of `examples/plugins/NAME` and starts the gateway with the configuration beside it. `None`: no
    /// compiler.
    async fn start(name: &str) -> Option<Self> {
        Self::start_with(name, &[]).await
    }

    /// As [`start`](Self::start), with texts of the configuration replaced.
    async fn start_with(name: &str, changes: &[(&str, &str)]) -> Option<Self> {
        let up = format!("../{PLUGINS}");
        Self::of(&format!("plugins/{name}"), name, &up, changes).await
    }

    /// Starts the gateway with the configuration of `examples/FOLDER`, which finds this plugin in `plugins`.
    async fn of(
        folder: &str,
        plugin: &str,
        plugins: &str,
        changes: &[(&str, &str)],
    ) -> Option<Self> {
        let module = built::plugin(plugin)?;
        let built = module.parent()?.to_str().expect("a path in UTF-8");
        let file = xtask::root().join(format!("examples/{folder}/loom.yaml"));
        let mut yaml = std::fs::read_to_string(file).expect("a configuration");
        // Where the file lies, and a port that is free.
        for (from, to) in [(plugins, built), (ADDRESS, "127.0.0.1:0")]
            .iter()
            .chain(changes)
        {
            assert!(yaml.contains(from), "{folder} lacks {from}");
            yaml = yaml.replace(from, to);
        }
        Some(Self::run(&yaml).await)
    }

    /// Starts the gateway with this configuration, which has a listener on a free port.
    async fn run(yaml: &str) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        std::fs::write(folder.path().join("loom.yaml"), yaml).expect("written");
        let mut loom = Loom::start(folder.path(), &["-config", "loom.yaml"]);
        let address = loom.address().await;
        Self {
            loom,
            address,
            _folder: folder,
        }
    }

    /// Sends one request with this body, on a connection of its own.
    async fn send(&self, request: http::request::Builder, body: impl Into<Bytes>) -> Answer {
        let request = request.header("host", "example");
        let request = request.body(Full::new(body.into())).expect("a request");
        let mut connection = http1(self.address).await;
        let response = within(connection.send_request(request))
            .await
            .expect("a response");
        Answer {
            status: response.status(),
            headers: response.headers().clone(),
            body: text(response).await,
        }
    }

    async fn get(&self, path: &str) -> Answer {
        self.send(Request::get(path), "").await
    }
}

impl Answer {
    fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("{error}: {}", self.body))
    }

    /// A header of the request as the echo upstream got it.
    fn seen(&self, name: &str) -> Value {
        self.json()["headers"][name][0].clone()
    }

    fn header(&self, name: &str) -> &str {
        self.headers
            .get(name)
            .map_or("", |value| value.to_str().expect("text"))
    }
}
