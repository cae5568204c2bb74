//! When a request is sent once more.

use std::time::Duration;

/// When a request is sent once more, to another server if there is one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Retry {
    /// How often at the most, the first time included.
    pub attempts: u32,
    /// Whether after a connection that was not made.
    pub connect_failure: bool,
    /// Whether after a connection that ended before the response began.
    pub reset: bool,
    /// Whether after the time for one try was over.
    pub timeout: bool,
    /// After which statuses.
    pub statuses: Vec<u16>,
    /// The pause before the second time.
    pub back_off: Duration,
    /// How many of the requests that are under way may be repetitions, in hundredths.
    pub budget: u8,
    /// How much of a body is kept to be sent again, in bytes.
    pub max_body: u64,
}
