//! Every import with arguments that make no sense: addresses and lengths out of bounds, enumerations out of range.

use super::animal::{Animal, guest};
use super::imports::{all, call, import_all};
use super::{Outcome, everywhere};

/// The memory has 262,144 bytes.
const NONSENSE: [i32; 9] = [0, 1, 99, 262_143, 262_144, i32::MAX, i32::MIN, -16, -1];

/// What these do with these values is no nonsense: they cut the stream, empty a map or edit a body.
fn is_sensible(name: &str, value: i32) -> bool {
    matches!(value, 0 | 1)
        && matches!(
            name,
            "proxy_close_stream" | "proxy_set_header_map_pairs" | "proxy_set_buffer_bytes"
        )
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn all_arguments_out_of_range() {
    let mut calls = String::new();
    for value in NONSENSE {
        for (number, import) in all().enumerate() {
            if !is_sensible(import.name, value) {
                calls += &call(import, number, |kind| match kind {
                    'I' => format!("(i64.const {value})"),
                    _ => format!("(i32.const {value})"),
                });
            }
        }
    }
    let animal = Animal::of(
        "arguments",
        import_all(guest()),
        &format!("{calls} (i32.const 0)"),
    );
    everywhere(&animal, |_, _| Outcome::Served).await;
}

/// Addresses that are right with lengths that are not, and the other way round.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn lengths_out_of_range() {
    let mut calls = String::new();
    for (pointer, length) in [
        (200_000, 62_145),
        (200_000, -1),
        (200_000, i32::MIN),
        (262_143, 2),
        (-1, 1),
        (-1, 0),
        (262_144, 1),
    ] {
        for (number, import) in all().enumerate() {
            calls += &call(import, number, |kind| match kind {
                'p' => format!("(i32.const {pointer})"),
                'n' => format!("(i32.const {length})"),
                'I' => "(i64.const -1)".to_owned(),
                _ => "(i32.const 7)".to_owned(),
            });
        }
    }
    let animal = Animal::of(
        "lengths",
        import_all(guest()),
        &format!("{calls} (i32.const 0)"),
    );
    everywhere(&animal, |_, _| Outcome::Served).await;
}
