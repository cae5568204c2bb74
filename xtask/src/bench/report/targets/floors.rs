//! What bounds a target: what was measured of parts that Loom cannot do without. All numbers come from the results.

use super::Measured;
use crate::bench::stats;
use crate::bench::subjects::Kind::{self, Envoy, Hyper, Loom, Nginx};

/// One of the two host calls of that plugin: to set a header is the least that can be measured by itself.
const HOST_CALL: &str = "host call/header replace";

/// The callbacks of one request in wasmtime, without a host.
const GUEST: &str = "layer/header plugin without a host";

impl Measured<'_> {
    /// The bare proxy in the same run.
    pub(super) fn bare_proxy(&self, case: &str, of: Kind) -> Option<String> {
        let (bare, other) = (self.cpu(case, Hyper)?, self.cpu(case, of)?);
        Some(format!(
            "A bare proxy of hyper takes {bare:.1} us in the same run, {:.2} of {}.",
            bare / other,
            of.title()
        ))
    }

    /// The bare proxy in the same run, and the guest's own code so many times: what a gateway with these plugins needs at the
    /// least. Where the case has no bare proxy, it is that of the case without plugins.
    pub(super) fn bare_proxy_and_guests(
        &self,
        case: &str,
        guests: usize,
        of: Kind,
    ) -> Option<String> {
        if guests == 0 {
            return self.bare_proxy(case, of);
        }
        let bare = self.cpu(case, Hyper).or_else(|| self.cpu("plain", Hyper))?;
        let guest = self.guest()?;
        let least = bare + guests as f64 * guest;
        let other = self.cpu(case, of)?;
        let plugins = self.plugins_in_both(case, of);
        Some(format!(
            "A bare proxy of hyper ({bare:.1} us) and the guest's own code ({guests} x {guest:.2} us) take {least:.1} us, \
             {:.2} of {}.{plugins}",
            least / other,
            of.title(),
        ))
    }

    /// What plugins add to the gateway and to Envoy, over the case without any.
    fn plugins_in_both(&self, case: &str, of: Kind) -> String {
        let added = |kind| Some(self.cpu(case, kind)? - self.cpu("plain", kind)?);
        match added(Loom).zip(added(Envoy)) {
            Some((loom, envoy)) if of == Envoy && case.starts_with("header-") => format!(
                " Plugins and their VMs add {loom:.1} us to Loom and {envoy:.1} us to Envoy with V8."
            ),
            _ => String::new(),
        }
    }

    /// The bare proxy with the same bodies, which nobody reads there.
    pub(super) fn bare_proxy_of_bodies(&self, case: &str) -> Option<String> {
        let bare = self.ratio(case, Envoy, Hyper)?;
        let nginx = self.ratio(case, Envoy, Nginx)?;
        Some(format!(
            "A bare proxy of hyper, in which nobody reads the body, has {bare:.2} times Envoy's throughput per CPU second, and \
             nginx {nginx:.2} times."
        ))
    }

    pub(super) fn guest_of_further_plugin(&self) -> Option<String> {
        let (guest, calls) = (self.guest()?, self.host_calls()?);
        let further = self.over("layer/header plugin x10", "layer/header plugin x1")? / 9.0;
        let envoy = self.each_further(Envoy)?;
        Some(format!(
            "The guest's own code in wasmtime is {guest:.2} us of it, and the two headers that it sets are {calls:.2} us. In the layer \
             alone, where caches are warm, a further plugin takes {further:.2} us, in Envoy with V8 {envoy:.2} us."
        ))
    }

    pub(super) fn guest_of_layer(&self) -> Option<String> {
        let (guest, calls) = (self.guest()?, self.host_calls()?);
        let silent = self.over("layer/plugin without callbacks", "layer/bare service")?;
        Some(format!(
            "The guest's own code in wasmtime is {guest:.2} us of it, the two headers that it sets are {calls:.2} us, and a plugin \
             that does nothing takes {silent:.2} us."
        ))
    }

    pub(super) fn chain_without_plugins(&self) -> Option<String> {
        let empty = self.over("layer/no plugin", "layer/bare service")?;
        Some(format!(
            "A chain without any plugin takes {empty:.2} us over the service."
        ))
    }

    pub(super) fn reload_of_nginx(&self) -> Option<String> {
        let (loom, nginx) = (self.row("reload", Loom)?, self.row("reload", Nginx)?);
        Some(format!(
            "It takes {:.0} ms of CPU; nginx takes {:.0} ms of CPU and {:.0} ms until as many locations are in force.",
            loom.reloading?.cpu_ms,
            nginx.reloading?.cpu_ms,
            stats::median(nginx.reload_ms.clone()),
        ))
    }

    pub(super) fn bare_connection(&self, case: &str) -> Option<String> {
        let bytes = self.row(case, Hyper)?.bytes_each?;
        Some(format!(
            "A bare proxy of hyper takes {:.1} KiB for it.",
            bytes / 1024.0
        ))
    }

    /// The header plugin's host calls.
    fn host_calls(&self) -> Option<f64> {
        Some(2.0 * self.library.nanoseconds(HOST_CALL)? / 1e3)
    }

    fn guest(&self) -> Option<f64> {
        Some(self.library.nanoseconds(GUEST)? / 1e3)
    }
}
