//! Sending a request once more, where that is safe.
//!
//! A request is repeated when the route says so and nothing can come of it but its answer: its method is idempotent (RFC
//! 9110, 9.2.2), or no part of it was sent. It is one request to everybody around: plugins have let it go, and see the
//! response that is given in the end.

mod budget;
mod replay;

use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use http::request::Parts;
use http::{Method, Request, Response};
use http_body::Body as _;
use loom_config::model;

use super::attempt::attempt;
use super::pool::{Endpoint, Report, SendError};
use super::upstream::Servers;
use budget::Budget;
use replay::Replay;

/// Pauses double from try to try, up to so many times the first one.
const LONGEST: u32 = 10;

/// A route's rules, and what its requests have used up of them.
#[derive(Debug)]
pub(crate) struct Retries {
    rules: model::Retry,
    budget: Budget,
}

/// A result: the response, or what went wrong.
type Sent = Result<Response<Body>, SendError>;

impl Retries {
    pub(crate) fn new(rules: model::Retry) -> Self {
        Self {
            budget: Budget::new(rules.budget),
            rules,
        }
    }

    /// Sends a request as often as it takes and the rules allow.
    pub(super) async fn send(
        &self,
        servers: &Arc<Servers>,
        request: Request<Body>,
        mut report: Option<&mut Report>,
    ) -> Sent {
        let _under_way = self.budget.begin();
        let (head, body) = request.into_parts();
        let method = head.method.clone();
        let mut body = Kept::new(body, self.room(&method));
        let mut tried: Option<Arc<Endpoint>> = None;
        let mut permission = None;
        for tries in 1.. {
            let mut request = Request::from_parts(copy(&head), body.next());
            let permit = servers.enter().await?;
            let lease = servers.lease(&request, tried.as_ref(), permit)?;
            tried = Some(Arc::clone(&lease));
            let protocol = servers.settings().protocol;
            let request = &mut request;
            let sent = attempt(servers, lease, request, protocol, report.as_deref_mut()).await;
            let again = tries < self.rules.attempts && self.asks_for(&sent, &method);
            if !again || !body.is_whole() {
                return sent;
            }
            // The one before it has given its place back by now.
            drop(permission.take());
            permission = self.budget.repeat();
            if permission.is_none() {
                servers.counts().retries_refused.add();
                return sent;
            }
            servers.counts().retries.add();
            tracing::debug!(
                upstream = servers.upstream(),
                endpoint = tried.as_ref().map(|tried| tried.label()),
                tries,
                "sending once more"
            );
            drop(sent);
            tokio::time::sleep(self.pause(tries)).await;
            if let Some(report) = &mut report {
                report.attempts += 1;
            }
        }
        Err(SendError::NoEndpoint)
    }

    /// How much of a body is kept. What is sent once more only if nothing of it was read need not be: a gRPC stream may be
    /// long.
    fn room(&self, method: &Method) -> u64 {
        if method.is_idempotent() {
            self.rules.max_body
        } else {
            0
        }
    }

    /// Whether the rules ask for one more try, and it is safe.
    fn asks_for(&self, sent: &Sent, method: &Method) -> bool {
        let rules = &self.rules;
        let (asked, unsent) = match sent {
            Ok(response) => (rules.statuses.contains(&response.status().as_u16()), false),
            Err(SendError::Connect(_)) => (rules.connect_failure, true),
            Err(SendError::Unsent(_)) => (rules.reset, true),
            // The client's own body failed, or what came is no HTTP: the same would come again.
            Err(SendError::Exchange(error)) if error.is_user() || error.is_parse() => return false,
            Err(SendError::Exchange(_)) => (rules.reset, false),
            Err(SendError::Timeout(_)) => (rules.timeout, false),
            Err(SendError::Misframed(_) | SendError::Switch | SendError::Tunnel) => return false,
            Err(SendError::NoEndpoint | SendError::Overloaded) => return false,
        };
        asked && (unsent || method.is_idempotent())
    }

    /// The pause after so many tries: anything up to a length that doubles, so that requests which failed together do not
    /// come back together.
    fn pause(&self, tries: u32) -> Duration {
        let factor = 2_u32.saturating_pow(tries - 1).min(LONGEST);
        let longest = self.rules.back_off.saturating_mul(factor);
        longest.mul_f64(0.5 + 0.5 * fastrand::f64())
    }
}

/// A request's body, for as many tries as there will be.
enum Kept {
    /// There is none.
    Empty,
    Replay(Replay),
}

impl Kept {
    fn new(body: Body, most: u64) -> Self {
        if body.is_end_stream() {
            Self::Empty
        } else {
            Self::Replay(Replay::new(body, most))
        }
    }

    /// The body for one more try. The one before it ends.
    fn next(&mut self) -> Body {
        match self {
            Self::Empty => Body::empty(),
            Self::Replay(replay) => Body::new(replay.next()),
        }
    }

    /// Whether all that was read can be read again.
    fn is_whole(&self) -> bool {
        match self {
            Self::Empty => true,
            Self::Replay(replay) => replay.is_whole(),
        }
    }
}

/// The head once more.
fn copy(head: &Parts) -> Parts {
    let (mut copy, ()) = Request::new(()).into_parts();
    copy.method = head.method.clone();
    copy.uri = head.uri.clone();
    copy.version = head.version;
    copy.headers = head.headers.clone();
    copy.extensions = head.extensions.clone();
    copy
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_kept_of_what_is_not_sent_again_once_it_was_read() {
        let retries = Retries::new(model::Retry {
            attempts: 3,
            connect_failure: true,
            reset: true,
            timeout: true,
            statuses: vec![503],
            back_off: Duration::ZERO,
            budget: 20,
            max_body: 1024,
        });
        assert_eq!(retries.room(&Method::PUT), 1024);
        assert_eq!(retries.room(&Method::POST), 0);
    }
}
