//! Anchors, aliases and merge keys.

use loom_config::{Config, Loader};

fn load(text: &str) -> Config {
    Loader::default()
        .parse("loom.yaml", text)
        .unwrap_or_else(|error| panic!("{error}"))
}

#[test]
fn free_keys_hold_what_aliases_repeat() {
    let config = load(
        "
x-limits: &limits {memory_limit: 1MB, timeout: 5ms}
x-more: &more {timeout: 7ms, priority: 3}
x-unused: ${NOT_EVEN_LOOKED_AT}
plugins:
  - {name: a, path: a.wasm, <<: *limits}
  - {name: b, path: b.wasm, <<: [*limits, *more], priority: 9}
  - {name: c, path: c.wasm, config: &shared {k: [1]}}
  - {name: d, path: d.wasm, config: *shared}
",
    );
    let [a, b, c, d] = config.plugins.as_slice() else {
        panic!("four plugins")
    };
    assert_eq!(a.memory_limit, Some(1_000_000));
    assert_eq!((b.timeout, b.priority), (a.timeout, 9));
    assert_eq!(c.config, d.config);
    assert_eq!(c.config.as_deref(), Some(br#"{"k":[1]}"#.as_slice()));
}

#[test]
fn a_quoted_merge_key_is_a_key() {
    let config = load("plugins: [{name: a, path: a, config: {\"<<\": 1}}]");
    assert_eq!(
        config.plugins[0].config.as_deref(),
        Some(br#"{"<<":1}"#.as_slice())
    );
}

#[test]
fn tags_of_yaml_itself_are_understood() {
    let config = load(
        "plugins: [{name: !!str 5, path: a, config: !!map {a: !!str 1, b: !!int 2, c: !!null null}}]",
    );
    assert_eq!(config.plugins[0].name, "5");
    assert_eq!(
        config.plugins[0].config.as_deref(),
        Some(br#"{"a":"1","b":2,"c":null}"#.as_slice())
    );
}

#[test]
fn line_ends_and_byte_order_mark_do_not_matter() {
    assert_eq!(
        load("\u{feff}log:\r\n  level: debug\r\n"),
        load("log:\n  level: debug\n")
    );
}

#[test]
fn columns_count_characters() {
    let error = Loader::default()
        .parse("loom.yaml", "x-ä: 'ü'\nlog: {level: 'ö', format: xml}")
        .expect_err("two faults");
    let places: Vec<_> = error
        .faults()
        .map(|fault| (fault.line(), fault.column()))
        .collect();
    assert_eq!(places, [(Some(2), Some(14)), (Some(2), Some(27))]);
}
