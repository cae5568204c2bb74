//! What a request may cost in the gateway.

use super::{Measured, Reached, Target, at_most};
use crate::bench::subjects::Kind::{Envoy, Loom, Nginx};

/// Cores that two workers, the load and the origin need to have one each.
const FREE_CORES: usize = 4;

impl Measured<'_> {
    pub(super) fn requests(&self) -> Vec<Target> {
        let of_nginx = |case, most| Some(at_most(self.ratio(case, Loom, Nginx)?, most, "nginx"));
        let of_envoy = |case, most| Some(at_most(self.ratio(case, Loom, Envoy)?, most, "Envoy"));
        vec![
            Target::new(
                "Gateway without a plugin, CPU per request",
                "at most 1.30 of nginx",
                of_nginx("plain", 1.30),
            )
            .floor(self.bare_proxy("plain", Nginx)),
            Target::new(
                "Gateway with the header plugin",
                "at most 0.40 of Envoy with it",
                of_envoy("header-1", 0.40),
            )
            .floor(self.bare_proxy_and_guests("header-1", 1, Envoy)),
            Target::new(
                "Gateway with the header plugin",
                "at most 1.35 of nginx without",
                of_nginx("header-1", 1.35),
            )
            .floor(self.bare_proxy_and_guests("header-1", 1, Nginx)),
            Target::new(
                "10 header plugins",
                "at most 0.35 of Envoy with them",
                of_envoy("header-10", 0.35),
            )
            .floor(self.bare_proxy_and_guests("header-10", 10, Envoy)),
            self.further_plugin(),
            Target::new(
                "Response of 1 MiB through a plugin that reads it",
                "at least twice Envoy's throughput per CPU second",
                self.ratio("body-1m", Envoy, Loom).map(|times| Reached {
                    text: format!("{times:.2} times Envoy's"),
                    is_met: Some(times >= 2.0),
                }),
            )
            .floor(self.bare_proxy_of_bodies("body-1m")),
            Target::new(
                "A call to a server per request",
                "at most 0.50 of Envoy",
                of_envoy("callout", 0.50),
            )
            .floor(self.bare_proxy_and_guests("callout", 0, Envoy)),
            self.two_workers(),
        ]
    }

    /// HTTP/2, gRPC and TLS.
    pub(super) fn protocols(&self) -> Vec<Target> {
        let nginx = |what, case: &str| {
            let reached = self.ratio(case, Loom, Nginx);
            let reached = reached.map(|ratio| at_most(ratio, 1.30, "nginx"));
            Target::new(what, "at most 1.30 of nginx", reached).floor(self.bare_proxy(case, Nginx))
        };
        let envoy = |what, case: &str| {
            let reached = self.ratio(case, Loom, Envoy);
            let reached = reached.map(|ratio| at_most(ratio, 0.50, "Envoy"));
            let floor = self.bare_proxy_and_guests(case, 1, Envoy);
            Target::new(what, "at most 0.50 of Envoy with it", reached).floor(floor)
        };
        vec![
            nginx("HTTP/2 from the client", "h2c"),
            nginx("A unary gRPC call", "grpc"),
            envoy("A unary gRPC call with the header plugin", "grpc-header"),
            nginx("HTTPS/1.1 on kept connections", "https"),
            nginx("HTTP/2 over TLS", "https-h2"),
            envoy("HTTP/2 over TLS with the header plugin", "https-h2-header"),
            nginx("A full TLS handshake per request", "handshake"),
        ]
    }

    fn further_plugin(&self) -> Target {
        let reached = self.each_further(Loom).map(|loom| {
            let envoy = self.each_further(Envoy);
            let envoy = envoy.map_or(String::new(), |envoy| format!(" (Envoy: {envoy:.2} us)"));
            Reached {
                text: format!("{loom:.2} us{envoy}"),
                is_met: Some(loom <= 0.8),
            }
        });
        Target::new(
            "Each further header plugin in the gateway",
            "at most 0.8 us",
            reached,
        )
        .floor(self.guest_of_further_plugin())
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
        Target::new(
            "Two workers against one",
            "at least 1.8 times the throughput, when cores are free",
            reached,
        )
    }
}
