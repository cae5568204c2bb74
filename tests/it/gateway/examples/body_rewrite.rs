//! `body-rewrite`.

use http::{Request, StatusCode};

use super::super::support::{Raw, Upstream};
use super::Example;

#[tokio::test]
async fn replaces_texts_in_what_the_upstream_answers() {
    let Some(example) = Example::start("body-rewrite").await else {
        return;
    };
    let body = "a secret at http://internal.example/x, and secretly one more";
    let answer = example.send(Request::post("/"), body).await;
    assert_eq!(answer.status, StatusCode::OK);
    assert_eq!(
        answer.json()["body"],
        "a ****** at https://www.example.com/x, and ******ly one more"
    );
    assert_eq!(
        answer.header("content-length"),
        answer.body.len().to_string()
    );
}

/// The example in front of an upstream that answers every request with these bytes.
async fn in_front_of(answer: &'static [u8]) -> Option<Example> {
    let upstream = Upstream::bind().await.answer_and_close(answer).to_string();
    let endpoints = format!("endpoints: ['{upstream}']");
    Example::start_with("body-rewrite", &[("builtin: echo", &endpoints)]).await
}

#[tokio::test]
async fn a_text_that_lies_across_pieces_is_found_and_trailers_stay() {
    let answer = b"HTTP/1.1 200 OK\r\ncontent-type: text/plain\r\ntransfer-encoding: chunked\r\n\
        trailer: x-sum\r\n\r\n6\r\none se\r\n5\r\ncret \r\n1\r\n.\r\n0\r\nx-sum: 3\r\n\r\n";
    let Some(example) = in_front_of(answer).await else {
        return;
    };
    let request = "GET / HTTP/1.1\r\nhost: a\r\nte: trailers\r\nconnection: close\r\n\r\n";
    let answer = Raw::exchange(example.address, request).await;
    assert!(answer.contains("one ****** ."), "{answer}");
    assert!(answer.contains("x-sum: 3"), "{answer}");
}

#[tokio::test]
async fn what_is_no_text_passes_as_it_is() {
    let answer =
        b"HTTP/1.1 200 OK\r\ncontent-type: image/png\r\ncontent-length: 9\r\n\r\na secret.";
    let Some(example) = in_front_of(answer).await else {
        return;
    };
    let answer = example.get("/").await;
    assert_eq!(answer.body, "a secret.");
    assert_eq!(answer.header("content-length"), "9");
}
