//! `add-header`, the same in every language.

use http::StatusCode;

use super::Example;

async fn adds_its_headers(name: &str) {
    let Some(mut example) = Example::start(name).await else {
        return;
    };
    for _ in 0..20 {
        let answer = example.get("/any/path").await;
        assert_eq!(answer.status, StatusCode::OK, "{name}");
        assert_eq!(answer.seen("x-processed-by"), "Loom", "{name}");
        assert_eq!(answer.header("x-gateway"), "Loom", "{name}");
    }
    let line = example
        .loom
        .line("adds x-processed-by to the request")
        .await;
    assert!(
        line.contains("DEBUG") && line.contains("plugin=\"add-header\""),
        "{line}"
    );
}

#[tokio::test]
async fn in_rust() {
    adds_its_headers("add-header").await;
}

#[tokio::test]
async fn in_go() {
    adds_its_headers("add-header-go").await;
}

#[tokio::test]
async fn in_tinygo() {
    adds_its_headers("add-header-tinygo").await;
}

#[tokio::test]
async fn in_zig() {
    adds_its_headers("add-header-zig").await;
}

#[tokio::test]
async fn in_c() {
    adds_its_headers("add-header-c").await;
}

#[tokio::test]
async fn in_assemblyscript() {
    adds_its_headers("add-header-assemblyscript").await;
}
