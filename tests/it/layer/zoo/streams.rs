//! What a plugin can do to a stream: hold it for ever, answer it many times, cut it, and take its head apart.

use loom_layer::FailurePolicy;

use super::animal::{Animal, Phase};
use super::{Outcome, everywhere};

/// What happens to a request that its plugin holds, answers or cuts: `early`, while the response's head is not out; in other
/// phases nothing.
fn ends(early: Outcome) -> impl Fn(Phase, FailurePolicy) -> Outcome {
    move |phase, _| match phase {
        phase if phase.is_late() => Outcome::Cut,
        phase if phase.is_in_stream() => early.clone(),
        _ => Outcome::Served,
    }
}

/// What only works while a head can be written: the request's or the response's.
fn only_in(phases: &'static [Phase], then: Outcome) -> impl Fn(Phase, FailurePolicy) -> Outcome {
    move |phase, _| {
        if phases.contains(&phase) {
            then.clone()
        } else {
            Outcome::Served
        }
    }
}

const NO_REQUEST: &str = "a plugin left a request without `:method` or `:path`";
const NO_RESPONSE: &str = "a plugin left a response without a `:status`";

const REQUEST: &[Phase] = &[Phase::Create, Phase::RequestHeaders];
const RESPONSE: &[Phase] = &[Phase::ResponseHeaders];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn reply_storm() {
    let does = "
        (loop $more
          (call $reply (i32.add (i32.const 403) (local.get $i)))
          (local.set $i (i32.add (local.get $i) (i32.const 1)))
          (br_if $more (i32.lt_u (local.get $i) (i32.const 100))))
        (i32.const 1)";
    let animal = Animal::new("reply-storm", does).says("proxy_send_local_response is ignored");
    everywhere(&animal, ends(Outcome::Answered(403))).await;
}

/// A reply whose headers, body and details would smuggle a header; only what is valid is left.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn reply_that_would_smuggle() {
    let does = r#"
        (drop (call $send (i32.const 403) @"why\0d\0ax-evil: 1" @"x-evil: 1"
          @"\02\00\00\00\03\00\00\00\0c\00\00\00\08\00\00\00\01\00\00\00x-a\00a\0d\0ax-evil: 1\00x-evil\0d\0a\001\00"
          (i32.const -1)))
        (i32.const 0)"#;
    everywhere(
        &Animal::new("reply-smuggles", does),
        ends(Outcome::Answered(403)),
    )
    .await;
}

/// Statuses that no final response has are refused.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn reply_with_a_nonsense_status() {
    let mut does = String::new();
    for status in [-1, 0, 99, 100, 101, 199, 600, 1000, i32::MIN] {
        does += &format!(
            "(if (i32.ne (call $send (i32.const {status}) (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0)
               (i32.const 0) (i32.const 0) (i32.const -1)) (i32.const 2)) (then unreachable))"
        );
    }
    let animal = Animal::new("reply-status", &format!("{does} (i32.const 0)"));
    everywhere(&animal, |_, _| Outcome::Served).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn close() {
    for stream in [0, 1] {
        let name = ["close-request", "close-response"][stream];
        let does = format!("(drop (call $close (i32.const {stream}))) (i32.const 0)");
        everywhere(&Animal::new(name, &does), ends(Outcome::Cut)).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn close_of_what_an_http_stream_has_not() {
    let does =
        "(drop (call $close (i32.const 2))) (drop (call $close (i32.const 3))) (i32.const 0)";
    everywhere(&Animal::new("close-other", does), |_, _| Outcome::Served).await;
}

/// A hold that nothing ends. The creation of a context cannot hold, and what a body callback holds the trailers' callback
/// lets go.
async fn holds(name: &'static str, action: i32) {
    let animal = Animal::new(name, &format!("(i32.const {action})"))
        .explained_by("a plugin held a stream for longer than its pause_timeout");
    everywhere(&animal, |phase, policy| match phase {
        Phase::Create | Phase::RequestBody | Phase::ResponseBody => Outcome::Served,
        _ => ends(Outcome::Answered(504))(phase, policy),
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn pause_for_ever() {
    holds("pause", 1).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn actions_that_do_not_exist() {
    holds("action-77", 77).await;
    holds("action-minus-one", -1).await;
}

/// A list of pairs that is none counts as empty, which leaves a head without what it needs.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nonsense_pairs() {
    for (name, pairs) in [
        ("pairs-noise", r#"@"this is no list of pairs""#),
        ("pairs-count", r#"@"\ff\ff\ff\ff""#),
        (
            "pairs-sizes",
            r#"@"\01\00\00\00\ff\ff\ff\7f\ff\ff\ff\7fx\00y\00""#,
        ),
        ("pairs-empty", r#"@"""#),
    ] {
        let does = format!("(drop (call $set_pairs (i32.const 0) {pairs})) (i32.const 0)");
        let animal = Animal::new(name, &does).explained_by(NO_REQUEST);
        everywhere(&animal, only_in(REQUEST, Outcome::Answered(503))).await;
    }
    let does = r#"(drop (call $set_pairs (i32.const 2) @"noise")) (i32.const 0)"#;
    let animal = Animal::new("pairs-response", does).explained_by(NO_RESPONSE);
    everywhere(&animal, only_in(RESPONSE, Outcome::Answered(502))).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_head_without_what_it_needs() {
    for (name, header) in [("no-path", ":path"), ("no-method", ":method")] {
        let does = format!(r#"(drop (call $remove (i32.const 0) @"{header}")) (i32.const 0)"#);
        let animal = Animal::new(name, &does).explained_by(NO_REQUEST);
        everywhere(&animal, only_in(REQUEST, Outcome::Answered(503))).await;
    }
    let does = r#"(drop (call $remove (i32.const 2) @":status")) (i32.const 0)"#;
    let animal = Animal::new("no-status", does).explained_by(NO_RESPONSE);
    everywhere(&animal, only_in(RESPONSE, Outcome::Answered(502))).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_status_that_is_none() {
    for (name, status) in [
        ("status-0", "0"),
        ("status-99", "99"),
        ("status-101", "101"),
        ("status-1000", "1000"),
        ("status-abc", "abc"),
        ("status-empty", ""),
        ("status-crlf", r"200\0d\0ax-evil: 1"),
    ] {
        let does =
            format!(r#"(drop (call $replace (i32.const 2) @":status" @"{status}")) (i32.const 0)"#);
        let animal = Animal::new(name, &does).explained_by(NO_RESPONSE);
        everywhere(&animal, only_in(RESPONSE, Outcome::Answered(502))).await;
    }
}

/// A length that the body does not have: the plugin sees the body, so it is held to its word.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn content_length_lies() {
    for (name, length, map, phases) in [
        ("length-request-short", "1", 0, REQUEST),
        ("length-request-long", "999", 0, REQUEST),
        ("length-response-short", "1", 2, RESPONSE),
        ("length-response-long", "999", 2, RESPONSE),
    ] {
        let does = format!(
            r#"(drop (call $replace (i32.const {map}) @"content-length" @"{length}")) (i32.const 0)"#
        );
        let animal = Animal::new(name, &does).explained_by(
            "a plugin changed the length of a body whose content-length was on its way",
        );
        everywhere(&animal, only_in(phases, Outcome::Cut)).await;
    }
}

/// What is no length at all, and a framing that is not the plugin's business, is left out.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn framing_nonsense() {
    let mut does = String::new();
    for map in [0, 2] {
        for (name, value) in [
            ("content-length", "abc"),
            ("content-length", "-1"),
            ("content-length", "1, 2"),
            ("transfer-encoding", "chunked"),
            ("transfer-encoding", "chunked, chunked"),
        ] {
            does += &format!(r#"(drop (call $add (i32.const {map}) @"{name}" @"{value}"))"#);
        }
    }
    let animal = Animal::new("framing", &format!("{does} (i32.const 0)"));
    everywhere(&animal, |_, _| Outcome::Served).await;
}
