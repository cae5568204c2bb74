//! What becomes of a request behind the plugins.

use loom_config::model::{
    Action, Changes, Config, HashOn, HeaderChanges, HealthCheck, HostChange, LoadBalancer,
    PathChange, Piece, Probe, Protocol, Retry, Route, Servers, Target, Template, Upstream,
    UpstreamTls,
};

use super::Step;
use crate::inspect::words::{self, duration, size};

/// What is changed before it is sent. Of headers only the names: values may be secrets.
pub(super) fn changes(changes: &Changes) -> Vec<Step> {
    let path = changes.path.as_ref().map(|change| match change {
        PathChange::Strip(prefix) => Step::new("strip_prefix", prefix),
        PathChange::Template(template) => Step::new("rewrite", written(template)),
        PathChange::Regex(pattern, template) => {
            let says = format!("~ {} to {}", pattern.as_str(), written(template));
            Step::new("rewrite", says)
        }
    });
    let host = match &changes.host {
        HostChange::Preserve => None,
        HostChange::Endpoint => Some(Step::new("host_header", "that of the endpoint")),
        HostChange::Set(host) => {
            let host = String::from_utf8_lossy(host.as_bytes());
            Some(Step::new("host_header", host))
        }
    };
    let headers = [
        headers("request_headers", &changes.request_headers),
        headers("response_headers", &changes.response_headers),
    ];
    [path, host].into_iter().chain(headers).flatten().collect()
}

fn headers(key: &'static str, changes: &HeaderChanges) -> Option<Step> {
    let is_new = |name| changes.append.iter().any(|(new, _)| new == name);
    let mut says = Vec::new();
    for name in &changes.remove {
        let verb = if is_new(name) { "set" } else { "remove" };
        says.push(format!("{verb} {name}"));
    }
    for (name, _) in &changes.append {
        let added = format!("add {name}");
        if !changes.remove.contains(name) && !says.contains(&added) {
            says.push(added);
        }
    }
    (!says.is_empty()).then(|| Step::new(key, says.join(", ")))
}

/// A template as the configuration writes it.
fn written(template: &Template) -> String {
    let pieces = template.pieces.iter().map(|piece| match piece {
        Piece::Text(text) => text.clone(),
        Piece::Parameter(name) => format!("{{{name}}}"),
    });
    pieces.collect()
}

/// Where a request goes, or what it is answered with.
pub(super) fn steps(config: &Config, route: &Route) -> Vec<Step> {
    let retry = retry(route);
    let upstream = |index: usize, weight| upstream(&config.upstreams[index], weight);
    let mut steps: Vec<Step> = Vec::new();
    match &route.action {
        Action::Upstream(index) => {
            steps.extend(retry);
            steps.push(upstream(*index, None));
        }
        Action::Split(shares) => {
            let says = "one of these upstreams, by weight";
            steps.push(Step::new("split", says));
            steps.extend(retry);
            let shares = shares.iter();
            steps.extend(shares.map(|share| upstream(share.upstream, Some(share.weight))));
        }
        Action::Redirect(redirect) => {
            steps.push(Step::new("redirect", redirect.status.as_str()));
        }
        Action::Respond(respond) => steps.push(Step::new("respond", respond.status.as_str())),
    }
    steps
}

/// When a request is sent once more.
pub(super) fn retry(route: &Route) -> Option<Step> {
    let retry: &Retry = route.retry.as_ref()?;
    let when = [
        ("connect_failure", retry.connect_failure),
        ("reset", retry.reset),
        ("timeout", retry.timeout),
    ];
    let when = when.iter().filter(|(_, asked)| *asked);
    let when = when.map(|(name, _)| (*name).to_owned());
    let when: Vec<_> = when
        .chain(retry.statuses.iter().map(u16::to_string))
        .collect();
    let most = words::count(retry.attempts as usize, "attempt");
    let (budget, body) = (retry.budget, size(retry.max_body));
    let says = format!(
        "{most}, when {}; budget {budget}%, max_body {body}",
        when.join(", ")
    );
    Some(Step::new("retry", says))
}

fn upstream(upstream: &Upstream, weight: Option<u32>) -> Step {
    let weight = weight.map_or_else(String::new, |weight| format!(", weight {weight}"));
    let endpoints = words::endpoints(&upstream.target);
    let mut says = vec![format!("{} ({endpoints}{weight})", upstream.name)];
    if let Target::Servers(servers) = &upstream.target {
        says.extend(servers_say(servers));
    }
    Step {
        key: "upstream",
        says,
        brief: format!("upstream {}", upstream.name),
    }
}

fn servers_say(servers: &Servers) -> Vec<String> {
    let protocol = match servers.protocol {
        Protocol::Http1 => "http1",
        Protocol::Http2 => "http2",
    };
    let mut says = vec![format!("protocol: {protocol}")];
    says.extend(servers.tls.as_ref().map(|has| format!("tls: {}", tls(has))));
    says.push(format!(
        "load_balancer: {}",
        balancer(&servers.load_balancer)
    ));
    let times = servers.timeouts;
    let per_try = times.per_try.map_or_else(|| "none".to_owned(), duration);
    says.push(format!(
        "timeouts: connect {}, per_try {per_try}, idle {}",
        duration(times.connect),
        duration(times.idle)
    ));
    if let Some(limits) = servers.limits {
        let (connections, pending) = (limits.connections, limits.pending);
        says.push(format!(
            "limits: connections {connections}, pending {pending}"
        ));
    }
    let check = servers.health_check.as_ref();
    says.extend(check.map(|has| format!("health_check: {}", health_check(has))));
    if let Some(has) = servers.outlier_detection {
        says.push(format!(
            "outlier_detection: out for {} after {}, at most {}% of the servers",
            duration(has.base_ejection),
            words::count(has.consecutive_errors as usize, "error"),
            has.max_ejected
        ));
    }
    says
}

fn tls(tls: &UpstreamTls) -> String {
    let name = match &tls.server_name {
        None => "each server's own name".to_owned(),
        Some(name) => format!("server_name {}", name.to_str()),
    };
    let trust = match (&tls.authorities, tls.verify) {
        (_, false) => "verify false",
        (Some(_), true) => "authorities of ca_file",
        (None, true) => "authorities of the system",
    };
    let own = match &tls.identity {
        None => "",
        Some(_) => ", with a certificate",
    };
    format!("{name}, {trust}{own}")
}

fn balancer(balancer: &LoadBalancer) -> String {
    match balancer {
        LoadBalancer::RoundRobin => "round_robin".to_owned(),
        LoadBalancer::Random => "random".to_owned(),
        LoadBalancer::LeastRequest => "least_request".to_owned(),
        LoadBalancer::ConsistentHash(parts) => {
            let parts = parts.iter().map(|part| match part {
                HashOn::Header(name) => format!("header {name}"),
                HashOn::Cookie(name) => format!("cookie {name}"),
                HashOn::Query(name) => format!("query {name}"),
                HashOn::Ip => "ip".to_owned(),
            });
            format!(
                "consistent_hash on {}",
                parts.collect::<Vec<_>>().join(", ")
            )
        }
    }
}

fn health_check(check: &HealthCheck) -> String {
    let what = match &check.probe {
        Probe::Connection => "a connection",
        Probe::Http(http) => &format!("GET {}", http.path),
        Probe::Grpc(grpc) if grpc.service.is_empty() => "a call of gRPC",
        Probe::Grpc(grpc) => &format!("a call of gRPC for {}", grpc.service),
    };
    format!("{what} every {}", duration(check.interval))
}
