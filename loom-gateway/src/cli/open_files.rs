//! The process's limit of open files, and whether it fits the configuration.

use loom_config::model::{Config, Target, Upstream};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use crate::limits;

/// Raises the limit as far as the system lets the process, and warns if the configuration's own limits need more.
///
/// Connections are open files. Without this, one that is one too many is met by `accept` as a failure of the system.
pub(super) fn prepare(config: &Config) {
    let Some(available) = raise() else { return };
    let needed = needed(config);
    if available < needed {
        tracing::warn!(
            available,
            needed,
            cure = "raise it (`ulimit -Hn`, LimitNOFILE= of systemd), or lower limits.connections of listeners and upstreams",
            "the process may open fewer files than connections are allowed"
        );
    }
}

/// How many files the process may have open from now on; `None`: any number.
fn raise() -> Option<u64> {
    let limit = getrlimit(Resource::Nofile);
    let current = limit.current?;
    let raised = Rlimit {
        current: limit.maximum,
        maximum: limit.maximum,
    };
    if limit.maximum == Some(current) {
        return Some(current);
    }
    match setrlimit(Resource::Nofile, raised) {
        Ok(()) => limit.maximum,
        Err(error) => {
            tracing::debug!(%error, "the limit of open files cannot be raised");
            Some(current)
        }
    }
}

/// Files that are open when every limit of the configuration is reached: a request has a connection to its client and one to
/// an upstream.
fn needed(config: &Config) -> u64 {
    let of_clients = config.listeners.iter();
    let of_clients: usize = of_clients
        .map(|listener| listener.limits.connections)
        .fold(0, usize::saturating_add);
    let limited = |upstream: &Upstream| match &upstream.target {
        Target::Echo => Some(0),
        Target::Servers(servers) => Some(servers.limits.as_ref()?.connections),
    };
    let of_upstreams = config.upstreams.iter().map(limited);
    let of_upstreams: Option<usize> = of_upstreams.sum();
    let of_upstreams = of_upstreams.unwrap_or(of_clients).min(of_clients);
    let all = of_clients.saturating_add(of_upstreams);
    u64::try_from(all)
        .unwrap_or(u64::MAX)
        .saturating_add(limits::OTHER_FILES)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn needed_by(yaml: &str) -> u64 {
        let config = loom_config::Loader::new([]).parse("loom.yaml", yaml);
        needed(&config.expect("valid")) - limits::OTHER_FILES
    }

    #[test]
    fn clients_and_upstreams_need_files() {
        assert_eq!(needed_by("workers: 1"), 10_000);
        let listeners = "listeners: [{address: '0.0.0.0:80', limits: {connections: 50}}, \
                         {address: '0.0.0.0:81', limits: {connections: 70}}]\n";
        let upstreams = |limits| {
            format!("{listeners}upstreams: [{{name: a, endpoints: '127.0.0.1:1', {limits}}}]")
        };
        assert_eq!(needed_by(&upstreams("")), 240);
        assert_eq!(needed_by(&upstreams("limits: {connections: 30}")), 150);
        assert_eq!(needed_by(&upstreams("limits: {connections: 300}")), 240);
    }
}
