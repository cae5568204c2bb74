//! `upstreams`

use std::net::IpAddr;
use std::time::Duration;

use super::{Checker, endpoints, load_balancers};
use crate::limits;
use crate::model::{Endpoint, EndpointAddress, Servers, Target, Upstream, UpstreamTimeouts};
use crate::raw::{self, Items};
use crate::tree::KeyPath;

pub(super) fn check(
    raw: Option<&Items<raw::Upstream>>,
    checker: &mut Checker<'_>,
) -> Option<Vec<Upstream>> {
    let section = KeyPath::ROOT.key("upstreams");
    let upstreams: Vec<Option<Upstream>> = raw
        .into_iter()
        .flat_map(Items::iter)
        .map(|(index, raw)| upstream(raw, &section.index(index), checker))
        .collect();
    upstreams.into_iter().collect()
}

fn upstream(
    raw: &raw::Upstream,
    path: &KeyPath<'_>,
    checker: &mut Checker<'_>,
) -> Option<Upstream> {
    let servers = servers(raw, path, checker);
    let target = match (&raw.endpoints, raw.builtin) {
        (Some(_), None) => servers.map(Target::Servers),
        (None, Some(raw::Builtin::Echo)) => {
            let settings = ["load_balancer", "resolve_interval", "timeouts"];
            for key in settings {
                if !checker.is_empty_of(path, &[key]) {
                    let message =
                        format!("`{key}` of a built-in upstream would do nothing; leave it out");
                    checker.fault(&path.key(key), message);
                }
            }
            Some(Target::Echo)
        }
        (Some(_), Some(_)) => {
            let message =
                "an upstream has `endpoints` or is `builtin`, not both; leave out one of them";
            checker.fault(&path.key("builtin"), message);
            None
        }
        (None, None) => {
            if checker.is_empty_of(path, &["endpoints", "builtin"]) {
                let fault = checker.fault(
                    path,
                    "the upstream leads nowhere; expected `endpoints` or `builtin: echo`",
                );
                fault.with_hint("name its servers: `endpoints: [127.0.0.1:3000]`");
            }
            None
        }
    };
    Some(Upstream {
        name: raw.name.clone()?,
        target: target?,
    })
}

/// The servers and how they are used; `None` when a server is wrong, or there is none.
fn servers(raw: &raw::Upstream, path: &KeyPath<'_>, checker: &mut Checker<'_>) -> Option<Servers> {
    let endpoints = raw
        .endpoints
        .as_ref()
        .map(|raw| endpoints::check(raw, &path.key("endpoints"), checker));
    let load_balancer = load_balancers::check(
        raw.load_balancer.as_ref(),
        &path.key("load_balancer"),
        checker,
    );
    let timeouts = timeouts(raw.timeouts.as_ref(), &path.key("timeouts"), checker);
    let endpoints = endpoints??;
    let resolve_interval = resolve_interval(raw, &endpoints, path, checker);
    Some(Servers {
        endpoints,
        load_balancer: load_balancer?,
        resolve_interval,
        timeouts,
    })
}

fn resolve_interval(
    raw: &raw::Upstream,
    endpoints: &[Endpoint],
    path: &KeyPath<'_>,
    checker: &mut Checker<'_>,
) -> Duration {
    let path = path.key("resolve_interval");
    let range = &limits::RESOLVE_INTERVAL_RANGE;
    let interval = checker.duration(raw.resolve_interval.as_ref(), range, &path);
    let is_name = |endpoint: &Endpoint| matches!(&endpoint.address, EndpointAddress::Tcp { host, .. } if host.parse::<IpAddr>().is_err());
    if interval.is_some() && !endpoints.iter().any(is_name) {
        let message = "no endpoint is a name, so this would do nothing; leave it out";
        checker.fault(&path, message);
    }
    interval.unwrap_or(limits::RESOLVE_INTERVAL)
}

fn timeouts(
    raw: Option<&raw::UpstreamTimeouts>,
    path: &KeyPath<'_>,
    checker: &mut Checker<'_>,
) -> UpstreamTimeouts {
    let connect = raw.and_then(|raw| raw.connect.as_ref());
    let connect = checker.duration(
        connect,
        &limits::CONNECT_TIMEOUT_RANGE,
        &path.key("connect"),
    );
    let idle = raw.and_then(|raw| raw.idle.as_ref());
    let idle = checker.duration(idle, &limits::IDLE_TIMEOUT_RANGE, &path.key("idle"));
    UpstreamTimeouts {
        connect: connect.unwrap_or(limits::CONNECT_TIMEOUT),
        idle: idle.unwrap_or(limits::IDLE_TIMEOUT),
    }
}
