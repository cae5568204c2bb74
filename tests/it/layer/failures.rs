//! A plugin that fails: what the client gets, and how the VM comes back.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use http::{Request, Response, StatusCode};
use http_body_util::Full;
use loom_layer::{FailurePolicy, LoomChain, LoomPlugin, RequestBody};
use tokio::sync::Semaphore;
use tower::{Layer, ServiceExt, service_fn};

use super::support::{Guest, get, healed, load, logs, plugin, send};

/// Marks what passes, and traps in one callback, after an edit, when the request says so.
fn trapping(callback: &str) -> Guest {
    let trap = |name: &str, map: u32| {
        if name != callback {
            return String::new();
        }
        format!(
            r#"(if (call $has (i32.const 0) @"x-trap")
                 (then (call $set (i32.const {map}) @"x-trapped" @"1") unreachable))"#
        )
    };
    let create = format!(
        "(if (local.get $parent) (then {}))",
        trap("proxy_on_context_create", 0)
    );
    let done = format!("{} (i32.const 1)", trap("proxy_on_done", 2));
    Guest::new()
        .on("proxy_on_context_create", &create)
        .on_request(&format!(
            r#"(call $set (i32.const 0) @"x-request" @"1") {}"#,
            trap("proxy_on_request_headers", 0)
        ))
        .on_response(&format!(
            r#"(call $set (i32.const 2) @"x-response" @"1") {}"#,
            trap("proxy_on_response_headers", 2)
        ))
        .on("proxy_on_log", &trap("proxy_on_log", 2))
        .on("proxy_on_done", &done)
        .on("proxy_on_delete", &trap("proxy_on_delete", 2))
}

fn failures(name: &str) -> Vec<logs::Line> {
    let lines = logs::of(name).into_iter();
    lines.filter(|line| line.target == "loom::vm").collect()
}

#[tokio::test]
async fn a_trap_in_each_callback_under_each_policy() {
    use FailurePolicy::{Closed, Open};

    // The client's status; the marks on the request, when it was forwarded, and on the response.
    let cases = [
        ("proxy_on_context_create", Closed, 503, None, ""),
        ("proxy_on_context_create", Open, 200, Some(""), ""),
        ("proxy_on_request_headers", Closed, 503, None, ""),
        ("proxy_on_request_headers", Open, 200, Some(""), ""),
        ("proxy_on_response_headers", Closed, 503, Some("1"), ""),
        ("proxy_on_response_headers", Open, 200, Some("1"), ""),
        ("proxy_on_log", Closed, 200, Some("1"), "1"),
        ("proxy_on_log", Open, 200, Some("1"), "1"),
        ("proxy_on_done", Closed, 200, Some("1"), "1"),
        ("proxy_on_delete", Closed, 200, Some("1"), "1"),
    ];
    for (callback, policy, status, request, response) in cases {
        let name = format!("trap-{callback}-{policy:?}");
        let plugin = plugin(&name, &trapping(callback))
            .failure_policy(policy)
            .build()
            .unwrap();
        let answer = send(plugin.clone(), get(&[("x-trap", "1")])).await;
        assert_eq!(answer.status, status, "{name}");
        assert_eq!(answer.body, if status == 200 { "hello" } else { "" });
        let forwarded = answer.seen.as_ref().map(|_| answer.seen("x-request"));
        assert_eq!(forwarded, request, "{name}");
        assert_eq!(answer.header("x-response"), response, "{name}");
        assert_eq!(answer.seen("x-trapped"), "", "{name}: undone");
        assert_eq!(answer.header("x-trapped"), "", "{name}: undone");

        let failures = failures(&name);
        assert_eq!(failures.len(), 1, "{name}");
        assert_eq!(failures[0].level, tracing::Level::ERROR);
        assert_eq!(failures[0].field("callback"), callback);
        assert_eq!(
            failures[0].field("cause"),
            "wasm trap: wasm `unreachable` instruction executed"
        );
        marked_again(&plugin).await;
    }
}

/// The plugin takes part in requests again.
async fn marked_again(plugin: &LoomPlugin) {
    healed(plugin).await;
    super::support::eventually("a VM is there", || plugin.instances() == 1).await;
    let answer = send(plugin.clone(), get(&[])).await;
    assert_eq!(
        (answer.seen("x-request"), answer.header("x-response")),
        ("1", "1")
    );
}

#[tokio::test]
async fn the_plugins_before_it_see_the_failure_and_may_change_it() {
    let first = Guest::new().on_response(
        r#"(drop (call $get (i32.const 2) @":status" (i32.const 16) (i32.const 20)))
           (call $set (i32.const 2) @"x-status" (call $out) (call $out_len))
           (call $set (i32.const 2) @":status" @"299")"#,
    );
    let chain = LoomChain::new([
        load("trap-behind-1", &first),
        load("trap-behind-2", &trapping("proxy_on_request_headers")),
    ]);
    let answer = send(chain, get(&[("x-trap", "1")])).await;
    assert_eq!(answer.header("x-status"), "503");
    assert_eq!(answer.status, 299);
}

#[tokio::test]
async fn a_grpc_client_gets_a_grpc_failure() {
    let plugin = load("trap-grpc", &trapping("proxy_on_request_headers"));
    let request = get(&[("x-trap", "1"), ("content-type", "application/grpc+proto")]);
    let answer = send(plugin, request).await;
    assert_eq!(
        (answer.status, answer.header("grpc-status")),
        (StatusCode::OK, "14")
    );
}

/// Other streams of the VM end by the policy too, when they come to it again.
#[tokio::test]
async fn streams_that_share_the_vm() {
    for (policy, status, mark) in [
        (
            FailurePolicy::Closed,
            StatusCode::SERVICE_UNAVAILABLE,
            false,
        ),
        (FailurePolicy::Open, StatusCode::OK, false),
    ] {
        let plugin = plugin(
            &format!("trap-shared-{policy:?}"),
            &trapping("proxy_on_request_headers"),
        )
        .failure_policy(policy)
        .build()
        .unwrap();
        let (gate, reached) = (Arc::new(Semaphore::new(0)), Arc::new(Semaphore::new(0)));
        let inner = service_fn({
            let (gate, reached) = (Arc::clone(&gate), Arc::clone(&reached));
            move |_: Request<RequestBody<Full<Bytes>>>| {
                let (gate, reached) = (Arc::clone(&gate), Arc::clone(&reached));
                async move {
                    reached.add_permits(1);
                    gate.acquire().await.unwrap().forget();
                    Ok::<_, Infallible>(Response::new(Full::<Bytes>::from("hello")))
                }
            }
        });
        let waiting = tokio::spawn(plugin.layer(inner).oneshot(get(&[])));
        reached.acquire().await.unwrap().forget();
        send(plugin.clone(), get(&[("x-trap", "1")])).await;
        gate.add_permits(1);
        let response = waiting.await.unwrap().unwrap();
        assert_eq!(response.status(), status);
        assert_eq!(response.headers().contains_key("x-response"), mark);
    }
}

#[tokio::test]
async fn an_endless_loop_ends_by_its_deadline() {
    let guest = Guest::new()
        .on_request(r#"(if (call $has (i32.const 0) @"x-loop") (then (call $for_ever)))"#);
    let plugin = plugin("loop", &guest)
        .timeout(Duration::from_millis(50))
        .build()
        .unwrap();
    let begun = Instant::now();
    let answer = send(plugin.clone(), get(&[("x-loop", "1")])).await;
    let took = begun.elapsed();
    assert_eq!(answer.status, StatusCode::SERVICE_UNAVAILABLE);
    assert!(answer.seen.is_none());
    // The upper bound has room for a machine that is busy with something else.
    assert!(took >= Duration::from_millis(50), "{took:?}");
    assert!(took < Duration::from_secs(5), "{took:?}");
    let failures = failures("loop");
    let cause = failures[0].field("cause");
    assert!(cause.contains("and `timeout` is 50 ms"), "{cause}");
    healed(&plugin).await;
}

#[tokio::test]
async fn memory_that_is_refused() {
    let hog = r#"(loop $more (br_if $more (i32.ne (memory.grow (i32.const 16)) (i32.const -1))))"#;
    let copes = Guest::new().on_request(hog);
    let answer = send(
        plugin("hog-copes", &copes)
            .memory_limit(8 << 20)
            .build()
            .unwrap(),
        get(&[]),
    )
    .await;
    assert_eq!(answer.status, StatusCode::OK, "a refusal is no failure yet");

    let dies = Guest::new().on_request(&format!(
        r#"(if (call $has (i32.const 0) @"x-hog") (then {hog} unreachable))"#
    ));
    let plugin = plugin("hog-dies", &dies)
        .memory_limit(8 << 20)
        .build()
        .unwrap();
    let answer = send(plugin.clone(), get(&[("x-hog", "1")])).await;
    assert_eq!(answer.status, StatusCode::SERVICE_UNAVAILABLE);
    let failures = failures("hog-dies");
    let cause = failures[0].field("cause");
    assert!(
        cause.contains("bytes of memory and its limit is 8388608; raise `memory_limit`"),
        "{cause}"
    );
    healed(&plugin).await;
}

#[tokio::test]
async fn a_stack_overflow_is_a_trap() {
    let guest = Guest::new()
        .item("(func $deep (param i32) (result i32) (i32.add (call $deep (local.get 0)) (i32.const 1)))")
        .on_request(r#"(if (call $has (i32.const 0) @"x-deep") (then (drop (call $deep (i32.const 1)))))"#);
    let plugin = load("deep", &guest);
    let answer = send(plugin.clone(), get(&[("x-deep", "1")])).await;
    assert_eq!(answer.status, StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(
        failures("deep")[0].field("cause"),
        "stack overflow: it calls itself too deeply"
    );
    healed(&plugin).await;
}

#[tokio::test]
async fn a_crash_loop_is_slowed_down_and_then_stopped() {
    let plugin = load("crash-loop", &Guest::new().on_request("unreachable"));
    let opened = || {
        let lines = failures("crash-loop").into_iter();
        lines
            .filter(|line| line.message().contains("the breaker is open"))
            .collect::<Vec<_>>()
    };
    let mut after = 0;
    while after < 100 {
        let answer = send(plugin.clone(), get(&[])).await;
        assert_eq!(answer.status, StatusCode::SERVICE_UNAVAILABLE);
        assert!(answer.seen.is_none());
        tokio::time::sleep(Duration::from_millis(1)).await;
        after += usize::from(!opened().is_empty());
    }
    let opened = opened();
    assert_eq!(opened.len(), 1, "said once");
    assert_eq!(
        (opened[0].field("failures"), opened[0].field("rebuild_in")),
        ("6", "30s")
    );
    let waits: Vec<_> = failures("crash-loop")
        .iter()
        .filter(|line| line.message().contains("a plugin failed"))
        .map(|line| line.field("rebuild_in").to_owned())
        .collect();
    assert_eq!(waits, ["0ns", "100ms", "200ms", "400ms", "800ms", "30s"]);
}
