//! Which row of the error table an upstream's error belongs to.

use std::error::Error;
use std::io;

use hyper_util::client::legacy;

use super::connector::ConnectTimeout;
use crate::errors::Failure;

/// What a client's error means to whoever sent the request.
pub(super) fn classify(error: &legacy::Error) -> Failure {
    if error.is_connect() {
        let timed_out = causes(error).any(|cause| {
            cause.is::<ConnectTimeout>()
                || cause
                    .downcast_ref::<io::Error>()
                    .is_some_and(|error| error.kind() == io::ErrorKind::TimedOut)
        });
        return if timed_out {
            Failure::ConnectTimeout
        } else {
            Failure::Unreachable
        };
    }
    match causes(error).find_map(|cause| cause.downcast_ref::<hyper::Error>()) {
        // The body that we sent on ended in an error, and that body is the client's.
        Some(error) if error.is_user() => Failure::RequestBody,
        Some(error) if error.is_parse() => Failure::InvalidResponse,
        _ => Failure::Closed,
    }
}

fn causes<'a>(error: &'a (dyn Error + 'static)) -> impl Iterator<Item = &'a (dyn Error + 'static)> {
    std::iter::successors(error.source(), |&error| error.source())
}
