//! `upstreams[].health_check`, `outlier_detection`, `panic_threshold`

use super::{Checker, actions};
use crate::limits;
use crate::model::{GrpcCheck, HealthCheck, HttpCheck, OutlierDetection, Probe, Protocol};
use crate::raw::{self, OneOrMany, Status};
use crate::schema::quoted;
use crate::tree::KeyPath;

/// The check of servers that are spoken to in `protocol`, if there is one; `None` when it is wrong. What they are spoken to
/// in may be wrong itself.
#[expect(
    clippy::option_option,
    reason = "whether it is right, and whether it is there"
)]
pub(super) fn active(
    raw: Option<&raw::HealthCheck>,
    protocol: Option<Protocol>,
    path: &KeyPath<'_>,
    checker: &mut Checker<'_>,
) -> Option<Option<HealthCheck>> {
    let Some(raw) = raw else {
        return Some(None);
    };
    let interval = checker.duration(
        raw.interval.as_ref(),
        &limits::HEALTH_INTERVAL_RANGE,
        &path.key("interval"),
    );
    let timeout = checker.duration(
        raw.timeout.as_ref(),
        &limits::HEALTH_TIMEOUT_RANGE,
        &path.key("timeout"),
    );
    Some(Some(HealthCheck {
        probe: probe(raw, protocol, path, checker)?,
        interval: interval.unwrap_or(limits::HEALTH_INTERVAL),
        timeout: timeout.unwrap_or(limits::HEALTH_TIMEOUT),
        healthy_threshold: raw.healthy_threshold.unwrap_or(limits::HEALTHY_THRESHOLD),
        unhealthy_threshold: raw
            .unhealthy_threshold
            .unwrap_or(limits::UNHEALTHY_THRESHOLD),
    }))
}

fn probe(
    raw: &raw::HealthCheck,
    protocol: Option<Protocol>,
    path: &KeyPath<'_>,
    checker: &mut Checker<'_>,
) -> Option<Probe> {
    let grpc_path = path.key("grpc");
    match (&raw.http, &raw.grpc) {
        (None, None) => Some(Probe::Connection),
        (Some(http), None) => request(http, &path.key("http"), checker).map(Probe::Http),
        (None, Some(grpc)) => call(grpc, protocol, &grpc_path, checker).map(Probe::Grpc),
        (Some(_), Some(_)) => {
            let message = "a check asks over `http` or over `grpc`; leave out one of them";
            checker.fault(&grpc_path, message);
            None
        }
    }
}

fn call(
    raw: &raw::GrpcCheck,
    protocol: Option<Protocol>,
    path: &KeyPath<'_>,
    checker: &mut Checker<'_>,
) -> Option<GrpcCheck> {
    if protocol == Some(Protocol::Http1) {
        let message = "gRPC needs HTTP/2, and this upstream is spoken to in HTTP/1.1";
        let fault = checker.fault(path, message);
        fault.with_hint("add `protocol: http2` to the upstream");
    }
    let authority = match &raw.authority {
        Some(written) => {
            let authority = actions::authority(written, &path.key("authority"), checker);
            Some(authority?)
        }
        None => None,
    };
    let is_http2 = protocol == Some(Protocol::Http2);
    is_http2.then(|| GrpcCheck {
        service: raw.service.clone().unwrap_or_default(),
        authority,
    })
}

fn request(
    raw: &raw::HttpCheck,
    path: &KeyPath<'_>,
    checker: &mut Checker<'_>,
) -> Option<HttpCheck> {
    let target = raw.path.as_ref()?;
    let is_visible = |byte: u8| byte.is_ascii_graphic() && byte != b'#';
    if !target.starts_with('/') || !target.bytes().all(is_visible) {
        let message = format!(
            "{} is not a path; expected one such as `/healthz`",
            quoted(target)
        );
        checker.fault(&path.key("path"), message);
        return None;
    }
    let statuses = raw.statuses.iter().flat_map(OneOrMany::iter);
    Some(HttpCheck {
        path: target.clone(),
        statuses: statuses.map(|(_, Status(status))| *status).collect(),
    })
}

/// When servers are left out by what becomes of requests.
pub(super) fn passive(
    raw: &raw::OutlierDetection,
    path: &KeyPath<'_>,
    checker: &mut Checker<'_>,
) -> OutlierDetection {
    let base_ejection = checker.duration(
        raw.base_ejection.as_ref(),
        &limits::BASE_EJECTION_RANGE,
        &path.key("base_ejection"),
    );
    OutlierDetection {
        consecutive_errors: raw.consecutive_errors.unwrap_or(limits::CONSECUTIVE_ERRORS),
        base_ejection: base_ejection.unwrap_or(limits::BASE_EJECTION),
        max_ejected: raw
            .max_ejected
            .map_or(limits::MAX_EJECTED, |percent| percent.0),
    }
}

/// The part of the servers below which all are used. It needs something that leaves servers out.
pub(super) fn panic_threshold(
    raw: &raw::Upstream,
    path: &KeyPath<'_>,
    checker: &mut Checker<'_>,
) -> u8 {
    let written = raw.panic_threshold.map(|percent| percent.0);
    let leaves_out = ["health_check", "outlier_detection"];
    if written.is_some() && checker.is_empty_of(path, &leaves_out) {
        let message = "without `health_check` or `outlier_detection` every server is used, and this would do nothing; leave it out";
        checker.fault(&path.key("panic_threshold"), message);
    }
    written.unwrap_or(limits::PANIC_THRESHOLD)
}
