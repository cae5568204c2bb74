//! The files for running it: every name in them is one of the gateway's own.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use loom_config::{Config, Loader};
use serde_json::Value;

use super::super::admin::{ADMIN, admin, page};
use super::super::support::{program, refused_address, start};
use crate::built::add_header;
use crate::certificates::Authority;

fn read(file: &str) -> String {
    let path = xtask::root().join("examples").join(file);
    fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

fn production() -> Config {
    let loader = Loader::new([("ADMIN_TOKEN".to_owned(), "0123456789abcdef".to_owned())]);
    let config = loader.parse("loom.yaml", &read("production/loom.yaml"));
    config.unwrap_or_else(|faults| panic!("{faults}"))
}

/// The values of a key of a unit.
fn of_unit<'a>(unit: &'a str, key: &'a str) -> impl Iterator<Item = &'a str> {
    let lines = unit.lines().filter_map(|line| line.split_once('='));
    lines
        .filter(move |(name, _)| *name == key)
        .map(|(_, value)| value)
}

/// YAML of any kind, as what a plugin would get of it.
fn yaml(file: &str) -> Value {
    let lines: String = read(file)
        .lines()
        .map(|line| format!("      {line}\n"))
        .collect();
    let whole = format!("plugins:\n  - name: a\n    path: a.wasm\n    config:\n{lines}");
    let config = Loader::new([]).parse(file, &whole);
    let config = config.unwrap_or_else(|faults| panic!("{faults}"));
    serde_json::from_slice(config.plugins[0].config.as_ref().expect("it is there")).expect("JSON")
}

#[test]
fn units_agree_with_the_configuration() {
    let (service, socket) = (
        read("production/loom.service"),
        read("production/loom.socket"),
    );
    let config = production();
    let name = of_unit(&socket, "FileDescriptorName")
        .next()
        .expect("a name");
    let listener = config
        .listeners
        .iter()
        .find(|listener| listener.name == name);
    let address = listener
        .expect("a listener of the socket's name")
        .address
        .to_string();
    assert_eq!(of_unit(&socket, "ListenStream").next(), Some(&*address));
    let stop = of_unit(&service, "TimeoutStopSec").next().expect("a time");
    let stop: u64 = stop.trim_end_matches('s').parse().expect("seconds");
    let shutdown = config.shutdown.delay + config.shutdown.drain_timeout;
    assert!(
        Duration::from_secs(stop) > shutdown,
        "{stop} s and {shutdown:?}"
    );
    assert_eq!(
        of_unit(&service, "MemoryDenyWriteExecute").next(),
        None,
        "plugins are compiled"
    );
}

#[test]
fn systemd_understands_the_units() {
    let folder = tempfile::tempdir().expect("a folder");
    for unit in ["loom.service", "loom.socket"] {
        let text = read(&format!("production/{unit}"));
        let program = program().to_str().expect("a path in UTF-8");
        let text = text.replace("/usr/local/bin/loom", program);
        fs::write(folder.path().join(unit), text).expect("written");
    }
    let verify = Command::new("systemd-analyze")
        .args(["verify", "--man=no", "loom.service", "loom.socket"])
        .current_dir(folder.path())
        .output();
    let Ok(verify) = verify else {
        eprintln!("SKIPPED: there is no systemd-analyze");
        return;
    };
    let said = String::from_utf8_lossy(&verify.stderr);
    let about = said.lines().filter(|line| line.contains("loom"));
    assert_eq!(about.collect::<Vec<_>>(), [""; 0], "{said}");
}

#[test]
fn the_image_is_built_with_the_compiler_of_the_workspace() {
    let dockerfile = read("production/Dockerfile");
    let toolchain = fs::read_to_string(xtask::root().join("rust-toolchain.toml")).expect("a file");
    let channel = toolchain.split('"').nth(1).expect("a channel");
    let minor = channel.rsplit_once('.').expect("three numbers").0;
    assert!(
        dockerfile.contains(&format!("FROM rust:{minor}-")),
        "{channel}"
    );
    assert!(dockerfile.contains("\nUSER nonroot\n"));
    let help = Command::new(program())
        .arg("--help")
        .output()
        .expect("it runs");
    let help = String::from_utf8_lossy(&help.stdout).into_owned();
    assert!(
        dockerfile.contains("\"loom\", \"health\"") && help.contains("  health "),
        "{help}"
    );
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
