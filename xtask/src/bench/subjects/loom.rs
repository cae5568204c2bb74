//! Loom as it is shipped: every default, the access log included, which is off at the default level.

use super::{Place, Task};

pub(super) fn config(task: &Task, place: &Place<'_>) -> String {
    let Task {
        workers,
        connections,
        ..
    } = task;
    let Place { listen, origin, .. } = place;
    let mut text = format!(
        "workers: {workers}\n\
         listeners: [{{address: \"{listen}\", limits: {{connections: {connections}}}}}]\n\
         upstreams: [{{name: origin, endpoints: [\"{origin}\"]}}]\n"
    );
    if !task.plugins.is_empty() {
        text += "plugins:\n";
    }
    let instances = task
        .instances
        .map_or(String::new(), |count| format!(", instances: {count}"));
    for plugin in &task.plugins {
        text += &format!(
            "  - {{name: {}, path: {}{instances}}}\n",
            plugin.name,
            plugin.module.display()
        );
    }
    let names: Vec<_> = task.plugins.iter().map(|p| p.name.as_str()).collect();
    let names = names.join(", ");
    text += &format!("routes:\n  - {{id: all, path: /*, upstream: origin, plugins: [{names}]}}\n");
    for number in 0..task.routes {
        let plugin = &task.plugins[0].name;
        text += &format!(
            "  - {{id: r{number}, path: /service-{number}/*, upstream: origin, \
             plugins: [{{plugin: {plugin}, config: {{route: {number}}}}}]}}\n"
        );
    }
    text
}
