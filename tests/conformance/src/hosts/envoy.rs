//! Envoy, with a generated static configuration.

use std::collections::HashMap;
use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::process::Command;
use tokio::time::{Instant, sleep};

use super::process::Process;
use super::{Host, Line, MARK, PluginSetup, Serving, Setup, UpstreamSetup};
use crate::Error;

/// How long Envoy may take to start.
const START: Duration = Duration::from_secs(60);

/// An Envoy, by its program.
pub(crate) struct Envoy {
    pub(crate) program: PathBuf,
}

impl Host for Envoy {
    fn name(&self) -> &'static str {
        "envoy"
    }

    fn batch(&self) -> usize {
        // Each plugin is three VMs here: one for checking, one for the main thread, one for the worker.
        60
    }

    async fn serve(&self, setups: &[Setup]) -> Result<Serving, Error> {
        let directory = tempfile::tempdir()?;
        let config = directory.path().join("envoy.json");
        let admin = directory.path().join("admin");
        fs::write(&config, serde_json::to_vec(&configuration(setups))?)?;
        let mut command = Command::new(&self.program);
        command.arg("--config-path").arg(&config);
        command.arg("--admin-address-path").arg(&admin);
        command.args(["--concurrency", "1", "--base-id", &base_id()]);
        command.args([
            "--log-level",
            "warning",
            "--component-log-level",
            "wasm:trace",
        ]);
        command.args(["--log-format", "%l|%v", "--disable-hot-restart"]);
        let roots = roots(setups);
        let read = move |line: &str| read(line, &roots);
        let (mut process, lines) = Process::start(command, directory, read)?;
        let found = listeners(&mut process, &admin, setups.len()).await?;
        let address = |setup: &Setup| found.get(&setup.named("web")).copied();
        let addresses = setups.iter().map(address).collect::<Option<_>>();
        Ok(Serving {
            addresses: addresses.ok_or("Envoy listens under other names")?,
            lines,
            process,
        })
    }
}

/// Several Envoys on one machine need different ones.
fn base_id() -> String {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    let next = NEXT.fetch_add(1, Ordering::Relaxed);
    (std::process::id() % 100_000 * 100 + next % 100).to_string()
}

/// Waits until all listeners are there, and gives back their addresses by name.
async fn listeners(
    process: &mut Process,
    admin: &Path,
    count: usize,
) -> Result<HashMap<String, SocketAddr>, Error> {
    let begin = Instant::now();
    loop {
        if let Some(status) = process.ended() {
            return Err(format!("Envoy ended ({status}):\n{}", process.last_words()).into());
        }
        if let Ok(address) = fs::read_to_string(admin)
            && let Ok(found) = ask(&address).await
            && found.len() == count
        {
            return Ok(found);
        }
        if begin.elapsed() > START {
            return Err(format!("Envoy did not start:\n{}", process.last_words()).into());
        }
        sleep(Duration::from_millis(50)).await;
    }
}

/// Asks the administration interface for the listeners. None of them is named before it is bound.
async fn ask(admin: &str) -> Result<HashMap<String, SocketAddr>, Error> {
    let get = async |path: &str| -> Result<String, Error> {
        let mut stream = TcpStream::connect(admin).await?;
        let request = format!("GET {path} HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n");
        stream.write_all(request.as_bytes()).await?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await?;
        Ok(answer)
    };
    if !get("/ready").await?.starts_with("HTTP/1.1 200") {
        return Err("not ready".into());
    }
    let text = get("/listeners").await?;
    let entry = |line: &str| {
        let (name, address) = line.split_once("::")?;
        Some((name.to_owned(), address.trim().parse().ok()?))
    };
    Ok(text.lines().filter_map(entry).collect())
}

fn configuration(setups: &[Setup]) -> Value {
    let clusters = setups.iter().flat_map(|setup| {
        let cluster = |upstream: &UpstreamSetup| cluster(&setup.named(&upstream.name), upstream);
        setup.upstreams.iter().map(cluster).collect::<Vec<_>>()
    });
    json!({
        "admin": {"address": socket(SocketAddr::from(([127, 0, 0, 1], 0)))},
        "static_resources": {
            "listeners": setups.iter().map(listener).collect::<Vec<_>>(),
            "clusters": clusters.collect::<Vec<_>>(),
        },
    })
}

fn socket(address: SocketAddr) -> Value {
    json!({"socket_address": {"address": address.ip().to_string(), "port_value": address.port()}})
}

fn cluster(name: &str, upstream: &UpstreamSetup) -> Value {
    let protocol = match upstream.http2 {
        true => json!({"http2_protocol_options": {}}),
        false => json!({"http_protocol_options": {"enable_trailers": true}}),
    };
    json!({
        "name": name,
        "type": "STATIC",
        "connect_timeout": "5s",
        "load_assignment": {"cluster_name": name, "endpoints": [
            {"lb_endpoints": [{"endpoint": {"address": socket(upstream.address)}}]}
        ]},
        "typed_extension_protocol_options": {
            "envoy.extensions.upstreams.http.v3.HttpProtocolOptions": {
                "@type": "type.googleapis.com/envoy.extensions.upstreams.http.v3.HttpProtocolOptions",
                "explicit_http_config": protocol,
            },
        },
    })
}

fn listener(setup: &Setup) -> Value {
    let mut filters = vec![border("request", &REQUEST_BORDER)];
    filters.extend(setup.plugins.iter().map(plugin));
    filters.push(border("response", &[Border::Remove("transfer-encoding")]));
    filters.push(json!({
        "name": "envoy.filters.http.router",
        "typed_config": {
            "@type": "type.googleapis.com/envoy.extensions.filters.http.router.v3.Router",
            "suppress_envoy_headers": true,
        },
    }));
    json!({
        "name": setup.named("web"),
        "address": socket(SocketAddr::from(([127, 0, 0, 1], 0))),
        "filter_chains": [{"filters": [{
            "name": "envoy.filters.network.http_connection_manager",
            "typed_config": {
                "@type": "type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager",
                "stat_prefix": "web",
                "use_remote_address": true,
                "http_protocol_options": {"enable_trailers": true},
                "http2_protocol_options": {},
                "server_header_transformation": "PASS_THROUGH",
                "route_config": {"name": setup.named("routes"), "virtual_hosts": [{
                    "name": setup.named("host"),
                    "domains": ["*"],
                    "routes": [{
                        "name": setup.named("route"),
                        "match": {"prefix": "/"},
                        "route": {"cluster": setup.named("main"), "timeout": "0s"},
                    }],
                }]},
                "http_filters": filters,
            },
        }]}],
    })
}

/// What is done to headers before plugins see them, so that Envoy's plugins find what those of Loom find behind its
/// border, and counts and sizes can be compared.
enum Border {
    Remove(&'static str),
    Add(&'static str, &'static str),
}

const REQUEST_BORDER: [Border; 3] = [
    Border::Remove("transfer-encoding"),
    Border::Remove("x-envoy-external-address"),
    Border::Add("x-forwarded-host", "%REQ(:AUTHORITY)%"),
];

fn border(direction: &str, changes: &[Border]) -> Value {
    let mutation = |change: &Border| match change {
        Border::Remove(name) => json!({"remove": name}),
        Border::Add(name, value) => json!({"append": {
            "header": {"key": name, "value": value},
            "append_action": "OVERWRITE_IF_EXISTS_OR_ADD",
        }}),
    };
    let mutations: Vec<_> = changes.iter().map(mutation).collect();
    json!({
        "name": "envoy.filters.http.header_mutation",
        "typed_config": {
            "@type": "type.googleapis.com/envoy.extensions.filters.http.header_mutation.v3.HeaderMutation",
            "mutations": {format!("{direction}_mutations"): mutations},
        },
    })
}

fn plugin(setup: &PluginSetup) -> Value {
    let text = |text: &str| json!({"@type": "type.googleapis.com/google.protobuf.StringValue", "value": text});
    let mut vm = json!({
        "vm_id": setup.vm_id,
        "runtime": "envoy.wasm.runtime.v8",
        "code": {"local": {"filename": setup.module}},
    });
    if !setup.plugin.vm_script.is_empty() {
        vm["configuration"] = text(&setup.plugin.vm_script);
    }
    if !setup.plugin.env.is_empty() {
        vm["environment_variables"] = json!({"key_values": setup.plugin.env});
    }
    json!({
        "name": "envoy.filters.http.wasm",
        "typed_config": {
            "@type": "type.googleapis.com/envoy.extensions.filters.http.wasm.v3.Wasm",
            "config": {
                "name": setup.name,
                "root_id": setup.plugin.root_id,
                "vm_config": vm,
                "configuration": text(&setup.plugin.script),
                "failure_policy": if setup.plugin.fail_open { "FAIL_OPEN" } else { "FAIL_CLOSED" },
                "allow_on_headers_stop_iteration": setup.plugin.stop_iteration,
            },
        },
    })
}

/// The plugins by what lines of their root contexts begin with: `root_id` and `vm_id`, in place of the name.
fn roots(setups: &[Setup]) -> Arc<HashMap<String, String>> {
    let plugins = setups.iter().flat_map(|setup| &setup.plugins);
    let about = |plugin: &PluginSetup| format!("{} {}", plugin.plugin.root_id, plugin.vm_id);
    let entries = plugins.map(|plugin| (about(plugin).trim().to_owned(), plugin.name.clone()));
    Arc::new(entries.collect())
}

fn read(line: &str, roots: &HashMap<String, String>) -> Option<Line> {
    let (level, message) = line.split_once('|')?;
    let (about, text) = message.strip_prefix("wasm log ")?.split_once(": ")?;
    let text = text.strip_prefix(MARK)?;
    let plugin = match roots.get(about.trim()) {
        Some(plugin) => plugin.as_str(),
        None => about.split(' ').next()?,
    };
    let level = if level == "warning" { "warn" } else { level };
    Some(Line {
        plugin: plugin.to_owned(),
        level: level.to_owned(),
        text: text.to_owned(),
    })
}
