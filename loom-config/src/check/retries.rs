//! `retry` of routes and of `defaults`

use super::Checker;
use crate::limits;
use crate::model::Retry;
use crate::raw::{self, OneOrMany, RetryEvent, RetryStatus, RetryWhen};
use crate::tree::KeyPath;

/// When requests are sent once more; `None`: never. A route that answers by itself sends none.
pub(super) fn check(
    raw: &raw::Retry,
    answers: bool,
    path: &KeyPath<'_>,
    checker: &mut Checker<'_>,
) -> Option<Retry> {
    if answers {
        let message =
            "this route sends nothing to an upstream, so this would do nothing; leave it out";
        checker.fault(path, message);
    }
    let back_off = checker.duration(
        raw.back_off.as_ref(),
        &limits::BACK_OFF_RANGE,
        &path.key("back_off"),
    );
    let max_body = checker.size(
        raw.max_body.as_ref(),
        &limits::REPLAYED_BODY_RANGE,
        &path.key("max_body"),
    );
    let mut retry = Retry {
        attempts: raw.attempts.unwrap_or(limits::ATTEMPTS_DEFAULT),
        connect_failure: raw.when.is_none(),
        reset: raw.when.is_none(),
        timeout: false,
        statuses: Vec::new(),
        back_off: back_off.unwrap_or(limits::BACK_OFF),
        budget: raw.budget.map_or(limits::RETRY_BUDGET, |percent| percent.0),
        max_body: max_body.unwrap_or(limits::REPLAYED_BODY),
    };
    for (_, when) in raw.when.iter().flat_map(OneOrMany::iter) {
        match *when {
            RetryWhen::Event(RetryEvent::ConnectFailure) => retry.connect_failure = true,
            RetryWhen::Event(RetryEvent::Reset) => retry.reset = true,
            RetryWhen::Event(RetryEvent::Timeout) => retry.timeout = true,
            RetryWhen::Status(RetryStatus(status)) => retry.statuses.push(status),
        }
    }
    (retry.attempts > 1).then_some(retry)
}
