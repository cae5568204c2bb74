//! What is configured and how it does, as JSON.

use std::collections::BTreeMap;
use std::time::SystemTime;

use humantime::format_rfc3339_seconds;
use loom_config::model::{Config, PluginSource};
use serde_json::{Value, json};

use super::Shown;
use crate::app::{Reloaded, Reloader};

/// The plugins with what they did, and the VMs that they run in.
pub(super) fn plugins(gateway: &Reloader) -> Value {
    let (config, shown) = (gateway.config(), gateway.shown());
    let stats = shown.plugins.stats();
    let ids = ids(&config);
    let plugins = config.plugins.iter().map(|plugin| {
        let own = stats.get(&plugin.name);
        let ids = ids.iter().filter(|(_, of)| **of == plugin.name);
        let ids = ids.map(|(id, _)| {
            let stats = stats.get(*id);
            let numbers = json!({
                "callbacks": stats.map(|stats| stats.callbacks),
                "local_replies": stats.map(|stats| stats.local_replies),
            });
            ((*id).to_owned(), numbers)
        });
        json!({
            "name": plugin.name,
            "file": plugin.source.path(),
            "url": url(&plugin.source),
            "vm_id": plugin.vm_id.as_ref().unwrap_or(&plugin.name),
            "priority": plugin.priority,
            "service": plugin.service,
            "callbacks": own.map(|stats| stats.callbacks),
            "local_replies": own.map(|stats| stats.local_replies),
            "ids": ids.collect::<Value>(),
        })
    });
    let vms = gateway.host().runtime.vm_stats();
    let vms = vms.iter().map(|vm| {
        json!({
            "vm_id": *vm.vm_id,
            "instances": vm.instances,
            "healthy": vm.healthy,
            "memory_bytes": vm.memory_bytes,
            "failures": {"trap": vm.traps, "deadline": vm.deadlines, "memory": vm.out_of_memory},
            "restarts": vm.restarts,
        })
    });
    json!({ "plugins": plugins.collect::<Value>(), "vms": vms.collect::<Value>() })
}

/// Where a plugin was fetched from.
fn url(source: &PluginSource) -> Option<String> {
    match source {
        PluginSource::File { .. } => None,
        PluginSource::Url(from) => Some(from.to_string()),
    }
}

/// The ids that plugins have in lists, each with its plugin's name.
fn ids(config: &Config) -> BTreeMap<&str, &str> {
    let routes = config.routes.iter().flat_map(|route| &route.plugins);
    let listeners = config.listeners.iter().flat_map(|one| &one.plugins);
    let uses = routes.chain(listeners);
    uses.filter_map(|one| {
        let plugin = config.plugins.get(one.plugin)?;
        Some((one.overrides.id.as_deref()?, plugin.name.as_str()))
    })
    .collect()
}

/// What a reload did.
pub(super) fn reloaded(reloaded: &Reloaded) -> Value {
    let (kept, opened, closed) = reloaded.listeners;
    json!({
        "listeners": {"kept": kept, "opened": opened, "closed": closed},
        "plugins": {"kept": reloaded.plugins.0, "started": reloaded.plugins.1},
        "upstreams": {"kept": reloaded.upstreams.0, "new": reloaded.upstreams.1},
        "took_ms": u64::try_from(reloaded.took.as_millis()).unwrap_or(u64::MAX),
    })
}

/// The upstreams, each with what it knows of its endpoints.
pub(super) fn upstreams(shown: &Shown) -> Value {
    let upstreams = shown.upstreams.iter().map(|upstream| upstream.show());
    json!({ "upstreams": upstreams.collect::<Value>() })
}

/// The certificates that listeners show, and how long each is good for.
pub(super) fn certificates(shown: &Shown) -> Value {
    let now = SystemTime::now();
    let time = |time| format_rfc3339_seconds(time).to_string();
    let certificates = shown.certificates.iter().map(|certificate| {
        json!({
            "listener": certificate.listener,
            "name": certificate.name,
            "dns_names": certificate.dns_names,
            "file": certificate.file,
            "not_before": time(certificate.not_before),
            "not_after": time(certificate.not_after),
            "expired": certificate.not_after < now,
        })
    });
    json!({ "certificates": certificates.collect::<Value>() })
}
