//! Which row of the error table an upstream's error belongs to.

use std::error::Error;
use std::io;

use super::pool::{ConnectTimeout, SendError};
use crate::errors::Failure;

/// What an error means to whoever sent the request.
pub(super) fn classify(error: &SendError) -> Failure {
    match error {
        SendError::Connect(cause) if is_timeout(&**cause) => Failure::ConnectTimeout,
        SendError::Connect(_) => Failure::Unreachable,
        // The body that we sent on ended in an error, and that body is the client's.
        SendError::Exchange(error) if error.is_user() => Failure::RequestBody,
        SendError::Exchange(error) if error.is_parse() => Failure::InvalidResponse,
        SendError::Exchange(_) => Failure::Closed,
    }
}

fn is_timeout(error: &(dyn Error + 'static)) -> bool {
    let mut causes = std::iter::successors(Some(error), |&error| error.source());
    causes.any(|cause| {
        cause.is::<ConnectTimeout>()
            || cause
                .downcast_ref::<io::Error>()
                .is_some_and(|error| error.kind() == io::ErrorKind::TimedOut)
    })
}
