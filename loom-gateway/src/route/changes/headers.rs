//! Headers that go, are set or added.

use http::HeaderMap;
use loom_config::model::HeaderChanges;

pub(super) fn change(headers: &mut HeaderMap, changes: &HeaderChanges) {
    for name in &changes.remove {
        headers.remove(name);
    }
    for (name, value) in &changes.append {
        headers.append(name, value.clone());
    }
}
