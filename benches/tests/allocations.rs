//! Counts what one request allocates on its way through the layer: the same on every machine, and in every profile.
//!
//! `cargo test -p loom-benches -- --nocapture` prints what was counted. Who needs less lowers the numbers here.

use loom_benches::{Requests, path};

/// Requests over which is counted: what only some of them do shows too.
const REQUESTS: u64 = 64;

/// A way, and the most allocations and bytes of one request on it, beyond those of the service alone.
///
/// Bytes have some air, since the sizes of futures change with the compiler.
const LIMITS: [(&str, u64, u64); 7] = [
    ("no-plugin", 0, 0),
    ("nothing", 0, 0),
    ("header-1", 14, 3000),
    ("header-10", 47, 10500),
    ("reply", 11, 2700),
    ("body-untouched", 15, 3200),
    ("body-read", 14, 3200),
];

#[test]
fn a_request_allocates_no_more_than_it_did() {
    let (bare, bare_bytes) = counted(path("bare"));
    let mut faults = Vec::new();
    for (name, most, most_bytes) in LIMITS {
        let (count, bytes) = counted(path(name));
        let (count, bytes) = (count - bare, bytes - bare_bytes);
        println!("{name:16} {count:3} allocations of {bytes:5} bytes");
        if count > most || bytes > most_bytes {
            faults.push(format!(
                "{name}: {count} allocations of {bytes} bytes, where {most} of {most_bytes} were enough"
            ));
        }
    }
    assert!(faults.is_empty(), "{faults:#?}");
}

/// Allocations and bytes per request.
fn counted(requests: Option<Requests>) -> (u64, u64) {
    let mut requests = requests.expect("a known way");
    // What only the first requests have to allocate does not count.
    requests(REQUESTS);
    let counted = allocation_counter::measure(|| requests(REQUESTS));
    (
        counted.count_total.div_ceil(REQUESTS),
        counted.bytes_total.div_ceil(REQUESTS),
    )
}
