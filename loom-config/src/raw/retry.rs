//! `retry` of routes and of `defaults`

use schemars::JsonSchema;
use serde::Deserialize;

use super::{DurationText, OneOrMany, PercentText, SizeText};
use crate::limits;

/// When a request is sent once more, to another server if there is one.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Retry {
    /// How often a request is sent at the most, the first time included; 1: it is never repeated. Default: 2.
    #[schemars(range(min = *limits::ATTEMPTS.start(), max = *limits::ATTEMPTS.end()), extend("default" = 2))]
    #[schemars(extend("examples" = [3]))]
    pub(crate) attempts: Option<u32>,
    /// After what: a word, or a status from 400 to 599. Default: `connect_failure` and `reset`.
    #[schemars(extend("examples" = [["connect_failure", "timeout", 503]]))]
    pub(crate) when: Option<OneOrMany<RetryWhen>>,
    /// The pause before the second time, from 0s to 1m. It doubles from time to time, up to ten times as much, and up
    /// to half of it is left out by chance. Default: 25ms.
    #[schemars(extend("default" = "25ms"))]
    pub(crate) back_off: Option<DurationText>,
    /// How many of the route's requests that are under way may be repetitions, but always three. `0%` allows none.
    /// Default: 20%.
    #[schemars(extend("default" = "20%"))]
    pub(crate) budget: Option<PercentText>,
    /// How much of a request's body is kept to be sent again, up to 16MiB. A request with a longer one is not
    /// repeated once its body was read. Default: 64KiB.
    #[schemars(extend("default" = "64KiB"))]
    #[schemars(extend("examples" = ["1MiB"]))]
    pub(crate) max_body: Option<SizeText>,
}

/// What a request is repeated after.
#[derive(Debug, Clone, Copy, Deserialize, JsonSchema)]
#[serde(untagged)]
pub(crate) enum RetryWhen {
    /// Something happened to it.
    Event(RetryEvent),
    /// It was answered with this status.
    Status(RetryStatus),
}

/// What may happen to a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum RetryEvent {
    /// There was no connection, so that it was not sent.
    ConnectFailure,
    /// The connection ended before a response began.
    Reset,
    /// `timeouts.per_try` of the upstream was over.
    Timeout,
}

/// The status of a response that is not passed on.
#[derive(Debug, Clone, Copy, Deserialize, JsonSchema)]
#[schemars(title = "a status from 400 to 599", extend("minimum" = 400, "maximum" = 599))]
pub(crate) struct RetryStatus(pub(crate) u16);
