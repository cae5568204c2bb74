//! Loom: the real program, with a generated `loom.yaml`.

use std::collections::HashMap;
use std::fs;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use serde_json::{Value, json};
use tokio::process::Command;
use tokio::sync::mpsc::unbounded_channel;
use tokio::time::timeout;

use super::process::Process;
use super::{Host, Line, MARK, PluginSetup, Serving, Setup, UpstreamSetup};
use crate::Error;

/// How long the gateway may take to start: it compiles the modules in that time.
const START: Duration = Duration::from_secs(60);

/// The gateway of this workspace.
pub(crate) struct Loom {
    pub(crate) program: PathBuf,
}

/// What is read out of the log.
enum Said {
    Line(Line),
    Listening(String, SocketAddr),
}

impl Host for Loom {
    fn name(&self) -> &'static str {
        "loom"
    }

    fn batch(&self) -> usize {
        usize::MAX
    }

    async fn serve(&self, setups: &[Setup]) -> Result<Serving, Error> {
        let directory = tempfile::tempdir()?;
        let config = directory.path().join("loom.yaml");
        // JSON is YAML.
        fs::write(&config, serde_json::to_vec(&configuration(setups))?)?;
        let mut command = Command::new(&self.program);
        command.arg("-config").arg(&config);
        let (process, mut said) = Process::start(command, directory, read)?;

        let (sender, lines) = unbounded_channel();
        let mut found = HashMap::new();
        let waiting = async {
            while found.len() < setups.len() {
                match said.recv().await {
                    Some(Said::Listening(name, address)) => drop(found.insert(name, address)),
                    Some(Said::Line(line)) => drop(sender.send(line)),
                    None => return false,
                }
            }
            true
        };
        if !matches!(timeout(START, waiting).await, Ok(true)) {
            return Err(format!("loom did not start:\n{}", process.last_words()).into());
        }
        tokio::spawn(async move {
            while let Some(said) = said.recv().await {
                if let Said::Line(line) = said {
                    drop(sender.send(line));
                }
            }
        });
        let address = |setup: &Setup| found.get(&setup.named("web")).copied();
        let addresses = setups.iter().map(address).collect::<Option<_>>();
        Ok(Serving {
            addresses: addresses.ok_or("loom listens under other names")?,
            lines,
            process,
        })
    }
}

fn configuration(setups: &[Setup]) -> Value {
    let listener = |setup: &Setup| json!({"name": setup.named("web"), "address": "127.0.0.1:0"});
    let route = |setup: &Setup| {
        json!({
            "id": setup.named("route"),
            "path": "/*",
            "listeners": [setup.named("web")],
            "plugins": setup.plugins.iter().map(|plugin| &plugin.name).collect::<Vec<_>>(),
            "upstream": setup.named("main"),
        })
    };
    let upstream = |setup: &Setup| {
        let entry = |upstream: &UpstreamSetup| json!({"name": setup.named(&upstream.name), "endpoints": [upstream.address.to_string()]});
        setup.upstreams.iter().map(entry).collect::<Vec<_>>()
    };
    json!({
        "workers": 1,
        // Envoy has no such header.
        "error_header": false,
        "log": {"level": "info", "format": "json"},
        "listeners": setups.iter().map(listener).collect::<Vec<_>>(),
        "plugins": setups.iter().flat_map(|setup| &setup.plugins).map(plugin).collect::<Vec<_>>(),
        "routes": setups.iter().map(route).collect::<Vec<_>>(),
        "upstreams": setups.iter().flat_map(upstream).collect::<Vec<_>>(),
    })
}

fn plugin(setup: &PluginSetup) -> Value {
    // A dollar would begin the name of a variable.
    let text = |text: &str| text.replace('$', "$$");
    json!({
        "name": setup.name,
        "path": setup.module,
        "vm_id": setup.vm_id,
        "root_id": setup.plugin.root_id,
        "log_level": "trace",
        "config": text(&setup.plugin.script),
        "vm_configuration": text(&setup.plugin.vm_script),
        "env": setup.plugin.env,
        "failure_policy": if setup.plugin.fail_open { "open" } else { "closed" },
        "allow_on_headers_stop_iteration": setup.plugin.stop_iteration,
    })
}

fn read(line: &str) -> Option<Said> {
    let value: Value = serde_json::from_str(line).ok()?;
    let text = |key: &str| value[key].as_str().unwrap_or_default().to_owned();
    if value["message"] == "listening" {
        let address = text("address").parse().ok()?;
        return Some(Said::Listening(text("listener"), address));
    }
    let text_of_plugin = text("message").strip_prefix(MARK)?.to_owned();
    (value["target"] == "loom::plugin").then(|| {
        Said::Line(Line {
            plugin: text("plugin"),
            level: text("level").to_lowercase(),
            text: text_of_plugin,
        })
    })
}
