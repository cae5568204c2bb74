//! Where buckets are kept: as many as there is room for, those that were used last.

use std::collections::hash_map::RandomState;
use std::hash::BuildHasher;

use governor::nanos::Nanos;
use governor::state::StateStore;
use lru::LruCache;
use parking_lot::Mutex;

use super::key::Key;
use crate::limits;

/// Parts that are locked each for itself, so that workers seldom wait for each other.
const PARTS: usize = 16;

/// The state of each bucket. One that nobody has used for longest goes when there is no room: it is most likely full again, which is
/// what one that is not there is.
#[derive(Debug)]
pub(super) struct Store {
    parts: Box<[Mutex<LruCache<Key, Nanos>>; PARTS]>,
    hasher: RandomState,
    room: usize,
}

impl Default for Store {
    fn default() -> Self {
        Self::new(limits::RATE_LIMIT_KEYS / PARTS)
    }
}

impl Store {
    fn new(room: usize) -> Self {
        Self {
            // Grows as keys come, up to the room that there is.
            parts: Box::new(std::array::from_fn(|_| Mutex::new(LruCache::unbounded()))),
            hasher: RandomState::new(),
            room,
        }
    }
}

impl StateStore for Store {
    type Key = Key;

    fn measure_and_replace<T, F, E>(&self, key: &Key, measure: F) -> Result<T, E>
    where
        F: Fn(Option<Nanos>) -> Result<(T, Nanos), E>,
    {
        let part = self.hasher.hash_one(key) as usize % PARTS;
        let mut part = self.parts[part].lock();
        if let Some(state) = part.get_mut(key) {
            let (outcome, new) = measure(Some(*state))?;
            *state = new;
            return Ok(outcome);
        }
        let (outcome, new) = measure(None)?;
        part.put(*key, new);
        if part.len() > self.room {
            part.pop_lru();
        }
        Ok(outcome)
    }
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;

    use super::*;

    /// What was there before.
    fn put(store: &Store, number: u64) -> Option<u64> {
        let measured = store.measure_and_replace(&Key::Header(number, 0), |before| {
            Ok::<_, Infallible>((before.map(Nanos::as_u64), Nanos::new(number)))
        });
        let Ok(before) = measured;
        before
    }

    #[test]
    fn there_are_never_more_keys_than_there_is_room_for() {
        let store = Store::new(4);
        assert_eq!((put(&store, 0), put(&store, 0)), (None, Some(0)));
        for number in 0..10_000 {
            put(&store, number);
            assert_eq!(put(&store, number), Some(number), "the last one is there");
        }
        let kept: usize = store.parts.iter().map(|part| part.lock().len()).sum();
        assert_eq!(kept, 4 * PARTS);
        assert_eq!(put(&store, 0), None, "the first one is not");
    }
}
