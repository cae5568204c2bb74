//! gRPC calls and streams of plugins, to real servers.
//!
//! The plugin is `tests/guests/callouts`: it does what the request's headers say, and answers with what it was told.

mod bounds;
mod raw;
mod shapes;
mod streams;
mod tonic;

use std::time::Duration;

use http::StatusCode;
use loom_layer::{LoomPlugin, LoomPluginBuilder};

use super::support::{get, logs, runtime, send};
use crate::grpc_server::GrpcServer;

/// The plugin, in one VM.
pub(super) fn caller(name: &str) -> LoomPluginBuilder {
    logs::listen();
    LoomPlugin::builder(name)
        .file(crate::built::plugin("callouts").expect("it is in Rust"))
        .runtime(runtime())
        .instances(1)
        // These plugins send tens of megabytes in a callback, and a machine that runs all tests may stop a thread for long.
        .timeout(Duration::from_secs(5))
}

/// The plugin, and a server that it may call `grpc`, or `web` for HTTP calls, which then go over HTTP/2, too.
async fn with_server(name: &str) -> (LoomPlugin, GrpcServer) {
    let server = GrpcServer::start().await;
    let plugin = caller(name)
        .upstream("grpc", &format!("http://{}", server.address))
        .upstream("web", &format!("h2c://{}", server.address))
        .build_async()
        .await
        .expect("a plugin");
    (plugin, server)
}

/// Has the plugin make calls, and gives back what it was told.
pub(super) async fn ask(plugin: &LoomPlugin, plan: &[(&str, &str)]) -> String {
    let plan: Vec<_> = plan
        .iter()
        .map(|(when, steps)| (format!("x-{when}"), *steps))
        .collect();
    let plan: Vec<_> = plan.iter().map(|(name, steps)| (&**name, *steps)).collect();
    let answer = send(plugin.clone(), get(&plan)).await;
    assert_eq!(answer.status, StatusCode::OK);
    answer.body
}
