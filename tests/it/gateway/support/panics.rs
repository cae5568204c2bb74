//! Panics in this process that are not a test's own.

use std::panic;
use std::sync::{Mutex, Once};

static SEEN: Mutex<Vec<String>> = Mutex::new(Vec::new());

/// Notes panics from now on. Those of the tests themselves are assertions.
pub(crate) fn watch() {
    static WATCHING: Once = Once::new();
    WATCHING.call_once(|| {
        let usual = panic::take_hook();
        panic::set_hook(Box::new(move |info| {
            let of_a_test = info
                .location()
                .is_some_and(|location| location.file().contains("tests/it/"));
            if !of_a_test && let Ok(mut seen) = SEEN.lock() {
                seen.push(info.to_string());
            }
            usual(info);
        }));
    });
}

/// Fails when anything but a test has panicked, in any gateway of this process.
pub(crate) fn assert_none() {
    let seen = SEEN.lock().expect("a list that nobody panics with").clone();
    assert!(seen.is_empty(), "{seen:#?}");
}
