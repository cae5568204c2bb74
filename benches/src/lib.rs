//! What the benchmarks of the library and the counts of its allocations have in common.

mod clock;
mod exchange;
mod floor;
mod guests;
mod paths;

pub use clock::{CpuTime, cpu_time};
pub use exchange::{bare, fields, get, post, reading, run, thread_runtime};
pub use floor::GuestAlone;
pub use guests::{Guest, header_plugin, runtime};
pub use paths::{PATHS, Requests, headers, path};
