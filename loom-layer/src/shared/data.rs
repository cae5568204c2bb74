//! Shared data: values by key, with stamps by which guests compare and swap (Proxy-Wasm 0.2.1, `proxy_set_shared_data`).

use std::collections::{BTreeMap, HashMap};
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use bytes::Bytes;
use parking_lot::{Mutex, RwLock};

use crate::limits;

/// What an entry costs beside key and value, in bytes.
const ENTRY_BYTES: usize = 128;

/// A value and the stamp that it was stored with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Stamped {
    pub(crate) value: Bytes,
    /// Never 0.
    pub(crate) cas: u32,
}

/// Why a value was not stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum DataRefused {
    /// Somebody else stored a value meanwhile.
    Mismatch,
    /// A limit is reached.
    Full,
}

/// Where shared data is kept. Each call is atomic, and all users of a vm_id see the same keys.
pub(crate) trait DataStore: fmt::Debug + Send + Sync {
    fn get(&self, vm_id: &str, key: &[u8]) -> Option<Stamped>;

    /// Stores a value under a new stamp. `cas` is the stamp that the stored value must have, 0 for any; a key that does
    /// not exist takes every value, as in Envoy.
    fn set(&self, vm_id: &str, key: &[u8], value: Bytes, cas: u32) -> Result<(), DataRefused>;

    /// Drops everything of a vm_id.
    fn forget(&self, vm_id: &str);
}

/// Shared data in this process.
#[derive(Debug, Default)]
pub(crate) struct MemoryData {
    /// The last stamp given: one row of numbers for all keys of all vm_ids.
    last_stamp: AtomicU32,
    spaces: RwLock<HashMap<Arc<str>, Mutex<Space>>>,
    limits: DataLimits,
}

/// What one vm_id may store.
#[derive(Debug)]
struct DataLimits {
    keys: usize,
    key_bytes: usize,
    value_bytes: usize,
    bytes: usize,
}

impl Default for DataLimits {
    fn default() -> Self {
        Self {
            keys: limits::SHARED_KEYS,
            key_bytes: limits::SHARED_NAME_BYTES,
            value_bytes: limits::SHARED_VALUE_BYTES,
            bytes: limits::SHARED_BYTES,
        }
    }
}

/// The data of one vm_id.
#[derive(Debug, Default)]
struct Space {
    entries: HashMap<Bytes, Stamped>,
    bytes: usize,
    /// The keys with empty values by stamp, oldest first. The ABI has no way to remove a key, and SDKs store an empty
    /// value for it: these make room when there is none.
    empty: BTreeMap<u32, Bytes>,
}

impl DataStore for MemoryData {
    fn get(&self, vm_id: &str, key: &[u8]) -> Option<Stamped> {
        let spaces = self.spaces.read();
        let space = spaces.get(vm_id)?.lock();
        space.entries.get(key).cloned()
    }

    fn set(&self, vm_id: &str, key: &[u8], value: Bytes, cas: u32) -> Result<(), DataRefused> {
        if let Some(space) = self.spaces.read().get(vm_id) {
            return self.store(&mut space.lock(), key, value, cas);
        }
        let mut spaces = self.spaces.write();
        let space = spaces.entry(vm_id.into()).or_default();
        self.store(space.get_mut(), key, value, cas)
    }

    fn forget(&self, vm_id: &str) {
        let space = self.spaces.write().remove(vm_id);
        // Freeing much memory takes its time: not under the lock.
        drop(space);
    }
}

impl MemoryData {
    fn store(
        &self,
        space: &mut Space,
        key: &[u8],
        value: Bytes,
        cas: u32,
    ) -> Result<(), DataRefused> {
        let old = space.entries.get(key);
        if let Some(old) = old
            && cas != 0
            && cas != old.cas
        {
            return Err(DataRefused::Mismatch);
        }
        if key.len() > self.limits.key_bytes || value.len() > self.limits.value_bytes {
            return Err(DataRefused::Full);
        }
        let freed = old.map_or(0, |old| cost(key, &old.value));
        let key_count = usize::from(old.is_none());
        space.make_room(&self.limits, key, key_count, cost(key, &value), freed)?;
        space.put(key, value, self.stamp());
        Ok(())
    }

    fn stamp(&self) -> u32 {
        loop {
            let last = self.last_stamp.fetch_add(1, Ordering::Relaxed);
            if let Some(stamp) = last.checked_add(1) {
                return stamp;
            }
        }
    }
}

impl Space {
    /// Makes sure that so many keys and bytes fit in, after others were freed. Keys with empty values are dropped for it.
    fn make_room(
        &mut self,
        limits: &DataLimits,
        key: &[u8],
        keys: usize,
        bytes: usize,
        freed: usize,
    ) -> Result<(), DataRefused> {
        while self.entries.len() + keys > limits.keys || self.bytes - freed + bytes > limits.bytes {
            let oldest = self.empty.iter().find(|(_, name)| ***name != *key);
            let Some((&stamp, _)) = oldest else {
                return Err(DataRefused::Full);
            };
            if let Some(name) = self.empty.remove(&stamp)
                && let Some(entry) = self.entries.remove(&name)
            {
                self.bytes -= cost(&name, &entry.value);
            }
        }
        Ok(())
    }

    fn put(&mut self, key: &[u8], value: Bytes, cas: u32) {
        self.bytes += cost(key, &value);
        let is_empty = value.is_empty();
        let stamped = Stamped { value, cas };
        let name = match self.entries.get_key_value(key) {
            Some((name, _)) => name.clone(),
            None => Bytes::copy_from_slice(key),
        };
        if let Some(old) = self.entries.insert(name.clone(), stamped) {
            self.bytes -= cost(key, &old.value);
            if old.value.is_empty() {
                self.empty.remove(&old.cas);
            }
        }
        if is_empty {
            self.empty.insert(cas, name);
        }
    }
}

fn cost(key: &[u8], value: &[u8]) -> usize {
    ENTRY_BYTES + key.len() + value.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(text: &'static str) -> Bytes {
        Bytes::from_static(text.as_bytes())
    }

    fn small(keys: usize, bytes: usize) -> MemoryData {
        MemoryData {
            limits: DataLimits {
                keys,
                key_bytes: 8,
                value_bytes: 16,
                bytes,
            },
            ..MemoryData::default()
        }
    }

    /// Adds one to the number under a key, as a guest does: read, add, store if nobody was faster.
    fn add_one(store: &MemoryData, vm_id: &str) {
        loop {
            let (number, cas) = match store.get(vm_id, b"sum") {
                Some(Stamped { value, cas }) => {
                    let bytes = value.as_ref().try_into().expect("eight bytes");
                    (u64::from_le_bytes(bytes), cas)
                }
                None => (0, 0),
            };
            let next = Bytes::copy_from_slice(&(number + 1).to_le_bytes());
            match store.set(vm_id, b"sum", next, cas) {
                Ok(()) => return,
                Err(refused) => assert_eq!(refused, DataRefused::Mismatch),
            }
        }
    }

    #[test]
    fn stamps_are_one_row_of_numbers_from_one() {
        let store = MemoryData::default();
        for (vm_id, key, cas) in [
            ("a", b"x", 1),
            ("a", b"y", 2),
            ("b", b"x", 3),
            ("a", b"x", 4),
        ] {
            store.set(vm_id, key, text("v"), 0).expect("there is room");
            assert_eq!(store.get(vm_id, key).expect("stored").cas, cas);
        }
        assert_eq!(store.get("c", b"x"), None);
    }

    #[test]
    fn zero_is_never_a_stamp() {
        let store = MemoryData::default();
        store.last_stamp.store(u32::MAX - 1, Ordering::Relaxed);
        for wanted in [u32::MAX, 1] {
            store.set("a", b"k", text("v"), 0).expect("there is room");
            assert_eq!(store.get("a", b"k").expect("stored").cas, wanted);
        }
    }

    #[test]
    fn a_stamp_is_compared_only_with_a_value_that_exists() {
        let store = MemoryData::default();
        store.set("a", b"k", text("1"), 99).expect("the key is new");
        assert_eq!(
            store.set("a", b"k", text("2"), 99),
            Err(DataRefused::Mismatch)
        );
        assert_eq!(store.get("a", b"k").expect("stored").value, text("1"));
        store.set("a", b"k", text("2"), 1).expect("it is the stamp");
        assert_eq!(
            store.set("a", b"k", text("3"), 1),
            Err(DataRefused::Mismatch),
            "every store gives a new stamp"
        );
    }

    #[test]
    fn an_empty_value_is_a_value() {
        let store = MemoryData::default();
        store.set("a", b"k", Bytes::new(), 0).expect("room");
        let stored = store.get("a", b"k").expect("it exists");
        assert!(stored.value.is_empty());
        store.set("a", b"", text("v"), 0).expect("so is a key");
        assert_eq!(store.get("a", b"").expect("stored").value, text("v"));
    }

    #[test]
    fn a_sum_over_many_threads_is_exact() {
        let store = MemoryData::default();
        std::thread::scope(|scope| {
            for _ in 0..8 {
                scope.spawn(|| {
                    for _ in 0..500 {
                        add_one(&store, "a");
                        add_one(&store, "b");
                    }
                });
            }
        });
        for vm_id in ["a", "b"] {
            let sum = store.get(vm_id, b"sum").expect("stored").value;
            assert_eq!(*sum, 4000_u64.to_le_bytes());
        }
    }

    #[test]
    fn keys_and_values_have_a_largest_length() {
        let store = small(10, 10_000);
        let long = Bytes::from(vec![0; 17]);
        assert_eq!(store.set("a", b"k", long, 0), Err(DataRefused::Full));
        assert_eq!(
            store.set("a", b"123456789", text("v"), 0),
            Err(DataRefused::Full)
        );
        assert_eq!(store.get("a", b"k"), None);
    }

    #[test]
    fn a_full_space_refuses_new_keys_and_takes_known_ones() {
        let store = small(2, 10_000);
        for key in [b"x", b"y"] {
            store.set("a", key, text("1"), 0).expect("there is room");
        }
        assert_eq!(store.set("a", b"z", text("1"), 0), Err(DataRefused::Full));
        store.set("a", b"x", text("2"), 0).expect("it is known");
        store.set("b", b"z", text("1"), 0).expect("another vm_id");
    }

    #[test]
    fn bytes_are_counted_and_given_back() {
        let store = small(10, 2 * cost(b"x", b"0123456789"));
        let ten = text("0123456789");
        store.set("a", b"x", ten.clone(), 0).expect("room");
        store.set("a", b"y", ten.clone(), 0).expect("room");
        let eleven = text("0123456789a");
        assert_eq!(store.set("a", b"x", eleven, 0), Err(DataRefused::Full));
        for _ in 0..10 {
            store.set("a", b"x", ten.clone(), 0).expect("no more");
        }
        store.set("a", b"x", text("1"), 0).expect("less");
        store.set("a", b"y", text("0123456789abcd"), 0).expect("9");
        let spaces = store.spaces.read();
        let space = spaces.get("a").expect("it exists").lock();
        let counted: usize = space
            .entries
            .iter()
            .map(|(key, entry)| cost(key, &entry.value))
            .sum();
        assert_eq!(space.bytes, counted);
    }

    #[test]
    fn what_was_emptied_makes_room_oldest_first() {
        let store = small(3, 10_000);
        for key in [b"x", b"y", b"z"] {
            store.set("a", key, text("1"), 0).expect("there is room");
        }
        for key in [b"y", b"x"] {
            store.set("a", key, Bytes::new(), 0).expect("known");
        }
        store.set("a", b"1", text("1"), 0).expect("y goes");
        assert_eq!(store.get("a", b"y"), None);
        assert!(store.get("a", b"x").is_some());
        store.set("a", b"x", text("2"), 0).expect("x is back");
        assert_eq!(store.set("a", b"2", text("1"), 0), Err(DataRefused::Full));
        assert_eq!(store.get("a", b"x").expect("stored").value, text("2"));
    }
}
