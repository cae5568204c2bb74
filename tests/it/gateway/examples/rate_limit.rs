//! `rate-limit`.

use futures_util::future::join_all;
use http::StatusCode;

use super::Example;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn lets_exactly_the_burst_through_however_many_workers_count() {
    let changes = [
        ("listeners:", "workers: 4\nlisteners:"),
        // No place comes back while the test runs.
        ("requests_per_second: 5", "requests_per_second: 0.001"),
        ("burst: 10", "burst: 50"),
    ];
    let Some(example) = Example::start_with("rate-limit", &changes).await else {
        return;
    };
    let answers = join_all((0..300).map(|_| example.get("/"))).await;
    let passed = answers.iter().filter(|a| a.status == StatusCode::OK);
    assert_eq!(passed.count(), 50);
    for refused in answers.iter().filter(|a| a.status != StatusCode::OK) {
        assert_eq!(refused.status, StatusCode::TOO_MANY_REQUESTS);
        assert_eq!(refused.header("content-type"), "application/json");
        assert_eq!(refused.body, r#"{"error":"too many requests"}"#);
        // The next place comes back after 1000 seconds.
        let wait: u32 = refused.header("retry-after").parse().expect("seconds");
        assert!((900..=1000).contains(&wait), "{wait}");
    }
}

#[tokio::test]
async fn a_place_comes_back_with_time_and_numbers_of_a_route_count_for_themselves() {
    let changes = [
        ("burst: 10", "burst: 1"),
        (
            "    plugins: [rate-limit]\n    upstream: echo\n",
            "    plugins: [rate-limit]\n    upstream: echo\n  \
             - id: own\n    path: /own\n    \
             plugins: [{plugin: rate-limit, config: {requests_per_second: 0.1, burst: 2}}]\n    upstream: echo\n",
        ),
    ];
    let Some(example) = Example::start_with("rate-limit", &changes).await else {
        return;
    };
    assert_eq!(example.get("/").await.status, StatusCode::OK);
    // Five per second: a place every 200 ms. The test waits for it, however long that takes.
    while example.get("/").await.status != StatusCode::OK {}
    let own = [
        example.get("/own").await.status,
        example.get("/own").await.status,
        example.get("/own").await.status,
    ];
    let limited = StatusCode::TOO_MANY_REQUESTS;
    assert_eq!(own, [StatusCode::OK, StatusCode::OK, limited]);
}
