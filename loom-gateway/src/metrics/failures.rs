//! The cause of a failure, where people look for it: in a header of the response, and in a counter.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use axum::body::Body;
use http::Response;
use http::header::{HeaderName, HeaderValue};

use super::Metrics;
use crate::errors::Cause;

const X_LOOM_ERROR: HeaderName = HeaderName::from_static("x-loom-error");

/// Failures by their cause.
#[derive(Debug)]
pub(super) struct Failures([AtomicU64; Cause::COUNT]);

impl Default for Failures {
    fn default() -> Self {
        Self(std::array::from_fn(|_| AtomicU64::default()))
    }
}

impl Failures {
    /// Each code with its number.
    pub(super) fn counts(&self) -> impl Iterator<Item = (&'static str, u64)> {
        let counts = self.0.iter().map(|count| count.load(Ordering::Relaxed));
        Cause::codes().zip(counts)
    }
}

/// Shows why a response is not an upstream's: with `header` in the response itself, with `metrics` in a counter. `None`
/// when nobody wants to know.
pub(crate) fn show_failures(
    header: bool,
    metrics: Option<&Metrics>,
) -> Option<impl Fn(Response<Body>) -> Response<Body> + Clone + use<>> {
    let failures = metrics.map(|metrics| Arc::clone(&metrics.failures));
    (header || failures.is_some()).then_some(move |mut response: Response<Body>| {
        let Some(cause) = Cause::of(&response) else {
            return response;
        };
        if let Some(failures) = &failures {
            failures.0[cause.number()].fetch_add(1, Ordering::Relaxed);
        }
        if header {
            let code = HeaderValue::from_static(cause.code());
            response.headers_mut().insert(X_LOOM_ERROR, code);
        }
        response
    })
}
