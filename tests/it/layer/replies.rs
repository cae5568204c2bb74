//! Local replies: the plugin answers, in the service's place or over its response.

use http::{Request, Response, StatusCode};
use http_body_util::Full;
use loom_layer::FailurePolicy;

use super::support::{Guest, get, healed, load, logs, plugin, send, send_to};

/// `proxy_send_local_response` with everything.
const FULL: &str = r#"(drop (call $send (i32.const 403) @"not allowed" @"denied"
    @"\02\00\00\00\03\00\00\00\01\00\00\00\03\00\00\00\01\00\00\00x-a\001\00x-a\002\00" (i32.const -1)))"#;

#[tokio::test]
async fn instead_of_the_service() {
    for end in ["(i32.const 0)", "(i32.const 1)"] {
        let guest = Guest::new().on("proxy_on_request_headers", &format!("{FULL} {end}"));
        let answer = send(load("reply-request", &guest), get(&[])).await;
        assert!(answer.seen.is_none(), "the service is not called");
        assert_eq!(answer.status, StatusCode::FORBIDDEN);
        assert_eq!(answer.body, "denied");
        let values: Vec<_> = answer.headers.get_all("x-a").iter().collect();
        assert_eq!(values, ["1", "2"]);
        assert_eq!(answer.header("content-length"), "6");
        assert_eq!(answer.header("content-type"), "text/plain");
    }
}

#[tokio::test]
async fn over_the_service_s_response() {
    for end in ["(i32.const 0)", "(i32.const 1)"] {
        let guest = Guest::new().on("proxy_on_response_headers", &format!("{FULL} {end}"));
        let response = Response::builder()
            .header("x-upstream", "1")
            .body(Full::from("a secret"))
            .unwrap();
        let answer = send_to(load("reply-response", &guest), get(&[]), response).await;
        assert!(answer.seen.is_some());
        assert_eq!(
            (answer.status, answer.body.as_str()),
            (StatusCode::FORBIDDEN, "denied")
        );
        assert_eq!(answer.header("x-upstream"), "");
        assert_eq!(answer.header("content-length"), "6");
    }
}

#[tokio::test]
async fn a_grpc_request_gets_a_grpc_answer() {
    let guest = Guest::new().on_request(
        r#"(drop (call $send (i32.const 403) (i32.const 0) (i32.const 0) @"no way%" (i32.const 0) (i32.const 0) (i32.const 7)))"#,
    );
    let plugin = load("reply-grpc", &guest);
    let answer = send(plugin, get(&[("content-type", "application/grpc")])).await;
    assert_eq!(answer.status, StatusCode::OK);
    assert_eq!(answer.header("grpc-status"), "7");
    assert_eq!(answer.header("grpc-message"), "no way%25");
    assert_eq!(answer.header("content-type"), "application/grpc");
    assert_eq!(answer.body, "");
}

#[tokio::test]
async fn its_own_response_callback_sees_it_with_its_details() {
    let guest = Guest::new().on_request(FULL).on_response(
        r#"(drop (call $get_property @"response\00code_details" (i32.const 16) (i32.const 20)))
           (call $set (i32.const 2) @"x-details" (call $out) (call $out_len))"#,
    );
    let answer = send(load("reply-details", &guest), get(&[])).await;
    assert_eq!(answer.header("x-details"), "not_allowed");
}

#[tokio::test]
async fn the_first_of_two_wins() {
    let twice = "(call $reply (i32.const 403)) (call $reply (i32.const 404))";
    let cases = [
        ("reply-twice-request", Guest::new().on_request(twice)),
        ("reply-twice-response", Guest::new().on_response(twice)),
        (
            "reply-twice-both",
            Guest::new().on_request("(call $reply (i32.const 403))").on(
                "proxy_on_response_headers",
                "(call $reply (i32.const 404)) (i32.const 1)",
            ),
        ),
    ];
    for (name, guest) in cases {
        let answer = send(load(name, &guest), get(&[])).await;
        assert_eq!(answer.status, StatusCode::FORBIDDEN, "{name}");
        let warned = logs::of(name)
            .iter()
            .any(|line| line.message().contains("the stream was answered already"));
        assert!(warned, "{name}");
    }
}

#[tokio::test]
async fn a_status_that_is_not_final() {
    for status in [0, 100, 199, 600, -1] {
        let guest = Guest::new().on_request(&format!(
            r#"(call $set_num (i32.const 0) @"x-status" (call $send (i32.const {status}) (i32.const 0) (i32.const 0)
                 (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0) (i32.const -1)))"#
        ));
        let answer = send(load("reply-status", &guest), get(&[])).await;
        assert_eq!(
            (answer.status, answer.seen("x-status")),
            (StatusCode::OK, "2")
        );
    }
}

#[tokio::test]
async fn a_reply_of_a_callback_that_traps_is_forgotten() {
    let fails = "(call $reply (i32.const 403)) unreachable";
    let guests = [
        Guest::new().on_request(fails),
        Guest::new().on_response(fails),
    ];
    for (at, guest) in guests.iter().enumerate() {
        let closed = load(&format!("reply-trap-{at}"), guest);
        assert_eq!(
            send(closed, get(&[])).await.status,
            StatusCode::SERVICE_UNAVAILABLE
        );
        let open = plugin(&format!("reply-trap-open-{at}"), guest)
            .failure_policy(FailurePolicy::Open)
            .build()
            .unwrap();
        let answer = send(open, get(&[])).await;
        assert_eq!(
            (answer.status, answer.body.as_str()),
            (StatusCode::OK, "hello")
        );
    }
}

#[tokio::test]
async fn from_the_log_it_changes_nothing() {
    let guest = Guest::new()
        .on("proxy_on_log", "(call $reply (i32.const 403))")
        .on(
            "proxy_on_done",
            "(call $reply (i32.const 403)) (i32.const 1)",
        )
        .on("proxy_on_delete", "(call $reply (i32.const 403))");
    let plugin = load("reply-log", &guest);
    for _ in 0..3 {
        assert_eq!(send(plugin.clone(), get(&[])).await.status, StatusCode::OK);
    }
    healed(&plugin).await;
    assert_eq!(plugin.instances(), 1);
    assert!(
        logs::of("reply-log")
            .iter()
            .all(|line| line.target != "loom::vm"),
        "no VM failed"
    );
}

#[tokio::test]
async fn a_reply_without_a_stream_is_ignored() {
    let guest = Guest::new().on(
        "proxy_on_configure",
        "(call $reply (i32.const 403)) (i32.const 1)",
    );
    load("reply-nobody", &guest);
    let warned = logs::of("reply-nobody")
        .iter()
        .any(|line| line.message().contains("there is no stream to answer"));
    assert!(warned);
}

#[tokio::test]
async fn headers_that_cannot_be_sent_are_left_out() {
    let guest = Guest::new().on_request(
        r#"(drop (call $send (i32.const 200) (i32.const 0) (i32.const 0) @"b"
             @"\03\00\00\00\01\00\00\00\04\00\00\00\07\00\00\00\03\00\00\00\01\00\00\00\01\00\00\00a\00x\0d\0ay\00:status\00404\00b\002\00"
             (i32.const -1)))"#,
    );
    // Sizes of the second pair's key and value are 7 and 3.
    let answer = send(load("reply-smuggle", &guest), get(&[])).await;
    assert_eq!(answer.status, StatusCode::OK);
    assert!(!answer.headers.contains_key("a") && !answer.headers.contains_key("y"));
}

#[tokio::test]
async fn the_request_s_body_is_dropped_unread() {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicBool, Ordering};
    use tower::{Layer, ServiceExt, service_fn};

    struct Body(Arc<AtomicBool>);
    impl http_body::Body for Body {
        type Data = bytes::Bytes;
        type Error = std::convert::Infallible;
        fn poll_frame(
            self: std::pin::Pin<&mut Self>,
            _: &mut std::task::Context<'_>,
        ) -> std::task::Poll<Option<Result<http_body::Frame<Self::Data>, Self::Error>>> {
            panic!("nobody reads it");
        }
    }
    impl Drop for Body {
        fn drop(&mut self) {
            self.0.store(true, Ordering::Relaxed);
        }
    }

    let dropped = Arc::new(AtomicBool::new(false));
    let service = load("reply-unread", &Guest::new().on_request(FULL)).layer(service_fn(
        |_: Request<loom_layer::RequestBody<Body>>| async move {
            Ok::<_, std::convert::Infallible>(Response::new(Full::<bytes::Bytes>::default()))
        },
    ));
    let request = Request::new(Body(Arc::clone(&dropped)));
    let response = service.oneshot(request).await.unwrap();
    assert_eq!(response.status(), StatusCode::FORBIDDEN);
    assert!(dropped.load(Ordering::Relaxed));
}
