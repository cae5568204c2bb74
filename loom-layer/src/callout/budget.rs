//! Bytes that a guest leaves with the host for its calls: its own memory limit does not cover them.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use bytes::Bytes;

use crate::limits;

/// What the calls of one VM may hold. Bytes count until the last part of them is dropped, wherever that is.
#[derive(Debug, Clone, Default)]
pub(crate) struct Budget {
    held: Arc<AtomicUsize>,
}

impl Budget {
    /// A copy of these parts in a row; `None` when that is too much.
    pub(crate) fn hold(&self, parts: &[&[u8]]) -> Option<Bytes> {
        let len = parts.iter().map(|part| part.len()).sum();
        // Only the guest adds, and it does so under its lock: nobody else can take the room meanwhile.
        let held = self.held.load(Ordering::Relaxed);
        if len > limits::CALL_REQUEST_BYTES.saturating_sub(held) {
            return None;
        }
        self.held.fetch_add(len, Ordering::Relaxed);
        Some(Bytes::from_owner(Held {
            bytes: parts.concat(),
            budget: self.clone(),
        }))
    }
}

struct Held {
    bytes: Vec<u8>,
    budget: Budget,
}

impl AsRef<[u8]> for Held {
    fn as_ref(&self) -> &[u8] {
        &self.bytes
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        self.budget
            .held
            .fetch_sub(self.bytes.len(), Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_dropped_makes_room() {
        let budget = Budget::default();
        let most = vec![0; limits::CALL_REQUEST_BYTES - 3];
        let mut first = budget.hold(&[&most]).expect("it fits");
        assert_eq!(budget.hold(&[b"ab", b"c"]).expect("it fits"), "abc");
        assert!(budget.hold(&[b"ab", b"cd"]).is_none());
        let part = first.split_to(1);
        drop(first);
        assert!(budget.hold(&[b"abcd"]).is_none(), "a part is there");
        drop(part);
        assert!(budget.hold(&[b"abcd"]).is_some());
        assert_eq!(budget.held.load(Ordering::Relaxed), 0);
    }
}
