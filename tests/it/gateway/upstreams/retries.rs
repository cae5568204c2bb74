//! Requests that are sent once more.

use std::sync::atomic::Ordering;
use std::time::Duration;

use http::Response;
use loom_gateway::Running;

use super::super::support::{
    Raw, Upstream, address, full, read_head, refused_address, start, within,
};
use super::{Server, answer, counts, get};
use crate::gateway::keys::shows;

shows! {
    ["routes[].retry", "defaults.retry"]: "attempts", "when", "budget" => the_last_answer_is_given_when_tries_are_used_up;
    ["routes[].retry", "defaults.retry"]: "max_body" => a_body_is_sent_again_up_to_a_size;
    ["routes[].retry", "defaults.retry"]: "back_off" or "0s" => pauses_are_made_and_grow;
}

/// Routes with these rules of their own, and of all routes, to one upstream with these keys.
fn everywhere(rules: &str, upstream: &str) -> [String; 2] {
    let of_all = format!("defaults: {{retry: {{{rules}}}}}\n{}", super::to(upstream));
    [retrying(rules, upstream), of_all]
}

/// A route with these rules, to one upstream with these keys.
fn retrying(rules: &str, upstream: &str) -> String {
    format!(
        "routes: [{{id: all, path: '/*', upstream: a, retry: {{{rules}}}}}]\nupstreams: [{{name: a, {upstream}}}]"
    )
}

async fn post(connection: &mut Raw, method: &str, body: &str) -> String {
    let length = body.len();
    let request =
        format!("{method} / HTTP/1.1\r\nhost: a\r\ncontent-length: {length}\r\n\r\n{body}");
    connection.send(request).await;
    connection.response().await
}

#[tokio::test]
async fn another_server_is_tried() {
    let (well, ill) = (Server::start("well").await, Server::start("ill").await);
    ill.status.store(503, Ordering::Relaxed);
    let refused = refused_address().await;
    let upstream = format!(
        "endpoints: ['{refused}', '{}', '{}']",
        ill.address, well.address
    );
    let gateway = start(&retrying(
        "attempts: 3, when: [connect_failure, 503]",
        &upstream,
    ))
    .await;
    let mut connection = Raw::connect(address(&gateway)).await;
    assert_eq!(counts(&mut connection, 30).await["well"], 30);
    assert_eq!(well.requests(), 30);

    // Without rules each of them is met.
    let gateway = start(&super::to(&upstream)).await;
    let mut connection = Raw::connect(address(&gateway)).await;
    let mut statuses = Vec::new();
    for _ in 0..3 {
        statuses.push(answer(&mut connection, "/", "").await.0);
    }
    assert_eq!(statuses, [502, 503, 200]);
}

#[tokio::test]
async fn the_last_answer_is_given_when_tries_are_used_up() {
    let ill = Server::start("ill").await;
    ill.status.store(503, Ordering::Relaxed);
    let upstream = format!("endpoints: '{}'", ill.address);
    for (rules, tries) in [
        ("attempts: 4, when: 503", 4),
        ("when: 503", 2),
        ("attempts: 4, when: [reset, 502]", 1),
        ("attempts: 4, when: 503, budget: 0%", 1),
    ] {
        for yaml in everywhere(rules, &upstream) {
            let before = ill.requests();
            let gateway = start(&yaml).await;
            let mut connection = Raw::connect(address(&gateway)).await;
            let response = answer(&mut connection, "/", "").await;
            assert_eq!(response, (503, "ill".to_owned()));
            assert_eq!(ill.requests() - before, tries, "{yaml}");
        }
    }
}

#[tokio::test]
async fn only_what_is_safe_is_repeated() {
    let ill = Server::start("ill ").await;
    ill.status.store(503, Ordering::Relaxed);
    let upstream = format!("endpoints: '{}'", ill.address);
    let rules = "attempts: 3, when: [connect_failure, reset, timeout, 503]";
    let gateway = start(&retrying(rules, &upstream)).await;
    let mut connection = Raw::connect(address(&gateway)).await;
    for (method, tries) in [("POST", 1), ("PATCH", 1), ("PUT", 3), ("DELETE", 3)] {
        let before = ill.requests();
        let response = post(&mut connection, method, "body").await;
        assert!(response.ends_with("ill body"), "{response}");
        assert_eq!(ill.requests() - before, tries, "{method}");
    }

    // Of what met no connection nothing was sent, whatever it is.
    let well = Server::start("well ").await;
    let refused = refused_address().await;
    let upstream = format!("endpoints: ['{refused}', '{}']", well.address);
    let gateway = start(&retrying(rules, &upstream)).await;
    let mut connection = Raw::connect(address(&gateway)).await;
    for _ in 0..4 {
        assert!(
            post(&mut connection, "POST", "body")
                .await
                .ends_with("well body")
        );
    }
    assert_eq!(well.requests(), 4);
}

#[tokio::test]
async fn a_body_is_sent_again_up_to_a_size() {
    let ill = Server::start("").await;
    ill.status.store(503, Ordering::Relaxed);
    let upstream = format!("endpoints: '{}'", ill.address);
    for (rules, length, tries) in [
        ("when: 503", 64 * 1024, 2),
        ("when: 503", 64 * 1024 + 1, 1),
        ("when: 503, max_body: 1KiB", 1024, 2),
        ("when: 503, max_body: 1KiB", 1025, 1),
    ] {
        for yaml in everywhere(rules, &upstream) {
            let before = ill.requests();
            let gateway = start(&yaml).await;
            let mut connection = Raw::connect(address(&gateway)).await;
            let body = "x".repeat(length);
            let response = post(&mut connection, "PUT", &body).await;
            // The server answers with what it got: all of it, each time.
            let whole = response.ends_with(&format!("\r\n\r\n{body}"));
            assert!(whole, "{}", response.len());
            assert_eq!(ill.requests() - before, tries, "{length}: {yaml}");
        }
    }
}

#[tokio::test]
async fn what_ends_or_takes_too_long() {
    for (when, answers) in [("reset", true), ("timeout", false)] {
        let (bad, well) = (Upstream::bind().await, Upstream::bind().await);
        let upstream = format!(
            "endpoints: ['{}', '{}'], timeouts: {{per_try: 100ms}}",
            bad.address(),
            well.address()
        );
        well.say("well");
        tokio::spawn(async move {
            let mut silent = Vec::new();
            loop {
                let mut stream = bad.accept().await;
                read_head(&mut stream).await;
                if !answers {
                    silent.push(stream);
                }
            }
        });
        let gateway = start(&retrying(&format!("when: {when}"), &upstream)).await;
        let mut connection = Raw::connect(address(&gateway)).await;
        assert_eq!(counts(&mut connection, 4).await["well"], 4, "{when}");

        let gateway = start(&retrying("when: connect_failure", &upstream)).await;
        let mut connection = Raw::connect(address(&gateway)).await;
        let mut failed = 0;
        for _ in 0..4 {
            failed += usize::from(answer(&mut connection, "/", "").await.0 != 200);
        }
        assert_eq!(failed, 2, "{when}");
    }
}

#[tokio::test]
async fn pauses_are_made_and_grow() {
    let ill = Server::start("ill").await;
    ill.status.store(503, Ordering::Relaxed);
    let upstream = format!("endpoints: '{}'", ill.address);
    for yaml in everywhere("attempts: 3, when: 503, back_off: 400ms", &upstream) {
        let gateway = start(&yaml).await;
        let mut connection = Raw::connect(address(&gateway)).await;
        let begun = std::time::Instant::now();
        answer(&mut connection, "/", "").await;
        // At least half of 400 and of 800.
        let took = begun.elapsed();
        assert!(took >= Duration::from_millis(600), "{took:?}: {yaml}");
    }
}

#[tokio::test]
async fn a_budget_bounds_what_is_added() {
    const REQUESTS: usize = 40;
    let gate = std::sync::Arc::new(tokio::sync::Barrier::new(REQUESTS));
    let seen = std::sync::Arc::new(std::sync::atomic::AtomicUsize::new(0));
    let counted = std::sync::Arc::clone(&seen);
    // All requests are there before any of them fails.
    let upstream = Upstream::bind().await.serve(move |_| {
        let (gate, number) = (gate.clone(), counted.fetch_add(1, Ordering::Relaxed));
        async move {
            if number < REQUESTS {
                gate.wait().await;
            }
            let mut response = Response::new(full("ill"));
            *response.status_mut() = http::StatusCode::SERVICE_UNAVAILABLE;
            response
        }
    });
    // The pause is longer than the others need to ask too.
    let rules = "attempts: 2, when: 503, budget: 25%, back_off: 2s";
    let gateway = start(&retrying(rules, &format!("endpoints: '{upstream}'"))).await;
    let requests = (0..REQUESTS).map(|_| async {
        let mut connection = Raw::connect(address(&gateway)).await;
        answer(&mut connection, "/", "").await.0
    });
    let statuses = within(futures_util::future::join_all(requests)).await;
    assert_eq!(statuses, [503; REQUESTS]);
    // A quarter of those that were under way, which became fewer while some were answered.
    let repeated = seen.load(Ordering::Relaxed) - REQUESTS;
    assert!((3..=10).contains(&repeated), "{repeated}");
}

#[tokio::test]
async fn no_request_fails_while_servers_come_and_go() {
    let mut servers = [
        Server::start("0").await,
        Server::start("1").await,
        Server::start("2").await,
    ];
    let [one, two, three] = [0, 1, 2].map(|server: usize| servers[server].address);
    let gateway = start(&retrying(
        "attempts: 4, when: [connect_failure, reset], budget: 100%",
        &format!(
            "endpoints: ['{one}', '{two}', '{three}'], health_check: {{interval: 100ms, healthy_threshold: 1}}, outlier_detection: {{consecutive_errors: 2, base_ejection: 100ms}}"
        ),
    ))
    .await;
    let stop = std::sync::Arc::new(std::sync::atomic::AtomicBool::new(false));
    let clients: Vec<_> = (0..8)
        .map(|_| tokio::spawn(client(address(&gateway), std::sync::Arc::clone(&stop))))
        .collect();
    for turn in 0..6 {
        let server = &mut servers[turn % 3];
        // Each of them has work before it ends, and again after it came back.
        let before = server.requests();
        busy(&gateway, server, before + 20).await;
        server.stop().await;
        tokio::time::sleep(Duration::from_millis(50)).await;
        server.restart().await;
        let before = server.requests();
        busy(&gateway, server, before + 20).await;
    }
    stop.store(true, Ordering::Relaxed);
    for client in clients {
        let requests = within(client).await.expect("no failed request");
        assert!(requests > 20);
    }
}

/// Sends one request after the other, each of which has to succeed.
async fn client(
    gateway: std::net::SocketAddr,
    stop: std::sync::Arc<std::sync::atomic::AtomicBool>,
) -> usize {
    let mut connection = Raw::connect(gateway).await;
    let mut requests = 0;
    while !stop.load(Ordering::Relaxed) {
        get(&mut connection, "/", "").await;
        requests += 1;
    }
    requests
}

/// Waits until the server has got so many requests.
async fn busy(gateway: &Running, server: &Server, requests: usize) {
    super::until(gateway, |_| server.requests() >= requests).await;
}
