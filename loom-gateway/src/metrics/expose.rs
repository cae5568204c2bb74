//! The text that Prometheus reads.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use loom_layer::{LoomRuntime, PluginStats, VmStats};
use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, MetricEncoder, NoLabelSet, prometheus_text};
use prometheus_client::metrics::MetricType;
use prometheus_client::registry::Registry;

use super::certificates::{Expiries, expiries};
use super::connections::ConnectionSums;
use super::traffic::{BOUNDS, CLASSES, Sums};
use super::{Metrics, guests};
use crate::admin::Shown;
use crate::app::ReloadStats;
use crate::listener::{CutShort, Ended};
use crate::proxy::UpstreamStatus;

/// Everything, as it is now.
///
/// # Errors
///
/// Never: a string takes everything. The encoder is made for other writers, too.
pub(crate) fn expose(
    metrics: &Metrics,
    runtime: &LoomRuntime,
    shown: &Shown,
    reloads: &ReloadStats,
) -> Result<String, fmt::Error> {
    let sums = |all: &parking_lot::Mutex<BTreeMap<String, Arc<super::Traffic>>>| {
        let all = all.lock();
        all.iter()
            .map(|(name, traffic)| (name.clone(), traffic.sums()))
            .collect()
    };
    let moment = Moment {
        routes: sums(&metrics.routes),
        upstreams: sums(&metrics.upstreams),
        listeners: {
            let all = metrics.listeners.lock();
            let all = all.iter();
            all.map(|(name, listener)| (name.clone(), listener.sums()))
                .collect()
        },
        certificates: expiries(&shown.certificates),
        failures: metrics.failures.counts().collect(),
        plugins: shown.plugins.stats(),
        pools: shown
            .upstreams
            .iter()
            .map(|upstream| upstream.status())
            .filter(|upstream| !upstream.endpoints.is_empty())
            .collect(),
        vms: by_id(runtime.vm_stats()),
        reloads: reloads.clone(),
        spans_dropped: shown.tracing.as_ref().map(|tracing| tracing.dropped()),
        lines_dropped: shown.access_log.as_ref().map(|log| log.dropped()),
    };
    let mut registry = Registry::default();
    registry.register_collector(Box::new(moment));
    registry.register_collector(Box::new(guests::Guests::new(runtime.metrics())));
    let mut text = String::new();
    prometheus_text::encode(&mut text, &registry)?;
    Ok(text)
}

/// VMs of the same `vm_id` in one line: a label has to tell series apart.
fn by_id(vms: Vec<VmStats>) -> Vec<VmStats> {
    let mut all: BTreeMap<Arc<str>, VmStats> = BTreeMap::new();
    for vm in vms {
        match all.get_mut(&vm.vm_id) {
            None => {
                all.insert(Arc::clone(&vm.vm_id), vm);
            }
            Some(sum) => {
                sum.instances += vm.instances;
                sum.healthy += vm.healthy;
                sum.memory_bytes += vm.memory_bytes;
                sum.traps += vm.traps;
                sum.deadlines += vm.deadlines;
                sum.out_of_memory += vm.out_of_memory;
                sum.restarts += vm.restarts;
            }
        }
    }
    all.into_values().collect()
}

/// All numbers at one moment.
#[derive(Debug)]
struct Moment {
    routes: Vec<(String, Sums)>,
    upstreams: Vec<(String, Sums)>,
    listeners: Vec<(String, ConnectionSums)>,
    certificates: Expiries,
    failures: Vec<(&'static str, u64)>,
    plugins: BTreeMap<String, PluginStats>,
    pools: Vec<UpstreamStatus>,
    vms: Vec<VmStats>,
    reloads: ReloadStats,
    lines_dropped: Option<u64>,
    spans_dropped: Option<u64>,
}

impl Collector for Moment {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let mut page = Page(&mut encoder);
        page.gauge(
            "loom_build_info",
            "The version that runs.",
            [([("version", env!("CARGO_PKG_VERSION"))], 1)],
        )?;
        page.listeners(&self.listeners)?;
        page.certificates(&self.certificates)?;
        page.routes(&self.routes)?;
        page.upstreams(&self.upstreams)?;
        page.pools(&self.pools)?;
        page.counter(
            "loom_errors",
            "Requests that the gateway answered itself because something failed, by the cause's code.",
            self.failures.iter().map(|(code, count)| ([("code", *code)], *count)),
        )?;
        page.plugins(&self.plugins)?;
        page.calls(&self.plugins)?;
        page.vms(&self.vms)?;
        page.counter(
            "loom_access_log_dropped",
            "Lines of the access log that were lost, since they could not be written, or not fast enough.",
            self.lines_dropped.map(|count| ([], count)),
        )?;
        page.counter(
            "loom_spans_dropped",
            "Spans that were lost, since the collector did not take them, or not fast enough.",
            self.spans_dropped.map(|count| ([], count)),
        )?;
        page.counter(
            "loom_reloads",
            "Reloads of the configuration, by their result.",
            [
                ([("result", "success")], self.reloads.succeeded),
                ([("result", "refused")], self.reloads.failed),
            ],
        )?;
        page.gauge(
            "loom_reload_failing",
            "1 when the last reload was refused, so that the gateway runs with an older configuration than its file.",
            [([], u64::from(self.reloads.last_error.is_some()))],
        )
    }
}

/// Families of metrics, one after the other.
pub(super) struct Page<'a, 'b>(&'a mut DescriptorEncoder<'b>);

pub(super) type Labels<'a, const N: usize> = [(&'a str, &'a str); N];

impl Page<'_, '_> {
    pub(super) fn counter<'a, const N: usize>(
        &mut self,
        name: &str,
        help: &str,
        series: impl IntoIterator<Item = (Labels<'a, N>, u64)>,
    ) -> fmt::Result {
        self.family(name, help, MetricType::Counter, series, |encoder, value| {
            encoder.encode_counter::<NoLabelSet, _, u64>(&value, None)
        })
    }

    pub(super) fn gauge<'a, const N: usize>(
        &mut self,
        name: &str,
        help: &str,
        series: impl IntoIterator<Item = (Labels<'a, N>, u64)>,
    ) -> fmt::Result {
        self.family(name, help, MetricType::Gauge, series, |encoder, value| {
            encoder.encode_gauge(&value)
        })
    }

    fn histogram<'a, const N: usize>(
        &mut self,
        name: &str,
        help: &str,
        series: impl IntoIterator<Item = (Labels<'a, N>, &'a Sums)>,
    ) -> fmt::Result {
        self.family(
            name,
            help,
            MetricType::Histogram,
            series,
            |encoder, sums| {
                let counts = sums.by_duration;
                let bounds = BOUNDS.iter().map(|&bound| seconds(bound));
                // The bucket without a bound is made of the count.
                let buckets: Vec<_> = bounds.zip(counts).collect();
                let count = counts.iter().sum();
                encoder.encode_histogram::<NoLabelSet>(
                    seconds(sums.microseconds),
                    count,
                    &buckets,
                    None,
                )
            },
        )
    }

    pub(super) fn family<'a, const N: usize, T>(
        &mut self,
        name: &str,
        help: &str,
        kind: MetricType,
        series: impl IntoIterator<Item = (Labels<'a, N>, T)>,
        encode: impl Fn(&mut MetricEncoder<'_>, T) -> fmt::Result,
    ) -> fmt::Result {
        let mut family = self.0.encode_descriptor(name, help, None, kind)?;
        for (labels, value) in series {
            encode(&mut family.encode_family(&labels)?, value)?;
        }
        Ok(())
    }

    fn listeners(&mut self, listeners: &[(String, ConnectionSums)]) -> fmt::Result {
        let each = |value: fn(&ConnectionSums) -> u64| {
            let all = listeners.iter();
            all.map(move |(name, sums)| ([("listener", name.as_str())], value(sums)))
        };
        self.counter(
            "loom_connections",
            "Connections that a listener served.",
            each(|sums| sums.accepted),
        )?;
        self.gauge(
            "loom_connections_open",
            "Connections that are open.",
            each(|sums| sums.open),
        )?;
        self.counter(
            "loom_connections_ended",
            "Connections that the gateway ended or did not take, by the cause's code.",
            listeners.iter().flat_map(|(name, sums)| {
                let codes = Ended::ALL.iter().map(|why| why.code()).zip(sums.ended);
                codes.map(|(code, count)| ([("listener", name.as_str()), ("code", code)], count))
            }),
        )?;
        self.counter(
            "loom_responses_cut",
            "Responses that had begun and did not reach their end, by the cause's code; none whose client went away.",
            listeners.iter().flat_map(|(name, sums)| {
                let codes = CutShort::ALL.iter().map(|why| why.code()).zip(sums.cut);
                codes.map(|(code, count)| ([("listener", name.as_str()), ("code", code)], count))
            }),
        )
    }

    fn routes(&mut self, routes: &[(String, Sums)]) -> fmt::Result {
        self.counter(
            "loom_requests",
            "Requests that a route took, by the class of the response's status; none: the client was gone before.",
            by_class("route", routes),
        )?;
        self.gauge(
            "loom_requests_in_flight",
            "Requests whose response has not ended.",
            in_flight("route", routes),
        )?;
        self.histogram(
            "loom_request_duration_seconds",
            "Time from a request's headers to the end of the response's body.",
            routes
                .iter()
                .map(|(id, sums)| ([("route", id.as_str())], sums)),
        )
    }

    fn upstreams(&mut self, upstreams: &[(String, Sums)]) -> fmt::Result {
        self.counter(
            "loom_upstream_requests",
            "Requests that went to an upstream, by the class of the status that came of it; none: given up before.",
            by_class("upstream", upstreams),
        )?;
        self.gauge(
            "loom_upstream_requests_in_flight",
            "Requests that wait for an upstream's response.",
            in_flight("upstream", upstreams),
        )?;
        self.histogram(
            "loom_upstream_response_seconds",
            "Time until the headers of an upstream's response, with the connecting.",
            upstreams
                .iter()
                .map(|(name, sums)| ([("upstream", name.as_str())], sums)),
        )
    }

    fn plugins(&mut self, plugins: &BTreeMap<String, PluginStats>) -> fmt::Result {
        let each = |value: fn(&PluginStats) -> u64| {
            plugins
                .iter()
                .map(move |(name, stats)| ([("plugin", name.as_str())], value(stats)))
        };
        self.counter(
            "loom_plugin_callbacks",
            "Callbacks that were made into a plugin.",
            each(|stats| stats.callbacks),
        )?;
        self.counter(
            "loom_plugin_local_replies",
            "Requests that a plugin answered in the place of the upstream.",
            each(|stats| stats.local_replies),
        )
    }

    fn vms(&mut self, vms: &[VmStats]) -> fmt::Result {
        let each = |value: fn(&VmStats) -> u64| {
            vms.iter()
                .map(move |vm| ([("vm_id", &*vm.vm_id)], value(vm)))
        };
        self.gauge(
            "loom_vm_instances",
            "Healthy VMs.",
            each(|vm| vm.healthy as u64),
        )?;
        self.gauge(
            "loom_vm_instances_wanted",
            "VMs that there are to be; with fewer healthy ones some have failed and are built anew.",
            each(|vm| vm.instances as u64),
        )?;
        self.gauge(
            "loom_vm_memory_bytes",
            "Linear memory of the healthy VMs.",
            each(|vm| vm.memory_bytes),
        )?;
        self.counter(
            "loom_vm_failures",
            "VMs that failed, by the reason.",
            vms.iter().flat_map(|vm| {
                let reasons = [
                    ("trap", vm.traps),
                    ("deadline", vm.deadlines),
                    ("memory", vm.out_of_memory),
                ];
                reasons.map(|(reason, count)| ([("vm_id", &*vm.vm_id), ("reason", reason)], count))
            }),
        )?;
        self.counter(
            "loom_vm_restarts",
            "VMs that were started in the place of failed ones.",
            each(|vm| vm.restarts),
        )
    }
}

/// The classes that occurred, and always the one that is hoped for.
fn by_class<'a>(
    label: &'a str,
    all: &'a [(String, Sums)],
) -> impl Iterator<Item = (Labels<'a, 2>, u64)> {
    all.iter().flat_map(move |(name, sums)| {
        let classes = CLASSES.into_iter().zip(sums.by_class);
        let occurred = classes.filter(|&(class, count)| count > 0 || class == "2xx");
        occurred.map(move |(class, count)| ([(label, name.as_str()), ("class", class)], count))
    })
}

fn in_flight<'a>(
    label: &'a str,
    all: &'a [(String, Sums)],
) -> impl Iterator<Item = (Labels<'a, 1>, u64)> {
    all.iter()
        .map(move |(name, sums)| ([(label, name.as_str())], sums.in_flight))
}

#[expect(
    clippy::cast_precision_loss,
    reason = "2^53 microseconds are 285 years"
)]
fn seconds(microseconds: u64) -> f64 {
    microseconds as f64 / 1e6
}
