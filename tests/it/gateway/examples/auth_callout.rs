//! `auth-callout`, with a server for authorization of the test's own.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use http::{Request, Response, StatusCode};
use serde_json::json;

use super::super::support::{Upstream, full, refused_address};
use super::{Answer, Example};

/// The example, and how often the server was asked. It answers with the status that the token names.
async fn start(cache_seconds: u32) -> Option<(Example, Arc<AtomicUsize>)> {
    let asked = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&asked);
    let server = Upstream::bind().await.serve(move |request| {
        count.fetch_add(1, Ordering::Relaxed);
        async move {
            assert_eq!(request.uri().path(), "/verify");
            let token = request.headers()["authorization"].to_str().expect("text");
            let status: u16 = token.parse().expect("a status");
            let mut response = Response::new(full(""));
            *response.status_mut() = StatusCode::from_u16(status).expect("a status");
            response
        }
    });
    let cache = format!("cache_seconds: {cache_seconds}");
    let changes = [
        ("127.0.0.1:9000", &*server.to_string()),
        ("cache_seconds: 60", &*cache),
    ];
    let example = Example::start_with("auth-callout", &changes).await?;
    Some((example, asked))
}

async fn ask(example: &Example, token: &str) -> Answer {
    let request = Request::get("/api/things").header("authorization", token);
    example.send(request, "").await
}

#[tokio::test]
async fn the_server_decides() {
    let Some((example, asked)) = start(0).await else {
        return;
    };
    let refused = json!({"error": "the server for authorization refused"});
    let silent = json!({"error": "the server for authorization does not answer"});
    for (token, status, body) in [
        ("204", 200, None),
        ("200", 200, None),
        ("401", 401, Some(&refused)),
        ("403", 403, Some(&refused)),
        ("500", 503, Some(&silent)),
        ("302", 503, Some(&silent)),
    ] {
        let answer = ask(&example, token).await;
        assert_eq!(answer.status, status, "{token}");
        match body {
            Some(body) => assert_eq!(&answer.json(), body, "{token}"),
            None => assert_eq!(answer.json()["path"], "/api/things", "{token}"),
        }
    }
    assert_eq!(asked.load(Ordering::Relaxed), 6);
    let answer = example.get("/api/things").await;
    assert_eq!(answer.status, StatusCode::UNAUTHORIZED);
    assert_eq!(answer.header("www-authenticate"), "Bearer");
    assert_eq!(
        asked.load(Ordering::Relaxed),
        6,
        "nobody is asked without a token"
    );
}

#[tokio::test]
async fn a_yes_is_remembered_and_a_no_is_not() {
    let Some((example, asked)) = start(60).await else {
        return;
    };
    for _ in 0..20 {
        assert_eq!(ask(&example, "200").await.status, StatusCode::OK);
    }
    assert_eq!(asked.load(Ordering::Relaxed), 1, "one for all workers");
    for _ in 0..3 {
        assert_eq!(ask(&example, "403").await.status, StatusCode::FORBIDDEN);
    }
    assert_eq!(asked.load(Ordering::Relaxed), 4);
}

#[tokio::test]
async fn what_was_remembered_too_long_is_asked_again() {
    let Some((example, asked)) = start(1).await else {
        return;
    };
    while asked.load(Ordering::Relaxed) < 2 {
        assert_eq!(ask(&example, "200").await.status, StatusCode::OK);
    }
}

#[tokio::test]
async fn a_server_that_is_gone_lets_nobody_in() {
    let server = refused_address().await.to_string();
    let changes = [("127.0.0.1:9000", &*server)];
    let Some(mut example) = Example::start_with("auth-callout", &changes).await else {
        return;
    };
    let answer = ask(&example, "200").await;
    assert_eq!(answer.status, StatusCode::SERVICE_UNAVAILABLE);
    let line = example.loom.line("upstream auth answered with").await;
    assert!(line.contains("WARN"), "{line}");
}
