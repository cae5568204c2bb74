//! The plugins of `docs/plugin-api.md`: what the page shows, run.

use http::{Request, StatusCode};
use serde_json::json;

use super::super::support::Upstream;
use super::Example;
use crate::built;

/// A gateway with one of them.
async fn start(name: &str) -> Option<Example> {
    let module = built::plugin(name)?;
    let auth = Upstream::bind().await.say("five!");
    let yaml = format!(
        "workers: 2
listeners: ['127.0.0.1:0']
plugins: [{{name: api, path: '{}', config: hello}}]
routes: [{{id: the-route, path: /*, plugins: [api], upstream: echo}}]
upstreams:
  - {{name: echo, builtin: echo}}
  - {{name: auth, endpoints: '{auth}'}}
",
        module.display()
    );
    Some(Example::run(&yaml).await)
}

async fn does_what_the_page_says(name: &str) {
    let Some(mut example) = start(name).await else {
        return;
    };
    let request = Request::post("/things").header("x-internal-id", "7");
    let answer = example.send(request, "a body").await;
    assert_eq!(answer.status, StatusCode::OK, "{name}");
    assert_eq!(answer.header("x-greeting"), "hello");
    assert!(answer.body.ends_with("}\n"), "{}", answer.body);
    let seen = answer.json();
    assert_eq!(seen["body"], "A BODY");
    let headers = &seen["headers"];
    assert_eq!(headers["x-tag"], json!(["first", "second"]));
    assert_eq!(headers["user-agent"], json!(["somebody"]));
    assert_eq!(headers["x-route"], json!(["the-route"]));
    assert_eq!(headers["x-has-port"], json!(["yes"]));
    assert_eq!(headers["x-visits"], json!(["1"]));
    assert!(headers["x-internal-id"].is_null());

    let answer = example.get("/blocked").await;
    assert_eq!(answer.status, StatusCode::FORBIDDEN);
    assert_eq!(answer.header("x-why"), "blocked");
    assert!(answer.body.starts_with("not this one"), "{}", answer.body);

    let answer = example.get("/ask").await;
    assert_eq!(answer.seen("x-asked"), "200 with 5 bytes");
    assert_eq!(answer.seen("x-visits"), "3", "counted over all workers");

    let mut missing = vec![
        "x-internal-id of 1 bytes is left out",
        "somebody asked for /things",
        "somebody asked for /ask",
        "ended with 200",
        "ended with 403",
        "3 requests",
    ];
    while !missing.is_empty() {
        let line = example.loom.line("loom::plugin").await;
        missing.retain(|text| !line.contains(text));
    }
}

#[tokio::test]
async fn in_rust() {
    does_what_the_page_says("plugin-api-rust").await;
}

#[tokio::test]
async fn in_go() {
    does_what_the_page_says("plugin-api-go").await;
}
