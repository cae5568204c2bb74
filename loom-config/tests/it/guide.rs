//! The file of the guide, with the section that its error says is missing.

use std::fs;
use std::time::Duration;

use loom_config::Loader;
use loom_config::model::{Action, EndpointAddress, PathMatch, Phase, Target};

const GUIDE: &str = include_str!("../bad/guide_without_upstreams.yaml");

#[test]
fn the_snippet_of_its_error_completes_it() {
    let error = Loader::default()
        .parse("loom.yaml", GUIDE)
        .expect_err("there is no upstream");
    let snippet = error
        .faults()
        .next()
        .and_then(|fault| fault.snippet())
        .expect("a snippet");
    let directory = tempfile::tempdir().expect("a directory");
    let path = directory.path().join("loom.yaml");
    fs::write(&path, format!("{GUIDE}\n{snippet}\n")).expect("the file");

    let config = Loader::default().load(&path).expect("it is complete now");
    let plugin = &config.plugins[0];
    assert_eq!(plugin.name, "add-header");
    let path = directory.path().join("add_header_plugin.wasm");
    assert_eq!(plugin.source.path(), Some(path.as_path()));
    assert_eq!(
        (plugin.phase, plugin.priority),
        (Phase::RequestHeaders, 100)
    );
    assert_eq!(plugin.memory_limit, Some(16_000_000));
    assert_eq!(plugin.timeout, Some(Duration::from_millis(50)));
    let route = &config.routes[0];
    assert_eq!(
        (route.id.as_str(), route.plugins[0].plugin, &route.action),
        ("api", 0, &Action::Upstream(0))
    );
    assert_eq!(route.paths, [PathMatch::Prefix("/api".to_owned())]);
    let Target::Servers(servers) = &config.upstreams[0].target else {
        panic!("servers")
    };
    let expected = EndpointAddress::Tcp {
        host: "127.0.0.1".to_owned(),
        port: 3000,
    };
    assert_eq!(servers.endpoints[0].address, expected);
}

#[test]
fn every_snippet_for_a_missing_name_completes_its_file() {
    for name in [
        "upstream_not_defined_others_are",
        "plugin_not_defined",
        "listener_not_defined",
    ] {
        let path = format!("{}/tests/bad/{name}.yaml", env!("CARGO_MANIFEST_DIR"));
        let mut text = fs::read_to_string(path).expect("the bad file");
        text = text
            .replace("      - plugin: 10\n", "")
            .replace("      - plugin: \"true\"\n        config: {a: 1}\n", "");
        let error = Loader::default()
            .parse("loom.yaml", &text)
            .expect_err("a name is missing");
        let snippet = error
            .faults()
            .next()
            .and_then(|fault| fault.snippet())
            .expect("a snippet");
        let fixed = format!("{}\n{snippet}\n", text.trim_end());
        Loader::default()
            .parse("loom.yaml", &fixed)
            .unwrap_or_else(|error| panic!("{fixed}\n{error}"));
    }
}
