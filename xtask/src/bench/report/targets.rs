//! What Loom has to reach, beside what it reached.

use super::library::Library;
use crate::bench::results::{Results, SubjectResults};
use crate::bench::stats;
use crate::bench::subjects::Kind::{self, Envoy, Loom, Nginx};

/// Cores that two workers, the load and the origin need to have one each.
const FREE_CORES: usize = 4;

/// One line of the table.
#[derive(Debug)]
pub(super) struct Target {
    pub(super) what: &'static str,
    pub(super) wanted: &'static str,
    /// `None` when it was not measured.
    pub(super) reached: Option<Reached>,
}

/// A value.
#[derive(Debug)]
pub(super) struct Reached {
    pub(super) text: String,
    /// Whether it is good enough; `None` where this machine cannot tell.
    pub(super) is_met: Option<bool>,
}

pub(super) fn all(results: &Results, library: &Library) -> Vec<Target> {
    let measured = Measured { results, library };
    let mut targets = measured.requests();
    targets.extend(measured.layer());
    targets.extend(measured.starts());
    targets.extend(measured.memory());
    targets
}

struct Measured<'a> {
    results: &'a Results,
    library: &'a Library,
}

impl Measured<'_> {
    fn requests(&self) -> Vec<Target> {
        let of = |case, kind| self.cpu(case, Loom).zip(self.cpu(case, kind));
        vec![
            target(
                "Gateway without a plugin, CPU per request",
                "at most 1.30 of nginx",
                of("plain", Nginx).map(|(loom, nginx)| at_most(loom / nginx, 1.30, "of nginx")),
            ),
            target(
                "Gateway with the header plugin",
                "at most 0.40 of Envoy with it",
                of("header-1", Envoy).map(|(loom, envoy)| at_most(loom / envoy, 0.40, "of Envoy")),
            ),
            target(
                "Gateway with the header plugin",
                "at most 1.35 of nginx without",
                of("header-1", Nginx).map(|(loom, nginx)| at_most(loom / nginx, 1.35, "of nginx")),
            ),
            target(
                "10 header plugins",
                "at most 0.35 of Envoy with them",
                of("header-10", Envoy).map(|(loom, envoy)| at_most(loom / envoy, 0.35, "of Envoy")),
            ),
            target(
                "Each further header plugin in the gateway",
                "at most 0.8 us",
                self.each_further(Loom).map(|loom| {
                    let envoy = self
                        .each_further(Envoy)
                        .map_or(String::new(), |envoy| format!(" (Envoy: {envoy:.2} us)"));
                    Reached {
                        text: format!("{loom:.2} us{envoy}"),
                        is_met: Some(loom <= 0.8),
                    }
                }),
            ),
            target(
                "Response of 1 MiB through a plugin that reads it",
                "at least twice Envoy's throughput per CPU second",
                of("body-1m", Envoy).map(|(loom, envoy)| Reached {
                    text: format!("{:.2} times Envoy's", envoy / loom),
                    is_met: Some(envoy / loom >= 2.0),
                }),
            ),
            target(
                "A call to a server per request",
                "at most 0.50 of Envoy",
                of("callout", Envoy).map(|(loom, envoy)| at_most(loom / envoy, 0.50, "of Envoy")),
            ),
            self.two_workers(),
        ]
    }

    /// Throughput says something only where load, origin and workers have cores of their own.
    fn two_workers(&self) -> Target {
        let one = self.row("plain", Loom);
        let two = self.row("two-workers", Loom);
        let reached = one.zip(two).map(|(one, two)| {
            let factor = two.requests_per_second() / one.requests_per_second();
            let cpu = two.cpu() / one.cpu();
            let cores = self.results.machine.cores;
            let note = if cores < FREE_CORES {
                format!("; load, origin and gateway shared {cores} cores")
            } else {
                String::new()
            };
            Reached {
                text: format!(
                    "{factor:.2} times the throughput at {cpu:.2} of the CPU per request{note}"
                ),
                is_met: (cores >= FREE_CORES).then_some(factor >= 1.8),
            }
        });
        target(
            "Two workers against one",
            "at least 1.8 times the throughput, when cores are free",
            reached,
        )
    }

    fn layer(&self) -> Vec<Target> {
        let over = |more, less| {
            let (more, less) = (
                self.library.nanoseconds(more)?,
                self.library.nanoseconds(less)?,
            );
            Some((more - less) / 1e3)
        };
        vec![
            target(
                "Layer with the header plugin around a service that does nothing",
                "at most 0.9 us over the service",
                over("layer/header plugin x1", "layer/bare service")
                    .map(|us| microseconds(us, 0.9)),
            ),
            target(
                "A plugin without callbacks",
                "no measurable cost",
                over("layer/plugin without callbacks", "layer/no plugin")
                    .map(|us| microseconds(us, 0.02)),
            ),
            target(
                "Matching among 10,000 routes",
                "at most 1 us over 10 routes",
                over("routes/10000", "routes/10").map(|us| microseconds(us, 1.0)),
            ),
        ]
    }

    fn starts(&self) -> Vec<Target> {
        let start = self
            .row("start-1", Loom)
            .map(|row| stats::median(row.start_ms.clone()));
        let cached = self
            .library
            .nanoseconds("loading/10 plugins, from the cache");
        let milliseconds = |ms: f64, most: f64| Reached {
            text: format!("{ms:.0} ms"),
            is_met: Some(ms <= most),
        };
        vec![
            target(
                "Loading 10 plugins of 130 KB from the compile cache",
                "at most 30 ms",
                cached.map(|ns| milliseconds(ns / 1e6, 30.0)),
            ),
            target(
                "From the start to the first answer, with a warm cache",
                "at most 50 ms",
                start.map(|ms| milliseconds(ms, 50.0)),
            ),
        ]
    }

    fn memory(&self) -> Vec<Target> {
        let each = |case, most: f64| {
            let bytes = self.row(case, Loom)?.bytes_each?;
            Some(Reached {
                text: format!("{:.1} KiB", bytes / 1024.0),
                is_met: Some(bytes <= most),
            })
        };
        vec![
            target(
                "A further VM of a plugin, its memory included",
                "at most 256 KiB beyond the module's own",
                each("memory-vms", 256.0 * 1024.0),
            ),
            target(
                "A connection that rests",
                "at most 16 KiB",
                each("idle", 16.0 * 1024.0),
            ),
            target(
                "A plugin of its own, loaded",
                "at most 1.6 MB",
                each("memory-plugins", 1.6e6),
            ),
            target(
                "A route with a configuration of its own",
                "at most 32 KiB",
                each("memory-routes", 32.0 * 1024.0),
            ),
        ]
    }

    fn row(&self, case: &str, kind: Kind) -> Option<&SubjectResults> {
        self.results.case(case)?.subject(kind)
    }

    fn cpu(&self, case: &str, kind: Kind) -> Option<f64> {
        self.row(case, kind).map(SubjectResults::cpu)
    }

    /// In microseconds of CPU per request.
    fn each_further(&self, kind: Kind) -> Option<f64> {
        Some((self.cpu("header-10", kind)? - self.cpu("header-1", kind)?) / 9.0)
    }
}

fn target(what: &'static str, wanted: &'static str, reached: Option<Reached>) -> Target {
    Target {
        what,
        wanted,
        reached,
    }
}

fn at_most(value: f64, most: f64, of: &str) -> Reached {
    Reached {
        text: format!("{value:.2} {of}"),
        is_met: Some(value <= most),
    }
}

fn microseconds(value: f64, most: f64) -> Reached {
    Reached {
        text: format!("{value:.2} us"),
        is_met: Some(value <= most),
    }
}
