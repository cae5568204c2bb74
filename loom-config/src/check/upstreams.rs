//! `upstreams`

use std::net::IpAddr;
use std::time::Duration;

use super::{Checker, endpoints, health, load_balancers, tls};
use crate::limits;
use crate::model::{
    Endpoint, EndpointAddress, Protocol, Servers, Target, Upstream, UpstreamLimits,
    UpstreamTimeouts,
};
use crate::raw::{self, Items};
use crate::tree::KeyPath;

/// What says how servers are used.
const SERVER_KEYS: [&str; 9] = [
    "load_balancer",
    "resolve_interval",
    "health_check",
    "outlier_detection",
    "panic_threshold",
    "protocol",
    "tls",
    "limits",
    "timeouts",
];

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
        (Some(_), None) => servers.map(|servers| Target::Servers(Box::new(servers))),
        (None, Some(raw::Builtin::Echo)) => {
            for key in SERVER_KEYS {
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
    let protocol = protocol(raw, path, checker);
    let health_check = health::active(
        raw.health_check.as_ref(),
        protocol,
        &path.key("health_check"),
        checker,
    );
    let outlier_detection = raw
        .outlier_detection
        .as_ref()
        .map(|raw| health::passive(raw, &path.key("outlier_detection"), checker));
    let panic_threshold = health::panic_threshold(raw, path, checker);
    let endpoints = endpoints??;
    let resolve_interval = resolve_interval(raw, &endpoints, path, checker);
    let tls = match &raw.tls {
        Some(raw) => Some(tls::upstream(raw, &endpoints, &path.key("tls"), checker)?),
        None => None,
    };
    Some(Servers {
        endpoints,
        load_balancer: load_balancer?,
        resolve_interval,
        health_check: health_check?,
        outlier_detection,
        panic_threshold,
        protocol: protocol?,
        tls,
        limits: raw.limits.as_ref().and_then(limits),
        timeouts,
    })
}

/// What the servers are spoken to in; `None` when that is wrong.
fn protocol(raw: &raw::Upstream, path: &KeyPath<'_>, checker: &Checker<'_>) -> Option<Protocol> {
    match raw.protocol {
        Some(protocol) => Some(protocol.into()),
        None => checker
            .is_empty_of(path, &["protocol"])
            .then_some(Protocol::Http1),
    }
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
    let per_try = raw.and_then(|raw| raw.per_try.as_ref());
    let per_try = checker.duration(per_try, &limits::PER_TRY_RANGE, &path.key("per_try"));
    UpstreamTimeouts {
        per_try,
        connect: connect.unwrap_or(limits::CONNECT_TIMEOUT),
        idle: idle.unwrap_or(limits::IDLE_TIMEOUT),
    }
}

/// The limits; `None` when there are none. Whether they are in range is up to the schema.
fn limits(raw: &raw::UpstreamLimits) -> Option<UpstreamLimits> {
    Some(UpstreamLimits {
        connections: raw.connections?,
        pending: raw.pending.unwrap_or(limits::PENDING),
    })
}

impl From<raw::Protocol> for Protocol {
    fn from(raw: raw::Protocol) -> Self {
        match raw {
            raw::Protocol::Http1 => Self::Http1,
            raw::Protocol::Http2 => Self::Http2,
        }
    }
}
