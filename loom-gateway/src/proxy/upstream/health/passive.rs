//! A breaker per endpoint: one that fails requests is put out for a while, and comes back by a request that succeeds.

use std::sync::Arc;
use std::time::Duration;

use loom_config::model::OutlierDetection;

use super::super::servers::{Member, Servers};
use crate::proxy::pool::{Endpoint, State};

/// An endpoint that fails its trials stays out longer, up to so many times the first length.
const LONGEST: u32 = 10;

impl Servers {
    /// What became of a request.
    pub(in crate::proxy) fn note(
        self: &Arc<Self>,
        endpoint: &Arc<Endpoint>,
        detection: &OutlierDetection,
        succeeded: bool,
    ) {
        let condition = endpoint.condition();
        if succeeded {
            if condition.succeeded() {
                tracing::info!(
                    upstream = self.upstream(),
                    endpoint = endpoint.label(),
                    "endpoint is back"
                );
                self.refresh();
            }
        } else if condition.failed(detection.consecutive_errors) {
            self.eject(endpoint, detection);
        }
    }

    fn eject(self: &Arc<Self>, endpoint: &Arc<Endpoint>, detection: &OutlierDetection) {
        let Some(ejections) = self.eject_within(endpoint, detection.max_ejected) else {
            return;
        };
        let length = length(detection.base_ejection, ejections);
        self.counts().ejections.add();
        endpoint.condition().out_for(length);
        tracing::warn!(
            upstream = self.upstream(),
            endpoint = endpoint.label(),
            ?length,
            "endpoint is put out: its requests fail"
        );
        let (servers, endpoint) = (Arc::downgrade(self), Arc::clone(endpoint));
        tokio::spawn(async move {
            tokio::time::sleep(length).await;
            let Some(servers) = servers.upgrade() else {
                return;
            };
            endpoint.condition().put_on_trial();
            tracing::info!(
                upstream = servers.upstream(),
                endpoint = endpoint.label(),
                "endpoint is tried again"
            );
            servers.refresh();
        });
    }

    /// Puts the endpoint out, if not too many are: how often in a row that has happened to it.
    fn eject_within(&self, endpoint: &Arc<Endpoint>, most: u8) -> Option<u32> {
        let mut ejections = None;
        self.change(|members| {
            let all = || members.iter().flat_map(Member::endpoints);
            let is_out = |other: &&Arc<Endpoint>| {
                !Arc::ptr_eq(other, endpoint) && other.condition().state() == State::Ejected
            };
            let (count, out) = (all().count(), all().filter(is_out).count());
            if (out + 1) * 100 <= count * usize::from(most) {
                ejections = endpoint.condition().eject();
            }
        });
        ejections
    }
}

fn length(base: Duration, ejections: u32) -> Duration {
    let factor = 2_u32.saturating_pow(ejections.saturating_sub(1));
    base.saturating_mul(factor.min(LONGEST))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_time_it_takes_longer_up_to_a_bound() {
        let second = Duration::from_secs(1);
        let lengths = [1, 2, 3, 4, 5, 1000].map(|ejections| length(second, ejections).as_secs());
        assert_eq!(lengths, [1, 2, 4, 8, 10, 10]);
    }
}
