//! `loom check`: what a start would end with, and what may go wrong later.

use std::fs;
use std::net::TcpListener;
use std::path::Path;
use std::process::Output;

use tokio::net::TcpSocket;

use super::support::loom;

fn check(directory: &Path, yaml: &str, arguments: &[&str]) -> Output {
    fs::write(directory.join("loom.yaml"), yaml).expect("a file");
    loom(directory, &[&["check"], arguments].concat())
}

fn errors(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

#[test]
fn faults_of_every_kind_are_told_together() {
    let directory = tempfile::tempdir().expect("a directory");
    // Of TEST-NET-1: no machine has it.
    let yaml = "
listeners: [{name: web, address: '192.0.2.1:8080'}, {name: socket, address: 'unix:no/such/folder/loom.sock'}]
plugins: [{name: gone, path: gone.wasm}, {name: text, path: loom.yaml}]
access_log: {path: no/such/folder/access.log}
admin: {address: '192.0.2.1:9091', token: 0123456789abcdef}
";
    let output = check(directory.path(), yaml, &[]);
    let errors = errors(&output);
    assert_eq!(output.status.code(), Some(1), "{errors}");
    for fault in [
        "listener `web`",
        "listener `socket`",
        "`gone`",
        "`text`",
        "access log",
        "listener `admin`",
    ] {
        assert!(errors.contains(fault), "{fault}: {errors}");
    }
}

/// A plugin whose `proxy_on_configure` says no to anything, as one does that does not understand its `config`.
#[test]
fn a_configuration_that_a_plugin_refuses_is_a_fault_on_every_route() {
    let directory = tempfile::tempdir().expect("a directory");
    let wat = r#"(module
      (memory (export "memory") 1)
      (func (export "malloc") (param i32) (result i32) i32.const 0)
      (func (export "proxy_abi_version_0_2_1"))
      (func (export "proxy_on_context_create") (param i32 i32))
      (func (export "proxy_on_configure") (param i32 i32) (result i32)
        (i32.eqz (local.get 1))))"#;
    let module = wat::parse_str(wat).expect("valid");
    fs::write(directory.path().join("picky.wasm"), module).expect("a file");
    let yaml = "
listeners: ['127.0.0.1:0']
plugins: [{name: picky, path: picky.wasm}]
routes:
  - {id: plain, path: /plain, plugins: [picky], respond: 200}
  - {id: first, path: /first, plugins: [{plugin: picky, config: a}], respond: 200}
  - {id: second, path: /second, plugins: [{plugin: picky, config: b}], respond: 200}
";
    let output = check(directory.path(), yaml, &[]);
    let errors = errors(&output);
    assert_eq!(output.status.code(), Some(1), "{errors}");
    assert_eq!(errors.matches("`picky`").count(), 2, "{errors}");
    let right = yaml.replace(", config: a", "").replace(", config: b", "");
    assert!(check(directory.path(), &right, &[]).status.success());
}

#[test]
fn what_may_be_otherwise_at_the_start_is_a_warning() {
    let directory = tempfile::tempdir().expect("a directory");
    let taken = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = taken.local_addr().expect("an address");
    let yaml = format!(
        "
listeners: [{{name: web, address: '{address}'}}]
routes: [{{id: all, path: /*, upstream: backend}}]
upstreams: [{{name: backend, endpoints: ['no-such-host.invalid:80', '127.0.0.1:1', 'localhost:1']}}]
"
    );
    let output = check(directory.path(), &yaml, &[]);
    let warnings = errors(&output);
    assert!(output.status.success(), "{warnings}");
    assert_eq!(warnings.matches("warning: ").count(), 2, "{warnings}");
    for text in [
        "listener `web`",
        "ss -ltnp",
        "upstream `backend`",
        "no-such-host.invalid",
    ] {
        assert!(warnings.contains(text), "{text}: {warnings}");
    }
    let output = check(directory.path(), &yaml, &["--deny-warnings"]);
    assert_eq!(output.status.code(), Some(1));
}

/// Of an address that processes share, a probe that listens would be given connections.
#[tokio::test]
async fn a_shared_port_that_runs_is_no_warning() {
    let directory = tempfile::tempdir().expect("a directory");
    let socket = TcpSocket::new_v4().expect("a socket");
    socket.set_reuseport(true).expect("it is supported");
    socket
        .bind(([127, 0, 0, 1], 0).into())
        .expect("a free port");
    let running = socket.listen(1).expect("it listens");
    let address = running.local_addr().expect("an address");
    let yaml = format!("listeners: [{{name: web, address: '{address}', reuse_port: true}}]");
    let output = check(directory.path(), &yaml, &["--deny-warnings"]);
    assert!(output.status.success(), "{}", errors(&output));
}
