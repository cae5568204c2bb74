//! The servers of an upstream, and which of them may be used.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use http::Request;
use loom_config::model;
use parking_lot::Mutex;

use super::balance::{Balancer, Slots};
use crate::proxy::pool::{Endpoint, Lease, Place, Report};

/// See the module's text.
#[derive(Debug)]
pub(in crate::proxy) struct Servers {
    upstream: Arc<str>,
    timeouts: model::UpstreamTimeouts,
    pub(super) resolve_interval: Duration,
    balancer: Balancer,
    /// What the balancer picks from. Only changed under the lock of `members`.
    usable: ArcSwap<Slots>,
    members: Mutex<Vec<Member>>,
}

/// One configured server.
#[derive(Debug)]
struct Member {
    place: Place,
    /// Itself, or one for each address of its name.
    endpoints: Vec<Arc<Endpoint>>,
}

impl Servers {
    pub(super) fn new(upstream: Arc<str>, servers: &model::Servers) -> Self {
        let members = servers.endpoints.iter().filter_map(Place::new);
        let members: Vec<_> = members
            .map(|place| Member {
                endpoints: vec![Arc::new(Endpoint::new(place.clone(), &servers.timeouts))],
                place,
            })
            .collect();
        let this = Self {
            upstream,
            timeouts: servers.timeouts,
            resolve_interval: servers.resolve_interval,
            balancer: Balancer::new(servers.load_balancer.clone()),
            usable: ArcSwap::default(),
            members: Mutex::new(Vec::new()),
        };
        this.change(|own| *own = members);
        this
    }

    /// The name of their upstream.
    pub(super) fn upstream(&self) -> &str {
        &self.upstream
    }

    /// A report about one request.
    pub(in crate::proxy) fn report(&self) -> Report {
        Report::new(self.usable.load().endpoints().len())
    }

    /// The endpoints that may be used, for people.
    pub(super) fn show(&self) -> serde_json::Value {
        let usable = self.usable.load();
        let endpoints = usable.endpoints().iter();
        let endpoints =
            endpoints.map(|endpoint| serde_json::json!({ "address": endpoint.label() }));
        endpoints.collect()
    }

    /// The endpoint for a request; `None` when there is none that may be used.
    pub(in crate::proxy) fn pick<B>(&self, request: &Request<B>) -> Option<Lease> {
        let usable = self.usable.load();
        let endpoint = self.balancer.pick(&usable, request)?;
        Some(Lease::new(Arc::clone(endpoint)))
    }

    /// The names among the servers that have to be looked up, with their places.
    pub(super) fn names(&self) -> Vec<(usize, String, u16)> {
        let members = self.members.lock();
        let names = members.iter().enumerate().filter_map(|(index, member)| {
            let (host, port) = member.place.name()?;
            Some((index, host.to_owned(), port))
        });
        names.collect()
    }

    /// A name has these addresses now. Endpoints that stay keep their connections.
    pub(super) fn resolved(&self, member: usize, addresses: &[SocketAddr]) {
        self.change(|members| {
            let Some(Member { place, endpoints }) = members.get_mut(member) else {
                return;
            };
            let resolved = addresses.iter().map(|&address| {
                let kept = endpoints.iter().find(|old| old.address() == Some(address));
                kept.map_or_else(
                    || Arc::new(Endpoint::new(place.at(address), &self.timeouts)),
                    Arc::clone,
                )
            });
            *endpoints = resolved.collect();
        });
    }

    /// Changes the members, and with them what may be used.
    fn change(&self, change: impl FnOnce(&mut Vec<Member>)) {
        let mut members = self.members.lock();
        change(&mut members);
        let endpoints = members.iter().flat_map(|member| &member.endpoints).cloned();
        let heaviest = members.iter().map(|member| member.place.weight()).max();
        let slots = self.balancer.slots(endpoints, heaviest.unwrap_or(1));
        self.usable.store(Arc::new(slots));
    }
}

#[cfg(test)]
mod tests {
    use super::super::Upstream;
    use super::*;

    fn servers(yaml: &str) -> Arc<Servers> {
        let yaml = format!("upstreams: [{{name: a, {yaml}}}]");
        let config = loom_config::Loader::new([]).parse("loom.yaml", &yaml);
        let upstream = Upstream::new(&config.expect("a right file").upstreams[0], None);
        let super::super::Target::Servers(servers) = upstream.target else {
            panic!("servers")
        };
        servers
    }

    fn picked(servers: &Servers, count: usize) -> Vec<String> {
        let pick = |_| {
            servers
                .pick(&Request::new(()))
                .map(|lease| lease.label().to_owned())
        };
        (0..count).filter_map(pick).collect()
    }

    #[test]
    fn endpoints_take_turns() {
        let servers =
            servers("endpoints: ['127.0.0.1:1', '[::1]:2', 'backend.internal:3', 'unix:/x']");
        let [a, b, c, d] = ["127.0.0.1:1", "[::1]:2", "backend.internal:3", "unix:/x"];
        assert_eq!(picked(&servers, 5), [a, b, c, d, a]);
    }

    #[test]
    fn a_name_is_a_server_per_address() {
        let servers = servers("endpoints: [{address: 'b.internal:3', weight: 2}, '10.0.0.9:1']");
        assert_eq!(servers.names(), [(0, "b.internal".to_owned(), 3)]);
        let address = |last| SocketAddr::from(([10, 0, 0, last], 3));
        servers.resolved(0, &[address(1), address(2)]);
        let count = |label: &str| {
            let picked = picked(&servers, 50);
            picked.iter().filter(|&picked| picked == label).count()
        };
        assert_eq!(count("b.internal:3 (10.0.0.1)"), 20);
        assert_eq!(count("b.internal:3 (10.0.0.2)"), 20);
        assert_eq!(count("10.0.0.9:1"), 10);
    }

    #[test]
    fn an_address_that_stays_keeps_its_endpoint() {
        let servers = servers("endpoints: 'b.internal:3'");
        let address = |last| SocketAddr::from(([10, 0, 0, last], 3));
        let endpoints = || servers.usable.load().endpoints().to_vec();
        servers.resolved(0, &[address(1), address(2)]);
        let before = endpoints();
        servers.resolved(0, &[address(2), address(3)]);
        let after = endpoints();
        assert!(Arc::ptr_eq(&before[1], &after[0]));
        assert_eq!(after[1].address(), Some(address(3)));
        assert_eq!(after.len(), 2);
    }
}
