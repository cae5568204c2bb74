//! The environment: `${...}` in values, and `LOOM__` variables.

use std::fs;
use std::time::Duration;

use loom_config::model::{LogFormat, LogLevel};
use loom_config::{Config, Error, Loader};

fn load(environment: &[(&str, &str)], text: &str) -> Result<Config, Error> {
    Loader::new(
        environment
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned())),
    )
    .parse("loom.yaml", text)
}

fn config(environment: &[(&str, &str)], written: &str) -> String {
    let text =
        format!("plugins:\n  - name: a\n    path: a.wasm\n    config:\n      v: {written}\n");
    let config = load(environment, &text).unwrap_or_else(|error| panic!("{error}"));
    config.plugins[0]
        .config
        .as_deref()
        .map(|bytes| String::from_utf8_lossy(bytes).into_owned())
        .unwrap_or_default()
}

#[test]
fn variables_win_over_the_file() {
    let text = "workers: 2\nlog: {level: warn, format: json}";
    let environment = [
        ("LOOM__LOG__LEVEL", "debug"),
        ("LOOM__WORKERS", "4"),
        ("LOOM__SHUTDOWN__DRAIN_TIMEOUT", "5s"),
    ];
    let config = load(&environment, text).expect("all of them are known");
    assert_eq!(config.log.level, LogLevel::Debug);
    assert_eq!(config.log.format, LogFormat::Json);
    assert_eq!(config.workers, Some(4));
    assert_eq!(config.shutdown.drain_timeout, Duration::from_secs(5));
}

#[test]
fn a_variable_fills_an_empty_section_and_hides_a_fault_of_the_file() {
    let config = load(&[("LOOM__LOG__LEVEL", "debug")], "log:").expect("an empty section");
    assert_eq!(config.log.level, LogLevel::Debug);
    let config = load(
        &[("LOOM__LOG__LEVEL", "debug")],
        "log: {level: '${UNDEFINED}'}",
    )
    .expect("it is not used");
    assert_eq!(config.log.level, LogLevel::Debug);
}

#[test]
fn other_variables_are_nobodys_business() {
    load(
        &[
            ("LOOM_LOG_LEVEL", "debug"),
            ("loom__log__level", "x"),
            ("PATH", "/bin"),
        ],
        "log: {}",
    )
    .expect("not ours");
}

#[test]
fn where_an_override_came_from_is_told() {
    let error = load(&[("LOOM__WORKERS", "0")], "log: {}").expect_err("out of range");
    let fault = error.faults().next().expect("one fault");
    assert_eq!(
        (fault.file(), fault.line(), fault.column()),
        ("LOOM__WORKERS", None, None)
    );
    assert_eq!(fault.path(), "workers");
}

#[test]
fn a_single_variable_takes_the_type_of_its_value() {
    let environment = [
        ("N", "5"),
        ("B", "true"),
        ("T", "text"),
        ("E", ""),
        ("S", "a: b"),
    ];
    for (written, got) in [
        ("${N}", r#"{"v":5}"#),
        ("'${N}'", r#"{"v":"5"}"#),
        ("\"${N}\"", r#"{"v":"5"}"#),
        ("${B}", r#"{"v":true}"#),
        ("${T}", r#"{"v":"text"}"#),
        ("${E}", r#"{"v":null}"#),
        ("'${E}'", r#"{"v":""}"#),
        ("${S}", r#"{"v":"a: b"}"#),
        ("${N}${N}", r#"{"v":"55"}"#),
        ("x-${N}", r#"{"v":"x-5"}"#),
        ("${U:-7}", r#"{"v":7}"#),
        ("${U:-}", r#"{"v":null}"#),
        ("${E:-d}", r#"{"v":"d"}"#),
        ("${T:-d}", r#"{"v":"text"}"#),
        ("'{${N}, $$, $${N}, 5$}'", r#"{"v":"{5, $, ${N}, 5$}"}"#),
    ] {
        assert_eq!(config(&environment, written), got, "{written}");
    }
}

#[test]
fn values_are_not_expanded_twice_and_keys_not_at_all() {
    assert_eq!(
        config(&[("A", "${B}"), ("B", "b")], "${A}"),
        r#"{"v":"${B}"}"#
    );
    assert_eq!(
        config(&[("A", "a")], "{\"${A}\": 1}"),
        r#"{"v":{"${A}":1}}"#
    );
}

#[test]
fn text_stays_text_where_the_file_wants_text() {
    let config = load(
        &[("NAME", "123"), ("LEVEL", "debug")],
        "plugins: [{name: '${NAME}', path: a}]\nlog:\n  level: ${LEVEL}",
    )
    .expect("a name of digits");
    assert_eq!(config.plugins[0].name, "123");
    let config = load(
        &[("NAME", "123")],
        "plugins:\n  - name: ${NAME}\n    path: a",
    )
    .expect("without quotes too");
    assert_eq!(config.plugins[0].name, "123");
}

#[test]
fn files_are_read_beside_the_configuration() {
    let directory = tempfile::tempdir().expect("a directory");
    fs::write(directory.path().join("token"), "s3cret\n").expect("the secret");
    fs::write(directory.path().join("big"), vec![b'x'; (1 << 20) + 1]).expect("a big file");
    fs::write(directory.path().join("binary"), [0xff]).expect("a binary file");
    let path = directory.path().join("loom.yaml");
    let text =
        |name: &str| format!("plugins:\n  - {{name: a, path: a, config: '${{file:{name}}}'}}\n");

    let config = Loader::default()
        .parse(&path, &text("token"))
        .expect("the file is there");
    assert_eq!(
        config.plugins[0].config.as_deref(),
        Some(b"s3cret".as_slice())
    );
    for (name, wrong) in [
        ("big", "is larger than 1048576 bytes"),
        ("binary", "is not UTF-8 text"),
    ] {
        let error = Loader::default().parse(&path, &text(name)).expect_err(name);
        assert!(error.to_string().ends_with(wrong), "{error}");
    }
}
