//! How an endpoint was reached, for plugins that ask.

use std::time::{Duration, Instant};

use loom_layer::UpstreamInfo;

use super::endpoint::Addresses;

/// One request's way to an endpoint. Kept only where a plugin may ask.
#[derive(Debug)]
pub(in crate::proxy) struct Report {
    endpoints: usize,
    asked: Instant,
    pub(in crate::proxy) attempts: u32,
    reached: Option<(Option<Addresses>, Duration)>,
}

impl Report {
    pub(in crate::proxy) fn new(endpoints: usize) -> Self {
        Self {
            endpoints,
            asked: Instant::now(),
            attempts: 1,
            reached: None,
        }
    }

    /// There is a connection.
    pub(super) fn reached(&mut self, addresses: Option<Addresses>) {
        self.reached = Some((addresses, self.asked.elapsed()));
    }

    /// The report as plugins get it.
    pub(in crate::proxy) fn into_info(self) -> UpstreamInfo {
        let mut info = UpstreamInfo::new()
            .endpoints(self.endpoints)
            .attempts(self.attempts);
        if let Some((addresses, after)) = self.reached {
            info = info.ready_after(after);
            if let Some(Addresses { remote, local }) = addresses {
                info = info.address(remote).local_address(local);
            }
        }
        info
    }
}
