//! The files for watching gateways: every name in them is one of the gateway's own.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use serde_json::Value;

use super::super::admin::{ADMIN, admin, page};
use super::super::support::{refused_address, start, without};
use super::production::production;
use super::read;
use crate::built::add_header;
use crate::certificates::Authority;

/// YAML of any kind.
fn yaml(file: &str) -> Value {
    without::value(&read(file)).unwrap_or_else(|faults| panic!("{file}: {faults}"))
}

#[test]
fn files_of_yaml_are_what_they_should_be() {
    let prometheus = yaml("observability/prometheus.yml");
    assert_eq!(prometheus["scrape_configs"][0]["metrics_path"], "/metrics");
    let alerts =
        Path::new("observability").join(prometheus["rule_files"][0].as_str().expect("a file"));
    let alerts = yaml(alerts.to_str().expect("UTF-8"));
    for rule in alerts["groups"][0]["rules"].as_array().expect("a list") {
        assert!(
            rule["alert"].is_string() && rule["expr"].is_string(),
            "{rule}"
        );
    }
    let collector = yaml("observability/otel-collector.yaml");
    let endpoint = collector["receivers"]["otlp"]["protocols"]["http"]["endpoint"].as_str();
    let port = endpoint
        .and_then(|endpoint| endpoint.rsplit(':').next())
        .expect("a port");
    let tracing = production().tracing.expect("it traces");
    let endpoint = tracing.otlp_endpoint;
    assert!(endpoint.contains(&format!(":{port}/")), "{endpoint}");
    let pipeline = &collector["service"]["pipelines"]["traces"];
    for kind in ["receivers", "processors", "exporters"] {
        for name in pipeline[kind].as_array().expect("a list") {
            assert!(
                collector[kind]
                    .get(name.as_str().expect("a name"))
                    .is_some(),
                "{name}"
            );
        }
    }
}

/// The names of metrics in a text.
fn named(text: &str) -> BTreeSet<String> {
    let is_part = |c: char| c.is_ascii_alphanumeric() || c == '_';
    let words = text
        .split(|c| !is_part(c))
        .filter(|word| word.starts_with("loom_"));
    words.map(str::to_owned).collect()
}

#[tokio::test]
async fn every_metric_that_is_named_is_one_and_every_one_is_documented() {
    let log = tempfile::tempdir().expect("a folder");
    let dead = refused_address().await;
    Authority::new().identity("a.test").write(log.path(), "a");
    let gateway = start(&format!(
        "{ADMIN}listeners:
  - {{name: web, address: '127.0.0.1:0'}}
  - {{name: secure, address: '127.0.0.1:0', tls: {{certificates: [{{cert_file: '{0}/a.pem', key_file: '{0}/a.key'}}]}}}}
tracing: {{otlp_endpoint: 'http://{dead}'}}
access_log: {{path: '{0}/log'}}
plugins: [{{name: header, path: '{1}'}}]
routes: [{{id: all, path: '/*', upstream: dead, plugins: [header], retry: {{}}}}]
upstreams: [{{name: dead, endpoints: ['{dead}']}}]",
        log.path().display(),
        add_header().display()
    ))
    .await;
    let address = super::super::support::address(&gateway);
    let request = "GET / HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n";
    super::super::support::Raw::exchange(address, request).await;
    let text = page(admin(&gateway), "/metrics").await;
    let series: BTreeSet<String> = text
        .lines()
        .filter(|line| !line.starts_with('#'))
        .filter_map(|line| line.split(['{', ' ']).next())
        .map(str::to_owned)
        .collect();
    assert!(series.len() > 20, "{series:?}");
    for file in ["grafana-dashboard.json", "alerts.yml"] {
        let named = named(&read(&format!("observability/{file}")));
        let unknown: Vec<_> = named.difference(&series).collect();
        assert!(named.len() > 5 && unknown.is_empty(), "{file}: {unknown:?}");
    }
    let docs = fs::read_to_string(xtask::root().join("docs/observability.md")).expect("a page");
    let documented = named(&docs);
    for name in &series {
        let family = ["_bucket", "_sum", "_count"]
            .iter()
            .find_map(|end| name.strip_suffix(end))
            .unwrap_or(name);
        assert!(
            documented.contains(family),
            "{family} is not in docs/observability.md"
        );
    }
}

#[test]
fn the_dashboard_is_one() {
    let dashboard: Value =
        serde_json::from_str(&read("observability/grafana-dashboard.json")).expect("JSON");
    let panels = dashboard["panels"].as_array().expect("a list");
    let mut ids = BTreeSet::new();
    for panel in panels {
        assert!(ids.insert(panel["id"].as_u64().expect("an id")), "{panel}");
        if panel["type"] != "row" {
            assert!(panel["targets"][0]["expr"].is_string(), "{panel}");
        }
    }
    assert!(panels.len() > 10);
}
