//! What plugins store with `proxy_set_property`.

use std::collections::HashMap;
use std::sync::Arc;

use bytes::Bytes;
use parking_lot::Mutex;

use crate::limits;

/// The values that plugins stored along one request, by their whole paths. Each layer that the request passes finds those
/// of the others in the extensions of request or response.
#[derive(Debug, Clone, Default)]
pub(crate) struct StoredProperties {
    inner: Arc<Mutex<Values>>,
}

#[derive(Debug, Default)]
struct Values {
    by_path: HashMap<Box<[u8]>, Bytes>,
    bytes: usize,
}

impl StoredProperties {
    pub(super) fn get(&self, path: &[u8]) -> Option<Bytes> {
        self.inner.lock().by_path.get(path).cloned()
    }

    /// `false`: there is no room.
    pub(super) fn set(&self, path: &[u8], value: &[u8]) -> bool {
        let mut values = self.inner.lock();
        let replaced = values
            .by_path
            .get(path)
            .map_or(0, |old| path.len() + old.len());
        let bytes = values.bytes - replaced + path.len() + value.len();
        if bytes > limits::PROPERTY_BYTES {
            return false;
        }
        values.bytes = bytes;
        let value = Bytes::copy_from_slice(value);
        values.by_path.insert(path.into(), value);
        true
    }

    /// Takes over what stands in another one, but for paths that are known here, and what there is no room for.
    pub(super) fn absorb(&self, other: &Self) {
        if Arc::ptr_eq(&self.inner, &other.inner) {
            return;
        }
        // Copied first, so that no thread ever holds two of these locks.
        let others: Vec<_> = {
            let values = other.inner.lock();
            let each = values.by_path.iter();
            each.map(|(path, value)| (path.clone(), value.clone()))
                .collect()
        };
        for (path, value) in others {
            if self.get(&path).is_none() {
                self.set(&path, &value);
            }
        }
    }
}
