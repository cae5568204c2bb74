//! What a route does with a request behind its plugins.

mod preview;
mod redirect;
mod respond;
mod service;
mod split;

use std::convert::Infallible;
use std::future::{Ready, ready};
use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use futures_util::future::Either;
use http::{Request, Response};
use loom_config::model;
use loom_layer::RouteInfo;
use tower::Service;

pub(crate) use preview::Preview;
pub(crate) use service::{ActionFuture, ActionService};

use super::changes::Changes;
use crate::errors::Failure;
use crate::grpc::for_client;
use crate::proxy::{ProxyService, Reports, Retries, Upstream};
use redirect::Redirect;
use respond::Reply;
use split::Split;

/// See the module's text. Shared by everybody who may take it: each request has a clone of what it passes.
#[derive(Debug)]
pub(crate) struct Action {
    info: RouteInfo,
    timeout: Option<Duration>,
    idle_timeout: Option<Duration>,
    changes: Option<Arc<Changes>>,
    target: Target,
}

/// Where the response comes from.
#[derive(Debug)]
enum Target {
    Upstream(ProxyService),
    Split(Split),
    Redirect(Redirect),
    Reply(Reply),
}

/// The response, on its way or made already.
pub(super) type Answer = Either<
    <ProxyService as Service<Request<Body>>>::Future,
    Ready<Result<Response<Body>, Infallible>>,
>;

impl Action {
    /// What this route does, with the upstreams of its configuration.
    pub(crate) fn new(route: &model::Route, upstreams: &[Arc<Upstream>]) -> Arc<Self> {
        let info = RouteInfo::new(&route.id);
        let retries = route.retry.clone();
        let retries = retries.map(|rules| Arc::new(Retries::new(rules)));
        let (info, target) = match &route.action {
            model::Action::Upstream(upstream) => {
                let upstream = &upstreams[*upstream];
                let proxy = ProxyService::new(Arc::clone(upstream)).retrying(retries);
                (info.upstream(upstream.name()), Target::Upstream(proxy))
            }
            model::Action::Split(shares) => {
                let split = Split::new(shares, upstreams, &info, retries.as_ref());
                (info, Target::Split(split))
            }
            model::Action::Redirect(redirect) => (info, Target::Redirect(Redirect::new(redirect))),
            model::Action::Respond(respond) => (info, Target::Reply(Reply::new(respond))),
        };
        Arc::new(Self {
            info,
            timeout: route.timeout,
            idle_timeout: route.idle_timeout,
            changes: Changes::new(&route.changes).map(Arc::new),
            target,
        })
    }

    /// The names that plugins see.
    pub(crate) fn info(&self) -> &RouteInfo {
        &self.info
    }

    /// The limit for the response.
    pub(crate) fn timeout(&self) -> Option<Duration> {
        self.timeout
    }

    /// How long nothing may pass.
    pub(super) fn idle_timeout(&self) -> Option<Duration> {
        self.idle_timeout
    }

    /// What is changed in the responses.
    fn changes(&self) -> Option<Arc<Changes>> {
        self.changes
            .clone()
            .filter(|changes| changes.has_response())
    }

    /// Answers a request. `reports` says who may ask how its upstream was reached; the names of one that is chosen only
    /// here are returned for them.
    fn answer(&self, mut request: Request<Body>, reports: Reports) -> (Answer, Option<RouteInfo>) {
        let proxy = match &self.target {
            Target::Upstream(proxy) => (proxy, None),
            Target::Split(split) => {
                let (proxy, info) = split.choose();
                (proxy, reports.response.then(|| info.clone()))
            }
            Target::Redirect(redirect) => {
                let response = redirect.answer(&request);
                return (made(for_client(&request, response, b"")), None);
            }
            Target::Reply(reply) => return (made(reply.answer(&request)), None),
        };
        let (proxy, info) = proxy;
        if let Some(changes) = &self.changes
            && changes.request(&mut request).is_err()
        {
            let response = Failure::InvalidTarget.respond(request.uri().path(), None);
            return (made(response), info);
        }
        let answer = proxy.clone().reporting(reports).call(request);
        (Either::Left(answer), info)
    }
}

fn made(response: Response<Body>) -> Answer {
    Either::Right(ready(Ok(response)))
}
