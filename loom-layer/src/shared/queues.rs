//! Shared queues: first in, first out, from any VM to any VM (Proxy-Wasm 0.2.1, `proxy_register_shared_queue`).

use std::collections::{HashMap, VecDeque};
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use bytes::Bytes;
use parking_lot::{Mutex, RwLock};

use crate::limits;

/// What an item costs beside its bytes.
const ITEM_BYTES: usize = 64;

/// Whoever registered a queue: it is told of every new item.
pub(crate) trait QueueReader: Send + Sync {
    /// The queue of this id got an item. Called from any thread, with locks held: it must not wait.
    fn ready(&self, queue: u32);
}

/// There is no queue of this id.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct UnknownQueue;

/// Why an item was not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum EnqueueRefused {
    /// There is no queue of this id.
    Unknown,
    /// A limit is reached.
    Full,
}

/// Where queues are kept. Names belong to a vm_id; ids are the same for everybody, and 0 is none.
pub(crate) trait QueueStore: fmt::Debug + Send + Sync {
    /// Creates a queue or opens it again; from now on this reader is told of new items, and no other. `None`: a limit is
    /// reached.
    fn register(&self, vm_id: &str, name: &[u8], reader: Arc<dyn QueueReader>) -> Option<u32>;

    fn resolve(&self, vm_id: &str, name: &[u8]) -> Option<u32>;

    /// Appends an item, and tells the reader.
    fn enqueue(&self, queue: u32, item: Bytes) -> Result<(), EnqueueRefused>;

    /// Takes the oldest item; `None` when there is none.
    fn dequeue(&self, queue: u32) -> Result<Option<Bytes>, UnknownQueue>;

    /// Drops all queues of a vm_id.
    fn forget(&self, vm_id: &str);
}

/// Queues in this process.
#[derive(Debug, Default)]
pub(crate) struct MemoryQueues {
    registry: RwLock<Registry>,
    limits: QueueLimits,
}

/// What queues may hold.
#[derive(Debug)]
struct QueueLimits {
    /// By vm_id.
    queues: usize,
    name_bytes: usize,
    /// By queue.
    items: usize,
    /// By vm_id.
    bytes: usize,
}

impl Default for QueueLimits {
    fn default() -> Self {
        Self {
            queues: limits::QUEUES,
            name_bytes: limits::SHARED_NAME_BYTES,
            items: limits::QUEUE_ITEMS,
            bytes: limits::QUEUE_BYTES,
        }
    }
}

#[derive(Debug, Default)]
struct Registry {
    spaces: HashMap<Arc<str>, Space>,
    queues: HashMap<u32, Queue>,
    last_id: u32,
}

/// The queues of one vm_id.
#[derive(Debug, Default)]
struct Space {
    names: HashMap<Box<[u8]>, u32>,
    /// What their items take, in bytes.
    bytes: Arc<AtomicUsize>,
}

#[derive(Debug)]
struct Queue {
    state: Mutex<QueueState>,
    /// The space's.
    bytes: Arc<AtomicUsize>,
}

struct QueueState {
    items: VecDeque<Bytes>,
    reader: Arc<dyn QueueReader>,
}

impl QueueStore for MemoryQueues {
    fn register(&self, vm_id: &str, name: &[u8], reader: Arc<dyn QueueReader>) -> Option<u32> {
        let mut registry = self.registry.write();
        if let Some(id) = registry.find(vm_id, name) {
            if let Some(queue) = registry.queues.get_mut(&id) {
                queue.state.get_mut().reader = reader;
            }
            return Some(id);
        }
        if name.len() > self.limits.name_bytes {
            return None;
        }
        let id = registry.next_id();
        let space = registry.spaces.entry(vm_id.into()).or_default();
        if space.names.len() >= self.limits.queues {
            return None;
        }
        space.names.insert(name.into(), id);
        let bytes = Arc::clone(&space.bytes);
        let state = Mutex::new(QueueState {
            items: VecDeque::new(),
            reader,
        });
        registry.queues.insert(id, Queue { state, bytes });
        Some(id)
    }

    fn resolve(&self, vm_id: &str, name: &[u8]) -> Option<u32> {
        self.registry.read().find(vm_id, name)
    }

    fn enqueue(&self, queue: u32, item: Bytes) -> Result<(), EnqueueRefused> {
        let reader = {
            let registry = self.registry.read();
            let queue = registry.queues.get(&queue).ok_or(EnqueueRefused::Unknown)?;
            let mut state = queue.state.lock();
            let size = cost(&item);
            if state.items.len() >= self.limits.items || !queue.take_room(size, self.limits.bytes) {
                return Err(EnqueueRefused::Full);
            }
            state.items.push_back(item);
            Arc::clone(&state.reader)
        };
        reader.ready(queue);
        Ok(())
    }

    fn dequeue(&self, queue: u32) -> Result<Option<Bytes>, UnknownQueue> {
        let registry = self.registry.read();
        let queue = registry.queues.get(&queue).ok_or(UnknownQueue)?;
        let item = queue.state.lock().items.pop_front();
        if let Some(item) = &item {
            queue.bytes.fetch_sub(cost(item), Ordering::Relaxed);
        }
        Ok(item)
    }

    fn forget(&self, vm_id: &str) {
        let mut registry = self.registry.write();
        let Some(space) = registry.spaces.remove(vm_id) else {
            return;
        };
        for id in space.names.values() {
            registry.queues.remove(id);
        }
    }
}

impl Registry {
    fn find(&self, vm_id: &str, name: &[u8]) -> Option<u32> {
        self.spaces.get(vm_id)?.names.get(name).copied()
    }

    fn next_id(&mut self) -> u32 {
        loop {
            self.last_id = self.last_id.wrapping_add(1);
            if self.last_id != 0 && !self.queues.contains_key(&self.last_id) {
                return self.last_id;
            }
        }
    }
}

impl Queue {
    /// Counts bytes, if there is room for them.
    fn take_room(&self, bytes: usize, limit: usize) -> bool {
        let more = |held: usize| Some(held + bytes).filter(|&sum| sum <= limit);
        self.bytes
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, more)
            .is_ok()
    }
}

impl fmt::Debug for QueueState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("QueueState")
            .field("items", &self.items.len())
            .finish_non_exhaustive()
    }
}

fn cost(item: &[u8]) -> usize {
    ITEM_BYTES + item.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Default)]
    struct Counter(AtomicUsize);

    impl QueueReader for Counter {
        fn ready(&self, _: u32) {
            self.0.fetch_add(1, Ordering::Relaxed);
        }
    }

    fn reader() -> (Arc<Counter>, Arc<dyn QueueReader>) {
        let counter = Arc::new(Counter::default());
        (Arc::clone(&counter), counter)
    }

    fn small(queues: usize, items: usize, bytes: usize) -> MemoryQueues {
        MemoryQueues {
            limits: QueueLimits {
                queues,
                name_bytes: 8,
                items,
                bytes,
            },
            ..MemoryQueues::default()
        }
    }

    fn item(text: &'static str) -> Bytes {
        Bytes::from_static(text.as_bytes())
    }

    #[test]
    fn the_same_name_is_the_same_queue_with_another_reader() {
        let store = MemoryQueues::default();
        let (first, second) = (reader(), reader());
        let id = store.register("a", b"q", first.1).expect("room");
        assert!(id >= 1);
        store.enqueue(id, item("1")).expect("it exists");
        assert_eq!(store.register("a", b"q", second.1), Some(id));
        store.enqueue(id, item("2")).expect("it exists");
        assert_eq!(first.0.0.load(Ordering::Relaxed), 1);
        assert_eq!(second.0.0.load(Ordering::Relaxed), 1);
        assert_eq!(store.dequeue(id), Ok(Some(item("1"))), "items are kept");
        assert_eq!(store.dequeue(id), Ok(Some(item("2"))));
        assert_eq!(store.dequeue(id), Ok(None));
    }

    #[test]
    fn names_belong_to_a_vm_id_and_ids_to_everybody() {
        let store = MemoryQueues::default();
        let a = store.register("a", b"q", reader().1).expect("room");
        let b = store.register("b", b"q", reader().1).expect("room");
        assert_ne!(a, b);
        assert_eq!(store.resolve("a", b"q"), Some(a));
        assert_eq!(store.resolve("b", b"q"), Some(b));
        assert_eq!(store.resolve("", b"q"), None);
        assert_eq!(store.resolve("a", b"other"), None);
        store.forget("a");
        assert_eq!(store.resolve("a", b"q"), None);
        assert_eq!(store.dequeue(a), Err(UnknownQueue));
        assert_eq!(store.dequeue(b), Ok(None));
    }

    #[test]
    fn an_unknown_id_is_unknown() {
        let store = MemoryQueues::default();
        for id in [0, 1, u32::MAX] {
            assert_eq!(store.enqueue(id, item("")), Err(EnqueueRefused::Unknown));
            assert_eq!(store.dequeue(id), Err(UnknownQueue));
        }
    }

    #[test]
    fn producers_and_consumers_lose_nothing() {
        let store = MemoryQueues::default();
        let (notified, reader) = reader();
        let id = store.register("a", b"q", reader).expect("room");
        let sum = AtomicUsize::new(0);
        let taken = AtomicUsize::new(0);
        std::thread::scope(|scope| {
            for producer in 0..4_usize {
                let store = &store;
                scope.spawn(move || {
                    for i in 0..1000 {
                        let number = producer * 1000 + i;
                        let item = Bytes::copy_from_slice(&number.to_le_bytes());
                        store.enqueue(id, item).expect("there is room");
                    }
                });
            }
            for _ in 0..4 {
                scope.spawn(|| {
                    while taken.load(Ordering::Relaxed) < 4000 {
                        if let Some(item) = store.dequeue(id).expect("it exists") {
                            let bytes = item.as_ref().try_into().expect("a number");
                            sum.fetch_add(usize::from_le_bytes(bytes), Ordering::Relaxed);
                            taken.fetch_add(1, Ordering::Relaxed);
                        }
                    }
                });
            }
        });
        assert_eq!(sum.into_inner(), (0..4000).sum::<usize>());
        assert_eq!(notified.0.load(Ordering::Relaxed), 4000, "one per item");
    }

    #[test]
    fn items_and_bytes_are_bounded() {
        let store = small(2, 2, 3 * cost(b"12"));
        let a = store.register("a", b"a", reader().1).expect("room");
        let b = store.register("a", b"b", reader().1).expect("room");
        for _ in 0..2 {
            store.enqueue(a, item("12")).expect("there is room");
        }
        assert_eq!(store.enqueue(a, item("")), Err(EnqueueRefused::Full));
        store.enqueue(b, item("12")).expect("there is room");
        assert_eq!(
            store.enqueue(b, item("")),
            Err(EnqueueRefused::Full),
            "the vm_id's bytes are used up"
        );
        assert_eq!(store.dequeue(a), Ok(Some(item("12"))));
        store.enqueue(b, item("1")).expect("there is room again");
    }

    #[test]
    fn queues_are_bounded_by_vm_id() {
        let store = small(2, 10, 10_000);
        for name in [b"x", b"y"] {
            store.register("a", name, reader().1).expect("room");
        }
        assert_eq!(store.register("a", b"z", reader().1), None);
        assert!(store.register("a", b"x", reader().1).is_some(), "known");
        assert!(store.register("b", b"z", reader().1).is_some());
        assert_eq!(store.register("b", b"123456789", reader().1), None);
    }
}
