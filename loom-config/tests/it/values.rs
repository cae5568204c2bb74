//! What the values of the file become: shorthands, orders, defaults, units.

use std::path::Path;
use std::time::Duration;

use loom_config::model::{
    Action, Address, Endpoint, EndpointAddress, FailurePolicy, HashOn, HostMatch, LoadBalancer,
    LogFormat, LogLevel, PathMatch, Phase, RequestBody, Target,
};
use loom_config::{Config, Loader};

fn load(text: &str) -> Config {
    Loader::default()
        .parse("etc/loom.yaml", text)
        .unwrap_or_else(|error| panic!("{error}"))
}

/// The configuration of a plugin, as it is written after `config:`.
fn config(written: &str) -> Option<String> {
    let config = load(&format!(
        "plugins:\n  - name: a\n    path: a.wasm\n    config: {written}\n    vm_configuration: {written}\n"
    ));
    let plugin = &config.plugins[0];
    assert_eq!(
        plugin.config, plugin.vm_configuration,
        "they have the same forms"
    );
    config.plugins[0]
        .config
        .as_deref()
        .map(|bytes| String::from_utf8_lossy(bytes).into_owned())
}

#[test]
fn without_listeners_there_is_one() {
    let config = load("log: {}");
    assert_eq!(config.listeners.len(), 1);
    assert_eq!(config.listeners[0].name, "default");
    assert_eq!(
        config.listeners[0].address,
        Address::Ip(([0, 0, 0, 0], 8080).into())
    );
    assert_eq!(config.listeners[0].limits.connections, 10_000);
    assert_eq!(config.workers, None);
    assert_eq!(
        (config.log.level, config.log.format),
        (LogLevel::Info, LogFormat::Text)
    );
    assert_eq!(config.shutdown.drain_timeout, Duration::from_secs(30));
}

#[test]
fn an_address_is_a_listener() {
    let config = load(
        "listeners: ['127.0.0.1:0', {name: six, address: '[::]:8443'}, {address: '0.0.0.0:1'}]",
    );
    let names: Vec<&str> = config
        .listeners
        .iter()
        .map(|listener| listener.name.as_str())
        .collect();
    assert_eq!(names, ["127.0.0.1:0", "six", "0.0.0.0:1"]);
    assert_eq!(
        config.listeners[1].address.ip().map(|ip| ip.port()),
        Some(8443)
    );
}

#[test]
fn who_sends_a_header_of_the_proxy_protocol() {
    let of = |written: &str| {
        let file = format!("listeners: [{{address: '[::]:80', proxy_protocol: {written}}}]");
        load(&file).listeners.remove(0).proxy_protocol
    };
    let ip = |text: &str| Some(text.parse().expect("an address"));
    assert_eq!(of("false"), None);
    let everybody = of("true").expect("it is expected");
    assert!(everybody.is_expected_of(ip("192.0.2.7")) && everybody.is_expected_of(None));
    assert_eq!(of("{}"), Some(everybody));
    let some = of("{from: [10.0.0.0/8]}").expect("it is expected");
    assert!(some.is_expected_of(ip("::ffff:10.0.0.1")));
    assert!(!some.is_expected_of(ip("192.0.2.7")));
}

#[test]
fn plugins_without_further_keys_have_the_defaults_of_the_host() {
    let config = load("plugins: [{name: a, path: plugins/a.wasm}, {name: b, path: /srv/b.wasm}]");
    let plugin = &config.plugins[0];
    assert_eq!(plugin.source.path(), Some(Path::new("etc/plugins/a.wasm")));
    assert_eq!(
        config.plugins[1].source.path(),
        Some(Path::new("/srv/b.wasm"))
    );
    assert_eq!((plugin.phase, plugin.priority), (Phase::RequestHeaders, 0));
    assert_eq!(
        (plugin.memory_limit, plugin.timeout, plugin.log_level),
        (None, None, None)
    );
    assert_eq!(
        (plugin.failure_policy, plugin.config.is_none()),
        (FailurePolicy::Closed, true)
    );
    assert_eq!((plugin.start_timeout, plugin.pause_timeout), (None, None));
    assert_eq!((plugin.max_buffered_body, plugin.instances), (None, None));
    assert_eq!(
        (plugin.request_body, plugin.allow_on_headers_stop_iteration),
        (RequestBody::Streaming, false)
    );
    assert_eq!((plugin.root_id.as_str(), &plugin.vm_id), ("", &None));
    assert!(plugin.vm_configuration.is_none());
}

#[test]
fn phases() {
    for (written, phase) in [
        ("on_request_headers", Phase::RequestHeaders),
        ("on_request_body", Phase::RequestBody),
        ("on_response_headers", Phase::ResponseHeaders),
        ("on_response_body", Phase::ResponseBody),
        ("on_log", Phase::Log),
    ] {
        assert_eq!(
            load(&format!(
                "plugins: [{{name: a, path: a, phase: {written}}}]"
            ))
            .plugins[0]
                .phase,
            phase
        );
    }
}

#[test]
fn levels() {
    let levels = [
        ("trace", LogLevel::Trace),
        ("debug", LogLevel::Debug),
        ("info", LogLevel::Info),
        ("warn", LogLevel::Warn),
        ("error", LogLevel::Error),
    ];
    for (written, level) in levels {
        let config = load(&format!(
            "log: {{level: {written}}}\nplugins: [{{name: a, path: a, log_level: {written}}}]"
        ));
        assert_eq!(
            (config.log.level, config.plugins[0].log_level),
            (level, Some(level))
        );
    }
}

#[test]
fn a_plugins_configuration_keeps_its_order_and_its_types() {
    for (written, got) in [
        (
            "{z: 1, a: [true, null, 1.5, '1', x], m: {}}",
            r#"{"z":1,"a":[true,null,1.5,"1","x"],"m":{}}"#,
        ),
        ("[1, 2]", "[1,2]"),
        ("plain text", "plain text"),
        ("'{\"raw\": 1}'", r#"{"raw": 1}"#),
        ("''", ""),
        ("5", "5"),
        ("1.50", "1.5"),
        ("true", "true"),
        ("'5'", "5"),
        ("18446744073709551615", "18446744073709551615"),
        ("{1: a, true: b}", r#"{"1":"a","true":"b"}"#),
        (
            "{requests_per_second: 100}",
            r#"{"requests_per_second":100}"#,
        ),
    ] {
        assert_eq!(config(written).as_deref(), Some(got), "{written}");
    }
    assert_eq!(config(""), None);
    assert_eq!(config("null"), None);
}

#[test]
fn plugins_of_a_route_stand_by_priority_then_by_place() {
    let config = load(
        "
plugins:
  - {name: low, path: a.wasm, priority: -5}
  - {name: one, path: a.wasm}
  - {name: two, path: a.wasm}
  - {name: high, path: a.wasm, priority: 100}
routes:
  - id: r
    path: /*
    upstream: echo
    plugins: [low, two, {plugin: one, config: {a: 1}}, high, {plugin: one, config: text}, one]
upstreams: [{name: echo, builtin: echo}]
",
    );
    let uses = &config.routes[0].plugins;
    let names: Vec<&str> = uses
        .iter()
        .map(|used| config.plugins[used.plugin].name.as_str())
        .collect();
    assert_eq!(names, ["high", "two", "one", "one", "one", "low"]);
    let configs: Vec<Option<&[u8]>> = uses
        .iter()
        .map(|used| used.overrides.config.as_deref())
        .collect();
    assert_eq!(
        configs[2..5],
        [
            Some(br#"{"a":1}"#.as_slice()),
            Some(b"text".as_slice()),
            None
        ]
    );
}

#[test]
fn routes_name_listeners_hosts_and_paths_singly_or_in_lists() {
    let config = load(
        "
listeners: [{name: a, address: '0.0.0.0:1'}, {name: b, address: '0.0.0.0:2'}]
routes:
  - {id: one, path: /a, host: A.example.com, listeners: b, upstream: echo}
  - {id: many, path: [/*, /x/*], host: [b.example.com, '*.Example.com'], listeners: [b, a], upstream: echo, timeout: 1m30s}
  - {id: all, path: /, upstream: echo}
upstreams: [{name: other, builtin: echo}, {name: echo, builtin: echo}]
",
    );
    let [one, many, all] = config.routes.as_slice() else {
        panic!("three routes")
    };
    assert_eq!(one.paths, [PathMatch::Exact("/a".into())]);
    assert_eq!(one.hosts, [HostMatch::Exact("a.example.com".into())]);
    assert_eq!(
        (one.listeners.as_slice(), &one.action, one.timeout),
        ([1].as_slice(), &Action::Upstream(1), None)
    );
    assert_eq!(
        many.paths,
        [
            PathMatch::Prefix(String::new()),
            PathMatch::Prefix("/x".into())
        ]
    );
    assert_eq!(many.hosts[1], HostMatch::Suffix(".example.com".into()));
    assert_eq!(
        (many.listeners.as_slice(), many.timeout),
        ([0, 1].as_slice(), Some(Duration::from_secs(90)))
    );
    assert_eq!(
        (all.listeners.as_slice(), all.hosts.len()),
        ([0, 1].as_slice(), 0)
    );
}

#[test]
fn endpoints_in_every_form() {
    let config = load(
        "
upstreams:
  - {name: one, endpoints: 'api.internal:80'}
  - {name: many, endpoints: ['127.0.0.1:3000', '[::1]:3001', {address: 'Host:3002', weight: 3}, 'unix:/run/app.sock', 'unix:near.sock'], timeouts: {connect: 1s, idle: 2s}}
",
    );
    let endpoint = |host: &str, port, weight| Endpoint {
        address: EndpointAddress::Tcp {
            host: host.to_owned(),
            port,
        },
        weight,
    };
    let Target::Servers(one) = &config.upstreams[0].target else {
        panic!("servers")
    };
    assert_eq!(one.endpoints, [endpoint("api.internal", 80, 1)]);
    assert_eq!(one.load_balancer, LoadBalancer::RoundRobin);
    assert_eq!(one.resolve_interval, Duration::from_secs(30));
    assert_eq!(one.timeouts.connect, Duration::from_secs(5));
    assert_eq!(one.timeouts.idle, Duration::from_secs(30));
    let Target::Servers(many) = &config.upstreams[1].target else {
        panic!("servers")
    };
    let socket = |path: &str| Endpoint {
        address: EndpointAddress::Unix(path.into()),
        weight: 1,
    };
    let expected = [
        endpoint("127.0.0.1", 3000, 1),
        endpoint("::1", 3001, 1),
        endpoint("host", 3002, 3),
        socket("/run/app.sock"),
        socket("etc/near.sock"),
    ];
    assert_eq!(many.endpoints, expected);
    assert_eq!(many.timeouts.connect, Duration::from_secs(1));
    assert_eq!(many.timeouts.idle, Duration::from_secs(2));
}

#[test]
fn load_balancers_in_every_form() {
    for (written, expected) in [
        ("random", LoadBalancer::Random),
        ("{policy: least_request}", LoadBalancer::LeastRequest),
        (
            "{policy: consistent_hash, hash_on: ip}",
            LoadBalancer::ConsistentHash(vec![HashOn::Ip]),
        ),
        (
            "{policy: consistent_hash, hash_on: [{header: X-User}, {cookie: Id}, {query: q}, ip]}",
            LoadBalancer::ConsistentHash(vec![
                HashOn::Header("x-user".to_owned()),
                HashOn::Cookie("Id".to_owned()),
                HashOn::Query("q".to_owned()),
                HashOn::Ip,
            ]),
        ),
    ] {
        let text = format!("upstreams: [{{name: a, endpoints: 'a:1', load_balancer: {written}}}]");
        let config = load(&text);
        let Target::Servers(servers) = &config.upstreams[0].target else {
            panic!("servers")
        };
        assert_eq!(servers.load_balancer, expected, "{written}");
    }
}

#[test]
fn an_empty_place_after_a_key_is_no_key() {
    let config =
        load("listeners:\nplugins:\nroutes: ~\nlog:\n  level:\nworkers: null\nupstreams: []");
    assert_eq!(config, load("log: {}"));
}
