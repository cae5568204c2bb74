//! What the layer, starts, reloads and memory may cost.

use super::{Measured, Reached, Target, microseconds};
use crate::bench::stats;
use crate::bench::subjects::Kind::{Loom, Nginx};

impl Measured<'_> {
    pub(super) fn layer(&self) -> Vec<Target> {
        vec![
            Target::new(
                "Layer with the header plugin around a service that does nothing",
                "at most 0.9 us over the service",
                self.over("layer/header plugin x1", "layer/bare service")
                    .map(|us| microseconds(us, 0.9)),
            )
            .floor(self.guest_of_layer()),
            Target::new(
                "A plugin without callbacks",
                "no measurable cost",
                self.over("layer/plugin without callbacks", "layer/no plugin")
                    .map(|us| microseconds(us, 0.02)),
            )
            .floor(self.chain_without_plugins()),
            Target::new(
                "Matching among 10,000 routes",
                "at most 1 us over 10 routes",
                self.over("routes/10000", "routes/10")
                    .map(|us| microseconds(us, 1.0)),
            ),
        ]
    }

    pub(super) fn starts(&self) -> Vec<Target> {
        let start = self
            .row("start-1", Loom)
            .map(|row| stats::median(row.start_ms.clone()));
        let cached = self
            .library
            .nanoseconds("loading/10 plugins, from the cache");
        vec![
            Target::new(
                "Loading 10 plugins of 130 KB from the compile cache",
                "at most 30 ms",
                cached.map(|ns| milliseconds(ns / 1e6, 30.0)),
            ),
            Target::new(
                "From the start to the first answer, with a warm cache",
                "at most 50 ms",
                start.map(|ms| milliseconds(ms, 50.0)),
            ),
        ]
    }

    pub(super) fn reloads(&self) -> Vec<Target> {
        let row = self.row("reload", Loom);
        let in_force = row.filter(|row| !row.reload_ms.is_empty());
        let under_load = row.and_then(|row| row.reloading);
        let of_nginx = self
            .row("reload", Nginx)
            .and_then(|row| row.reloading)
            .map_or(String::new(), |nginx| {
                format!(" (nginx: {} of {})", nginx.failed, nginx.answered)
            });
        vec![
            Target::new(
                "A reload with 10 plugins and 1,000 routes, until it is in force",
                "at most 100 ms",
                in_force.map(|row| milliseconds(stats::median(row.reload_ms.clone()), 100.0)),
            )
            .floor(self.reload_of_nginx()),
            Target::new(
                "Requests that fail while the configuration changes each second",
                "none",
                under_load.map(|loom| Reached {
                    text: format!(
                        "{} of {} over {} reloads{of_nginx}",
                        loom.failed, loom.answered, loom.changes
                    ),
                    is_met: Some(loom.failed == 0),
                }),
            ),
        ]
    }

    pub(super) fn memory(&self) -> Vec<Target> {
        let each = |case, most: f64| {
            let bytes = self.row(case, Loom)?.bytes_each?;
            Some(Reached {
                text: format!("{:.1} KiB", bytes / 1024.0),
                is_met: Some(bytes <= most),
            })
        };
        vec![
            Target::new(
                "A further VM of a plugin, its memory included",
                "at most 256 KiB beyond the module's own",
                each("memory-vms", 256.0 * 1024.0),
            ),
            Target::new(
                "A connection that rests",
                "at most 16 KiB",
                each("idle", 16.0 * 1024.0),
            )
            .floor(self.bare_connection("idle")),
            Target::new(
                "A TLS connection that rests",
                "at most 32 KiB",
                each("idle-tls", 32.0 * 1024.0),
            )
            .floor(self.bare_connection("idle-tls")),
            Target::new(
                "A plugin of its own, loaded",
                "at most 1.6 MB",
                each("memory-plugins", 1.6e6),
            ),
            Target::new(
                "A route with a configuration of its own",
                "at most 32 KiB",
                each("memory-routes", 32.0 * 1024.0),
            ),
        ]
    }
}

fn milliseconds(value: f64, most: f64) -> Reached {
    Reached {
        text: format!("{value:.0} ms"),
        is_met: Some(value <= most),
    }
}
