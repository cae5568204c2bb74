//! The program `loom` and changes of its files.

use std::fs;
use std::net::SocketAddr;
use std::os::unix::fs::symlink;
use std::path::Path;

use super::super::support::{Loom, Raw, without};
use super::plugins::{count, counter, through};
use crate::gateway::keys::shows;

shows! {
    [""]: "include" => included_files_are_watched_and_those_that_come_to_fit_a_pattern;
    ["reload"]: "watch" => a_file_that_is_written_is_read;
}

const LISTENER: &str = "workers: 2\nlisteners: [{name: web, address: '127.0.0.1:0'}]\n";
const ECHO: &str = "routes: [{id: all, path: '/*', upstream: echo}]
upstreams: [{name: echo, builtin: echo}]
";

fn write(folder: &Path, yaml: &str) {
    let file = folder.join("loom.yaml");
    let yaml = format!("{LISTENER}{yaml}");
    fs::write(&file, &*without::changed(&file, &yaml)).expect("written");
}

async fn status(gateway: SocketAddr) -> String {
    let request = "GET / HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n";
    Raw::exchange(gateway, request).await[9..12].to_owned()
}

#[tokio::test]
async fn a_file_that_is_written_is_read() {
    let folder = tempfile::tempdir().expect("a folder");
    write(folder.path(), ECHO);
    let mut loom = Loom::start(folder.path(), &[]);
    let at = loom.address().await;
    assert_eq!(status(at).await, "200");

    write(folder.path(), "routes: []\n");
    loom.line("reloaded").await;
    assert_eq!(status(at).await, "404");

    // As editors do it.
    write(folder.path(), "routs: []\n");
    loom.line("reload refused").await;
    let new = folder.path().join("loom.yaml.new");
    fs::write(&new, format!("{LISTENER}{ECHO}")).expect("written");
    fs::rename(&new, folder.path().join("loom.yaml")).expect("renamed");
    loom.line("reloaded").await;
    assert_eq!(status(at).await, "200");

    // From here on only a signal reloads.
    write(folder.path(), &format!("reload: {{watch: false}}\n{ECHO}"));
    loom.line("reloaded").await;
    write(folder.path(), "routes: []\n");
    tokio::time::sleep(std::time::Duration::from_millis(500)).await;
    assert_eq!(status(at).await, "200");
    loom.signal("HUP");
    loom.line("reloaded").await;
    assert_eq!(status(at).await, "404");
}

#[tokio::test]
async fn a_plugin_s_file_and_a_secret_are_files_of_the_configuration() {
    let folder = tempfile::tempdir().expect("a folder");
    counter(folder.path(), "count", 'a');
    fs::write(folder.path().join("level"), "info").expect("written");
    let yaml = through(Path::new("count.wasm"), ", log_level: '${file:level}'");
    write(folder.path(), &yaml);
    let mut loom = Loom::start(folder.path(), &[]);
    let at = loom.address().await;
    assert_eq!(count(at).await, "a0");
    counter(folder.path(), "count", 'b');
    assert!(loom.line("reloaded").await.contains("plugins.started=1"));
    assert_eq!(count(at).await, "b0");
    fs::write(folder.path().join("level"), "warn").expect("written");
    // Another plugin to the gateway, but one that fits into the same VM.
    assert!(loom.line("reloaded").await.contains("plugins.started=1"));
    assert_eq!(count(at).await, "b1");

    // A plugin that is named before it is there is waited for.
    write(folder.path(), &yaml.replace("count.wasm", "later.wasm"));
    loom.line("reload refused").await;
    assert_eq!(count(at).await, "b2");
    counter(folder.path(), "later", 'c');
    loom.line("reloaded").await;
    assert_eq!(count(at).await, "c0");
}

#[tokio::test]
async fn included_files_are_watched_and_those_that_come_to_fit_a_pattern() {
    let folder = tempfile::tempdir().expect("a folder");
    let routes = folder.path().join("routes");
    fs::create_dir(&routes).expect("created");
    write(
        folder.path(),
        "include: [echo.yaml, routes/*.yaml]\nroutes: []\n",
    );
    let upstream = "upstreams: [{name: echo, builtin: echo}]\n";
    fs::write(folder.path().join("echo.yaml"), upstream).expect("written");
    let mut loom = Loom::start(folder.path(), &[]);
    let at = loom.address().await;
    assert_eq!(status(at).await, "404");

    let route = "routes: [{id: all, path: '/*', upstream: echo}]\n";
    fs::write(routes.join("all.yaml"), route).expect("written");
    loom.line("reloaded").await;
    assert_eq!(status(at).await, "200");

    // A fault is told and put right in the same file.
    fs::write(routes.join("all.yaml"), "routs: []\n").expect("written");
    let line = loom.line("reload refused").await;
    assert!(line.contains("routes/all.yaml:1:1: routs"), "{line}");
    fs::write(
        routes.join("all.yaml"),
        "routes: [{id: all, path: '/*', respond: 204}]\n",
    )
    .expect("written");
    loom.line("reloaded").await;
    assert_eq!(status(at).await, "204");

    // One that is named and not there is waited for.
    fs::remove_file(folder.path().join("echo.yaml")).expect("removed");
    loom.line("reload refused").await;
    fs::write(folder.path().join("echo.yaml"), upstream).expect("written");
    loom.line("reloaded").await;

    fs::remove_file(routes.join("all.yaml")).expect("removed");
    loom.line("reloaded").await;
    assert_eq!(status(at).await, "404");
}

/// Kubernetes mounts a ConfigMap as links, and changes it by one new link in the middle.
#[tokio::test]
async fn a_config_map_is_followed() {
    let folder = tempfile::tempdir().expect("a folder");
    let version = |name: &str, yaml: &str| {
        fs::create_dir(folder.path().join(name)).expect("created");
        write(&folder.path().join(name), yaml);
        symlink(name, folder.path().join("..data_tmp")).expect("linked");
        fs::rename(
            folder.path().join("..data_tmp"),
            folder.path().join("..data"),
        )
        .expect("renamed");
    };
    version("..one", ECHO);
    symlink("..data/loom.yaml", folder.path().join("loom.yaml")).expect("linked");
    let mut loom = Loom::start(folder.path(), &[]);
    let at = loom.address().await;
    assert_eq!(status(at).await, "200");
    for (number, (yaml, expected)) in [
        ("routes: []\n", "404"),
        (ECHO, "200"),
        ("routes: []\n", "404"),
    ]
    .into_iter()
    .enumerate()
    {
        version(&format!("..next{number}"), yaml);
        loom.line("reloaded").await;
        assert_eq!(status(at).await, expected);
    }
}
