//! `json-validation`, in Go.

use http::{Request, StatusCode};
use serde_json::json;

use super::Example;

#[tokio::test]
async fn a_body_with_every_field_reaches_the_upstream_as_it_is() {
    let Some(example) = Example::start("json-validation").await else {
        return;
    };
    let body = r#"{"name": "Ada",  "email": "ada@example.com", "more": [1, 2]}"#;
    for method in ["POST", "PUT", "PATCH"] {
        let request = Request::builder().method(method).uri("/users");
        let answer = example.send(request, body).await;
        assert_eq!(answer.status, StatusCode::OK);
        assert_eq!(answer.json()["body"], body);
    }
    let answer = example.get("/users").await;
    assert_eq!(answer.status, StatusCode::OK, "a GET needs no body");
}

#[tokio::test]
async fn a_body_that_is_not_what_is_asked_for_is_answered_with_400() {
    let Some(example) = Example::start("json-validation").await else {
        return;
    };
    for (body, error) in [
        ("", "the body is empty"),
        (r#"{"name": "Ada"}"#, r#"the field "email" is required"#),
        (
            r#"{"name": null, "email": ""}"#,
            r#"the field "name" is required"#,
        ),
        (
            r#"{"name": "Ada""#,
            "the body is not a JSON object: unexpected end of JSON input",
        ),
        (
            r#"{"name": "Ada", "email": ""} and more"#,
            "the body is not a JSON object: invalid character 'a' after top-level value",
        ),
    ] {
        let answer = example.send(Request::post("/users"), body).await;
        assert_eq!(answer.status, StatusCode::BAD_REQUEST, "{body}");
        assert_eq!(answer.header("content-type"), "application/json");
        assert_eq!(answer.json(), json!({ "error": error }));
    }
    let answer = example.send(Request::post("/users"), "[1]").await;
    assert_eq!(answer.status, StatusCode::BAD_REQUEST);
    assert!(answer.body.contains("the body is not a JSON object"));
}
