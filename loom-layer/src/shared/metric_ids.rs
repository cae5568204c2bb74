//! The numbers by which the guests of one VM name metrics.

use std::sync::Arc;

use rustc_hash::FxHashMap;

use super::metrics::{MetricKind, MetricStore, Series};

/// The bits of an id that say its kind, as in Envoy.
const KIND_BITS: u32 = 2;

/// See the module's text. Counters are 4, 8 and so on, gauges 5, 9, histograms 6, 10. A metric that is defined twice keeps
/// its id, so that there are no more ids than metrics.
#[derive(Debug, Default)]
pub(crate) struct MetricIds {
    kinds: [Ids; MetricKind::COUNT],
}

#[derive(Debug, Default)]
struct Ids {
    by_name: FxHashMap<Arc<str>, u32>,
    series: Vec<Arc<Series>>,
}

impl MetricIds {
    /// The id of a metric, which is defined if this VM does not know it yet. `None`: a limit is reached.
    pub(crate) fn define(
        &mut self,
        store: &dyn MetricStore,
        kind: MetricKind,
        name: &str,
    ) -> Option<u32> {
        let ids = &mut self.kinds[kind as usize];
        if let Some(&id) = ids.by_name.get(name) {
            return Some(id);
        }
        let series = store.define(kind, name)?;
        let count = u32::try_from(ids.series.len() + 1).ok()?;
        let id = (count << KIND_BITS) | kind as u32;
        ids.by_name.insert(Arc::clone(series.name()), id);
        ids.series.push(series);
        Some(id)
    }

    /// The id of no metric.
    pub(crate) const fn nowhere(kind: MetricKind) -> u32 {
        (u32::MAX << KIND_BITS) | kind as u32
    }

    /// The kind that an id says, whether there is such a metric or not.
    pub(crate) const fn kind(id: u32) -> Option<MetricKind> {
        MetricKind::from_abi(id & ((1 << KIND_BITS) - 1))
    }

    pub(crate) fn get(&self, id: u32) -> Option<&Series> {
        let at = (id >> KIND_BITS).checked_sub(1)?;
        let ids = &self.kinds[Self::kind(id)? as usize];
        ids.series.get(at as usize).map(|series| &**series)
    }
}

#[cfg(test)]
mod tests {
    use super::super::metrics::MemoryMetrics;
    use super::*;

    #[test]
    fn ids_are_envoys() {
        let store = MemoryMetrics::default();
        let mut ids = MetricIds::default();
        for (kind, name, wanted) in [
            (MetricKind::Counter, "a", 4),
            (MetricKind::Counter, "b", 8),
            (MetricKind::Gauge, "a", 5),
            (MetricKind::Histogram, "a", 6),
            (MetricKind::Histogram, "b", 10),
            (MetricKind::Counter, "a", 4),
        ] {
            assert_eq!(ids.define(&store, kind, name), Some(wanted));
            let series = ids.get(wanted).expect("defined");
            assert_eq!((&**series.name(), series.kind()), (name, kind));
        }
    }

    #[test]
    fn two_vms_count_into_one_metric() {
        let store = MemoryMetrics::default();
        let (mut one, mut two) = (MetricIds::default(), MetricIds::default());
        one.define(&store, MetricKind::Counter, "first");
        let a = one.define(&store, MetricKind::Counter, "shared");
        let b = two.define(&store, MetricKind::Counter, "shared");
        assert_eq!((a, b), (Some(8), Some(4)), "ids belong to a VM");
        one.get(8).expect("defined").record(1);
        assert_eq!(two.get(4).expect("defined").get(), Some(1));
    }

    #[test]
    fn what_is_no_id_is_found_nowhere() {
        let mut ids = MetricIds::default();
        let store = MemoryMetrics::default();
        ids.define(&store, MetricKind::Counter, "a");
        let nowhere = MetricIds::nowhere(MetricKind::Gauge);
        assert_eq!(MetricIds::kind(nowhere), Some(MetricKind::Gauge));
        for id in [0, 1, 3, 5, 7, 8, nowhere, u32::MAX] {
            assert!(ids.get(id).is_none(), "{id}");
        }
        assert_eq!(MetricIds::kind(7), None);
    }
}
