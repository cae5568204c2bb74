//! The state of upstreams and their endpoints, and how long plugins take, as Prometheus reads it. All of it is asked for
//! when it is read.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use loom_layer::PluginStats;
use prometheus_client::encoding::NoLabelSet;
use prometheus_client::metrics::MetricType;

use super::expose::Page;
use crate::proxy::{EndpointHealth, EndpointStatus, UpstreamStatus};

impl Page<'_, '_> {
    /// Of upstreams that have servers.
    pub(super) fn pools(&mut self, upstreams: &[UpstreamStatus]) -> fmt::Result {
        let sum = |value: fn(&EndpointStatus) -> usize| {
            move |upstream: &UpstreamStatus| {
                let endpoints = upstream.endpoints.iter();
                endpoints.map(value).sum::<usize>() as u64
            }
        };
        let (active, idle) = (
            sum(EndpointStatus::active_connections),
            sum(|endpoint| endpoint.idle_connections),
        );
        self.gauge(
            "loom_upstream_connections",
            "Open connections to the servers of an upstream, by whether a request uses them.",
            upstreams.iter().flat_map(|upstream| {
                let name = upstream.name.as_str();
                [
                    ([("upstream", name), ("state", "active")], active(upstream)),
                    ([("upstream", name), ("state", "idle")], idle(upstream)),
                ]
            }),
        )?;
        let each = |value: fn(&UpstreamStatus) -> u64| {
            upstreams
                .iter()
                .map(move |one| ([("upstream", one.name.as_str())], value(one)))
        };
        self.gauge(
            "loom_upstream_pending",
            "Requests that wait until the limits of an upstream let them be under way.",
            each(|one| one.pending as u64),
        )?;
        self.gauge(
            "loom_upstream_panicking",
            "1 when so few servers of an upstream may be used that all are.",
            each(|one| u64::from(one.panicking)),
        )?;
        self.counter(
            "loom_upstream_retries",
            "Requests that were sent once more, and those that were not since the budget was used up.",
            upstreams.iter().flat_map(|one| {
                let name = one.name.as_str();
                [
                    ([("upstream", name), ("result", "sent")], one.retries),
                    ([("upstream", name), ("result", "refused")], one.retries_refused),
                ]
            }),
        )?;
        self.counter(
            "loom_upstream_ejections",
            "How often a server of an upstream was left out for a while, since its requests failed.",
            each(|one| one.ejections),
        )?;
        self.counter(
            "loom_upstream_health_checks",
            "Health checks of the servers of an upstream.",
            upstreams.iter().flat_map(|one| {
                let name = one.name.as_str();
                [
                    (
                        [("upstream", name), ("result", "passed")],
                        one.checks_passed,
                    ),
                    (
                        [("upstream", name), ("result", "failed")],
                        one.checks_failed,
                    ),
                ]
            }),
        )?;
        self.counter(
            "loom_upstream_lookups",
            "How often the names of servers of an upstream were looked up.",
            upstreams.iter().flat_map(|one| {
                let name = one.name.as_str();
                [
                    ([("upstream", name), ("result", "found")], one.lookups_found),
                    (
                        [("upstream", name), ("result", "failed")],
                        one.lookups_failed,
                    ),
                ]
            }),
        )?;
        self.gauge(
            "loom_upstream_endpoints",
            "Servers of an upstream, by their health.",
            upstreams.iter().flat_map(|one| {
                EndpointHealth::WORDS.map(|word| {
                    let endpoints = one.endpoints.iter();
                    let count = endpoints
                        .filter(|endpoint| endpoint.health.word() == word)
                        .count();
                    (
                        [("upstream", one.name.as_str()), ("health", word)],
                        count as u64,
                    )
                })
            }),
        )
    }

    /// Of plugins that were called.
    pub(super) fn calls(&mut self, plugins: &BTreeMap<String, PluginStats>) -> fmt::Result {
        let series = plugins.iter().flat_map(|(name, stats)| {
            let each = stats.calls.iter();
            each.map(move |calls| {
                (
                    [("plugin", name.as_str()), ("callback", calls.callback)],
                    calls,
                )
            })
        });
        self.family(
            "loom_plugin_call_seconds",
            "How long a plugin's callbacks took: a sample, one of seventeen callbacks for requests.",
            MetricType::Histogram,
            series,
            |encoder, calls| {
                let buckets = calls.buckets.iter();
                // The bucket without a bound is made of the count.
                let buckets: Vec<_> = buckets
                    .filter_map(|(bound, count)| Some((bound.as_ref()?.as_secs_f64(), *count)))
                    .collect();
                let (sum, count) = (Duration::as_secs_f64(&calls.total), calls.measured);
                encoder.encode_histogram::<NoLabelSet>(sum, count, &buckets, None)
            },
        )
    }
}
