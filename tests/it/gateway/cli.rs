//! The command line of the program itself.

use std::fs;
use std::path::Path;
use std::process::Output;

use super::support::{Loom, Raw, loom};
use crate::gateway::keys::shows;

shows! {
    [""]: "workers" => workers_are_threads;
    ["log"]: "level" => the_file_says_what_is_logged;
    ["log"]: "format" => lines_may_be_json;
    ["plugins[]"]: "memory_limit" => a_plugin_that_does_not_load_says_why_and_what_to_do;
}

const ECHO: &str = "listeners: [{name: web, address: '127.0.0.1:0'}]
routes: [{id: all, path: '/*', upstream: echo}]
upstreams: [{name: echo, builtin: echo}]
";

fn directory(files: &[(&str, &str)]) -> tempfile::TempDir {
    let directory = tempfile::tempdir().expect("a directory");
    for (name, text) in files {
        fs::write(directory.path().join(name), text).expect("a file");
    }
    directory
}

fn failed(output: &Output) -> String {
    let error = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(1), "{error}");
    assert!(output.stdout.is_empty());
    error
}

#[test]
fn help_and_version() {
    let output = loom(Path::new("."), &["--help"]);
    let help = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success());
    for text in [
        "loom -config loom.yaml -log-level debug",
        "loom check -config loom.yaml",
        "--log-level <LEVEL>",
    ] {
        assert!(help.contains(text), "{text}: {help}");
    }
    let output = loom(Path::new("."), &["--version"]);
    assert_eq!(
        String::from_utf8_lossy(&output.stdout),
        concat!("loom ", env!("CARGO_PKG_VERSION"), "\n")
    );
}

#[test]
fn wrong_arguments_are_code_2() {
    assert_eq!(
        loom(Path::new("."), &["-log-level", "loud"]).status.code(),
        Some(2)
    );
    assert_eq!(
        loom(Path::new("."), &["--no-such-option"]).status.code(),
        Some(2)
    );
}

#[test]
fn check_tells_what_it_found() {
    let directory = directory(&[
        ("loom.yaml", ECHO),
        ("bad.yaml", "routes: [{id: a, path: x, upsteam: e}]\n"),
    ]);
    for arguments in [
        &["check", "-config", "loom.yaml"][..],
        &["--config", "loom.yaml", "check"],
        &["check"],
    ] {
        let output = loom(directory.path(), arguments);
        assert!(
            output.status.success(),
            "{arguments:?}: {}",
            String::from_utf8_lossy(&output.stderr)
        );
        let expected = "loom.yaml: no faults (1 listener, 0 plugins, 1 route, 1 upstream)\n";
        assert_eq!(String::from_utf8_lossy(&output.stdout), expected);
    }
    let error = failed(&loom(directory.path(), &["check", "-c", "bad.yaml"]));
    assert!(
        error.contains("bad.yaml:1:") && error.contains("upstream"),
        "{error}"
    );
}

#[test]
fn check_says_how_many_files_it_read() {
    let directory = directory(&[
        ("loom.yaml", &format!("include: '*-routes.yaml'\n{ECHO}")),
        ("a-routes.yaml", ""),
        ("b-routes.yaml", ""),
    ]);
    let output = loom(directory.path(), &["check"]);
    let told = String::from_utf8_lossy(&output.stdout);
    assert!(
        told.starts_with("loom.yaml and 2 included files: no faults"),
        "{told}"
    );
}

#[test]
fn check_loads_plugins() {
    let plugin = format!(
        "{ECHO}plugins: [{{name: gone, path: gone.wasm}}, {{name: text, path: text.wasm}}]\n"
    );
    let directory = directory(&[("loom.yaml", &plugin), ("text.wasm", "this is no module")]);
    let error = failed(&loom(directory.path(), &["check"]));
    assert!(
        error.contains("`gone`") && error.contains("gone.wasm"),
        "{error}"
    );
    fs::remove_file(directory.path().join("loom.yaml")).expect("it is there");
    fs::write(
        directory.path().join("loom.yaml"),
        plugin.replace("{name: gone, path: gone.wasm}, ", ""),
    )
    .expect("a file");
    let error = failed(&loom(directory.path(), &["check"]));
    assert!(
        error.contains("`text`") && error.contains("text.wasm"),
        "{error}"
    );
}

/// Each common reason for which a plugin does not load: the error names plugin, file or key, and the cure.
#[test]
fn a_plugin_that_does_not_load_says_why_and_what_to_do() {
    let module = |items: &str| {
        let wat = format!(
            r#"(module
              (memory (export "memory") 2)
              (func (export "malloc") (param i32) (result i32) i32.const 0)
              {items})"#
        );
        wat::parse_str(&wat).expect("valid")
    };
    let plugin = r#"(func (export "proxy_abi_version_0_2_1"))"#;
    let slow = r#"(func (export "_initialize") (loop $for_ever (br $for_ever)))"#;
    let unknown = r#"(func (export "proxy_abi_version_0_3_0"))"#;
    let cases = [
        ("", None, "there is no such file", ["check the path", ""]),
        (
            "",
            Some(b"this is no module".to_vec()),
            "this is not WebAssembly",
            ["name the .wasm file that the build of the plugin wrote", ""],
        ),
        (
            "",
            Some(module("")),
            "the module is not a Proxy-Wasm plugin",
            ["use a Proxy-Wasm SDK and export its entry point", ""],
        ),
        (
            "",
            Some(module(unknown)),
            "a version of Proxy-Wasm that is not supported: it exports `proxy_abi_version_0_3_0`",
            ["supported are 0.1.0, 0.2.0 and 0.2.1", ""],
        ),
        (
            "memory_limit: 64KiB",
            Some(module(plugin)),
            "the module begins with 131072 bytes of memory, and its limit is 65536 bytes",
            ["raise `memory_limit` to more than 131072 bytes", ""],
        ),
        (
            "start_timeout: 50ms",
            Some(module(&[plugin, slow].concat())),
            "`_initialize` failed: the call took ",
            [
                "`start_timeout` is 50 ms",
                "raise `start_timeout` if the plugin needs more",
            ],
        ),
    ];
    for (keys, file, why, cure) in cases {
        let yaml = format!("{ECHO}plugins: [{{name: broken, path: broken.wasm, {keys}}}]\n");
        let directory = directory(&[("loom.yaml", &yaml)]);
        if let Some(file) = file {
            fs::write(directory.path().join("broken.wasm"), file).expect("a file");
        }
        let error = failed(&loom(directory.path(), &["-config", "loom.yaml"]));
        for text in ["plugin `broken`", "broken.wasm", why, cure[0], cure[1]] {
            assert!(error.contains(text), "{text:?} is not in {error}");
        }
    }
}

#[test]
fn no_configuration_shows_where_it_looked_and_one_to_paste() {
    let directory = directory(&[]);
    for (arguments, name) in [
        (&[][..], "loom.yaml"),
        (&["-config", "other.yaml"], "other.yaml"),
        (&["check"], "loom.yaml"),
    ] {
        let error = failed(&loom(directory.path(), arguments));
        let looked_at = directory.path().join(name);
        assert!(error.contains(&*looked_at.to_string_lossy()), "{error}");
        let (_, example) = error.split_once(":\n\n").expect("an example");
        loom_config::Loader::new([])
            .parse("example.yaml", example)
            .expect("the example is a configuration");
    }
}

#[test]
fn a_port_that_is_taken_says_whose_it_is_and_what_to_do() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = taken.local_addr().expect("an address").to_string();
    let directory = directory(&[("loom.yaml", &ECHO.replace("127.0.0.1:0", &address))]);
    let error = failed(&loom(
        directory.path(),
        &["-config", "loom.yaml", "-log-level", "error"],
    ));
    for text in ["`web`", &address, "ss -ltnp", "another `address`"] {
        assert!(error.contains(text), "{text}: {error}");
    }
}

#[tokio::test]
async fn the_level_of_the_command_line_beats_the_file() {
    let directory = directory(&[("loom.yaml", &format!("{ECHO}log: {{level: error}}\n"))]);
    let mut loom = Loom::start(directory.path(), &["-log-level=debug"]);
    let address = loom.address().await;
    Raw::exchange(
        address,
        "GET /seen HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n",
    )
    .await;
    let line = loom.line("loom::access").await;
    for field in [
        "method=GET",
        "path=\"/seen\"",
        "status=200",
        "route=\"all\"",
        "complete=true",
    ] {
        assert!(line.contains(field), "{field}: {line}");
    }
}

#[tokio::test]
async fn the_file_says_what_is_logged() {
    let directory = directory(&[("loom.yaml", &format!("{ECHO}log: {{level: debug}}\n"))]);
    let mut loom = Loom::start(directory.path(), &[]);
    let request = "GET / HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n";
    Raw::exchange(loom.address().await, request).await;
    let line = loom.line("loom::access").await;
    assert!(line.contains("DEBUG"), "{line}");
}

#[tokio::test]
#[cfg(target_os = "linux")]
async fn workers_are_threads() {
    let directory = directory(&[("loom.yaml", &format!("{ECHO}workers: 3\n"))]);
    let mut loom = Loom::start(directory.path(), &[]);
    loom.address().await;
    let tasks = format!("/proc/{}/task", loom.child.id().expect("it runs"));
    let tasks = fs::read_dir(tasks).expect("threads").flatten();
    let names = tasks.filter_map(|task| fs::read_to_string(task.path().join("comm")).ok());
    assert_eq!(names.filter(|name| name == "loom-worker\n").count(), 3);
}

#[tokio::test]
async fn lines_may_be_json() {
    let directory = directory(&[("loom.yaml", &format!("{ECHO}log: {{format: json}}\n"))]);
    let mut loom = Loom::start(directory.path(), &[]);
    let line = loom.line("listening").await;
    let line: serde_json::Value = serde_json::from_str(&line).expect("JSON");
    assert_eq!(
        (&line["level"], &line["listener"]),
        (&"INFO".into(), &"web".into())
    );
}
