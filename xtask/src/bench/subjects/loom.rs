//! Loom as it is shipped: every default, the access log included, which is off at the default level.

use std::fmt::Write as _;

use super::{Place, Task};

pub(super) fn config(task: &Task, place: &Place<'_>) -> String {
    let Task {
        workers,
        connections,
        ..
    } = task;
    let Place { listen, origin, .. } = place;
    let (tls, protocol) = (tls(task), if task.calls { "http2" } else { "http1" });
    let mut text = format!(
        "workers: {workers}\n\
         listeners: [{{address: \"{listen}\", limits: {{connections: {connections}}}{tls}}}]\n\
         upstreams: [{{name: origin, endpoints: [\"{origin}\"], protocol: {protocol}}}]\n"
    );
    text += &plugins(task);
    let names: Vec<_> = task.plugins.iter().map(|p| p.name.as_str()).collect();
    let names = names.join(", ");
    let _ = writeln!(
        text,
        "routes:\n  - {{id: all, path: /*, upstream: origin, plugins: [{names}]}}"
    );
    if let Some(generation) = task.generation {
        let _ = writeln!(
            text,
            "  - {{id: generation, path: /generation, respond: {{status: 200, body: \"{generation}\"}}}}"
        );
    }
    for number in 0..task.routes {
        let plugin = &task.plugins[0].name;
        let _ = writeln!(
            text,
            "  - {{id: r{number}, path: /service-{number}/*, upstream: origin, \
             plugins: [{{plugin: {plugin}, config: {{route: {number}}}}}]}}"
        );
    }
    text
}

fn tls(task: &Task) -> String {
    if !task.wire.tls {
        return String::new();
    }
    let (chain, key) = (&task.certificate.chain, &task.certificate.key);
    format!(
        ", tls: {{min_version: \"1.2\", certificates: [{{cert_file: \"{}\", key_file: \"{}\"}}]}}",
        chain.display(),
        key.display()
    )
}

fn plugins(task: &Task) -> String {
    if task.plugins.is_empty() {
        return String::new();
    }
    let instances = task
        .instances
        .map_or(String::new(), |count| format!(", instances: {count}"));
    let lines = task.plugins.iter().map(|plugin| {
        let (name, path) = (&plugin.name, plugin.module.display());
        format!("  - {{name: {name}, path: {path}{instances}}}\n")
    });
    format!("plugins:\n{}", lines.collect::<String>())
}
