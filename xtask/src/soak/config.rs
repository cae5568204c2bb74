//! The configurations: of the gateway, one after the other, and of an upstream.

use std::net::SocketAddr;
use std::path::PathBuf;

/// The plugins' files.
#[derive(Debug)]
pub(super) struct Modules {
    pub(super) header: PathBuf,
    pub(super) rewrite: PathBuf,
    pub(super) limit: PathBuf,
}

/// What stays the same in all configurations of the gateway.
#[derive(Debug)]
pub(super) struct Setting {
    pub(super) listen: SocketAddr,
    pub(super) admin: SocketAddr,
    pub(super) upstreams: Vec<SocketAddr>,
    pub(super) modules: Modules,
}

/// The paths that are asked for. Each takes another way through the gateway.
pub(super) const PATHS: [&str; 3] = ["/plain", "/rewritten/a", "/limited/b?c=d"];

/// The gateway's configuration of this number. From one to the next `limit` is a new plugin with new VMs, `add-header` has
/// other settings on one route and keeps its VMs, `rewrite` stays as it is, and a route and a weight change.
pub(super) fn gateway(setting: &Setting, number: u64) -> String {
    let Setting {
        listen,
        admin,
        upstreams,
        modules,
    } = setting;
    let Modules {
        header,
        rewrite,
        limit,
    } = modules;
    let (header, rewrite, limit) = (header.display(), rewrite.display(), limit.display());
    let endpoints: Vec<_> = upstreams
        .iter()
        .enumerate()
        .map(|(n, address)| {
            let weight = 1 + (n as u64 + number) % 3;
            format!("{{address: \"{address}\", weight: {weight}}}")
        })
        .collect();
    let endpoints = endpoints.join(", ");
    format!(
        r#"listeners: ["{listen}"]
admin: {{address: "{admin}"}}
reload: {{watch: false}}
log: {{level: warn}}
plugins:
  - {{name: add-header, path: {header}}}
  - {{name: rewrite, path: {rewrite}, config: {{replace: [{{from: "GET", to: "got"}}]}}}}
  - {{name: limit, path: {limit}, vm_configuration: "{number}", config: {{requests_per_second: 1000000, burst: 1000000}}}}
defaults:
  timeout: 10s
  plugins: [add-header]
routes:
  - id: plain
    path: /plain
    plugins: [{{plugin: add-header, config: {{number: {number}}}}}]
    upstream: backend
    response_headers: {{set: {{x-number: "{number}"}}}}
    retry: {{attempts: 4, when: [connect_failure, reset], budget: 100%}}
  - id: rewritten
    path: /rewritten/*
    plugins: [rewrite]
    strip_prefix: /rewritten
    upstream: backend
    retry: {{attempts: 4, when: [connect_failure, reset], budget: 100%}}
  - id: limited
    path: /limited/*
    plugins: [limit]
    upstream: backend
    retry: {{attempts: 4, when: [connect_failure, reset], budget: 100%}}
upstreams:
  - name: backend
    endpoints: [{endpoints}]
    timeouts: {{connect: 1s}}
    health_check: {{http: {{path: /healthz}}, interval: 500ms, timeout: 400ms, healthy_threshold: 1, unhealthy_threshold: 2}}
    outlier_detection: {{consecutive_errors: 3, base_ejection: 1s, max_ejected: 50%}}
"#
    )
}

/// The configuration of an upstream: it answers what reached it.
pub(super) fn upstream(listen: SocketAddr) -> String {
    format!(
        "listeners: [\"{listen}\"]\n\
         reload: {{watch: false}}\n\
         log: {{level: warn}}\n\
         routes: [{{id: all, path: /*, upstream: echo}}]\n\
         upstreams: [{{name: echo, builtin: echo}}]\n"
    )
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use loom_config::Loader;

    use super::*;

    #[test]
    fn every_configuration_is_valid_and_none_is_like_the_last() {
        let at = |port| SocketAddr::from((Ipv4Addr::LOCALHOST, port));
        let folder = tempfile::tempdir().expect("a folder");
        let module = folder.path().join("plugin.wasm");
        std::fs::write(&module, b"\0asm\x01\0\0\0").expect("a file");
        let setting = Setting {
            listen: at(1),
            admin: at(2),
            upstreams: [3, 4, 5].map(at).into(),
            modules: Modules {
                header: module.clone(),
                rewrite: module.clone(),
                limit: module,
            },
        };
        let texts = [0, 1, 2].map(|number| gateway(&setting, number));
        assert_ne!(texts[0], texts[1]);
        assert_ne!(texts[1], texts[2]);
        for text in texts.iter().chain([&upstream(at(3))]) {
            let loaded = Loader::new([]).parse("loom.yaml", text);
            loaded.unwrap_or_else(|faults| panic!("{faults}"));
        }
    }
}
