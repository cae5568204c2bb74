//! `rate_limit`

use std::time::Duration;

use super::Checker;
use crate::check::headers;
use crate::limits;
use crate::model::{RateKey, RateLimit};
use crate::raw::{self, RateKeyWord};
use crate::tree::KeyPath;
use crate::units::show_duration;

pub(super) fn check(
    raw: &raw::RateLimit,
    path: &KeyPath<'_>,
    checker: &mut Checker<'_>,
) -> Option<RateLimit> {
    let at = path.key("per");
    let per = checker.duration(raw.per.as_ref(), &limits::RATE_PER_RANGE, &at);
    let per = per.unwrap_or(limits::RATE_PER);
    let by = match &raw.by {
        None | Some(raw::RateKey::Word(RateKeyWord::Ip)) => Some(RateKey::Ip),
        Some(raw::RateKey::Word(RateKeyWord::Route)) => Some(RateKey::Route),
        Some(raw::RateKey::Header(raw)) => raw.header.as_deref().and_then(|written| {
            let path = path.key("by");
            headers::any(written, &path.key("header"), checker).map(RateKey::Header)
        }),
    };
    let requests = raw.requests?;
    let burst = raw.burst.unwrap_or(requests);
    let fill = per.as_millis() * u128::from(burst) / u128::from(requests);
    if fill > limits::RATE_FILL.as_millis() {
        let fill = Duration::from_millis(u64::try_from(fill).unwrap_or(u64::MAX));
        let message = format!(
            "at this rate {burst} tokens come in {}; expected {} at the most",
            show_duration(fill),
            show_duration(limits::RATE_FILL)
        );
        checker.fault(&path.key("burst"), message);
    }
    Some(RateLimit {
        requests,
        per,
        burst,
        by: by?,
    })
}
