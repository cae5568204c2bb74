//! Envoy with the same plugins in its V8. It writes no access log unless it is told to.

use std::path::Path;
use std::process::Command;

use serde_json::{Value, json};

use super::{Place, Plugin, Task};

const TYPES: &str = "type.googleapis.com/envoy.extensions";

pub(super) fn arguments<'a>(command: &'a mut Command, task: &Task, file: &Path) -> &'a mut Command {
    command
        .arg("--config-path")
        .arg(file)
        .arg("--concurrency")
        .arg(task.workers.to_string())
        // Several may run on one machine.
        .arg("--disable-hot-restart")
}

/// JSON, which is YAML too.
pub(super) fn config(task: &Task, place: &Place<'_>) -> String {
    let mut filters: Vec<_> = task.plugins.iter().map(filter).collect();
    filters.push(json!({
        "name": "router",
        "typed_config": {"@type": format!("{TYPES}.filters.http.router.v3.Router")},
    }));
    let manager = json!({
        "@type": format!("{TYPES}.filters.network.http_connection_manager.v3.HttpConnectionManager"),
        "stat_prefix": "front",
        "codec_type": "AUTO",
        "use_remote_address": true,
        "route_config": {"virtual_hosts": [{
            "name": "all",
            "domains": ["*"],
            "routes": [{"match": {"prefix": "/"}, "route": {"cluster": "origin", "timeout": "0s"}}],
        }]},
        "http_filters": filters,
    });
    let mut chain = json!({"filters": [{"name": "http", "typed_config": manager}]});
    if task.wire.tls {
        chain["transport_socket"] = tls(task);
    }
    let text = json!({"static_resources": {
        "listeners": [{
            "name": "front",
            "address": address(place.listen),
            "filter_chains": [chain],
        }],
        "clusters": [cluster(task, place)],
    }});
    format!("{text:#}\n")
}

fn cluster(task: &Task, place: &Place<'_>) -> Value {
    let mut cluster = json!({
        "name": "origin",
        "type": "STATIC",
        "connect_timeout": "5s",
        "load_assignment": {"cluster_name": "origin", "endpoints": [{"lb_endpoints": [
            {"endpoint": {"address": address(place.origin)}},
        ]}]},
    });
    if task.calls {
        let options = "envoy.extensions.upstreams.http.v3.HttpProtocolOptions";
        cluster["typed_extension_protocol_options"] = json!({options: {
            "@type": format!("{TYPES}.upstreams.http.v3.HttpProtocolOptions"),
            "explicit_http_config": {"http2_protocol_options": {}},
        }});
    }
    cluster
}

fn tls(task: &Task) -> Value {
    let certificate = &task.certificate;
    json!({
        "name": "envoy.transport_sockets.tls",
        "typed_config": {
            "@type": format!("{TYPES}.transport_sockets.tls.v3.DownstreamTlsContext"),
            "common_tls_context": {
                "alpn_protocols": ["h2", "http/1.1"],
                "tls_params": {"tls_minimum_protocol_version": "TLSv1_2", "tls_maximum_protocol_version": "TLSv1_3"},
                "tls_certificates": [{
                    "certificate_chain": {"filename": certificate.chain},
                    "private_key": {"filename": certificate.key},
                }],
            },
        },
    })
}

fn filter(plugin: &Plugin) -> Value {
    json!({
        "name": plugin.name,
        "typed_config": {
            "@type": format!("{TYPES}.filters.http.wasm.v3.Wasm"),
            "config": {
                "name": plugin.name,
                "vm_config": {
                    "vm_id": plugin.name,
                    "runtime": "envoy.wasm.runtime.v8",
                    "code": {"local": {"filename": plugin.module}},
                },
            },
        },
    })
}

fn address(address: std::net::SocketAddr) -> Value {
    json!({"socket_address": {"address": address.ip().to_string(), "port_value": address.port()}})
}
