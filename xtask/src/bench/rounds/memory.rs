//! What each of many things takes: connections that rest, plugins, VMs, routes.

use super::Bench;
use crate::Error;
use crate::bench::cases::{Case, Plugins};
use crate::bench::idle::{self, Connections};
use crate::bench::load::{CONNECTIONS, Wire};
use crate::bench::results::SubjectResults;
use crate::bench::stats;
use crate::bench::subjects::Subject;

/// Connections that rest.
const IDLE: usize = 10_000;

/// How often memory is looked at with the one and with the many.
pub(in crate::bench) const GROWTH_ROUNDS: usize = 3;

impl Bench<'_> {
    pub(super) fn idle(
        &self,
        case: &Case,
        wire: Wire,
        subject: &Subject,
    ) -> Result<SubjectResults, Error> {
        let count = idle::possible(IDLE)?;
        let server = self.start(case, subject, count + 100)?;
        let open = |count| Connections::open(&self.generators, wire, server.address(), count);
        // What the first requests make a server set up does not count.
        drop(open(10)?);
        let before = server.usage()?.resident_kib;
        let connections = open(count)?;
        let after = server.usage()?.resident_kib;
        drop(connections);
        let mut results = SubjectResults::new(subject.kind, case.workers);
        results.resident_kib = after;
        results.bytes_each = Some(each(before, after, count));
        results.things = Some(count);
        Ok(results)
    }

    pub(super) fn growth(
        &self,
        case: &Case,
        subject: &Subject,
        count: usize,
    ) -> Result<SubjectResults, Error> {
        let small = Case {
            plugins: Plugins::Header(1),
            routes: 0,
            instances: None,
            ..case.clone()
        };
        let (mut smaller, mut larger) = (Vec::new(), Vec::new());
        // The first start fills a cache of compiled code, where there is one.
        drop(self.start(case, subject, CONNECTIONS)?);
        for _ in 0..self.rounds.min(GROWTH_ROUNDS) {
            let server = self.start(&small, subject, CONNECTIONS)?;
            smaller.push(server.settled_kib()? as f64);
            let server = self.start(case, subject, CONNECTIONS)?;
            larger.push(server.settled_kib()? as f64);
        }
        let (smaller, larger) = (stats::median(smaller), stats::median(larger));
        let mut results = SubjectResults::new(subject.kind, case.workers);
        results.resident_kib = larger as u64;
        results.bytes_each = Some(each(smaller as u64, larger as u64, count));
        results.things = Some(count);
        Ok(results)
    }
}

fn each(before_kib: u64, after_kib: u64, count: usize) -> f64 {
    (after_kib as f64 - before_kib as f64) * 1024.0 / count as f64
}
