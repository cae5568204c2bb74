//! The program `loom` and SIGHUP.

use std::fs;

use super::super::support::{Loom, Raw, within};
use super::GET;

const ECHO: &str = "routes: [{id: all, path: '/*', upstream: echo}]
upstreams: [{name: echo, builtin: echo}]
";

fn directory(yaml: &str) -> tempfile::TempDir {
    let directory = tempfile::tempdir().expect("a directory");
    write(&directory, yaml);
    directory
}

fn write(directory: &tempfile::TempDir, yaml: &str) {
    let yaml = format!(
        "workers: 2\nreload: {{watch: false}}\nlisteners: [{{name: web, address: '127.0.0.1:0'}}]\n{yaml}"
    );
    fs::write(directory.path().join("loom.yaml"), yaml).expect("a file");
}

#[tokio::test]
async fn sighup_reads_the_file_again() {
    let directory = directory(ECHO);
    let mut loom = Loom::start(directory.path(), &[]);
    let mut raw = Raw::connect(loom.address().await).await;
    raw.send(GET).await;
    assert!(raw.response().await.starts_with("HTTP/1.1 200 "));
    write(&directory, "routes: []");
    loom.signal("HUP");
    loom.line("reloaded").await;
    raw.send(GET).await;
    assert!(raw.response().await.starts_with("HTTP/1.1 404 "));

    // A file with faults: all of them are told, and nothing changes.
    write(
        &directory,
        "routes: [{id: a, path: x, upstream: e, tiemout: 1s}]",
    );
    loom.signal("HUP");
    loom.line("reload refused").await;
    loom.line("`e`").await;
    loom.line("tiemout").await;
    raw.send(GET).await;
    assert!(raw.response().await.starts_with("HTTP/1.1 404 "));

    write(&directory, ECHO);
    loom.signal("HUP");
    loom.line("reloaded").await;
    raw.send(GET).await;
    assert!(raw.response().await.starts_with("HTTP/1.1 200 "));
    loom.signal("TERM");
    assert_eq!(within(loom.code()).await, Some(0));
}
