//! The servers of an upstream, and which of them may be used.

use std::net::SocketAddr;
use std::sync::Arc;

use arc_swap::ArcSwap;
use http::Request;
use loom_config::model;
use parking_lot::Mutex;

use super::balance::{Balancer, Slots};
use super::counts::Counts;
use super::gate::Gate;
use super::status::{EndpointHealth, EndpointStatus, UpstreamStatus};
use crate::proxy::pool::{
    Admission, Endpoint, Lease, Permit, Place, Report, Secure, SendError, State,
};

/// See the module's text.
#[derive(Debug)]
pub(in crate::proxy) struct Servers {
    upstream: Arc<str>,
    settings: model::Servers,
    secure: Option<Secure>,
    balancer: Balancer,
    gate: Option<Gate>,
    counts: Counts,
    /// What the balancer picks from. Only changed under the lock of `members`.
    usable: ArcSwap<Usable>,
    members: Mutex<Vec<Member>>,
}

/// The endpoints that requests may go to.
#[derive(Debug, Default)]
struct Usable {
    slots: Slots,
    /// Whether endpoints among them have to be asked before a request goes there.
    guarded: bool,
    /// Whether these are all, since there are too few others.
    panicking: bool,
}

/// One configured server.
#[derive(Debug)]
pub(super) struct Member {
    place: Place,
    /// Itself, or one for each address of its name.
    endpoints: Vec<Arc<Endpoint>>,
}

impl Member {
    pub(super) fn endpoints(&self) -> &[Arc<Endpoint>] {
        &self.endpoints
    }
}

impl Servers {
    pub(super) fn new(
        upstream: Arc<str>,
        settings: &model::Servers,
        secure: Option<Secure>,
    ) -> Self {
        let members = settings.endpoints.iter().filter_map(Place::new);
        let endpoint = |place| Endpoint::new(place, &settings.timeouts, secure.as_ref());
        let members: Vec<_> = members
            .map(|place| Member {
                endpoints: vec![Arc::new(endpoint(place.clone()))],
                place,
            })
            .collect();
        let gate = |limits| Gate::new(limits, settings.timeouts.connect);
        let this = Self {
            upstream,
            balancer: Balancer::new(settings.load_balancer.clone()),
            gate: settings.limits.map(gate),
            settings: settings.clone(),
            counts: Counts::default(),
            secure,
            usable: ArcSwap::default(),
            members: Mutex::new(Vec::new()),
        };
        this.change(|own| *own = members);
        this
    }

    /// The name of their upstream.
    pub(in crate::proxy) fn upstream(&self) -> &str {
        &self.upstream
    }

    /// How they are used.
    pub(in crate::proxy) fn settings(&self) -> &model::Servers {
        &self.settings
    }

    /// What went wrong with them.
    pub(in crate::proxy) fn counts(&self) -> &Counts {
        &self.counts
    }

    /// A report about one request.
    pub(in crate::proxy) fn report(&self) -> Report {
        Report::new(self.usable.load().slots.endpoints().len())
    }

    /// Leave for one more request to be under way, after a wait if need be.
    pub(in crate::proxy) async fn enter(&self) -> Result<Permit, SendError> {
        match &self.gate {
            Some(gate) => gate.enter().await.map(Some).ok_or(SendError::Overloaded),
            None => Ok(None),
        }
    }

    /// An endpoint for a request: where there is another one, not `tried`.
    pub(in crate::proxy) fn lease<B>(
        &self,
        request: &Request<B>,
        tried: Option<&Arc<Endpoint>>,
        permit: Permit,
    ) -> Result<Lease, SendError> {
        let picked = self.pick(request, tried);
        let (endpoint, admission) = picked.ok_or(SendError::NoEndpoint)?;
        Ok(Lease::new(endpoint, admission, permit))
    }

    pub(super) fn pick<B>(
        &self,
        request: &Request<B>,
        tried: Option<&Arc<Endpoint>>,
    ) -> Option<(Arc<Endpoint>, Admission)> {
        let usable = self.usable.load();
        let slots = &usable.slots;
        let start = self.balancer.start(slots, request);
        let admit = |endpoint: &Arc<Endpoint>| {
            let admission = if usable.guarded {
                endpoint.condition().admit()?
            } else {
                Admission::Ordinary
            };
            Some((Arc::clone(endpoint), admission))
        };
        if let Some(tried) = tried {
            let is_other = |endpoint: &&Arc<Endpoint>| !Arc::ptr_eq(endpoint, tried);
            let other = slots.find(start, |endpoint| {
                Some(endpoint).filter(is_other).and_then(admit)
            });
            return other.or_else(|| slots.find(start, admit));
        }
        // Nearly always the first one is it.
        match slots.at(start).and_then(admit) {
            None => slots.find(start, admit),
            picked => picked,
        }
    }

    /// Every endpoint, whether it may be used or not.
    pub(super) fn all(&self) -> Vec<Arc<Endpoint>> {
        let members = self.members.lock();
        members
            .iter()
            .flat_map(|member| &member.endpoints)
            .cloned()
            .collect()
    }

    /// What they are doing.
    pub(super) fn status(&self) -> UpstreamStatus {
        let counts = &self.counts;
        UpstreamStatus {
            endpoints: self.all().iter().map(|one| endpoint_status(one)).collect(),
            panicking: self.usable.load().panicking,
            pending: self.gate.as_ref().map_or(0, Gate::waiting),
            limits: self.settings.limits,
            retries: counts.retries.get(),
            retries_refused: counts.retries_refused.get(),
            ejections: counts.ejections.get(),
            checks_passed: counts.checks_passed.get(),
            checks_failed: counts.checks_failed.get(),
            lookups_found: counts.lookups_found.get(),
            lookups_failed: counts.lookups_failed.get(),
            ..UpstreamStatus::builtin(&self.upstream)
        }
    }

    /// A health check ended.
    pub(super) fn checked(
        &self,
        endpoint: &Endpoint,
        check: &model::HealthCheck,
        result: Result<(), String>,
    ) {
        let (upstream, label) = (self.upstream(), endpoint.label());
        match result {
            Ok(()) => self.counts.checks_passed.add(),
            Err(_) => self.counts.checks_failed.add(),
        }
        let why = result.clone().err();
        let (healthy, unhealthy) = (check.healthy_threshold, check.unhealthy_threshold);
        if !endpoint.condition().checked(result, healthy, unhealthy) {
            return;
        }
        match why {
            None => tracing::info!(upstream, endpoint = label, "endpoint is healthy"),
            Some(why) => {
                tracing::warn!(upstream, endpoint = label, why, "endpoint is unhealthy");
            }
        }
        self.refresh();
    }

    /// A name was looked up.
    pub(super) fn looked_up(&self, found: bool) {
        let counts = &self.counts;
        let count = if found {
            &counts.lookups_found
        } else {
            &counts.lookups_failed
        };
        count.add();
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
                    || {
                        let (timeouts, secure) = (&self.settings.timeouts, self.secure.as_ref());
                        Arc::new(Endpoint::new(place.at(address), timeouts, secure))
                    },
                    Arc::clone,
                )
            });
            *endpoints = resolved.collect();
        });
    }

    /// What may be used has changed.
    pub(super) fn refresh(&self) {
        self.change(|_| {});
    }

    /// Changes the members or their conditions, and with them what may be used.
    pub(super) fn change(&self, change: impl FnOnce(&mut Vec<Member>)) {
        let mut members = self.members.lock();
        change(&mut members);
        let all = || members.iter().flat_map(|member| &member.endpoints).cloned();
        let states: Vec<State> = all().map(|endpoint| endpoint.condition().state()).collect();
        let may_be_used = |state: &State| matches!(state, State::Healthy | State::OnTrial);
        let (count, good) = (
            states.len(),
            states.iter().filter(|state| may_be_used(state)).count(),
        );
        let panicking = good * 100 < count * usize::from(self.settings.panic_threshold);
        let used = all()
            .zip(&states)
            .filter(|(_, state)| panicking || may_be_used(state));
        let heaviest = members.iter().map(|member| member.place.weight()).max();
        let usable = Usable {
            slots: self
                .balancer
                .slots(used.map(|(endpoint, _)| endpoint), heaviest.unwrap_or(1)),
            guarded: !panicking && states.contains(&State::OnTrial),
            panicking,
        };
        let before = self.usable.swap(Arc::new(usable));
        drop(members);
        if before.panicking != panicking {
            let upstream = self.upstream();
            if panicking {
                tracing::warn!(
                    upstream,
                    good,
                    count,
                    "too few endpoints are well: all are used"
                );
            } else {
                tracing::info!(upstream, good, count, "enough endpoints are well");
            }
        }
    }
}

fn endpoint_status(endpoint: &Endpoint) -> EndpointStatus {
    EndpointStatus {
        address: endpoint.label().to_owned(),
        resolved: endpoint.address(),
        weight: endpoint.weight(),
        health: match endpoint.condition().state() {
            State::Healthy => EndpointHealth::Healthy,
            State::Unhealthy(why) => EndpointHealth::Unhealthy(why),
            State::Ejected => EndpointHealth::Ejected,
            State::OnTrial => EndpointHealth::OnTrial,
        },
        ejected_for: endpoint.condition().ejected_for(),
        in_flight: endpoint.in_flight(),
        connections: endpoint.connections(),
        idle_connections: endpoint.idle_connections(),
    }
}

#[cfg(test)]
mod tests {
    use super::super::Upstream;
    use super::*;

    fn servers(yaml: &str) -> Arc<Servers> {
        let yaml = format!("upstreams: [{{name: a, {yaml}}}]");
        let config = loom_config::Loader::new([]).parse("loom.yaml", &yaml);
        let upstream = Upstream::new(&config.expect("a right file").upstreams[0], None, None);
        let super::super::Target::Servers(servers) = upstream.target else {
            panic!("servers")
        };
        servers
    }

    fn picked(servers: &Servers, count: usize) -> Vec<String> {
        let pick = |_| {
            let picked = servers.pick(&Request::new(()), None);
            picked.map(|(endpoint, _)| endpoint.label().to_owned())
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
        let endpoints = || servers.all();
        servers.resolved(0, &[address(1), address(2)]);
        let before = endpoints();
        servers.resolved(0, &[address(2), address(3)]);
        let after = endpoints();
        assert!(Arc::ptr_eq(&before[1], &after[0]));
        assert_eq!(after[1].address(), Some(address(3)));
        assert_eq!(after.len(), 2);
    }
}
