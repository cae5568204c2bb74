//! `cors`.

use std::net::SocketAddr;

use super::super::support::{Upstream, address, start};
use super::{echo, everywhere, exchange, header, status};
use crate::gateway::keys::shows;
use http::Response;

shows! {
    ["routes[].cors", "defaults.cors"]: "origins" or "https://other.example", "methods", "headers", "expose_headers", "credentials", "max_age"
        => a_browser_is_told_what_a_page_may_do;
}

const CORS: &str = "cors: {origins: [https://a.example, 'https://*.b.example'], methods: [GET, PUT], headers: [x-token], expose_headers: [x-total], credentials: true, max_age: 10m}";

#[tokio::test]
async fn a_browser_is_told_what_a_page_may_do() {
    // Nobody behind it is asked.
    let gone = super::super::support::refused_address().await;
    for (of_route, of_all) in everywhere(CORS) {
        let gateway = start(&format!(
            "defaults: {{{of_all}}}
routes: [{{id: all, path: '/*', upstream: up, methods: [GET, PUT], {of_route}}}]
upstreams: [{{name: up, endpoints: '{gone}'}}]"
        ))
        .await;
        a_browser_is_told(address(&gateway)).await;
    }
}

async fn a_browser_is_told(gateway: SocketAddr) {
    let ask = "origin: https://x.b.example\r\naccess-control-request-method: PUT\r\naccess-control-request-headers: x-token\r\n";
    let told = exchange(gateway, "OPTIONS /", ask).await;
    assert_eq!(status(&told), "200", "{told}");
    for (name, value) in [
        ("access-control-allow-origin", Some("https://x.b.example")),
        ("access-control-allow-methods", Some("GET,PUT")),
        ("access-control-allow-headers", Some("x-token")),
        ("access-control-allow-credentials", Some("true")),
        ("access-control-max-age", Some("600")),
        ("access-control-expose-headers", None),
        ("vary", Some("origin")),
    ] {
        assert_eq!(header(&told, name), value, "{name}: {told}");
    }
    let ask = ask.replace("https://x.b.example", "https://evil.example");
    let told = exchange(gateway, "OPTIONS /", &ask).await;
    assert_eq!(header(&told, "access-control-allow-origin"), None, "{told}");
    // A method that no route takes is no method of this one.
    let ask = ask.replace("PUT", "DELETE");
    let told = exchange(gateway, "OPTIONS /", &ask).await;
    assert_eq!(status(&told), "404", "{told}");
    // What a page may read is said of the response itself.
    let failed = exchange(gateway, "GET /", "origin: https://a.example\r\n").await;
    let exposed = header(&failed, "access-control-expose-headers");
    assert_eq!(exposed, Some("x-total"), "{failed}");
}

#[tokio::test]
async fn a_page_may_read_responses_and_refusals() {
    let upstream = Upstream::bind().await.serve(|_| async {
        Response::builder()
            .header("access-control-allow-origin", "https://upstream.example")
            .header("access-control-expose-headers", "x-secret")
            .header("vary", "accept")
            .body(super::super::support::full("hello"))
            .expect("a response")
    });
    let gateway = start(&format!(
        "routes:
  - {{id: all, path: '/*', upstream: up, {CORS}}}
  - {{id: small, path: '/small', upstream: up, max_body: 1, {CORS}}}
  - {{id: once, path: '/once', upstream: up, rate_limit: {{requests: 1, per: 1h}}, {CORS}}}
upstreams: [{{name: up, endpoints: '{upstream}'}}]"
    ))
    .await;
    let address = address(&gateway);
    for (line, headers, wanted) in [
        ("GET /", "", "200"),
        ("POST /small", "content-length: 2\r\n", "413"),
        ("GET /once", "", "200"),
        ("GET /once", "", "429"),
    ] {
        let headers = format!("origin: https://a.example\r\n{headers}");
        let response = exchange(address, line, &headers).await;
        assert_eq!(status(&response), wanted, "{response}");
        let allowed = header(&response, "access-control-allow-origin");
        assert_eq!(allowed, Some("https://a.example"), "{line}: {response}");
        let exposed = header(&response, "access-control-expose-headers");
        assert_eq!(exposed, Some("x-total"), "{line}: {response}");
    }
    let other = exchange(address, "GET /", "origin: https://evil.example\r\n").await;
    assert_eq!(status(&other), "200");
    assert!(!other.contains("access-control-allow-origin"), "{other}");
    assert!(
        other.contains("vary: accept\r\n") && other.contains("vary: origin\r\n"),
        "{other}"
    );
}

#[tokio::test]
async fn an_options_that_is_no_question_of_a_browser_passes() {
    let gateway = start(&echo("cors: {origins: '*'}", "")).await;
    let response = exchange(address(&gateway), "OPTIONS /", "origin: https://a\r\n").await;
    assert!(response.contains("\"method\":\"OPTIONS\""), "{response}");
    assert_eq!(header(&response, "access-control-allow-origin"), Some("*"));
}

#[tokio::test]
async fn all_is_allowed_where_the_file_says_so() {
    let keys = "cors: {origins: https://a.example, methods: '*', headers: '*', credentials: true}";
    let gateway = start(&echo(keys, "")).await;
    let ask = "origin: https://a.example\r\naccess-control-request-method: PATCH\r\naccess-control-request-headers: x-b\r\n";
    let told = exchange(address(&gateway), "OPTIONS /", ask).await;
    // By name, since a `*` beside credentials is only a name.
    assert_eq!(header(&told, "access-control-allow-methods"), Some("PATCH"));
    assert_eq!(header(&told, "access-control-allow-headers"), Some("x-b"));
}
