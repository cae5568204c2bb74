//! The circle that endpoints are picked from.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::sync::Arc;

use super::hash;
use crate::proxy::pool::Endpoint;

/// Places on the ring for the heaviest endpoint: shares are right to some 5 percent, and the ring of a thousand endpoints
/// takes 3 MB.
const POINTS: u32 = 256;

/// Endpoints, each in as many slots as its weight says.
#[derive(Debug, Default)]
pub(in crate::proxy::upstream) struct Slots {
    endpoints: Box<[Arc<Endpoint>]>,
    /// Indexes into `endpoints`.
    slots: Box<[u32]>,
    /// On a ring, the place of each slot, in ascending order.
    places: Box<[u64]>,
}

impl Slots {
    /// The order in which endpoints take turns: those of one endpoint as far from each other as they can be.
    pub(super) fn turns(endpoints: Box<[Arc<Endpoint>]>) -> Self {
        let weights: Vec<u32> = endpoints.iter().map(|endpoint| endpoint.weight()).collect();
        Self {
            slots: turns(&weights),
            endpoints,
            places: Box::default(),
        }
    }

    /// A ring on which each endpoint has places that do not depend on the others.
    pub(super) fn ring(endpoints: Box<[Arc<Endpoint>]>, heaviest: u32) -> Self {
        let mut ring = Vec::new();
        for (index, endpoint) in (0..).zip(&endpoints) {
            let points = (POINTS * endpoint.weight()).div_ceil(heaviest.max(1));
            let label = endpoint.label();
            ring.extend((0..points).map(|point| (hash::place(label, point), index)));
        }
        ring.sort_unstable();
        let (places, slots): (Vec<u64>, Vec<u32>) = ring.into_iter().unzip();
        Self {
            endpoints,
            slots: slots.into(),
            places: places.into(),
        }
    }

    /// All endpoints.
    pub(in crate::proxy::upstream) fn endpoints(&self) -> &[Arc<Endpoint>] {
        &self.endpoints
    }

    /// The endpoint in this slot, counted on round the circle.
    pub(in crate::proxy::upstream) fn at(&self, slot: usize) -> Option<&Arc<Endpoint>> {
        let slot = slot.checked_rem(self.slots.len())?;
        self.endpoints.get(self.slots[slot] as usize)
    }

    /// What `f` finds first in the slots from this one on, once round the circle.
    pub(in crate::proxy::upstream) fn find<T>(
        &self,
        start: usize,
        f: impl FnMut(&Arc<Endpoint>) -> Option<T>,
    ) -> Option<T> {
        let slots = 0..self.slots.len();
        let walk = slots.filter_map(|step| self.at(start.wrapping_add(step)));
        walk.into_iter().find_map(f)
    }

    /// The first slot of the ring at this place or after it.
    pub(super) fn after(&self, place: u64) -> usize {
        self.places.partition_point(|&at| at < place)
    }
}

/// Indexes in the order of their turns. The `n`th turn of weight `w` is due at `(n + 1/2) / w`.
fn turns(weights: &[u32]) -> Box<[u32]> {
    let divisor = weights.iter().copied().fold(0, greatest_common_divisor);
    let Some(total) = weights.iter().sum::<u32>().checked_div(divisor) else {
        return Box::default();
    };
    let mut due: BinaryHeap<_> = (0..)
        .zip(weights)
        .map(|(index, &weight)| Reverse((Due { turn: 0, weight }, index)))
        .collect();
    let mut turns = Vec::with_capacity(total as usize);
    while turns.len() < total as usize {
        let Some(mut next) = due.peek_mut() else {
            break;
        };
        let Reverse((due, index)) = &mut *next;
        turns.push(*index);
        due.turn += 1;
    }
    turns.into()
}

/// When a turn is due.
#[derive(Debug, Clone, Copy)]
struct Due {
    turn: u64,
    weight: u32,
}

impl Ord for Due {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        let due = |this: &Self, other: &Self| (2 * this.turn + 1) * u64::from(other.weight);
        due(self, other).cmp(&due(other, self))
    }
}

impl PartialOrd for Due {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Due {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}

impl Eq for Due {}

fn greatest_common_divisor(one: u32, other: u32) -> u32 {
    if other == 0 {
        one
    } else {
        greatest_common_divisor(other, one % other)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn weights_become_turns() {
        assert_eq!(*turns(&[1, 1, 1]), [0, 1, 2]);
        assert_eq!(*turns(&[10, 20]), [1, 0, 1]);
        assert_eq!(*turns(&[5, 1, 1]), [0, 0, 0, 1, 2, 0, 0]);
        assert_eq!(*turns(&[]), [0_u32; 0]);
    }
}
