//! Bodies and trailers, through real modules.

use std::convert::Infallible;

use bytes::Bytes;
use futures_util::stream;
use http::{HeaderMap, HeaderValue, Request, Response, StatusCode};
use http_body::Frame;
use http_body_util::{BodyExt, Full, StreamBody};
use loom_layer::{BodyMode, FailurePolicy, LoomChain, Phase, RequestBody};
use tower::{Layer, ServiceExt, service_fn};

use super::support::{Guest, load, logs, plugin};

type Body = http_body_util::combinators::UnsyncBoxBody<Bytes, Infallible>;

/// A body of these chunks, with a trailer `x-t` if there is one.
fn body(chunks: &[&'static str], trailer: Option<&'static str>) -> Body {
    let data = chunks
        .iter()
        .map(|chunk| Frame::data(Bytes::from_static(chunk.as_bytes())));
    let trailers = trailer.map(|value| {
        let mut trailers = HeaderMap::new();
        trailers.insert("x-t", HeaderValue::from_static(value));
        Frame::trailers(trailers)
    });
    let frames: Vec<_> = data.chain(trailers).map(Ok).collect();
    StreamBody::new(stream::iter(frames)).boxed_unsync()
}

/// What came of an exchange.
#[derive(Debug)]
struct Outcome {
    /// What the inner service read; `None` when it was not called.
    seen: Option<(String, HeaderMap)>,
    status: StatusCode,
    headers: HeaderMap,
    /// What the client read, unless it was cut off.
    body: Option<(String, HeaderMap)>,
}

impl Outcome {
    fn seen(&self) -> &str {
        self.seen.as_ref().map_or("(not called)", |(body, _)| body)
    }

    fn body(&self) -> &str {
        self.body.as_ref().map_or("(cut)", |(body, _)| body)
    }
}

async fn read<B: http_body::Body<Data = Bytes>>(body: B) -> Option<(String, HeaderMap)> {
    let collected = body.collect().await.ok()?;
    let trailers = collected.trailers().cloned().unwrap_or_default();
    Some((
        String::from_utf8(collected.to_bytes().into()).unwrap(),
        trailers,
    ))
}

/// Sends a request to a service that reads it all and then answers.
async fn exchange(
    plugins: impl Into<LoomChain>,
    request: Body,
    response: Response<Body>,
) -> Outcome {
    let (tell, mut told) = tokio::sync::mpsc::unbounded_channel();
    let response = std::sync::Arc::new(std::sync::Mutex::new(Some(response)));
    let inner = service_fn(move |request: Request<RequestBody<Body>>| {
        let (tell, response) = (tell.clone(), response.lock().unwrap().take().unwrap());
        async move {
            let seen = read(request.into_body()).await;
            tell.send(seen.unwrap_or_else(|| ("(cut)".to_owned(), HeaderMap::new())))
                .unwrap();
            Ok::<_, Infallible>(response)
        }
    });
    let request = Request::post("/").body(request).unwrap();
    let response = plugins.into().layer(inner).oneshot(request).await.unwrap();
    let (parts, body) = response.into_parts();
    Outcome {
        seen: told.try_recv().ok(),
        status: parts.status,
        headers: parts.headers,
        body: read(body).await,
    }
}

fn ok(chunks: &[&'static str], trailer: Option<&'static str>) -> Response<Body> {
    Response::new(body(chunks, trailer))
}

const IMPORT: &str = "(func $set_buffer (param i32 i32 i32 i32 i32) (result i32))";

/// A plugin with a body callback in one direction (0 or 1); `$size` and `$end` are its arguments.
fn with_body(direction: u8, callback: &str) -> Guest {
    let name = ["proxy_on_request_body", "proxy_on_response_body"][usize::from(direction)];
    Guest::new().import("env", "proxy_set_buffer_bytes", IMPORT).item(&format!(
        r#"(func (export "{name}") (param $id i32) (param $size i32) (param $end i32) (result i32) {callback})"#
    ))
}

/// Says each part, its size and whether it is the last one.
const SAY: &str = r#"
    (drop (call $get_buffer (i32.const DIRECTION) (i32.const 0) (i32.const -1) (i32.const 16) (i32.const 20)))
    (call $say (call $out) (call $out_len))
    (call $say_num (local.get $size))
    (call $say_num (local.get $end))"#;

fn say(direction: u8) -> String {
    SAY.replace("DIRECTION", &direction.to_string())
}

#[tokio::test]
async fn each_part_is_seen_as_it_passes() {
    for direction in [0, 1] {
        let name = ["body-say-request", "body-say-response"][usize::from(direction)];
        let plugin = load(
            name,
            &with_body(direction, &format!("{} (i32.const 0)", say(direction))),
        );
        let outcome = exchange(plugin, body(&["ab", "cde"], None), ok(&["ab", "cde"], None)).await;
        assert_eq!((outcome.seen(), outcome.body()), ("abcde", "abcde"));
        // The end of a stream of frames is known only after the last one.
        assert_eq!(
            logs::said(name),
            ["ab", "2", "0", "cde", "3", "0", "", "0", "1"]
        );
    }
}

#[tokio::test]
async fn a_body_can_be_held_to_its_end_and_be_rewritten() {
    for direction in [0, 1] {
        let name = ["body-hold-request", "body-hold-response"][usize::from(direction)];
        let callback = format!(
            r#"(if (i32.eqz (local.get $end)) (then (return (i32.const 1))))
               {}
               (drop (call $set_buffer (i32.const {direction}) (i32.const 0) (i32.const 0) @"<"))
               (drop (call $set_buffer (i32.const {direction}) (i32.const -1) (i32.const 0) @">"))
               (drop (call $set_buffer (i32.const {direction}) (i32.const 2) (i32.const 3) @"-"))
               (i32.const 0)"#,
            say(direction)
        );
        let plugin = load(name, &with_body(direction, &callback));
        let outcome = exchange(plugin, body(&["ab", "cde"], None), ok(&["ab", "cde"], None)).await;
        let changed = ["abcde", "<a-e>"];
        let wanted = if direction == 0 {
            (changed[1], changed[0])
        } else {
            (changed[0], changed[1])
        };
        assert_eq!((outcome.seen(), outcome.body()), wanted);
        assert_eq!(logs::said(name), ["abcde", "5", "1"], "all of it at once");
    }
}

#[tokio::test]
async fn more_than_the_limit_is_not_held() {
    let held = with_body(0, "(i32.const 1)");
    let build = |name| plugin(name, &held).max_buffered_body(4);
    let before = build("body-limit")
        .request_body(BodyMode::BeforeInner)
        .build()
        .unwrap();
    let outcome = exchange(before, body(&["abc", "de"], None), ok(&[], None)).await;
    assert_eq!(
        (outcome.status, outcome.seen()),
        (StatusCode::PAYLOAD_TOO_LARGE, "(not called)")
    );
    let streaming = build("body-limit-streaming").build().unwrap();
    let outcome = exchange(streaming, body(&["abc", "de"], None), ok(&[], None)).await;
    assert_eq!(outcome.status, StatusCode::PAYLOAD_TOO_LARGE);

    let held = plugin("body-limit-response", &with_body(1, "(i32.const 1)"))
        .max_buffered_body(4)
        .build()
        .unwrap();
    let outcome = exchange(held, body(&[], None), ok(&["abc", "de"], None)).await;
    assert_eq!(outcome.body(), "(cut)", "the head is out");
}

#[tokio::test]
async fn a_validator_answers_before_the_service_is_called() {
    let guest = with_body(0, "(call $reply (i32.const 400)) (i32.const 1)");
    for (mode, seen) in [
        (BodyMode::BeforeInner, "(not called)"),
        (BodyMode::Streaming, ""),
    ] {
        let plugin = plugin("body-validate", &guest)
            .request_body(mode)
            .build()
            .unwrap();
        let outcome = exchange(plugin, body(&["bad"], None), ok(&["no"], None)).await;
        assert_eq!(outcome.status, StatusCode::BAD_REQUEST);
        assert!(
            mode == BodyMode::Streaming || outcome.seen() == seen,
            "{outcome:?}"
        );
    }
}

#[tokio::test]
async fn headers_can_be_decided_on_after_the_body() {
    let guest = with_body(
        0,
        r#"(if (i32.eqz (local.get $end)) (then (return (i32.const 1))))
           (drop (call $add (i32.const 0) @"x-size" @"seen"))
           (call $say_num (local.get $size))
           (i32.const 0)"#,
    )
    .on("proxy_on_request_headers", "(i32.const 1)");
    let plugin = plugin("body-first", &guest)
        .allow_on_headers_stop_iteration(true)
        .build()
        .unwrap();
    let inner = service_fn(|request: Request<RequestBody<Body>>| async move {
        let mut response = ok(&[], None);
        response
            .headers_mut()
            .insert("x-seen", request.headers()["x-size"].clone());
        Ok::<_, Infallible>(response)
    });
    let request = Request::post("/").body(body(&["ab", "c"], None)).unwrap();
    let response = plugin.layer(inner).oneshot(request).await.unwrap();
    assert_eq!(response.headers()["x-seen"], "seen");
    assert_eq!(logs::said("body-first"), ["3"]);
}

#[tokio::test]
async fn a_broken_length_is_never_sent() {
    let longer = r#"(drop (call $set_buffer (i32.const 1) (i32.const 0) (i32.const 0) @"more")) (i32.const 0)"#;
    let response = || {
        Response::builder()
            .header("content-length", "5")
            .body(body(&["abcde"], None))
            .unwrap()
    };
    let outcome = exchange(
        load("body-longer", &with_body(1, longer)),
        body(&[], None),
        response(),
    )
    .await;
    assert_eq!(outcome.body(), "(cut)");

    // Without the length in the head there is nothing to break.
    let guest = with_body(1, longer)
        .on_response(r#"(drop (call $remove (i32.const 2) @"content-length"))"#);
    let outcome = exchange(load("body-unsaid", &guest), body(&[], None), response()).await;
    assert!(outcome.body().starts_with("moreabcde"), "{outcome:?}");

    // A length that a plugin makes up for a body that it does not see.
    let guest = Guest::new().on_response(r#"(call $set (i32.const 2) @"content-length" @"3")"#);
    let outcome = exchange(load("body-liar", &guest), body(&[], None), response()).await;
    assert_eq!(
        (outcome.body(), &outcome.headers["content-length"]),
        ("abcde", &HeaderValue::from_static("5"))
    );

    // A body in memory whose length nobody said is told by its length.
    let inner = service_fn(|_: Request<RequestBody<Body>>| async {
        Ok::<_, Infallible>(Response::new(Full::<Bytes>::from("abcde")))
    });
    let request = Request::get("/").body(body(&[], None)).unwrap();
    let edit = r#"(drop (call $set_buffer (i32.const 1) (i32.const 0) (i32.const -1) @"new")) (i32.const 0)"#;
    let response = load("body-told", &with_body(1, edit))
        .layer(inner)
        .oneshot(request)
        .await
        .unwrap();
    assert_eq!(response.headers()["content-length"], "3");
    assert_eq!(read(response.into_body()).await.unwrap().0, "new");
}

#[tokio::test]
async fn untouched_bodies_are_not_copied() {
    let chunk = Bytes::from(vec![b'x'; 1000]);
    let same = chunk.clone();
    let without = load("body-none", &Guest::new().on_request(""));
    let ruled_out = plugin("body-phase", &with_body(0, "unreachable"))
        .phase(Phase::Log)
        .build()
        .unwrap();
    let inner = service_fn(move |request: Request<RequestBody<Full<Bytes>>>| {
        let same = same.clone();
        async move {
            let body = request
                .into_body()
                .frame()
                .await
                .unwrap()
                .unwrap()
                .into_data()
                .unwrap();
            assert_eq!(body.as_ptr(), same.as_ptr(), "the very same bytes");
            Ok::<_, Infallible>(Response::new(Full::<Bytes>::default()))
        }
    });
    let request = Request::post("/").body(Full::new(chunk)).unwrap();
    let response = LoomChain::new([without, ruled_out])
        .layer(inner)
        .oneshot(request)
        .await
        .unwrap();
    assert_eq!(response.status(), StatusCode::OK);
}

#[tokio::test]
async fn trailers_are_read_changed_and_made() {
    for direction in [0_u8, 1] {
        let map = [1, 3][usize::from(direction)];
        let name =
            ["proxy_on_request_trailers", "proxy_on_response_trailers"][usize::from(direction)];
        let change = Guest::new().item(&format!(
            r#"(func (export "{name}") (param $id i32) (param $count i32) (result i32)
                 (call $say_num (local.get $count))
                 (call $set (i32.const {map}) @"x-t" @"new")
                 (drop (call $add (i32.const {map}) @"x-u" @"more"))
                 (i32.const 0))"#
        ));
        let plugin_name = ["trailers-request", "trailers-response"][usize::from(direction)];
        let outcome = exchange(
            load(plugin_name, &change),
            body(&["a"], Some("old")),
            ok(&["a"], Some("old")),
        )
        .await;
        let both = [
            outcome.seen.as_ref().unwrap(),
            outcome.body.as_ref().unwrap(),
        ];
        let (changed, other) = (
            both[usize::from(direction)],
            both[1 - usize::from(direction)],
        );
        assert_eq!(
            (changed.0.as_str(), &changed.1["x-t"], &changed.1["x-u"]),
            (
                "a",
                &HeaderValue::from_static("new"),
                &HeaderValue::from_static("more")
            )
        );
        assert_eq!(other.1["x-t"], "old");
        assert_eq!(logs::said(plugin_name), ["1"]);

        let make = with_body(
            direction,
            &format!(
                r#"(if (local.get $end) (then (drop (call $add (i32.const {map}) @"x-made" @"1")))) (i32.const 0)"#
            ),
        );
        let outcome = exchange(
            load("trailers-made", &make),
            body(&["a"], None),
            ok(&["a"], None),
        )
        .await;
        let both = [outcome.seen.unwrap(), outcome.body.unwrap()];
        assert_eq!(both[usize::from(direction)].1["x-made"], "1");
        assert!(both[1 - usize::from(direction)].1.is_empty());
    }
}

#[tokio::test]
async fn a_trap_in_a_body_callback() {
    for (policy, status, seen) in [
        (
            FailurePolicy::Closed,
            StatusCode::SERVICE_UNAVAILABLE,
            "(cut)",
        ),
        (FailurePolicy::Open, StatusCode::OK, "abc"),
    ] {
        let guest = with_body(0, "(if (local.get $end) (then unreachable)) (i32.const 1)");
        let plugin = plugin("body-trap", &guest)
            .failure_policy(policy)
            .build()
            .unwrap();
        let outcome = exchange(plugin, body(&["ab", "c"], None), ok(&["fine"], None)).await;
        assert_eq!(outcome.status, status);
        assert!(
            policy == FailurePolicy::Closed || outcome.seen() == seen,
            "{outcome:?}"
        );
    }
    for (policy, wanted) in [
        (FailurePolicy::Closed, "(cut)"),
        (FailurePolicy::Open, "abc"),
    ] {
        let guest = with_body(1, "(if (local.get $end) (then unreachable)) (i32.const 1)");
        let plugin = plugin("body-trap-response", &guest)
            .failure_policy(policy)
            .build()
            .unwrap();
        let outcome = exchange(plugin, body(&[], None), ok(&["ab", "c"], None)).await;
        assert_eq!(outcome.body(), wanted);
    }
}
