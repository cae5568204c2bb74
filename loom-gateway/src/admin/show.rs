//! What is configured and how it does, as JSON.

use serde_json::{Value, json};

use super::Shown;
use crate::app::{Reloaded, Reloader};

/// The plugins with what they did, and the VMs that they run in.
pub(super) fn plugins(gateway: &Reloader) -> Value {
    let (config, shown) = (gateway.config(), gateway.shown());
    let stats: Vec<_> = shown.plugins.iter().map(|plugin| plugin.stats()).collect();
    let plugins = config.plugins.iter().map(|plugin| {
        let stats = stats.iter().find(|(name, _)| *name == plugin.name);
        json!({
            "name": plugin.name,
            "file": plugin.path,
            "vm_id": plugin.vm_id.as_ref().unwrap_or(&plugin.name),
            "priority": plugin.priority,
            "service": plugin.service,
            "callbacks": stats.map(|(_, stats)| stats.callbacks),
            "local_replies": stats.map(|(_, stats)| stats.local_replies),
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
