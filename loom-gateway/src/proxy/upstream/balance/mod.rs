//! Which of the usable endpoints a request goes to.
//!
//! All policies walk one circle of slots, in which an endpoint stands as often as its weight says; they differ in where
//! they begin.

mod hash;
mod slots;

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use http::Request;
use loom_config::model::LoadBalancer;

pub(super) use slots::Slots;

use crate::proxy::pool::Endpoint;

/// A policy, with what it remembers from request to request.
#[derive(Debug)]
pub(super) struct Balancer {
    policy: LoadBalancer,
    turn: AtomicUsize,
}

impl Balancer {
    pub(super) fn new(policy: LoadBalancer) -> Self {
        Self {
            policy,
            turn: AtomicUsize::new(0),
        }
    }

    /// The circle that this policy walks over `endpoints`, the heaviest of which has this weight, whether it is among them
    /// or not.
    pub(super) fn slots(
        &self,
        endpoints: impl Iterator<Item = Arc<Endpoint>>,
        heaviest: u32,
    ) -> Slots {
        match self.policy {
            LoadBalancer::ConsistentHash(_) => Slots::ring(endpoints.collect(), heaviest),
            _ => Slots::turns(endpoints.collect()),
        }
    }

    /// The slot in which the way of a request begins.
    pub(super) fn start<B>(&self, slots: &Slots, request: &Request<B>) -> usize {
        match &self.policy {
            LoadBalancer::RoundRobin => self.turn.fetch_add(1, Ordering::Relaxed),
            LoadBalancer::Random => fastrand::usize(..),
            LoadBalancer::LeastRequest => less_busy(slots),
            LoadBalancer::ConsistentHash(parts) => match hash::of(request, parts) {
                Some(hash) => slots.after(hash),
                None => fastrand::usize(..),
            },
        }
    }
}

/// Of two slots that chance picked, the one whose endpoint has fewer requests under way.
fn less_busy(slots: &Slots) -> usize {
    let (one, other) = (fastrand::usize(..), fastrand::usize(..));
    let busy = |start| slots.at(start).map(|endpoint| endpoint.in_flight());
    if busy(other) < busy(one) { other } else { one }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use loom_config::model::{EndpointAddress, HashOn, UpstreamTimeouts};
    use std::time::Duration;

    use super::*;
    use crate::proxy::pool::{Admission, Lease, Place};

    fn endpoints(weights: &[u32]) -> Vec<Arc<Endpoint>> {
        let timeouts = UpstreamTimeouts {
            connect: Duration::from_secs(1),
            idle: Duration::from_secs(1),
            per_try: None,
        };
        let endpoint = |(index, &weight): (usize, &u32)| {
            let address = EndpointAddress::Tcp {
                host: format!("10.0.0.{index}"),
                port: 80,
            };
            let place = Place::new(&loom_config::model::Endpoint { address, weight });
            Arc::new(Endpoint::new(place.expect("a host"), &timeouts, None))
        };
        weights.iter().enumerate().map(endpoint).collect()
    }

    fn request(user: usize) -> Request<()> {
        let request = Request::builder().header("x-user", user.to_string());
        request.body(()).expect("a request")
    }

    fn pick<'a>(balancer: &Balancer, slots: &'a Slots, user: usize) -> Option<&'a Arc<Endpoint>> {
        slots.at(balancer.start(slots, &request(user)))
    }

    fn counts(balancer: &Balancer, slots: &Slots, requests: usize) -> Vec<usize> {
        let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
        for endpoint in slots.endpoints() {
            counts.insert(endpoint.label(), 0);
        }
        for user in 0..requests {
            let picked = pick(balancer, slots, user).expect("an endpoint");
            *counts.entry(picked.label()).or_default() += 1;
        }
        counts.into_values().collect()
    }

    #[test]
    fn turns_are_exact_and_not_in_a_row() {
        let balancer = Balancer::new(LoadBalancer::RoundRobin);
        let slots = balancer.slots(endpoints(&[30, 10, 20]).into_iter(), 30);
        assert_eq!(counts(&balancer, &slots, 600), [300, 100, 200]);
        let order: Vec<_> = (0..6)
            .filter_map(|_| pick(&balancer, &slots, 0))
            .map(|endpoint| endpoint.label())
            .collect();
        assert!(order.windows(2).all(|pair| pair[0] != pair[1]), "{order:?}");
    }

    #[test]
    fn chance_keeps_to_the_weights() {
        let balancer = Balancer::new(LoadBalancer::Random);
        let slots = balancer.slots(endpoints(&[1, 3]).into_iter(), 3);
        let counts = counts(&balancer, &slots, 40_000);
        // The standard deviation is below 90.
        assert!(counts[0].abs_diff(10_000) < 900, "{counts:?}");
    }

    #[test]
    fn the_less_busy_one_is_taken() {
        let balancer = Balancer::new(LoadBalancer::LeastRequest);
        let endpoints = endpoints(&[1, 1]);
        let slots = balancer.slots(endpoints.iter().cloned(), 1);
        let busy = Lease::new(Arc::clone(&endpoints[0]), Admission::Ordinary, None);
        // It is taken only when chance picks it two times.
        let counts_now = counts(&balancer, &slots, 10_000);
        assert!(counts_now[0].abs_diff(2_500) < 500, "{counts_now:?}");
        drop(busy);
        let counts_now = counts(&balancer, &slots, 10_000);
        assert!(counts_now[0].abs_diff(5_000) < 500, "{counts_now:?}");
    }

    #[test]
    fn a_value_keeps_its_endpoint() {
        const USERS: usize = 20_000;
        let parts = vec![HashOn::Header("x-user".to_owned())];
        let balancer = Balancer::new(LoadBalancer::ConsistentHash(parts));
        let all = endpoints(&[1; 10]);
        let slots = balancer.slots(all.iter().cloned(), 1);
        for count in counts(&balancer, &slots, USERS) {
            assert!((1_400..2_600).contains(&count), "{count} of 2000");
        }
        // One leaves: its users move, and nobody else does.
        let fewer = balancer.slots(all[1..].iter().cloned(), 1);
        for user in 0..USERS {
            let before = pick(&balancer, &slots, user).expect("an endpoint");
            let after = pick(&balancer, &fewer, user).expect("an endpoint");
            assert!(Arc::ptr_eq(before, after) || Arc::ptr_eq(before, &all[0]));
        }
    }

    #[test]
    fn values_keep_to_the_weights() {
        let parts = vec![HashOn::Header("x-user".to_owned())];
        let balancer = Balancer::new(LoadBalancer::ConsistentHash(parts));
        let slots = balancer.slots(endpoints(&[1, 3]).into_iter(), 3);
        let counts = counts(&balancer, &slots, 20_000);
        assert!((3_500..6_500).contains(&counts[0]), "{counts:?}");
    }

    #[test]
    fn no_endpoint_is_no_panic() {
        for policy in [LoadBalancer::RoundRobin, LoadBalancer::LeastRequest] {
            let balancer = Balancer::new(policy);
            let slots = balancer.slots(std::iter::empty(), 1);
            assert!(pick(&balancer, &slots, 0).is_none());
        }
    }
}
