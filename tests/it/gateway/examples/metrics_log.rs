//! `metrics-log`.

use http::Request;

use super::Example;

#[tokio::test]
async fn logs_each_request_and_the_totals() {
    let changes = [
        ("report_seconds: 10", "report_seconds: 1"),
        (
            "    upstream: echo\n\nupstreams:",
            "    upstream: echo\n  - {id: gone, path: /gone, plugins: [metrics-log], upstream: gone}\n\n\
             upstreams:\n  - {name: gone, endpoints: '127.0.0.1:1'}",
        ),
    ];
    let Some(mut example) = Example::start_with("metrics-log", &changes).await else {
        return;
    };
    example.send(Request::post("/cart?x=1"), "two").await;
    let line = example.loom.line("/cart").await;
    assert!(line.contains("POST /cart: 200, "), "{line}");
    example.get("/gone").await;
    let line = example.loom.line("/gone").await;
    assert!(line.contains("GET /gone: 502, "), "{line}");
    let line = example.loom.line("in all 2 requests").await;
    assert!(line.contains("1 of them errors"), "{line}");
}
