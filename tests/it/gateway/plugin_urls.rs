//! Plugins that are fetched from servers.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use loom_config::model::Config;
use loom_gateway::{Gateway, Running};
use tokio::io::AsyncWriteExt;
use tokio::net::TcpListener;
use tokio::task::AbortHandle;

use super::support::{Raw, address, loom, parse, read_head, refused_address, within};
use crate::gateway::keys::shows;

shows! {
    [""]: "cache_dir" => what_was_fetched_is_kept_and_needs_no_server_any_more;
    ["plugins[]"]: "url" or "http://127.0.0.1:1/plugin.wasm" => what_was_fetched_is_kept_and_needs_no_server_any_more;
    ["plugins[]"]: "sha256" or "'0000000000000000000000000000000000000000000000000000000000000000'"
        => what_was_fetched_is_kept_and_needs_no_server_any_more;
    ["plugins[]"]: "fetch_timeout" => a_server_that_is_gone_costs_no_more_than_fetch_timeout_and_no_running_gateway;
}

/// A server that gives its answers one after the other, the last one for ever. Dropped, it is gone.
struct Server {
    address: SocketAddr,
    asked: Arc<AtomicUsize>,
    task: AbortHandle,
}

impl Server {
    async fn start(answers: Vec<Vec<u8>>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("an address");
        let asked = Arc::new(AtomicUsize::new(0));
        let count = Arc::clone(&asked);
        let task = tokio::spawn(async move {
            while let Ok((mut client, _)) = listener.accept().await {
                read_head(&mut client).await;
                let number = count.fetch_add(1, Ordering::Relaxed);
                let answer = &answers[number.min(answers.len() - 1)];
                // A client may have seen enough before the end.
                let _ = client.write_all(answer).await;
            }
        });
        Self {
            address,
            asked,
            task: task.abort_handle(),
        }
    }

    fn asked(&self) -> usize {
        self.asked.load(Ordering::Relaxed)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.task.abort();
    }
}

fn answer(status: &str, headers: &str, body: &[u8]) -> Vec<u8> {
    let length = body.len();
    let head = format!(
        "HTTP/1.1 {status}\r\ncontent-length: {length}\r\nconnection: close\r\n{headers}\r\n"
    );
    [head.as_bytes(), body].concat()
}

/// A module that answers each request with this status.
fn module(status: u16) -> Vec<u8> {
    let wat = format!(
        r#"(module
          (import "env" "proxy_send_local_response" (func $reply (param i32 i32 i32 i32 i32 i32 i32 i32) (result i32)))
          (memory (export "memory") 1)
          (func (export "proxy_abi_version_0_2_1"))
          (func (export "proxy_on_memory_allocate") (param i32) (result i32) (i32.const 1024))
          (func (export "proxy_on_request_headers") (param i32 i32 i32) (result i32)
            (drop (call $reply (i32.const {status}) (i32.const 0) (i32.const 0)
              (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0) (i32.const -1)))
            (i32.const 1)))"#
    );
    wat::parse_str(&wat).expect("valid")
}

/// The digest as the file writes it.
fn sha256(bytes: &[u8]) -> String {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("file");
    std::fs::write(&file, bytes).expect("written");
    let output = std::process::Command::new("sha256sum")
        .arg(&file)
        .output()
        .expect("sha256sum");
    let text = String::from_utf8(output.stdout).expect("text");
    text[..64].to_owned()
}

/// A file with one plugin, which has these keys besides its name.
fn yaml(cache: &Path, keys: &str) -> String {
    format!(
        "listeners: ['127.0.0.1:0']
cache_dir: '{}'
plugins: [{{name: fetched, {keys}}}]
routes: [{{id: all, path: /*, plugins: [fetched], respond: 200}}]
",
        cache.display()
    )
}

fn url(server: SocketAddr, sha256: &str) -> String {
    format!("url: 'http://{server}/plugin.wasm?key=s3cret', sha256: {sha256}")
}

fn config(yaml: &str) -> Config {
    let config = parse("loom.yaml", yaml);
    config.unwrap_or_else(|faults| panic!("{faults}"))
}

async fn start(yaml: &str) -> Running {
    within(Gateway::start(config(yaml)))
        .await
        .expect("it starts")
}

async fn refusal(yaml: &str) -> String {
    let refused = within(Gateway::start(config(yaml))).await;
    let error = refused.expect_err("it does not start").to_string();
    assert!(!error.contains("s3cret"), "{error}");
    error
}

async fn status(gateway: &Running) -> String {
    let request = "GET / HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n";
    Raw::exchange(address(gateway), request).await[9..12].to_owned()
}

#[tokio::test]
async fn what_was_fetched_is_kept_and_needs_no_server_any_more() {
    let cache = tempfile::tempdir().expect("a folder");
    let code = module(201);
    let digest = sha256(&code);
    let server = Server::start(vec![answer("200 OK", "", &code)]).await;
    let yaml = yaml(cache.path(), &url(server.address, &digest));
    let gateway = start(&yaml).await;
    assert_eq!(
        (status(&gateway).await.as_str(), server.asked()),
        ("201", 1)
    );
    // Nothing has changed, and the other plugin is the same file.
    let twice = yaml.replace(
        "\nplugins: [",
        &format!(
            "\nplugins: [{{name: other, {}}}, ",
            url(server.address, &digest)
        ),
    );
    for yaml in [&yaml, &twice] {
        within(gateway.reload(config(yaml)))
            .await
            .expect("the same");
    }
    drop(gateway);
    assert_eq!(server.asked(), 1);

    drop(server);
    assert_eq!(status(&start(&yaml).await).await, "201");
    let kept = cache.path().join(format!("modules/{digest}.wasm"));
    assert_eq!(std::fs::read(&kept).expect("it is kept"), code);
    let compiled = std::fs::read_dir(cache.path()).expect("a folder");
    let names = compiled.map(|file| file.expect("a file").path());
    let is_code = |path: &PathBuf| path.extension().is_some_and(|kind| kind == "cwasm");
    assert_eq!(names.filter(is_code).count(), 1);

    // A damaged file is no file.
    std::fs::write(&kept, "damaged").expect("written");
    let server = Server::start(vec![answer("200 OK", "", &code)]).await;
    let yaml = self::yaml(cache.path(), &url(server.address, &digest));
    assert_eq!(status(&start(&yaml).await).await, "201");
    assert_eq!(server.asked(), 1);
    assert_eq!(std::fs::read(&kept).expect("it is kept"), code);
}

#[tokio::test]
async fn another_file_than_was_meant_is_an_error_with_both_digests() {
    let cache = tempfile::tempdir().expect("a folder");
    let (meant, other) = (sha256(&module(202)), module(203));
    let server = Server::start(vec![answer("200 OK", "", &other)]).await;
    let error = refusal(&yaml(cache.path(), &url(server.address, &meant))).await;
    assert!(
        error.contains(&meant) && error.contains(&sha256(&other)),
        "{error}"
    );
    assert_eq!(server.asked(), 1, "another try would not help");
    assert!(!cache.path().join("modules").exists());

    // A file with a path may have a digest, too.
    let path = cache.path().join("plugin.wasm");
    std::fs::write(&path, &other).expect("written");
    let of_path = |digest: &str| format!("path: '{}', sha256: {digest}", path.display());
    let error = refusal(&yaml(cache.path(), &of_path(&meant))).await;
    assert!(
        error.contains(&meant) && error.contains(&sha256(&other)),
        "{error}"
    );
    let gateway = start(&yaml(cache.path(), &of_path(&sha256(&other)))).await;
    assert_eq!(status(&gateway).await, "203");
}

#[tokio::test]
async fn a_server_in_trouble_is_asked_again_and_redirects_are_followed() {
    let cache = tempfile::tempdir().expect("a folder");
    let code = module(204);
    let server = Server::start(vec![
        answer("503 Service Unavailable", "", b""),
        answer("302 Found", "location: /elsewhere.wasm\r\n", b""),
        answer("200 OK", "", &code),
    ])
    .await;
    let yaml = yaml(cache.path(), &url(server.address, &sha256(&code)));
    assert_eq!(status(&start(&yaml).await).await, "204");
    assert_eq!(server.asked(), 3);
}

#[tokio::test]
async fn what_no_further_try_would_help_is_an_error_at_once() {
    let cache = tempfile::tempdir().expect("a folder");
    let digest = sha256(&module(205));
    let huge = b"HTTP/1.1 200 OK\r\ncontent-length: 99999999999\r\n\r\n".to_vec();
    for (answer, told, asked) in [
        (answer("404 Not Found", "", b""), "404 Not Found", 1),
        (huge, "it is larger than 67108864 bytes", 1),
        (
            answer("302 Found", "location: /again\r\n", b""),
            "redirects again and again",
            6,
        ),
        (
            answer("302 Found", "location: ftp://a/b\r\n", b""),
            "something else than HTTP",
            1,
        ),
    ] {
        let server = Server::start(vec![answer]).await;
        let error = refusal(&yaml(cache.path(), &url(server.address, &digest))).await;
        assert!(
            error.contains(told) && error.contains("`fetched` (http://127.0.0.1:"),
            "{error}"
        );
        assert_eq!(server.asked(), asked, "{error}");
    }
}

#[tokio::test]
async fn a_server_that_is_gone_costs_no_more_than_fetch_timeout_and_no_running_gateway() {
    let cache = tempfile::tempdir().expect("a folder");
    let digest = sha256(&module(206));
    let gone = url(refused_address().await, &digest) + ", fetch_timeout: 300ms";
    let gone = yaml(cache.path(), &gone);
    let error = refusal(&gone).await;
    assert!(error.contains("within `fetch_timeout`, 300ms"), "{error}");

    let code = module(207);
    let server = Server::start(vec![answer("200 OK", "", &code)]).await;
    let yaml = yaml(cache.path(), &url(server.address, &sha256(&code)));
    let gateway = start(&yaml).await;
    within(gateway.reload(config(&gone)))
        .await
        .expect_err("there is no such plugin");
    assert_eq!(status(&gateway).await, "207");

    // One that takes connections and says nothing.
    let silent = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = silent.local_addr().expect("an address");
    let keys = url(address, &digest) + ", fetch_timeout: 50ms";
    let error = refusal(&self::yaml(cache.path(), &keys)).await;
    assert!(error.contains("within `fetch_timeout`, 50ms"), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn check_fetches() {
    let folder = tempfile::tempdir().expect("a folder");
    let code = module(208);
    let server = Server::start(vec![answer("200 OK", "", &code)]).await;
    for (digest, good) in [(sha256(b"other"), false), (sha256(&code), true)] {
        let yaml = yaml(Path::new("cache"), &url(server.address, &digest));
        std::fs::write(folder.path().join("loom.yaml"), yaml).expect("written");
        let path = folder.path().to_owned();
        let checked = tokio::task::spawn_blocking(move || loom(&path, &["check"]));
        let output = within(checked).await.expect("it runs");
        assert_eq!(output.status.success(), good, "{output:?}");
    }
    assert_eq!(server.asked(), 2);
}
