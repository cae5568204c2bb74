//! Several upstreams that share a route's requests by weight.

use std::sync::Arc;

use loom_config::model::Share;
use loom_layer::RouteInfo;

use crate::proxy::{ProxyService, Retries, Upstream};

/// See the module's text.
#[derive(Debug)]
pub(super) struct Split {
    /// With the sum of the weights up to each, its own included. Never empty.
    shares: Vec<(u64, ProxyService, RouteInfo)>,
}

impl Split {
    /// The upstreams of these shares; `route` names the route, whose `retries` all of them use up.
    pub(super) fn new(
        shares: &[Share],
        upstreams: &[Arc<Upstream>],
        route: &RouteInfo,
        retries: Option<&Arc<Retries>>,
    ) -> Self {
        let mut sum = 0;
        let shares = shares.iter().map(|share| {
            sum += u64::from(share.weight);
            let upstream = &upstreams[share.upstream];
            let info = route.clone().upstream(upstream.name());
            (
                sum,
                ProxyService::new(Arc::clone(upstream)).retrying(retries.cloned()),
                info,
            )
        });
        Self {
            shares: shares.collect(),
        }
    }

    /// One of them, by chance.
    pub(super) fn choose(&self) -> (&ProxyService, &RouteInfo) {
        let sum = self.shares.last().map_or(0, |(sum, ..)| *sum);
        // The configuration has one above 0.
        let at = self.at(fastrand::u64(..sum.max(1)));
        let (_, proxy, info) = &self.shares[at];
        (proxy, info)
    }

    /// The share that this number, below the sum, falls into.
    fn at(&self, number: u64) -> usize {
        let before = self.shares.partition_point(|(sum, ..)| *sum <= number);
        before.min(self.shares.len() - 1)
    }
}

#[cfg(test)]
mod tests {
    use loom_config::Loader;

    use super::*;

    #[test]
    fn each_gets_as_many_numbers_as_its_weight_says() {
        let text = "upstreams: [{name: a, builtin: echo}, {name: b, builtin: echo}, {name: c, builtin: echo}]";
        let config = Loader::default().parse("loom.yaml", text).expect("valid");
        let upstreams: Vec<_> = config
            .upstreams
            .iter()
            .map(|upstream| Arc::new(Upstream::new(upstream, None, None)))
            .collect();
        let share = |(upstream, weight)| Share { upstream, weight };
        let shares = [(0, 2), (1, 0), (2, 3)].map(share);
        let split = Split::new(&shares, &upstreams, &RouteInfo::new("r"), None);
        let chosen: Vec<_> = (0..5).map(|number| split.at(number)).collect();
        assert_eq!(chosen, [0, 0, 2, 2, 2]);
        assert_ne!(split.choose().1.upstream_name(), Some("b"));
    }
}
